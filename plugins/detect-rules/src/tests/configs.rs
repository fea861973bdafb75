use super::*;
use crate::Config;
use proptest::prelude::*;

fn refused(config: &Json) -> (String, String) {
    match testing::plugin::<Rules>(&config.to_string()) {
        Ok(_) => panic!("not refused: {config}"),
        Err(error) => (error.pointer().to_owned(), error.message().to_owned()),
    }
}

/// A rule with some fields replaced.
fn rule(changed: Json) -> Json {
    let mut rule = json!({"name": "r", "when": {"field": "body", "contains": "x"}, "count": {"at_least": 1}, "within": "1m"});
    let Json::Object(changed) = changed else {
        unreachable!()
    };
    for (field, value) in changed {
        rule[field] = value;
    }
    rule
}

/// *Scenario:* every rule of the configuration is broken once.
/// *Guarantees:* the pointer names the field, the message says what is wrong, and what to do.
#[allow(clippy::too_many_lines, reason = "a table, a row a mistake")]
#[test]
fn mistakes_are_told_with_their_field() {
    let when = |when: Json| rule(json!({ "when": when }));
    let long = "x".repeat(5_000);
    for (rule, pointer, message) in [
        (rule(json!({"name": ""})), "/rules/0/name", "use 1 to 48"),
        (
            rule(json!({"colour": 1})),
            "/rules/0/colour",
            "unknown field",
        ),
        (rule(json!({"within": "1d"})), "/rules/0/within", "1m30s"),
        (
            rule(json!({"within": "25h"})),
            "/rules/0/within",
            "use 1s to 24h",
        ),
        (
            rule(json!({"within": null})),
            "/rules/0",
            "write within: 60s",
        ),
        (
            rule(json!({"absent_for": "5m"})),
            "/rules/0",
            "more than one",
        ),
        (rule(json!({"count": null})), "/rules/0", "name one of"),
        (
            rule(json!({"count": null, "absent_for": "5m"})),
            "/rules/0/within",
            "leave it out",
        ),
        (
            rule(json!({"count": {"at_least": 0}})),
            "/rules/0/count/at_least",
            "is 0; use 1",
        ),
        (
            rule(json!({"count": null, "distinct": {"field": "user", "at_least": 1_001}})),
            "/rules/0/distinct/at_least",
            "1 to 1000",
        ),
        (
            rule(json!({"count": null, "rate": {"at_least": 1.0, "min_count": 5}})),
            "/rules/0/rate/at_least",
            "above 1",
        ),
        (
            rule(json!({"group_by": ["a", "a"]})),
            "/rules/0/group_by/1",
            "named before",
        ),
        (
            rule(json!({"group_by": ["resource."]})),
            "/rules/0/group_by/0",
            "names nothing",
        ),
        (
            rule(json!({"title": "{user}"})),
            "/rules/0/title",
            "not in group_by",
        ),
        (rule(json!({"title": "{count"})), "/rules/0/title", "{{"),
        (
            rule(json!({"labels": {"a/b": "}"}})),
            "/rules/0/labels/a~1b",
            "}}",
        ),
        (
            rule(json!({"level": "loud"})),
            "/rules/0/level",
            "unknown variant",
        ),
        (when(json!({})), "/rules/0/when", "says nothing"),
        (
            when(json!({"all": []})),
            "/rules/0/when/all",
            "no conditions",
        ),
        (
            when(json!({"contains": "x"})),
            "/rules/0/when/contains",
            "name it in `field`",
        ),
        (
            when(json!({"field": "body"})),
            "/rules/0/when/field",
            "nothing is asked",
        ),
        (
            when(json!({"field": "body", "contains": ""})),
            "/rules/0/when/contains",
            "exists: true",
        ),
        (
            when(json!({"field": "body", "equals": long})),
            "/rules/0/when/equals",
            "at most 4096",
        ),
        (
            when(json!({"field": "body", "one_of": []})),
            "/rules/0/when/one_of",
            "1 to 1000",
        ),
        (
            when(
                json!({"any": [{"field": "body", "exists": true}, {"not": {"field": "body", "regex": "("}}]}),
            ),
            "/rules/0/when/any/1/not/regex",
            "must be a regular expression: unclosed group, at character 1",
        ),
        (
            when(json!({"field": "body", "regex": "\u{e4}\\p{Nobody}"})),
            "/rules/0/when/regex",
            "Unicode property not found, at character 2",
        ),
        (
            when(json!({"field": "body", "regex": "\\w{1000}{1000}"})),
            "/rules/0/when/regex",
            "must be a smaller regular expression: ",
        ),
        (
            when(json!({"field": "status", "at_least": "error"})),
            "/rules/0/when/at_least",
            "use a number",
        ),
        (
            when(json!({"field": "severity", "at_least": "loud"})),
            "/rules/0/when/at_least",
            "no severity",
        ),
        (
            when(json!({"field": "severity", "contains": "err"})),
            "/rules/0/when/contains",
            "severity_text",
        ),
        (
            when(json!({"field": "body", "contains": "Überlauf", "ignore_case": true})),
            "/rules/0/when/contains",
            "use regex",
        ),
    ] {
        let (at, told) = refused(&json!({ "rules": [rule] }));
        assert_eq!(at, pointer, "{told}");
        assert!(told.contains(message), "{told}");
    }
    let (at, _) = refused(&json!({"allowed_lateness": "2h"}));
    assert_eq!(at, "/allowed_lateness");
    let (at, _) = refused(&json!({"max_groups": 0}));
    assert_eq!(at, "/max_groups");
}

