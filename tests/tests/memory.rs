//! What plugins remember, in its topic on a real Kafka: damaged, foreign, deadly to restore, kept across restarts.

use krafka::Record;
use std::time::Duration;
use tidegate_tests::gateway::Gateway;
use tidegate_tests::kafka::Kafka;
use tidegate_tests::plugins::built;
use tidegate_tests::wait_for_or_tell;

const LIMIT: Duration = Duration::from_secs(60);

/// One broker for all tests of this file; it ends with the process.
async fn kafka() -> &'static Kafka {
    static KAFKA: tokio::sync::OnceCell<Kafka> = tokio::sync::OnceCell::const_new();
    KAFKA.get_or_init(Kafka::start).await
}

/// A pipeline named after its topic, as is its group, with the detector of the tests.
async fn yaml(topic: &str, more: &str) -> String {
    format!(
        r#"
kafka: {{ main: {{ brokers: ["{}"] }} }}
plugins:
  plain: {{ wasm: "builtin:parse-plain" }}
  watch: {{ wasm: "{}", limits: {{ time_per_batch: 300ms }} }}
outputs: {{ alerts: {{ kafka: {{ cluster: main, topic: {topic}-alerts }} }} }}
pipelines:
  {topic}:
    from: {{ cluster: main, group_id: {topic}, topics: [{topic}] }}
    parse: [plain]
    detect: [watch]
    to: {{ records: [], alerts: [alerts] }}
    dead_letters: discard{more}
"#,
        kafka().await.address(),
        built("test-plugins", "watch").display(),
    )
}

async fn topics(topic: &str) {
    kafka().await.create_topic(topic, 1).await;
    kafka()
        .await
        .create_topic(&format!("{topic}-alerts"), 1)
        .await;
}

/// Writes lines and runs the gateway until they are done; gives its log.
async fn run(topic: &str, yaml: &str, lines: &[&str], end: i64) -> String {
    let records = lines
        .iter()
        .map(|line| (0, Record::new("", (*line).to_owned())));
    kafka()
        .await
        .produce(topic, records)
        .await
        .expect("produced");
    let gateway = Gateway::start(yaml);
    let committed = [(0, end)].into();
    kafka()
        .await
        .wait_committed(topic, topic, &committed, LIMIT)
        .await;
    gateway.stop().await
}

/// The titles of the alerts so far.
async fn titles(topic: &str) -> Vec<String> {
    let alerts = kafka().await.read_all(&format!("{topic}-alerts")).await;
    let title = |value: &[u8]| {
        let json: serde_json::Value = serde_json::from_slice(value).expect("JSON");
        json["title"].as_str().unwrap_or_default().to_owned()
    };
    let titles = alerts
        .iter()
        .map(|r| title(r.value.as_deref().expect("a value")));
    // What time alone brings about depends on how long the test takes.
    titles.filter(|title| title != "nothing came").collect()
}

/// *Scenario:* two records of one word, one that makes the plugin remember a megabyte of noise, a clean stop, and the
/// third of the word after the restart.
/// *Guarantees:* memory is kept over a restart, be it as large as it may: the third raises the alert of all three; it lies
/// in a compacted topic named after the group, which the gateway made.
#[tokio::test(flavor = "multi_thread")]
async fn memory_is_kept_over_a_restart() {
    topics("kept").await;
    let yaml = yaml("kept", "").await;
    run("kept", &yaml, &["red a", "NOISE", "red b"], 3).await;
    assert_eq!(titles("kept").await, Vec::<String>::new());
    let log = run("kept", &yaml, &["red c"], 4).await;
    assert!(log.contains("what plugins remember is restored"), "{log}");
    assert_eq!(titles("kept").await, ["red came 3 times"]);
    let memory = kafka().await.read_all("tidegate-memory-kept").await;
    assert!(
        memory
            .iter()
            .all(|r| r.key.as_deref() == Some(b"kept/kept/0"))
    );
}

/// *Scenario:* what was saved of a partition traps when it is restored, or never ends; was saved by another plugin; or
/// was cut in half in its topic.
/// *Guarantees:* each ends with an empty partition and a message that says why; the records are counted from there on.
#[tokio::test(flavor = "multi_thread")]
async fn memory_that_cannot_be_taken_over_starts_empty_and_says_so() {
    for (topic, last) in [
        ("traps", "TRAPS"),
        ("loops", "LOOPS"),
        ("foreign", "red"),
        ("halved", "red"),
    ] {
        topics(topic).await;
        let yaml = yaml(topic, "").await;
        run(topic, &yaml, &["red a", last], 2).await;
        let memory = format!("tidegate-memory-{topic}");
        let kept = kafka().await.read_all(&memory).await;
        let newest = kept
            .last()
            .and_then(|r| r.value.clone())
            .expect("a snapshot");
        let value = match topic {
            "halved" => newest[..newest.len() / 2].to_vec(),
            "foreign" => {
                let mut snapshot = tidegate::model::Snapshot::decode(&newest).expect("a snapshot");
                snapshot.stages[0].name = "detect-other".to_owned();
                snapshot.encode()
            }
            _ => newest.to_vec(),
        };
        let key = format!("{topic}/{topic}/0");
        let record = Record::new("", value).key(key);
        kafka()
            .await
            .produce(&memory, [(0, record)])
            .await
            .expect("produced");
        let log = run(topic, &yaml, &["red c", "red d", "red e"], 5).await;
        let why = match topic {
            "halved" => "cannot be read: they start empty",
            "foreign" => "is another plugin's: this one starts empty",
            _ => "cannot be restored: it starts empty",
        };
        assert!(log.contains(why), "{topic}: {log}");
        assert_eq!(titles(topic).await, ["red came 3 times"], "{topic}");
    }
}

