//! `tidegate:plugin/scorer`.

use super::abi::List;
use super::detector::{Seen, SeenArguments, all_labels};
use super::lifecycle::Lifecycle;
use super::memory::Remembering;
use crate::finding::{Anomaly, Scores};
use crate::plugin::{self, Scorer};

/// One instance of a scorer.
pub struct Scoring<P: Scorer> {
    /// What every plugin has.
    pub lifecycle: Lifecycle<P>,
    /// What it remembers.
    pub memory: Remembering<P::Memory>,
    scores: Scores,
    labels: Vec<Vec<[List; 2]>>,
    anomalies: Vec<RawAnomaly>,
    area: ScoresArea,
}

/// `scores`.
#[repr(C)]
pub struct ScoresArea {
    score: List,
    anomalies: AnomaliesArea,
}

/// `list<anomaly>`.
#[repr(transparent)]
pub struct AnomaliesArea(List);

/// `anomaly`.
#[repr(C)]
struct RawAnomaly {
    rule: List,
    fingerprint: List,
    at: u64,
    evidence: List,
    score: f32,
    threshold: f32,
    explanation: List,
    labels: List,
}

// === impl Scoring ===

impl<P: Scorer> Scoring<P> {
    /// Not configured yet.
    #[allow(
        clippy::new_without_default,
        reason = "it must be const, for the thread-local; Default cannot be"
    )]
    pub const fn new() -> Self {
        Scoring {
            lifecycle: Lifecycle::new(),
            memory: Remembering::new(),
            scores: Scores::new(),
            labels: Vec::new(),
            anomalies: Vec::new(),
            area: ScoresArea {
                score: List::EMPTY,
                anomalies: AnomaliesArea(List::EMPTY),
            },
        }
    }

    /// `score`.
    ///
    /// # Safety
    /// The argument is what the gateway passes to `score`.
    pub unsafe fn score(&mut self, arguments: *mut SeenArguments) -> *const ScoresArea {
        // SAFETY: the caller's.
        let seen = unsafe { Seen::take(arguments) };
        plugin::score(
            self.lifecycle.plugin(),
            self.memory.shards.of(seen.shard),
            // SAFETY: the gateway promises that the columns keep the rules of `log-batch`.
            unsafe { seen.columns() },
            &mut self.scores,
        );
        self.answer()
    }

    /// `tick`.
    pub fn tick(&mut self, shard: u32, now: u64) -> *const AnomaliesArea {
        plugin::tick_scorer(
            self.lifecycle.plugin(),
            self.memory.shards.of(shard),
            now,
            &mut self.scores,
        );
        self.answer();
        &self.area.anomalies
    }

    fn answer(&mut self) -> *const ScoresArea {
        let anomalies = &self.scores.anomalies;
        self.labels = all_labels(anomalies.iter().map(|anomaly| &anomaly.labels));
        let each = anomalies.iter().zip(&self.labels);
        self.anomalies = each
            .map(|(anomaly, labels)| RawAnomaly::of(anomaly, labels))
            .collect();
        self.area = ScoresArea {
            score: List::of(&self.scores.score),
            anomalies: AnomaliesArea(match self.anomalies.as_slice() {
                [] => List::EMPTY,
                anomalies => List::of(anomalies),
            }),
        };
        &self.area
    }
}

// === impl RawAnomaly ===

impl RawAnomaly {
    fn of(anomaly: &Anomaly, labels: &[[List; 2]]) -> RawAnomaly {
        RawAnomaly {
            rule: List::text(&anomaly.rule),
            fingerprint: List::text(&anomaly.fingerprint),
            at: anomaly.at,
            evidence: List::of(&anomaly.evidence),
            score: anomaly.score,
            threshold: anomaly.threshold,
            explanation: List::text(&anomaly.explanation),
            labels: List::of(labels),
        }
    }
}
