//! A stream of JSON logs with planted incidents, and the alerts that are meant by them.
//!
//! Six services write for some hours of their own time. An *incident* is five errors of one service within ten minutes;
//! between incidents there are four errors within ten minutes, which are none. The rule that finds incidents is
//! [`RULES`].

use krafka::Record;
use serde_json::Value as Json;
use std::collections::BTreeMap;

/// The configuration of `detect-rules` that raises exactly the planted alerts, and when they end.
pub const RULES: &str = r#"{ allowed_lateness: 15m, rules: [ { name: errors,
      when: { field: severity, at_least: error }, group_by: [resource.service.name],
      count: { at_least: 5 }, within: 10m, level: critical,
      title: "{count} errors of {resource.service.name}" } ] }"#;

/// The services.
pub const SERVICES: [&str; 6] = ["cart", "orders", "search", "payment", "mail", "login"];

/// When the first record is written, Unix milliseconds.
pub const BEGIN_MS: u64 = 1_750_000_200_000;
const MINUTE_MS: u64 = 60_000;
/// The window of the rule.
const WITHIN_MS: u64 = 10 * MINUTE_MS;
/// From one incident of a service to its next.
const EVERY_MS: u64 = 40 * MINUTE_MS;
/// From one error of an incident to its next.
const APART_MS: u64 = 100_000;
/// Errors of an incident.
const ERRORS: u64 = 5;
/// The stream goes on for so long after the last incident began.
const TAIL_MS: u64 = 35 * MINUTE_MS;

/// The stream.
#[derive(Clone, Debug)]
pub struct Stream {
    /// In the order of their times.
    pub lines: Vec<Line>,
}

/// One record of the stream.
#[derive(Clone, Debug)]
pub struct Line {
    /// When it is written, Unix milliseconds; no two lines have the same.
    pub at_ms: u64,
    /// Who writes it: the number of a service.
    pub service: usize,
    /// The incident that it is an error of.
    pub incident: Option<u64>,
    /// As JSON.
    pub text: String,
}

/// An alert that is meant, or that was raised: whose, when its fifth error came, and its records.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Incident {
    /// The service.
    pub service: String,
    /// When it was raised, Unix milliseconds.
    pub at_ms: u64,
    /// Partition and offset of its errors.
    pub evidence: Vec<(i32, i64)>,
}

impl Stream {
    /// With so many incidents of each service.
    pub fn new(incidents: u64) -> Stream {
        let mut lines = Vec::new();
        for (service, name) in SERVICES.iter().enumerate() {
            // Services have their incidents one after the other, and no two lines have one time.
            let begin = BEGIN_MS + service as u64 * (5 * MINUTE_MS + 7);
            let mut line = |at_ms: u64, level: &str, message: String, incident| {
                let ts = tidegate::model::rfc3339(at_ms);
                let text = format!(
                    r#"{{"ts":"{ts}","level":"{level}","service":"{name}","msg":"{message}"}}"#
                );
                lines.push(Line {
                    at_ms,
                    service,
                    incident,
                    text,
                });
            };
            for incident in 0..incidents {
                let from = begin + incident * EVERY_MS;
                for n in 0..ERRORS {
                    let what = format!("call {n} of incident {incident} failed");
                    line(from + n * APART_MS, "error", what, Some(incident));
                }
                for n in 0..ERRORS - 1 {
                    let what = format!("call {n} after incident {incident} failed");
                    line(from + 20 * MINUTE_MS + n * APART_MS, "error", what, None);
                }
            }
            let end = BEGIN_MS + incidents * EVERY_MS + TAIL_MS;
            for (n, at_ms) in (begin + 1..end).step_by(5_000).enumerate() {
                line(
                    at_ms,
                    "info",
                    format!("request {n} took {} ms", n % 97),
                    None,
                );
            }
        }
        lines.sort_by_key(|line| line.at_ms);
        Stream { lines }
    }

    /// As records of a topic of so many partitions, keyed by service; and the alerts that are meant.
    pub fn keyed(&self, partitions: i32) -> (Vec<(i32, Record)>, Vec<Incident>) {
        let mut next: BTreeMap<i32, i64> = BTreeMap::new();
        let mut meant: BTreeMap<(usize, u64), Incident> = BTreeMap::new();
        let mut records = Vec::new();
        for line in &self.lines {
            let partition = line.service as i32 % partitions;
            let offset = next.entry(partition).or_default();
            if let Some(incident) = line.incident {
                let incident = meant
                    .entry((line.service, incident))
                    .or_insert_with(|| Incident {
                        service: SERVICES[line.service].to_owned(),
                        at_ms: 0,
                        evidence: Vec::new(),
                    });
                incident.at_ms = line.at_ms;
                incident.evidence.push((partition, *offset));
            }
            *offset += 1;
            let record = Record::new("", line.text.clone()).timestamp(line.at_ms as i64);
            records.push((partition, record.key(SERVICES[line.service])));
        }
        let mut meant: Vec<Incident> = meant.into_values().collect();
        meant.sort();
        (records, meant)
    }
}

/// The alerts that were raised, in order of service and time: those that began, and service and time of those that ended.
///
/// # Panics
/// If one is not a JSON alert of the rule, or says of itself what its evidence does not.
pub fn raised<'r>(
    alerts: impl IntoIterator<Item = &'r Json>,
) -> (Vec<Incident>, Vec<(String, u64)>) {
    let (mut began, mut ended) = (Vec::new(), Vec::new());
    for alert in alerts {
        assert_eq!(
            (&alert["type"], &alert["rule"]),
            (&"alert".into(), &"errors".into())
        );
        assert_eq!(alert["level"], "critical");
        let service = alert["labels"]["resource.service.name"].as_str();
        let service = service
            .unwrap_or_else(|| panic!("no service: {alert}"))
            .to_owned();
        let at: jiff::Timestamp = alert["at"]
            .as_str()
            .unwrap_or_default()
            .parse()
            .expect("a time");
        let at_ms = at.as_millisecond() as u64;
        if alert["resolved"] == true {
            ended.push((service, at_ms));
            continue;
        }
        assert_eq!(alert["title"], format!("5 errors of {service}"));
        let evidence = alert["evidence"].as_array().expect("evidence").iter();
        let evidence = evidence.map(|e| {
            let number = |key: &str| e[key].as_i64().expect("a number");
            (number("partition") as i32, number("offset"))
        });
        began.push(Incident {
            service,
            at_ms,
            evidence: evidence.collect(),
        });
    }
    began.sort();
    ended.sort();
    (began, ended)
}

/// Asserts that what ended is what is meant, each once: when its first error has left the window, within a step of it.
///
/// # Panics
/// If it is not.
pub fn assert_ended(ended: &[(String, u64)], meant: &[Incident]) {
    const STEP_MS: u64 = WITHIN_MS / 60;
    assert_eq!(ended.len(), meant.len(), "{ended:?}");
    for ((service, at_ms), incident) in ended.iter().zip(meant) {
        let first = incident.at_ms - (ERRORS - 1) * APART_MS;
        let expected = first + WITHIN_MS..=first + WITHIN_MS + 2 * STEP_MS;
        assert!(
            *service == incident.service && expected.contains(at_ms),
            "{service} ended at {at_ms}, expected {expected:?} of {incident:?}"
        );
    }
}
