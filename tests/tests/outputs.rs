//! Kafka as an output, on a real Kafka, with the binary that users run.

// A scenario reads best as one story.
#![allow(clippy::too_many_lines)]

use krafka::Record;
use krafka::consumer::ConsumerRecord;
use serde_json::{Value as Json, json};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use tidegate::demo::mixed::{Expected, Meant, Mixed, Value};
use tidegate_tests::collector::Collector;
use tidegate_tests::expect::arrived;
use tidegate_tests::gateway::Gateway;
use tidegate_tests::kafka::Kafka;
use tidegate_tests::pipeline::demo_yaml;
use tidegate_tests::wait_for_or_tell;

const PARTITIONS: i32 = 6;
const START_MS: u64 = 1_795_230_765_123;
const LIMIT: Duration = Duration::from_secs(180);

/// Partition and offset.
type Position = (i32, i64);

/// One broker for all tests of this file; it ends with the process.
async fn kafka() -> &'static Kafka {
    static KAFKA: tokio::sync::OnceCell<Kafka> = tokio::sync::OnceCell::const_new();
    KAFKA.get_or_init(Kafka::start).await
}

/// What was written where, and what is meant by it.
#[derive(Default)]
struct Written {
    delivered: BTreeMap<Position, (Expected, Option<String>)>,
    next: BTreeMap<i32, i64>,
}

impl Written {
    /// The next lines of a stream, round robin over the partitions, as records to be produced.
    fn more(&mut self, lines: &mut Mixed, count: usize) -> Vec<(i32, Record)> {
        let line = |i: usize| {
            let partition = (i % PARTITIONS as usize) as i32;
            let next = self.next.entry(partition).or_default();
            let position = (partition, *next);
            *next += 1;
            let line = lines.line();
            if let Meant::Delivered(mut expected) = line.meant {
                expected.redacted = 0;
                let meant = (*expected, line.key.clone());
                self.delivered.insert(position, meant);
            }
            let record = Record::new("", line.value).timestamp(time_ms(position));
            let keyed = line.key.into_iter().fold(record, |r, key| r.key(key));
            (partition, keyed)
        };
        (0..count).map(line).collect()
    }
}

fn time_ms((partition, offset): Position) -> i64 {
    START_MS as i64 + offset * 10 + i64::from(partition)
}

/// The shipped pipeline, reading `topic`, with other outputs.
fn yaml(topic: &str, clusters: &str, outputs: &str, to: &str) -> String {
    let demo = demo_yaml();
    let (before, rest) = demo.split_once("outputs:\n").expect("outputs");
    let (_, after) = rest.split_once("pipelines:\n").expect("pipelines");
    let address = format!("\"{}\"", ADDRESS.get().expect("the broker runs"));
    format!("{before}outputs:\n{outputs}\npipelines:\n{after}")
        .replace("kafka:\n", &format!("kafka:\n{clusters}"))
        .replace("\"${TIDEGATE_DEMO_BROKER}\"", &address)
        .replace("tidegate-demo", &format!("tidegate-{topic}"))
        .replace("topics: [logs.demo]", &format!("topics: [{topic}]"))
        .replace("{ records: [collector] }", to)
        .replace("logs.demo.dead", &format!("{topic}.dead"))
}

/// The shared broker's address.
static ADDRESS: std::sync::OnceLock<String> = std::sync::OnceLock::new();

/// Makes the topic that is read and its dead letters' one.
async fn scene(topic: &str) {
    let kafka = kafka().await;
    ADDRESS.get_or_init(|| kafka.address());
    kafka.create_topic(topic, PARTITIONS).await;
    kafka.create_topic(&format!("{topic}.dead"), 1).await;
}

fn text(bytes: Option<&bytes::Bytes>) -> Option<String> {
    bytes.map(|b| String::from_utf8(b.to_vec()).expect("text"))
}

fn json(record: &ConsumerRecord) -> Json {
    serde_json::from_slice(record.value.as_ref().expect("a value")).expect("JSON")
}

