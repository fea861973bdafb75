use super::*;
use serde_json::json;
use tidegate_sdk::testing::{self, EnrichedRecord};
use tidegate_sdk::{Columns, Emit, Json, Parser, Severity, Verdict};

/// Gives one record a line: a health check, an order that failed, a debug line, one with nothing.
struct Given;

impl Plugin for Given {
    type Config = ();

    fn configure((): ()) -> Result<Self, ConfigError> {
        Ok(Given)
    }
}

impl Parser for Given {
    fn parse(&self, input: Record<'_>, out: &mut Emit<'_>) -> Verdict {
        let mut record = out.record();
        match input.body() {
            "health" => record
                .body("GET /healthz 200")
                .severity(Severity::INFO, "INFO")
                .resource("service.name", "gateway")
                .attr("http.route", "/healthz")
                .attr("status", 200),
            "order" => record
                .body("order 7 failed")
                .severity(Severity::ERROR, "ERROR")
                .resource("service.name", "orders")
                .attr("status", "503")
                .attr("service.name", "not the resource's")
                .attr("items", Json("[1,2]")),
            "debug" => record
                .body("cache miss")
                .severity(Severity::DEBUG, "")
                .resource("service.name", "cache"),
            _ => record.body(""),
        };
        record.emit();
        Verdict::Emitted
    }
}

const LINES: [&str; 4] = ["health", "order", "debug", "nothing"];

fn columns(lines: &[&str]) -> Columns {
    let lines = testing::raw(lines);
    let parsed = testing::parse(&Given, &lines);
    testing::next(&lines, &parsed)
}

/// What becomes of the four records: `-` for kept, the reason for dropped, `>ROUTE` for routed.
fn decided(rules: serde_json::Value) -> [String; 4] {
    let plugin = testing::plugin::<Filter>(&json!({ "rules": rules }).to_string()).unwrap();
    let whole = testing::enrich(&plugin, &columns(&LINES));
    let alone: Vec<EnrichedRecord> = LINES
        .iter()
        .flat_map(|line| testing::enrich(&plugin, &columns(&[line])))
        .collect();
    assert_eq!(
        whole, alone,
        "the answer depends on where the batch was cut"
    );
    std::array::from_fn(|record| match &whole[record] {
        EnrichedRecord::Dropped(reason) => reason.clone(),
        EnrichedRecord::Kept { route, .. } => route
            .as_ref()
            .map_or("-".into(), |route| format!(">{route}")),
    })
}

fn dropped_when(when: serde_json::Value) -> [bool; 4] {
    decided(json!([{"name": "x", "when": when, "then": "drop"}])).map(|word| word == "x")
}

/// *Scenario:* each field is asked each kind of question.
///
/// *Guarantees:* exactly the records that fit are dropped.
#[allow(clippy::too_many_lines, reason = "a table, a row a question")]
#[test]
fn conditions_fit_by_field() {
    for (when, expected) in [
        (
            json!({"body": {"contains": "miss"}}),
            [false, false, true, false],
        ),
        (
            json!({"body": {"regex": r"^order \d+ failed$"}}),
            [false, true, false, false],
        ),
        (
            json!({"body": {"exists": false}}),
            [false, false, false, true],
        ),
        (
            json!({"severity": {"less": "info"}}),
            [false, false, true, false],
        ),
        (
            json!({"severity": {"equals": "info"}}),
            [true, false, false, false],
        ),
        (
            json!({"severity": {"greater": 9}}),
            [false, true, false, false],
        ),
        (
            json!({"severity": {"exists": false}}),
            [false, false, false, true],
        ),
        (
            json!({"severity": {"not_equals": "error"}}),
            [true, false, true, true],
        ),
        (
            json!({"attributes": {"http.route": {"equals": "/healthz"}}}),
            [true, false, false, false],
        ),
        (
            json!({"attributes": {"status": {"greater": 400, "less": 600}}}),
            [false, true, false, false],
        ),
        (
            json!({"attributes": {"status": {"equals": 200}}}),
            [true, false, false, false],
        ),
        (
            json!({"attributes": {"status": {"not_equals": 200}}}),
            [false, true, true, true],
        ),
        (
            json!({"attributes": {"status": {"exists": true}}}),
            [true, true, false, false],
        ),
        (
            json!({"attributes": {"items": {"starts_with": "[1"}}}),
            [false, true, false, false],
        ),
        (
            json!({"attributes": {"service.name": {"exists": true}}}),
            [false, true, false, false],
        ),
        (
            json!({"resource": {"service.name": {"starts_with": "c"}}}),
            [false, false, true, false],
        ),
        (
            json!({"resource": {"http.route": {"exists": true}}}),
            [false, false, false, false],
        ),
    ] {
        assert_eq!(dropped_when(when.clone()), expected, "{when}");
    }
}

/// *Scenario:* conditions are combined, also several in one.
///
/// *Guarantees:* what stands side by side must hold together; `all`, `any` and `not` do what they say.
#[test]
fn conditions_combine() {
    let status = json!({"attributes": {"status": {"exists": true}}});
    let error = json!({"severity": {"equals": "error"}});
    for (when, expected) in [
        (json!({"all": [status, error]}), [false, true, false, false]),
        (
            json!({"any": [error, {"body": {"contains": "cache"}}]}),
            [false, true, true, false],
        ),
        (json!({"not": status}), [false, false, true, true]),
        (
            json!({"severity": {"exists": true}, "not": {"any": [status]}}),
            [false, false, true, false],
        ),
        (
            json!({"attributes": {"status": {"exists": true}, "items": {"exists": true}}}),
            [false, true, false, false],
        ),
    ] {
        assert_eq!(dropped_when(when.clone()), expected, "{when}");
    }
}

