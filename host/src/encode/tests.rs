use super::nested;
use super::otlp::{Limits, Logs, SCOPE, Select, logs};
use super::{JsonOptions, json, text};
use crate::model::testing::{self, Record, Value};
use crate::model::{Columns, TRACE_BYTES};
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Otlp;
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, KeyValue, KeyValueList};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs};
use proptest::prelude::*;
use prost::Message;

const NO_LIMITS: Limits = Limits {
    records: usize::MAX,
    bytes: usize::MAX,
};

pub(super) fn observed_ms(record: usize) -> i64 {
    record as i64 * 10 - 10
}

// === what is expected, written down a second time ===

pub(super) fn any_value(value: &Value) -> AnyValue {
    let value = match value {
        Value::Null => None,
        Value::Boolean(b) => Some(Otlp::BoolValue(*b)),
        Value::Integer(i) => Some(Otlp::IntValue(*i)),
        Value::Double(d) => Some(Otlp::DoubleValue(*d)),
        Value::Text(t) => Some(Otlp::StringValue(t.clone())),
        Value::Bytes(b) => Some(Otlp::BytesValue(b.clone())),
        Value::Json(j) => match parsed(j) {
            Some(tree) => return json_value(&tree),
            None => Some(Otlp::StringValue(j.clone())),
        },
    };
    AnyValue { value }
}

pub(super) fn parsed(json: &str) -> Option<serde_json::Value> {
    let tree = serde_json::from_str(json).ok()?;
    (depth(&tree) <= nested::DEPTH_MAX).then_some(tree)
}

fn depth(tree: &serde_json::Value) -> usize {
    match tree {
        serde_json::Value::Array(a) => 1 + a.iter().map(depth).max().unwrap_or(0),
        serde_json::Value::Object(o) => 1 + o.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

fn json_value(tree: &serde_json::Value) -> AnyValue {
    use serde_json::Value as Json;
    let value = match tree {
        Json::Null => None,
        Json::Bool(b) => Some(Otlp::BoolValue(*b)),
        Json::Number(n) => Some(match n.as_i64() {
            Some(i) => Otlp::IntValue(i),
            None => Otlp::DoubleValue(n.as_f64().unwrap()),
        }),
        Json::String(s) => Some(Otlp::StringValue(s.clone())),
        Json::Array(a) => Some(Otlp::ArrayValue(ArrayValue {
            values: a.iter().map(json_value).collect(),
        })),
        Json::Object(o) => Some(Otlp::KvlistValue(KeyValueList {
            values: o.iter().map(|(k, v)| key_value(k, json_value(v))).collect(),
        })),
    };
    AnyValue { value }
}

fn key_value(key: &str, value: AnyValue) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: Some(value),
        ..KeyValue::default()
    }
}

fn attributes(record: &Record, of_resource: bool) -> Vec<KeyValue> {
    let all = record.attributes.iter();
    let wanted = all.filter(|(_, r, _)| *r == of_resource);
    wanted.map(|(k, _, v)| key_value(k, any_value(v))).collect()
}

fn log_record(number: usize, record: &Record) -> LogRecord {
    let (trace_id, span_id, flags) = record.trace.unwrap_or_default();
    let id = |id: &[u8]| {
        if id.iter().all(|b| *b == 0) {
            Vec::new()
        } else {
            id.to_vec()
        }
    };
    LogRecord {
        time_unix_nano: u64::from(record.seconds) * 1_000_000_000 + u64::from(record.nanos),
        observed_time_unix_nano: observed_ms(number).max(0) as u64 * 1_000_000,
        severity_number: i32::from(record.severity),
        severity_text: record.severity_text.clone(),
        body: (record.body != Value::Null).then(|| any_value(&record.body)),
        attributes: attributes(record, false),
        flags: u32::from(flags),
        trace_id: id(&trace_id),
        span_id: id(&span_id),
        ..LogRecord::default()
    }
}

