//! Alerts and anomalies on a real Kafka and Collector, with the binary that users run: exactly those that the planted
//! incidents mean, through kills, moves and outputs that are away.

// A scenario reads best as one story.
#![allow(clippy::too_many_lines)]

use krafka::Record;
use serde_json::Value as Json;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use tidegate_tests::collector::Collector;
use tidegate_tests::gateway::Gateway;
use tidegate_tests::incidents::{Incident, RULES, Stream, assert_ended, raised};
use tidegate_tests::kafka::Kafka;
use tidegate_tests::plugins::built;
use tidegate_tests::{wait_for, wait_for_or_tell};

const LIMIT: Duration = Duration::from_secs(180);

/// One broker for all tests of this file; it ends with the process.
async fn kafka() -> &'static Kafka {
    static KAFKA: tokio::sync::OnceCell<Kafka> = tokio::sync::OnceCell::const_new();
    KAFKA.get_or_init(Kafka::start).await
}

/// A pipeline from a topic to the Collector, with alerts there and in a topic of their own.
struct Watched<'a> {
    topic: &'a str,
    group: &'a str,
    from: &'a str,
    alerts: &'a str,
}

/// The configuration of a gateway with these pipelines.
async fn yaml(collector: &str, pipelines: &[Watched<'_>]) -> String {
    let kafka = kafka().await.address();
    let mut yaml = format!(
        r#"
kafka: {{ main: {{ brokers: ["{kafka}"] }} }}
plugins:
  json: {{ wasm: "builtin:parse-json" }}
  rules: {{ wasm: "builtin:detect-rules", config: {RULES} }}
outputs:
  collector: {{ otlp: {{ endpoint: "{collector}", retry: {{ max: 1s }} }} }}
"#
    );
    let topics: BTreeSet<&str> = pipelines.iter().map(|p| p.alerts).collect();
    for topic in topics {
        yaml += &format!("  {topic}: {{ kafka: {{ cluster: main, topic: {topic} }} }}\n");
    }
    yaml += "pipelines:\n";
    for p in pipelines {
        let Watched {
            topic,
            group,
            from,
            alerts,
        } = p;
        yaml += &format!(
            r#"  {topic}:
    from: {{ cluster: main, group_id: {group}, topics: [{topic}]{from} }}
    parse: [json]
    detect: [rules]
    memory: {{ interval: 1s }}
    to: {{ records: [collector], alerts: [collector, {alerts}] }}
    dead_letters: discard
    commit_interval: 500ms
"#
        );
    }
    yaml
}

/// What a topic of alerts holds.
async fn told(topic: &str) -> Vec<Json> {
    let records = kafka().await.read_all(topic).await;
    let each = records.iter();
    each.map(|record| {
        let json: Json =
            serde_json::from_slice(record.value.as_deref().expect("a value")).expect("JSON");
        let key = record.key.as_deref().map(String::from_utf8_lossy);
        assert_eq!(json["fingerprint"].as_str(), key.as_deref());
        json
    })
    .collect()
}

/// Ends of a topic's partitions.
fn ends(records: &[(i32, Record)]) -> BTreeMap<i32, i64> {
    let mut ends = BTreeMap::new();
    for (partition, _) in records {
        *ends.entry(*partition).or_default() += 1;
    }
    ends
}

/// The log records in one file of the Collector that are alerts or anomalies, and how many others there are.
fn events(lines: &[Json]) -> (Vec<Json>, usize) {
    let (mut events, mut others) = (Vec::new(), 0);
    for request in lines {
        for resource in request["resourceLogs"].as_array().into_iter().flatten() {
            for scope in resource["scopeLogs"].as_array().into_iter().flatten() {
                for record in scope["logRecords"].as_array().into_iter().flatten() {
                    match record["eventName"].as_str() {
                        Some("tidegate.alert" | "tidegate.anomaly") => events.push(record.clone()),
                        _ => others += 1,
                    }
                }
            }
        }
    }
    (events, others)
}

/// The text of an attribute of an OTLP record in JSON.
fn attribute<'j>(record: &'j Json, key: &str) -> &'j Json {
    let attributes = record["attributes"].as_array().into_iter().flatten();
    let mut found = attributes.filter(|a| a["key"] == key);
    found.next().map_or(&Json::Null, |a| &a["value"])
}

