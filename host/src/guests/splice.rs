//! Taking records out of columns, putting them together, and leaving out text that nothing points to. Pure.
//!
//! Columns have passed the answer check.

use crate::model::{Columns, Kind, RESOURCE, TRACE_BYTES};
use std::ops::Range;

/// Where the two texts of an answer stand in a merged text.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shift {
    /// Spans that start below it are in the given text.
    pub border: u32,
    /// Where the given text begins.
    pub given_at: u32,
    /// Where the returned text begins.
    pub own_at: u32,
}

impl Shift {
    /// The start of a span in the merged text.
    #[inline]
    pub(crate) fn of(self, start: u32) -> u32 {
        match start.checked_sub(self.border) {
            Some(start) => start.saturating_add(self.own_at),
            None => start.saturating_add(self.given_at),
        }
    }
}

/// Appends record `r` of `from`, its attributes only with `attributes`. `place` gives the new start of a
/// span, and may append to the new text.
pub(crate) fn push_record(
    to: &mut Columns,
    from: &Columns,
    r: usize,
    attributes: bool,
    mut place: impl FnMut(&mut Vec<u8>, u32, u32) -> u32,
) {
    let records = to.seconds.len();
    let number = |column: &[u32]| column.get(r).copied().unwrap_or(0);
    to.seconds.push(number(&from.seconds));
    to.nanos.push(number(&from.nanos));
    to.severity.push(from.severity.get(r).copied().unwrap_or(0));
    if let Some(&[start, length]) = from.severity_text.get(2 * r..2 * r + 2) {
        to.severity_text.resize(2 * records, 0);
        let start = place(&mut to.text, start, length);
        to.severity_text.extend_from_slice(&[start, length]);
    } else if !to.severity_text.is_empty() {
        to.severity_text.extend_from_slice(&[0, 0]);
    }
    let kind = from.body_kind(r);
    let body = value(&from.body, r, kind, &mut to.text, &mut place);
    to.body.extend_from_slice(&body);
    if kind != Kind::Text || !to.body_kind.is_empty() {
        to.body_kind.resize(records, Kind::Text as u8);
        to.body_kind.push(kind as u8);
    }
    if let Some(trace) = from.trace.get(TRACE_BYTES * r..TRACE_BYTES * (r + 1)) {
        to.trace.resize(TRACE_BYTES * records, 0);
        to.trace.extend_from_slice(trace);
    } else if !to.trace.is_empty() {
        to.trace.extend_from_slice(&[0; TRACE_BYTES]);
    }
    if attributes {
        push_attributes(to, from, from.attributes(r), &mut place);
    }
    to.attribute_end.push(to.kind.len() as u32);
}

fn push_attributes(
    to: &mut Columns,
    from: &Columns,
    range: Range<usize>,
    place: &mut impl FnMut(&mut Vec<u8>, u32, u32) -> u32,
) {
    for a in range {
        let kind = from.kind.get(a).copied().unwrap_or(0);
        let key = value(&from.key, a, Kind::Text, &mut to.text, place);
        let known = Kind::of(kind).unwrap_or(Kind::Null);
        let value = value(&from.value, a, known, &mut to.text, place);
        to.key.extend_from_slice(&key);
        to.kind.push(kind);
        to.value.extend_from_slice(&value);
    }
}

/// The two numbers of a value, placed where they are a span.
fn value(
    column: &[u32],
    i: usize,
    kind: Kind,
    text: &mut Vec<u8>,
    place: &mut impl FnMut(&mut Vec<u8>, u32, u32) -> u32,
) -> [u32; 2] {
    match column.get(2 * i..2 * i + 2) {
        Some(&[start, length]) if kind.is_span() => [place(text, start, length), length],
        Some(&[low, high]) => [low, high],
        _ => [0, 0],
    }
}

/// Some records over the same text.
pub(crate) fn take(from: &Columns, records: impl Iterator<Item = usize>) -> Columns {
    let mut to = Columns {
        text: from.text.clone(),
        ..Columns::default()
    };
    for r in records {
        push_record(&mut to, from, r, true, |_, start, _| start);
    }
    to
}

/// Some records over a text of their own.
pub(crate) fn copy(from: &Columns, records: impl Iterator<Item = usize>) -> Columns {
    let mut to = Columns::default();
    for r in records {
        push_record(&mut to, from, r, true, |text, start, length| {
            let at = text.len() as u32;
            text.extend_from_slice(from.slice(start, length));
            at
        });
    }
    to
}

/// Leaves out the records for which `keep` says so.
pub(crate) fn retain(c: &mut Columns, keep: &[bool]) {
    let mut kept = Columns {
        text: std::mem::take(&mut c.text),
        ..Columns::default()
    };
    for (r, _) in keep.iter().enumerate().filter(|(_, keep)| **keep) {
        push_record(&mut kept, c, r, true, |_, start, _| start);
    }
    *c = kept;
}

/// Bytes under all spans, shared ones counted each time.
pub(crate) fn span_bytes(c: &mut Columns) -> u64 {
    let mut sum = 0;
    each_span(c, |_, length| sum += u64::from(length));
    sum
}

