//! Alerts and anomalies as OTLP events: log records with an event name.
//!
//! docs/operations.md has the table of their fields.

use super::otlp::{self, Limits, Logs, Select};
use crate::model::{
    Columns, Finding, FindingKind, Kind, Level, RESOURCE, halves, rfc3339, shortest,
};

#[cfg(test)]
mod tests;

/// The event name of an alert.
pub const ALERT: &str = "tidegate.alert";
/// The event name of an anomaly.
pub const ANOMALY: &str = "tidegate.anomaly";

/// Encodes the findings with these numbers, in their order. `latest_ms` is when the newest record of their batch was
/// seen (Kafka's time, Unix milliseconds); zero and below: there is none, and each was observed when it was raised.
pub fn events(findings: &[Finding], numbers: &[u32], latest_ms: i64, limits: Limits) -> Logs {
    let (columns, names) = columns(findings);
    let observed = |n: usize| match findings.get(n) {
        Some(finding) if latest_ms <= 0 => i64::try_from(finding.at_ms).unwrap_or(0),
        _ => latest_ms,
    };
    let select = Select::Records(numbers);
    otlp::events(&columns, &names, select, observed, limits)
}

fn columns(findings: &[Finding]) -> (Columns, Vec<&'static str>) {
    let mut builder = Builder::default();
    let names = findings.iter().map(|f| builder.record(f)).collect();
    (builder.0, names)
}

#[derive(Default)]
struct Builder(Columns);

impl Builder {
    /// Adds a finding as a record; answers its event name.
    fn record(&mut self, finding: &Finding) -> &'static str {
        let (name, text, severity) = match &finding.kind {
            FindingKind::Alert {
                level,
                title,
                resolved,
                ..
            } => (ALERT, title, severity(*level, *resolved)),
            FindingKind::Anomaly { explanation, .. } => (ANOMALY, explanation, (13, "WARN")),
        };
        self.time(finding.at_ms);
        self.0.severity.push(severity.0);
        let span = self.put(severity.1);
        self.0.severity_text.extend_from_slice(&span);
        let span = self.put(text);
        self.0.body.extend_from_slice(&span);
        self.text("service.name", "tidegate");
        if let Some(kind) = self.0.kind.last_mut() {
            *kind |= RESOURCE;
        }
        self.attributes(finding);
        self.0.attribute_end.push(self.0.kind.len() as u32);
        name
    }

    fn attributes(&mut self, finding: &Finding) {
        self.text("tidegate.pipeline", &finding.pipeline);
        self.text("tidegate.plugin.name", &finding.by);
        self.text("tidegate.plugin.version", &finding.version);
        self.text("tidegate.rule", &finding.rule);
        self.text("tidegate.fingerprint", &finding.fingerprint);
        match &finding.kind {
            FindingKind::Alert {
                level,
                since_ms,
                resolved,
                ..
            } => {
                self.text("tidegate.alert.level", level.name());
                self.text("tidegate.alert.since", &rfc3339(*since_ms));
                let resolved = [u32::from(*resolved), 0];
                self.attribute("tidegate.alert.resolved", Kind::Boolean, resolved);
            }
            FindingKind::Anomaly {
                score, threshold, ..
            } => {
                self.share("tidegate.anomaly.score", *score);
                self.share("tidegate.anomaly.threshold", *threshold);
            }
        }
        for (name, value) in finding.labels() {
            self.text(&format!("tidegate.label.{name}"), value);
        }
        let partition = &finding.partition;
        self.text("messaging.destination.name", &partition.topic);
        let index = partition.index.to_string();
        self.text("messaging.destination.partition.id", &index);
        if !finding.evidence.is_empty() {
            let offsets: Vec<_> = finding.evidence.iter().map(i64::to_string).collect();
            let span = self.put(&format!("[{}]", offsets.join(",")));
            self.attribute("tidegate.evidence.offsets", Kind::Json, span);
        }
    }

    /// A time that does not fit is unknown rather than wrong.
    fn time(&mut self, ms: u64) {
        let (seconds, nanos) = match u32::try_from(ms / 1000) {
            Ok(seconds) => (seconds, (ms % 1000) as u32 * 1_000_000),
            Err(_) => (0, 0),
        };
        self.0.seconds.push(seconds);
        self.0.nanos.push(nanos);
    }

    fn share(&mut self, key: &str, share: f32) {
        let bits = shortest(share).to_bits();
        self.attribute(key, Kind::Double, halves(bits));
    }

    fn text(&mut self, key: &str, value: &str) {
        let span = self.put(value);
        self.attribute(key, Kind::Text, span);
    }

    fn attribute(&mut self, key: &str, kind: Kind, value: [u32; 2]) {
        let key = self.put(key);
        self.0.key.extend_from_slice(&key);
        self.0.kind.push(kind as u8);
        self.0.value.extend_from_slice(&value);
    }

    fn put(&mut self, text: &str) -> [u32; 2] {
        let start = self.0.text.len() as u32;
        self.0.text.extend_from_slice(text.as_bytes());
        [start, text.len() as u32]
    }
}

/// OTLP's number and text. That an alert is over is worth knowing, however bad it was.
fn severity(level: Level, resolved: bool) -> (u8, &'static str) {
    match level {
        _ if resolved => (9, "INFO"),
        Level::Info => (9, "INFO"),
        Level::Warning => (13, "WARN"),
        Level::Critical => (17, "ERROR"),
    }
}
