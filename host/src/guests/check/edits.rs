//! The rules of an enricher's answer.

use super::super::answer::{Edits, Size};
use super::texts::{Encoding, Texts};
use super::{BadAnswer, Given, below, columns, length, reasons, size};
use crate::model::TRACE_BYTES;
use std::sync::Arc;

/// Of an answer that passed: bytes under all its spans, and how its text may be read.
pub(crate) type Covered = (u64, Encoding);

/// Checks an enricher's answer. `known` are the routes of the configuration.
///
/// # Errors
/// The first rule that is broken.
pub(crate) fn edits(
    given: Given<'_>,
    edits: &Edits,
    known: &[Arc<str>],
) -> Result<Covered, BadAnswer> {
    size(given, edits.size_bytes())?;
    lengths(edits)?;
    records(edits, given.columns.len() as u32)?;
    let attributes = given.columns.kind.len() as u32;
    below(
        "remove",
        &edits.remove,
        attributes,
        ", the number of attributes",
    )?;
    routes(edits, known)?;
    below("time-nanos", &edits.time_nanos, columns::NANOS, "")?;
    below("severity", &edits.severity, columns::SEVERITIES, "")?;
    below("body-kind", &edits.body_kind, columns::KINDS, "")?;
    columns::attribute_kinds("set-kind", &edits.set_kind)?;
    reasons(&edits.reasons, given.columns.len())?;
    let mut texts = Texts::new(given, &edits.text);
    texts.spans("set-key", &edits.set_key)?;
    texts.values("set-value", &edits.set_value, &edits.set_kind)?;
    texts.values("body", &edits.body, &edits.body_kind)?;
    texts.spans("severity-text", &edits.severity_text)?;
    Ok((texts.covered(), texts.own_encoding()))
}

/// Every column of a group has one entry an edit.
fn lengths(e: &Edits) -> Result<(), BadAnswer> {
    let set = e.set_record.len();
    length("set-key", e.set_key.len(), 2 * set)?;
    length("set-kind", e.set_kind.len(), set)?;
    length("set-value", e.set_value.len(), 2 * set)?;
    let body = e.body_record.len();
    length("body-kind", e.body_kind.len(), body)?;
    length("body", e.body.len(), 2 * body)?;
    let time = e.time_record.len();
    length("time-seconds", e.time_seconds.len(), time)?;
    length("time-nanos", e.time_nanos.len(), time)?;
    let severity = e.severity_record.len();
    length("severity", e.severity.len(), severity)?;
    length("severity-text", e.severity_text.len(), 2 * severity)?;
    length("trace", e.trace.len(), TRACE_BYTES * e.trace_record.len())?;
    length("route", e.route.len(), e.route_record.len())
}

fn records(e: &Edits, records: u32) -> Result<(), BadAnswer> {
    let of = ", the number of records";
    below("set-record", &e.set_record, records, of)?;
    below("body-record", &e.body_record, records, of)?;
    below("time-record", &e.time_record, records, of)?;
    below("severity-record", &e.severity_record, records, of)?;
    below("trace-record", &e.trace_record, records, of)?;
    below("drop", &e.drop, records, of)?;
    below("route-record", &e.route_record, records, of)
}

fn routes(e: &Edits, known: &[Arc<str>]) -> Result<(), BadAnswer> {
    below(
        "route",
        &e.route,
        e.routes.len() as u32,
        ", the number of routes",
    )?;
    let unknown = |name: &String| !known.iter().any(|k| **k == **name);
    match e.routes.iter().position(unknown) {
        None => Ok(()),
        Some(i) => {
            let name = e.routes.get(i).map_or("", String::as_str);
            let name = super::super::imports::cut(name, 64);
            let rule = format!("is {name:?}, which is no route of the pipeline");
            Err(BadAnswer::at("routes", i, rule))
        }
    }
}
