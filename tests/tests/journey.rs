//! The whole journey on a real Kafka and a real Collector, with the binary that users run.

// A scenario reads best as one story.
#![allow(clippy::too_many_lines)]

use krafka::Record;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use tidegate::demo::mixed::{Expected, Meant, Mixed};
use tidegate::demo::sink::Sink;
use tidegate_tests::collector::Collector;
use tidegate_tests::expect::Arrived;
use tidegate_tests::gateway::Gateway;
use tidegate_tests::kafka::Kafka;
use tidegate_tests::pipeline::Pipeline;
use tidegate_tests::wait_for;

const PARTITIONS: i32 = 6;
const START_MS: u64 = 1_795_230_765_123;
const LIMIT: Duration = Duration::from_secs(180);

type Position = (i32, i64);

/// One broker for all tests of this file; it ends with the process.
async fn kafka() -> &'static Kafka {
    static KAFKA: tokio::sync::OnceCell<Kafka> = tokio::sync::OnceCell::const_new();
    KAFKA.get_or_init(Kafka::start).await
}

/// What was written where, and what is meant by it.
#[derive(Default)]
struct Written {
    delivered: BTreeMap<Position, Expected>,
    dropped: BTreeSet<Position>,
    dead: BTreeSet<Position>,
    time_ms: BTreeMap<Position, i64>,
    next: BTreeMap<i32, i64>,
}

impl Written {
    /// The next `count` lines of a stream, round robin over the partitions, as records to be produced.
    fn more(&mut self, lines: &mut Mixed, count: usize) -> Vec<(i32, Record)> {
        (0..count)
            .map(|i| {
                let partition = (i % PARTITIONS as usize) as i32;
                let next = self.next.entry(partition).or_default();
                let position = (partition, *next);
                *next += 1;
                let line = lines.line();
                let time_ms = START_MS as i64 + i as i64;
                self.time_ms.insert(position, time_ms);
                match line.meant {
                    Meant::Delivered(expected) => drop(self.delivered.insert(position, *expected)),
                    Meant::Dropped => drop(self.dropped.insert(position)),
                    Meant::DeadLettered => drop(self.dead.insert(position)),
                }
                let record = Record::new("", line.value).timestamp(time_ms);
                (
                    partition,
                    line.key.into_iter().fold(record, |r, key| r.key(key)),
                )
            })
            .collect()
    }

    /// Every delivered record, field by field as it was meant; how many times each arrived.
    fn compare(&self, arrived: &[Arrived]) -> BTreeMap<Position, usize> {
        let mut times: BTreeMap<Position, usize> = BTreeMap::new();
        for a in arrived {
            let mut expected = self.delivered.get(&a.position).cloned().unwrap_or_else(|| {
                panic!(
                    "{:?} arrived and should not have: {:?}",
                    a.position, a.record
                )
            });
            expected.redacted = 0;
            assert_eq!(a.record, expected, "at {:?}", a.position);
            assert_eq!(
                a.observed_unix_nano,
                self.time_ms[&a.position] as u64 * 1_000_000,
                "at {:?}",
                a.position
            );
            *times.entry(a.position).or_default() += 1;
        }
        let missing: Vec<_> = self
            .delivered
            .keys()
            .filter(|p| !times.contains_key(p))
            .take(5)
            .collect();
        assert!(
            missing.is_empty(),
            "{missing:?} and perhaps more never arrived"
        );
        times
    }

    /// As `compare`, and each arrived once.
    fn exactly_once(&self, arrived: &[Arrived]) {
        let times = self.compare(arrived);
        let repeated: Vec<_> = times.iter().filter(|(_, n)| **n > 1).take(5).collect();
        assert!(
            repeated.is_empty(),
            "{repeated:?} and perhaps more arrived more than once"
        );
    }
}

/// A Collector of its own, and the pipeline that reads `topic`, which is there now, as is its dead letters'.
async fn scene(topic: &'static str) -> (Collector, Pipeline) {
    let collector = Collector::start().await;
    let pipeline = Pipeline {
        kafka: kafka().await.address(),
        collector: collector.endpoint(),
        topic,
        instance: None,
        from: "",
    };
    kafka().await.create_topic(topic, PARTITIONS).await;
    kafka()
        .await
        .create_topic(&pipeline.dead_letters(), 1)
        .await;
    (collector, pipeline)
}