type Resource = Vec<KeyValue>;

/// Resources in the order of first appearance, as the first record writes them, with their records.
fn grouped(records: &[Record], numbers: &[u32]) -> Vec<(Resource, Vec<u32>)> {
    let sorted = |r: &Resource| {
        let mut r = r.clone();
        r.sort_by(|a, b| a.key.cmp(&b.key));
        r
    };
    let mut groups: Vec<(Resource, Vec<u32>)> = Vec::new();
    for number in numbers {
        let resource = attributes(&records[*number as usize], true);
        let known = groups
            .iter_mut()
            .find(|(r, _)| sorted(r) == sorted(&resource));
        match known {
            Some((_, numbers)) => numbers.push(*number),
            None => groups.push((resource, vec![*number])),
        }
    }
    groups
}

fn check_payload(records: &[Record], payload: &[u8], expected: &[(Resource, Vec<u32>)]) {
    let request = ExportLogsServiceRequest::decode(payload).unwrap();
    assert_eq!(
        request.encode_to_vec(),
        payload,
        "lengths and order as protobuf's own"
    );
    assert_eq!(request.resource_logs.len(), expected.len());
    for (got, (resource, numbers)) in request.resource_logs.iter().zip(expected) {
        check_group(records, got, resource, numbers);
    }
}

fn check_group(records: &[Record], got: &ResourceLogs, resource: &Resource, numbers: &[u32]) {
    let attributes = got.resource.as_ref().map(|r| r.attributes.clone());
    assert_eq!(attributes.unwrap_or_default(), *resource);
    assert_eq!(got.scope_logs.len(), 1);
    let scope = got.scope_logs[0].scope.as_ref().unwrap();
    assert_eq!((scope.name.as_str(), scope.version.as_str()), SCOPE);
    let expected: Vec<_> = numbers
        .iter()
        .map(|n| log_record(*n as usize, &records[*n as usize]))
        .collect();
    assert_eq!(got.scope_logs[0].log_records, expected);
}

fn json_that_is_text(records: &[Record]) -> usize {
    let values = |r: &Record| {
        let attributes = r.attributes.iter().map(|(_, _, v)| v.clone());
        attributes.chain([r.body.clone()]).collect::<Vec<_>>()
    };
    let is_text = |v: &Value| matches!(v, Value::Json(j) if parsed(j).is_none());
    records.iter().flat_map(values).filter(is_text).count()
}

