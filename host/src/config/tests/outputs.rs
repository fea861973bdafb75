//! Outputs: one of two kinds each, Kafka's settings, and pipelines that read what others write.

use super::{check, good_but, load};
use crate::config::OutputSettings;
use crate::encode::kafka::{Form, Format, Key};
use crate::export::KafkaSettings;
use crate::kafka::producer::{Acks, Compression, ProducerSettings};
use std::time::Duration;

const COLLECTOR: &str = "collector: { otlp: { endpoint: \"http://c:4317\" } }";

fn kafka(output: &OutputSettings) -> (&KafkaSettings, &Form) {
    match output {
        OutputSettings::Kafka(settings, form) => (settings, form),
        other => panic!("{other:?}"),
    }
}

/// The small configuration with a Kafka output instead, of which this is written besides cluster and topic.
fn with(more: &str) -> String {
    let output = format!("collector: {{ kafka: {{ cluster: main, topic: parsed{more} }} }}");
    good_but(COLLECTOR, &output)
}

fn told(more: &str) -> Vec<String> {
    load(&with(more)).err().unwrap_or_default()
}

/// *Scenario:* an output with both kinds, with neither, with nothing in it, with an empty one, with a wrong key.
/// *Guarantees:* each is told once, at the output, with what to do.
#[test]
fn an_output_is_of_one_kind() {
    let rows = [
        (
            "collector: { otlp: { endpoint: \"http://c:4317\" }, kafka: { cluster: main, topic: t } }",
            "6:3: outputs.collector has otlp and kafka, but must have one of the two; make two outputs of it",
        ),
        (
            "collector: {}",
            "6:3: outputs.collector must have otlp or kafka; add otlp: { endpoint: ADDRESS } or kafka: { cluster: NAME, topic: NAME }",
        ),
        (
            "collector: { otlp: }",
            "6:3: outputs.collector must have otlp or kafka; add otlp: { endpoint: ADDRESS } or kafka: { cluster: NAME, topic: NAME }",
        ),
        (
            "collector: { otpl: { endpoint: \"http://c:4317\" } }",
            "6:16: outputs.collector.otpl is not a known key; did you mean otlp?",
        ),
    ];
    for (new, expected) in rows {
        check(&[(COLLECTOR, new, expected)]);
    }
}

/// *Scenario:* a Kafka output with nothing but what it needs, and with everything.
/// *Guarantees:* the first loses nothing and keeps order; the second is what it says.
#[test]
fn kafka_outputs_mean_what_they_say() {
    let loaded = load(&with("")).unwrap();
    let (settings, form) = kafka(&loaded.settings.outputs[0]);
    assert_eq!(
        (settings.name.as_str(), settings.topic.as_str()),
        ("collector", "parsed")
    );
    assert_eq!(settings.cluster.brokers, ["a:9092"]);
    assert_eq!(settings.producer, ProducerSettings::default());
    assert!(settings.headers.is_empty());
    let plain = Form {
        format: Format::Driftlock,
        key: Key::None,
    };
    assert_eq!(*form, plain);

    let all = ", format: otlp_json, key: { resource: service.name }, headers: { app: shop }, \
               acks: leader, idempotent: false, compression: zstd, \
               batch: { max_bytes: 16KiB, linger: 20ms }, retry: { max: 5s }";
    let loaded = load(&with(all)).unwrap();
    let (settings, form) = kafka(&loaded.settings.outputs[0]);
    let expected = ProducerSettings {
        acks: Acks::Leader,
        idempotent: false,
        compression: Compression::Zstd,
        batch_bytes: 16 << 10,
        linger: Duration::from_millis(20),
    };
    assert_eq!(settings.producer, expected);
    assert_eq!(settings.headers, [("app".to_owned(), "shop".to_owned())]);
    assert_eq!(settings.retry.max, Duration::from_secs(5));
    assert_eq!(form.format, Format::OtlpJson);
    assert_eq!(form.key, Key::Resource("service.name".to_owned()));
    for (written, meant) in [
        ("none", Key::None),
        ("original", Key::Original),
        ("{ attribute: a.b }", Key::Attribute("a.b".to_owned())),
    ] {
        let loaded = load(&with(&format!(", key: {written}"))).unwrap();
        assert_eq!(kafka(&loaded.settings.outputs[0]).1.key, meant);
    }
}