pub(crate) fn each_span(c: &mut Columns, mut visit: impl FnMut(&mut u32, u32)) {
    let is_span = |kind: &u8| Kind::of(*kind & !RESOURCE).is_some_and(Kind::is_span);
    for pair in c.severity_text.chunks_exact_mut(2) {
        if let [start, length] = pair {
            visit(start, *length);
        }
    }
    for (i, pair) in c.body.chunks_exact_mut(2).enumerate() {
        let span = c.body_kind.get(i).is_none_or(is_span);
        if let ([start, length], true) = (pair, span) {
            visit(start, *length);
        }
    }
    for (i, pair) in c.value.chunks_exact_mut(2).enumerate() {
        let span = c.kind.get(i).is_some_and(is_span);
        if let ([start, length], true) = (pair, span) {
            visit(start, *length);
        }
    }
    for pair in c.key.chunks_exact_mut(2) {
        if let [start, length] = pair {
            visit(start, *length);
        }
    }
}

/// Overwrites with zeros what no span points to: not only what was removed, for it may stand elsewhere in the text too,
/// as it was before it was decoded. Everything stays in its place: one pass over the spans, where leaving out takes
/// three and a new text. Answers whether half a character may be left: spans of bytes begin and end within one.
pub(crate) fn hide(c: &mut Columns) -> bool {
    let bytes = c.text.len();
    let mut covered = Bits::new(bytes);
    each_span(c, |start, length| covered.set(*start, length));
    for (at, word) in covered.0.iter().enumerate() {
        let mut hidden = !word;
        while hidden != 0 {
            let from = hidden.trailing_zeros();
            let run = (hidden >> from).trailing_ones();
            let start = 64 * at + from as usize;
            let end = bytes.min(start + run as usize);
            c.text.get_mut(start..end).unwrap_or_default().fill(0);
            hidden &= !(u64::MAX >> (64 - run) << from);
        }
    }
    let are_bytes = |kind: &u8| Kind::of(*kind) == Some(Kind::Bytes);
    c.body_kind.iter().any(are_bytes) || c.kind.iter().any(are_bytes)
}

/// Leaves out the text that no span points to. What was shared stays shared. Three passes over the spans
/// and one over the text, however spans overlap.
pub(crate) fn compact(c: &mut Columns) {
    let text = std::mem::take(&mut c.text);
    let mut starts = Starts::new(text.len());
    each_span(c, |start, length| {
        starts.bits.set(*start, length.min(1));
    });
    starts.rank();
    let mut reach = vec![0_u32; starts.count()];
    each_span(c, |start, length| {
        if let (true, Some(end)) = (length > 0, reach.get_mut(starts.rank_of(*start))) {
            *end = (*end).max(start.saturating_add(length));
        }
    });
    let (kept, places) = starts.copy_covered(&text, &reach);
    each_span(c, |start, length| {
        let place = (length > 0).then(|| places.get(starts.rank_of(*start)));
        *start = place.flatten().copied().unwrap_or(0);
    });
    c.text = kept;
}

/// A bit for each byte of a text.
struct Bits(Vec<u64>);

impl Bits {
    fn new(bytes: usize) -> Bits {
        Bits(vec![0; bytes / 64 + 1])
    }

    /// Sets those of a span.
    #[inline]
    fn set(&mut self, start: u32, length: u32) {
        let (mut at, end) = (start as usize, start as usize + length as usize);
        while at < end {
            let bits = (end - at).min(64 - at % 64);
            if let Some(word) = self.0.get_mut(at / 64) {
                *word |= u64::MAX >> (64 - bits) << (at % 64);
            }
            at += bits;
        }
    }

    fn positions(&self) -> impl Iterator<Item = usize> + '_ {
        self.0.iter().enumerate().flat_map(|(at, word)| {
            let mut word = *word;
            std::iter::from_fn(move || {
                let bit = word.trailing_zeros();
                (bit < 64).then(|| {
                    word &= word - 1;
                    at * 64 + bit as usize
                })
            })
        })
    }
}

/// The bytes at which spans start, with their ranks.
struct Starts {
    bits: Bits,
    before: Vec<u32>,
}

impl Starts {
    fn new(bytes: usize) -> Starts {
        Starts {
            bits: Bits::new(bytes),
            before: Vec::new(),
        }
    }

    fn rank(&mut self) {
        let mut sum = 0;
        self.before = self
            .bits
            .0
            .iter()
            .map(|word| {
                let before = sum;
                sum += word.count_ones();
                before
            })
            .collect();
    }

    fn count(&self) -> usize {
        self.bits.0.iter().map(|w| w.count_ones() as usize).sum()
    }

    /// The number of starts before this one.
    #[inline]
    fn rank_of(&self, start: u32) -> usize {
        let at = start as usize / 64;
        let (Some(word), Some(before)) = (self.bits.0.get(at), self.before.get(at)) else {
            return usize::MAX;
        };
        *before as usize + (word & ((1 << (start % 64)) - 1)).count_ones() as usize
    }

    /// The text under the spans, and where each start is in it. `reach`: a start, where its longest span ends.
    fn copy_covered(&self, text: &[u8], reach: &[u32]) -> (Vec<u8>, Vec<u32>) {
        let mut kept = Vec::new();
        let mut places = Vec::with_capacity(reach.len());
        // The run of covered text that is being collected.
        let mut run = 0..0_usize;
        for (start, end) in self.bits.positions().zip(reach) {
            if start > run.end {
                kept.extend_from_slice(text.get(run).unwrap_or(&[]));
                run = start..start;
            }
            places.push((kept.len() + start - run.start) as u32);
            run.end = run.end.max(*end as usize);
        }
        kept.extend_from_slice(text.get(run).unwrap_or(&[]));
        (kept, places)
    }
}

#[cfg(test)]
mod tests;
