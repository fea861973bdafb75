//! What a finding looks like to others.

use super::*;
use crate::model::testing;
use proptest::prelude::*;
use serde_json::{Value, json};

/// *Scenario:* an alert and an anomaly, a label twice.
/// *Guarantees:* the JSON, byte for byte: readers may rely on names, order and forms.
#[test]
fn the_json_is_stable() {
    let mut finding = Finding {
        pipeline: "shop".into(),
        by: "bursts".into(),
        version: "1.2.0".into(),
        partition: Partition::new("logs", 3),
        at_ms: 1_795_230_765_120,
        rule: "error-burst".to_owned(),
        fingerprint: "error-burst/checkout".to_owned(),
        labels: [("service", "x"), ("n", "1"), ("service", "check\"out")]
            .map(|(n, v)| (n.to_owned(), v.to_owned()))
            .to_vec(),
        evidence: vec![7, 9],
        kind: FindingKind::Alert {
            level: Level::Critical,
            title: "12 errors in 10 s".to_owned(),
            since_ms: 1_795_230_760_000,
            resolved: false,
        },
    };
    let text = |f: &Finding| String::from_utf8(f.json()).unwrap();
    assert_eq!(
        text(&finding),
        concat!(
            r#"{"type":"alert","pipeline":"shop","plugin":"bursts","version":"1.2.0","rule":"error-burst","#,
            r#""fingerprint":"error-burst/checkout","topic":"logs","partition":3,"level":"critical","title":"12 errors in 10 s","#,
            r#""since":"2026-11-21T03:12:40.000Z","at":"2026-11-21T03:12:45.120Z","resolved":false,"#,
            r#""labels":{"n":"1","service":"check\"out"},"#,
            r#""evidence":[{"topic":"logs","partition":3,"offset":7},{"topic":"logs","partition":3,"offset":9}]}"#,
        )
    );
    finding.labels.clear();
    finding.evidence.clear();
    finding.kind = FindingKind::Anomaly {
        score: 0.97,
        threshold: 0.9,
        explanation: "twice as hard to compress".to_owned(),
    };
    assert_eq!(
        text(&finding),
        concat!(
            r#"{"type":"anomaly","pipeline":"shop","plugin":"bursts","version":"1.2.0","rule":"error-burst","#,
            r#""fingerprint":"error-burst/checkout","topic":"logs","partition":3,"score":0.97,"threshold":0.9,"#,
            r#""explanation":"twice as hard to compress","at":"2026-11-21T03:12:45.120Z","labels":{},"evidence":[]}"#,
        )
    );
}

proptest! {
    /// *Scenario:* any finding. *Guarantees:* it is JSON, and every field is in it as it was.
    #[test]
    fn everything_is_in_the_json(finding in testing::finding()) {
        let json: Value = serde_json::from_slice(&finding.json()).unwrap();
        let millis = |key: &str| {
            let time: jiff::Timestamp = json[key].as_str().unwrap().parse().unwrap();
            time.as_millisecond() as u64
        };
        prop_assert_eq!(&json["rule"], &json!(finding.rule));
        prop_assert_eq!(&json["fingerprint"], &json!(finding.fingerprint));
        prop_assert_eq!(&json["topic"], &json!(&*finding.partition.topic));
        prop_assert_eq!(&json["partition"], &json!(finding.partition.index));
        prop_assert_eq!(millis("at"), finding.at_ms);
        let labels: std::collections::BTreeMap<_, _> = finding.labels.iter().cloned().collect();
        prop_assert_eq!(&json["labels"], &json!(labels));
        let evidence = json["evidence"].as_array().unwrap();
        let offsets: Vec<_> = evidence.iter().map(|e| e["offset"].as_i64().unwrap()).collect();
        prop_assert_eq!(&offsets, &finding.evidence);
        prop_assert!(evidence.iter().all(|e| e["topic"] == *finding.partition.topic));
        match finding.kind {
            FindingKind::Alert { level, title, since_ms, resolved } => {
                prop_assert_eq!(&json["level"], level.name());
                prop_assert_eq!(&json["title"], &json!(title));
                prop_assert_eq!(millis("since"), since_ms);
                prop_assert_eq!(&json["resolved"], &json!(resolved));
            }
            FindingKind::Anomaly { score, threshold, explanation } => {
                prop_assert_eq!(json["score"].as_f64().unwrap() as f32, score);
                prop_assert_eq!(json["threshold"].as_f64().unwrap() as f32, threshold);
                prop_assert_eq!(&json["explanation"], &json!(explanation));
            }
        }
    }

    /// *Scenario:* any number as a time. *Guarantees:* a text, not a panic.
    #[test]
    fn every_time_has_a_text(ms: u64) {
        prop_assert!(rfc3339(ms).ends_with('Z'));
    }
}
