//! Plugins that trap, loop, eat memory and lie in every way that the contract forbids, and what becomes of the
//! batches that they break at. They lie in `tests/plugins/examples`; `cargo xtask guests` builds them.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::{Duration, Instant};
use tidegate::guests::{
    Answer, Broken, Chain, Engine, Member, Members, OnFault, PluginSettings, Source,
};
use tidegate::model::{Fact, Facts};
use tidegate::telemetry::metrics::PluginMetrics;
use tidegate_tests::plugins::{self, built, member};

/// How a plugin fails at a marked record.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fails {
    Trap,
    Time,
    Memory,
    /// Its answer, and the field that the message names.
    Answer(&'static str),
    /// Not at all.
    Never,
}

use Fails::*;

/// Every file of `tests/plugins/examples` that is a parser, and how it fails.
const PARSERS: &[(&str, Fails)] = &[
    ("trap", Trap),
    ("deep", Trap),
    ("endless", Time),
    ("memory", Memory),
    ("length_nanos", Answer("records.nanos has")),
    ("length_trace", Answer("records.trace has 12 entries")),
    ("length_value", Answer("records.value has")),
    ("span_outside", Answer("records.body[")),
    ("span_across", Answer("lies wholly in neither text")),
    ("span_overflow", Answer("records.body[")),
    ("span_cut", Answer("not UTF-8 in itself")),
    ("not_utf8", Answer("not UTF-8 in itself")),
    ("nanos", Answer("records.nanos[")),
    ("severity", Answer("records.severity[")),
    ("attribute_end", Answer("records.attribute-end")),
    ("attribute_twice", Answer("records.key[")),
    ("kind", Answer("records.kind[")),
    ("kind_reserved", Answer("records.kind[")),
    ("input_decreases", Answer("input[")),
    ("input_unknown", Answer("input[")),
    ("input_not_emitted", Answer("whose verdict is not emitted")),
    ("emitted_without_record", Answer("no record names it")),
    ("verdict", Answer("verdicts[")),
    ("verdict_missing", Answer("verdicts has")),
    ("incomplete", Answer("is incomplete")),
    ("joined", Answer("joined[")),
    ("joined_missing", Answer("joined has 0 entries")),
    ("reason_twice", Answer("reasons[1]")),
    ("reason_unknown", Answer("reasons[0]")),
    ("too_big", Answer("")),
    ("too_much_text", Answer("max_batch_text")),
    ("log_flood", Never),
];

/// Every file of `tests/plugins/examples` that is an enricher, and how it fails.
const ENRICHERS: &[(&str, Fails)] = &[
    ("enrich_trap", Trap),
    ("edit_length", Answer("set-key has 0 entries")),
    ("edit_record", Answer("drop[0] is 1000000")),
    ("edit_remove", Answer("remove[0] is 1000000")),
    ("edit_span", Answer("body[0]")),
    ("edit_time", Answer("time-nanos[0]")),
    ("edit_severity", Answer("severity[0]")),
    ("route_unknown", Answer("routes[0] is \"nowhere\"")),
    ("route_index", Answer("route[0] is 3")),
];

/// Those that do what records tell them: the tests `watch` and `memory` are about them.
const REMEMBERING: [&str; 3] = ["judge", "unsaved", "watch"];

/// Records of a test batch, and the marked ones among them.
const RECORDS: usize = 23;
const MARKED: [u32; 3] = [0, 7, 18];

fn settings(path: PathBuf, on_fault: OnFault) -> PluginSettings {
    let mut settings = plugins::settings(Source::File(path));
    settings.limits.memory = 32 << 20;
    settings.limits.batch_text = 2 << 20;
    settings.on_fault = Some(on_fault);
    settings
}

fn misbehaving(engine: &Engine, name: &str, on_fault: OnFault) -> Member {
    let mut settings = settings(built("test-plugins", name), on_fault);
    if name == "endless" {
        settings.limits.time_per_batch = Duration::from_millis(400);
    }
    member(engine, &settings)
}

