use super::*;
use crate::Scratch;
use crate::config::{Constant, Number, When};
use crate::field::Seen;
use proptest::prelude::*;
use tidegate_sdk::testing::OwnedValue;

/// Texts that contain, begin and end with each other.
const TEXTS: [&str; 14] = [
    "",
    "a",
    "ab",
    "abc",
    "bc",
    "Abc",
    "abcabc",
    "GET /ab",
    "get /AB 200",
    "timeout",
    "connection timeout abc",
    "200",
    "1.5",
    "true",
];
const PATTERNS: [&str; 10] = [
    "^GET /(ab|x)",
    "(?i)timeout",
    "ab+c",
    r"\d+",
    "^(a|b)",
    "a$",
    "(abc)+",
    "x|ab",
    r"^\w+ t",
    "(?i)^get",
];
const FIELDS: [&str; 7] = [
    "body",
    "x",
    "y",
    "resource.x",
    "attributes.body",
    "severity_text",
    "trace_id",
];

/// The rules that a record matches, by the plugin.
fn found(plugin: &Rules, record: &OwnedRecord) -> Vec<u32> {
    let columns = testing::columns([record]);
    let batch = testing::batch(&columns);
    let mut seen = Seen::new(&plugin.atoms.fields);
    let mut scratch = Scratch::default();
    plugin.matching(batch.get(0).unwrap(), &mut seen, &mut scratch);
    scratch.found.rules
}

// === the same, asked naively ===

fn naive(when: &When, record: &OwnedRecord) -> bool {
    let field = when.field.as_deref();
    field.is_none_or(|field| naive_tests(when, field, record))
        && when.all.iter().flatten().all(|part| naive(part, record))
        && when
            .any
            .as_ref()
            .is_none_or(|parts| parts.iter().any(|part| naive(part, record)))
        && when.not.as_ref().is_none_or(|part| !naive(part, record))
}

fn naive_value(field: &str, record: &OwnedRecord) -> Option<OwnedValue> {
    match field {
        "body" => Some(record.body.clone()).filter(|body| *body != OwnedValue::Text(String::new())),
        "severity_text" => (!record.severity_text.is_empty())
            .then(|| OwnedValue::Text(record.severity_text.clone())),
        "trace_id" => (record.trace.trace_id != [0; 16]).then(|| {
            OwnedValue::Text(
                record
                    .trace
                    .trace_id
                    .iter()
                    .map(|byte| format!("{byte:02x}"))
                    .collect(),
            )
        }),
        _ => match field.split_once('.') {
            Some(("resource", name)) => record.resource(name).cloned(),
            Some(("attributes", name)) => record.attr(name).cloned(),
            _ => record.attr(field).cloned(),
        },
    }
}

fn naive_text(value: &OwnedValue) -> Option<String> {
    match value {
        OwnedValue::Text(text) | OwnedValue::Json(text) => Some(text.clone()),
        OwnedValue::Bool(flag) => Some(flag.to_string()),
        OwnedValue::Int(number) => Some(number.to_string()),
        OwnedValue::Double(number) => Some(number.to_string()),
        OwnedValue::Null | OwnedValue::Bytes(_) => None,
    }
}

fn naive_number(value: &OwnedValue) -> Option<f64> {
    match value {
        OwnedValue::Int(number) => Some(*number as f64),
        OwnedValue::Double(number) => Some(*number),
        OwnedValue::Text(text) if text.starts_with(|c: char| c.is_ascii_digit()) => {
            text.parse().ok()
        }
        _ => None,
    }
}

fn constant_number(constant: &Constant) -> Option<f64> {
    match constant {
        Constant::Number(Number::Int(number)) => Some(*number as f64),
        Constant::Number(Number::Double(number)) => Some(*number),
        _ => None,
    }
}