/// *Scenario:* rules that overlap, one that keeps, one without a condition, and none at all.
///
/// *Guarantees:* the first that fits decides, and what none fits is kept.
#[test]
fn the_first_rule_that_fits_decides() {
    let rules = json!([
        {"when": {"severity": {"equals": "error"}}, "then": {"route": "errors"}},
        {"when": {"resource": {"service.name": {"exists": false}}}, "then": "keep"},
        {"name": "health", "when": {"attributes": {"status": {"equals": 200}}}, "then": "drop"},
        {"then": "drop"},
    ]);
    assert_eq!(decided(rules), ["health", ">errors", "rule-4", "-"]);
    assert_eq!(decided(json!([])), ["-", "-", "-", "-"]);
}

/// *Scenario:* a batch of which rules drop two records and route one.
///
/// *Guarantees:* each is counted under the rule's name.
#[test]
fn decisions_are_counted_by_rule() {
    let rules = json!({"rules": [
        {"name": "counted-out", "when": {"severity": {"less": "error"}}, "then": "drop"},
        {"name": "counted-on", "when": {"severity": {"exists": true}}, "then": {"route": "errors"}},
        {"name": "counted-in", "then": "keep"},
    ]});
    testing::enrich(
        &testing::plugin::<Filter>(&rules.to_string()).unwrap(),
        &columns(&LINES),
    );
    let counts = [
        "dropped.counted-out",
        "routed.counted-on",
        "routed.counted-in",
    ]
    .map(testing::counted);
    assert_eq!(counts, [2, 1, 0]);
}

/// *Scenario:* mistakes in a configuration.
///
/// *Guarantees:* each is refused, with the field as a JSON pointer where the plugin finds it.
#[test]
fn mistakes_are_refused_with_their_field() {
    let drop = |when| json!([{"when": when, "then": "drop"}]);
    for (rules, pointer) in [
        (
            drop(json!({"body": {"regex": "("}})),
            "/rules/0/when/body/regex",
        ),
        (
            drop(json!({"not": {"any": [{"attributes": {"a/b": {"regex": "["}}}]}})),
            "/rules/0/when/not/any/0/attributes/a~1b/regex",
        ),
        (
            drop(json!({"resource": {"a~b": {"regex": r"\w{1000}{1000}"}}})),
            "/rules/0/when/resource/a~0b/regex",
        ),
        (drop(json!({})), "/rules/0/when"),
        (drop(json!({"body": {}})), "/rules/0/when/body"),
        (drop(json!({"severity": {}})), "/rules/0/when/severity"),
        (
            drop(json!({"severity": {"less": "loud"}})),
            "/rules/0/when/severity/less",
        ),
        (
            drop(json!({"severity": {"equals": 25}})),
            "/rules/0/when/severity/equals",
        ),
        (drop(json!({"all": []})), "/rules/0/when/all"),
        (json!([{"then": {"route": ""}}]), "/rules/0/then/route"),
        (json!([{"name": "", "then": "drop"}]), "/rules/0/name"),
        (
            json!([{"name": "a", "then": "keep"}, {"name": "a", "then": "drop"}]),
            "/rules/1/name",
        ),
        (
            vec![json!({"then": "keep"}); RULES_MAX + 1].into(),
            "/rules",
        ),
    ] {
        let error = testing::plugin::<Filter>(&json!({ "rules": rules }).to_string())
            .err()
            .unwrap();
        assert_eq!(error.pointer(), pointer, "{}", error.message());
    }
    for rules in [
        json!([{"then": "delete"}]),
        json!([{"when": {"body": {"contain": "x"}}, "then": "drop"}]),
        json!([{"when": {"attribute": {}}, "then": "drop"}]),
        json!([{"when": {"body": {"greater": "5"}}, "then": "drop"}]),
        json!([{"if": {}, "then": "drop"}]),
        json!([{}]),
    ] {
        assert!(
            testing::plugin::<Filter>(&json!({ "rules": rules }).to_string()).is_err(),
            "{rules}"
        );
    }
}

/// *Scenario:* names of rules around the length that a counter's name has room for.
///
/// *Guarantees:* longer ones are refused, bytes and not letters counted; the schema says so too.
#[test]
fn names_have_room_in_a_counters_name() {
    let named = |name: String| {
        let config = json!({"rules": [{"name": name, "then": "drop"}]});
        testing::plugin::<Filter>(&config.to_string()).err()
    };
    assert_eq!(named("a".repeat(NAME_BYTES_MAX)), None);
    for name in [
        "a".repeat(NAME_BYTES_MAX + 1),
        "\u{e9}".repeat(NAME_BYTES_MAX / 2 + 1),
    ] {
        assert_eq!(named(name).unwrap().pointer(), "/rules/0/name");
    }
    assert!(testing::config_schema::<Filter>().contains(r#""maxLength":48"#));
}
