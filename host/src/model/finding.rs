//! What detectors and scorers raise about a partition's records.

use super::Partition;
use std::sync::Arc;

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
}