/// *Scenario:* a stream with planted incidents, and with as many errors as make none, keyed by service, in topics of 1, 2
/// and 6 partitions; three pipelines read them in batches of 1,000, 7 and 64 records.
/// *Guarantees:* from each, exactly the alerts that are meant, once, with the offsets of the five errors and the time of
/// the fifth, in Kafka as JSON and in the Collector as OTLP events; each ends when it should; every record arrives.
#[tokio::test(flavor = "multi_thread")]
async fn exactly_the_planted_alerts_are_raised() {
    let mut collector = Collector::start().await;
    let stream = Stream::new(3);
    let cuts = [(1, 1_000), (2, 7), (6, 64)];
    let mut meant = BTreeMap::new();
    let mut froms = Vec::new();
    for (partitions, batch) in cuts {
        let topic = format!("planted{partitions}");
        let kafka = kafka().await;
        kafka.create_topic(&topic, partitions).await;
        kafka.create_topic(&format!("{topic}-alerts"), 2).await;
        let (records, incidents) = stream.keyed(partitions);
        kafka.produce(&topic, records).await.expect("produced");
        meant.insert(topic.clone(), incidents);
        froms.push((
            topic.clone(),
            format!("{topic}-alerts"),
            format!(", batch: {{ records: {batch} }}"),
        ));
    }
    let yaml = yaml(
        &collector.endpoint(),
        &froms
            .iter()
            .map(|(topic, alerts, from)| Watched {
                topic,
                group: topic,
                from,
                alerts,
            })
            .collect::<Vec<_>>(),
    )
    .await;
    let gateway = Gateway::start_with(&yaml, &["--until-end"]);
    let log = gateway.ended(LIMIT).await;
    let mut of_kafka = Vec::new();
    for (topic, incidents) in &meant {
        let alerts = told(&format!("{topic}-alerts")).await;
        let (began, ended) = raised(&alerts);
        assert_eq!(&began, incidents, "{topic}\n{log}");
        assert_ended(&ended, incidents);
        let names = |a: &Json| {
            (
                a["fingerprint"].clone(),
                a["title"].clone(),
                a["pipeline"].clone(),
            )
        };
        of_kafka.extend(alerts.iter().map(names));
    }
    collector.stop().await;
    let (events, records) = events(&collector.lines());
    assert_eq!(records, 3 * stream.lines.len());
    let name = |r: &Json| {
        let text = |key: &str| attribute(r, key)["stringValue"].clone();
        (
            text("tidegate.fingerprint"),
            r["body"]["stringValue"].clone(),
            text("tidegate.pipeline"),
        )
    };
    let mut of_collector: Vec<_> = events.iter().map(name).collect();
    of_kafka.sort_by_key(|n| format!("{n:?}"));
    of_collector.sort_by_key(|n| format!("{n:?}"));
    assert_eq!(of_collector, of_kafka);
}

/// Asserts that every alert that is meant was raised, and none that was not; some perhaps more than once.
fn assert_at_least_once(alerts: &[Json], meant: &[Incident]) {
    let (began, ended) = raised(alerts);
    let distinct: BTreeSet<_> = began.iter().collect();
    let expected: BTreeSet<_> = meant.iter().collect();
    let missing: Vec<_> = expected.difference(&distinct).collect();
    let foreign: Vec<_> = distinct.difference(&expected).collect();
    assert!(
        missing.is_empty() && foreign.is_empty(),
        "missing {missing:?}\nforeign {foreign:?}"
    );
    let ended: BTreeSet<_> = ended.into_iter().collect();
    assert_ended(&ended.into_iter().collect::<Vec<_>>(), meant);
}