/// The raw record that an OTLP/JSON record came from, and the record.
fn otlp(record: &ConsumerRecord) -> (Position, Expected) {
    let value = text(record.value.as_ref()).expect("a value");
    let [one] = arrived(&value).try_into().expect("one record in each");
    assert_eq!(
        one.observed_unix_nano,
        time_ms(one.position) as u64 * 1_000_000
    );
    (one.position, one.record)
}

fn native(attributes: &BTreeMap<String, Value>) -> BTreeMap<String, Json> {
    let value = |v: &Value| match v {
        Value::Text(t) => json!(t),
        Value::Integer(i) => json!(i),
    };
    attributes
        .iter()
        .map(|(k, v)| (k.clone(), value(v)))
        .collect()
}

/// Of one source partition and key, records stand in their order in one partition of the topic. Where some came
/// twice it is the last copies that do.
fn in_order(records: &[(ConsumerRecord, Position)]) {
    let mut partition_of: BTreeMap<Option<String>, i32> = BTreeMap::new();
    let mut last: BTreeMap<Position, Position> = BTreeMap::new();
    for (record, position) in records {
        if let Some(key) = text(record.key.as_ref()) {
            let of_key = partition_of.entry(Some(key)).or_insert(record.partition);
            assert_eq!(*of_key, record.partition, "one partition a key");
        }
        let at = (record.partition, record.offset);
        let copy = last.entry(*position).or_insert(at);
        *copy = at.max(*copy);
    }
    let key_of: BTreeMap<Position, Option<String>> = records
        .iter()
        .map(|(record, position)| (*position, text(record.key.as_ref())))
        .collect();
    let mut before: BTreeMap<(i32, &str), Position> = BTreeMap::new();
    for (position, at) in &last {
        // Records without a key spread over partitions.
        let Some(key) = &key_of[position] else {
            continue;
        };
        if let Some(earlier) = before.insert((position.0, key), *at) {
            assert!(
                earlier < *at,
                "{position:?} of {key} stands before an earlier one"
            );
        }
    }
}

