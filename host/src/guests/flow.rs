//! A batch between two stages, and what has become of its inputs so far. Pure.

use super::check::Encoding;
use super::{Dropped, splice};
use crate::model::{Columns, DeadReason, TRACE_BYTES};
use std::collections::BTreeMap;

/// Text smaller than this is never worth compacting for its size.
const COMPACT_BYTES_MIN: usize = 16 << 10;
/// Text of so many bytes is compacted sooner: what enrichers replace must not add up to `max_batch_text`.
const LARGE_BYTES: usize = 4 << 20;

/// The records of a batch between two stages.
#[derive(Clone, Debug, Default)]
pub(crate) struct Flow {
    pub columns: Columns,
    /// Of the text.
    pub encoding: Encoding,
    /// Bytes under all spans, about: what decides whether carrying the rest along is worth it.
    pub covered: u64,
    /// Whether a plugin removed or replaced something that the next one must not see.
    pub stale: bool,
    /// A record: the raw record that it came from; never decreases.
    pub input: Vec<u32>,
    /// A record: whether a parser gave it; empty where none has been.
    pub parsed: Vec<bool>,
    /// A record: 0, or 1 + the number of its route; or empty where none is routed.
    pub route: Vec<u32>,
}

/// What has become of raw records.
#[derive(Debug, Default)]
pub(crate) struct Fates {
    dead: BTreeMap<u32, DeadReason>,
    // A raw record, and the one whose record it went into.
    joined: Vec<(u32, u32)>,
    // A raw record: who left out a record that came from it.
    drops: BTreeMap<u32, Dropped>,
}

/// What became of them in the end.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Ends {
    pub dropped: usize,
    pub drops: Vec<Dropped>,
    pub joined: Vec<(u32, u32)>,
    pub dead: Vec<(u32, DeadReason)>,
}

// === impl Flow ===

impl Flow {
    /// Raw records.
    pub(crate) fn raw(columns: Columns) -> Flow {
        Flow {
            encoding: Encoding::of(&columns.text),
            covered: columns.text.len() as u64,
            input: (0..columns.len() as u32).collect(),
            columns,
            ..Flow::default()
        }
    }

    /// Some records over a text of their own.
    pub(crate) fn part(&self, records: std::ops::Range<usize>) -> Flow {
        let columns = splice::copy(&self.columns, records.clone());
        Flow {
            encoding: Encoding::of(&columns.text),
            covered: columns.text.len() as u64,
            stale: self.stale,
            input: self.input.get(records.clone()).unwrap_or(&[]).to_vec(),
            parsed: self.parsed.get(records.clone()).unwrap_or(&[]).to_vec(),
            route: self.route.get(records).unwrap_or(&[]).to_vec(),
            columns,
        }
    }

    /// Adds the records of another part, which come after these.
    pub(crate) fn append(&mut self, part: Flow) {
        let at = self.columns.text.len() as u32;
        let before = self.columns.len();
        self.columns.text.extend_from_slice(&part.columns.text);
        for r in 0..part.columns.len() {
            splice::push_record(&mut self.columns, &part.columns, r, true, |_, start, _| {
                start.saturating_add(at)
            });
        }
        if !self.route.is_empty() || !part.route.is_empty() {
            self.route.resize(before, 0);
            self.route.extend_from_slice(&part.route);
            self.route.resize(self.columns.len(), 0);
        }
        self.encoding = self.encoding.and(part.encoding);
        self.covered = self.covered.saturating_add(part.covered);
        self.stale |= part.stale;
        self.input.extend_from_slice(&part.input);
        self.parsed.extend_from_slice(&part.parsed);
    }

    /// Hides text that the next plugin must not see, and leaves out what is not worth its way.
    pub(crate) fn tidy(&mut self) {
        let bytes = self.columns.text.len();
        let sparse = match bytes {
            0..COMPACT_BYTES_MIN => false,
            COMPACT_BYTES_MIN..LARGE_BYTES => self.covered < bytes as u64 / 8,
            _ => self.covered < bytes as u64 / 2,
        };
        if sparse {
            splice::compact(&mut self.columns);
            self.covered = self.columns.text.len() as u64;
            self.encoding = Encoding::of(&self.columns.text);
        } else if self.stale {
            let may_cut_characters = splice::hide(&mut self.columns);
            if may_cut_characters && self.encoding != Encoding::Ascii {
                self.encoding = Encoding::of(&self.columns.text);
            }
        }
        self.stale = false;
    }

    /// Kafka's time is when a record was observed, never when its event was.
    pub(crate) fn forget_kafka_time(&mut self) {
        let c = &mut self.columns;
        for (r, (seconds, nanos)) in c.seconds.iter_mut().zip(&mut c.nanos).enumerate() {
            if !self.parsed.get(r).copied().unwrap_or(false) {
                (*seconds, *nanos) = (0, 0);
            }
        }
    }

    /// Gives new records, over a text that begins with this flow's, what the records that gave them had:
    /// attributes; time, severity and trace where a parser had found them. `given`: a new record, the record
    /// of this flow that gave it. Adds the bytes under inherited spans to `covered`.
    pub(crate) fn bequeath(&self, to: &mut Columns, given: &[u32], covered: &mut u64) {
        if !self.columns.kind.is_empty() {
            self.bequeath_attributes(to, given, covered);
        }
        if self.parsed.iter().any(|p| *p) {
            for (record, from) in given.iter().enumerate() {
                if self.parsed.get(*from as usize).copied().unwrap_or(false) {
                    bequeath_record(&self.columns, *from as usize, to, record);
                }
            }
        }
    }