/// *Scenario:* the stream comes slowly, ten minutes of its time in two seconds, while the gateway is killed (SIGKILL) ten
/// times and started again.
/// *Guarantees:* promise 1 for alerts: every planted alert arrives, those too whose window straddles a kill; none arrives
/// that was not planted.
#[tokio::test(flavor = "multi_thread")]
async fn planted_alerts_survive_ten_kills() {
    let collector = Collector::start().await;
    let kafka = kafka().await;
    kafka.create_topic("alerts-killed", 3).await;
    kafka.create_topic("killed-alerts", 1).await;
    let stream = Stream::new(4);
    let (records, meant) = stream.keyed(3);
    let ends = ends(&records);
    let all = records.len();
    let from = ", group_instance_id: one, session_timeout: 6s, heartbeat_interval: 1s";
    let yaml = yaml(
        &collector.endpoint(),
        &[Watched {
            topic: "alerts-killed",
            group: "alerts-killed",
            from,
            alerts: "killed-alerts",
        }],
    )
    .await;
    let producing = tokio::spawn(async move {
        kafka
            .produce_slowly("alerts-killed", records, all / 65)
            .await
    });
    for round in 0..10 {
        let gateway = Gateway::start(&yaml);
        // What was read before is committed, so that it is not simply read again.
        let enough = 350.0 + f64::from(round * 97 % 300);
        wait_for_or_tell(
            "records being read and committed",
            LIMIT,
            async || {
                gateway.metric("tidegate_commits_total").await >= 2.0
                    && gateway.metric("tidegate_records_in_total").await >= enough
            },
            || gateway.log(),
        )
        .await;
        gateway.kill().await;
    }
    let gateway = Gateway::start(&yaml);
    producing.await.expect("no panic").expect("produced");
    kafka
        .wait_committed("alerts-killed", "alerts-killed", &ends, LIMIT)
        .await;
    gateway.stop().await;
    assert_at_least_once(&told("killed-alerts").await, &meant);
}

/// *Scenario:* while the stream comes, a second gateway joins, the first stops, and comes back; then the second is killed.
/// *Guarantees:* promise 1 for alerts when partitions move: as above, those too whose window straddles a move.
#[tokio::test(flavor = "multi_thread")]
async fn planted_alerts_survive_moves() {
    let collector = Collector::start().await;
    let kafka = kafka().await;
    kafka.create_topic("alerts-moved", 6).await;
    kafka.create_topic("moved-alerts", 1).await;
    let stream = Stream::new(4);
    let (records, meant) = stream.keyed(6);
    let ends = ends(&records);
    let all = records.len();
    let from = ", session_timeout: 6s, heartbeat_interval: 1s";
    let yaml = yaml(
        &collector.endpoint(),
        &[Watched {
            topic: "alerts-moved",
            group: "alerts-moved",
            from,
            alerts: "moved-alerts",
        }],
    )
    .await;
    let producing = tokio::spawn(async move {
        kafka
            .produce_slowly("alerts-moved", records, all / 40)
            .await
    });
    let reads = async |gateway: &Gateway, records: usize| {
        wait_for_or_tell(
            "records being read",
            LIMIT,
            async || gateway.metric("tidegate_records_in_total").await >= records as f64,
            || gateway.log(),
        )
        .await;
    };
    let first = Gateway::start(&yaml);
    reads(&first, all / 6).await;
    let second = Gateway::start(&yaml);
    reads(&second, all / 12).await;
    first.stop().await;
    reads(&second, all / 4).await;
    let first = Gateway::start(&yaml);
    reads(&first, all / 16).await;
    second.kill().await;
    producing.await.expect("no panic").expect("produced");
    kafka
        .wait_committed("alerts-moved", "alerts-moved", &ends, LIMIT)
        .await;
    let log = first.stop().await;
    assert!(log.contains("what plugins remember is restored"), "{log}");
    assert_at_least_once(&told("moved-alerts").await, &meant);
}

