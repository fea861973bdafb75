//! The journey in memory: raw records to OTLP bytes, each stage timed by itself.

mod watch;

use crate::gateway::thread_cpu;
use crate::plugins;
use anyhow::Result;
use std::hint::black_box;
use tidegate::demo::lines::Events;
use tidegate::encode::{Limits, Select, logs};
use tidegate::guests::{Chain, Engine, Member, Members, Source};
use tidegate::model::{Fact, Facts, Partition, RawRecord, RawRecords};

/// The name of the sum of all stages, timed as one.
pub const WHOLE: &str = "whole journey";

const BATCHES: usize = 64;
const BATCH_RECORDS: usize = 1_000;
const PASSES: usize = 5;
const START_MS: u64 = 1_795_230_765_123;

/// Microseconds of CPU a record of each stage whose name has `only` in it, a value a round.
pub fn measure(rounds: usize, only: &str) -> Result<Vec<(String, Vec<f64>)>> {
    let mut chains = chains()?;
    let facts = Facts {
        wanted: vec![Fact::Topic, Fact::Partition, Fact::Offset],
        group: "bench".into(),
    };
    let raw: Vec<RawRecords> = batches();
    let columns: Vec<_> = raw.iter().map(|r| facts.columns(r)).collect();
    let mut parsed = Vec::new();
    for (raw, columns) in raw.iter().zip(&columns) {
        parsed.push(chains.parse.run(raw, columns.clone())?.columns);
    }
    let mut stages: Vec<(String, Vec<f64>)> = Vec::new();
    for _ in 0..rounds {
        let mut stage = |name: &str, work: &mut dyn FnMut(usize)| {
            if !name.contains(only) {
                return;
            }
            let us = time(work);
            match stages.iter_mut().find(|(n, _)| n == name) {
                Some((_, times)) => times.push(us),
                None => stages.push((name.to_owned(), vec![us])),
            }
        };
        stage("columns of raw records", &mut |b| {
            drop(black_box(facts.columns(&raw[b])))
        });
        // Columns are moved into the chain: what cloning them costs is timed by itself and is in the three below.
        stage("(copying a batch)", &mut |b| {
            drop(black_box(columns[b].clone()))
        });
        stage("parse-json", &mut |b| {
            drop(black_box(chains.parse.run(&raw[b], columns[b].clone())))
        });
        stage("enrich-static", &mut |b| {
            drop(black_box(chains.enrich.run(&raw[b], parsed[b].clone())))
        });
        stage("enrich-redact, nothing to find", &mut |b| {
            drop(black_box(chains.redact.run(&raw[b], parsed[b].clone())))
        });
        stage("encode", &mut |b| {
            drop(black_box(logs(
                &parsed[b],
                Select::All,
                |_| START_MS as i64,
                LIMITS,
            )))
        });
        stage(WHOLE, &mut |b| {
            let answer = chains.both.run(&raw[b], facts.columns(&raw[b]));
            if let Ok(answer) = answer {
                drop(black_box(logs(
                    &answer.columns,
                    Select::All,
                    |_| START_MS as i64,
                    LIMITS,
                )));
            }
        });
    }
    watch::measure(rounds, only, &mut stages)?;
    Ok(stages)
}

/// The stages by themselves, and all of them.
struct Chains {
    parse: Chain,
    enrich: Chain,
    redact: Chain,
    both: Chain,
}

fn chains() -> Result<Chains> {
    let engine = Engine::new(None)?;
    let json = plugin(&engine, "parse-json", serde_json::json!({}));
    let names = serde_json::json!({"attributes": {"rename": {"ns": "k8s.namespace.name"}}, "resource": {"set": {"env": "bench"}}});
    let names = plugin(&engine, "enrich-static", names);
    let secrets = plugin(&engine, "enrich-redact", serde_json::json!({}));
    Ok(Chains {
        parse: chain(&[&json], &[])?,
        enrich: chain(&[], &[&names])?,
        redact: chain(&[], &[&secrets])?,
        both: chain(&[&json], &[&names])?,
    })
}

const LIMITS: Limits = Limits {
    records: 4096,
    bytes: 3 << 20,
};

/// Microseconds a record, over several passes.
fn time(work: &mut dyn FnMut(usize)) -> f64 {
    let begun = thread_cpu();
    for _ in 0..PASSES {
        (0..BATCHES).for_each(&mut *work);
    }
    let took = thread_cpu().saturating_sub(begun);
    took.as_secs_f64() * 1e6 / (PASSES * BATCHES * BATCH_RECORDS) as f64
}

fn batches() -> Vec<RawRecords> {
    let mut events = Events::new(7, START_MS);
    let batch = |b: usize| {
        let mut raw = RawRecords::new(Partition::new("bench", (b % 8) as i32));
        for i in 0..BATCH_RECORDS {
            let value = events.event().json();
            let offset = (b / 8 * BATCH_RECORDS + i) as i64;
            raw.push(
                RawRecord {
                    offset,
                    timestamp_ms: START_MS as i64,
                    key: None,
                    value: Some(value.as_bytes()),
                },
                [],
            );
        }
        raw
    };
    (0..BATCHES).map(batch).collect()
}

fn plugin(engine: &Engine, name: &str, config: serde_json::Value) -> Member {
    let mut settings = plugins::settings(Source::Builtin(name.into()));
    settings.config = config;
    plugins::member(engine, &settings)
}

fn chain(parse: &[&Member], enrich: &[&Member]) -> Result<Chain> {
    let all = |members: &[&Member]| members.iter().map(|m| (*m).clone()).collect();
    Ok(Chain::new(&Members {
        parse: all(parse),
        enrich: all(enrich),
        ..Members::default()
    })?)
}
