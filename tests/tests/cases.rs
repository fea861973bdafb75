//! The cases of every shipped plugin, through the real host: input lines, expected OTLP JSON.

use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tidegate::encode::{JsonOptions, json};
use tidegate::guests::{Answer, Chain, Engine, Member, Members, PluginKind, Source};
use tidegate::model::Facts;
use tidegate_tests::plugins::{self, root};

/// *Scenario:* every case of every plugin: its lines, and its configuration where it has one, through the compiled
/// plugin in the real host; enrichers behind `parse-json`.
/// *Guarantees:* the records that come out, and what is refused and why, are those written down by hand.
#[test]
fn every_case_of_every_plugin_gives_what_is_written() {
    let engine = Engine::new(None).expect("an engine");
    let mut run = BTreeMap::new();
    for plugin in with_cases() {
        let name = plugin
            .file_name()
            .expect("a name")
            .to_string_lossy()
            .into_owned();
        for input in files(&plugin.join("cases"), "in") {
            case(&engine, &name, &input);
            *run.entry(name.clone()).or_insert(0) += 1;
        }
    }
    for plugin in with_cases() {
        let name = plugin
            .file_name()
            .expect("a name")
            .to_string_lossy()
            .into_owned();
        assert!(
            run.get(&name).is_some_and(|cases| *cases >= 2),
            "{name} has fewer than 2 cases"
        );
    }
}

/// Plugins whose answer is records. Scorers and detectors are tested beside their code, over streams.
fn with_cases() -> Vec<PathBuf> {
    let gives_records = |plugin: &PathBuf| {
        let name = plugin.file_name().expect("a name").to_string_lossy();
        name.starts_with("parse-") || name.starts_with("enrich-")
    };
    let all = folders(&root().join("plugins"));
    all.into_iter().filter(gives_records).collect()
}

fn folders(of: &Path) -> Vec<PathBuf> {
    let all = std::fs::read_dir(of)
        .expect("a folder")
        .map(|e| e.expect("an entry").path());
    all.filter(|p| p.join("Cargo.toml").is_file()).collect()
}

fn files(of: &Path, ending: &str) -> Vec<PathBuf> {
    let all = std::fs::read_dir(of)
        .expect("a folder of cases")
        .map(|e| e.expect("an entry").path());
    all.filter(|p| p.extension().is_some_and(|e| e == ending))
        .collect()
}

fn case(engine: &Engine, name: &str, input: &Path) {
    let beside = |ending: &str| std::fs::read(input.with_extension(ending)).unwrap_or_default();
    let config = String::from_utf8(beside("config.yaml")).expect("a configuration is text");
    let lines = beside("in");
    let lines: Vec<&[u8]> = lines
        .strip_suffix(b"\n")
        .unwrap_or(&lines)
        .split(|b| *b == b'\n')
        .collect();
    let answer = run(engine, name, &config, &lines);
    let expected = String::from_utf8(beside("out")).expect("expectations are text");
    let expected: Vec<Value> = expected
        .lines()
        .map(|l| serde_json::from_str(l).expect("a record is JSON"))
        .collect();
    let records: Vec<Value> = (0..answer.columns.len())
        .map(|record| shown(&answer, record))
        .collect();
    for (record, (got, want)) in records.iter().zip(&expected).enumerate() {
        assert_eq!(got, want, "{}: record {record}", input.display());
    }
    assert_eq!(
        records.len(),
        expected.len(),
        "{}: how many records",
        input.display()
    );
    let refused = String::from_utf8(beside("refused")).expect("refusals are text");
    assert_eq!(
        fates(&answer, lines.len(), &refused),
        refused,
        "{}: what is refused",
        input.display()
    );
}

fn shown(answer: &Answer, record: usize) -> Value {
    let mut line = Vec::new();
    json::line(
        &answer.columns,
        record,
        JsonOptions { observed_ms: None },
        &mut line,
    );
    serde_json::from_slice(&line).expect("the host writes JSON")
}

/// What became of the lines that gave no record, in the form of the case's file. What the host does not tell of a
/// single line (which parser did not know it) is taken from the expectation.
fn fates(answer: &Answer, lines: usize, expected: &str) -> String {
    let dead: BTreeMap<u32, &str> = answer
        .dead
        .iter()
        .map(|(i, why)| (*i, why.reason.as_str()))
        .collect();
    let dropped: BTreeMap<u32, &str> = answer
        .drops
        .iter()
        .map(|d| (d.input, d.reason.as_deref().unwrap_or_default()))
        .collect();
    assert_eq!(dropped.len(), answer.dropped, "every drop has a name");
    let mut out = String::new();
    for line in 0..lines as u32 {
        let number = line + 1;
        let mut same = expected
            .lines()
            .filter(|l| l.starts_with(&format!("{number}\t")));
        let wanted = same.next().unwrap_or_default();
        out += &match dead.get(&line) {
            Some(why) if why.starts_with("no parser") && wanted.contains("\tnot-mine\t") => {
                format!("{wanted}\n")
            }
            Some(why) => format!("{number}\tmalformed\t{why}\n"),
            None if answer.input.contains(&line) => continue,
            None => format!("{number}\tdropped\t{}\n", dropped.get(&line).unwrap_or(&"")),
        };
    }
    out
}

fn run(engine: &Engine, name: &str, config: &str, lines: &[&[u8]]) -> Answer {
    let plugin = member(engine, name, config);
    let members = match plugin.plugin.kind() {
        PluginKind::Parser => Members {
            parse: vec![plugin],
            ..Members::default()
        },
        _ => {
            let json = member(engine, "parse-json", "");
            let routes = routes(&plugin_config(config));
            Members {
                parse: vec![json],
                enrich: vec![plugin],
                routes,
                ..Members::default()
            }
        }
    };
    let raw = plugins::raw(lines);
    let facts = Facts {
        wanted: vec![],
        group: "".into(),
    };
    let mut chain = Chain::new(&members).expect("a chain");
    chain
        .run(&raw, facts.columns(&raw))
        .expect("no plugin is broken")
}

fn member(engine: &Engine, name: &str, yaml: &str) -> Member {
    let mut settings = plugins::settings(Source::Builtin(name.into()));
    settings.config = plugin_config(yaml);
    plugins::member(engine, &settings)
}

/// The routes that a configuration names: a pipeline would have to have them.
fn routes(config: &Value) -> Vec<Arc<str>> {
    match config {
        Value::Object(fields) => fields
            .iter()
            .flat_map(|(key, value)| match value.as_str() {
                Some(route) if key == "route" => vec![route.into()],
                _ => routes(value),
            })
            .collect(),
        Value::Array(items) => items.iter().flat_map(routes).collect(),
        _ => Vec::new(),
    }
}

fn plugin_config(text: &str) -> Value {
    if text.trim().is_empty() {
        return Value::Object(Default::default());
    }
    tidegate::config::plugin_config(text).unwrap_or_else(|e| panic!("{e}"))
}
