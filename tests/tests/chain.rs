//! Loading plugins, and chains of the shipped ones. `cargo xtask guests` builds them.

use std::path::Path;
use tidegate::guests::{
    Answer, Chain, ChainError, Engine, LoadError, Member, Members, OnMalformed, Plugin, PluginKind,
    PluginSettings, Source, builtins,
};
use tidegate::model::Facts;
use tidegate_tests::plugins::{self, built};

/// With the name that the tests look for.
fn settings(source: Source, config: serde_json::Value) -> PluginSettings {
    PluginSettings {
        name: "tested".into(),
        config,
        ..plugins::settings(source)
    }
}

fn shipped(name: &str) -> PluginSettings {
    settings(
        Source::File(built("plugins", name)),
        serde_json::Value::Null,
    )
}

fn member(engine: &Engine, name: &str) -> Member {
    plugins::member(engine, &shipped(name))
}

fn run(chain: &mut Chain, lines: &[&str]) -> Answer {
    let raw = plugins::raw(lines);
    let facts = Facts {
        wanted: Vec::new(),
        group: "g".into(),
    };
    let columns = facts.columns(&raw);
    chain.run(&raw, columns).unwrap()
}

fn bodies(answer: &Answer) -> Vec<String> {
    let c = &answer.columns;
    (0..c.len())
        .map(|r| String::from_utf8_lossy(c.bytes(&c.body, r)).into_owned())
        .collect()
}

fn attributes(answer: &Answer, record: usize) -> Vec<String> {
    let c = &answer.columns;
    let key = |a: usize| String::from_utf8_lossy(c.bytes(&c.key, a)).into_owned();
    c.attributes(record).map(key).collect()
}

/// *Scenario:* two parsers over lines of which each takes some, and a broken one.
/// *Guarantees:* records come in the order of the lines, whichever parser took them; each has its parser's time, and
/// Kafka's time is no event's.
#[test]
fn parsers_are_offered_what_others_refused() {
    let engine = Engine::new(None).unwrap();
    let parse = ["parse-json", "parse-plain"]
        .map(|n| member(&engine, n))
        .to_vec();
    let offered = parse[1].metrics.records_in.clone();
    let mut chain = Chain::new(&Members {
        parse,
        ..Members::default()
    })
    .unwrap();
    let answer = run(
        &mut chain,
        &[
            "plain one",
            r#"{"ts":"2026-11-21T03:12:45.123Z","msg":"json one","user":"é"}"#,
            "plain two",
            r#"{"ts":"2026-11-21T03:12:46Z","msg":"json two","user":"u"}"#,
        ],
    );
    assert_eq!(
        bodies(&answer),
        ["plain one", "json one", "plain two", "json two"]
    );
    assert_eq!(answer.input, [0, 1, 2, 3]);
    assert_eq!(answer.columns.seconds, [0, 1_795_230_765, 0, 1_795_230_766]);
    assert_eq!(attributes(&answer, 1), ["user"]);
    assert_eq!(offered.get(), 2);
    assert_eq!((answer.dropped, answer.dead.len()), (0, 0));
}

/// *Scenario:* an outer parser gives inner lines on, and does not know some lines.
/// *Guarantees:* an inner line has the outer time and attributes where its parser found none; what the outer
/// parser does not know passes unchanged.
#[test]
fn inner_records_inherit_from_their_container() {
    let engine = Engine::new(None).unwrap();
    let members = Members {
        unwrap: vec![member(&engine, "parse-json")],
        parse: vec![member(&engine, "parse-plain")],
        ..Members::default()
    };
    let mut chain = Chain::new(&members).unwrap();
    let lines = [
        r#"{"ts":"2026-11-21T03:12:45Z","msg":"WARN inner line","pod":"p-1"}"#,
        "bare line",
    ];
    let answer = run(&mut chain, &lines);
    assert_eq!(answer.columns.seconds, [1_795_230_765, 0]);
    assert_eq!(attributes(&answer, 0), ["pod"]);
    assert!(attributes(&answer, 1).is_empty());
    assert_eq!(answer.input, [0, 1]);
}

/// *Scenario:* one parser, which takes none of the lines.
/// *Guarantees:* they go to the dead letters in its name, and nothing else comes out.
#[test]
fn what_no_parser_takes_is_dead() {
    let engine = Engine::new(None).unwrap();
    let parse = vec![member(&engine, "parse-json")];
    let mut chain = Chain::new(&Members {
        parse,
        ..Members::default()
    })
    .unwrap();
    let answer = run(&mut chain, &["plain", "also plain"]);
    assert!(answer.columns.is_empty());
    assert_eq!(answer.dead.len(), 2);
    for (_, dead) in &answer.dead {
        assert_eq!(&*dead.by, "tested");
        assert!(dead.reason.starts_with("no parser took it"), "{dead:?}");
    }
}

/// *Scenario:* lines that a parser calls its own but malformed, with another parser behind it, as configured by
/// default and with `on_malformed: next_parser`; at the end of the chain nobody is behind it.
/// *Guarantees:* by default they are dead letters; offered on, the next parser has them, unless there is none: then
/// the reason says what the first one said.
#[test]
fn malformed_records_go_where_the_configuration_says() {
    let engine = Engine::new(None).unwrap();
    let lines = ["{\"msg\":\"whole\"}", "{\"msg\":\"cut", "plain"];
    let run_with = |on_malformed, parsers: &[&str]| {
        let with = |name: &&str| {
            let settings = PluginSettings {
                on_malformed,
                ..shipped(name)
            };
            plugins::member(&engine, &settings)
        };
        let parse = parsers.iter().map(with).collect();
        let mut chain = Chain::new(&Members {
            parse,
            ..Members::default()
        })
        .unwrap();
        run(&mut chain, &lines)
    };
    let both = ["parse-json", "parse-plain"];
    let by_default = run_with(OnMalformed::DeadLetter, &both);
    assert_eq!(bodies(&by_default), ["whole", "plain"]);
    assert_eq!(by_default.dead.len(), 1);
    let offered = run_with(OnMalformed::NextParser, &both);
    assert_eq!(bodies(&offered), ["whole", "{\"msg\":\"cut", "plain"]);
    assert!(offered.dead.is_empty());
    let alone = run_with(OnMalformed::NextParser, &["parse-json"]);
    assert_eq!(bodies(&alone), ["whole"]);
    let reason = &alone.dead[0].1.reason;
    assert!(
        reason.starts_with("no parser took it") && reason.contains("unterminated string"),
        "{reason}"
    );
}