fn shipped(engine: &Engine, name: &str) -> Member {
    member(
        engine,
        &settings(built("plugins", name), OnFault::DeadLetter),
    )
}

fn body(record: usize, marked: &[u32]) -> String {
    match marked.contains(&(record as u32)) {
        true => format!("record {record} is POISON é"),
        false => format!("record {record} is good é"),
    }
}

/// Runs a batch whose marked records carry the mark.
fn run(chain: &mut Chain, records: usize, marked: &[u32]) -> Result<Answer, Broken> {
    let raw = plugins::raw((0..records).map(|record| body(record, marked)));
    let facts = Facts {
        wanted: vec![Fact::Topic, Fact::Offset],
        group: "g".into(),
    };
    let columns = facts.columns(&raw);
    chain.run(&raw, columns)
}

/// The answer holds exactly the records that are not `gone`, in order, each with its body and its facts.
fn assert_kept(name: &str, answer: &Answer, records: usize, marked: &[u32], gone: &[u32]) {
    let kept: Vec<u32> = (0..records as u32).filter(|r| !gone.contains(r)).collect();
    assert_eq!(answer.input, kept, "{name}");
    assert_eq!(answer.columns.len(), kept.len(), "{name}");
    for (i, input) in kept.iter().enumerate() {
        let c = &answer.columns;
        let found = String::from_utf8_lossy(c.bytes(&c.body, i)).into_owned();
        assert_eq!(found, body(*input as usize, marked), "{name}");
        let keys: Vec<_> = c.attributes(i).map(|a| c.bytes(&c.key, a)).collect();
        assert_eq!(
            keys,
            [
                &b"messaging.destination.name"[..],
                b"messaging.kafka.offset"
            ],
            "{name}"
        );
        let offset = c.attributes(i).nth(1).map(|a| c.value[2 * a]);
        assert_eq!(offset, Some(*input), "{name}");
    }
    assert_eq!(answer.dropped, 0, "{name}");
}

fn assert_dead(name: &str, answer: &Answer, fails: Fails, dead: &[u32]) {
    let found: Vec<u32> = answer.dead.iter().map(|(input, _)| *input).collect();
    assert_eq!(found, dead, "{name}");
    let (kind, detail) = match fails {
        Trap => ("trap", ""),
        Time => ("time limit", ""),
        Memory => ("memory limit", ""),
        Answer(detail) => ("bad answer", detail),
        Never => return,
    };
    for (_, reason) in &answer.dead {
        assert_eq!(
            (&*reason.by, &*reason.version),
            (name, "0.0.1"),
            "{reason:?}"
        );
        assert!(
            reason.reason.starts_with(kind) && reason.reason.contains(detail),
            "{name}: {reason:?}"
        );
        assert!(!reason.maybe_delivered, "{name}");
    }
}

fn assert_counted(name: &str, metrics: &PluginMetrics, fails: Fails) {
    let m = metrics;
    let [traps, times, memory, answers] = [
        &m.fault_traps,
        &m.fault_timeouts,
        &m.fault_memory,
        &m.fault_answers,
    ]
    .map(|c| c.get() > 0);
    let expected = [
        fails == Trap,
        fails == Time,
        fails == Memory,
        matches!(fails, Answer(_)),
    ];
    assert_eq!([traps, times, memory, answers], expected, "{name}");
}

fn chain(parse: Vec<Member>, enrich: Vec<Member>) -> Chain {
    let routes = vec!["elsewhere".into()];
    Chain::new(&Members {
        parse,
        enrich,
        routes,
        ..Members::default()
    })
    .unwrap()
}

