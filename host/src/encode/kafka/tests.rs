//! Kafka records, decoded again.

use super::*;
use crate::encode::tests::{example, json_expected, observed_ms, parsed};
use crate::model::testing::{self, Record, Value};
use proptest::prelude::*;
use serde_json::{Map, Value as Json, json};

fn origin(record: usize) -> Origin<'static> {
    Origin {
        key: record.is_multiple_of(2).then_some(b"raw\xff"),
        timestamp_ms: observed_ms(record),
    }
}

fn encode(records: &[Record], format: Format, key: Key) -> Messages {
    let columns = testing::columns(records);
    messages(&columns, Select::All, &Form { format, key }, origin)
}

fn decoded(message: &Message) -> Json {
    serde_json::from_slice(&message.value).unwrap()
}

fn native(value: &Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Boolean(b) => json!(b),
        Value::Integer(i) => json!(i),
        Value::Double(d) if *d == f64::INFINITY => json!("Infinity"),
        Value::Double(d) if *d == f64::NEG_INFINITY => json!("-Infinity"),
        Value::Double(d) => json!(d),
        Value::Text(t) => json!(t),
        Value::Bytes(b) => json!(STANDARD.encode(b)),
        Value::Json(j) => parsed(j).unwrap_or_else(|| json!(j)),
    }
}

fn seconds_and_nanos(time: &Json) -> (u64, u32) {
    let time: jiff::Timestamp = time.as_str().unwrap().parse().unwrap();
    (time.as_second() as u64, time.subsec_nanosecond() as u32)
}

fn attributes(record: &Record, of_resource: bool) -> Json {
    let each = record.attributes.iter();
    let wanted = each.filter(|(_, r, _)| *r == of_resource);
    let fields: Map<_, _> = wanted.map(|(k, _, v)| (k.clone(), native(v))).collect();
    match fields.is_empty() {
        true => Json::Null,
        false => fields.into(),
    }
}