/// *Scenario:* the output for alerts is away for a minute, that for records is not.
/// *Guarantees:* no offset is committed beyond the records of an alert that has not arrived; when the output is there
/// again, exactly the planted alerts arrive, and every record once.
#[tokio::test(flavor = "multi_thread")]
async fn records_wait_for_their_alerts() {
    const AWAY: Duration = Duration::from_secs(60);
    let (mut records_to, mut alerts_to) = (Collector::start().await, Collector::start().await);
    alerts_to.stop().await;
    let kafka = kafka().await;
    kafka.create_topic("waiting", 2).await;
    let stream = Stream::new(1);
    let (records, meant) = stream.keyed(2);
    let ends = ends(&records);
    kafka.produce("waiting", records).await.expect("produced");
    let yaml = format!(
        r#"
kafka: {{ main: {{ brokers: ["{}"] }} }}
plugins:
  json: {{ wasm: "builtin:parse-json" }}
  rules: {{ wasm: "builtin:detect-rules", config: {RULES} }}
outputs:
  records: {{ otlp: {{ endpoint: "{}" }} }}
  alerts: {{ otlp: {{ endpoint: "{}", retry: {{ max: 1s }} }} }}
pipelines:
  waiting:
    from: {{ cluster: main, group_id: waiting, topics: [waiting], batch: {{ records: 100 }} }}
    parse: [json]
    detect: [rules]
    to: {{ records: [records], alerts: [alerts] }}
    dead_letters: discard
"#,
        kafka.address(),
        records_to.endpoint(),
        alerts_to.endpoint(),
    );
    let gateway = Gateway::start(&yaml);
    wait_for("the records' arrival", LIMIT, async || {
        gateway.metric("tidegate_records_in_total").await >= stream.lines.len() as f64
    })
    .await;
    let came_back = async {
        tokio::time::sleep(AWAY).await;
        let first = |partition| {
            let of = meant.iter().filter_map(|i| i.evidence.last());
            of.filter(|(p, _)| *p == partition)
                .map(|(_, offset)| *offset)
                .min()
        };
        for (partition, committed) in kafka.committed("waiting", "waiting") {
            let held = first(partition).expect("an alert in each partition");
            assert!(
                committed <= held,
                "{committed} is committed, the alert at {held} is not delivered"
            );
        }
        alerts_to.run().await;
    };
    came_back.await;
    kafka
        .wait_committed("waiting", "waiting", &ends, LIMIT)
        .await;
    gateway.stop().await;
    records_to.stop().await;
    alerts_to.stop().await;
    assert_eq!(events(&records_to.lines()).1, stream.lines.len());
    let (alerts, others) = events(&alerts_to.lines());
    assert_eq!((alerts.len(), others), (2 * meant.len(), 0));
}

/// *Scenario:* a detector panics at one record of a thousand.
/// *Guarantees:* every record is delivered, that one too; the skip is counted, once; alerts about the others come.
#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_breaks_a_detector_is_delivered() {
    let mut collector = Collector::start().await;
    let kafka = kafka().await;
    kafka.create_topic("trapped", 1).await;
    let line = |i: usize| match i {
        500 => "POISON".to_owned(),
        i => format!("word{} {i}", i % 100),
    };
    let records = (0..1_000).map(|i| (0, Record::new("", line(i))));
    kafka.produce("trapped", records).await.expect("produced");
    let yaml = format!(
        r#"
kafka: {{ main: {{ brokers: ["{}"] }} }}
plugins:
  plain: {{ wasm: "builtin:parse-plain" }}
  watch: {{ wasm: "{}" }}
outputs: {{ collector: {{ otlp: {{ endpoint: "{}" }} }} }}
pipelines:
  trapped:
    from: {{ cluster: main, group_id: trapped, topics: [trapped] }}
    parse: [plain]
    detect: [watch]
    to: {{ records: [collector], alerts: [collector] }}
    dead_letters: discard
"#,
        kafka.address(),
        built("test-plugins", "watch").display(),
        collector.endpoint(),
    );
    let gateway = Gateway::start(&yaml);
    kafka
        .wait_committed("trapped", "trapped", &[(0, 1_000)].into(), LIMIT)
        .await;
    assert_eq!(
        gateway
            .metric("tidegate_plugin_records_skipped_total")
            .await,
        1.0
    );
    gateway.stop().await;
    collector.stop().await;
    let (alerts, records) = events(&collector.lines());
    assert_eq!(records, 1_000);
    assert!(!alerts.is_empty());
}

