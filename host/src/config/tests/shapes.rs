//! The shape of the file: keys, types, bounds of the YAML itself.

use super::{GOOD, check, good_but, load};

/// *Scenario:* unknown keys, near and far, of a later version, and names that are none.
/// *Guarantees:* each is told at the key, with what was meant.
#[test]
fn unknown_keys_are_refused() {
    check(&[
        (
            "      group_id: g",
            "      group_id: g\n      session_timout: 10s",
            "12:7: pipelines.shop.from.session_timout is not a known key; did you mean session_timeout?",
        ),
        (
            "wasm:",
            "fuel: 1, wasm:",
            "4:11: plugins.json.fuel is not a known key; known here: config, config_file, limits, on_fault, on_malformed, score_attribute, wasi, wasm",
        ),
        (
            "\"a:9092\"] }",
            "\"a:9092\"], security_protocol: SSL }",
            "2:32: kafka.main.security_protocol is not supported yet; leave it out: this version has no TLS and no SASL; use a network that you trust",
        ),
        (
            "\"a:9092\"] }",
            "\"a:9092\"], sasl: { mechanism: PLAIN } }",
            "2:32: kafka.main.sasl is not supported yet; leave it out: this version has no TLS and no SASL; use a network that you trust",
        ),
        (
            "4317\" } }",
            "4317\", tls: { ca_file: x } } }",
            "6:51: outputs.collector.otlp.tls is not supported yet; leave it out: this version has no TLS and no SASL; use a network that you trust",
        ),
        (
            "    parse:",
            "    routes: { \"a.b\": [collector] }\n    parse:",
            "13:15: pipelines.shop.routes.a.b must be a name of 1 to 63 letters, digits, _ or -, beginning with a letter or digit",
        ),
    ]);
}

/// *Scenario:* each required key is left out, or written and left empty.
/// *Guarantees:* it is told as missing, at what should hold it, with what it is.
#[test]
fn missing_keys_are_told() {
    check(&[
        (
            "      group_id: g\n",
            "",
            "9:5: pipelines.shop.from.group_id is missing; add it (The consumer group)",
        ),
        (
            "      group_id: g",
            "      group_id:",
            "11:7: pipelines.shop.from.group_id is missing; add it (The consumer group)",
        ),
        (
            "    dead_letters: { cluster: main, topic: dead }\n",
            "",
            "8:3: pipelines.shop.dead_letters is missing; write { cluster: NAME, topic: NAME }, or discard: what cannot be delivered is then only counted",
        ),
        (
            ", topic: dead }",
            " }",
            "15:5: pipelines.shop.dead_letters.topic is missing; add it (The topic's name)",
        ),
        (
            "brokers: [\"a:9092\"]",
            "",
            "2:3: kafka.main.brokers is missing; add it (Bootstrap servers, `host:port`)",
        ),
    ]);
}

/// *Scenario:* values of the wrong type, out of range, and words that are no choice.
/// *Guarantees:* each is told with the value, the rule and, where there is one, the remedy.
#[test]
fn wrong_values_are_told() {
    let parse = "    parse: [json]";
    check(&[
        (
            parse,
            "    parse: json",
            "13:12: pipelines.shop.parse is json, but must be a list; put it into [ ]",
        ),
        (
            parse,
            "    parse: [json]\n    lanes: many",
            "14:12: pipelines.shop.lanes is many, but must be a whole number",
        ),
        (
            parse,
            "    parse: [json]\n    lanes: 257",
            "14:12: pipelines.shop.lanes is 257, but must be at most 256",
        ),
        (
            parse,
            "    parse: [json]\n    commit_interval: 5",
            "14:22: pipelines.shop.commit_interval is 5, but must be a duration with a unit; write it like 500ms, 10s or 1m30s",
        ),
        (
            parse,
            "    parse: [json]\n    commit_interval: soon",
            "14:22: pipelines.shop.commit_interval is soon, but must be a duration with a unit; write it like 500ms, 10s or 1m30s",
        ),
        (
            "builtin:parse-json\"",
            "builtin:parse-json\", limits: { memory: 64Mi }",
            "4:57: plugins.json.limits.memory is 64Mi, but must be a whole size with a unit; write it like 64KiB, 16MiB or 1GiB",
        ),
        (
            "builtin:parse-json\"",
            "builtin:parse-json\", on_fault: skp",
            "4:49: plugins.json.on_fault is skp, but must be one of dead_letter, skip; did you mean skip?",
        ),
        (
            "builtin:parse-json\"",
            "builtin:parse-json\", wasi: \"yes\"",
            "4:45: plugins.json.wasi is yes, but must be true or false",
        ),
        (
            "kafka:\n",
            "admin: on\nkafka:\n",
            "1:8: admin is on, but must be off, or an address under listen; write { listen: 127.0.0.1:9400 }",
        ),
        (
            "{ cluster: main, topic: dead }",
            "[dead]",
            "15:5: pipelines.shop.dead_letters must be discard, or a cluster and a topic; write { cluster: NAME, topic: NAME }, or discard: what cannot be delivered is then only counted",
        ),
    ]);
}

