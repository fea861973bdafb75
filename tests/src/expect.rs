//! What arrived, and whether it is what was meant.

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use serde_json::Value as Json;
use std::collections::BTreeMap;
use tidegate::demo::mixed::{Expected, Value};

/// One record as it arrived.
#[derive(Clone, Debug)]
pub struct Arrived {
    /// Kafka's partition and offset, from the record's attributes.
    pub position: (i32, i64),
    /// The topic, from the record's attributes.
    pub topic: String,
    /// The observed time, Unix nanoseconds.
    pub observed_unix_nano: u64,
    /// Everything else, without the Kafka facts.
    pub record: Expected,
}

/// The records in one line of the Collector's file: one OTLP JSON request a line.
pub fn arrived(line: &str) -> Vec<Arrived> {
    let request: Json = serde_json::from_str(line).expect("the Collector writes JSON");
    let mut records = Vec::new();
    for resource_logs in list(&request, "resourceLogs") {
        let resource = attributes(&resource_logs["resource"]);
        for scope in list(resource_logs, "scopeLogs") {
            records.extend(
                list(scope, "logRecords")
                    .iter()
                    .map(|r| record(r, &resource)),
            );
        }
    }
    records
}

fn list<'j>(of: &'j Json, name: &str) -> &'j [Json] {
    of[name].as_array().map_or(&[], Vec::as_slice)
}

fn text(of: &Json, name: &str) -> String {
    of[name].as_str().unwrap_or_default().to_owned()
}

fn number<N: std::str::FromStr + Default>(of: &Json, name: &str) -> N {
    of[name]
        .as_str()
        .and_then(|t| t.parse().ok())
        .unwrap_or_default()
}

fn attributes(of: &Json) -> BTreeMap<String, Value> {
    let pairs = list(of, "attributes").iter().map(|a| {
        let value = &a["value"];
        let value = match value["intValue"].as_str() {
            Some(integer) => Value::Integer(integer.parse().expect("an integer")),
            None => Value::Text(
                value["stringValue"]
                    .as_str()
                    .expect("text or an integer")
                    .to_owned(),
            ),
        };
        (text(a, "key"), value)
    });
    pairs.collect()
}

fn record(json: &Json, resource: &BTreeMap<String, Value>) -> Arrived {
    let mut attributes = attributes(json);
    let mut take = |name: &str| match attributes.remove(name) {
        Some(Value::Text(t)) => t,
        Some(Value::Integer(i)) => i.to_string(),
        None => panic!("no {name} in {json}"),
    };
    let topic = take("messaging.destination.name");
    let partition = take("messaging.destination.partition.id")
        .parse()
        .expect("a partition");
    let offset = take("messaging.kafka.offset").parse().expect("an offset");
    let body = &json["body"];
    let body = match body["bytesValue"].as_str() {
        Some(encoded) => base64(encoded),
        None => body["stringValue"]
            .as_str()
            .unwrap_or_default()
            .as_bytes()
            .to_vec(),
    };
    let record = Expected {
        time_unix_nano: number(json, "timeUnixNano"),
        severity: json["severityNumber"].as_u64().unwrap_or(0) as u8,
        severity_text: text(json, "severityText"),
        body,
        attributes,
        resource: resource.clone(),
        trace_id: text(json, "traceId"),
        span_id: text(json, "spanId"),
        redacted: 0,
    };
    let observed_unix_nano = number(json, "observedTimeUnixNano");
    Arrived {
        position: (partition, offset),
        topic,
        observed_unix_nano,
        record,
    }
}

fn base64(text: &str) -> Vec<u8> {
    let digit = |c: u8| match c {
        b'A'..=b'Z' => u32::from(c - b'A'),
        b'a'..=b'z' => u32::from(c - b'a') + 26,
        b'0'..=b'9' => u32::from(c - b'0') + 52,
        b'+' => 62,
        _ => 63,
    };
    let mut bytes = Vec::new();
    for four in text.trim_end_matches('=').as_bytes().chunks(4) {
        let bits = four.iter().fold(0, |bits, c| bits << 6 | digit(*c)) << (6 * (4 - four.len()));
        bytes.extend_from_slice(&bits.to_be_bytes()[1..four.len()]);
    }
    bytes
}

/// How many log records a decoded request holds.
pub fn count(request: &ExportLogsServiceRequest) -> usize {
    request
        .resource_logs
        .iter()
        .flat_map(|r| &r.scope_logs)
        .map(|s| s.log_records.len())
        .sum()
}