proptest! {
    /// *Scenario:* any records, all encoded at once. *Guarantees:* the bytes are what protobuf's own encoder
    /// writes for them, and decode to every field that went in, grouped by resource.
    #[test]
    fn everything_arrives(records in testing::records()) {
        let columns = testing::columns(&records);
        let Logs { payloads, json_as_text } = logs(&columns, Select::All, observed_ms, NO_LIMITS);
        prop_assert_eq!(payloads.len(), usize::from(!records.is_empty()));
        prop_assert_eq!(json_as_text, json_that_is_text(&records));
        let all: Vec<u32> = (0..records.len() as u32).collect();
        let expected = grouped(&records, &all);
        for encoded in payloads {
            check_payload(&records, &encoded.payload, &expected);
            let numbers: Vec<u32> = expected.iter().flat_map(|(_, n)| n.clone()).collect();
            prop_assert_eq!(encoded.records, numbers);
        }
    }

    /// *Scenario:* some of the records, under small limits. *Guarantees:* each payload holds records that
    /// follow one another in the selection, all are in one, each as it went in; none is over a limit
    /// unless it holds a single record, and none is cut where the next record would still fit easily.
    #[test]
    fn limits_split_and_lose_nothing(
        records in testing::records(),
        wanted in proptest::collection::vec(any::<bool>(), 30),
        record_limit in 0..12usize,
        byte_limit in 0..3000usize,
    ) {
        let columns = testing::columns(&records);
        let selected: Vec<u32> = (0..records.len() as u32).filter(|r| wanted[*r as usize]).collect();
        let limits = Limits { records: record_limit, bytes: byte_limit };
        let answer = logs(&columns, Select::Records(&selected), observed_ms, limits);
        let mut rest = selected.as_slice();
        for encoded in answer.payloads {
            let (part, after) = rest.split_at(encoded.records.len());
            rest = after;
            let expected = grouped(&records, part);
            check_payload(&records, &encoded.payload, &expected);
            let numbers: Vec<u32> = expected.into_iter().flat_map(|(_, n)| n).collect();
            prop_assert_eq!(&encoded.records, &numbers);
            if part.len() > 1 {
                prop_assert!(part.len() <= record_limit);
                prop_assert!(encoded.payload.len() <= byte_limit);
            }
        }
        prop_assert!(rest.is_empty());
    }

    /// *Scenario:* columns of numbers that mean nothing. *Guarantees:* no encoder panics, and protobuf is
    /// well-formed where the texts are.
    #[test]
    fn nonsense_does_no_harm(
        numbers in proptest::collection::vec(prop_oneof![0..40u32, any::<u32>()], 40),
        kinds in proptest::collection::vec(any::<u8>(), 0..12),
        lengths in proptest::collection::vec(0..12usize, 6),
    ) {
        let some = |n: usize| numbers[..n].to_vec();
        let columns = Columns {
            text: b"{\"plain\":[1,2,3]} text of forty bytes!!!".to_vec(),
            seconds: some(6),
            nanos: some(lengths[0]),
            severity: kinds.clone(),
            severity_text: some(lengths[1]),
            body: some(lengths[2]),
            body_kind: kinds.clone(),
            trace: kinds.repeat(TRACE_BYTES / 2),
            attribute_end: some(lengths[3]),
            key: some(lengths[4]),
            kind: kinds,
            value: some(lengths[5]),
        };
        for encoded in logs(&columns, Select::All, observed_ms, NO_LIMITS).payloads {
            prop_assert!(ExportLogsServiceRequest::decode(encoded.payload.as_slice()).is_ok());
        }
        for record in 0..7 {
            let mut line = Vec::new();
            json::line(&columns, record, JsonOptions::default(), &mut line);
            prop_assert!(serde_json::from_slice::<serde_json::Value>(&line).is_ok());
            text::line(&columns, record, &mut line);
        }
    }
}

// === JSON ===

fn json_any(value: &AnyValue) -> serde_json::Value {
    use base64::Engine;
    use serde_json::json;
    let double = |d: f64| match d {
        f64::INFINITY => json!("Infinity"),
        f64::NEG_INFINITY => json!("-Infinity"),
        d => json!(d),
    };
    match &value.value {
        None => json!({}),
        Some(Otlp::StringValue(s)) => json!({"stringValue": s}),
        Some(Otlp::BoolValue(b)) => json!({"boolValue": b}),
        Some(Otlp::IntValue(i)) => json!({"intValue": i.to_string()}),
        Some(Otlp::DoubleValue(d)) => json!({"doubleValue": double(*d)}),
        Some(Otlp::BytesValue(b)) => {
            json!({"bytesValue": base64::engine::general_purpose::STANDARD.encode(b)})
        }
        Some(Otlp::ArrayValue(a)) => {
            json!({"arrayValue": {"values": a.values.iter().map(json_any).collect::<Vec<_>>()}})
        }
        Some(Otlp::KvlistValue(o)) => json!({"kvlistValue": {"values": json_entries(&o.values)}}),
        Some(other) => panic!("never written: {other:?}"),
    }
}

fn json_entries(entries: &[KeyValue]) -> serde_json::Value {
    let entry = |e: &KeyValue| serde_json::json!({"key": e.key, "value": json_any(e.value.as_ref().unwrap())});
    entries.iter().map(entry).collect()
}

