//! What a line means, by serde_json; and lines to try.

use proptest::prelude::*;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::Value as Oracle;
use std::fmt;
use tidegate_sdk::testing::{OwnedRecord, OwnedValue};
use tidegate_sdk::{TraceContext, formats};

/// Keys and values in their order, repeated ones too.
struct Pairs(Vec<(String, Oracle)>);

impl<'de> serde::Deserialize<'de> for Pairs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read;
        impl<'de> Visitor<'de> for Read {
            type Value = Pairs;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Pairs, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Pairs(pairs))
            }
        }
        deserializer.deserialize_map(Read)
    }
}

/// The record that a line means under the default configuration; none where it is no object.
pub(super) fn record(line: &str) -> Option<OwnedRecord> {
    let Pairs(pairs) = serde_json::from_str(line).ok()?;
    let mut record = OwnedRecord {
        time: None,
        severity: Default::default(),
        severity_text: String::new(),
        body: OwnedValue::Null,
        trace: TraceContext::default(),
        attributes: Vec::new(),
        resource: Vec::new(),
    };
    let mut taken: Vec<(&str, String)> = Vec::new();
    for (key, value) in pairs {
        let role = role(&key);
        let by = taken.iter().find(|(known, _)| *known == role);
        if !role.is_empty()
            && by.is_none_or(|(_, by)| *by == key)
            && meant(&mut record, role, &value)
        {
            taken.push((role, key));
        } else {
            set(&mut record.attributes, key, owned(&value));
        }
    }
    Some(record)
}

fn role(key: &str) -> &'static str {
    match key {
        "ts" | "time" | "timestamp" | "@timestamp" => "time",
        "level" | "severity" | "lvl" | "loglevel" | "log.level" => "level",
        "msg" | "message" => "message",
        "trace_id" | "traceId" | "traceid" | "trace.id" => "trace",
        "span_id" | "spanId" | "spanid" | "span.id" => "span",
        "service" => "resource",
        _ => "",
    }
}

fn meant(record: &mut OwnedRecord, role: &str, value: &Oracle) -> bool {
    let text = value.as_str();
    let level = value
        .as_i64()
        .filter(|number| (10..=60).contains(number) && number % 10 == 0);
    match role {
        "time" => {
            let number = value.as_u64().and_then(formats::epoch);
            let fraction = if value.is_f64() {
                value.as_f64().and_then(formats::epoch_fraction)
            } else {
                None
            };
            let time = text.and_then(formats::rfc3339).or(number).or(fraction);
            if time.is_some() {
                record.time = time;
            }
            time.is_some()
        }
        "level" if text.is_some() => {
            record.severity = formats::severity(text.unwrap());
            record.severity_text = text.unwrap().to_owned();
            true
        }
        "level" if level.is_some() => {
            let number = level.unwrap();
            record.severity = super::Severity::new((number / 10 * 4 - 3) as u8).unwrap();
            record.severity_text = number.to_string();
            true
        }
        "message" => {
            record.body = owned(value);
            true
        }
        "trace" => text
            .and_then(formats::hex)
            .map(|id| record.trace.trace_id = id)
            .is_some(),
        "span" => text
            .and_then(formats::hex)
            .map(|id| record.trace.span_id = id)
            .is_some(),
        "resource" => {
            set(
                &mut record.resource,
                "service.name".to_owned(),
                owned(value),
            );
            true
        }
        _ => false,
    }
}

fn set(attributes: &mut Vec<(String, OwnedValue)>, key: String, value: OwnedValue) {
    match attributes.iter_mut().find(|(known, _)| *known == key) {
        Some(pair) => pair.1 = value,
        None => attributes.push((key, value)),
    }
}

fn owned(value: &Oracle) -> OwnedValue {
    match value {
        Oracle::Null => OwnedValue::Null,
        Oracle::Bool(flag) => OwnedValue::Bool(*flag),
        Oracle::Number(number) => match number.as_i64() {
            Some(number) => OwnedValue::Int(number),
            None => OwnedValue::Double(number.as_f64().unwrap()),
        },
        Oracle::String(text) => OwnedValue::Text(text.clone()),
        nested => OwnedValue::Json(nested.to_string()),
    }
}

/// JSON may be written in other ways, and serde_json's doubles are off by the last digit now and then.
pub(super) fn same(one: &OwnedRecord, other: &OwnedRecord) -> bool {
    let all = |a: &[(String, OwnedValue)], b: &[(String, OwnedValue)]| {
        a.len() == b.len()
            && a.iter()
                .zip(b)
                .all(|(a, b)| a.0 == b.0 && same_value(&a.1, &b.1))
    };
    let scalars =
        |record: &OwnedRecord| (record.severity, record.severity_text.clone(), record.trace);
    let micros = |record: &OwnedRecord| record.time.map_or(0, |time| time.millis() as i64);
    scalars(one) == scalars(other)
        && one.time.is_some() == other.time.is_some()
        && (micros(one) - micros(other)).abs() <= 1
        && same_value(&one.body, &other.body)
        && all(&one.attributes, &other.attributes)
        && all(&one.resource, &other.resource)
}