/// *Scenario:* 20,000 mixed records go to two topics at once: as OTLP/JSON by `service.name`, compressed with lz4, and as
/// DriftLock's envelope by the key that they came with, compressed with zstd and with a header.
/// *Guarantees:* each arrives exactly once in both, equal field by field to what its generator meant; its key,
/// header and Kafka time are what the configuration says; one key is in one partition, in the order of its source
/// partition (promise 3); all is committed. The Collector reads the OTLP/JSON as what it says.
#[tokio::test(flavor = "multi_thread")]
async fn records_reach_topics_as_meant() {
    /// Records that are shown to a Collector.
    const SHOWN: usize = 200;
    scene("mixed").await;
    let kafka = kafka().await;
    kafka.create_topic("lake", 4).await;
    kafka.create_topic("envelope", 4).await;
    let outputs = "  lake: { kafka: { cluster: demo, topic: lake, format: otlp_json, key: { resource: service.name }, compression: lz4 } }
  envelope: { kafka: { cluster: demo, topic: envelope, key: original, compression: zstd, headers: { app: shop } } }";
    let yaml = yaml("mixed", "", outputs, "{ records: [lake, envelope] }");
    let mut written = Written::default();
    let records = written.more(&mut Mixed::new(21, START_MS), 20_000);
    kafka.produce("mixed", records).await.expect("produced");
    let log = Gateway::start_with(&yaml, &["--until-end"])
        .ended(LIMIT)
        .await;

    let mut seen = BTreeSet::new();
    let lake = kafka.read_all("lake").await;
    assert_eq!(lake.len(), written.delivered.len(), "{log}");
    let mut placed = Vec::new();
    for record in lake {
        let (position, got) = otlp(&record);
        let (expected, _) = &written.delivered[&position];
        assert_eq!(got, *expected, "at {position:?}");
        assert!(seen.insert(position), "{position:?} came twice");
        let service = expected.resource.get("service.name").map(|v| match v {
            Value::Text(t) => t.clone(),
            Value::Integer(i) => i.to_string(),
        });
        assert_eq!(text(record.key.as_ref()), service);
        assert_eq!(record.timestamp, time_ms(position));
        placed.push((record, position));
    }
    in_order(&placed);
    let mut collector = Collector::start().await;
    for (record, _) in placed.iter().take(SHOWN) {
        let value = record.value.as_ref().expect("a value");
        assert!(collector.post(value).await, "{value:?}");
    }
    let read = collector.received().await;
    assert_eq!(read.len(), SHOWN);
    for one in read {
        assert_eq!(one.record, written.delivered[&one.position].0);
    }

    seen.clear();
    placed.clear();
    let envelope = kafka.read_all("envelope").await;
    assert_eq!(envelope.len(), written.delivered.len());
    for record in envelope {
        let event = json(&record);
        assert_eq!(event["type"], "log");
        let data = &event["data"];
        let mut attributes: BTreeMap<String, Json> =
            serde_json::from_value(data["attributes"].clone()).expect("attributes");
        let mut take = |name: &str| {
            attributes
                .remove(name)
                .unwrap_or_else(|| panic!("no {name}"))
        };
        assert_eq!(take("messaging.destination.name"), "mixed");
        let partition = take("messaging.destination.partition.id");
        let partition = partition.as_str().expect("text").parse().expect("a number");
        let offset = take("messaging.kafka.offset").as_i64().expect("an integer");
        let position: Position = (partition, offset);
        let (expected, key) = &written.delivered[&position];
        assert_eq!(attributes, native(&expected.attributes));
        let resource: BTreeMap<String, Json> =
            serde_json::from_value(data["resource"].clone()).expect("resource");
        assert_eq!(resource, native(&expected.resource));
        let service = resource.get("service.name").and_then(Json::as_str);
        assert_eq!(event["source"], service.unwrap_or_default());
        if let Ok(body) = std::str::from_utf8(&expected.body) {
            assert_eq!(data["body"], body);
        }
        assert_eq!(data["severity"], expected.severity_text);
        assert_eq!(data["severity_number"], expected.severity);
        assert_eq!(
            data["trace_id"].as_str().unwrap_or_default(),
            expected.trace_id
        );
        assert_eq!(data["timestamp"].is_null(), expected.time_unix_nano == 0);
        assert_eq!(text(record.key.as_ref()), *key);
        let (name, value) = record.headers.first().expect("a header");
        assert_eq!(
            (name.as_str(), text(value.as_ref())),
            ("app", Some("shop".to_owned()))
        );
        assert!(seen.insert(position), "{position:?} came twice");
        placed.push((record, position));
    }
    in_order(&placed);
    assert_eq!(kafka.committed("tidegate-mixed", "mixed"), written.next);
}

