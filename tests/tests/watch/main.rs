//! Detectors and scorers in a chain: what they raise, what they remember, and what becomes of both when they break.

use std::time::Duration;
use tidegate::guests::{
    Answer, Chain, Clock, Engine, FoldSettings, Member, Members, PluginSettings, Source,
};
use tidegate::model::{Facts, Finding, FindingKind, Partition, RawRecord, RawRecords, Snapshot};
use tidegate_tests::plugins::{self, built, member};

mod lane;
mod memories;

/// Kafka's time of the first record.
const BEGIN_MS: i64 = 1_700_000_000_000;

/// A clock that stands still, long after the records.
struct Later;

impl Clock for Later {
    fn now(&self) -> Duration {
        Duration::ZERO
    }

    fn wall_ms(&self) -> u64 {
        BEGIN_MS as u64 + 86_400_000
    }
}

fn settings(name: &str) -> PluginSettings {
    let mut settings = plugins::settings(Source::File(built("test-plugins", name)));
    settings.limits.memory = 32 << 20;
    settings.limits.batch_text = 2 << 20;
    settings.limits.time_per_batch = Duration::from_millis(400);
    settings
}

fn watch(engine: &Engine) -> Member {
    member(engine, &settings("watch"))
}

fn members(detect: &[Member], score: &[Member]) -> Members {
    Members {
        detect: detect.to_vec(),
        score: score.to_vec(),
        pipeline: "shop".into(),
        fold: FoldSettings {
            repeat_interval_ms: 0,
            per_minute_max: u32::MAX,
        },
        ..Members::default()
    }
}

fn chain(members: &Members) -> Chain {
    Chain::with_clock(members, Box::new(Later)).unwrap()
}

fn partition(index: i32) -> Partition {
    Partition::new("logs", index)
}

/// Kafka's time of a record: 100 ms from each other, from some round offset on.
fn time_ms(offset: i64) -> i64 {
    BEGIN_MS + (offset + 20) % (1 << 20) * 100
}

/// Records of a partition from an offset on.
fn raw(index: i32, first: i64, lines: &[String]) -> RawRecords {
    let mut raw = RawRecords::new(partition(index));
    for (n, line) in (first..).zip(lines) {
        let record = RawRecord {
            offset: n,
            timestamp_ms: time_ms(n),
            key: None,
            value: Some(line.as_bytes()),
        };
        raw.push(record, []);
    }
    raw
}

fn run(chain: &mut Chain, raw: &RawRecords) -> Answer {
    let facts = Facts {
        wanted: Vec::new(),
        group: "g".into(),
    };
    chain.run(raw, facts.columns(raw)).unwrap()
}

/// What is saved of the first partition.
fn saved(chain: &mut Chain) -> Option<Snapshot> {
    chain.save(&partition(0)).unwrap()
}

fn lines(count: usize) -> Vec<String> {
    const WORDS: [&str; 5] = ["red", "green", "blue", "red", "red"];
    (0..count)
        .map(|n| format!("{} 0.{} line {n}", WORDS[n % WORDS.len()], n % 10))
        .collect()
}

/// What is raised over lines that are given in batches of `size`, ticks at the end included.
fn findings(
    chain: &mut Chain,
    index: i32,
    first: i64,
    lines: &[String],
    size: usize,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut at = first;
    for batch in lines.chunks(size) {
        findings.extend(run(chain, &raw(index, at, batch)).findings);
        at += batch.len() as i64;
    }
    findings
}

fn titles(findings: &[Finding]) -> Vec<&str> {
    let each = findings.iter();
    each.map(|finding| match &finding.kind {
        FindingKind::Alert { title, .. } => title.as_str(),
        FindingKind::Anomaly { explanation, .. } => explanation.as_str(),
    })
    .collect()
}