/// Positions named in the headers of dead letters, each as often as it is there.
async fn dead_letters(pipeline: &Pipeline) -> Vec<Position> {
    let records = kafka().await.read_all(&pipeline.dead_letters()).await;
    records
        .iter()
        .map(|r| {
            (
                header(r, "tidegate.partition"),
                header(r, "tidegate.offset"),
            )
        })
        .map(|(p, o)| {
            (
                p.parse().expect("a partition"),
                o.parse().expect("an offset"),
            )
        })
        .collect()
}

fn header(record: &krafka::consumer::ConsumerRecord, name: &str) -> String {
    let value = record
        .headers
        .iter()
        .find(|(n, _)| n.as_str() == name)
        .and_then(|(_, v)| v.clone());
    String::from_utf8(value.unwrap_or_else(|| panic!("no header {name}")).to_vec()).expect("text")
}

/// *Scenario:* 200,000 mixed records over 6 partitions (JSON, plain text, both inside CRI and Docker JSON,
/// health checks, secrets, bytes, broken lines), read to the end with nothing failing.
/// *Guarantees:* each arrives exactly once, equal field by field to what its generator meant, redactions
/// done; the dropped do not arrive; exactly the broken ones are in the dead letters, once.
#[tokio::test(flavor = "multi_thread")]
async fn mixed_records_arrive_exactly_once_as_meant() {
    let (mut collector, pipeline) = scene("mixed").await;
    let mut written = Written::default();
    let records = written.more(&mut Mixed::new(11, START_MS), 200_000);
    kafka()
        .await
        .produce("mixed", records)
        .await
        .expect("produced");
    let gateway = Gateway::start_with(&pipeline.yaml(), &["--until-end"]);
    let log = gateway.ended(LIMIT).await;
    let arrived = collector.received().await;
    written.exactly_once(&arrived);
    let dead = dead_letters(&pipeline).await;
    assert_eq!(dead.len(), written.dead.len(), "{log}");
    assert_eq!(dead.into_iter().collect::<BTreeSet<_>>(), written.dead);
    let committed = kafka().await.committed(&pipeline.group(), "mixed");
    assert_eq!(
        committed, written.next,
        "the committed offsets are the ends"
    );
}

/// *Scenario:* records come while the gateway is killed (SIGKILL) ten times in the middle and started again.
/// *Guarantees:* promises 1, 2 and 3: every record arrives; at each kill the committed offsets pass no
/// record that is neither delivered, dropped on purpose nor dead-lettered; what is read again lies at or
/// beyond the committed offset; in between, the records of one partition and resource come in their order.
#[tokio::test(flavor = "multi_thread")]
async fn promises_1_2_3_hold_when_killed_ten_times() {
    const ROUNDS: usize = 11;
    const A_ROUND: usize = 200_000 / ROUNDS;
    /// Records a second: slow enough that every kill comes in the middle.
    const A_PACE: usize = 10_000;
    let (mut collector, mut pipeline) = scene("killed").await;
    pipeline.instance = Some("one");
    pipeline.from = "session_timeout: 6s, heartbeat_interval: 1s";
    let (mut written, mut lines) = (Written::default(), Mixed::new(12, START_MS));
    let mut all: Vec<Arrived> = Vec::new();
    let mut committed: BTreeMap<i32, i64> = BTreeMap::new();
    for round in 0..ROUNDS {
        let gateway = Gateway::start(&pipeline.yaml());
        let records = written.more(&mut lines, A_ROUND);
        let producing = tokio::spawn(async move {
            kafka()
                .await
                .produce_slowly("killed", records, A_PACE)
                .await
        });
        if round + 1 == ROUNDS {
            producing.await.expect("no panic").expect("produced");
            let group = pipeline.group();
            kafka()
                .await
                .wait_committed(&group, "killed", &written.next, LIMIT)
                .await;
            gateway.stop().await;
        } else {
            // A kill at another moment each time, while records come and go.
            let target = (1 + round * 7 % ROUNDS) * A_ROUND / (ROUNDS + 2);
            wait_for("records being read", LIMIT, async || {
                gateway.metric("tidegate_records_in_total").await >= target as f64
            })
            .await;
            gateway.kill().await;
            producing.await.expect("no panic").expect("produced");
        }
        let seen = all.len();
        all = collector.received().await;
        for a in &all[seen..] {
            let from = committed.get(&a.position.0).copied().unwrap_or(0);
            assert!(
                a.position.1 >= from,
                "{:?} was read again though {from} was committed",
                a.position
            );
        }
        in_order(&all[seen..]);
        committed = kafka().await.committed(&pipeline.group(), "killed");
        let dead: BTreeSet<_> = dead_letters(&pipeline).await.into_iter().collect();
        nothing_undelivered_is_committed(&written, &all, &dead, &committed);
        collector.run().await;
    }
    written.compare(&all);
    let dead = dead_letters(&pipeline).await;
    assert_eq!(dead.into_iter().collect::<BTreeSet<_>>(), written.dead);
    assert_eq!(committed, written.next);
}