fn naive_tests(when: &When, field: &str, record: &OwnedRecord) -> bool {
    if field == "severity" {
        return naive_severity(when, record.severity.number());
    }
    let value = naive_value(field, record);
    if let Some(wanted) = when.exists
        && wanted != value.is_some()
    {
        return false;
    }
    let case = |text: &str| {
        if when.ignore_case {
            text.to_lowercase()
        } else {
            text.to_owned()
        }
    };
    let text = value.as_ref().and_then(naive_text).map(|text| case(&text));
    let number = value.as_ref().and_then(naive_number);
    let equals = |constant: &Constant| match constant {
        Constant::Bool(flag) => text == Some(flag.to_string()),
        Constant::Text(wanted) => text == Some(case(wanted)),
        Constant::Number(_) => number.is_some() && number == constant_number(constant),
    };
    let asks = |wanted: &Option<String>, test: &dyn Fn(&str, &str) -> bool| {
        wanted
            .as_ref()
            .is_none_or(|wanted| text.as_ref().is_some_and(|text| test(text, &case(wanted))))
    };
    let limit = |limit: &Option<Constant>, test: &dyn Fn(f64, f64) -> bool| {
        limit.as_ref().is_none_or(|limit| {
            number.is_some_and(|number| test(number, constant_number(limit).unwrap()))
        })
    };
    when.equals.as_ref().is_none_or(equals)
        && when
            .one_of
            .as_ref()
            .is_none_or(|all| all.iter().any(equals))
        && asks(&when.contains, &|text, part| text.contains(part))
        && asks(&when.prefix, &|text, part| text.starts_with(part))
        && asks(&when.suffix, &|text, part| text.ends_with(part))
        && limit(&when.at_least, &|a, b| a >= b)
        && limit(&when.greater, &|a, b| a > b)
        && limit(&when.at_most, &|a, b| a <= b)
        && limit(&when.less, &|a, b| a < b)
        && when.regex.as_ref().is_none_or(|pattern| {
            let regex = regex::RegexBuilder::new(pattern)
                .case_insensitive(when.ignore_case)
                .build()
                .unwrap();
            value
                .as_ref()
                .and_then(naive_text)
                .is_some_and(|text| regex.is_match(&text))
        })
}

fn naive_severity(when: &When, severity: u8) -> bool {
    let group = |level: &Constant| match level {
        Constant::Text(name) if name == "warn" => 13..=16,
        Constant::Number(Number::Int(number)) => *number as u8..=*number as u8,
        _ => 17..=20,
    };
    let known = severity > 0;
    when.exists.is_none_or(|wanted| wanted == known)
        && when
            .equals
            .as_ref()
            .is_none_or(|level| group(level).contains(&severity))
        && when
            .one_of
            .as_ref()
            .is_none_or(|levels| levels.iter().any(|level| group(level).contains(&severity)))
        && when
            .at_least
            .as_ref()
            .is_none_or(|level| severity >= *group(level).start())
        && when
            .greater
            .as_ref()
            .is_none_or(|level| severity > *group(level).end())
        && when
            .at_most
            .as_ref()
            .is_none_or(|level| known && severity <= *group(level).end())
        && when
            .less
            .as_ref()
            .is_none_or(|level| known && severity < *group(level).start())
}

// === by chance ===

fn text() -> impl Strategy<Value = &'static str> {
    prop::sample::select(TEXTS.to_vec())
}

fn constant() -> impl Strategy<Value = Json> {
    prop_oneof![
        text().prop_map(|text| json!(text)),
        prop::sample::select(vec![
            json!(200),
            json!(1.5),
            json!(-3),
            json!(true),
            json!(200.0)
        ]),
    ]
}

fn one_test() -> impl Strategy<Value = (&'static str, Json)> {
    let filled = || text().prop_filter("empty", |text| !text.is_empty());
    prop_oneof![
        3 => constant().prop_map(|value| ("equals", value)),
        1 => prop::collection::vec(constant(), 1..6).prop_map(|values| ("one_of", json!(values))),
        3 => filled().prop_map(|text| ("contains", json!(text))),
        2 => filled().prop_map(|text| ("prefix", json!(text))),
        1 => filled().prop_map(|text| ("suffix", json!(text))),
        2 => prop::sample::select(PATTERNS.to_vec()).prop_map(|text| ("regex", json!(text))),
        2 => (prop::sample::select(vec!["at_least", "greater", "at_most", "less"]), prop::sample::select(vec![json!(1), json!(200), json!(1.5)])),
        1 => any::<bool>().prop_map(|flag| ("exists", json!(flag))),
    ]
}

fn severity_test() -> impl Strategy<Value = Json> {
    let level = || prop::sample::select(vec![json!("error"), json!("warn"), json!(9), json!(14)]);
    prop_oneof![
        (
            prop::sample::select(vec!["equals", "at_least", "greater", "at_most", "less"]),
            level()
        )
            .prop_map(|(test, level)| json!({"field": "severity", test: level})),
        prop::collection::vec(level(), 1..3)
            .prop_map(|levels| json!({"field": "severity", "one_of": levels})),
        any::<bool>().prop_map(|flag| json!({"field": "severity", "exists": flag})),
    ]
}