/// *Scenario:* a detector and a scorer see the same records in one batch, one by one, and in batches of seven, beginning
/// below and above 2^32.
/// *Guarantees:* what they raise is the same, byte for byte; evidence is resolved to the offsets of the records that it
/// names, those of earlier batches too; who raised it, where and when is told.
#[test]
fn findings_do_not_depend_on_where_batches_are_cut() {
    let engine = Engine::new(None).unwrap();
    let members = members(&[watch(&engine)], &[member(&engine, &settings("judge"))]);
    let lines = lines(60);
    for first in [1_000, (1 << 32) - 20] {
        let in_batches = |size: usize| {
            let mut chain = chain(&members);
            chain.begin(&partition(3), first, None);
            let mut all = findings(&mut chain, 3, first, &lines, size);
            // Within a batch the scorer comes after the detector.
            all.sort_by_key(|finding| (finding.at_ms, finding.is_alert()));
            all
        };
        let whole = in_batches(60);
        assert_eq!(in_batches(1), whole);
        assert_eq!(in_batches(7), whole);
        assert_eq!(whole.iter().filter(|f| f.is_alert()).count(), 12 + 4 + 4);
        assert_eq!(whole.iter().filter(|f| !f.is_alert()).count(), 6);
        let reds = whole
            .iter()
            .find(|f| f.labels == [("word".into(), "red".into())]);
        let red = reds.unwrap();
        assert_eq!(red.evidence, [first, first + 3, first + 4]);
        assert_eq!((&*red.by, &*red.version), ("watch", "0.1.0"));
        assert_eq!((&*red.pipeline, &red.partition), ("shop", &partition(3)));
        assert_eq!(red.at_ms, time_ms(first + 4) as u64);
    }
}

/// *Scenario:* partitions whose records come by turns.
/// *Guarantees:* each is counted by itself.
#[test]
fn partitions_are_watched_each_by_itself() {
    let engine = Engine::new(None).unwrap();
    let mut chain = chain(&members(&[watch(&engine)], &[]));
    for n in 0..3 {
        let first = run(&mut chain, &raw(0, n, &["red".into()]));
        let second = run(&mut chain, &raw(1, n, &["red".into()]));
        let expected = usize::from(n == 2);
        assert_eq!(first.findings.len(), expected);
        assert_eq!(second.findings.len(), expected);
        let of = |findings: &[Finding], index| findings.iter().all(|f| f.partition.index == index);
        assert!(of(&first.findings, 0) && of(&second.findings, 1));
    }
}

/// *Scenario:* a batch with records at which a detector and a scorer panic, after a batch that was saved and one that was
/// not.
/// *Guarantees:* every record is delivered; those that they broke at are counted as skipped, each once; nothing is counted
/// twice, what was learnt since the last save is reported as lost, and good parts before and after count.
#[test]
fn a_record_that_breaks_a_watcher_is_delivered() {
    let engine = Engine::new(None).unwrap();
    let (detector, scorer) = (watch(&engine), member(&engine, &settings("judge")));
    let metrics = [detector.metrics.clone(), scorer.metrics.clone()];
    let mut chain = chain(&members(&[detector], &[scorer]));
    chain.begin(&partition(0), 0, None);
    run(&mut chain, &raw(0, 0, &["red".into(), "red".into()]));
    assert!(saved(&mut chain).is_some());
    run(&mut chain, &raw(0, 2, &["blue".into(), "blue".into()]));
    let mut batch: Vec<String> = (0..20).map(|n| format!("word{n}")).collect();
    batch[4] = "POISON".into();
    batch[15] = "POISON".into();
    batch[17] = "red".into();
    batch[18] = "blue".into();
    let answer = run(&mut chain, &raw(0, 4, &batch));
    assert_eq!(answer.columns.len(), 20);
    assert!(answer.dead.is_empty());
    // The third red is there; the two blues before it were lost.
    let (alerts, anomalies): (Vec<_>, Vec<_>) =
        answer.findings.into_iter().partition(Finding::is_alert);
    assert_eq!(titles(&alerts), ["red came 3 times"]);
    assert_eq!(alerts[0].evidence, [0, 1, 21]);
    // Two were saved, two lost, two are poison.
    assert_eq!(titles(&anomalies), ["it is number 10", "it is number 20"]);
    for metrics in metrics {
        assert_eq!(metrics.skipped.get(), 2);
        assert_eq!(metrics.memory_lost.get(), 1);
        assert!(metrics.fault_traps.get() > 2);
    }
}

