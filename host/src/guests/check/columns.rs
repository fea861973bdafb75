//! The rules of `log-batch`.

use super::texts::Texts;
use super::{BadAnswer, below, length, length_or_none};
use crate::model::{Columns, RESOURCE, TRACE_BYTES};
use std::collections::HashSet;

/// Nanoseconds of a second.
pub(super) const NANOS: u32 = 1_000_000_000;
/// SeverityNumbers end before it.
pub(super) const SEVERITIES: u8 = 25;
/// Kinds of values end before it.
pub(super) const KINDS: u8 = 7;
/// Attributes of one record whose keys are compared pair by pair; more of them by a set.
const PAIRWISE_MAX: usize = 32;
/// Places of the table that finds records whose keys need a comparison.
const STAMPS: usize = 1 << 10;

/// Checks the records that a parser returned.
pub(super) fn columns(c: &Columns, texts: &mut Texts<'_>) -> Result<(), BadAnswer> {
    lengths(c)?;
    below("records.nanos", &c.nanos, NANOS, "")?;
    below("records.severity", &c.severity, SEVERITIES, "")?;
    below("records.body-kind", &c.body_kind, KINDS, "")?;
    attribute_kinds("records.kind", &c.kind)?;
    texts.spans("records.severity-text", &c.severity_text)?;
    match c.body_kind.as_slice() {
        [] => texts.spans("records.body", &c.body)?,
        kinds => texts.values("records.body", &c.body, kinds)?,
    }
    texts.spans("records.key", &c.key)?;
    texts.values("records.value", &c.value, &c.kind)?;
    ends(&c.attribute_end, c.kind.len())?;
    each_once(c, texts)
}

fn lengths(c: &Columns) -> Result<(), BadAnswer> {
    let records = c.seconds.len();
    length("records.nanos", c.nanos.len(), records)?;
    length("records.severity", c.severity.len(), records)?;
    length_or_none("records.severity-text", c.severity_text.len(), 2 * records)?;
    length("records.body", c.body.len(), 2 * records)?;
    length_or_none("records.body-kind", c.body_kind.len(), records)?;
    length_or_none("records.trace", c.trace.len(), TRACE_BYTES * records)?;
    length("records.attribute-end", c.attribute_end.len(), records)?;
    let attributes = c.kind.len();
    length("records.key", c.key.len(), 2 * attributes)?;
    length("records.value", c.value.len(), 2 * attributes)
}

/// A kind that the contract knows, with or without the resource's bit.
pub(super) fn attribute_kinds(field: &'static str, kinds: &[u8]) -> Result<(), BadAnswer> {
    let good = |k: &u8| *k & !RESOURCE < KINDS;
    if kinds.iter().fold(true, |all, k| all & good(k)) {
        return Ok(());
    }
    let index = kinds.iter().position(|k| !good(k)).unwrap_or(0);
    let rule = "is no kind of value, with or without 64 for the resource";
    Err(BadAnswer::at(field, index, rule))
}

fn ends(ends: &[u32], attributes: usize) -> Result<(), BadAnswer> {
    let mut before = 0;
    for (i, end) in ends.iter().enumerate() {
        if *end < before {
            let rule = format!("is {end}, below the {before} before it");
            return Err(BadAnswer::at("records.attribute-end", i, rule));
        }
        before = *end;
    }
    if before as usize != attributes {
        let rule = format!("ends at {before}, but there are {attributes} attributes");
        return Err(BadAnswer::whole("records.attribute-end", rule));
    }
    Ok(())
}

/// A record has each attribute once. Keys of different lengths differ; where two may have one length, a table
/// of stamps tells whether they need a comparison.
fn each_once(c: &Columns, texts: &Texts<'_>) -> Result<(), BadAnswer> {
    let mut stamps = [0_u32; STAMPS];
    let mut from = 0;
    for (record, end) in c.attribute_end.iter().enumerate() {
        let end = *end as usize;
        let keys = c.key.get(2 * from..2 * end).unwrap_or(&[]);
        let kinds = c.kind.get(from..end).unwrap_or(&[]);
        let stamp = record as u32 + 1;
        if share_a_length(keys, kinds)
            && share_a_stamp(keys, kinds, texts, &mut stamps, stamp)
            && let Some(twice) = twice(keys, kinds, texts)
        {
            let rule = format!("is a key that record {record} has twice");
            return Err(BadAnswer::at("records.key", from + twice, rule));
        }
        from = end;
    }
    Ok(())
}

/// Whether two keys may have the same length and owner.
#[inline]
fn share_a_length(keys: &[u32], kinds: &[u8]) -> bool {
    let mut lengths = 0_u64;
    let mut shared = false;
    for (key, kind) in keys.chunks_exact(2).zip(kinds) {
        let &[_, length] = key else { continue };
        let bit = 1 << ((length.wrapping_mul(2) + u32::from(kind & RESOURCE != 0)) % 64);
        shared |= lengths & bit != 0;
        lengths |= bit;
    }
    shared
}

/// Whether two keys have the same place in the table.
fn share_a_stamp(
    keys: &[u32],
    kinds: &[u8],
    texts: &Texts<'_>,
    stamps: &mut [u32; STAMPS],
    stamp: u32,
) -> bool {
    let mut shared = false;
    for (key, kind) in keys.chunks_exact(2).zip(kinds) {
        let &[start, length] = key else { continue };
        if let Some(seen) = stamps.get_mut(place(texts.bytes(start, length), *kind)) {
            shared |= *seen == stamp;
            *seen = stamp;
        }
    }
    shared
}

#[inline]
fn place(key: &[u8], kind: u8) -> usize {
    let byte = |b: Option<&u8>| b.copied().map_or(0, usize::from);
    let (first, last) = (byte(key.first()), byte(key.last()));
    let middle = byte(key.get(key.len() / 2));
    let mixed = key.len().wrapping_mul(5)
        ^ first.wrapping_mul(7)
        ^ middle.wrapping_mul(37)
        ^ last.wrapping_mul(131)
        ^ usize::from(kind & RESOURCE) << 3;
    mixed % STAMPS
}

#[cold]
fn twice(keys: &[u32], kinds: &[u8], texts: &Texts<'_>) -> Option<usize> {
    let key = |i: usize| {
        let span = keys.get(2 * i..2 * i + 2);
        let bytes = match span {
            Some(&[start, length]) => texts.bytes(start, length),
            _ => &[],
        };
        (kinds.get(i).copied().unwrap_or(0) & RESOURCE, bytes)
    };
    if kinds.len() <= PAIRWISE_MAX {
        return (1..kinds.len()).find(|i| (0..*i).any(|before| key(before) == key(*i)));
    }
    let mut seen = HashSet::with_capacity(kinds.len());
    (0..kinds.len()).find(|i| !seen.insert(key(*i)))
}
