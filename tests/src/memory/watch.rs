//! The journey in memory with detectors and scorers: what each adds, and what a thousand partitions weigh.

use super::{BATCH_RECORDS, LIMITS, START_MS, plugin};
use crate::gateway::{thread_cpu, usage};
use anyhow::{Context, Result};
use serde_json::{Value as Json, json};
use std::hint::black_box;
use tidegate::demo::lines::Events;
use tidegate::encode::{Select, logs};
use tidegate::guests::{Chain, Engine, Member, Members};
use tidegate::model::{Facts, Partition, RawRecord, RawRecords};

/// Batches of a round; each is seen once, for time goes on.
const BATCHES: usize = 240;
const PARTITIONS: usize = 8;
/// Partitions whose weight is measured, and the records that each has seen.
const SHARDS: usize = 1_000;
const SHARD_RECORDS: usize = 1_500;

/// Adds microseconds a record of the whole journey with more and more watchers, a value a round, and megabytes.
#[allow(
    clippy::too_many_lines,
    reason = "a list of journeys, one after the other"
)]
pub(super) fn measure(
    rounds: usize,
    only: &str,
    stages: &mut Vec<(String, Vec<f64>)>,
) -> Result<()> {
    let engine = Engine::new(None)?;
    let ten = plugin(&engine, "detect-rules", ten_rules());
    let thousand = plugin(&engine, "detect-rules", thousand_rules());
    let compression = plugin(&engine, "score-compression", json!({}));
    let rate = plugin(&engine, "score-rate", json!({}));
    let json = plugin(&engine, "parse-json", json!({}));
    let names = json!({"attributes": {"rename": {"ns": "k8s.namespace.name"}}, "resource": {"set": {"env": "bench"}}});
    let names = plugin(&engine, "enrich-static", names);
    let usual = batches(false);
    let novel = batches(true);
    let whole = |detect: &[&Member], score: &[&Member]| Members {
        parse: vec![json.clone()],
        enrich: vec![names.clone()],
        detect: detect.iter().map(|m| (*m).clone()).collect(),
        score: score.iter().map(|m| (*m).clone()).collect(),
        ..Members::default()
    };
    let journeys = [
        ("journey, nothing watches", whole(&[], &[]), &usual),
        ("journey, ten rules", whole(&[&ten], &[]), &usual),
        (
            "journey, a thousand rules",
            whole(&[&thousand], &[]),
            &usual,
        ),
        ("ten rules, score-rate", whole(&[&ten], &[&rate]), &usual),
        (
            "ten rules, score-compression",
            whole(&[&ten], &[&compression]),
            &usual,
        ),
        ("journey, text that never recurs", whole(&[], &[]), &novel),
        (
            "the same, score-compression",
            whole(&[], &[&compression]),
            &novel,
        ),
    ];
    for _ in 0..rounds {
        for (name, members, batches) in journeys.iter().filter(|j| j.0.contains(only)) {
            let us = journey(members, batches)?;
            match stages.iter_mut().find(|(n, _)| n == name) {
                Some((_, times)) => times.push(us),
                None => stages.push(((*name).to_owned(), vec![us])),
            }
        }
    }
    for (name, detect, score) in [
        (
            "MB, not us: 1,000 partitions, ten rules",
            vec![&ten],
            vec![],
        ),
        (
            "MB, not us: 1,000 partitions, score-rate",
            vec![],
            vec![&rate],
        ),
        (
            "MB, not us: 1,000 partitions, score-compression",
            vec![],
            vec![&compression],
        ),
    ]
    .into_iter()
    .filter(|weighed| weighed.0.contains(only))
    {
        let megabytes = weight(&whole(&detect, &score), &usual)?;
        stages.push((name.to_owned(), vec![megabytes]));
    }
    Ok(())
}

/// Microseconds a record from raw records to OTLP bytes, with fresh instances.
fn journey(members: &Members, batches: &[RawRecords]) -> Result<f64> {
    let facts = Facts {
        wanted: Vec::new(),
        group: "bench".into(),
    };
    let mut chain = Chain::new(members)?;
    // The first batches warm up.
    let (warm, timed) = batches.split_at(PARTITIONS);
    for raw in warm {
        chain.run(raw, facts.columns(raw))?;
    }
    let begun = thread_cpu();
    for raw in timed {
        let answer = chain.run(raw, facts.columns(raw))?;
        let encoded = logs(&answer.columns, Select::All, |_| START_MS as i64, LIMITS);
        black_box((encoded, answer.findings.len()));
    }
    let took = thread_cpu().saturating_sub(begun);
    Ok(took.as_secs_f64() * 1e6 / (timed.len() * BATCH_RECORDS) as f64)
}

