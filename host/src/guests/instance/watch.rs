//! What detectors and scorers are asked.

use super::{Exports, Instance, fault, wrong_kind};
use crate::guests::answer::{Alert, Anomaly, Scores};
use crate::guests::bindings::{detecting, scoring};
use crate::guests::fault::Fault;
use crate::model::{Columns, Level};
use std::time::Duration;

/// Records of a shard as detectors and scorers see them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen<'a> {
    pub shard: u32,
    pub batch: &'a Columns,
    /// A record: the low half of its offset.
    pub position: &'a [u32],
    /// A record: both halves of what the shard's clock said.
    pub clock: &'a [u32],
}

impl Instance {
    /// Asks a detector for alerts.
    pub(crate) fn detect(&mut self, seen: Seen<'_>, limit: Duration) -> Result<Vec<Alert>, Fault> {
        self.begin(limit);
        let Exports::Detector(plugin) = &self.exports else {
            return Err(wrong_kind("detector"));
        };
        let batch = batch!(
            detecting::exports::tidegate::plugin::detector::LogBatch,
            seen.batch
        );
        let alerts = plugin.tidegate_plugin_detector().call_detect(
            &mut self.store,
            seen.shard,
            batch,
            seen.position,
            seen.clock,
        );
        let alerts = alerts.map_err(|e| fault(&mut self.store, &e))?;
        Ok(alerts.into_iter().map(alert).collect())
    }

    /// Tells a detector that time goes by, in Unix milliseconds.
    pub(crate) fn tick_detector(
        &mut self,
        shard: u32,
        now_ms: u64,
        limit: Duration,
    ) -> Result<Vec<Alert>, Fault> {
        self.begin(limit);
        let Exports::Detector(plugin) = &self.exports else {
            return Err(wrong_kind("detector"));
        };
        let detector = plugin.tidegate_plugin_detector();
        let alerts = detector.call_tick(&mut self.store, shard, now_ms);
        let alerts = alerts.map_err(|e| fault(&mut self.store, &e))?;
        Ok(alerts.into_iter().map(alert).collect())
    }

    /// Asks a scorer for scores and anomalies.
    pub(crate) fn score(&mut self, seen: Seen<'_>, limit: Duration) -> Result<Scores, Fault> {
        self.begin(limit);
        let Exports::Scorer(plugin) = &self.exports else {
            return Err(wrong_kind("scorer"));
        };
        let batch = batch!(
            scoring::exports::tidegate::plugin::scorer::LogBatch,
            seen.batch
        );
        let scores = plugin.tidegate_plugin_scorer().call_score(
            &mut self.store,
            seen.shard,
            batch,
            seen.position,
            seen.clock,
        );
        let scores = scores.map_err(|e| fault(&mut self.store, &e))?;
        Ok(Scores {
            score: scores.score,
            anomalies: scores.anomalies.into_iter().map(anomaly).collect(),
        })
    }

    /// Tells a scorer that time goes by, in Unix milliseconds.
    pub(crate) fn tick_scorer(
        &mut self,
        shard: u32,
        now_ms: u64,
        limit: Duration,
    ) -> Result<Vec<Anomaly>, Fault> {
        self.begin(limit);
        let Exports::Scorer(plugin) = &self.exports else {
            return Err(wrong_kind("scorer"));
        };
        let scorer = plugin.tidegate_plugin_scorer();
        let anomalies = scorer.call_tick(&mut self.store, shard, now_ms);
        let anomalies = anomalies.map_err(|e| fault(&mut self.store, &e))?;
        Ok(anomalies.into_iter().map(anomaly).collect())
    }
}

fn alert(said: detecting::exports::tidegate::plugin::detector::Alert) -> Alert {
    use detecting::exports::tidegate::plugin::detector::Level as L;
    Alert {
        rule: said.rule,
        fingerprint: said.fingerprint,
        level: match said.level {
            L::Info => Level::Info,
            L::Warning => Level::Warning,
            L::Critical => Level::Critical,
        },
        title: said.title,
        labels: said.labels,
        at: said.at,
        since: said.since,
        evidence: said.evidence,
        resolved: said.resolved,
    }
}

fn anomaly(said: scoring::exports::tidegate::plugin::scorer::Anomaly) -> Anomaly {
    Anomaly {
        rule: said.rule,
        fingerprint: said.fingerprint,
        at: said.at,
        evidence: said.evidence,
        score: said.score,
        threshold: said.threshold,
        explanation: said.explanation,
        labels: said.labels,
    }
}