/// A good condition.
pub(super) fn when() -> impl Strategy<Value = Json> {
    let field = prop::sample::select(FIELDS.to_vec());
    let of_field = (
        field,
        prop::collection::vec(one_test(), 1..3),
        prop::bool::weighted(0.3),
    )
        .prop_map(|(field, tests, ignore_case)| {
            let mut when = json!({ "field": field });
            for (name, value) in tests {
                when[name] = value;
            }
            if ignore_case {
                when["ignore_case"] = json!(true);
            }
            when
        });
    let leaf = prop_oneof![5 => of_field, 1 => severity_test()];
    leaf.prop_recursive(3, 12, 4, |inner| {
        let list = || prop::collection::vec(inner.clone(), 1..4);
        prop_oneof![
            list().prop_map(|all| json!({ "all": all })),
            list().prop_map(|any| json!({ "any": any })),
            inner.clone().prop_map(|not| json!({ "not": not })),
            (inner.clone(), list()).prop_map(|(mut first, any)| {
                if first.get("any").is_none() {
                    first["any"] = json!(any);
                }
                first
            }),
        ]
    })
}

fn value() -> impl Strategy<Value = OwnedValue> {
    prop_oneof![
        4 => text().prop_map(|text| OwnedValue::Text(text.into())),
        2 => prop::sample::select(vec![0, 1, 2, 200, -3]).prop_map(OwnedValue::Int),
        1 => prop::sample::select(vec![1.5, 200.0, f64::NAN, -3.0]).prop_map(OwnedValue::Double),
        1 => any::<bool>().prop_map(OwnedValue::Bool),
        1 => text().prop_map(|text| OwnedValue::Json(text.into())),
        1 => Just(OwnedValue::Null),
        1 => Just(OwnedValue::Bytes(b"abc".to_vec())),
    ]
}

fn record() -> impl Strategy<Value = OwnedRecord> {
    let attributes = || {
        prop::collection::hash_map(
            prop::sample::select(vec!["x", "y", "z", "body"]),
            value(),
            0..4,
        )
    };
    (
        prop_oneof![3 => text().prop_map(|text| OwnedValue::Text(text.into())), 1 => value()],
        attributes(),
        attributes(),
        0..25_u8,
        text(),
        any::<bool>(),
    )
        .prop_map(|(body, own, resource, severity, severity_text, traced)| {
            let mut record = OwnedRecord::new("");
            record.body = match body {
                // No body is no field.
                OwnedValue::Null => OwnedValue::Text(String::new()),
                body => body,
            };
            record.severity = Severity::new(severity).unwrap();
            record.severity_text = severity_text.into();
            record.trace.trace_id = if traced { [0xAB; 16] } else { [0; 16] };
            let owned = |(name, value): (&str, OwnedValue)| (name.to_owned(), value);
            record.attributes = own.into_iter().map(owned).collect();
            record.resource = resource.into_iter().map(owned).collect();
            record
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// *Scenario:* many random conditions over random records of all types.
    /// *Guarantees:* the index and the automatons find exactly the rules that match when each is asked by itself.
    #[test]
    fn the_index_finds_what_asking_each_rule_finds(
        whens in prop::collection::vec(when(), 1..40),
        records in prop::collection::vec(record(), 1..12),
    ) {
        let all: Vec<Json> = whens.iter().enumerate().map(|(n, when)| {
            json!({"name": format!("r{n}"), "when": when, "count": {"at_least": 1}, "within": "1m"})
        }).collect();
        let plugin = rules(&json!(all));
        let whens: Vec<When> = whens.into_iter().map(|when| serde_json::from_value(when).unwrap()).collect();
        for record in &records {
            let naive: Vec<u32> = (0..).zip(&whens).filter(|(_, when)| naive(when, record)).map(|(n, _)| n).collect();
            prop_assert_eq!(found(&plugin, record), naive, "{}", record);
        }
    }
}

/// *Scenario:* a thousand literals of one field, and a thousand beginnings and values.
/// *Guarantees:* the larger automaton, and tables of many, find the same as few do.
#[test]
fn many_rules_find_the_same() {
    let rule = |n: usize| {
        let test = match n % 4 {
            0 => json!({"field": "body", "contains": format!("literal {n} ")}),
            1 => json!({"field": "body", "prefix": format!("line {n} ")}),
            2 => json!({"field": "x", "equals": format!("value-{n}")}),
            _ => json!({"field": "body", "regex": format!("(?i)Pattern {n}x+")}),
        };
        json!({"name": format!("r{n}"), "when": test, "count": {"at_least": 1}, "within": "1m"})
    };
    let plugin = rules(&Json::Array((0..1_000).map(rule).collect()));
    for n in [0, 400, 996] {
        let record = OwnedRecord::new(format!("line {} literal {n} PATTERN {}xx", n + 1, n + 3))
            .with("x", &format!("value-{}", n + 2));
        let n = n as u32;
        assert_eq!(found(&plugin, &record), [n, n + 1, n + 2, n + 3]);
    }
}