/// *Scenario:* the cluster that is written to stops answering in the middle of a stream, for longer than the client
/// goes on trying, and comes back.
/// *Guarantees:* promises 1 and 3: the output is told to be away and the gateway stays ready; nothing is lost, nothing
/// dead-lettered, and the last copies of one key are in the order of their source partition.
#[tokio::test(flavor = "multi_thread")]
async fn promises_1_3_hold_while_the_output_is_frozen() {
    scene("frozen").await;
    let (kafka, other) = (kafka().await, Kafka::start().await);
    other.create_topic("lake", 3).await;
    let clusters = format!(
        "  other: {{ brokers: [\"{}\"], request_timeout: 1s }}\n",
        other.address()
    );
    let outputs = "  lake: { kafka: { cluster: other, topic: lake, format: otlp_json, key: { resource: service.name }, retry: { max: 1s } } }";
    let yaml = yaml("frozen", &clusters, outputs, "{ records: [lake] }");
    let mut written = Written::default();
    let records = written.more(&mut Mixed::new(22, START_MS), 60_000);
    let gateway = Gateway::start(&yaml);
    let producing = tokio::spawn(kafka.produce_slowly("frozen", records, 10_000));
    let tell = || gateway.log();
    let metric = async |name: &str, least: f64| gateway.metric(name).await >= least;
    wait_for_or_tell(
        "some progress",
        LIMIT,
        async || metric("tidegate_output_records_total", 5_000.0).await,
        tell,
    )
    .await;
    other.freeze();
    wait_for_or_tell(
        "the output being away",
        LIMIT,
        async || metric("tidegate_output_retries_total", 2.0).await,
        tell,
    )
    .await;
    assert!(gateway.metric("tidegate_output_unhealthy").await > 0.0);
    let (status, page) = gateway.get("/readyz").await.expect("an answer");
    assert_eq!(status, 200, "{page}");
    other.thaw();
    producing.await.expect("no panic").expect("produced");
    kafka
        .wait_committed("tidegate-frozen", "frozen", &written.next, LIMIT)
        .await;
    let dead_before_stop = gateway
        .metric("tidegate_output_records_refused_total")
        .await;
    assert!(gateway.metric("tidegate_output_unhealthy").await < 1.0);
    gateway.stop().await;
    assert!(dead_before_stop < 1.0);
    let mut placed = Vec::new();
    for record in other.read_all("lake").await {
        let (position, got) = otlp(&record);
        assert_eq!(got, written.delivered[&position].0);
        placed.push((record, position));
    }
    let seen: BTreeSet<_> = placed.iter().map(|(_, position)| *position).collect();
    assert_eq!(seen.len(), written.delivered.len(), "every record arrived");
    in_order(&placed);
}

/// *Scenario:* the topic that is written does not exist; records come; after a while somebody makes it, for records smaller than
/// one of those that wait.
/// *Guarantees:* the gateway says so before the first record and is not ready, makes no topic, holds and commits nothing; then it goes on,
/// every record arrives once, but for the one that is too large: that is the only dead letter, with the output's
/// name.
#[tokio::test(flavor = "multi_thread")]
async fn a_missing_topic_holds_and_a_record_too_large_does_not() {
    const LARGE: i64 = 50;
    scene("missing").await;
    let kafka = kafka().await;
    let line = |n: i64| match n {
        LARGE => format!("{{\"message\":\"{}\"}}", "x".repeat(400_000)),
        n => format!("{{\"message\":\"{n}\"}}"),
    };
    let outputs = "  small: { kafka: { cluster: demo, topic: small, format: otlp_json, retry: { max: 1s } } }";
    let gateway = Gateway::start(&yaml("missing", "", outputs, "{ records: [small] }"));
    let told = async |why: &str| {
        let not_ready = async || {
            let page = gateway.get("/readyz").await;
            page.is_some_and(|(status, page)| status == 503 && page.contains(why))
        };
        wait_for_or_tell(why, LIMIT, not_ready, || gateway.log()).await;
    };
    told("topic small of cluster demo: does not exist: make it").await;
    let records = (0..200).map(|n| (0, Record::new("", line(n).into_bytes())));
    kafka.produce("missing", records).await.expect("produced");
    told("output small: refused").await;
    assert!(
        !gateway.log().contains("krafka::metadata"),
        "ten lines a second"
    );
    assert!(
        kafka
            .committed("tidegate-missing", "missing")
            .values()
            .all(|o| *o == 0)
    );
    let mut topic = krafka::admin::NewTopic::new("small", 1, 1).expect("a topic");
    for (name, value) in [("retention.ms", "-1"), ("max.message.bytes", "300000")] {
        topic.configs.insert(name.into(), value.into());
    }
    let client = kafka.client().await;
    let options = krafka::admin::CreateTopicsOptions::default();
    let made = client.admin().create_topics(vec![topic], options).await;
    made.expect("the topic is made: the gateway has not made it");
    // Where nothing was, reading began at 0.
    let all = (0..PARTITIONS).map(|p| (p, if p == 0 { 200 } else { 0 }));
    let all = all.collect();
    kafka
        .wait_committed("tidegate-missing", "missing", &all, LIMIT)
        .await;
    let ready = async || gateway.get("/readyz").await.is_some_and(|(s, _)| s == 200);
    wait_for_or_tell("ready", LIMIT, ready, || gateway.log()).await;
    gateway.stop().await;
    let got: Vec<i64> = kafka
        .read_all("small")
        .await
        .iter()
        .map(otlp_offset)
        .collect();
    assert_eq!(got, (0..200).filter(|n| *n != LARGE).collect::<Vec<_>>());
    let [dead] = kafka
        .read_all("missing.dead")
        .await
        .try_into()
        .expect("one dead letter");
    let header = |name: &str| {
        let found = dead.headers.iter().find(|(n, _)| n.as_str() == name);
        text(found.and_then(|(_, v)| v.as_ref()))
    };
    assert_eq!(header("tidegate.offset"), Some(LARGE.to_string()));
    assert_eq!(header("tidegate.plugin"), Some("small".to_owned()));
    assert_eq!(header("tidegate.maybe-delivered"), None);
}