/// *Scenario:* the committed offset is set back below what was saved, as an operator does to read again.
/// *Guarantees:* the memory that has seen what is read again is not taken over, which is said; what is raised again is what
/// was raised before.
#[tokio::test(flavor = "multi_thread")]
async fn offsets_that_were_set_back_start_empty() {
    topics("back").await;
    let yaml = yaml("back", "").await;
    run("back", &yaml, &["red a", "red b", "red c", "red d"], 4).await;
    assert_eq!(titles("back").await, ["red came 3 times"]);
    kafka().await.set_back("back", "back", 0).await;
    let log = run("back", &yaml, &[], 4).await;
    assert!(log.contains("was set back: they start empty"), "{log}");
    assert_eq!(titles("back").await, ["red came 3 times"; 2]);
}

/// *Scenario:* nothing comes any more after one record.
/// *Guarantees:* time goes by all the same: the silence is raised, delivered, and survives a stop right after it.
#[tokio::test(flavor = "multi_thread")]
async fn silence_is_raised_while_nothing_comes() {
    topics("silent").await;
    let yaml = yaml("silent", "").await;
    kafka()
        .await
        .produce("silent", [(0, Record::new("", "red"))])
        .await
        .expect("produced");
    let gateway = Gateway::start(&yaml);
    wait_for_or_tell(
        "the alert",
        LIMIT,
        async || gateway.metric("tidegate_alerts_delivered_total").await >= 1.0,
        || gateway.log(),
    )
    .await;
    gateway.stop().await;
    let again = Gateway::start(&yaml);
    wait_for_or_tell(
        "the gateway's partition",
        LIMIT,
        async || again.log().contains("what plugins remember is restored"),
        || again.log(),
    )
    .await;
    again.stop().await;
    let alerts = kafka().await.read_all("silent-alerts").await;
    let silent = alerts.iter().filter(|r| {
        let value = String::from_utf8_lossy(r.value.as_deref().unwrap_or_default()).into_owned();
        value.contains("nothing came")
    });
    assert_eq!(silent.count(), 1);
}

/// *Scenario:* somebody made the topic for memories as topics usually are, with `cleanup.policy=delete`; then does what the
/// log says; and another pipeline's topic is made by the gateway.
/// *Guarantees:* the gateway works and keeps memories all the same, but says at the start what will become of them, with the
/// command that mends it, and by a metric; once that is done, as where it made the topic itself, it says nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_topic_that_deletes_memories_is_told() {
    const TOLD: &str = "the topic for what plugins remember is not only compacted";
    topics("plain").await;
    kafka().await.create_topic("tidegate-memory-plain", 1).await;
    let (yaml, made) = (yaml("plain", "").await, yaml("made", "").await);
    let log = run("plain", &yaml, &["red a", "red b"], 2).await;
    assert_eq!(log.matches(TOLD).count(), 1, "{log}");
    let address = kafka().await.address();
    let remedy = format!(
        "kafka-configs.sh --bootstrap-server {address} --alter --entity-type topics --entity-name tidegate-memory-plain \
         --add-config cleanup.policy=compact"
    );
    assert!(log.contains(&remedy), "{log}");
    let gateway = Gateway::start(&yaml);
    let metric = "tidegate_memory_not_compacted";
    wait_for_or_tell(
        "the metric",
        LIMIT,
        async || gateway.metric(metric).await == 1.0,
        || gateway.log(),
    )
    .await;
    gateway.stop().await;
    kafka().await.configure(remedy.split(' ').skip(1));
    let log = run("plain", &yaml, &["red c"], 3).await;
    assert!(log.contains("what plugins remember is restored"), "{log}");
    assert!(!log.contains(TOLD), "{log}");
    assert_eq!(titles("plain").await, ["red came 3 times"]);
    topics("made").await;
    let log = run("made", &made, &["red a"], 1).await;
    assert!(
        log.contains("created the topic") && !log.contains(TOLD),
        "{log}"
    );
}