/// Megabytes that a thousand partitions add in two lanes, each with its memory saved once.
fn weight(members: &Members, batches: &[RawRecords]) -> Result<f64> {
    let facts = Facts {
        wanted: Vec::new(),
        group: "bench".into(),
    };
    let mut lanes = [Chain::new(members)?, Chain::new(members)?];
    for (lane, raw) in lanes.iter_mut().zip(batches) {
        lane.run(raw, facts.columns(raw))?;
    }
    let before = usage(std::process::id()).rss;
    for shard in 0..SHARDS {
        let lane = lanes.get_mut(shard % 2).context("a lane")?;
        let partition = Partition::new("weighed", shard as i32);
        lane.begin(&partition, 0, None);
        let mut left = SHARD_RECORDS;
        for raw in batches
            .iter()
            .skip(shard % 7 * PARTITIONS)
            .step_by(PARTITIONS)
        {
            let mut raw = raw.clone();
            raw.partition = partition.clone();
            lane.run(&raw, facts.columns(&raw))?;
            left = left.saturating_sub(raw.len());
            if left == 0 {
                break;
            }
        }
        lane.save(&partition)?.context("a snapshot")?;
    }
    let after = usage(std::process::id()).rss;
    Ok(after.saturating_sub(before) as f64 / 1e6)
}

fn batches(is_novel: bool) -> Vec<RawRecords> {
    let mut events = Events::new(7, START_MS);
    let mut rng = fastrand::Rng::with_seed(3);
    let batch = |b: usize| {
        let mut raw = RawRecords::new(Partition::new("bench", (b % PARTITIONS) as i32));
        for i in 0..BATCH_RECORDS {
            let mut event = events.event();
            if is_novel {
                event.message = (0..80).map(|_| rng.alphabetic()).collect();
            }
            let line = event.json();
            let record = RawRecord {
                offset: (b / PARTITIONS * BATCH_RECORDS + i) as i64,
                timestamp_ms: event.time_ms as i64,
                key: None,
                value: Some(line.as_bytes()),
            };
            raw.push(record, []);
        }
        raw
    };
    (0..BATCHES).map(batch).collect()
}

/// Five that compare, two that look for text, two that compare numbers, one with an expression; all count by service.
fn ten_rules() -> Json {
    let rule = |name: &str, when: Json| {
        json!({"name": name, "when": when, "group_by": ["resource.service.name"],
               "count": {"at_least": 1_000_000}, "within": "60s"})
    };
    json!({"rules": [
        rule("equals-1", json!({"field": "resource.service.name", "equals": "checkout"})),
        rule("equals-2", json!({"field": "resource.service.name", "equals": "payment"})),
        rule("equals-3", json!({"field": "ns", "equals": "core"})),
        rule("equals-4", json!({"field": "severity_text", "equals": "ERROR"})),
        rule("equals-5", json!({"field": "user", "equals": "nobody"})),
        rule("contains-1", json!({"field": "body", "contains": "timeout"})),
        rule("contains-2", json!({"field": "body", "contains": "refused"})),
        rule("greater-1", json!({"field": "latency_ms", "greater": 900})),
        rule("greater-2", json!({"field": "severity", "at_least": "error"})),
        rule("regex", json!({"field": "body", "regex": "^order [0-9]+ failed"})),
    ]})
}

/// Rules for a service each, with a literal of their own.
fn thousand_rules() -> Json {
    let rule = |n: usize| {
        json!({"name": format!("rule-{n}"),
               "when": {"all": [
                   {"field": "resource.service.name", "equals": format!("service-{}", n % 100)},
                   {"field": "body", "contains": format!("error {n} of")}]},
               "group_by": ["resource.service.name"], "count": {"at_least": 5}, "within": "60s"})
    };
    json!({"rules": (0..1_000).map(rule).collect::<Vec<_>>()})
}