/// The offset of the raw record, from the attributes of the only record of an OTLP/JSON request.
fn otlp_offset(record: &ConsumerRecord) -> i64 {
    let [one] = arrived(&text(record.value.as_ref()).expect("a value"))
        .try_into()
        .expect("one record in each");
    one.position.1
}

/// *Scenario:* one pipeline writes its records to a topic by `service.name`, another of the same process reads that.
/// *Guarantees:* rule 11: reading by name what another pipeline writes is what such outputs are for; every record comes
/// out of the second one once, and those of one service through one partition.
#[tokio::test(flavor = "multi_thread")]
async fn rule_11_a_second_pipeline_reads_what_the_first_writes() {
    scene("first").await;
    let kafka = kafka().await;
    for topic in ["keyed", "second"] {
        kafka.create_topic(topic, 3).await;
    }
    kafka.create_topic("keyed.dead", 1).await;
    let outputs =
        "  keyed: { kafka: { cluster: demo, topic: keyed, key: { resource: service.name } } }
  second: { kafka: { cluster: demo, topic: second, format: otlp_json, key: original } }";
    let first = yaml("first", "", outputs, "{ records: [keyed] }");
    let second = "
  second:
    from: { cluster: demo, group_id: tidegate-keyed, topics: [keyed], start: earliest }
    parse: [json]
    to: { records: [second] }
    dead_letters: { cluster: demo, topic: keyed.dead }
";
    let mut written = Written::default();
    let records = written.more(&mut Mixed::new(23, START_MS), 6_000);
    kafka.produce("first", records).await.expect("produced");
    let gateway = Gateway::start(&format!("{first}{second}"));
    let expected = written.delivered.len() as f64;
    let all = async || {
        let text = gateway
            .get("/metrics")
            .await
            .map_or_else(String::new, |(_, body)| body);
        let line = "tidegate_records_delivered_total{pipeline=\"second\"} ";
        let value = text.lines().find_map(|l| l.strip_prefix(line));
        value.and_then(|v| v.parse::<f64>().ok()).unwrap_or(0.0) >= expected
    };
    wait_for_or_tell("the second pipeline's end", LIMIT, all, || gateway.log()).await;
    let log = gateway.stop().await;
    let (keyed, second) = (
        kafka.read_all("keyed").await,
        kafka.read_all("second").await,
    );
    assert_eq!(keyed.len(), written.delivered.len(), "{log}");
    assert_eq!(second.len(), keyed.len());
    let keys = |records: &[ConsumerRecord]| {
        let mut keys: Vec<_> = records.iter().map(|r| text(r.key.as_ref())).collect();
        keys.sort();
        keys
    };
    assert_eq!(keys(&keyed), keys(&second));
    let mut partition_of: BTreeMap<String, i32> = BTreeMap::new();
    for record in &keyed {
        if let Some(key) = text(record.key.as_ref()) {
            let of_key = *partition_of.entry(key).or_insert(record.partition);
            assert_eq!(of_key, record.partition);
        }
    }
    assert!(partition_of.len() > 2);
}
