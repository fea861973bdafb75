//! What a record costs: the whole journey on a real Kafka, and the journey in memory, stage by stage.
//!
//! ```console
//! $ cargo xtask bench [-- --records N] [--rounds N] [--json FILE] [--memory-only]
//! ```
//!
//! CPU is user and system time of the gateway process, its start included. A run that delivers anything but
//! what was written is no result.

use anyhow::{Context, Result, ensure};
use krafka::Record;
use std::path::PathBuf;
use std::time::{Duration, Instant};
use tidegate::demo::lines::Events;
use tidegate::demo::sink::Sink;
use tidegate_tests::gateway::{Gateway, Usage};
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
}

#[tokio::main]
async fn main() -> Result<()> {
    let options = options()?;
    let journey = memory::measure(options.rounds)?;
    let (mut cpu, mut rss) = (vec![0.0], vec![0.0]);
    if !options.memory_only {
        (cpu, rss) = on_kafka(&options).await?;
    }
    println!("\n| what | median | spread |\n|---|---:|---:|");
    for (name, times) in &journey {
        println!("| in memory: {name} | {} |", spread(times, "us a record"));
    }
    if !options.memory_only {
        println!(
            "| Kafka, parse-json, OTLP: CPU | {} |",
            spread(&cpu, "us a record")
        );
        println!("| the same: RSS at its end | {} |", spread(&rss, "MB"));
    }
    if let Some(file) = options.json {
        let whole = journey
            .iter()
            .find(|(name, _)| name == memory::WHOLE)
            .map_or(0.0, |(_, t)| median(t));
        let figures = serde_json::json!({"kafka_otlp_us": median(&cpu), "journey_us": whole, "rss_mb": median(&rss)});
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
            "--memory-only" => options.memory_only = true,
            other => anyhow::bail!(
                "{other} is not known: --records N, --rounds N, --json FILE, --memory-only"
            ),
        }
    }
    ensure!(
        options.records > 0 && options.rounds > 0,
        "--records and --rounds are at least 1"
    );
    Ok(options)
}

/// CPU in microseconds a record and RSS in MB, a round each; one more round warms up.
async fn on_kafka(options: &Options) -> Result<(Vec<f64>, Vec<f64>)> {
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
    let (mut cpu, mut rss) = (Vec::new(), Vec::new());
    for round in 0..=options.rounds {
        let (used, took) = one(&kafka, options.records, round).await?;
        let each = used.cpu.as_secs_f64() * 1e6 / options.records as f64;
        let megabytes = used.rss as f64 / 1e6;
        let rate = options.records as f64 / took.as_secs_f64();
        let note = if round == 0 {
            " (warm-up, does not count)"
        } else {
            ""
        };
        println!(
            "round {round}: {each:.2} us of CPU a record, {megabytes:.0} MB, {rate:.0} records/s{note}"
        );
        if round > 0 {
            cpu.push(each);
            rss.push(megabytes);
        }
    }
    Ok((cpu, rss))
}

/// One run from the first offset to the last: what it used, and how long from start to the last record.
async fn one(kafka: &Kafka, records: usize, round: usize) -> Result<(Usage, Duration)> {
    let sink = Sink::counting("127.0.0.1:0".parse()?).await?;
    let yaml = format!(
        r#"
kafka: {{ main: {{ brokers: ["{}"] }} }}
plugins: {{ json: {{ wasm: "builtin:parse-json" }} }}
outputs: {{ sink: {{ otlp: {{ endpoint: "http://{}", compression: none }} }} }}
pipelines:
  bench:
    from: {{ cluster: main, group_id: bench-{round}, topics: [bench] }}
    parse: [json]
    to: {{ records: [sink] }}
    dead_letters: discard
"#,
        kafka.address(),
        sink.address()
    );
    let begun = Instant::now();
    let gateway = Gateway::start(&yaml);
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
    Ok((used, took))
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}

fn spread(values: &[f64], unit: &str) -> String {
    let low = values.iter().copied().fold(f64::INFINITY, f64::min);
    let high = values.iter().copied().fold(0.0, f64::max);
    format!("{:.2} {unit} | {low:.2} to {high:.2}", median(values))
}