proptest! {
    /// *Scenario:* any records as DriftLock's envelope. *Guarantees:* each is one JSON object with every field as it
    /// went in, and at the Kafka time that it came with.
    #[test]
    fn the_envelope_says_everything(records in testing::records()) {
        let got = encode(&records, Format::Driftlock, Key::None);
        prop_assert_eq!(got.records, (0..records.len() as u32).collect::<Vec<_>>());
        for (number, (record, message)) in records.iter().zip(&got.messages).enumerate() {
            let event = decoded(message);
            prop_assert_eq!((&event["type"], &event["source"]), (&json!("log"), &json!("")));
            let seen = Some(observed_ms(number)).filter(|ms| *ms > 0);
            prop_assert_eq!(message.timestamp_ms, seen);
            prop_assert_eq!(&message.key, &None);
            let is_timed = record.seconds != 0 || record.nanos != 0;
            let own = is_timed.then_some((u64::from(record.seconds), record.nanos));
            let told = |time: &Json| (!time.is_null()).then(|| seconds_and_nanos(time));
            prop_assert_eq!(told(&event["data"]["timestamp"]), own);
            let seen = seen.map(|ms| (ms as u64 / 1000, ms as u32 % 1000 * 1_000_000));
            prop_assert_eq!(told(&event["timestamp"]), seen.or(own));
            let data = &event["data"];
            prop_assert_eq!(&data["severity"], &json!(record.severity_text));
            prop_assert_eq!(&data["severity_number"], &json!(record.severity));
            prop_assert_eq!(&data["body"], &native(&record.body));
            prop_assert_eq!(&data["attributes"], &attributes(record, false));
            prop_assert_eq!(&data["resource"], &attributes(record, true));
            let (trace_id, span_id, flags) = record.trace.unwrap_or_default();
            let hex = |id: &[u8]| id.iter().map(|b| format!("{b:02x}")).collect::<String>();
            let id = |id: &[u8]| if id.iter().all(|b| *b == 0) { Json::Null } else { json!(hex(id)) };
            prop_assert_eq!(&data["flags"], &json!(flags));
            prop_assert_eq!((&data["trace_id"], &data["span_id"]), (&id(&trace_id), &id(&span_id)));
        }
    }

    /// *Scenario:* any records as OTLP/JSON. *Guarantees:* each is an export request with one resource, one scope and
    /// one record that says what the record says; values that are no JSON are counted.
    #[test]
    fn a_request_says_everything(records in testing::records()) {
        let got = encode(&records, Format::OtlpJson, Key::None);
        let values = records.iter().flat_map(|r| {
            let own = r.attributes.iter().map(|(_, _, v)| v);
            own.chain([&r.body]).collect::<Vec<_>>()
        });
        let is_text = |v: &&Value| matches!(v, Value::Json(j) if parsed(j).is_none());
        prop_assert_eq!(got.json_as_text, values.filter(is_text).count());
        for (number, (record, message)) in records.iter().zip(&got.messages).enumerate() {
            let mut expected = json_expected(number, record);
            let resource = expected.as_object_mut().unwrap().remove("resource");
            let scope = json!({"name": "tidegate", "version": env!("CARGO_PKG_VERSION")});
            let mut group = json!({"scopeLogs": [{"scope": scope, "logRecords": [expected]}]});
            if let Some(resource) = resource {
                group["resource"] = resource;
            }
            prop_assert_eq!(decoded(message), json!({"resourceLogs": [group]}));
        }
    }

    /// *Scenario:* any record, keyed by an attribute of any kind, of its own and of its resource; by one that it does
    /// not have; by the raw record's key, there and not.
    /// *Guarantees:* the key is the value's text; there is none where there is no value, or no such attribute.
    #[test]
    fn keys_are_texts(value in testing::value(), of_resource: bool) {
        let record = Record {
            attributes: vec![
                ("k".to_owned(), !of_resource, Value::Text("other".to_owned())),
                ("k".to_owned(), of_resource, value.clone()),
            ],
            ..example()
        };
        let key = |key: Key| {
            let records = [record.clone(), record.clone()];
            let messages = encode(&records, Format::Driftlock, key).messages;
            messages.iter().map(|m| m.key.as_ref().map(|k| k.to_vec())).collect::<Vec<_>>()
        };
        let expected = match value {
            Value::Null => None,
            Value::Boolean(b) => Some(b.to_string().into_bytes()),
            Value::Integer(i) => Some(i.to_string().into_bytes()),
            Value::Double(d) => Some(d.to_string().into_bytes()),
            Value::Text(t) | Value::Json(t) => Some(t.into_bytes()),
            Value::Bytes(b) => Some(b),
        };
        let named = |name: &str| match of_resource {
            true => Key::Resource(name.to_owned()),
            false => Key::Attribute(name.to_owned()),
        };
        prop_assert_eq!(key(named("k")), vec![expected.clone(), expected]);
        prop_assert_eq!(key(named("kk")), vec![None, None]);
        prop_assert_eq!(key(Key::Original), vec![Some(b"raw\xff".to_vec()), None]);
        prop_assert_eq!(key(Key::None), vec![None, None]);
    }

    /// *Scenario:* an alert or anomaly. *Guarantees:* its JSON, under its fingerprint, at the time when it was raised.
    #[test]
    fn a_finding_is_its_json(raised in testing::finding()) {
        let message = finding(&raised);
        prop_assert_eq!(message.key.unwrap(), raised.fingerprint.as_bytes());
        prop_assert_eq!(message.value, raised.json());
        prop_assert_eq!(message.timestamp_ms, Some(raised.at_ms as i64));
    }
}

/// *Scenario:* one record as an envelope. *Guarantees:* byte for byte: the order of the fields never changes.
#[test]
fn the_envelope_has_one_spelling() {
    let got = encode(&[example(), example()], Format::Driftlock, Key::None);
    let expected = concat!(
        r#"{"type":"log","data":{"timestamp":"2026-11-21T03:12:45.123Z","severity":"WARN","#,
        r#""body":"payment provider timed out","severity_number":13,"flags":1,"attributes":{"#,
        r#""user":"a \"b\" c","latency_ms":137,"raw":"AP8=","more":{"a":[null,1.5]}},"#,
        r#""resource":{"service.name":"checkout"},"trace_id":"abababababababababababababababab","#,
        r#""span_id":"0f0f0f0f0f0f0f0f"},"timestamp":"2026-11-21T03:12:45.123Z","source":"checkout"}"#,
    );
    assert_eq!(String::from_utf8_lossy(&got.messages[0].value), expected);
}
