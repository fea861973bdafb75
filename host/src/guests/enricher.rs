//! The stage of one enricher: call, check, apply.

use super::answer::{self, Edits, Size};
use super::check::{self, Encoding, Given};
use super::clock::{Clock, Shard};
use super::edit;
use super::fault::{Fault, FaultKind};
use super::flow::{Fates, Flow};
use super::imports::cut;
use super::instance::Instance;
use super::parser::REASON_BYTES_MAX;
use super::runner::{Part, Run, Runner};
use super::{Broken, OnFault};
use std::sync::Arc;
use std::time::Duration;

/// An answer that passed the check.
struct Checked {
    edits: Edits,
    covered: (u64, Encoding),
}

impl Size for Checked {
    fn size_bytes(&self) -> usize {
        self.edits.size_bytes()
    }
}

/// Takes a batch through an enricher. `routes` are the pipeline's.
pub(crate) fn stage(
    runner: &mut Runner,
    mut flow: Flow,
    shard: Shard,
    routes: &[Arc<str>],
    fates: &mut Fates,
    clock: &dyn Clock,
) -> Result<Flow, Broken> {
    if flow.columns.is_empty() {
        return Ok(flow);
    }
    flow.tidy();
    let mut call = |instance: &mut Instance, given: Given<'_>, limit: Duration| {
        let edits = instance.enrich(shard.number, given.columns, shard.now_ms, limit)?;
        match check::edits(given, &edits, routes) {
            Ok(covered) => Ok(Checked { edits, covered }),
            Err(bad) => Err(Fault {
                kind: FaultKind::Answer,
                detail: bad.to_string(),
            }),
        }
    };
    match runner.run(
        clock,
        (&flow.columns, flow.encoding),
        Some(shard.number),
        &mut call,
    )? {
        Run::Bypassed => Ok(flow),
        Run::Parts(parts) => Ok(apply(runner, flow, parts, routes, fates)),
    }
}

fn apply(
    runner: &Runner,
    flow: Flow,
    mut parts: Vec<Part<Checked>>,
    routes: &[Arc<str>],
    fates: &mut Fates,
) -> Flow {
    let whole = |p: &Part<Checked>| p.records.len() == flow.columns.len();
    let given = flow.columns.len();
    let out = match parts.as_mut_slice() {
        [part] if whole(part) && part.outcome.is_ok() => {
            apply_part(runner, flow, part, routes, fates)
        }
        parts => {
            let mut out = Flow::default();
            for part in parts {
                let records = flow.part(part.records.clone());
                out.append(apply_part(runner, records, part, routes, fates));
            }
            out
        }
    };
    let metrics = runner.metrics();
    metrics.records_out.inc_by(out.columns.len() as u64);
    let left_out = given.saturating_sub(out.columns.len());
    metrics.dropped.inc_by(left_out as u64);
    out
}

/// Who left out which records, and why.
fn note_drops(runner: &Runner, flow: &Flow, edits: &Edits, fates: &mut Fates) {
    if edits.drop.is_empty() {
        return;
    }
    let reasons = answer::by_input(&edits.reasons);
    for record in &edits.drop {
        if let Some(input) = flow.input.get(*record as usize) {
            fates.drop(runner.dropped(*input, reasons.get(record).copied()));
        }
    }
}

/// What becomes of some records, given over the text that the answer is about.
fn apply_part(
    runner: &Runner,
    mut flow: Flow,
    part: &Part<Checked>,
    routes: &[Arc<str>],
    fates: &mut Fates,
) -> Flow {
    match (&part.outcome, runner.on_fault()) {
        (Ok(checked), _) => {
            note_drops(runner, &flow, &checked.edits, fates);
            edit::apply(&mut flow, &checked.edits, checked.covered, routes);
            flow
        }
        (Err(_), OnFault::Skip) => {
            runner.metrics().skipped.inc_by(part.records.len() as u64);
            flow
        }
        (Err(fault), OnFault::DeadLetter) => {
            let reason = fault.to_string();
            let reason = cut(&reason, REASON_BYTES_MAX);
            for input in &flow.input {
                fates.refuse(*input, runner.reason(reason.to_owned()));
            }
            Flow::default()
        }
    }
}