/// Runs one misbehaving plugin through a good batch, a batch with marked records, and a good one again.
fn check(engine: &Engine, name: &str, fails: Fails, is_parser: bool) {
    let member = misbehaving(engine, name, OnFault::DeadLetter);
    let metrics = member.metrics.clone();
    let mut chain = match is_parser {
        true => chain(vec![member], Vec::new()),
        false => chain(Vec::new(), vec![member]),
    };
    let good = run(&mut chain, RECORDS, &[]).unwrap();
    assert_kept(name, &good, RECORDS, &[], &[]);
    assert_counted(name, &metrics, Never);
    let started = Instant::now();
    let answer = run(&mut chain, RECORDS, &MARKED).unwrap();
    let dead: &[u32] = if fails == Never { &[] } else { &MARKED };
    assert_kept(name, &answer, RECORDS, &MARKED, dead);
    assert_dead(name, &answer, fails, dead);
    assert_counted(name, &metrics, fails);
    assert!(
        started.elapsed() < Duration::from_secs(60),
        "{name} took {:?}",
        started.elapsed()
    );
    let alone = run(&mut chain, 1, &[0]).unwrap();
    assert_dead(name, &alone, fails, if fails == Never { &[] } else { &[0] });
    let again = run(&mut chain, RECORDS, &[]).unwrap();
    assert_kept(name, &again, RECORDS, &[], &[]);
}

/// *Scenario:* each parser that misbehaves gets good batches, and one with three marked records.
/// *Guarantees:* exactly the marked records go to the dead letters, with the kind of fault, the field and the
/// plugin's name and version; all others are delivered in order with all they had; the plugin works on.
#[test]
fn parsers_that_misbehave_lose_exactly_the_records_they_break_at() {
    let engine = Engine::new(None).unwrap();
    for (name, fails) in PARSERS {
        check(&engine, name, *fails, true);
    }
}

/// *Scenario:* the same with each enricher that misbehaves.
/// *Guarantees:* the same.
#[test]
fn enrichers_that_misbehave_lose_exactly_the_records_they_break_at() {
    let engine = Engine::new(None).unwrap();
    for (name, fails) in ENRICHERS {
        check(&engine, name, *fails, false);
    }
}

/// *Scenario:* the files of `tests/plugins/examples` and the tables above.
/// *Guarantees:* no misbehaving plugin is without a test.
#[test]
fn every_misbehaving_plugin_is_tested() {
    let folder = plugins::root().join("tests/plugins/examples");
    let files = std::fs::read_dir(folder)
        .unwrap()
        .map(|f| f.unwrap().path());
    let files: BTreeSet<_> = files
        .map(|f| f.file_stem().unwrap().to_string_lossy().into_owned())
        .collect();
    let tested = PARSERS
        .iter()
        .chain(ENRICHERS)
        .map(|(name, _)| *name)
        .chain(REMEMBERING)
        .map(str::to_owned);
    assert_eq!(files, tested.collect());
}

/// *Scenario:* an enricher traps at some records, behind a parser.
/// *Guarantees:* the parser is called once: only the stage that faulted is halved.
#[test]
fn earlier_stages_are_not_called_again() {
    let engine = Engine::new(None).unwrap();
    let parser = shipped(&engine, "parse-plain");
    let calls = parser.metrics.calls.clone();
    let enricher = misbehaving(&engine, "enrich_trap", OnFault::DeadLetter);
    let mut chain = chain(vec![parser], vec![enricher]);
    let answer = run(&mut chain, RECORDS, &MARKED).unwrap();
    assert_kept("enrich_trap", &answer, RECORDS, &MARKED, &MARKED);
    assert_eq!(calls.get(), 1);
}