/// *Scenario:* three things are wrong in two rules, and two rules have one name.
/// *Guarantees:* all of it is told at once, one a line, with field and remedy; the pointer is that of the first, and of
/// the name that is used twice both are told.
#[test]
fn every_mistake_is_told_at_once() {
    let config = json!({"rules": [
        rule(json!({"within": "90x", "title": "{nobody}"})),
        rule(json!({"when": {"field": "body", "regex": "["}})),
    ]});
    let (pointer, message) = refused(&config);
    assert_eq!(pointer, "/rules/0/within");
    let lines: Vec<&str> = message.lines().collect();
    let begin = [
        "is \"90x\"",
        "/rules/0/title: names {nobody}",
        "/rules/1/name: is \"r\", as /rules/0/name already; give each rule a name of its own",
        "/rules/1/when/regex: ",
    ];
    assert_eq!(lines.len(), begin.len(), "{message}");
    for (line, begin) in lines.iter().zip(begin) {
        assert!(line.starts_with(begin), "{line}");
    }
}

/// *Scenario:* the schema that the plugin describes.
/// *Guarantees:* each of its fields is explained.
#[test]
fn the_schema_describes_every_field() {
    let schema: Json = serde_json::from_str(&testing::config_schema::<Rules>()).unwrap();
    fn described(schema: &Json, path: &str) {
        if let Some(properties) = schema["properties"].as_object() {
            for (name, property) in properties {
                assert!(
                    property["description"].is_string(),
                    "{path}/{name} is not described"
                );
            }
        }
        for (name, part) in schema["$defs"].as_object().into_iter().flatten() {
            described(part, &format!("{path}/{name}"));
        }
    }
    described(&schema, "");
}

fn name() -> impl Strategy<Value = Json> {
    let known = prop::sample::select(vec![
        "body",
        "severity",
        "attributes.x",
        "resource.a",
        "resource.",
        "",
        "x",
        "error",
        "60s",
        "{count}",
        "(",
        "[a",
    ]);
    known.prop_map(|text| json!(text))
}

