//! The configurations that are shipped.

use crate::config::{Settings, from_text, load};
use crate::guests::{Limits, Source};
use crate::intake::{BatchLimits, Start};
use crate::model::Fact;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

fn shipped(name: &str) -> Settings {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../configs")
        .join(name);
    load(&path)
        .map_err(|p| p.iter().map(|p| format!("{p}\n")).collect::<String>())
        .unwrap()
        .settings
}

/// *Scenario:* configs/minimal.yaml.
/// *Guarantees:* it loads, and all that it leaves out has the defaults that the documents promise.
#[test]
fn minimal_has_the_defaults() {
    let settings = shipped("minimal.yaml");
    assert_eq!(settings.shutdown_timeout, Duration::from_secs(25));
    assert_eq!(settings.log.level, tracing::Level::INFO);
    let pipeline = &settings.pipelines[0];
    let from = &pipeline.from;
    let limits = BatchLimits {
        records: 1000,
        bytes: 1 << 20,
        linger: Duration::from_millis(50),
    };
    assert_eq!(from.batch, limits);
    assert_eq!(from.start, Start::Earliest);
    assert!(from.read_committed && !from.until_end);
    let waits = [
        from.session_timeout,
        from.heartbeat_interval,
        from.max_poll_interval,
        from.drain_timeout,
    ];
    assert_eq!(waits.map(|w| w.as_secs()), [15, 3, 300, 30]);
    assert_eq!(
        from.facts.wanted,
        [Fact::Topic, Fact::Partition, Fact::Offset]
    );
    assert_eq!(&*from.facts.group, "tidegate-logs");
    assert_eq!(
        (from.max_partition_fetch_bytes, from.fetch_max_bytes),
        (256 << 10, 8 << 20)
    );
    assert_eq!(from.max_in_flight_bytes, 64 << 20);
    assert_eq!(pipeline.settle.commit_interval, Duration::from_secs(1));
    assert_eq!(
        pipeline.lanes,
        std::thread::available_parallelism().unwrap().get()
    );
    let plugin = &settings.plugins[0];
    let limits = Limits {
        memory: 64 << 20,
        time_per_batch: Duration::from_millis(500),
        batch_text: 64 << 20,
        faults_per_minute: 60,
    };
    assert_eq!(plugin.limits, limits);
    assert_eq!(plugin.source, Source::Builtin("parse-json".to_owned()));
    assert_eq!((plugin.on_fault, plugin.wasi), (None, false));
    assert_eq!(plugin.config, serde_json::json!({}));
}

/// *Scenario:* configs/local.yaml.
/// *Guarantees:* it loads as what it says: every topic of logs but its own, all shipped plugins in order.
#[test]
fn local_is_what_it_says() {
    let settings = shipped("local.yaml");
    let pipeline = &settings.pipelines[0];
    let from = &pipeline.from;
    let takes = |topic: &str| {
        from.topic_patterns.iter().any(|r| r.is_match(topic))
            && !from.exclude_topics.iter().any(|r| r.is_match(topic))
    };
    assert!(takes("logs.shop") && !takes("logs.dead") && !takes("metrics.logs.x"));
    let names: Vec<_> = pipeline.plugins().map(|p| p.name.to_string()).collect();
    assert_eq!(
        names,
        ["container", "json", "plain", "static", "redact", "filter"]
    );
    assert_eq!(pipeline.outputs().count(), 1);
    assert_eq!(from.cluster.brokers, ["localhost:9092"]);
}

/// *Scenario:* configs/keyed.yaml.
/// *Guarantees:* it loads as what it says: one pipeline reads by name what the other writes by service.
#[test]
fn keyed_is_what_it_says() {
    let settings = shipped("keyed.yaml");
    let [first, second] = &settings.pipelines[..] else {
        panic!("two pipelines")
    };
    let crate::config::OutputSettings::Kafka(output, form) = first.to_records[0].as_ref() else {
        panic!("a Kafka output")
    };
    assert_eq!(second.from.topics, std::slice::from_ref(&output.topic));
    let key = crate::encode::kafka::Key::Resource("service.name".to_owned());
    assert_eq!(form.key, key);
}

/// *Scenario:* configs/alerts.yaml.
/// *Guarantees:* it loads as what it says: rules from the file beside it, a scorer, and both kinds of findings to the
/// collector and to a topic; what plugins remember is kept.
#[test]
fn alerts_is_what_it_says() {
    let settings = shipped("alerts.yaml");
    let pipeline = &settings.pipelines[0];
    let names = |plugins: &[Arc<crate::guests::PluginSettings>]| {
        plugins
            .iter()
            .map(|p| p.name.to_string())
            .collect::<Vec<_>>()
    };
    assert_eq!(names(&pipeline.detect), ["rules"]);
    assert_eq!(names(&pipeline.score), ["novelty", "rates"]);
    let rules = pipeline.detect[0].config["rules"].as_array().map(Vec::len);
    assert!(rules > Some(2), "{rules:?}");
    let scores = pipeline.score[0].score_attribute.as_deref();
    assert_eq!(scores, Some("tidegate.novelty"));
    for outputs in [&pipeline.to_alerts, &pipeline.to_anomalies] {
        let names: Vec<_> = outputs.iter().map(|o| o.name()).collect();
        assert_eq!(names, ["collector", "findings"]);
    }
    let memory = pipeline.settle.memory.as_ref().map(|m| m.topic.as_str());
    assert_eq!(memory, Some("tidegate-memory-tidegate-alerts"));
}

/// *Scenario:* plugins and outputs that no pipeline uses.
/// *Guarantees:* they are checked and not loaded.
#[test]
fn only_what_is_used_is_loaded() {
    let text = super::GOOD.replace("plugins:\n", "plugins:\n  spare: { wasm: \"builtin:x\" }\n");
    let settings = from_text("x.yaml".as_ref(), &text, &|_| None)
        .unwrap()
        .settings;
    assert_eq!(settings.plugins.len(), 1);
}