/// *Scenario:* a detector names evidence that has not come yet.
/// *Guarantees:* a bad answer is a fault: its alert is not told, the record is delivered.
#[test]
fn evidence_that_has_not_come_is_a_fault() {
    let engine = Engine::new(None).unwrap();
    let mut settings = settings("watch");
    settings.config = serde_json::json!({ "every": 1 });
    let detector = member(&engine, &settings);
    let metrics = detector.metrics.clone();
    let mut chain = chain(&members(&[detector], &[]));
    let answer = run(
        &mut chain,
        &raw(0, 0, &["red".into(), "AHEAD".into(), "blue".into()]),
    );
    assert_eq!(
        titles(&answer.findings),
        ["red came 1 times", "blue came 1 times"]
    );
    assert_eq!(answer.columns.len(), 3);
    assert_eq!(metrics.skipped.get(), 1);
    assert!(metrics.fault_answers.get() > 0);
}

/// *Scenario:* a partition on which nothing comes any more; time goes by in steps, or at once.
/// *Guarantees:* the detector says so once, dated by its deadline; a tick counts as nothing to be saved unless something
/// is raised; a later record ends the silence, and its clock does not go back.
#[test]
fn a_tick_tells_what_did_not_happen() {
    let engine = Engine::new(None).unwrap();
    let begin = time_ms(0) as u64;
    for step in [1_000, 60_000] {
        let mut chain = chain(&members(&[watch(&engine)], &[]));
        chain.begin(&partition(0), 0, None);
        run(&mut chain, &raw(0, 0, &["red".into()]));
        assert!(saved(&mut chain).is_some());
        let mut found = Vec::new();
        let mut now = begin;
        while now < begin + 60_000 {
            now += step;
            let before = found.len();
            found.extend(chain.tick(&partition(0), 1, now).unwrap().findings);
            assert_eq!(chain.is_changed(&partition(0)), !found.is_empty());
            assert!(found.len() <= before + 1);
        }
        assert_eq!(titles(&found), ["nothing came"]);
        assert_eq!(found[0].at_ms, begin + 5_000);
        assert!(found[0].evidence.is_empty());
        assert!(
            run(&mut chain, &raw(0, 1, &["red".into()]))
                .findings
                .is_empty()
        );
    }
}

/// *Scenario:* nothing is left of any batch, for an enricher drops every record, while Kafka's time goes on.
/// *Guarantees:* time goes by for the detector all the same: it tells of the silence, once.
#[test]
fn time_goes_by_where_nothing_is_left() {
    let engine = Engine::new(None).unwrap();
    let mut filter = plugins::settings(Source::Builtin("enrich-filter".into()));
    filter.config = serde_json::json!({ "rules": [
        { "name": "noise", "when": { "body": { "contains": "noise" } }, "then": "drop" }
    ]});
    let mut members = members(&[watch(&engine)], &[]);
    members.enrich = vec![member(&engine, &filter)];
    let mut chain = chain(&members);
    chain.begin(&partition(0), 0, None);
    run(&mut chain, &raw(0, 0, &["red".into()]));
    let mut found = Vec::new();
    for n in 1..100 {
        let answer = run(&mut chain, &raw(0, n, &["noise".into()]));
        assert_eq!(answer.dropped, 1);
        found.extend(answer.findings);
    }
    assert_eq!(titles(&found), ["nothing came"]);
    assert_eq!(found[0].at_ms, time_ms(0) as u64 + 5_000);
}

/// *Scenario:* a scorer whose scores are to be kept, over records with and without one, in a batch that breaks it too.
/// *Guarantees:* each record has its own score under the configured name, or none; nothing else of it is changed.
#[test]
fn scores_become_attributes() {
    let engine = Engine::new(None).unwrap();
    let mut settings = settings("judge");
    settings.score_attribute = Some("anomaly.score".into());
    let mut chain = chain(&members(&[], &[member(&engine, &settings)]));
    let lines = ["a 0.25 b", "nothing", "POISON 0.5", "c 0.7 d"].map(String::from);
    let answer = run(&mut chain, &raw(0, 0, &lines));
    let c = &answer.columns;
    let scores: Vec<Option<f64>> = (0..c.len())
        .map(|r| {
            let a = c.attributes(r).next()?;
            assert_eq!(c.bytes(&c.key, a), b"anomaly.score");
            let bits = u64::from(c.value[2 * a]) | u64::from(c.value[2 * a + 1]) << 32;
            Some(f64::from_bits(bits))
        })
        .collect();
    assert_eq!(scores, [Some(0.25), None, None, Some(0.7)]);
    let bodies: Vec<_> = (0..c.len()).map(|r| c.bytes(&c.body, r).to_vec()).collect();
    assert_eq!(bodies, lines.map(String::into_bytes));
}