/// *Scenario:* values that a tired person takes for right: a number or half a word for a word, a number in quotes, a switch
/// for a section, a character that nobody sees.
/// *Guarantees:* each is told with what it must be, or how it is written; what would be something else without its quotes is
/// shown with them, and what is not seen by its number.
#[test]
fn near_misses_are_told() {
    let parse = "    parse: [json]";
    check(&[
        (
            "builtin:parse-json\"",
            "builtin:parse-json\", on_fault: 1",
            "4:49: plugins.json.on_fault is 1, but must be one of dead_letter, skip",
        ),
        (
            "builtin:parse-json\"",
            "builtin:parse-json\", on_fault: dead",
            "4:49: plugins.json.on_fault is dead, but must be one of dead_letter, skip; did you mean dead_letter?",
        ),
        (
            parse,
            "    parse: [json]\n    lanes: \"3\"",
            "14:12: pipelines.shop.lanes is \"3\", but must be a whole number",
        ),
        (
            parse,
            "    parse: [json]\n    memory: false",
            "14:13: pipelines.shop.memory is false, but must be a map of keys and values; write it like { keep: false }",
        ),
        (
            parse,
            "    parse: [json]\n    memory: on",
            "14:13: pipelines.shop.memory is on, but must be a map of keys and values; write it like { keep: true }",
        ),
        (
            parse,
            "    parse: [json]\n    lanes: \"+3\"",
            "14:12: pipelines.shop.lanes is \"+3\", but must be a whole number",
        ),
        (
            "builtin:parse-json\"",
            "builtin:parse-json\", wasi: \"True\"",
            "4:45: plugins.json.wasi is \"True\", but must be true or false",
        ),
        (
            "builtin:parse-json\"",
            "builtin:parse-json\", on_fault: \"skip\u{200b}\"",
            "4:49: plugins.json.on_fault is skip\\u{200b}, but must be one of dead_letter, skip; did you mean skip?",
        ),
    ]);
}

