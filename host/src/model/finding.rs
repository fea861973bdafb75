//! What detectors and scorers raise about a partition's records.

use super::Partition;
use std::sync::Arc;

mod json;
#[cfg(test)]
mod tests;

/// An alert or an anomaly, raised by a plugin over records of one partition.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// The pipeline.
    pub pipeline: Arc<str>,
    /// The plugin's name in the configuration.
    pub by: Arc<str>,
    /// The plugin's version.
    pub version: Arc<str>,
    /// Where the records are that it is about.
    pub partition: Partition,
    /// When it was raised, by the plugin: Unix milliseconds of record time.
    pub at_ms: u64,
    /// The plugin's own stable name for what it looks for.
    pub rule: String,
    /// Same for every finding about the same thing.
    pub fingerprint: String,
    /// Further facts, in the plugin's order.
    pub labels: Vec<(String, String)>,
    /// Offsets of the records that are evidence, rising, each once.
    pub evidence: Vec<i64>,
    /// Which of the two it is.
    pub kind: FindingKind,
}

/// What is particular to alerts and to anomalies.
#[derive(Clone, Debug, PartialEq)]
pub enum FindingKind {
    /// A condition holds, or no longer does.
    Alert {
        /// How bad it is.
        level: Level,
        /// One sentence.
        title: String,
        /// Since when the condition holds, Unix milliseconds.
        since_ms: u64,
        /// Whether it no longer holds.
        resolved: bool,
    },
    /// Records are unusual.
    Anomaly {
        /// From 0, ordinary, to 1, could not be more unusual.
        score: f32,
        /// The scorer's threshold at the time, 0 to 1.
        threshold: f32,
        /// One sentence that explains the score with its numbers.
        explanation: String,
    },
}

/// How bad an alert is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Level {
    /// Worth knowing.
    Info,
    /// Worth looking at.
    #[default]
    Warning,
    /// Somebody must act.
    Critical,
}

impl Level {
    /// Its name: `info`, `warning` or `critical`.
    pub fn name(self) -> &'static str {
        match self {
            Level::Info => "info",
            Level::Warning => "warning",
            Level::Critical => "critical",
        }
    }
}

impl Finding {
    /// Whether it is an alert; else it is an anomaly.
    pub fn is_alert(&self) -> bool {
        matches!(self.kind, FindingKind::Alert { .. })
    }

    /// Its labels as others are told them: of several of one name the last one holds.
    pub fn labels(&self) -> impl Iterator<Item = (&str, &str)> {
        let each = self.labels.iter().enumerate();
        each.filter(|(i, (name, _))| self.labels.iter().skip(i + 1).all(|(n, _)| n != name))
            .map(|(_, (name, value))| (name.as_str(), value.as_str()))
    }

    /// Bytes that it keeps in memory, near enough.
    pub fn weight(&self) -> usize {
        let text = match &self.kind {
            FindingKind::Alert { title, .. } => title.len(),
            FindingKind::Anomaly { explanation, .. } => explanation.len(),
        };
        let label = |(name, value): &(String, String)| {
            size_of::<(String, String)>() + name.len() + value.len()
        };
        let labels: usize = self.labels.iter().map(label).sum();
        let texts = text + self.rule.len() + self.fingerprint.len() + labels;
        size_of::<Finding>() + texts + size_of_val(self.evidence.as_slice())
    }
}

/// A share between 0 and 1 as the shortest number that means the same: 0.9, not 0.8999999761581421.
pub fn shortest(share: f32) -> f64 {
    share
        .to_string()
        .parse()
        .unwrap_or_else(|_| f64::from(share))
}

/// RFC 3339 with milliseconds; what no calendar has is its last moment.
pub fn rfc3339(unix_ms: u64) -> String {
    let time = i64::try_from(unix_ms).ok();
    let time = time.and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok());
    format!("{:.3}", time.unwrap_or(jiff::Timestamp::MAX))
}