/// *Scenario:* the records of each service are spread over six partitions; a pipeline parses them and writes them to a
/// topic keyed by service, another reads that and counts; two gateways share the work of both.
/// *Guarantees:* counting across partitions by the documented way is right: exactly the planted incidents raise an alert,
/// each with its five errors as evidence, and each ends.
#[tokio::test(flavor = "multi_thread")]
async fn counts_are_right_across_partitions_by_a_keyed_topic() {
    const PARTITIONS: i32 = 6;
    let kafka = kafka().await;
    kafka.create_topic("spread", PARTITIONS).await;
    kafka.create_topic("spread-parsed", PARTITIONS).await;
    kafka.create_topic("spread-alerts", 1).await;
    let stream = Stream::new(3);
    let all = stream.lines.len();
    let record = |(i, line): (usize, &tidegate_tests::incidents::Line)| {
        let record = Record::new("", line.text.clone()).timestamp(line.at_ms as i64);
        (i as i32 % PARTITIONS, record)
    };
    let records: Vec<_> = stream.lines.iter().enumerate().map(record).collect();
    let spread = ends(&records);
    let yaml = format!(
        r#"
kafka: {{ main: {{ brokers: ["{}"] }} }}
plugins:
  json: {{ wasm: "builtin:parse-json" }}
  driftlock: {{ wasm: "builtin:parse-driftlock" }}
  rules: {{ wasm: "builtin:detect-rules", config: {RULES} }}
outputs:
  parsed: {{ kafka: {{ cluster: main, topic: spread-parsed, key: {{ resource: service.name }} }} }}
  alerts: {{ kafka: {{ cluster: main, topic: spread-alerts }} }}
pipelines:
  parse:
    from: {{ cluster: main, group_id: spread-parse, topics: [spread], attributes: [] }}
    parse: [json]
    to: {{ records: [parsed] }}
    dead_letters: discard
  count:
    from: {{ cluster: main, group_id: spread-count, topics: [spread-parsed] }}
    parse: [driftlock]
    detect: [rules]
    to: {{ records: [], alerts: [alerts] }}
    dead_letters: discard
"#,
        kafka.address()
    );
    let gateways = [Gateway::start(&yaml), Gateway::start(&yaml)];
    for gateway in &gateways {
        wait_for_or_tell(
            "a gateway's partitions of both topics",
            LIMIT,
            async || gateway.metric("tidegate_partitions").await == f64::from(PARTITIONS),
            || gateway.log(),
        )
        .await;
    }
    kafka
        .produce_slowly("spread", records, all / 40)
        .await
        .expect("produced");
    kafka
        .wait_committed("spread-parse", "spread", &spread, LIMIT)
        .await;
    let parsed = kafka.read_all("spread-parsed").await;
    assert_eq!(parsed.len(), all);
    let mut bodies: BTreeMap<(i32, i64), String> = BTreeMap::new();
    // Where reading begins is committed too.
    let mut counted: BTreeMap<i32, i64> = (0..PARTITIONS).map(|p| (p, 0)).collect();
    for record in &parsed {
        let json: Json =
            serde_json::from_slice(record.value.as_deref().expect("a value")).expect("JSON");
        let body = json["data"]["body"].as_str().unwrap_or_default().to_owned();
        bodies.insert((record.partition, record.offset), body);
        *counted.entry(record.partition).or_default() += 1;
    }
    kafka
        .wait_committed("spread-count", "spread-parsed", &counted, LIMIT)
        .await;
    for gateway in gateways {
        gateway.stop().await;
    }
    let (began, ended) = raised(&told("spread-alerts").await);
    let evidence = |incident: &Incident| {
        let bodies: BTreeSet<_> = incident
            .evidence
            .iter()
            .map(|at| bodies[at].clone())
            .collect();
        (incident.service.clone(), bodies)
    };
    let found: BTreeSet<_> = began.iter().map(evidence).collect();
    let services = tidegate_tests::incidents::SERVICES;
    let meant = (0..3).flat_map(|incident| {
        services.map(|service| {
            let bodies = (0..5).map(|n| format!("call {n} of incident {incident} failed"));
            (service.to_owned(), bodies.collect::<BTreeSet<_>>())
        })
    });
    assert_eq!(found, meant.collect());
    assert_eq!((began.len(), ended.len()), (18, 18));
}

