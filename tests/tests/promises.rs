//! Promises of the whole gateway that the journey does not show, on a real Kafka with the binary that users run.

use krafka::Record;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tidegate::demo::sink::Sink;
use tidegate_tests::gateway::Gateway;
use tidegate_tests::kafka::Kafka;
use tidegate_tests::plugins::built;
use tidegate_tests::{free_port, wait_for};

const LIMIT: Duration = Duration::from_secs(120);

/// One broker for all tests of this file; it ends with the process.
async fn kafka() -> &'static Kafka {
    static KAFKA: tokio::sync::OnceCell<Kafka> = tokio::sync::OnceCell::const_new();
    KAFKA.get_or_init(Kafka::start).await
}

async fn write(topic: &str, values: impl Iterator<Item = String>) {
    kafka().await.create_topic(topic, 2).await;
    let partition = |i: usize| (i % 2) as i32;
    let records = values
        .enumerate()
        .map(|(i, v)| (partition(i), Record::new("", v)));
    kafka()
        .await
        .produce(topic, records)
        .await
        .expect("produced");
}

async fn sink() -> Sink {
    let any = "127.0.0.1:0".parse().expect("an address");
    Sink::counting(any).await.expect("a free port")
}

/// A pipeline named after its topic, as is its group: lines of text to an output.
fn plain(kafka: &Kafka, topic: &str, output: &Sink) -> String {
    format!(
        r#"
kafka: {{ main: {{ brokers: ["{}"] }} }}
plugins: {{ plain: {{ wasm: "builtin:parse-plain" }} }}
outputs: {{ sink: {{ otlp: {{ endpoint: "http://{}", compression: none }} }} }}
pipelines:
  {topic}:
    from: {{ cluster: main, group_id: {topic}, topics: [{topic}] }}
    parse: [plain]
    to: {{ records: [sink] }}
    dead_letters: discard
"#,
        kafka.address(),
        output.address(),
    )
}

/// *Scenario:* two pipelines; the plugin of one never ends on every record, the other has 50,000 good records.
/// *Guarantees:* promise 4: every record of the other is delivered and committed while the first is broken, not
/// ready by its own name, and sends no stream to the dead letters; the process lives.
#[tokio::test(flavor = "multi_thread")]
async fn promise_4_a_plugin_can_slow_only_its_own_pipeline() {
    const GOOD: usize = 50_000;
    write("slow", (0..1_000).map(|i| format!("POISON {i}"))).await;
    write(
        "good",
        (0..GOOD).map(|i| format!("{{\"msg\":\"good {i}\"}}")),
    )
    .await;
    kafka().await.create_topic("slow.dead", 1).await;
    let sink = sink().await;
    let yaml = format!(
        r#"
kafka: {{ main: {{ brokers: ["{kafka}"] }} }}
plugins:
  endless: {{ wasm: "{endless}", limits: {{ time_per_batch: 100ms, faults_per_minute: 5 }} }}
  json: {{ wasm: "builtin:parse-json" }}
outputs: {{ sink: {{ otlp: {{ endpoint: "http://{sink}", compression: none }} }} }}
pipelines:
  slow:
    from: {{ cluster: main, group_id: slow, topics: [slow] }}
    parse: [endless]
    to: {{ records: [sink] }}
    dead_letters: {{ cluster: main, topic: slow.dead }}
  good:
    from: {{ cluster: main, group_id: good, topics: [good] }}
    parse: [json]
    to: {{ records: [sink] }}
    dead_letters: discard
"#,
        kafka = kafka().await.address(),
        endless = built("test-plugins", "endless").display(),
        sink = sink.address(),
    );
    let gateway = Gateway::start(&yaml);
    let all = [(0, GOOD as i64 / 2), (1, GOOD as i64 / 2)].into();
    kafka()
        .await
        .wait_committed("good", "good", &all, LIMIT)
        .await;
    assert_eq!(sink.records(), GOOD as u64);
    wait_for("the plugin to be called broken", LIMIT, async || {
        let page = gateway.get("/readyz").await;
        page.is_some_and(|(status, why)| status == 503 && why.contains("pipeline slow"))
    })
    .await;
    let (_, why) = gateway.get("/readyz").await.expect("it answers");
    assert!(!why.contains("pipeline good"), "{why}");
    assert!(gateway.is_running());
    let dead = kafka().await.written("slow.dead");
    assert!(
        dead < 100,
        "{dead} of 1,000 records went to the dead letters"
    );
    gateway.stop().await;
}