/// *Scenario:* each rule of a Kafka output broken.
/// *Guarantees:* each is told at its place with rule and remedy.
#[test]
fn kafka_outputs_have_rules() {
    let at = "outputs.collector.kafka";
    let key = "must be none, original, or the name of one attribute or resource attribute; write { attribute: NAME } or { resource: NAME }";
    let rows = [
        (
            ", acks: leader",
            format!(
                "6:61: {at}.acks is leader, but must be all where idempotent is true, as it is unless told otherwise; write all, or idempotent: false"
            ),
        ),
        (
            ", compression: lzma",
            format!(
                "6:68: {at}.compression is lzma, but must be one of none, gzip, snappy, lz4, zstd"
            ),
        ),
        (
            ", key: fingerprint",
            format!("6:60: {at}.key is fingerprint, but {key}"),
        ),
        (", key: {}", format!("6:55: {at}.key {key}")),
        (
            ", key: { attribute: a, resource: b }",
            format!("6:55: {at}.key {key}"),
        ),
        (
            ", batch: { max_bytes: 1GiB }",
            format!("6:75: {at}.batch.max_bytes is 1GiB, but must be at most 16MiB; try 16MiB"),
        ),
    ];
    for (more, expected) in rows {
        assert_eq!(told(more), [format!("x.yaml:{expected}")], "{more}");
    }
    let other = |old: &str, new: &str| {
        let text = with("");
        assert!(text.contains(old));
        load(&text.replace(old, new)).unwrap_err()
    };
    assert_eq!(
        other(
            "cluster: main, topic: parsed",
            "cluster: mian, topic: parsed"
        ),
        [format!(
            "x.yaml:6:34: {at}.cluster is mian, but must be a name under kafka: main; did you mean main?"
        )]
    );
    assert_eq!(
        other("topic: parsed", "topic: \"a b\""),
        [format!(
            "x.yaml:6:47: {at}.topic is a b, but must be a topic's name: 1 to 249 letters, digits, ., _ or -"
        )]
    );
    assert_eq!(
        other("cluster: main, topic: parsed", "cluster: main"),
        [format!(
            "x.yaml:6:16: {at}.topic is missing; add it (The topic's name)"
        )]
    );
}

/// *Scenario:* alerts and anomalies go to outputs that there are, that there are not, and nowhere.
/// *Guarantees:* they are names of outputs like those of records; what is not raised needs none.
#[test]
fn alerts_and_anomalies_have_outputs() {
    let with = |stage: &str, to: &str| {
        let text = good_but(
            "records: [collector]",
            &format!("records: [collector], {to}"),
        );
        load(&text.replace(
            "parse: [json]",
            &format!("parse: [json]\n    {stage}: [json]"),
        ))
    };
    let loaded = with("detect", "alerts: [collector]").unwrap();
    let pipeline = &loaded.settings.pipelines[0];
    assert_eq!(
        (pipeline.to_alerts.len(), pipeline.to_anomalies.len()),
        (1, 0)
    );
    assert_eq!(
        with("score", "anomalies: [colector]").unwrap_err(),
        [
            "x.yaml:15:45: pipelines.shop.to.anomalies[0] is colector, but must be a name under outputs: collector; did you mean collector?"
        ]
    );
}

/// *Scenario:* alerts and anomalies that go nowhere, and outputs for those that nothing raises.
/// *Guarantees:* each is told with its remedy; scores that are kept are worth it without anomalies.
#[test]
fn what_is_raised_must_be_heard() {
    let parse = "parse: [json]";
    check(&[
        (
            parse,
            "parse: [json]\n    detect: [json]",
            "14:5: pipelines.shop.detect raises alerts, but they go nowhere; name an output under to.alerts",
        ),
        (
            parse,
            "parse: [json]\n    score: [json]",
            "14:13: pipelines.shop.score[0] is json, but does nothing here: its anomalies go nowhere, and its scores are not kept; name an output under to.anomalies, or give the plugin a score_attribute",
        ),
        (
            "to: { records: [collector] }",
            "to: { records: [collector], alerts: [collector] }",
            "14:33: pipelines.shop.to.alerts would stay silent: nothing raises alerts; name a detector under detect, or leave it out",
        ),
        (
            "to: { records: [collector] }",
            "to: { records: [collector], anomalies: [collector] }",
            "14:33: pipelines.shop.to.anomalies would stay silent: nothing raises anomalies; name a scorer under score, or leave it out",
        ),
    ]);
    let keeps = good_but("parse-json\" }", "parse-json\", score_attribute: novelty }");
    let keeps = keeps.replace(parse, "parse: [json]\n    score: [json]");
    assert!(load(&keeps).is_ok(), "{:?}", load(&keeps).err());
    let heard = "parse: [json]\n    detect: [json]\n    score: [json]";
    let heard = good_but(parse, heard).replace(
        "[collector] }",
        "[collector], alerts: [collector], anomalies: [collector] }",
    );
    assert!(load(&heard).is_ok(), "{:?}", load(&heard).err());
}

