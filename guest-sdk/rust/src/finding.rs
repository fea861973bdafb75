//! What detectors and scorers raise.

use serde::{Deserialize, Serialize};

/// The most records that one alert or anomaly may name as evidence.
pub const EVIDENCE_MAX: usize = 1_024;

/// A record's place in its shard, by which it is named as evidence; rises from record to record. It may be remembered,
/// and says the same after a restart. (The low half of the record's Kafka offset: compare places of one shard that
/// are less than two thousand million records apart.)
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[repr(transparent)]
pub struct Position(pub u32);

/// When and where a record came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// Its place in the shard.
    pub position: Position,
    /// What the shard's clock said: Unix milliseconds of the latest Kafka timestamp up to this record, never backwards.
    pub now: u64,
}

/// How bad an alert is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Worth knowing.
    Info,
    /// Worth looking at.
    #[default]
    Warning,
    /// Somebody must act.
    Critical,
}

/// A condition holds, or no longer does.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Alert {
    /// The rule's own stable name.
    pub rule: String,
    /// Same for every alert about the same thing; the gateway folds repeats by it.
    pub fingerprint: String,
    /// How bad it is.
    pub level: Level,
    /// One sentence.
    pub title: String,
    /// Further facts.
    pub labels: Vec<(String, String)>,
    /// When it is raised, Unix milliseconds: taken from records or from a deadline, so that a replay says the same.
    pub at: u64,
    /// Since when the condition holds, Unix milliseconds.
    pub since: u64,
    /// The records that are evidence, at most [`EVIDENCE_MAX`]: of more, the last ones are told.
    pub evidence: Vec<Position>,
    /// Whether the condition no longer holds.
    pub resolved: bool,
}

/// Records are unusual.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Anomaly {
    /// The scorer's own stable name for this kind of anomaly.
    pub rule: String,
    /// Same for every anomaly about the same thing; the gateway folds repeats by it.
    pub fingerprint: String,
    /// When it is raised, Unix milliseconds, as in [`Alert::at`].
    pub at: u64,
    /// The records that it is about, at most [`EVIDENCE_MAX`]: of more, the last ones are told.
    pub evidence: Vec<Position>,
    /// From 0, ordinary, to 1, could not be more unusual; brought into that range where it is not.
    pub score: f32,
    /// The threshold at the time, 0 to 1.
    pub threshold: f32,
    /// One sentence that explains the score with its numbers.
    pub explanation: String,
    /// Further facts.
    pub labels: Vec<(String, String)>,
}

/// Takes a detector's alerts.
#[derive(Debug, Default)]
pub struct Raise {
    pub(crate) alerts: Vec<Alert>,
}

/// Takes a scorer's scores and anomalies.
#[derive(Debug, Default)]
pub struct Scores {
    // -1 where a record has none.
    pub(crate) score: Vec<f32>,
    pub(crate) anomalies: Vec<Anomaly>,
}

// === impl Raise ===

impl Raise {
    pub(crate) const fn new() -> Self {
        Raise { alerts: Vec::new() }
    }

    /// Raises an alert.
    pub fn alert(&mut self, mut alert: Alert) {
        keep_last(&mut alert.evidence);
        self.alerts.push(alert);
    }
}

// === impl Scores ===

impl Scores {
    pub(crate) const fn new() -> Self {
        Scores {
            score: Vec::new(),
            anomalies: Vec::new(),
        }
    }

    pub(crate) fn clear(&mut self) {
        self.score.clear();
        self.anomalies.clear();
    }

    /// Raises an anomaly.
    pub fn anomaly(&mut self, mut anomaly: Anomaly) {
        keep_last(&mut anomaly.evidence);
        anomaly.score = unit(anomaly.score);
        anomaly.threshold = unit(anomaly.threshold);
        self.anomalies.push(anomaly);
    }

    /// The score of one more record; `records` have been before it.
    #[inline]
    pub(crate) fn record(&mut self, records: usize, score: f32) {
        if self.score.len() < records {
            self.score.resize(records, NO_SCORE);
        }
        self.score.push(unit(score));
    }

    /// All records have been.
    pub(crate) fn finish(&mut self, records: usize) {
        if !self.score.is_empty() {
            self.score.resize(records, NO_SCORE);
        }
    }
}

/// Where a record has no score.
pub(crate) const NO_SCORE: f32 = -1.0;

/// Brought into 0 to 1; what is no number is 0.
fn unit(score: f32) -> f32 {
    if score.is_nan() {
        0.0
    } else {
        score.clamp(0.0, 1.0)
    }
}

fn keep_last(evidence: &mut Vec<Position>) {
    let more = evidence.len().saturating_sub(EVIDENCE_MAX);
    evidence.drain(..more);
}