/// *Scenario:* a plugin makes 40 times as many bytes of each record, and the output is away; then it is there.
/// *Guarantees:* promise 6: what is counted as in flight stays near the configured sum, and so does the memory of
/// the process; nothing is lost by it.
#[tokio::test(flavor = "multi_thread")]
async fn promise_6_memory_stays_under_the_sum_though_plugins_add() {
    const RECORDS: usize = 60_000;
    const SUM: f64 = (16 << 20) as f64;
    let line = |i: usize| format!("{{\"msg\":\"{i}\",\"pad\":\"{}\"}}", "x".repeat(60));
    write("grown", (0..RECORDS).map(line)).await;
    let port = free_port();
    let yaml = format!(
        r#"
kafka: {{ main: {{ brokers: ["{kafka}"] }} }}
plugins:
  json: {{ wasm: "builtin:parse-json" }}
  note: {{ wasm: "builtin:enrich-static", config: {{ attributes: {{ set: {{ note: "{note}" }} }} }} }}
outputs: {{ sink: {{ otlp: {{ endpoint: "http://127.0.0.1:{port}", compression: none }} }} }}
pipelines:
  grown:
    from: {{ cluster: main, group_id: grown, topics: [grown], max_in_flight: 16MiB, fetch_max_bytes: 1MiB }}
    parse: [json]
    enrich: [note]
    to: {{ records: [sink] }}
    dead_letters: discard
"#,
        kafka = kafka().await.address(),
        note = "n".repeat(4_000),
    );
    let gateway = Gateway::start(&yaml);
    let in_flight = async || gateway.metric("tidegate_in_flight_bytes").await;
    wait_for("the sum to be full", LIMIT, async || {
        in_flight().await > SUM
    })
    .await;
    let full = gateway.usage().rss;
    let retries = async || gateway.metric("tidegate_output_retries_total").await;
    let before = retries().await;
    wait_for("some time with the output away", LIMIT, async || {
        retries().await >= before + 6.0
    })
    .await;
    let (bytes, rss) = (in_flight().await, gateway.usage().rss);
    // Besides the sum: a poll, and what each lane was at when the sum was full, a grown batch of 4 MB.
    assert!(bytes < SUM * 2.0, "{bytes} bytes in flight");
    assert!(
        rss < full + (32 << 20),
        "memory grew from {full} to {rss} bytes"
    );
    let there = format!("127.0.0.1:{port}").parse().expect("an address");
    let sink = Sink::counting(there)
        .await
        .expect("the output's port is free");
    let all = [(0, RECORDS as i64 / 2), (1, RECORDS as i64 / 2)].into();
    kafka()
        .await
        .wait_committed("grown", "grown", &all, LIMIT)
        .await;
    assert_eq!(sink.records(), RECORDS as u64);
    gateway.stop().await;
}