/// *Scenario:* words that begin as one or several known ones do, or are near to one.
/// *Guarantees:* the near one is meant, else the only one that begins so; of several that begin so none.
#[test]
fn a_guess_is_the_likeliest() {
    let guess = |written, known: &[&'static str]| crate::config::nearest(written, known.to_vec());
    assert_eq!(guess("rule", &["rule-noise", "rules"]), Some("rules"));
    assert_eq!(guess("warn", &["info", "warning"]), Some("warning"));
    assert_eq!(guess("redact", &["redact-cards", "redact-mail"]), None);
    assert_eq!(guess("re", &["redact"]), None);
}

/// *Scenario:* whole numbers written as floats, where whole numbers belong and in a plugin's own configuration.
/// *Guarantees:* the first are what they mean; the second reach the plugin as they are written.
#[test]
fn whole_numbers_may_be_written_as_floats() {
    let text = good_but("    parse: [json]", "    lanes: 2.0\n    parse: [json]");
    let text = text
        .replace("group_id: g", "group_id: g\n      start: 1.7e12")
        .replace("4317\"", "4317\", batch: { max_records: 1e+06 }")
        .replace("parse-json\"", "parse-json\", config: { x: [2.0] }");
    let settings = load(&text).unwrap().settings;
    let pipeline = &settings.pipelines[0];
    let otlp = super::otlp(&settings.outputs[0]);
    assert_eq!((pipeline.lanes, otlp.request.records), (2, 1_000_000));
    let start = crate::intake::Start::Timestamp(1_700_000_000_000);
    assert_eq!(pipeline.from.start, start);
    let config = serde_json::json!({"x": [2.0]});
    assert_eq!(settings.plugins[0].config, config);
}

/// *Scenario:* numbers that are not whole, too large for 64 bits, or too small.
/// *Guarantees:* each is told at its line with a rule.
#[test]
fn numbers_that_do_not_fit_are_told() {
    let from = "      group_id: g";
    let start = |written: &str, shown: &str| {
        let told = super::problems(from, &format!("{from}\n      start: {written}"));
        assert_eq!(
            told,
            [format!(
                "x.yaml:12:14: pipelines.shop.from.start is {shown}, but must be earliest, latest or a time from 1970 on; write a time like 2026-01-31T12:00:00Z"
            )]
        );
    };
    start("9223372036854775808", "9223372036854775808");
    start("99999999999999999999999", "1e+23");
    start("-1.0", "-1.0");
    start("1.5", "1.5");
    let parse = "    parse: [json]";
    check(&[
        (
            parse,
            "    parse: [json]\n    lanes: 2.5",
            "14:12: pipelines.shop.lanes is 2.5, but must be a whole number",
        ),
        (
            parse,
            "    parse: [json]\n    lanes: 1e30",
            "14:12: pipelines.shop.lanes is 1e+30, but must be at most 256",
        ),
        (
            parse,
            "    parse: [json]\n    lanes: -0.0",
            "14:12: pipelines.shop.lanes is -0.0, but must be at least 1",
        ),
    ]);
}

/// *Scenario:* files that are no YAML, have keys twice, two documents, or nothing.
/// *Guarantees:* the place and the reason, without the words of a library.
#[test]
fn unreadable_files_are_told() {
    let told = |text: &str| load(text).unwrap_err().join("\n");
    assert_eq!(
        told("a: ["),
        "x.yaml:1:4: is not readable as YAML: unclosed bracket '['"
    );
    assert_eq!(
        told("kafka: {}\nkafka: {}\n"),
        "x.yaml:2:1: has the key kafka twice"
    );
    assert_eq!(
        told("--- {}\n--- {}\n"),
        "x.yaml:2:1: must hold one document only"
    );
    assert_eq!(told("- 1"), "x.yaml:1:1: must be a map of keys and values");
    assert!(told("").contains("must be a map of keys and values"));
}

/// *Scenario:* a file that is too long, too deep, or grows by aliases.
/// *Guarantees:* each ends at once in a problem that names the bound.
#[test]
fn the_file_is_bounded() {
    let told = |text: &str| load(text).unwrap_err().join("\n");
    let long = format!("{GOOD}#{}", "x".repeat(1 << 20));
    let elsewhere =
        "put the rules into a plugin's config_file, which may have 16MiB and 1000000 values";
    let too_long = format!("x.yaml: must be at most 1MiB long; {elsewhere}");
    assert_eq!(told(&long), too_long);
    let many = format!("{GOOD}x: [{}1]", "1,".repeat(50_000));
    let too_many = format!("must have at most 50000 values, keys among them; {elsewhere}");
    assert!(told(&many).ends_with(&too_many), "{}", told(&many));
    let deep = format!("a: {}{}", "[".repeat(60), "]".repeat(60));
    let levels = "must be nested at most 48 levels deep";
    assert!(told(&deep).contains(levels), "{}", told(&deep));
    let deep = format!(
        "a:\n{}",
        (0..60)
            .map(|i| format!("{}- \n", " ".repeat(i)))
            .collect::<String>()
    );
    assert!(load(&deep).is_err());
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for i in 1..9 {
        let uses = vec![format!("*a{}", i - 1); 10].join(", ");
        bomb.push_str(&format!("a{i}: &a{i} [{uses}]\n"));
    }
    assert!(told(&bomb).contains("aliases"), "{}", told(&bomb));
}

/// *Scenario:* a file of rules is given in the place of the configuration that names it.
/// *Guarantees:* one problem, which says what it is and which file to give; a configuration with such a key has the usual.
#[test]
fn a_file_of_rules_is_recognised() {
    let told = |text: &str| load(text).unwrap_err();
    assert_eq!(
        told("max_groups: 5\nrules:\n  - name: x\n"),
        [
            "x.yaml:2:1: rules makes this a file for a plugin such as detect-rules, and no configuration of the gateway; check the configuration in which a plugin has config_file: x.yaml; that checks the rules too"
        ]
    );
    let usual = told(&format!("{GOOD}rules: []\n"));
    assert!(usual[0].contains("rules is not a known key"), "{usual:?}");
}

/// *Scenario:* YAML's own conveniences: aliases, merged maps, keys with nothing behind them.
/// *Guarantees:* they work; a key that says nothing counts as left out.
#[test]
fn yaml_conveniences_work() {
    let text = good_but(
        "    parse: [json]",
        "    unwrap:\n    lanes:\n    parse: [json]",
    );
    let text = text.replace(
        "{ otlp: { endpoint: \"http://c:4317\" } }",
        "{ otlp: &o { endpoint: \"http://c:4317\", timeout: 3s } }\n  two: { otlp: { <<: *o, compression: none } }",
    );
    let text = text.replace("[collector]", "[collector, two]");
    let settings = load(&text).unwrap().settings;
    let two = super::otlp(&settings.outputs[1]);
    assert_eq!(
        (two.name.as_str(), two.gzip, two.timeout.as_secs()),
        ("two", false, 3)
    );
}
