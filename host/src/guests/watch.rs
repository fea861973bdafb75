//! The stages of detectors and scorers: call, check, findings. They change no record; a score becomes an
//! attribute where the configuration names one.

use super::Broken;
use super::answer::{Alert, Anomaly, Edits};
use super::check::{self, BadAnswer, Encoding, Given};
use super::clock::{Clock, Moments, Shard};
use super::edit;
use super::fault::{Fault, FaultKind};
use super::flow::Flow;
use super::instance::{Instance, Seen};
use super::runner::{Run, Runner};
use crate::model::{Columns, FindingKind, Kind, halves};
use std::sync::Arc;
use std::time::Duration;

/// What a scorer says of a record that has no score.
pub(crate) const NO_SCORE: f32 = -1.0;

/// A finding, before it is known whose it is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Raised {
    pub rule: String,
    pub fingerprint: String,
    pub at_ms: u64,
    pub labels: Vec<(String, String)>,
    /// Positions.
    pub evidence: Vec<u32>,
    pub kind: FindingKind,
}

/// Shows a batch to a detector.
pub(crate) fn detect(
    runner: &mut Runner,
    flow: &mut Flow,
    (shard, moments): (Shard, &Moments),
    clock: &dyn Clock,
) -> Result<Vec<Raised>, Broken> {
    if flow.columns.is_empty() {
        return Ok(Vec::new());
    }
    flow.tidy();
    let mut call = |instance: &mut Instance, given: Given<'_>, limit: Duration| {
        let seen = seen(shard, moments, given);
        let last = seen.position.last().copied().unwrap_or(moments.last);
        let alerts = instance.detect(seen, limit)?;
        checked(check::alerts(given, &alerts, last))?;
        Ok(alerts)
    };
    let batch = (&flow.columns, flow.encoding);
    let mut raised = Vec::new();
    match runner.run(clock, batch, Some(shard.number), &mut call)? {
        Run::Bypassed => {}
        Run::Parts(parts) => {
            for part in parts {
                match part.outcome {
                    Ok(alerts) => raised.extend(alerts.into_iter().map(Raised::from)),
                    Err(_) => drop(runner.metrics().skipped.inc_by(part.records.len() as u64)),
                }
            }
        }
    }
    Ok(raised)
}

/// Shows a batch to a scorer.
pub(crate) fn score(
    runner: &mut Runner,
    flow: &mut Flow,
    (shard, moments): (Shard, &Moments),
    clock: &dyn Clock,
) -> Result<Vec<Raised>, Broken> {
    if flow.columns.is_empty() {
        return Ok(Vec::new());
    }
    flow.tidy();
    let mut call = |instance: &mut Instance, given: Given<'_>, limit: Duration| {
        let seen = seen(shard, moments, given);
        let last = seen.position.last().copied().unwrap_or(moments.last);
        let scores = instance.score(seen, limit)?;
        checked(check::scores(given, &scores, last))?;
        Ok(scores)
    };
    let batch = (&flow.columns, flow.encoding);
    let parts = match runner.run(clock, batch, Some(shard.number), &mut call)? {
        Run::Bypassed => return Ok(Vec::new()),
        Run::Parts(parts) => parts,
    };
    let attribute = runner.score_attribute();
    let (mut raised, mut edits) = (Vec::new(), Edits::default());
    for part in parts {
        match part.outcome {
            Ok(scores) => {
                raised.extend(scores.anomalies.into_iter().map(Raised::from));
                if attribute.is_some() {
                    note(&mut edits, part.records.start, &scores.score);
                }
            }
            Err(_) => drop(runner.metrics().skipped.inc_by(part.records.len() as u64)),
        }
    }
    if let Some(name) = attribute {
        keep_scores(flow, edits, &name);
    }
    Ok(raised)
}

