//! Random columns for property tests: all that the contract allows, and nothing else.

use super::{Columns, Finding, FindingKind, Kind, Level, Partition, RESOURCE, halves};
use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;

/// A value of any kind.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum Value {
    Null,
    Boolean(bool),
    Integer(i64),
    Double(f64),
    Text(String),
    Bytes(Vec<u8>),
    Json(String),
}

/// A record as a person would write it; an attribute is known by its key and by whether it is the
/// resource's.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub struct Record {
    pub seconds: u32,
    pub nanos: u32,
    pub severity: u8,
    pub severity_text: String,
    pub body: Value,
    pub trace: Option<([u8; 16], [u8; 8], u8)>,
    pub attributes: Vec<(String, bool, Value)>,
}

/// Any value that the contract allows.
pub fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Boolean),
        any::<i64>().prop_map(Value::Integer),
        any::<f64>()
            .prop_filter("a number", |d| !d.is_nan())
            .prop_map(Value::Double),
        text().prop_map(Value::Text),
        vec(any::<u8>(), 0..40).prop_map(Value::Bytes),
        json().prop_map(Value::Json),
    ]
}

/// Any text, now and then long.
pub fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => "\\PC{0,40}",
        1 => "[ -~]{100,300}",
    ]
}

/// JSON of any shape, and text that is none.
pub fn json() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        any::<u64>().prop_map(Into::into),
        any::<f64>().prop_map(Into::into),
        "\\PC{0,10}".prop_map(Into::into),
    ];
    let tree = leaf.prop_recursive(5, 40, 6, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..6).prop_map(serde_json::Value::Array),
            btree_map("\\PC{0,8}", inner, 0..6)
                .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
        ]
    });
    prop_oneof![
        8 => tree.prop_map(|tree| tree.to_string()),
        1 => "[\\[\\]{}\",a-z0-9]{0,12}",
        1 => (25..40usize).prop_map(|deep| "[".repeat(deep) + &"]".repeat(deep)),
    ]
}

/// A record. Few distinct resources and few distinct keys, so that some are equal.
pub fn record() -> impl Strategy<Value = Record> {
    let small = prop_oneof![
        any::<bool>().prop_map(Value::Boolean),
        (0..3i64).prop_map(Value::Integer),
        "[ab]{0,2}".prop_map(Value::Text),
    ];
    let resource = btree_map("[rs]", small, 0..3);
    let own = btree_map(prop_oneof!["[a-d.]{1,4}", "\\PC{1,20}"], value(), 0..6);
    let time = prop_oneof![Just((0, 0)), (any::<u32>(), 0..1_000_000_000u32)];
    let severity = (0..=24u8, prop_oneof![Just(String::new()), text()]);
    let ids = (any::<[u8; 16]>(), any::<[u8; 8]>(), any::<u8>());
    let trace = option::of(prop_oneof![ids, Just(([0; 16], [0; 8], 0))]);
    (time, severity, value(), trace, own, resource, any::<bool>()).prop_map(
        |((seconds, nanos), (severity, severity_text), body, trace, own, resource, reversed)| {
            let own = own.into_iter().map(|(key, value)| (key, false, value));
            let resource = resource.into_iter().map(|(key, value)| (key, true, value));
            let mut attributes: Vec<_> = own.chain(resource).collect();
            if reversed {
                attributes.reverse();
            }
            Record {
                seconds,
                nanos,
                severity,
                severity_text,
                body,
                trace,
                attributes,
            }
        },
    )
}

/// Records, up to 30.
pub fn records() -> impl Strategy<Value = Vec<Record>> {
    vec(record(), 0..30)
}