/// *Scenario:* records come while a second gateway joins the group, and later the first one leaves it; the output
/// refuses a tenth of the requests as unavailable.
/// *Guarantees:* promises 1 and 2: every record arrives, whoever had its partition; at the end all is committed.
#[tokio::test(flavor = "multi_thread")]
async fn promises_1_2_hold_when_partitions_move() {
    const RECORDS: usize = 60_000;
    const PARTITIONS: i32 = 4;
    let kafka = kafka().await;
    kafka.create_topic("moving", PARTITIONS).await;
    let seen: Arc<Mutex<HashSet<String>>> = Arc::default();
    let (taken, requests) = (seen.clone(), AtomicUsize::new(0));
    let sink = Sink::answering("127.0.0.1:0".parse().expect("an address"), move |request| {
        if requests.fetch_add(1, Ordering::SeqCst) % 10 == 9 {
            return Err(tonic::Status::unavailable("busy"));
        }
        taken.lock().expect("no panic").extend(bodies(request));
        Ok(Default::default())
    })
    .await
    .expect("a free port");
    let yaml = plain(kafka, "moving", &sink);
    let records = (0..RECORDS).map(|i| {
        let partition = (i % PARTITIONS as usize) as i32;
        (partition, Record::new("", format!("line {i}")))
    });
    let records: Vec<_> = records.collect();
    let producing =
        tokio::spawn(async move { kafka.produce_slowly("moving", records, 5_000).await });
    let arrived = || seen.lock().expect("no panic").len();
    let first = Gateway::start(&yaml);
    wait_for("a fifth", LIMIT, async || arrived() > RECORDS / 5).await;
    let second = Gateway::start(&yaml);
    wait_for("the second to read", LIMIT, async || {
        second.metric("tidegate_records_in_total").await > 0.0
    })
    .await;
    wait_for("a half", LIMIT, async || arrived() > RECORDS / 2).await;
    first.stop().await;
    producing.await.expect("no panic").expect("produced");
    let end = RECORDS as i64 / i64::from(PARTITIONS);
    let all = (0..PARTITIONS).map(|p| (p, end)).collect();
    kafka.wait_committed("moving", "moving", &all, LIMIT).await;
    assert_eq!(arrived(), RECORDS);
    second.stop().await;
}

fn bodies(request: ExportLogsServiceRequest) -> impl Iterator<Item = String> {
    let resources = request.resource_logs.into_iter();
    let records = resources
        .flat_map(|r| r.scope_logs)
        .flat_map(|s| s.log_records);
    records.filter_map(|r| match r.body?.value? {
        Value::StringValue(text) => Some(text),
        _ => None,
    })
}

/// *Scenario:* the broker stops answering under a gateway that reads, then answers again.
/// *Guarantees:* readiness tells it by name, and that it is over; the gateway goes on by itself.
#[tokio::test(flavor = "multi_thread")]
async fn readiness_tells_that_kafka_is_away() {
    let kafka = Kafka::start().await;
    kafka.create_topic("frozen", 1).await;
    let sink = sink().await;
    let yaml = plain(&kafka, "frozen", &sink);
    let gateway = Gateway::start(&yaml);
    let status = async || gateway.get("/readyz").await;
    let ready = async || status().await.is_some_and(|(code, _)| code == 200);
    wait_for("ready", LIMIT, ready).await;
    kafka.freeze();
    wait_for("not ready", LIMIT, async || {
        let said = status().await;
        said.is_some_and(|(code, why)| code == 503 && why.contains("kafka of frozen"))
    })
    .await;
    kafka.thaw();
    wait_for("ready again", LIMIT, ready).await;
    let line = [(0, Record::new("", "a line"))];
    kafka.produce("frozen", line).await.expect("produced");
    wait_for("the record", LIMIT, async || sink.records() >= 1).await;
    gateway.stop().await;
}

/// *Scenario:* a topic that is not there is to be read to its end.
/// *Guarantees:* that is no success: the gateway ends by itself and names the topic.
#[tokio::test(flavor = "multi_thread")]
async fn a_topic_that_is_missing_has_no_end() {
    let yaml = plain(kafka().await, "absent", &sink().await);
    let gateway = Gateway::start_with(&yaml, &["--until-end"]);
    let log = gateway.ended(LIMIT).await;
    assert!(log.contains("topic absent does not exist"), "{log}");
}