fn any_json() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        name(),
        any::<i64>().prop_map(|number| json!(number)),
        any::<bool>().prop_map(|flag| json!(flag)),
        Just(Json::Null),
        any::<f64>().prop_map(|number| json!(number)),
    ];
    let key = prop::sample::select(vec![
        "rules",
        "name",
        "when",
        "field",
        "all",
        "any",
        "not",
        "equals",
        "one_of",
        "contains",
        "prefix",
        "suffix",
        "regex",
        "at_least",
        "less",
        "exists",
        "ignore_case",
        "group_by",
        "count",
        "distinct",
        "rate",
        "min_count",
        "absent_for",
        "within",
        "title",
        "labels",
        "allowed_lateness",
    ]);
    leaf.prop_recursive(6, 64, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Json::Array),
            prop::collection::hash_map(key.clone().prop_map(str::to_owned), inner, 0..6)
                .prop_map(|fields| Json::Object(fields.into_iter().collect())),
        ]
    })
}

/// A `when` of arbitrary fields, so that more than the surface is reached.
fn any_rule() -> impl Strategy<Value = Json> {
    (any_json(), any_json(), name(), name()).prop_map(|(when, other, within, field)| {
        json!({"name": "r", "when": when, "count": {"at_least": 1}, "within": within, "group_by": [field], "labels": {"a": other}})
    })
}

proptest! {
    /// *Scenario:* arbitrary JSON, and rules of arbitrary parts.
    /// *Guarantees:* the reader never panics; what it refuses it says, and where it says a place there is one.
    #[test]
    fn nothing_that_is_written_breaks_the_reader(config in prop_oneof![any_json(), any_rule().prop_map(|rule| json!({"rules": [rule]}))]) {
        if let Err(error) = testing::plugin::<Rules>(&config.to_string()) {
            prop_assert!(!error.message().is_empty());
            prop_assert!(error.pointer().is_empty() || error.pointer().starts_with('/'));
        }
    }

    /// *Scenario:* good configurations, as the matching tests use them, are written and read again.
    /// *Guarantees:* nothing is lost.
    #[test]
    fn good_rules_survive_the_way(whens in prop::collection::vec(super::matching::when(), 1..8)) {
        let rules: Vec<Json> = whens.iter().enumerate().map(|(n, when)| rule(json!({"name": format!("r{n}"), "when": when}))).collect();
        let config = json!({"rules": rules});
        let read: Config = serde_json::from_value(config.clone()).unwrap();
        let written = serde_json::to_value(&read).unwrap();
        let again: Config = serde_json::from_value(written.clone()).unwrap();
        prop_assert_eq!(&written, &serde_json::to_value(&again).unwrap());
        for (number, when) in whens.iter().enumerate() {
            prop_assert_eq!(&written["rules"][number]["when"], when);
        }
        prop_assert!(testing::plugin::<Rules>(&written.to_string()).is_ok());
    }
}

/// The blocks of a page that are marked as rules.
fn blocks(page: &str) -> Vec<&str> {
    let marked = page.split("```yaml rules\n").skip(1);
    marked
        .map(|rest| rest.split("```").next().unwrap())
        .collect()
}

/// *Scenario:* the example that ships, and those of the documentation.
/// *Guarantees:* they are good.
#[test]
fn examples_are_good() {
    let example = include_str!("../../rules.yaml");
    let pages = [
        include_str!("../../README.md"),
        include_str!("../../../../README.md"),
        include_str!("../../../../docs/rules.md"),
    ];
    let examples: Vec<&str> = pages.iter().flat_map(|page| blocks(page)).collect();
    assert_eq!(examples.len(), 3);
    for text in examples.into_iter().chain([example]) {
        let config: Json = serde_saphyr::from_str(text).unwrap();
        assert!(
            config["rules"]
                .as_array()
                .is_some_and(|rules| !rules.is_empty())
        );
        if let Err(error) = testing::plugin::<Rules>(&config.to_string()) {
            panic!("{error}");
        }
    }
}