/// Of one run of the gateway: the records of one partition and resource came in the order of their offsets.
fn in_order(arrived: &[Arrived]) {
    let mut last: BTreeMap<(i32, String), i64> = BTreeMap::new();
    for a in arrived {
        let (partition, offset) = a.position;
        let of = (partition, format!("{:?}", a.record.resource));
        if let Some(before) = last.insert(of, offset) {
            assert!(before < offset, "{:?} came behind {before}", a.position);
        }
    }
}

fn nothing_undelivered_is_committed(
    written: &Written,
    arrived: &[Arrived],
    dead: &BTreeSet<Position>,
    committed: &BTreeMap<i32, i64>,
) {
    let arrived: BTreeSet<Position> = arrived.iter().map(|a| a.position).collect();
    for (partition, end) in committed {
        for offset in 0..*end {
            let at = (*partition, offset);
            let done = arrived.contains(&at) || dead.contains(&at) || written.dropped.contains(&at);
            assert!(
                done,
                "{at:?} is committed (up to {end}) and was not delivered"
            );
        }
    }
}

/// *Scenario:* SIGTERM in the middle of a stream, three times, started again each time.
/// *Guarantees:* a clean stop finishes, commits and leaves: nothing is repeated, nothing is missing.
#[tokio::test(flavor = "multi_thread")]
async fn a_clean_stop_repeats_nothing() {
    let (mut collector, pipeline) = scene("stopped").await;
    let (mut written, mut lines) = (Written::default(), Mixed::new(13, START_MS));
    for round in 0..4 {
        let before = collector.written();
        let last = round == 3;
        let records = written.more(&mut lines, 20_000);
        let producing =
            tokio::spawn(async move { kafka().await.produce("stopped", records).await });
        if last {
            producing.await.expect("no panic").expect("produced");
            Gateway::start_with(&pipeline.yaml(), &["--until-end"])
                .ended(LIMIT)
                .await;
        } else {
            let gateway = Gateway::start(&pipeline.yaml());
            wait_for("some progress", LIMIT, async || {
                collector.written() > before
            })
            .await;
            let log = gateway.stop().await;
            assert!(!log.contains("gave up"), "{log}");
            producing.await.expect("no panic").expect("produced");
        }
    }
    written.exactly_once(&collector.received().await);
    let dead = dead_letters(&pipeline).await;
    assert_eq!(
        dead.len(),
        written.dead.len(),
        "no dead letter is repeated either"
    );
}

/// *Scenario:* ten broken records of several kinds (cut JSON, text after the object, a null value's
/// neighbours, with keys that are not UTF-8 and headers of their own) among a thousand good ones.
/// *Guarantees:* exactly those are in the dead-letter topic; value, key and headers are as they were; the
/// added headers say where each came from, which plugin refused it and why.
#[tokio::test(flavor = "multi_thread")]
async fn poison_records_and_only_those_are_dead_letters() {
    let (mut collector, pipeline) = scene("poison").await;
    let mut records = Vec::new();
    let mut poison: BTreeMap<Position, Vec<u8>> = BTreeMap::new();
    for i in 0..1_000i64 {
        let position = ((i % 6) as i32, i / 6);
        let (value, key) = match i % 100 {
            42 => (
                format!("{{\"msg\":\"cut at {i}").into_bytes(),
                vec![0xff, i as u8],
            ),
            _ => (
                format!("{{\"msg\":\"good {i}\",\"level\":\"info\"}}").into_bytes(),
                b"good".to_vec(),
            ),
        };
        if i % 100 == 42 {
            poison.insert(position, value.clone());
        }
        let record = Record::new("", value)
            .key(key)
            .header("origin", "test")
            .header("origin", "again")
            .null_header("none");
        records.push((position.0, record.timestamp(START_MS as i64 + i)));
    }
    kafka()
        .await
        .produce("poison", records)
        .await
        .expect("produced");
    Gateway::start_with(&pipeline.yaml(), &["--until-end"])
        .ended(LIMIT)
        .await;
    assert_eq!(collector.received().await.len(), 990);
    let dead = kafka().await.read_all(&pipeline.dead_letters()).await;
    assert_eq!(dead.len(), poison.len());
    for letter in &dead {
        let position = (
            header(letter, "tidegate.partition")
                .parse()
                .expect("a number"),
            header(letter, "tidegate.offset").parse().expect("a number"),
        );
        assert_eq!(
            letter.value.as_deref(),
            poison.get(&position).map(Vec::as_slice),
            "at {position:?}"
        );
        assert_eq!(letter.key.as_deref().map(|k| k[0]), Some(0xff));
        let own: Vec<_> = letter
            .headers
            .iter()
            .filter(|(n, _)| !n.starts_with("tidegate."))
            .map(|(n, v)| (n.as_str(), v.as_deref()))
            .collect();
        assert_eq!(
            own,
            [
                ("origin", Some(&b"test"[..])),
                ("origin", Some(b"again")),
                ("none", None)
            ]
        );
        assert_eq!(header(letter, "tidegate.topic"), "poison");
        assert_eq!(header(letter, "tidegate.plugin"), "json");
        assert_eq!(header(letter, "tidegate.version"), "0.1.0");
        assert_eq!(header(letter, "tidegate.attempt"), "1");
        assert!(!header(letter, "tidegate.reason").is_empty());
    }
}

