//! `tidegate demo`: an embedded broker, a producer of real-looking logs, the shipped pipeline and an
//! embedded OTLP sink, so that a person sees the gateway work with nothing but the binary.
//!
//! What it shows is counted where it happens: what was produced by the producer's acknowledgements, what
//! was delivered and raised by the sink, dead letters by the offsets of their topic. Only what was dropped is the
//! gateway's own word.

pub mod broker;
pub mod lines;
pub mod mixed;
mod producer;
mod show;
pub mod sink;
mod story;

use crate::app::App;
use crate::config;
use broker::{Broker, Topics};
use producer::Producer;
use show::{Counts, Show};
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

const CONFIG: &str = include_str!("../../../configs/demo.yaml");
const TOPIC: &str = "logs.demo";
const DEAD_LETTERS: &str = "logs.demo.dead";
const FINDINGS: &str = "findings.demo";
const TOPICS: Topics = Topics {
    logs: TOPIC,
    partitions: 4,
    group: "tidegate-demo",
    written: &[DEAD_LETTERS, FINDINGS],
    memory: "tidegate-memory-tidegate-demo",
};
/// How long what was produced may take to be settled once the producer has stopped.
const SETTLE_LIMIT: Duration = Duration::from_secs(20);
/// How often it is asked whether all is settled.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// What the demo is told.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// How long it runs; none: until Ctrl-C.
    pub limit: Option<Duration>,
    /// Records a second.
    pub rate: u32,
}

/// Runs the demo; whether the numbers balanced.
///
/// # Errors
/// It cannot start: no free port, or a binary without plugins.
pub async fn run(options: Options) -> anyhow::Result<bool> {
    let broker = Broker::start(TOPICS).await?;
    let show = Arc::new(Show::default());
    let seen = show.clone();
    let sink = sink::Sink::decoding("127.0.0.1:0".parse()?, move |request| {
        seen.delivered(&request)
    })
    .await?;
    let collector = format!("http://{}", sink.address());
    let address = broker.address();
    let env = |name: &str| match name {
        "TIDEGATE_DEMO_BROKER" => Some(address.clone()),
        "TIDEGATE_DEMO_COLLECTOR" => Some(collector.clone()),
        _ => None,
    };
    let loaded = config::from_text(Path::new("configs/demo.yaml"), CONFIG, &env)
        .map_err(crate::cli::problems)?;
    let mut app = App::start(&loaded).await?;
    // Nobody reads what cannot be written: then the demo stops.
    let mut reader = begin(&address, &collector, app.admin_address());
    let metrics = app.registry().pipeline("demo");
    let counts = || Counts {
        produced: show.produced(),
        delivered: show.delivered_count(),
        dropped: metrics.dropped.get(),
        dead_lettered: broker.written(DEAD_LETTERS),
        redacted: show.redacted(),
        repeated: show.repeated(),
        findings: show.findings(),
        findings_in_kafka: broker.written(FINDINGS),
    };
    let producer = Producer::start(&address, TOPIC, options.rate, show.clone()).await?;
    let mut line = show::StatusLine::new();
    let end = options.limit.map(|limit| Instant::now() + limit);
    let mut second = tokio::time::interval(Duration::from_secs(1));
    let ended = loop {
        if reader.is_err() {
            break None;
        }
        tokio::select! {
            _ = second.tick() => reader = line.print(&counts(), &show, &mut io::stdout()),
            _ = tokio::signal::ctrl_c() => break None,
            () = reached(end) => break None,
            ended = app.ended() => break Some(ended),
        }
    };
    producer.stop().await;
    if let Some(Err(reason)) = ended {
        anyhow::bail!("the gateway ended: {reason}");
    }
    // Where it does not balance in time, the summary says so.
    let _ = tokio::time::timeout(SETTLE_LIMIT, settled(&counts)).await;
    app.stop();
    app.ended().await.map_err(anyhow::Error::msg)?;
    if reader.is_ok() {
        let _ = counts().sum_up(&mut io::stdout());
    }
    Ok(counts().balance())
}

/// Says what is where.
fn begin(broker: &str, collector: &str, admin: Option<SocketAddr>) -> io::Result<()> {
    let mut out = io::stdout();
    writeln!(
        out,
        "reading {TOPIC} on an embedded broker at {broker}, sending OTLP to an embedded sink at {collector}"
    )?;
    if let Some(admin) = admin {
        writeln!(
            out,
            "metrics and health at http://{admin}/metrics, /livez and /readyz"
        )?;
    }
    writeln!(out, "Ctrl-C stops and sums up\n")
}

async fn settled(counts: &impl Fn() -> Counts) {
    let mut look_again = tokio::time::interval(LOOK_AGAIN);
    while !counts().balance() {
        look_again.tick().await;
    }
}

async fn reached(end: Option<Instant>) {
    match end {
        Some(end) => tokio::time::sleep_until(end).await,
        None => std::future::pending().await,
    }
}