/// Records as columns. Columns that may be left out are, where they hold nothing.
pub fn columns(records: &[Record]) -> Columns {
    let mut c = Columns::default();
    let has_severity_text = records.iter().any(|r| !r.severity_text.is_empty());
    let has_kind = records.iter().any(|r| !matches!(r.body, Value::Text(_)));
    let has_trace = records.iter().any(|r| r.trace.is_some());
    for record in records {
        c.seconds.push(record.seconds);
        c.nanos.push(record.nanos);
        c.severity.push(record.severity);
        if has_severity_text {
            let span = put(&mut c.text, record.severity_text.as_bytes());
            c.severity_text.extend_from_slice(&span);
        }
        let (kind, value) = put_value(&mut c.text, &record.body);
        c.body.extend_from_slice(&value);
        if has_kind {
            c.body_kind.push(kind as u8);
        }
        if has_trace {
            let (trace_id, span_id, flags) = record.trace.unwrap_or_default();
            c.trace.extend_from_slice(&trace_id);
            c.trace.extend_from_slice(&span_id);
            c.trace.push(flags);
        }
        for (key, of_resource, value) in &record.attributes {
            let span = put(&mut c.text, key.as_bytes());
            c.key.extend_from_slice(&span);
            let (kind, value) = put_value(&mut c.text, value);
            c.kind
                .push(kind as u8 | if *of_resource { RESOURCE } else { 0 });
            c.value.extend_from_slice(&value);
        }
        c.attribute_end.push(c.kind.len() as u32);
    }
    c
}

fn put(text: &mut Vec<u8>, bytes: &[u8]) -> [u32; 2] {
    let start = text.len() as u32;
    text.extend_from_slice(bytes);
    [start, bytes.len() as u32]
}

fn put_value(text: &mut Vec<u8>, value: &Value) -> (Kind, [u32; 2]) {
    match value {
        Value::Null => (Kind::Null, [0, 0]),
        Value::Boolean(b) => (Kind::Boolean, [u32::from(*b), 0]),
        Value::Integer(i) => (Kind::Integer, halves(*i as u64)),
        Value::Double(d) => (Kind::Double, halves(d.to_bits())),
        Value::Text(t) => (Kind::Text, put(text, t.as_bytes())),
        Value::Bytes(b) => (Kind::Bytes, put(text, b)),
        Value::Json(j) => (Kind::Json, put(text, j.as_bytes())),
    }
}

/// An alert or an anomaly about one of few partitions.
pub fn finding() -> impl Strategy<Value = Finding> {
    let level = prop_oneof![
        Just(Level::Info),
        Just(Level::Warning),
        Just(Level::Critical)
    ];
    // Up to the year 2096, which every form can hold.
    let ms = || 0..4_000_000_000_000u64;
    let kind = prop_oneof![
        (level, text(), ms(), any::<bool>()).prop_map(|(level, title, since_ms, resolved)| {
            FindingKind::Alert {
                level,
                title,
                since_ms,
                resolved,
            }
        }),
        (0.0..=1.0f32, 0.0..=1.0f32, text()).prop_map(|(score, threshold, explanation)| {
            FindingKind::Anomaly {
                score,
                threshold,
                explanation,
            }
        }),
    ];
    let labels = vec(("[a-c]{0,2}", text()), 0..5);
    let evidence = proptest::collection::btree_set(0..i64::MAX, 0..5);
    (kind, text(), text(), labels, evidence, ms(), 0..3i32).prop_map(
        |(kind, rule, fingerprint, labels, evidence, at_ms, partition)| Finding {
            pipeline: "shop".into(),
            by: "bursts".into(),
            version: "1.0.0".into(),
            partition: Partition::new("logs", partition),
            at_ms,
            rule,
            fingerprint,
            labels,
            evidence: evidence.into_iter().collect(),
            kind,
        },
    )
}

/// A plain alert, or a plain anomaly, about `logs/0`.
pub fn raised(rule: &str, is_alert: bool) -> Finding {
    let kind = match is_alert {
        true => FindingKind::Alert {
            level: Level::Warning,
            title: format!("{rule} happened"),
            since_ms: 1_000,
            resolved: false,
        },
        false => FindingKind::Anomaly {
            score: 1.0,
            threshold: 0.5,
            explanation: format!("{rule} is unusual"),
        },
    };
    Finding {
        pipeline: "shop".into(),
        by: "bursts".into(),
        version: "1.0.0".into(),
        partition: Partition::new("logs", 0),
        at_ms: 2_000,
        rule: rule.to_owned(),
        fingerprint: format!("{rule}/0"),
        labels: Vec::new(),
        evidence: vec![1],
        kind,
    }
}