/// *Scenario:* the Collector is away for 60 s while records come, then something in its place answers
/// UNAUTHENTICATED for 30 s, then it is back.
/// *Guarantees:* everything arrives once, nothing goes to the dead letters, the gateway says that it is not
/// ready meanwhile, and its memory stays flat: promise 6.
#[tokio::test(flavor = "multi_thread")]
async fn an_absent_collector_costs_nothing_but_time() {
    let (mut collector, mut pipeline) = scene("away").await;
    pipeline.from = "max_in_flight: 16MiB";
    let (mut written, mut lines) = (Written::default(), Mixed::new(14, START_MS));
    let first = written.more(&mut lines, 20_000);
    kafka()
        .await
        .produce("away", first)
        .await
        .expect("produced");
    let gateway = Gateway::start(&pipeline.yaml());
    let group = pipeline.group();
    kafka()
        .await
        .wait_committed(&group, "away", &written.next, LIMIT)
        .await;
    collector.stop().await;
    let away = std::time::Instant::now();
    let second = written.more(&mut lines, 180_000);
    kafka()
        .await
        .produce("away", second)
        .await
        .expect("produced");
    wait_for("retries", LIMIT, async || {
        gateway.metric("tidegate_output_retries_total").await > 0.0
    })
    .await;
    let early = gateway.usage().rss;
    wait_for("a minute", LIMIT, async || {
        away.elapsed() >= Duration::from_secs(60)
    })
    .await;
    // Paused partitions are not fetched, and still their lag is known.
    wait_for("the whole lag", LIMIT, async || {
        gateway.metric("tidegate_lag_records").await == 180_000.0
    })
    .await;
    let refusing = Refusing::start(&pipeline.collector);
    let refused = std::time::Instant::now();
    wait_for("half a minute", LIMIT, async || {
        refused.elapsed() >= Duration::from_secs(30)
    })
    .await;
    let late = gateway.usage().rss;
    assert!(
        late < early + (32 << 20),
        "memory grew from {early} to {late} bytes while nothing could be sent"
    );
    assert!(gateway.get("/readyz").await.is_some_and(|(s, _)| s == 503));
    drop(refusing);
    collector.run().await;
    kafka()
        .await
        .wait_committed(&group, "away", &written.next, LIMIT)
        .await;
    wait_for("ready", LIMIT, async || {
        gateway.get("/readyz").await.is_some_and(|(s, _)| s == 200)
    })
    .await;
    gateway.stop().await;
    written.exactly_once(&collector.received().await);
    let dead: BTreeSet<_> = dead_letters(&pipeline).await.into_iter().collect();
    assert_eq!(
        dead, written.dead,
        "an output that is away or refuses us sends nothing to the dead letters"
    );
}

/// Something on the Collector's port that refuses everybody, until it is dropped, with every connection.
struct Refusing(Option<tokio::runtime::Runtime>);

impl Refusing {
    fn start(endpoint: &str) -> Refusing {
        let address = endpoint
            .trim_start_matches("http://")
            .parse()
            .expect("an address");
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build();
        let runtime = runtime.expect("a runtime");
        let (up, is_up) = std::sync::mpsc::channel();
        runtime.spawn(async move {
            let refuse = |_| Err(tonic::Status::unauthenticated("the token has expired"));
            let sink = Sink::answering(address, refuse)
                .await
                .expect("the Collector's port is free");
            up.send(()).expect("somebody waits");
            std::future::pending::<()>().await;
            drop(sink);
        });
        is_up.recv_timeout(LIMIT).expect("it listens");
        Refusing(Some(runtime))
    }
}

impl Drop for Refusing {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}