/// *Scenario:* a pipeline without parsers and plugins.
/// *Guarantees:* records go on as they are, without Kafka's time as theirs.
#[test]
fn an_empty_chain_passes_records_on() {
    let mut chain = Chain::new(&Members::default()).unwrap();
    let answer = run(&mut chain, &["a", "b"]);
    assert_eq!(bodies(&answer), ["a", "b"]);
    assert_eq!(answer.columns.seconds, [0, 0]);
}

/// *Scenario:* a configuration with two mistakes.
/// *Guarantees:* both are reported at once, each with its place.
#[test]
fn a_wrong_configuration_is_reported_whole() {
    let engine = Engine::new(None).unwrap();
    let config = serde_json::json!({"time": "ts", "level": [7]});
    let loaded = Plugin::load(
        &engine,
        &settings(Source::File(built("plugins", "parse-json")), config),
    );
    let Err(LoadError::Config { violations, .. }) = loaded else {
        panic!("{loaded:?}")
    };
    let pointers: Vec<_> = violations.iter().map(|v| v.pointer.as_str()).collect();
    assert!(
        pointers.contains(&"/time") && pointers.contains(&"/level/0"),
        "{violations:?}"
    );
}

/// *Scenario:* a plugin as a component rather than a core module, and files that are no plugins.
/// *Guarantees:* the first works alike; the others are refused with what is wrong.
#[test]
fn components_are_loaded_and_other_files_refused() {
    let engine = Engine::new(None).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("parser.wasm");
    std::fs::write(&path, component(&built("test-plugins", "trap"))).unwrap();
    let plugin = Plugin::load(
        &engine,
        &settings(Source::File(path.clone()), serde_json::Value::Null),
    )
    .unwrap();
    assert_eq!(
        (plugin.kind(), &*plugin.description().name),
        (PluginKind::Parser, "trap")
    );

    let refused = |bytes: &[u8]| {
        std::fs::write(&path, bytes).unwrap();
        let loaded = Plugin::load(
            &engine,
            &settings(Source::File(path.clone()), serde_json::Value::Null),
        );
        loaded.unwrap_err().to_string()
    };
    assert!(refused(b"#!/bin/sh").contains("not WebAssembly"));
    assert!(refused(b"\0asm\x01\0\0\0").contains("exports none of"));
    std::fs::remove_file(&path).unwrap();
    let missing = Plugin::load(
        &engine,
        &settings(Source::File(path), serde_json::Value::Null),
    );
    assert!(missing.unwrap_err().to_string().starts_with("cannot read"));
}

/// A component of a core module, made as other tools make it.
fn component(core: &Path) -> Vec<u8> {
    let wit = plugins::root().join("wit");
    let mut resolve = wit_parser::Resolve::default();
    let (package, _) = resolve.push_dir(wit).unwrap();
    let world = resolve.select_world(&[package], Some("parsing")).unwrap();
    let mut module = std::fs::read(core).unwrap();
    let utf8 = wit_component::StringEncoding::UTF8;
    wit_component::embed_component_metadata(&mut module, &resolve, world, utf8).unwrap();
    wit_component::ComponentEncoder::default()
        .module(&module)
        .unwrap()
        .encode()
        .unwrap()
}

/// *Scenario:* an enricher stands among the parsers.
/// *Guarantees:* no chain is made, and the message names the plugin, the place and both kinds.
#[test]
fn a_plugin_in_the_wrong_place_is_refused() {
    let engine = Engine::new(None).unwrap();
    let parse = vec![member(&engine, "enrich-static")];
    let refused = Chain::new(&Members {
        parse,
        ..Members::default()
    })
    .unwrap_err();
    assert!(matches!(refused, ChainError::Kind { .. }));
    let message = refused.to_string();
    assert!(
        ["tested", "parse", "enricher", "parser"]
            .iter()
            .all(|w| message.contains(w)),
        "{message}"
    );
}

/// *Scenario:* a plugin needs more memory than it is granted.
/// *Guarantees:* it is refused at load, with the limit as the reason.
#[test]
fn a_plugin_that_is_too_large_for_its_memory_is_refused() {
    let engine = Engine::new(None).unwrap();
    let mut settings = shipped("parse-json");
    settings.limits.memory = 64 << 10;
    let refused = Plugin::load(&engine, &settings).unwrap_err().to_string();
    assert!(refused.contains("memory limit"), "{refused}");
}

/// *Scenario:* the shipped plugins, where this binary has any.
/// *Guarantees:* each loads by its name, and says the name that it is shipped under.
#[test]
fn shipped_plugins_load_by_name() {
    let engine = Engine::new(None).unwrap();
    for (name, bytes) in builtins() {
        assert!(!bytes.is_empty());
        let source = Source::Builtin((*name).to_owned());
        let said = Plugin::describe(
            &engine,
            &source,
            &settings(source.clone(), serde_json::Value::Null).limits,
        )
        .unwrap();
        assert_eq!(said.name, *name);
    }
}