pub(super) fn json_expected(number: usize, record: &Record) -> serde_json::Value {
    let otlp = log_record(number, record);
    let hex = |id: &[u8]| id.iter().map(|b| format!("{b:02x}")).collect::<String>();
    let mut expected = serde_json::Map::new();
    let mut field = |name: &str, is_there: bool, value: serde_json::Value| {
        if is_there {
            expected.insert(name.to_owned(), value);
        }
    };
    let resource = attributes(record, true);
    field(
        "timeUnixNano",
        otlp.time_unix_nano != 0,
        otlp.time_unix_nano.to_string().into(),
    );
    let observed = otlp.observed_time_unix_nano;
    field(
        "observedTimeUnixNano",
        observed != 0,
        observed.to_string().into(),
    );
    field(
        "severityNumber",
        otlp.severity_number != 0,
        otlp.severity_number.into(),
    );
    field(
        "severityText",
        !otlp.severity_text.is_empty(),
        otlp.severity_text.into(),
    );
    field(
        "body",
        otlp.body.is_some(),
        json_any(&otlp.body.unwrap_or_default()),
    );
    field(
        "attributes",
        !otlp.attributes.is_empty(),
        json_entries(&otlp.attributes),
    );
    field(
        "traceId",
        !otlp.trace_id.is_empty(),
        hex(&otlp.trace_id).into(),
    );
    field(
        "spanId",
        !otlp.span_id.is_empty(),
        hex(&otlp.span_id).into(),
    );
    field("flags", otlp.flags != 0, otlp.flags.into());
    let resource_value = serde_json::json!({"attributes": json_entries(&resource)});
    field("resource", !resource.is_empty(), resource_value);
    expected.into()
}

proptest! {
    /// *Scenario:* any record as a line of OTLP/JSON. *Guarantees:* it is one line of JSON and says what the
    /// record says.
    #[test]
    fn json_lines_say_the_same(records in testing::records()) {
        let columns = testing::columns(&records);
        for (number, record) in records.iter().enumerate() {
            let mut out = Vec::new();
            let options = JsonOptions { observed_ms: Some(observed_ms(number)) };
            json::line(&columns, number, options, &mut out);
            prop_assert!(!out.contains(&b'\n'));
            let got: serde_json::Value = serde_json::from_slice(&out).unwrap();
            prop_assert_eq!(got, json_expected(number, record));
        }
    }

    /// *Scenario:* any record as a line for people. *Guarantees:* it is one line of UTF-8.
    #[test]
    fn text_lines_are_lines(records in testing::records()) {
        let columns = testing::columns(&records);
        for number in 0..records.len() {
            let mut out = Vec::new();
            text::line(&columns, number, &mut out);
            let line = String::from_utf8(out).unwrap();
            prop_assert!(!line.contains(char::is_control), "{line:?}");
        }
    }
}

pub(super) fn example() -> Record {
    let text = |t: &str| Value::Text(t.to_owned());
    Record {
        seconds: 1_795_230_765,
        nanos: 123_000_000,
        severity: 13,
        severity_text: "WARN".to_owned(),
        body: text("payment provider timed out"),
        trace: Some(([0xAB; 16], [0x0F; 8], 1)),
        attributes: vec![
            ("service.name".to_owned(), true, text("checkout")),
            ("user".to_owned(), false, text("a \"b\" c")),
            ("latency_ms".to_owned(), false, Value::Integer(137)),
            ("raw".to_owned(), false, Value::Bytes(vec![0, 255])),
            (
                "more".to_owned(),
                false,
                Value::Json("{\"a\":[null,1.5]}".to_owned()),
            ),
        ],
    }
}

