use super::*;
use proptest::prelude::*;
use tidegate_sdk::testing::{self, EnrichedRecord, OwnedValue};
use tidegate_sdk::{Columns, Emit, Parser, Verdict};

type Attributes = Vec<(&'static str, Value<'static>)>;

/// Gives records with these attributes; `resource.` before a name stands for the resource's.
struct Given(Vec<Attributes>);

impl Plugin for Given {
    type Config = ();

    fn configure((): ()) -> Result<Self, ConfigError> {
        Ok(Given(Vec::new()))
    }
}

impl Parser for Given {
    fn parse(&self, input: Record<'_>, out: &mut Emit<'_>) -> Verdict {
        let mut record = out.record();
        for (key, value) in &self.0[input.index()] {
            match key.strip_prefix("resource.") {
                Some(key) => record.resource(key, *value),
                None => record.attr(key, *value),
            };
        }
        record.emit();
        Verdict::Emitted
    }
}

fn columns(records: Vec<Attributes>) -> Columns {
    let lines = testing::raw(records.iter().map(|_| ""));
    let parsed = testing::parse(&Given(records), &lines);
    testing::next(&lines, &parsed)
}

/// What a record with these attributes becomes, as one line.
fn enriched(config: &str, attributes: &[(&'static str, Value<'static>)]) -> String {
    let plugin = testing::plugin::<Static>(config).unwrap();
    let records = testing::enrich(&plugin, &columns(vec![attributes.to_vec()]));
    let record = records[0].record().unwrap();
    let own = record
        .attributes
        .iter()
        .map(|(key, value)| format!("{key}={value}"));
    let resource = record
        .resource
        .iter()
        .map(|(key, value)| format!("resource.{key}={value}"));
    own.chain(resource).collect::<Vec<_>>().join(" ")
}