/// *Scenario:* plugins that trap at some records and are to be skipped there.
/// *Guarantees:* an enricher's records pass unchanged; a parser's go on to the next parser; both are counted.
#[test]
fn skipped_records_pass_as_if_the_plugin_were_not_there() {
    let engine = Engine::new(None).unwrap();
    let enricher = misbehaving(&engine, "enrich_trap", OnFault::Skip);
    let skipped = enricher.metrics.skipped.clone();
    let answer = run(&mut chain(Vec::new(), vec![enricher]), RECORDS, &MARKED).unwrap();
    assert_kept("enrich_trap", &answer, RECORDS, &MARKED, &[]);
    assert_eq!(skipped.get(), MARKED.len() as u64);

    let parser = misbehaving(&engine, "trap", OnFault::Skip);
    let skipped = parser.metrics.skipped.clone();
    let fallback = shipped(&engine, "parse-plain");
    let offered = fallback.metrics.records_in.clone();
    let answer = run(
        &mut chain(vec![parser, fallback], Vec::new()),
        RECORDS,
        &MARKED,
    )
    .unwrap();
    assert_kept("trap", &answer, RECORDS, &MARKED, &[]);
    assert_eq!(
        (skipped.get(), offered.get()),
        (MARKED.len() as u64, MARKED.len() as u64)
    );

    let parser = misbehaving(&engine, "trap", OnFault::Skip);
    let answer = run(&mut chain(vec![parser], Vec::new()), RECORDS, &MARKED).unwrap();
    assert_kept("trap", &answer, RECORDS, &MARKED, &MARKED);
    assert!(
        answer
            .dead
            .iter()
            .all(|(_, d)| d.reason.starts_with("no parser took it")),
        "{:?}",
        answer.dead
    );
}

/// *Scenario:* more records break a plugin within a minute than its limit allows.
/// *Guarantees:* it is broken and the batch gives no answer, so that nothing of it is dead-lettered; a plugin
/// that is to be skipped is left out instead, a parser only where another one takes its records.
#[test]
fn too_many_faults_break_a_plugin() {
    let engine = Engine::new(None).unwrap();
    let mut few = settings(built("test-plugins", "trap"), OnFault::DeadLetter);
    few.limits.faults_per_minute = 2;
    let mut chain_of = chain(vec![member(&engine, &few)], Vec::new());
    assert!(run(&mut chain_of, RECORDS, &MARKED[..2]).is_ok());
    let broken = run(&mut chain_of, RECORDS, &MARKED[..1]).unwrap_err();
    assert_eq!((&*broken.plugin, &*broken.version), ("trap", "0.0.1"));
    assert!(
        broken.reason.contains("more than 2 faults a minute"),
        "{broken}"
    );

    let mut few = settings(built("test-plugins", "enrich_trap"), OnFault::Skip);
    few.limits.faults_per_minute = 2;
    let enricher = member(&engine, &few);
    let metrics = enricher.metrics.clone();
    let mut chain_of = chain(Vec::new(), vec![enricher]);
    let answer = run(&mut chain_of, RECORDS, &MARKED).unwrap();
    assert_kept("enrich_trap", &answer, RECORDS, &MARKED, &[]);
    let calls = metrics.calls.get();
    let answer = run(&mut chain_of, RECORDS, &MARKED).unwrap();
    assert_kept("enrich_trap", &answer, RECORDS, &MARKED, &[]);
    assert_eq!(
        metrics.calls.get(),
        calls,
        "a plugin that is left out is not called"
    );

    let mut few = settings(built("test-plugins", "trap"), OnFault::Skip);
    few.limits.faults_per_minute = 2;
    let mut alone = chain(vec![member(&engine, &few)], Vec::new());
    let broken = run(&mut alone, RECORDS, &MARKED).unwrap_err();
    assert!(broken.reason.contains("no other parser takes"), "{broken}");
    let both = vec![member(&engine, &few), shipped(&engine, "parse-plain")];
    let answer = run(&mut chain(both, Vec::new()), RECORDS, &MARKED).unwrap();
    assert_kept("parse-plain", &answer, RECORDS, &MARKED, &[]);
}

/// *Scenario:* every record of a batch makes a plugin loop for ever.
/// *Guarantees:* the search ends at ten times the time limit, and the plugin is broken.
#[test]
fn a_search_that_takes_too_long_breaks_the_plugin() {
    let engine = Engine::new(None).unwrap();
    let mut short = settings(built("test-plugins", "endless"), OnFault::DeadLetter);
    short.limits.time_per_batch = Duration::from_millis(50);
    let mut chain = chain(vec![member(&engine, &short)], Vec::new());
    let all: Vec<u32> = (0..RECORDS as u32).collect();
    let broken = run(&mut chain, RECORDS, &all).unwrap_err();
    assert!(
        broken.reason.contains("cannot be found in time"),
        "{broken}"
    );
}
