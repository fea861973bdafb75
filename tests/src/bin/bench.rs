//! What a record costs: the whole journey on a real Kafka, and the journey in memory, stage by stage.
//!
//! ```console
//! $ cargo xtask bench [-- --records N] [--rounds N] [--json FILE] [--memory-only] [--only TEXT] [--against BINARY]
//! ```
//!
//! `--only`: journeys in memory with this text in their name. `--against`: another build of the gateway, which takes
//! turns with this one on Kafka; what this one costs of that one's CPU is told as a ratio.
//!
//! CPU is user and system time of the gateway process, its start included. A run that delivers anything but
//! what was written is no result.

use anyhow::{Context, Result, ensure};
use krafka::Record;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tidegate::demo::lines::Events;
use tidegate::demo::sink::Sink;
use tidegate_tests::gateway::{Gateway, binary};
use tidegate_tests::kafka::Kafka;
use tidegate_tests::{memory, wait_for};

const START_MS: u64 = 1_795_230_765_123;
const PARTITIONS: i32 = 8;
const LIMIT: Duration = Duration::from_secs(300);

// The gateway's own, so that the stages in memory cost what they cost there.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// What is asked for.
struct Options {
    records: usize,
    rounds: usize,
    json: Option<PathBuf>,
    memory_only: bool,
    only: String,
    against: Option<PathBuf>,
}

/// What rounds on Kafka cost.
#[derive(Default)]
struct Costs {
    // Microseconds of CPU a record.
    cpu: Vec<f64>,
    // MB at the end.
    rss: Vec<f64>,
    // CPU of another build in the same round.
    other: Vec<f64>,
}

#[tokio::main]
async fn main() -> Result<()> {
    let options = options()?;
    let journey = memory::measure(options.rounds, &options.only)?;
    let costs = match options.memory_only {
        true => Costs::default(),
        false => on_kafka(&options).await?,
    };
    println!("\n| what | median | spread |\n|---|---:|---:|");
    for (name, times) in &journey {
        println!("| in memory: {name} | {} |", spread(times, "us a record"));
    }
    if !options.memory_only {
        println!(
            "| Kafka, parse-json, OTLP: CPU | {} |",
            spread(&costs.cpu, "us a record")
        );
        println!(
            "| the same: RSS at its end | {} |",
            spread(&costs.rss, "MB")
        );
    }
    if !costs.other.is_empty() {
        println!(
            "| the other build: CPU | {} |",
            spread(&costs.other, "us a record")
        );
        let pairs = costs.cpu.iter().zip(&costs.other);
        let ratios: Vec<f64> = pairs.map(|(this, other)| this / other).collect();
        println!(
            "| this build of the other, round by round | {} |",
            spread(&ratios, "x")
        );
    }
    if let Some(file) = options.json {
        let whole = journey
            .iter()
            .find(|(name, _)| name == memory::WHOLE)
            .map_or(0.0, |(_, t)| median(t));
        let figures = serde_json::json!({"kafka_otlp_us": median(&costs.cpu), "journey_us": whole, "rss_mb": median(&costs.rss)});
        std::fs::write(&file, format!("{figures}\n"))
            .with_context(|| format!("writing {}", file.display()))?;
    }
    Ok(())
}

fn options() -> Result<Options> {
    let mut options = Options {
        records: 1_000_000,
        rounds: 5,
        json: None,
        memory_only: false,
        only: String::new(),
        against: None,
    };
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut value = || {
            arguments
                .next()
                .with_context(|| format!("{argument} takes a value"))
        };
        match argument.as_str() {
            "--records" => {
                options.records = value()?.parse().context("--records takes a number")?
            }
            "--rounds" => options.rounds = value()?.parse().context("--rounds takes a number")?,
            "--json" => options.json = Some(value()?.into()),
            "--only" => options.only = value()?,
            "--against" => options.against = Some(value()?.into()),
            "--memory-only" => options.memory_only = true,
            other => anyhow::bail!(
                "{other} is not known: --records N, --rounds N, --json FILE, --memory-only, --only TEXT, --against BINARY"
            ),
        }
    }
    ensure!(
        options.records > 0 && options.rounds > 0,
        "--records and --rounds are at least 1"
    );
    Ok(options)
}

/// What some rounds cost; one more warms up.
async fn on_kafka(options: &Options) -> Result<Costs> {
    let kafka = Kafka::start().await;
    kafka.create_topic("bench", PARTITIONS).await;
    let mut events = Events::new(7, START_MS);
    let lines = (0..options.records).map(|i| {
        let time_ms = START_MS as i64 + i as i64;
        (
            (i % PARTITIONS as usize) as i32,
            Record::new("", events.event().json()).timestamp(time_ms),
        )
    });
    kafka.produce("bench", lines).await?;
    println!(
        "{} records of 278 bytes in {PARTITIONS} partitions",
        options.records
    );
    let mut costs = Costs::default();
    let this = binary();
    for round in 0..=options.rounds {
        let note = if round == 0 {
            " (warm-up, does not count)"
        } else {
            ""
        };
        let (cpu, rss) = one(&kafka, &this, options.records, &format!("{round}{note}")).await?;
        let other = match &options.against {
            Some(other) => Some(
                one(
                    &kafka,
                    other,
                    options.records,
                    &format!("{round}, the other build{note}"),
                )
                .await?
                .0,
            ),
            None => None,
        };
        if round > 0 {
            costs.cpu.push(cpu);
            costs.rss.push(rss);
            costs.other.extend(other);
        }
    }
    Ok(costs)
}

/// One run from the first offset to the last: CPU in microseconds a record, RSS in MB.
async fn one(kafka: &Kafka, binary: &Path, records: usize, round: &str) -> Result<(f64, f64)> {
    let sink = Sink::counting("127.0.0.1:0".parse()?).await?;
    let yaml = format!(
        r#"
kafka: {{ main: {{ brokers: ["{}"] }} }}
plugins: {{ json: {{ wasm: "builtin:parse-json" }} }}
outputs: {{ sink: {{ otlp: {{ endpoint: "http://{}", compression: none }} }} }}
pipelines:
  bench:
    from: {{ cluster: main, group_id: "bench {round}", topics: [bench] }}
    parse: [json]
    to: {{ records: [sink] }}
    dead_letters: discard
"#,
        kafka.address(),
        sink.address()
    );
    let begun = Instant::now();
    let gateway = Gateway::start_binary(binary, &yaml, &[]);
    wait_for("the last record", LIMIT, async || {
        sink.records() >= records as u64
    })
    .await;
    let took = begun.elapsed();
    wait_for("the last commit", LIMIT, async || {
        gateway.metric("tidegate_records_delivered_total").await >= records as f64
    })
    .await;
    let used = gateway.usage();
    gateway.stop().await;
    ensure!(
        sink.records() == records as u64,
        "{} records arrived of {records}",
        sink.records()
    );
    let cpu = used.cpu.as_secs_f64() * 1e6 / records as f64;
    let megabytes = used.rss as f64 / 1e6;
    let rate = records as f64 / took.as_secs_f64();
    println!("round {round}: {cpu:.2} us of CPU a record, {megabytes:.0} MB, {rate:.0} records/s");
    Ok((cpu, megabytes))
}

/// 0 where there is none.
fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(0.0)
}

fn spread(values: &[f64], unit: &str) -> String {
    let low = values.iter().copied().fold(f64::INFINITY, f64::min);
    let high = values.iter().copied().fold(0.0, f64::max);
    format!("{:.2} {unit} | {low:.2} to {high:.2}", median(values))
}