    fn bequeath_attributes(&self, to: &mut Columns, given: &[u32], covered: &mut u64) {
        use super::attributes::{Attribute, Attributes};
        let from = &self.columns;
        let text = std::mem::take(&mut to.text);
        let expected = to.kind.len() + from.kind.len() * given.len() / from.len().max(1);
        let mut merged = Attributes::new(&text, given.len(), expected);
        for (record, giver) in given.iter().enumerate() {
            merged.copy(to, to.attributes(record));
            for a in from.attributes(*giver as usize) {
                let Some(attribute) = Attribute::of(&from.key, &from.kind, &from.value, a) else {
                    continue;
                };
                if merged.keep(attribute) {
                    *covered += attribute.span_bytes();
                }
            }
            merged.end_record();
        }
        (to.attribute_end, to.key, to.kind, to.value) = merged.finish();
        to.text = text;
    }
}

/// What a new record left unknown and an outer parser had found.
fn bequeath_record(from: &Columns, giver: usize, to: &mut Columns, record: usize) {
    let known = |column: &[u32], i: usize| column.get(i).copied().unwrap_or(0);
    let time = |c: &Columns, i: usize| (known(&c.seconds, i), known(&c.nanos, i));
    if time(to, record) == (0, 0) {
        let (seconds, nanos) = time(from, giver);
        set(&mut to.seconds, record, seconds);
        set(&mut to.nanos, record, nanos);
    }
    let records = to.seconds.len();
    let severity = |c: &Columns, i: usize| c.severity.get(i).copied().unwrap_or(0);
    if severity(to, record) == 0 && known(&to.severity_text, 2 * record + 1) == 0 {
        set(&mut to.severity, record, severity(from, giver));
        if let Some(&[start, length]) = from.severity_text.get(2 * giver..2 * giver + 2) {
            to.severity_text.resize(2 * records, 0);
            set(&mut to.severity_text, 2 * record, start);
            set(&mut to.severity_text, 2 * record + 1, length);
        }
    }
    let place = TRACE_BYTES * record..TRACE_BYTES * (record + 1);
    let unknown = to
        .trace
        .get(place.clone())
        .is_none_or(|t| t.iter().all(|b| *b == 0));
    let trace = from
        .trace
        .get(TRACE_BYTES * giver..TRACE_BYTES * (giver + 1));
    if let (true, Some(trace)) = (unknown, trace) {
        to.trace.resize(TRACE_BYTES * records, 0);
        if let Some(place) = to.trace.get_mut(place) {
            place.copy_from_slice(trace);
        }
    }
}

fn set<T>(column: &mut [T], i: usize, value: T) {
    if let Some(entry) = column.get_mut(i) {
        *entry = value;
    }
}

// === impl Fates ===

impl Fates {
    /// A raw record goes to the dead letters; the first reason stands.
    pub(crate) fn refuse(&mut self, input: u32, reason: DeadReason) {
        self.dead.entry(input).or_insert(reason);
    }

    /// A raw record went into a record that another gave.
    pub(crate) fn join(&mut self, input: u32, giver: u32) {
        self.joined.push((input, giver));
    }

    /// A record that came from a raw record was left out on purpose; the last one to say so stands.
    pub(crate) fn drop(&mut self, dropped: Dropped) {
        self.drops.insert(dropped.input, dropped);
    }

    /// What became of `inputs` raw records, when these are the ones that records came from in the end.
    pub(crate) fn end(mut self, inputs: usize, left: &[u32]) -> Ends {
        let mut alive = vec![false; inputs];
        let mut revive = |input: u32| {
            if let Some(alive) = alive.get_mut(input as usize) {
                *alive = true;
            }
        };
        left.iter().for_each(|input| revive(*input));
        // What was joined shares the fate of what it went into; later joins say more of earlier ones.
        for (input, giver) in self.joined.iter().rev() {
            if let Some(reason) = self.dead.get(giver).cloned() {
                self.dead.entry(*input).or_insert(reason);
            }
            if alive.get(*giver as usize).copied().unwrap_or(false)
                && let Some(alive) = alive.get_mut(*input as usize)
            {
                *alive = true;
            }
            if let Some(dropped) = self.drops.get(giver).cloned() {
                let input = *input;
                self.drops
                    .entry(input)
                    .or_insert(Dropped { input, ..dropped });
            }
        }
        let is_alive = |input: &u32| alive.get(*input as usize).copied().unwrap_or(false);
        let delivered = alive.iter().filter(|a| **a).count();
        let both = self.dead.keys().filter(|input| is_alive(input)).count();
        self.drops
            .retain(|input, _| !is_alive(input) && !self.dead.contains_key(input));
        let dead: Vec<_> = self
            .dead
            .into_iter()
            .map(|(input, reason)| {
                let maybe_delivered = is_alive(&input);
                (
                    input,
                    DeadReason {
                        maybe_delivered,
                        ..reason
                    },
                )
            })
            .collect();
        Ends {
            dropped: (inputs + both).saturating_sub(delivered + dead.len()),
            drops: self.drops.into_values().collect(),
            joined: self.joined,
            dead,
        }
    }
}

#[cfg(test)]
mod tests;