/// *Scenario:* the position of a partition moves on without a record; then a tick raises something; then the memory is saved.
/// *Guarantees:* the memory claims to have seen all before the tick's place, no less: it would be kept before the tick has
/// closed; a tick at a place that lies before does not make it claim less.
#[test]
fn what_a_tick_raises_lies_at_its_place() {
    let engine = Engine::new(None).unwrap();
    let begin = time_ms(0) as u64;
    let mut chain = chain(&members(&[watch(&engine)], &[]));
    chain.begin(&partition(0), 0, None);
    run(&mut chain, &raw(0, 0, &["red".into()]));
    assert_eq!(saved(&mut chain).unwrap().boundary, 1);
    let answer = chain.tick(&partition(0), 7, begin + 10_000).unwrap();
    assert_eq!(titles(&answer.findings), ["nothing came"]);
    assert!(chain.is_changed(&partition(0)));
    assert_eq!(saved(&mut chain).unwrap().boundary, 7);
    chain.tick(&partition(0), 1, begin + 11_000).unwrap();
    assert_eq!(saved(&mut chain).unwrap().boundary, 7);
}

/// *Scenario:* a finding says that it is of ten years from now, the same is raised again later with the right time, and so
/// are others; with a clock of the partition, and with records to which Kafka gave no time.
/// *Guarantees:* the wrong date counts as now, a minute ahead at most: the same is told again when the repeat interval has
/// passed, and the limit a minute does not stay full; without a clock dates count as they are.
#[test]
fn a_wrong_date_silences_nothing() {
    const YEARS_MS: u64 = 10 * 365 * 86_400_000;
    let engine = Engine::new(None).unwrap();
    let mut members = members(&[watch(&engine)], &[]);
    members.fold.repeat_interval_ms = 600_000;
    let mut dated = chain(&members);
    dated.begin(&partition(0), 0, None);
    // Ten records a second.
    let mut told_at = |offset: i64, line: String| {
        let answer = run(&mut dated, &raw(0, offset, &[line]));
        let mut found = answer.findings.iter();
        found.find(|f| &*f.rule == "dated").map(|f| f.at_ms)
    };
    let future = time_ms(0) as u64 + YEARS_MS;
    assert_eq!(told_at(0, format!("DATED {YEARS_MS}")), Some(future));
    assert_eq!(told_at(6_599, "DATED 0".into()), None);
    assert_eq!(
        told_at(6_600, "DATED 0".into()),
        Some(time_ms(6_600) as u64)
    );
    members.fold.per_minute_max = 2;
    let mut many = chain(&members);
    many.begin(&partition(0), 0, None);
    let reds = |n: usize| vec!["red".to_owned(); n];
    run(&mut many, &raw(0, 0, &[format!("DATED {YEARS_MS}")]));
    let first = findings(&mut many, 0, 1, &reds(9), 1);
    assert_eq!(first.len(), 1, "the minute that was a minute ahead is full");
    let later = findings(&mut many, 0, 1_500, &reds(6), 1);
    assert_eq!(later.len(), 2);
    let mut undated = chain(&members);
    undated.begin(&partition(0), 0, None);
    let mut told = |offset: i64, ms: u64| {
        let mut raw = raw(0, offset, &[format!("DATED {ms}")]);
        raw.timestamp_ms = vec![-1];
        run(&mut undated, &raw).findings.len()
    };
    assert_eq!(
        [told(0, 1_000_000), told(1, 1_599_999), told(2, 1_600_000)],
        [1, 0, 1]
    );
}