/// Time goes by for a detector.
pub(crate) fn tick_detector(
    runner: &mut Runner,
    (shard, last): (Shard, u32),
    clock: &dyn Clock,
) -> Result<Vec<Raised>, Broken> {
    let bytes_max = runner.batch_text();
    let alerts = runner.tick(clock, shard.number, |instance, limit| {
        let alerts = instance.tick_detector(shard.number, shard.now_ms, limit)?;
        checked(check::alerts(
            nothing(&Columns::default(), bytes_max),
            &alerts,
            last,
        ))?;
        Ok(alerts)
    })?;
    let alerts = alerts.into_iter().flatten();
    Ok(alerts.map(Raised::from).collect())
}

/// Time goes by for a scorer.
pub(crate) fn tick_scorer(
    runner: &mut Runner,
    (shard, last): (Shard, u32),
    clock: &dyn Clock,
) -> Result<Vec<Raised>, Broken> {
    let bytes_max = runner.batch_text();
    let anomalies = runner.tick(clock, shard.number, |instance, limit| {
        let anomalies = instance.tick_scorer(shard.number, shard.now_ms, limit)?;
        let given = Columns::default();
        checked(check::anomalies(
            nothing(&given, bytes_max),
            &anomalies,
            last,
        ))?;
        Ok(anomalies)
    })?;
    let anomalies = anomalies.into_iter().flatten();
    Ok(anomalies.map(Raised::from).collect())
}

fn seen<'a>(shard: Shard, moments: &'a Moments, given: Given<'a>) -> Seen<'a> {
    let records = given.first..given.first + given.columns.len();
    let position = moments.position.get(records.clone()).unwrap_or(&[]);
    let clock = moments.clock.get(2 * records.start..2 * records.end);
    Seen {
        shard: shard.number,
        batch: given.columns,
        position,
        clock: clock.unwrap_or(&[]),
    }
}

fn nothing(columns: &Columns, bytes_max: usize) -> Given<'_> {
    Given {
        columns,
        encoding: Encoding::Ascii,
        bytes_max,
        first: 0,
    }
}

fn checked(check: Result<(), BadAnswer>) -> Result<(), Fault> {
    check.map_err(|bad| Fault {
        kind: FaultKind::Answer,
        detail: bad.to_string(),
    })
}

/// Attributes to be set: the scores of some records; what they are called comes with [`keep_scores`].
fn note(edits: &mut Edits, first: usize, scores: &[f32]) {
    for (record, score) in (first..).zip(scores) {
        if *score == NO_SCORE {
            continue;
        }
        edits.set_record.push(record as u32);
        edits.set_kind.push(Kind::Double as u8);
        // Four digits say enough, and do not show the width of the number.
        let bits = ((f64::from(*score) * 1e4).round() / 1e4).to_bits();
        edits.set_value.extend_from_slice(&halves(bits));
    }
}

fn keep_scores(flow: &mut Flow, mut edits: Edits, name: &Arc<str>) {
    if edits.set_record.is_empty() {
        return;
    }
    let key = [flow.columns.text.len() as u32, name.len() as u32];
    edits.text = name.as_bytes().to_vec();
    edits.set_key = key.repeat(edits.set_record.len());
    let covered = edits.set_record.len() as u64 * name.len() as u64;
    edit::apply(flow, &edits, (covered, Encoding::of(&edits.text)), &[]);
}

// === impl Raised ===

impl From<Alert> for Raised {
    fn from(alert: Alert) -> Self {
        Raised {
            rule: alert.rule,
            fingerprint: alert.fingerprint,
            at_ms: alert.at,
            labels: alert.labels,
            evidence: alert.evidence,
            kind: FindingKind::Alert {
                level: alert.level,
                title: alert.title,
                since_ms: alert.since,
                resolved: alert.resolved,
            },
        }
    }
}

impl From<Anomaly> for Raised {
    fn from(anomaly: Anomaly) -> Self {
        Raised {
            rule: anomaly.rule,
            fingerprint: anomaly.fingerprint,
            at_ms: anomaly.at,
            labels: anomaly.labels,
            evidence: anomaly.evidence,
            kind: FindingKind::Anomaly {
                score: anomaly.score,
                threshold: anomaly.threshold,
                explanation: anomaly.explanation,
            },
        }
    }
}
