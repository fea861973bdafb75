//! Where what plugins remember is kept, and when findings are told.

use super::{GOOD, load};
use crate::guests::FoldSettings;

/// [`GOOD`] with a detector, and `more` of its pipeline.
fn watching(more: &str) -> String {
    let detector =
        "  json: { wasm: \"builtin:parse-json\" }\n  rules: { wasm: \"builtin:detect-rules\" }";
    let text = GOOD.replace("  json: { wasm: \"builtin:parse-json\" }", detector);
    let text = text.replace(
        "    to: { records: [collector] }",
        "    to: { records: [collector], alerts: [collector] }",
    );
    format!("{text}    detect: [rules]\n{more}")
}

fn told(text: &str) -> Vec<String> {
    load(text).err().unwrap_or_default()
}

/// *Scenario:* a memory topic that a pipeline's dead letters go to, its own or another's; that an output writes; that a
/// pipeline reads; the usual name of one, read by another pipeline; and the same names on another cluster.
/// *Guarantees:* each is a problem that names both fields, for compaction would delete what lies there; on another cluster
/// it is another topic, and an expression leaves it out.
#[test]
fn the_topic_for_memories_is_its_own() {
    let memory = |topic: &str| watching(&format!("    memory: {{ topic: {topic} }}\n"));
    assert_eq!(told(&memory("mine")), [""; 0]);
    assert_eq!(
        told(&memory("dead")),
        [
            "x.yaml:18:22: pipelines.shop.memory.topic is dead, but pipelines.shop.dead_letters.topic is the same, and compaction would delete there; name a topic of its own"
        ]
    );
    assert_eq!(
        told(&memory("logs")),
        [
            "x.yaml:13:16: pipelines.shop.from.topics[0] is logs, but pipelines.shop.memory is kept in it; read another topic, or keep the memory elsewhere"
        ]
    );
    let output = |cluster: &str| {
        let text = memory("parsed").replace(
            "{ otlp: { endpoint: \"http://c:4317\" } }",
            &format!("{{ kafka: {{ cluster: {cluster}, topic: parsed }} }}"),
        );
        text.replace(
            "  main: { brokers: [\"a:9092\"] }",
            "  main: { brokers: [\"a:9092\"] }\n  far: { brokers: [\"z:9092\"] }",
        )
    };
    assert_eq!(
        told(&output("main")),
        [
            "x.yaml:19:22: pipelines.shop.memory.topic is parsed, but outputs.collector.kafka.topic is the same, and compaction would delete there; name a topic of its own"
        ]
    );
    assert_eq!(told(&output("far")), [""; 0]);
    let second = |more: &str, dead_letters: &str| {
        format!(
            "{}  web:\n    from: {{ cluster: main, group_id: h, topics: [{more}] }}\n    parse: [json]\n    to: {{ records: [collector] }}\n    dead_letters: {dead_letters}\n",
            watching("")
        )
    };
    assert_eq!(
        told(&second("tidegate-memory-g", "discard")),
        [
            "x.yaml:19:50: pipelines.web.from.topics[0] is tidegate-memory-g, but pipelines.shop.memory is kept in it; read another topic, or keep the memory elsewhere"
        ]
    );
    assert_eq!(
        told(&second(
            "web",
            "{ cluster: main, topic: tidegate-memory-g }"
        )),
        [
            "x.yaml:9:3: pipelines.shop.memory.topic is tidegate-memory-g, but pipelines.web.dead_letters.topic is the same, and compaction would delete there; name a topic of its own"
        ]
    );
    let loaded = load(&second("\"^t.*\"", "discard")).unwrap().settings;
    let web = loaded.pipelines.iter().find(|p| p.name == "web").unwrap();
    let out = |topic: &str| web.from.exclude_topics.iter().any(|r| r.is_match(topic));
    assert!(out("tidegate-memory-g") && !out("tidegate-memory-h"));
}

/// *Scenario:* a memory that is not kept, under the name of the dead letters' topic.
/// *Guarantees:* nothing is written there, so nothing is wrong with it.
#[test]
fn a_memory_that_is_not_kept_needs_no_topic() {
    let text = watching("    memory: { keep: false, topic: dead }\n");
    assert_eq!(told(&text), [""; 0]);
    let settings = load(&text).unwrap().settings;
    assert!(settings.pipelines[0].settle.memory.is_none());
}

/// *Scenario:* nothing is said of findings, or only how many a minute.
/// *Guarantees:* the same is told again after ten minutes, in the gateway and in a chain made by hand.
#[test]
fn findings_are_told_again_after_ten_minutes() {
    let fold = |more: &str| load(&watching(more)).unwrap().settings.pipelines[0].fold;
    assert_eq!(fold("").repeat_interval_ms, 600_000);
    assert_eq!(fold(""), FoldSettings::default());
    let few = fold("    findings: { max_per_minute: 5 }\n");
    assert_eq!((few.repeat_interval_ms, few.per_minute_max), (600_000, 5));
}
