//! Applying an enricher's edits to a batch. Pure. The edits have passed the answer check.

use super::answer::Edits;
use super::attributes::{Attribute, Attributes};
use super::check::Encoding;
use super::flow::Flow;
use super::splice;
use crate::model::{Columns, Kind, TRACE_BYTES};
use std::sync::Arc;

/// Applies edits: attributes are removed first, then all else is set, a later edit of the same thing winning;
/// then records are left out. `covered` and `encoding` are what the check found; `known` the pipeline's routes.
pub(crate) fn apply(
    flow: &mut Flow,
    edits: &Edits,
    (covered, encoding): (u64, Encoding),
    known: &[Arc<str>],
) {
    flow.columns.text.extend_from_slice(&edits.text);
    flow.encoding = flow.encoding.and(encoding);
    let c = &mut flow.columns;
    let mut gone = Gone::default();
    set_bodies(c, edits, &mut gone);
    set_severities(c, edits, &mut gone);
    set_attributes(c, edits, &mut gone);
    set_times(c, edits);
    set_traces(c, edits);
    flow.stale |= gone.values > 0;
    flow.covered = (flow.covered + covered).saturating_sub(gone.bytes);
    set_routes(flow, edits, known);
    leave_out(flow, edits);
}

/// What was removed or replaced.
#[derive(Default)]
struct Gone {
    values: usize,
    // Under spans.
    bytes: u64,
}

impl Gone {
    fn add(&mut self, kind: Kind, value: [u32; 2]) {
        self.values += 1;
        self.bytes += if kind.is_span() {
            u64::from(value[1])
        } else {
            0
        };
    }
}

fn each<'e>(records: &'e [u32]) -> impl Iterator<Item = (usize, usize)> + 'e {
    records.iter().map(|r| *r as usize).enumerate()
}

fn pair(column: &[u32], i: usize) -> [u32; 2] {
    match column.get(2 * i..2 * i + 2) {
        Some(&[a, b]) => [a, b],
        _ => [0, 0],
    }
}

fn set_pair(column: &mut [u32], i: usize, pair: [u32; 2]) {
    if let Some(place) = column.get_mut(2 * i..2 * i + 2) {
        place.copy_from_slice(&pair);
    }
}

fn set<T>(column: &mut [T], i: usize, value: T) {
    if let Some(place) = column.get_mut(i) {
        *place = value;
    }
}

fn set_bodies(c: &mut Columns, edits: &Edits, gone: &mut Gone) {
    let text = Kind::Text as u8;
    if !c.body_kind.is_empty() || edits.body_kind.iter().any(|k| *k != text) {
        c.body_kind.resize(c.seconds.len(), text);
    }
    for (i, record) in each(&edits.body_record) {
        gone.add(c.body_kind(record), pair(&c.body, record));
        set_pair(&mut c.body, record, pair(&edits.body, i));
        set(
            &mut c.body_kind,
            record,
            edits.body_kind.get(i).copied().unwrap_or(text),
        );
    }
}

fn set_times(c: &mut Columns, edits: &Edits) {
    let number = |column: &[u32], i: usize| column.get(i).copied().unwrap_or(0);
    for (i, record) in each(&edits.time_record) {
        set(&mut c.seconds, record, number(&edits.time_seconds, i));
        set(&mut c.nanos, record, number(&edits.time_nanos, i));
    }
}

fn set_severities(c: &mut Columns, edits: &Edits, gone: &mut Gone) {
    if edits.severity_text.iter().any(|n| *n != 0) {
        c.severity_text.resize(2 * c.seconds.len(), 0);
    }
    for (i, record) in each(&edits.severity_record) {
        let number = edits.severity.get(i).copied().unwrap_or(0);
        set(&mut c.severity, record, number);
        if !c.severity_text.is_empty() {
            gone.add(Kind::Text, pair(&c.severity_text, record));
        }
        set_pair(&mut c.severity_text, record, pair(&edits.severity_text, i));
    }
}

fn set_traces(c: &mut Columns, edits: &Edits) {
    if !edits.trace_record.is_empty() {
        c.trace.resize(TRACE_BYTES * c.seconds.len(), 0);
    }
    for (i, record) in each(&edits.trace_record) {
        let from = edits.trace.get(TRACE_BYTES * i..TRACE_BYTES * (i + 1));
        let to = c
            .trace
            .get_mut(TRACE_BYTES * record..TRACE_BYTES * (record + 1));
        if let (Some(from), Some(to)) = (from, to) {
            to.copy_from_slice(from);
        }
    }
}