/// *Scenario:* a topic with planted incidents and a run of lines unlike any before is read from its start by two groups
/// one after the other, in batches of other sizes.
/// *Guarantees:* both raise the same alerts and anomalies, byte for byte, and there are some of both.
#[tokio::test(flavor = "multi_thread")]
async fn a_replay_raises_the_same_again() {
    let kafka = kafka().await;
    kafka.create_topic("replayed", 3).await;
    let stream = Stream::new(2);
    let (mut records, meant) = stream.keyed(3);
    let end = stream.lines.last().expect("lines").at_ms;
    let mut rng = fastrand::Rng::with_seed(7);
    for n in 0..700_u64 {
        let words: Vec<String> = (0..12)
            .map(|_| (0..9).map(|_| rng.lowercase()).collect())
            .collect();
        let ts = tidegate::model::rfc3339(end + n);
        let text = format!(
            r#"{{"ts":"{ts}","service":"cart","msg":"{}"}}"#,
            words.join(" ")
        );
        records.push((0, Record::new("", text).timestamp((end + n) as i64)));
    }
    kafka.produce("replayed", records).await.expect("produced");
    let mut runs = Vec::new();
    for (run, batch) in [("first", 1_000), ("second", 37)] {
        kafka.create_topic(&format!("replayed-{run}"), 1).await;
        let yaml = format!(
            r#"
kafka: {{ main: {{ brokers: ["{}"] }} }}
plugins:
  json: {{ wasm: "builtin:parse-json" }}
  rules: {{ wasm: "builtin:detect-rules", config: {RULES} }}
  novelty: {{ wasm: "builtin:score-compression" }}
  rates: {{ wasm: "builtin:score-rate" }}
outputs: {{ findings: {{ kafka: {{ cluster: main, topic: replayed-{run} }} }} }}
pipelines:
  replayed:
    from: {{ cluster: main, group_id: replayed-{run}, topics: [replayed], batch: {{ records: {batch} }} }}
    parse: [json]
    detect: [rules]
    score: [novelty, rates]
    to: {{ records: [], alerts: [findings], anomalies: [findings] }}
    dead_letters: discard
"#,
            kafka.address()
        );
        let log = Gateway::start_with(&yaml, &["--until-end"])
            .ended(LIMIT)
            .await;
        let found = kafka.read_all(&format!("replayed-{run}")).await;
        let mut found: Vec<String> = found
            .iter()
            .map(|r| String::from_utf8_lossy(r.value.as_deref().unwrap_or_default()).into_owned())
            .collect();
        found.sort();
        assert!(!found.is_empty(), "{log}");
        runs.push(found);
    }
    assert_eq!(runs[0], runs[1]);
    let of = |kind: &str| {
        let tag = format!("{{\"type\":\"{kind}\"");
        runs[0].iter().filter(|json| json.starts_with(&tag)).count()
    };
    assert_eq!(of("alert"), 2 * meant.len());
    assert!(of("anomaly") > 0);
}