/// *Scenario:* one record. *Guarantees:* the line of OTLP/JSON, byte for byte: golden files rely on it.
#[test]
fn json_has_one_spelling() {
    let columns = testing::columns(&[example()]);
    let mut out = Vec::new();
    json::line(&columns, 0, JsonOptions::default(), &mut out);
    let expected = concat!(
        r#"{"timeUnixNano":"1795230765123000000","severityNumber":13,"severityText":"WARN","#,
        r#""body":{"stringValue":"payment provider timed out"},"attributes":["#,
        r#"{"key":"user","value":{"stringValue":"a \"b\" c"}},"#,
        r#"{"key":"latency_ms","value":{"intValue":"137"}},"#,
        r#"{"key":"raw","value":{"bytesValue":"AP8="}},"#,
        r#"{"key":"more","value":{"kvlistValue":{"values":[{"key":"a","value":"#,
        r#"{"arrayValue":{"values":[{},{"doubleValue":1.5}]}}}]}}}],"#,
        r#""traceId":"abababababababababababababababab","spanId":"0f0f0f0f0f0f0f0f","flags":1,"#,
        r#""resource":{"attributes":[{"key":"service.name","value":{"stringValue":"checkout"}}]}}"#,
    );
    assert_eq!(String::from_utf8(out).unwrap(), expected);
}

/// *Scenario:* one record. *Guarantees:* the line for people, byte for byte.
#[test]
fn text_reads_well() {
    let columns = testing::columns(&[example()]);
    let mut out = Vec::new();
    text::line(&columns, 0, &mut out);
    let expected = concat!(
        "2026-11-21T03:12:45.123Z WARN  payment provider timed out ",
        r#"user="a \"b\" c" latency_ms=137 raw=AP8= more={"a":[null,1.5]} | service.name=checkout"#,
    );
    assert_eq!(String::from_utf8(out).unwrap(), expected);
}

/// *Scenario:* objects within each other, as deep as they go out as a tree, in an attribute.
/// *Guarantees:* a reader with protobuf's usual limit of 100 messages takes them.
#[test]
fn the_deepest_json_can_be_read() {
    let depth = nested::DEPTH_MAX;
    let json = "{\"a\":".repeat(depth) + "1" + &"}".repeat(depth);
    let record = Record {
        attributes: vec![("deep".to_owned(), false, Value::Json(json))],
        ..example()
    };
    let answer = logs(
        &testing::columns(&[record]),
        Select::All,
        observed_ms,
        NO_LIMITS,
    );
    assert_eq!(answer.json_as_text, 0);
    let decoded = ExportLogsServiceRequest::decode(answer.payloads[0].payload.as_slice());
    assert!(decoded.is_ok(), "{decoded:?}");
}

/// *Scenario:* JSON at the limit of depth, one deeper, and with a key twice. *Guarantees:* the first goes
/// out as a tree, the others as text, and they are counted.
#[test]
fn json_that_otlp_cannot_carry_is_text() {
    let deep = |n: usize| "[".repeat(n) + &"]".repeat(n);
    let many = |last: usize| {
        let keys: Vec<_> = (0..40)
            .chain([last])
            .map(|i| format!("\"k{i}\":{i}"))
            .collect();
        format!("{{{}}}", keys.join(","))
    };
    let cases = [
        (deep(nested::DEPTH_MAX), false),
        (deep(nested::DEPTH_MAX + 1), true),
        (many(40), false),
        (many(39), true),
        (many(3), true),
        ("{\"a\":1,\"\\u0061\":2}".to_owned(), true),
        ("1 2".to_owned(), true),
        (String::new(), true),
    ];
    for (json, is_text) in cases {
        let record = Record {
            body: Value::Json(json.clone()),
            ..example()
        };
        let columns = testing::columns(&[record]);
        let answer = logs(&columns, Select::All, observed_ms, NO_LIMITS);
        let payload = answer.payloads[0].payload.as_slice();
        let request = ExportLogsServiceRequest::decode(payload).unwrap();
        let body = &request.resource_logs[0].scope_logs[0].log_records[0].body;
        let text = Some(Otlp::StringValue(json.clone()));
        assert_eq!(body.as_ref().unwrap().value == text, is_text, "{json}");
        assert_eq!(answer.json_as_text, usize::from(is_text), "{json}");
    }
}
