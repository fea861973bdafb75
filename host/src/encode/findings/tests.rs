//! Events, decoded with the protocol's own types.

use super::*;
use crate::model::testing;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use proptest::prelude::*;
use prost::Message;
use std::collections::BTreeMap;

const NO_LIMITS: Limits = Limits {
    records: usize::MAX,
    bytes: usize::MAX,
};

/// Event records, each with its item's number; the resource is looked at.
fn decoded(logs: &Logs) -> Vec<(u32, LogRecord)> {
    let mut all = Vec::new();
    for payload in &logs.payloads {
        let request = ExportLogsServiceRequest::decode(payload.payload.as_slice()).unwrap();
        assert_eq!(request.encode_to_vec(), payload.payload);
        let [group] = request.resource_logs.try_into().unwrap();
        let resource = group.resource.unwrap();
        assert_eq!(
            values(&resource.attributes)["service.name"],
            text("tidegate")
        );
        let [scope] = group.scope_logs.try_into().unwrap();
        all.extend(payload.records.iter().copied().zip(scope.log_records));
    }
    all
}

fn values(attributes: &[KeyValue]) -> BTreeMap<&str, Value> {
    let each = attributes.iter();
    let value = |v: &Option<AnyValue>| v.clone().unwrap().value.unwrap();
    let all: BTreeMap<_, _> = each.map(|kv| (kv.key.as_str(), value(&kv.value))).collect();
    assert_eq!(all.len(), attributes.len(), "each attribute once");
    all
}

fn text(text: &str) -> Value {
    Value::StringValue(text.to_owned())
}

fn check(finding: &Finding, record: &LogRecord, observed_ms: u64) {
    let mut got = values(&record.attributes);
    let mut take = |name: &str| got.remove(name).unwrap_or_else(|| panic!("no {name}"));
    assert_eq!(record.time_unix_nano, finding.at_ms * 1_000_000);
    assert_eq!(record.observed_time_unix_nano, observed_ms * 1_000_000);
    assert_eq!(take("tidegate.pipeline"), text("shop"));
    assert_eq!(take("tidegate.plugin.name"), text("bursts"));
    assert_eq!(take("tidegate.plugin.version"), text("1.0.0"));
    assert_eq!(take("tidegate.rule"), text(&finding.rule));
    assert_eq!(take("tidegate.fingerprint"), text(&finding.fingerprint));
    let (name, body, severity) = match &finding.kind {
        FindingKind::Alert {
            level,
            title,
            since_ms,
            resolved,
        } => {
            assert_eq!(take("tidegate.alert.level"), text(level.name()));
            assert_eq!(take("tidegate.alert.since"), text(&rfc3339(*since_ms)));
            assert_eq!(take("tidegate.alert.resolved"), Value::BoolValue(*resolved));
            let severity = match (resolved, level) {
                (true, _) | (_, Level::Info) => 9,
                (_, Level::Warning) => 13,
                (_, Level::Critical) => 17,
            };
            ("tidegate.alert", title, severity)
        }
        FindingKind::Anomaly {
            score,
            threshold,
            explanation,
        } => {
            for (name, share) in [("score", score), ("threshold", threshold)] {
                let Value::DoubleValue(got) = take(&format!("tidegate.anomaly.{name}")) else {
                    panic!("{name} is no double")
                };
                assert_eq!(got as f32, *share);
            }
            ("tidegate.anomaly", explanation, 13)
        }
    };
    assert_eq!(
        (record.event_name.as_str(), record.severity_number),
        (name, severity)
    );
    assert_eq!(record.body.clone().unwrap().value, Some(text(body)));
    assert_eq!(take("messaging.destination.name"), text("logs"));
    let partition = finding.partition.index.to_string();
    assert_eq!(take("messaging.destination.partition.id"), text(&partition));
    if !finding.evidence.is_empty() {
        let Value::ArrayValue(offsets) = take("tidegate.evidence.offsets") else {
            panic!("no list")
        };
        let offsets = offsets.values.into_iter().map(|v| v.value.unwrap());
        assert!(offsets.eq(finding.evidence.iter().map(|o| Value::IntValue(*o))));
    }
    let labels: BTreeMap<_, _> = finding.labels.iter().cloned().collect();
    for (name, value) in labels {
        assert_eq!(take(&format!("tidegate.label.{name}")), text(&value));
    }
    assert!(got.is_empty(), "{got:?}");
}

proptest! {
    /// *Scenario:* some of any findings, in payloads of few, with and without records in their batch.
    /// *Guarantees:* each of them is one event that decodes to every field that went in, in their order.
    #[test]
    fn every_field_arrives(
        findings in proptest::collection::vec(testing::finding(), 0..8),
        wanted in proptest::collection::vec(any::<bool>(), 8),
        most in 1..5usize,
        latest in prop_oneof![Just(-1), 1..1_000_000_000i64],
    ) {
        let numbers: Vec<u32> = (0..findings.len() as u32).filter(|n| wanted[*n as usize]).collect();
        let limits = Limits { records: most, ..NO_LIMITS };
        let logs = events(&findings, &numbers, latest, limits);
        prop_assert_eq!(logs.json_as_text, 0);
        prop_assert!(logs.payloads.iter().all(|p| p.records.len() <= most));
        let got = decoded(&logs);
        prop_assert_eq!(got.iter().map(|(n, _)| *n).collect::<Vec<_>>(), numbers);
        for (number, record) in &got {
            let finding = &findings[*number as usize];
            let observed = if latest > 0 { latest as u64 } else { finding.at_ms };
            check(finding, record, observed);
        }
    }
}
