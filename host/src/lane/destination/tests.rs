//! What each output gets of a batch.

use super::*;
use crate::encode::kafka::{Format, Key};
use crate::model::testing::{self, Record, Value, raised};
use crate::model::{Partition, RawRecord};
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use prost::Message as _;

fn answer(records: usize) -> Answer {
    let record = |n: usize| Record {
        seconds: 1,
        nanos: 0,
        severity: 0,
        severity_text: String::new(),
        body: Value::Text(n.to_string()),
        trace: None,
        attributes: Vec::new(),
    };
    let records: Vec<_> = (0..records).map(record).collect();
    Answer {
        columns: testing::columns(&records),
        input: (0..records.len() as u32).collect(),
        ..Answer::default()
    }
}

fn raw(records: i64) -> RawRecords {
    let mut raw = RawRecords::new(Partition::new("logs", 0));
    for offset in 0..records {
        let record = RawRecord {
            offset,
            timestamp_ms: 1000 + offset,
            key: Some(b"raw"),
            value: None,
        };
        raw.push(record, []);
    }
    raw
}

fn share(routes: &[u32], alerts: bool, anomalies: bool) -> Share {
    Share {
        routes: routes.to_vec(),
        alerts,
        anomalies,
    }
}

fn otlp_outlets() -> Outlets {
    Outlets::Otlp {
        outlets: Vec::new(),
        limits: Limits {
            records: usize::MAX,
            bytes: usize::MAX,
        },
    }
}

/// Items with a word for each: its body, or the rule of its JSON.
fn items(encoded: Encoded) -> Vec<(u32, String)> {
    match encoded.payloads {
        Payloads::Otlp(payloads) => {
            let each = payloads.into_iter().flat_map(|(payload, items)| {
                let request = ExportLogsServiceRequest::decode(payload).unwrap();
                let groups = request.resource_logs.into_iter();
                let scopes = groups.flat_map(|g| g.scope_logs);
                let bodies = scopes.flat_map(|s| s.log_records);
                let bodies = bodies.map(|r| format!("{:?}", r.body.unwrap().value.unwrap()));
                items.into_iter().zip(bodies).collect::<Vec<_>>()
            });
            each.collect()
        }
        Payloads::Kafka(messages, items) => {
            let word = |m: Message| {
                let json: serde_json::Value = serde_json::from_slice(&m.value).unwrap();
                let key = String::from_utf8(m.key.unwrap().into()).unwrap();
                format!("{key} {}{}", json["data"]["body"], json["rule"])
            };
            assert_eq!(messages.len(), items.len());
            items
                .into_iter()
                .zip(messages.into_iter().map(word))
                .collect()
        }
    }
}

/// *Scenario:* records of one batch go by turns to no route, to one and to another; one output gets the first two.
/// *Guarantees:* promise 3: its records are in their order, whichever routes they took; another output gets its
/// own alone.
#[test]
fn promise_3_records_of_several_routes_keep_their_order() {
    let answer = Answer {
        route: vec![1, 0, 2, 1, 0, 2],
        ..answer(6)
    };
    let encoded = |routes: &[u32]| -> Vec<u32> {
        let destination = Destination {
            share: share(routes, false, false),
            outlets: otlp_outlets(),
        };
        let items = items(destination.encode(&raw(6), &answer));
        items.into_iter().map(|(item, _)| item).collect()
    };
    assert_eq!(encoded(&[0, 1]), [0, 1, 3, 4]);
    assert_eq!(encoded(&[2]), [2, 5]);
}

/// *Scenario:* a batch of two records raised an alert, an anomaly and an alert; outputs of both kinds get records and
/// all of these, alerts alone, or anomalies alone.
/// *Guarantees:* each gets its records first, then its findings in their order; a finding's item is numbered behind
/// the raw records, whatever else the output gets.
#[test]
fn findings_follow_the_records() {
    let findings = [("x", true), ("y", false), ("z", true)];
    let answer = Answer {
        findings: findings
            .map(|(rule, is_alert)| raised(rule, is_alert))
            .to_vec(),
        ..answer(2)
    };
    let form = Form {
        format: Format::Driftlock,
        key: Key::Original,
    };
    let (outlet, _) = crate::export::Outlet::closed();
    let kafka = || Outlets::Kafka {
        outlet: outlet.clone(),
        form: form.clone(),
    };
    let of = |share: Share, outlets: Outlets| {
        let destination = Destination { share, outlets };
        let encoded = destination.encode(&raw(2), &answer);
        assert!(encoded.bytes > 0);
        items(encoded)
    };
    let all = [
        (0, "raw \"0\"null"),
        (1, "raw \"1\"null"),
        (2, "x/0 null\"x\""),
        (3, "y/0 null\"y\""),
        (4, "z/0 null\"z\""),
    ];
    let told = |numbers: &[usize]| -> Vec<(u32, String)> {
        numbers
            .iter()
            .map(|n| (all[*n].0, all[*n].1.to_owned()))
            .collect()
    };
    assert_eq!(of(share(&[0], true, true), kafka()), told(&[0, 1, 2, 3, 4]));
    assert_eq!(of(share(&[], true, false), kafka()), told(&[2, 4]));
    assert_eq!(of(share(&[], false, true), kafka()), told(&[3]));
    assert_eq!(of(share(&[0], false, false), kafka()), told(&[0, 1]));
    let numbers = |share: Share| -> Vec<u32> {
        of(share, otlp_outlets())
            .into_iter()
            .map(|(item, _)| item)
            .collect()
    };
    assert_eq!(numbers(share(&[0], true, true)), [0, 1, 2, 3, 4]);
    assert_eq!(numbers(share(&[], true, false)), [2, 4]);
    let events = of(share(&[], true, false), otlp_outlets());
    assert_eq!(events[0].1, "StringValue(\"x happened\")");
}

/// *Scenario:* a tick: no record, one alert; to outputs that get alerts and to one that gets records alone.
/// *Guarantees:* the alert is item 0; who gets no alerts gets nothing.
#[test]
fn a_batch_may_have_findings_alone() {
    let answer = Answer {
        findings: vec![raised("x", true)],
        ..answer(0)
    };
    let of = |share: Share| {
        let outlets = otlp_outlets();
        let destination = Destination { share, outlets };
        items(destination.encode(&raw(0), &answer)).len()
    };
    assert_eq!(of(share(&[0], true, true)), 1);
    assert_eq!(of(share(&[], true, false)), 1);
    assert_eq!(of(share(&[0], false, true)), 0);
}
