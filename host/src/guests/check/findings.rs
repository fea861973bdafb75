//! What detectors and scorers raise, and scores.

use super::{BadAnswer, Given, length_or_none, size};
use crate::guests::answer::{Alert, Anomaly, Scores, Size};

/// Findings of one call.
const FINDINGS_MAX: usize = 10_000;
/// Records that one finding names.
pub(crate) const EVIDENCE_MAX: usize = 1_024;
/// Bytes of a rule's name.
const RULE_BYTES_MAX: usize = 256;
/// Bytes of a fingerprint.
const FINGERPRINT_BYTES_MAX: usize = 1 << 10;
/// Bytes of a title or an explanation.
const SENTENCE_BYTES_MAX: usize = 4 << 10;
/// Labels of a finding.
const LABELS_MAX: usize = 64;
/// Bytes of a label's name.
const LABEL_NAME_BYTES_MAX: usize = 256;
/// Bytes of a label's value.
const LABEL_VALUE_BYTES_MAX: usize = 4 << 10;
/// Positions behind the last one that a finding may name: half of all, so that none can lie before it.
const BEHIND_MAX: u32 = u32::MAX / 2;

/// A detector's answer. `last`: the position of the last record that it has been given under the shard.
pub(crate) fn alerts(given: Given<'_>, alerts: &Vec<Alert>, last: u32) -> Result<(), BadAnswer> {
    size(given, alerts.size_bytes())?;
    let each = alerts.iter().enumerate();
    many("alerts", alerts.len())?;
    for (i, alert) in each {
        text("alert.title", i, &alert.title, SENTENCE_BYTES_MAX)?;
        named("alert", i, &alert.rule, &alert.fingerprint)?;
        labels(i, &alert.labels)?;
        evidence(i, &alert.evidence, last)?;
    }
    Ok(())
}

/// A scorer's anomalies.
pub(crate) fn anomalies(
    given: Given<'_>,
    anomalies: &Vec<Anomaly>,
    last: u32,
) -> Result<(), BadAnswer> {
    size(given, anomalies.size_bytes())?;
    many("anomalies", anomalies.len())?;
    for (i, anomaly) in anomalies.iter().enumerate() {
        text(
            "anomaly.explanation",
            i,
            &anomaly.explanation,
            SENTENCE_BYTES_MAX,
        )?;
        named("anomaly", i, &anomaly.rule, &anomaly.fingerprint)?;
        labels(i, &anomaly.labels)?;
        evidence(i, &anomaly.evidence, last)?;
        unit("anomaly.score", i, anomaly.score)?;
        unit("anomaly.threshold", i, anomaly.threshold)?;
    }
    Ok(())
}

/// A scorer's answer.
pub(crate) fn scores(given: Given<'_>, scores: &Scores, last: u32) -> Result<(), BadAnswer> {
    size(given, scores.size_bytes())?;
    length_or_none("score", scores.score.len(), given.columns.len())?;
    for (i, score) in scores.score.iter().enumerate() {
        if *score != super::super::watch::NO_SCORE {
            unit("score", i, *score)?;
        }
    }
    anomalies(given, &scores.anomalies, last)
}

fn many(field: &'static str, found: usize) -> Result<(), BadAnswer> {
    if found <= FINDINGS_MAX {
        return Ok(());
    }
    let rule = format!("are {found}, but must be at most {FINDINGS_MAX} a call");
    Err(BadAnswer::whole(field, rule))
}

fn named(
    field: &'static str,
    index: usize,
    rule: &str,
    fingerprint: &str,
) -> Result<(), BadAnswer> {
    if rule.is_empty() || fingerprint.is_empty() {
        let rule = "must have a rule and a fingerprint that are not empty";
        return Err(BadAnswer::at(field, index, rule));
    }
    text("rule", index, rule, RULE_BYTES_MAX)?;
    text("fingerprint", index, fingerprint, FINGERPRINT_BYTES_MAX)
}

fn labels(index: usize, labels: &[(String, String)]) -> Result<(), BadAnswer> {
    if labels.len() > LABELS_MAX {
        let found = labels.len();
        let rule = format!("has {found} labels, but must have at most {LABELS_MAX}");
        return Err(BadAnswer::at("labels", index, rule));
    }
    for (name, value) in labels {
        text("labels", index, name, LABEL_NAME_BYTES_MAX)?;
        text("labels", index, value, LABEL_VALUE_BYTES_MAX)?;
    }
    Ok(())
}

fn text(field: &'static str, index: usize, text: &str, max: usize) -> Result<(), BadAnswer> {
    if text.len() <= max {
        return Ok(());
    }
    let rule = format!("has {} bytes, but must have at most {max}", text.len());
    Err(BadAnswer::at(field, index, rule))
}

fn evidence(index: usize, evidence: &[u32], last: u32) -> Result<(), BadAnswer> {
    if evidence.len() > EVIDENCE_MAX {
        let found = evidence.len();
        let rule = format!("names {found} records, but must name at most {EVIDENCE_MAX}");
        return Err(BadAnswer::at("evidence", index, rule));
    }
    let after = evidence
        .iter()
        .find(|position| last.wrapping_sub(**position) > BEHIND_MAX);
    after.map_or(Ok(()), |position| {
        let rule =
            format!("names position {position}, which has not been given; the last is {last}");
        Err(BadAnswer::at("evidence", index, rule))
    })
}

fn unit(field: &'static str, index: usize, value: f32) -> Result<(), BadAnswer> {
    if (0.0..=1.0).contains(&value) {
        return Ok(());
    }
    let rule = format!("is {value}, but must be from 0 to 1");
    Err(BadAnswer::at(field, index, rule))
}
