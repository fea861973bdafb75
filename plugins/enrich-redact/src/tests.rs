use super::*;
use tidegate_sdk::testing::{self, EnrichedRecord};
use tidegate_sdk::{Columns, Emit, Parser, Verdict};

/// Gives one record a line: the line as body, and attributes of every type with something to hide.
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
        record
            .body(input.body_value())
            .attr("user", "j@ex.org")
            .attr("password", "hunter2")
            .attr("pan", 4_111_111_111_111_111_i64)
            .attr("data", Json(r#"{"a":"::1"}"#))
            .attr("raw", &b"\xff::1"[..])
            .attr("ok", true)
            .resource("host.ip", "10.0.0.1");
        record.emit();
        Verdict::Emitted
    }
}

fn columns(lines: &[&[u8]]) -> Columns {
    let lines = testing::raw(lines);
    let parsed = testing::parse(&Given, &lines);
    testing::next(&lines, &parsed)
}

/// What becomes of one record, as one line.
fn redacted(config: &str, body: &[u8]) -> String {
    let plugin = testing::plugin::<Redact>(config).unwrap();
    let records = testing::enrich(&plugin, &columns(&[body]));
    records[0].record().unwrap().to_string()
}

/// *Scenario:* a record with something to hide in its body and in attributes of every type, of the
/// resource too.
///
/// *Guarantees:* all of it goes; types stay where they can, and places always.
#[test]
fn everything_goes_by_default() {
    assert_eq!(
        redacted("{}", b"to j@ex.org"),
        "- 0 \"\" \"to <email>\" user=\"<email>\" password=\"<secret>\" pan=\"<card>\" data=`{\"a\":\"<ip>\"}` \
         raw=b\"\\xff<ip>\" ok=true resource.host.ip=\"<ip>\""
    );
    assert!(redacted("{}", b"\xff j@ex.org").contains(r#"b"\xff <email>""#));
}

/// *Scenario:* body, attributes, exceptions, kinds and replacements are chosen.
///
/// *Guarantees:* what is not chosen stays.
#[test]
fn what_is_not_chosen_stays() {
    const AS_IT_WAS: [&str; 7] = [
        r#""to j@ex.org""#,
        r#"user="j@ex.org""#,
        r#"password="hunter2""#,
        "pan=4111111111111111",
        r#"data=`{"a":"::1"}`"#,
        r#"raw=b"\xff::1""#,
        r#"host.ip="10.0.0.1""#,
    ];
    for (config, gone) in [
        (r#"{"body": false}"#, &[1, 2, 3, 4, 5, 6][..]),
        (r#"{"attributes": "none"}"#, &[0]),
        (
            r#"{"attributes": ["user", "host.ip"], "body": false}"#,
            &[1, 6],
        ),
        (
            r#"{"attributes": "all", "except": ["pan", "raw"]}"#,
            &[0, 1, 2, 4, 6],
        ),
        (
            r#"{"attributes": ["user", "pan"], "except": ["user"]}"#,
            &[0, 3],
        ),
        (r#"{"kinds": ["ip"]}"#, &[4, 5, 6]),
        (
            r#"{"kinds": [], "patterns": [{"name": "a", "regex": "hunter\\d"}]}"#,
            &[2],
        ),
    ] {
        let line = redacted(config, b"to j@ex.org");
        for (number, part) in AS_IT_WAS.iter().enumerate() {
            assert_eq!(
                !line.contains(part),
                gone.contains(&number),
                "{config}: {part} in {line}"
            );
        }
    }
    let config =
        r#"{"replacements": {"email": "\"[mail]\""}, "patterns": [{"name": "p", "regex": "to"}]}"#;
    assert!(redacted(config, b"to j@ex.org").contains(r#""<p> \"[mail]\"" "#));
}

/// *Scenario:* a batch of three records, whole and one by one.
///
/// *Guarantees:* the answers are the same, and every replacement is counted, by kind and in all.
#[test]
fn replacements_are_counted() {
    let config = r#"{"attributes": "none", "patterns": [{"name": "digits", "regex": "\\d{3}"}]}"#;
    let plugin = testing::plugin::<Redact>(config).unwrap();
    let lines: [&[u8]; 3] = [b"j@ex.org, k@ex.org", b"nothing", b"123 456 ::1"];
    let whole = testing::enrich(&plugin, &columns(&lines));
    let counts = [
        "redacted",
        "redacted.email",
        "redacted.ip",
        "redacted.digits",
        "redacted.card",
    ];
    assert_eq!(counts.map(testing::counted), [5, 2, 1, 2, 0]);
    let alone: Vec<EnrichedRecord> = lines
        .iter()
        .flat_map(|line| testing::enrich(&plugin, &columns(&[line])))
        .collect();
    assert_eq!(whole, alone);
    assert_eq!(testing::counted("redacted"), 10);
}

/// *Scenario:* mistakes in a configuration.
///
/// *Guarantees:* each is refused, with the field as a JSON pointer where the plugin finds it.
#[test]
fn mistakes_are_refused_with_their_field() {
    let many = vec![serde_json::json!({"name": "a", "regex": "a"}); PATTERNS_MAX + 1];
    for (config, pointer) in [
        (serde_json::json!({"kinds": []}), "/kinds"),
        (
            serde_json::json!({"patterns": [{"name": "a", "regex": "a"}, {"name": "b", "regex": "("}]}),
            "/patterns/1/regex",
        ),
        (
            serde_json::json!({"patterns": [{"name": "a", "regex": "a*"}]}),
            "/patterns/0/regex",
        ),
        (
            serde_json::json!({"patterns": [{"name": "", "regex": "a"}]}),
            "/patterns/0/name",
        ),
        (
            serde_json::json!({"patterns": [{"name": "\u{e9}".repeat(NAME_BYTES_MAX / 2 + 1), "regex": "a"}]}),
            "/patterns/0/name",
        ),
        (serde_json::json!({ "patterns": many }), "/patterns"),
    ] {
        let error = testing::plugin::<Redact>(&config.to_string())
            .err()
            .unwrap();
        assert_eq!(error.pointer(), pointer, "{}", error.message());
    }
    let longest =
        serde_json::json!({"patterns": [{"name": "a".repeat(NAME_BYTES_MAX), "regex": "a"}]});
    assert!(testing::plugin::<Redact>(&longest.to_string()).is_ok());
    assert!(testing::config_schema::<Redact>().contains(r#""maxLength":48"#));
    for config in [
        r#"{"kinds": ["phone"]}"#,
        r#"{"attributes": "some"}"#,
        r#"{"replacements": {"phone": ""}}"#,
        r#"{"patterns": [{"name": "a"}]}"#,
        r#"{"attribute": "all"}"#,
    ] {
        assert!(testing::plugin::<Redact>(config).is_err(), "{config}");
    }
}