fn same_value(one: &OwnedValue, other: &OwnedValue) -> bool {
    match (one, other) {
        (OwnedValue::Json(one), OwnedValue::Json(other)) => same_json(
            &serde_json::from_str(one).unwrap(),
            &serde_json::from_str(other).unwrap(),
        ),
        (OwnedValue::Double(one), OwnedValue::Double(other)) => same_double(*one, *other),
        _ => one == other,
    }
}

fn same_json(one: &Oracle, other: &Oracle) -> bool {
    match (one, other) {
        (Oracle::Array(one), Oracle::Array(other)) => {
            one.len() == other.len()
                && one
                    .iter()
                    .zip(other)
                    .all(|(one, other)| same_json(one, other))
        }
        (Oracle::Object(one), Oracle::Object(other)) => {
            one.len() == other.len()
                && one
                    .iter()
                    .all(|(key, one)| other.get(key).is_some_and(|other| same_json(one, other)))
        }
        (Oracle::Number(one), Oracle::Number(other)) if one.is_f64() && other.is_f64() => {
            same_double(one.as_f64().unwrap(), other.as_f64().unwrap())
        }
        _ => one == other,
    }
}

fn same_double(one: f64, other: f64) -> bool {
    one == other || (one - other).abs() <= one.abs() * 1e-14
}

/// A byte that matters to JSON, or any.
pub(super) fn byte() -> impl Strategy<Value = u8> {
    prop_oneof![
        proptest::sample::select(&b"{}[]\":,\\ \n\t019-+.eEunx\0"[..]),
        any::<u8>()
    ]
}

/// A valid object.
pub(super) fn object() -> impl Strategy<Value = String> {
    let pair = (key(), value(), blank())
        .prop_map(|(key, value, blank)| format!("{key}{blank}:{blank}{value}"));
    (proptest::collection::vec(pair, 0..9), blank()).prop_map(|(pairs, blank)| {
        format!(
            "{{{blank}{}{blank}}}{blank}",
            pairs.join(&format!("{blank},{blank}"))
        )
    })
}

fn blank() -> impl Strategy<Value = &'static str> {
    prop_oneof![8 => Just(""), 1 => Just(" "), 1 => Just(" \t\r\n")]
}

fn key() -> impl Strategy<Value = String> {
    let known = proptest::sample::select(
        &[
            "ts", "time", "level", "lvl", "msg", "message", "trace_id", "span_id", "service", "a",
            "b", "", "\\u0061",
        ][..],
    );
    prop_oneof![known.prop_map(|key| format!("\"{key}\"")), string()]
}

fn string() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        6 => "[a-z0-9 ]{0,20}",
        2 => "\\PC{0,6}".prop_map(|text| serde_json::to_string(&text).unwrap().trim_matches('"').to_owned())
            .prop_filter("an escape at the end", |text| serde_json::from_str::<String>(&format!("\"{text}\"")).is_ok()),
        1 => proptest::sample::select(&["\\n", "\\\"", "\\\\", "\\/", "\\u00e9", "\\uD83D\\uDE00", "\\ufffd", "\\u0000", "\u{7f}", "é😀"][..]).prop_map(str::to_owned),
    ];
    proptest::collection::vec(piece, 0..4).prop_map(|pieces| format!("\"{}\"", pieces.concat()))
}

fn value() -> impl Strategy<Value = String> {
    let number = "-?(0|[1-9][0-9]{0,20})(\\.[0-9]{1,18})?([eE][+-]?[0-9]{1,2})?";
    let times = proptest::sample::select(
        &[
            "\"2026-11-21T03:12:45.123Z\"",
            "1795230765",
            "1795230765.25",
            "\"0af7651916cd43dd8448eb211c80319c\"",
            "\"b7ad6b7169203331\"",
            "\"WARN\"",
            "30",
            "\"info\"",
        ][..],
    );
    let leaf = prop_oneof![
        4 => string(),
        3 => number,
        3 => times.prop_map(str::to_owned),
        2 => "(0|[1-9][0-9]{0,5})",
        1 => proptest::sample::select(&["true", "false", "null", "[]", "{}", "[ ]", "{ }"][..]).prop_map(str::to_owned),
    ];
    leaf.prop_recursive(4, 16, 4, |inner| {
        prop_oneof![
            (proptest::collection::vec(inner.clone(), 0..4), blank()).prop_map(
                |(values, blank)| format!(
                    "[{blank}{}{blank}]",
                    values.join(&format!("{blank},{blank}"))
                )
            ),
            (proptest::collection::vec((string(), inner), 0..4), blank()).prop_map(
                |(pairs, blank)| {
                    let pairs: Vec<String> = pairs
                        .iter()
                        .map(|(key, value)| format!("{key}{blank}:{value}"))
                        .collect();
                    format!("{{{blank}{}{blank}}}", pairs.join(&format!("{blank},")))
                }
            ),
        ]
    })
}
