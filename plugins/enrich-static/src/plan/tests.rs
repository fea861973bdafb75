use super::*;
use serde_json::json;

fn planned(config: serde_json::Value) -> Result<Vec<Change>, ConfigError> {
    plan(&serde_json::from_value(config).unwrap())
}

fn name(key: &str) -> Name {
    Name {
        resource: false,
        key: key.into(),
    }
}

fn from(key: &str) -> Source {
    Source::Attribute(name(key))
}

/// *Scenario:* every step touches a name of its own, and one name is touched by all.
///
/// *Guarantees:* the plan says where each value comes from, by the order of the steps.
#[test]
fn steps_become_sources() {
    let changes = planned(json!({"attributes": {
        "copy": {"a": "b"}, "rename": {"b": "c"}, "remove": ["d"], "set": {"c": 1}, "overwrite": false,
    }}));
    let expected = [
        ("b", vec![]),
        (
            "c",
            vec![
                from("a"),
                from("b"),
                from("c"),
                Source::Constant(Constant::Int(1)),
            ],
        ),
        ("d", vec![]),
    ];
    assert_eq!(
        changes.unwrap(),
        expected.map(|(key, sources)| Change {
            name: name(key),
            sources
        })
    );
}

/// *Scenario:* a step swaps two names; a name is copied to itself; nothing is configured.
///
/// *Guarantees:* the moves of a step happen at once, and what changes nothing is not in the plan.
#[test]
fn moves_of_a_step_happen_at_once() {
    let swapped = planned(json!({"attributes": {"rename": {"a": "b", "b": "a"}}})).unwrap();
    assert_eq!(
        swapped[0],
        Change {
            name: name("a"),
            sources: vec![from("b")]
        }
    );
    assert_eq!(
        swapped[1],
        Change {
            name: name("b"),
            sources: vec![from("a")]
        }
    );
    assert_eq!(
        planned(json!({"attributes": {"rename": {"a": "a"}}})),
        Ok(vec![])
    );
    assert_eq!(planned(json!({})), Ok(vec![]));
}

/// *Scenario:* constants of every type are written in JSON.
///
/// *Guarantees:* each keeps its type.
#[test]
fn constants_keep_their_type() {
    let set = json!({"resource": {"set": {"a": "5", "b": 5, "c": 5.0, "d": true, "e": -1}}});
    let constants: Vec<Source> = planned(set)
        .unwrap()
        .into_iter()
        .flat_map(|change| change.sources)
        .collect();
    let expected = [
        Constant::Text("5".into()),
        Constant::Int(5),
        Constant::Double(5.0),
        Constant::Bool(true),
        Constant::Int(-1),
    ];
    assert_eq!(constants, expected.map(Source::Constant));
}

/// *Scenario:* empty names, two moves to one target, and too many names.
///
/// *Guarantees:* each is refused, with the field as a JSON pointer.
#[test]
fn mistakes_are_refused_with_their_field() {
    let many: Vec<String> = (0..=NAMES_MAX).map(|number| number.to_string()).collect();
    for (config, pointer) in [
        (
            json!({"attributes": {"copy": {"a": ""}}}),
            "/attributes/copy/a",
        ),
        (
            json!({"attributes": {"rename": {"a": "x", "b/c": "x"}}}),
            "/attributes/rename/b~1c",
        ),
        (
            json!({"attributes": {"copy": {"a": {"resource": "x"}}}, "resource": {"copy": {"b": "x"}}}),
            "/resource/copy/b",
        ),
        (
            json!({"resource": {"rename": {"a": {"attribute": ""}}}}),
            "/resource/rename/a/attribute",
        ),
        (
            json!({"resource": {"remove": ["a", ""]}}),
            "/resource/remove/1",
        ),
        (json!({"resource": {"set": {"": 1}}}), "/resource/set/"),
        (json!({"attributes": {"remove": many}}), ""),
    ] {
        assert_eq!(
            planned(config.clone()).unwrap_err().pointer(),
            pointer,
            "{config}"
        );
    }
}