/// Pipelines by name, what each reads and the topic that its output writes, if it has one.
fn house(pipelines: &[(&str, &str, Option<&str>)]) -> Result<crate::config::Loaded, Vec<String>> {
    let mut text = "kafka:\n  main: { brokers: [\"a:9092\"] }\n  same: { brokers: [\"a:9092\"] }\n\
                    plugins:\n  json: { wasm: \"builtin:parse-json\" }\n\
                    outputs:\n  collector: { otlp: { endpoint: \"http://c:4317\" } }\n"
        .to_owned();
    for (name, _, writes) in pipelines {
        if let Some(topic) = writes {
            text += &format!("  to-{name}: {{ kafka: {{ cluster: same, topic: {topic} }} }}\n");
        }
    }
    text += "pipelines:\n";
    for (name, reads, writes) in pipelines {
        let to = writes.map_or_else(|| "collector".to_owned(), |_| format!("to-{name}"));
        text += &format!(
            "  {name}:\n    from: {{ cluster: main, group_id: {name}, topics: {reads} }}\n    \
             parse: [json]\n    to: {{ records: [collector], alerts: [{to}] }}\n    dead_letters: {{ cluster: main, topic: dead }}\n    detect: [json]\n"
        );
    }
    load(&text)
}

/// *Scenario:* rule 11 of the ledger with outputs to Kafka: one pipeline reads by name what another writes, in a line
/// and where ways meet; an expression would match it.
/// *Guarantees:* that is what such outputs are for; expressions leave out what any pipeline writes.
#[test]
fn rule_11_a_pipeline_may_read_what_another_writes() {
    let line = [
        ("a", "[logs]", Some("parsed")),
        ("b", "[parsed, other]", Some("alerts")),
        ("c", "[parsed, alerts]", None),
        ("d", "[\"^.*\"]", None),
    ];
    let settings = house(&line).unwrap().settings;
    let from = &settings.pipelines[3].from;
    let out = |topic: &str| from.exclude_topics.iter().any(|r| r.is_match(topic));
    assert!(["parsed", "alerts", "dead"].iter().all(|t| out(t)));
    assert!(!out("logs") && !out("other"));
}

/// *Scenario:* rule 11 of the ledger: a pipeline reads its own output, and pipelines read each other's in rounds of two
/// and of three.
/// *Guarantees:* each round is one problem, which names it.
#[test]
fn rule_11_pipelines_do_not_go_round() {
    assert_eq!(
        house(&[("a", "[logs, parsed]", Some("parsed"))]).unwrap_err(),
        [
            "x.yaml:11:56: pipelines.a.from.topics[1] is parsed, but this pipeline writes it to outputs.to-a; read another topic, or write the output elsewhere"
        ]
    );
    let two = [("b", "[x]", Some("y")), ("a", "[logs, y]", Some("x"))];
    let remedy = "read another topic, or write one of the outputs elsewhere";
    assert_eq!(
        house(&two).unwrap_err(),
        [format!(
            "x.yaml:18:56: pipelines.a.from.topics[1] is y, but must not go round, each record would for ever: a -> b -> a; {remedy}"
        )]
    );
    let three = [
        ("a", "[z]", Some("x")),
        ("b", "[x]", Some("y")),
        ("c", "[y]", Some("z")),
        ("d", "[z]", None),
    ];
    assert_eq!(
        house(&three).unwrap_err(),
        [format!(
            "x.yaml:13:50: pipelines.a.from.topics[0] is z, but must not go round, each record would for ever: a -> b -> c -> a; {remedy}"
        )]
    );
}