const RECORD: [(&str, Value<'static>); 4] = [
    ("resource.service.name", Value::Text("shop")),
    ("user", Value::Text("u-1")),
    ("ns", Value::Text("core")),
    ("ms", Value::Int(12)),
];

/// *Scenario:* each step alone, on both levels and from one to the other.
///
/// *Guarantees:* replaced attributes keep their place, new ones stand at the end, types stay.
#[test]
fn each_step_does_what_it_says() {
    for (config, expected) in [
        (
            r#"{}"#,
            r#"user="u-1" ns="core" ms=12 resource.service.name="shop""#,
        ),
        (
            r#"{"attributes": {"set": {"ns": "x", "a": 1, "b": 0.5, "c": true}}}"#,
            r#"user="u-1" ns="x" ms=12 a=1 b=0.5 c=true resource.service.name="shop""#,
        ),
        (
            r#"{"attributes": {"set": {"ns": "x", "a": 1}, "overwrite": false}}"#,
            r#"user="u-1" ns="core" ms=12 a=1 resource.service.name="shop""#,
        ),
        (
            r#"{"resource": {"set": {"service.name": "x", "user": "y"}}}"#,
            r#"user="u-1" ns="core" ms=12 resource.service.name="x" resource.user="y""#,
        ),
        (
            r#"{"attributes": {"copy": {"ms": "t", "nope": "x"}}}"#,
            r#"user="u-1" ns="core" ms=12 t=12 resource.service.name="shop""#,
        ),
        (
            r#"{"attributes": {"rename": {"user": "enduser.id", "nope": "ms"}}}"#,
            r#"ns="core" ms=12 enduser.id="u-1" resource.service.name="shop""#,
        ),
        (
            r#"{"attributes": {"rename": {"user": "ms"}}}"#,
            r#"ns="core" ms="u-1" resource.service.name="shop""#,
        ),
        (
            r#"{"attributes": {"remove": ["user", "nope", "service.name"]}, "resource": {"remove": ["ms"]}}"#,
            r#"ns="core" ms=12 resource.service.name="shop""#,
        ),
        (
            r#"{"attributes": {"rename": {"ns": {"resource": "k8s.namespace.name"}}}}"#,
            r#"user="u-1" ms=12 resource.service.name="shop" resource.k8s.namespace.name="core""#,
        ),
        (
            r#"{"resource": {"copy": {"service.name": {"attribute": "service"}}}}"#,
            r#"user="u-1" ns="core" ms=12 service="shop" resource.service.name="shop""#,
        ),
    ] {
        assert_eq!(enriched(config, &RECORD), expected, "{config}");
    }
}

/// *Scenario:* the configuration has fields that do not exist, or values that are no constants.
///
/// *Guarantees:* it is refused.
#[test]
fn unknown_fields_are_refused() {
    for config in [
        r#"{"attribute": {}}"#,
        r#"{"attributes": {"add": {}}}"#,
        r#"{"attributes": {"set": {"a": null}}}"#,
        r#"{"attributes": {"set": {"a": [1]}}}"#,
        r#"{"attributes": {"copy": {"a": {"resource": "x", "attribute": "y"}}}}"#,
    ] {
        assert!(testing::plugin::<Static>(config).is_err(), "{config}");
    }
}

/// One record, step by step: what the documentation says, without a plan.
fn by_steps(config: &Config, record: &mut Vec<(String, OwnedValue)>) {
    fn put(record: &mut Vec<(String, OwnedValue)>, key: &str, value: OwnedValue) {
        match record.iter_mut().find(|(known, _)| known == key) {
            Some((_, old)) => *old = value,
            None => record.push((key.into(), value)),
        }
    }
    let changes = &config.attributes;
    let moves = |moves: &std::collections::BTreeMap<String, config::Target>,
                 record: &Vec<(String, OwnedValue)>| {
        let target = |to: &config::Target| match to {
            config::Target::Name(name) => name.clone(),
            _ => unreachable!("only names are made here"),
        };
        let found = |from: &str| {
            record
                .iter()
                .find(|(key, _)| key == from)
                .map(|(_, value)| value.clone())
        };
        moves
            .iter()
            .filter_map(|(from, to)| Some((target(to), found(from)?)))
            .collect::<Vec<_>>()
    };
    for (to, value) in moves(&changes.copy, record) {
        put(record, &to, value);
    }
    let renamed = moves(&changes.rename, record);
    record.retain(|(key, _)| !changes.rename.contains_key(key));
    for (to, value) in renamed {
        put(record, &to, value);
    }
    record.retain(|(key, _)| !changes.remove.contains(key));
    for (key, value) in &changes.set {
        if changes.overwrite || !record.iter().any(|(known, _)| known == key) {
            put(record, key, value.value().into());
        }
    }
}

const KEYS: [&str; 5] = ["a", "b", "c", "d", "e"];

/// Moves with targets of their own, as JSON.
fn moves() -> impl Strategy<Value = serde_json::Value> {
    let targets = Just(KEYS.to_vec()).prop_shuffle();
    (prop::sample::subsequence(KEYS.to_vec(), 0..4), targets).prop_map(|(from, to)| {
        from.into_iter()
            .zip(to)
            .map(|(from, to)| (from, serde_json::Value::from(to)))
            .collect()
    })
}

proptest! {
    /// *Scenario:* any configuration over five names, and records that have any of them.
    ///
    /// *Guarantees:* the plan gives each name the value that the steps, done one after the other, give it.
    #[test]
    fn the_plan_does_what_the_steps_do(
        copy in moves(),
        rename in moves(),
        remove in prop::sample::subsequence(KEYS.to_vec(), 0..3),
        set in prop::sample::subsequence(KEYS.to_vec(), 0..3),
        overwrite: bool,
        present in prop::sample::subsequence(KEYS.to_vec(), 0..5),
    ) {
        let set: serde_json::Value = set.into_iter().map(|key| (key, serde_json::Value::from("new"))).collect();
        let config = serde_json::json!({"attributes": {
            "copy": copy, "rename": rename, "remove": remove, "set": set, "overwrite": overwrite,
        }});
        let plugin = testing::plugin::<Static>(&config.to_string()).unwrap();
        let record: Attributes = present.iter().map(|key| (*key, Value::Text(key))).collect();
        let mut expected = record.iter().map(|(key, value)| (key.to_string(), (*value).into())).collect();
        by_steps(&serde_json::from_value(config).unwrap(), &mut expected);

        let answer = testing::enrich(&plugin, &columns(vec![record]));
        let mut attributes = answer[0].record().unwrap().attributes.clone();
        expected.sort_by(|a, b| a.0.cmp(&b.0));
        attributes.sort_by(|a, b| a.0.cmp(&b.0));
        prop_assert_eq!(attributes, expected);
    }

    /// *Scenario:* a batch of records with different attributes, whole and one by one.
    ///
    /// *Guarantees:* a record's answer does not depend on its batch.
    #[test]
    fn records_are_changed_one_by_one(present in prop::collection::vec(prop::sample::subsequence(KEYS.to_vec(), 0..5), 1..6)) {
        let config = r#"{"attributes": {"copy": {"a": "x"}, "rename": {"b": "y"}, "remove": ["c"], "set": {"d": 1}}}"#;
        let plugin = testing::plugin::<Static>(config).unwrap();
        let records: Vec<Attributes> =
            present.iter().map(|keys| keys.iter().map(|key| (*key, Value::Text(key))).collect()).collect();
        let alone: Vec<EnrichedRecord> =
            records.iter().flat_map(|record| testing::enrich(&plugin, &columns(vec![record.clone()]))).collect();
        prop_assert_eq!(testing::enrich(&plugin, &columns(records)), alone);
    }
}
