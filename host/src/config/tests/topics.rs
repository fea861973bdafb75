//! Topics: names, expressions, and those that the gateway writes itself.

use super::{check, good_but, load};

/// *Scenario:* topics that are no names, expressions that are none, doubles.
/// *Guarantees:* each is told; an expression that forgot its mark is recognised.
#[test]
fn topics_are_names_or_expressions() {
    check(&[
        (
            "[logs]",
            "[\"logs*\"]",
            "12:16: pipelines.shop.from.topics[0] is logs*, but must be a topic's name: 1 to 249 letters, digits, ., _ or -; begin it with ^ where a regular expression is meant",
        ),
        (
            "[logs]",
            "[logs, logs]",
            "12:22: pipelines.shop.from.topics[1] is logs, but must not be named twice; take one out",
        ),
        (
            "[logs]",
            "[\"^logs(\"]",
            "12:16: pipelines.shop.from.topics[0] is ^logs(, but must be a regular expression: unclosed group, at character 6: `(`",
        ),
        (
            "[logs]",
            "[..]",
            "12:16: pipelines.shop.from.topics[0] is .., but must be a topic's name: 1 to 249 letters, digits, ., _ or -",
        ),
        (
            "[logs]",
            "[logs]\n      exclude_topics: [\"^a[\"]",
            "13:24: pipelines.shop.from.exclude_topics[0] is ^a[, but must be a regular expression: unclosed character class, at character 3: `[`",
        ),
        (
            "topic: dead }",
            "topic: \"dead letters\" }",
            "15:43: pipelines.shop.dead_letters.topic is dead letters, but must be a topic's name: 1 to 249 letters, digits, ., _ or -",
        ),
    ]);
}

/// *Scenario:* rule 11 of the ledger: a pipeline names a topic that this or another pipeline writes, by the
/// same cluster name or by another name for the same brokers.
/// *Guarantees:* it is a problem; on another cluster it is none.
#[test]
fn rule_11_topics_that_the_gateway_writes_are_not_read() {
    check(&[(
        "[logs]",
        "[dead]",
        "12:16: pipelines.shop.from.topics[0] is dead, but pipelines.shop.dead_letters writes it; read another topic, or write the dead letters elsewhere",
    )]);
    let second = |broker: &str| {
        let text = good_but(
            "\"a:9092\"] }",
            &format!("\"a:9092\"] }}\n  two: {{ brokers: [\"{broker}\", \"z:1\"] }}"),
        );
        format!(
            "{text}  other:\n    from: {{ cluster: two, group_id: h, topics: [dead] }}\n    parse: [json]\n    to: {{ records: [collector] }}\n    dead_letters: discard\n"
        )
    };
    assert!(load(&second("b:9092")).is_ok());
    let told = load(&second("a:9092")).unwrap_err();
    assert_eq!(
        told,
        [
            "x.yaml:18:49: pipelines.other.from.topics[0] is dead, but pipelines.shop.dead_letters writes it; read another topic, or write the dead letters elsewhere"
        ]
    );
}

/// *Scenario:* a pipeline names its own output or memory, and expressions that fit only what is left out: what the gateway
/// writes, by this pipeline or another, what `exclude_topics` says, what no topic is called.
/// *Guarantees:* each is a problem that names what is in the way; an expression that may fit anything else is none.
#[test]
fn what_could_never_be_read_is_told() {
    let text = good_but(
        "  collector: {",
        "  copy: { kafka: { cluster: main, topic: copies } }\n  collector: {",
    );
    let text = text
        .replace("records: [collector]", "records: [collector, copy]")
        .replace(
            "    dead_letters",
            "    memory: { topic: mem }\n    dead_letters",
        );
    let told = |topics: &str| match load(&text.replace("[logs]", topics)) {
        Ok(_) => Vec::new(),
        Err(told) => told,
    };
    let at = "x.yaml:13:16: pipelines.shop.from.topics[0] is";
    for (topics, expected) in [
        (
            "[copies]",
            "copies, but this pipeline writes it to outputs.copy",
        ),
        ("[mem]", "mem, but pipelines.shop.memory is kept in it"),
        (
            "[\"^copies$\"]",
            "^copies$, but takes no topic: expressions leave out what the gateway writes, and it fits copies only",
        ),
        (
            "[\"^(copies|dead|mem)$\"]",
            "^(copies|dead|mem)$, but takes no topic: expressions leave out what the gateway writes, and it fits copies, dead, mem only",
        ),
        (
            "[\"^a\"]\n      exclude_topics: [\"^[ab]\"]",
            "^a, but takes no topic: exclude_topics leaves out all that it fits; take one of the two out",
        ),
        ("[\"^a b$\"]", "^a b$, but takes no topic: it fits no name"),
    ] {
        let told = told(topics);
        assert_eq!(told.len(), 1, "{told:?}");
        let begin = format!("{at} {expected}");
        assert!(told[0].starts_with(&begin), "{told:?}\nis not\n{begin}");
    }
    for topics in [
        "[\"^copies\"]",
        "[\"^(copies|logs)$\"]",
        "[\"^a\"]\n      exclude_topics: [\"^ab\"]",
    ] {
        assert_eq!(told(topics), Vec::<String>::new());
    }
}

/// *Scenario:* an expression that would match what the gateway writes, and excluded topics by name and
/// expression.
/// *Guarantees:* the exclusions hold for whole names only, the gateway's own topic among them.
#[test]
fn expressions_leave_out_what_is_excluded() {
    let text = good_but("[logs]", "[\"^d.*\"]\n      exclude_topics: [d.x, \"^dz\"]");
    let settings = load(&text).unwrap().settings;
    let from = &settings.pipelines[0].from;
    let out = |topic: &str| from.exclude_topics.iter().any(|r| r.is_match(topic));
    assert!(from.topics.is_empty() && from.topic_patterns[0].is_match("dead"));
    assert!(["dead", "d.x", "dz1"].iter().all(|t| out(t)));
    assert!(
        !["dead2", "adead", "d-x", "d.x.y", "adz"]
            .iter()
            .any(|t| out(t))
    );
}
