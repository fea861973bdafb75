//! What plugins answer, owned: the contract's `parsed` and `edits`. Not to be trusted before `check`.

use crate::model::{Columns, Level};
use std::collections::HashMap;

/// What a parser answers; field by field as in `wit/parser.wit`.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Parsed {
    pub records: Columns,
    pub input: Vec<u32>,
    pub verdicts: Vec<u8>,
    pub joined: Vec<u32>,
    pub reasons: Vec<Reason>,
}

/// What an enricher answers; field by field as in `wit/enricher.wit`.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Edits {
    pub text: Vec<u8>,
    pub set_record: Vec<u32>,
    pub set_key: Vec<u32>,
    pub set_kind: Vec<u8>,
    pub set_value: Vec<u32>,
    pub remove: Vec<u32>,
    pub body_record: Vec<u32>,
    pub body_kind: Vec<u8>,
    pub body: Vec<u32>,
    pub time_record: Vec<u32>,
    pub time_seconds: Vec<u32>,
    pub time_nanos: Vec<u32>,
    pub severity_record: Vec<u32>,
    pub severity: Vec<u8>,
    pub severity_text: Vec<u32>,
    pub trace_record: Vec<u32>,
    pub trace: Vec<u8>,
    pub drop: Vec<u32>,
    pub reasons: Vec<Reason>,
    pub route_record: Vec<u32>,
    pub route: Vec<u32>,
    pub routes: Vec<String>,
}

/// What a detector raises; field by field as in `wit/detector.wit`.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Alert {
    pub rule: String,
    pub fingerprint: String,
    pub level: Level,
    pub title: String,
    pub labels: Vec<(String, String)>,
    pub at: u64,
    pub since: u64,
    pub evidence: Vec<u32>,
    pub resolved: bool,
}

/// What a scorer raises; field by field as in `wit/scorer.wit`.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Anomaly {
    pub rule: String,
    pub fingerprint: String,
    pub at: u64,
    pub evidence: Vec<u32>,
    pub score: f32,
    pub threshold: f32,
    pub explanation: String,
    pub labels: Vec<(String, String)>,
}

/// What a scorer answers; field by field as in `wit/scorer.wit`.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Scores {
    pub score: Vec<f32>,
    pub anomalies: Vec<Anomaly>,
}

/// Why one record was dropped, refused or malformed; for people.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Reason {
    pub input: u32,
    pub message: String,
}

/// Reasons by the record that they are about.
pub(crate) fn by_input(reasons: &[Reason]) -> HashMap<u32, &str> {
    let each = reasons.iter();
    each.map(|r| (r.input, r.message.as_str())).collect()
}

/// The number of a verdict in the contract.
pub(crate) mod verdict {
    pub(crate) const EMITTED: u8 = 0;
    pub(crate) const DROPPED: u8 = 1;
    pub(crate) const NOT_MINE: u8 = 2;
    pub(crate) const MALFORMED: u8 = 3;
    pub(crate) const JOINED: u8 = 4;
    pub(crate) const INCOMPLETE: u8 = 5;
}

/// Bytes that an answer brought.
pub(crate) trait Size {
    /// All of its columns, texts and messages.
    fn size_bytes(&self) -> usize;
}

fn u32s(columns: &[&[u32]]) -> usize {
    columns.iter().map(|c| size_of_val(*c)).sum()
}

fn u8s(columns: &[&[u8]]) -> usize {
    columns.iter().map(|c| c.len()).sum()
}

fn reasons(reasons: &[Reason]) -> usize {
    let messages: usize = reasons.iter().map(|r| r.message.len()).sum();
    messages + size_of_val(reasons)
}

impl Size for Columns {
    fn size_bytes(&self) -> usize {
        u8s(&[
            &self.text,
            &self.severity,
            &self.body_kind,
            &self.trace,
            &self.kind,
        ]) + u32s(&[
            &self.seconds,
            &self.nanos,
            &self.severity_text,
            &self.body,
            &self.attribute_end,
            &self.key,
            &self.value,
        ])
    }
}

impl Size for Parsed {
    fn size_bytes(&self) -> usize {
        self.records.size_bytes()
            + u32s(&[&self.input, &self.joined])
            + self.verdicts.len()
            + reasons(&self.reasons)
    }
}

impl Size for Edits {
    fn size_bytes(&self) -> usize {
        u8s(&[
            &self.text,
            &self.set_kind,
            &self.body_kind,
            &self.severity,
            &self.trace,
        ]) + u32s(&[
            &self.set_record,
            &self.set_key,
            &self.set_value,
            &self.remove,
            &self.body_record,
            &self.body,
            &self.time_record,
            &self.time_seconds,
            &self.time_nanos,
            &self.severity_record,
            &self.severity_text,
            &self.trace_record,
            &self.drop,
            &self.route_record,
            &self.route,
        ]) + reasons(&self.reasons)
            + self.routes.iter().map(String::len).sum::<usize>()
    }
}

fn labels(labels: &[(String, String)]) -> usize {
    let texts: usize = labels.iter().map(|(k, v)| k.len() + v.len()).sum();
    texts + size_of_val(labels)
}

impl Size for Vec<Alert> {
    fn size_bytes(&self) -> usize {
        let each = self.iter().map(|a| {
            let texts = a.rule.len() + a.fingerprint.len() + a.title.len();
            size_of::<Alert>() + texts + labels(&a.labels) + u32s(&[&a.evidence])
        });
        each.sum()
    }
}

impl Size for Vec<Anomaly> {
    fn size_bytes(&self) -> usize {
        let each = self.iter().map(|a| {
            let texts = a.rule.len() + a.fingerprint.len() + a.explanation.len();
            size_of::<Anomaly>() + texts + labels(&a.labels) + u32s(&[&a.evidence])
        });
        each.sum()
    }
}

impl Size for Scores {
    fn size_bytes(&self) -> usize {
        size_of_val(self.score.as_slice()) + self.anomalies.size_bytes()
    }
}