fn set_attributes(c: &mut Columns, edits: &Edits, gone: &mut Gone) {
    if edits.set_record.is_empty() && edits.remove.is_empty() {
        return;
    }
    let mut leave = |kind: u8, span: [u32; 2]| {
        gone.add(Kind::of(kind).unwrap_or(Kind::Null), span);
    };
    let order = by_record(&edits.set_record);
    let mut removed = vec![
        false;
        if edits.remove.is_empty() {
            0
        } else {
            c.kind.len()
        }
    ];
    edits
        .remove
        .iter()
        .for_each(|a| set(&mut removed, *a as usize, true));
    let mut next = 0;
    let expected = c.kind.len() + edits.set_record.len();
    let mut new = Attributes::new(&c.text, c.seconds.len(), expected);
    for record in 0..c.seconds.len() {
        copy_kept(c, record, &removed, &mut new, &mut leave);
        while let Some(edit) = nth(&order, edits, next).filter(|e| e.0 == record) {
            if let Some(before) = new.set(edit.1) {
                leave(before.kind, before.value);
            }
            next += 1;
        }
        new.end_record();
    }
    (c.attribute_end, c.key, c.kind, c.value) = new.finish();
}

/// The order of edits by record, those of one record as given; none where they are in order.
fn by_record(records: &[u32]) -> Option<Vec<u32>> {
    if records.is_sorted() {
        return None;
    }
    let mut order: Vec<u32> = (0..records.len() as u32).collect();
    order.sort_by_key(|i| records.get(*i as usize));
    Some(order)
}

/// An edit by its place in the order: its record and its attribute.
fn nth(order: &Option<Vec<u32>>, edits: &Edits, n: usize) -> Option<(usize, Attribute)> {
    let i = match order {
        None => n,
        Some(order) => *order.get(n)? as usize,
    };
    let record = *edits.set_record.get(i)? as usize;
    let attribute = Attribute::of(&edits.set_key, &edits.set_kind, &edits.set_value, i)?;
    Some((record, attribute))
}

fn copy_kept(
    c: &Columns,
    record: usize,
    removed: &[bool],
    new: &mut Attributes<'_>,
    leave: &mut impl FnMut(u8, [u32; 2]),
) {
    let range = c.attributes(record);
    let gone = removed.get(range.clone()).unwrap_or(&[]);
    if !gone.contains(&true) {
        return new.copy(c, range);
    }
    for a in range {
        if removed.get(a) == Some(&false) {
            new.copy(c, a..a + 1);
        } else if let Some(gone) = Attribute::of(&c.key, &c.kind, &c.value, a) {
            leave(Kind::Text as u8, gone.key);
            leave(gone.kind, gone.value);
        }
    }
}

fn set_routes(flow: &mut Flow, edits: &Edits, known: &[Arc<str>]) {
    if edits.route_record.is_empty() {
        return;
    }
    let number = |name: &String| {
        known
            .iter()
            .position(|k| **k == **name)
            .map(|i| i as u32 + 1)
    };
    let numbers: Vec<u32> = edits
        .routes
        .iter()
        .map(|n| number(n).unwrap_or(0))
        .collect();
    flow.route.resize(flow.columns.len(), 0);
    for (i, record) in each(&edits.route_record) {
        let route = edits.route.get(i).copied().unwrap_or(0) as usize;
        let number = numbers.get(route).copied().unwrap_or(0);
        set(&mut flow.route, record, number);
    }
}

/// A record that is left out takes its text along only by and by: to leave it out is no redaction.
fn leave_out(flow: &mut Flow, edits: &Edits) {
    if edits.drop.is_empty() {
        return;
    }
    let mut keep = vec![true; flow.columns.len()];
    edits
        .drop
        .iter()
        .for_each(|r| set(&mut keep, *r as usize, false));
    splice::retain(&mut flow.columns, &keep);
    retain(&mut flow.input, &keep);
    retain(&mut flow.parsed, &keep);
    retain(&mut flow.route, &keep);
    flow.covered = splice::span_bytes(&mut flow.columns);
}

fn retain<T>(column: &mut Vec<T>, keep: &[bool]) {
    let mut keep = keep.iter();
    column.retain(|_| keep.next().copied().unwrap_or(true));
}

#[cfg(test)]
mod tests;
