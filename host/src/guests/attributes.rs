//! Building attribute columns in which a record has each attribute once. Pure.

use crate::model::{Columns, Kind, RESOURCE};
use std::collections::HashMap;
use std::ops::Range;

/// Attributes of one record that are looked through one by one; more of them by a map.
const LINEAR_MAX: usize = 64;

/// An attribute: its key, kind and value as they stand in columns.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Attribute {
    pub key: [u32; 2],
    pub kind: u8,
    pub value: [u32; 2],
}

impl Attribute {
    /// The attribute at a place of columns.
    #[inline]
    pub(crate) fn of(key: &[u32], kind: &[u8], value: &[u32], at: usize) -> Option<Attribute> {
        match (
            key.get(2 * at..2 * at + 2),
            kind.get(at),
            value.get(2 * at..2 * at + 2),
        ) {
            (Some(&[start, length]), Some(kind), Some(&[low, high])) => Some(Attribute {
                key: [start, length],
                kind: *kind,
                value: [low, high],
            }),
            _ => None,
        }
    }

    /// Bytes under its spans.
    #[inline]
    pub(crate) fn span_bytes(&self) -> u64 {
        let span = Kind::of(self.kind).is_some_and(Kind::is_span);
        u64::from(self.key[1]) + if span { u64::from(self.value[1]) } else { 0 }
    }
}

/// Attribute columns under construction, over a text that has all their spans.
pub(crate) struct Attributes<'t> {
    text: &'t [u8],
    end: Vec<u32>,
    key: Vec<u32>,
    kind: Vec<u8>,
    value: Vec<u32>,
    // Of the record under construction: its first attribute, and the map once it has many.
    begin: usize,
    index: Option<HashMap<(u8, &'t [u8]), usize>>,
}

impl<'t> Attributes<'t> {
    pub(crate) fn new(text: &'t [u8], records: usize, attributes: usize) -> Attributes<'t> {
        Attributes {
            text,
            end: Vec::with_capacity(records),
            key: Vec::with_capacity(2 * attributes),
            kind: Vec::with_capacity(attributes),
            value: Vec::with_capacity(2 * attributes),
            begin: 0,
            index: None,
        }
    }

    /// Adds attributes that are known to be different ones, first of a record.
    #[inline]
    pub(crate) fn copy(&mut self, from: &Columns, range: Range<usize>) {
        let pairs = 2 * range.start..2 * range.end;
        self.key
            .extend_from_slice(from.key.get(pairs.clone()).unwrap_or(&[]));
        self.value
            .extend_from_slice(from.value.get(pairs).unwrap_or(&[]));
        self.kind
            .extend_from_slice(from.kind.get(range).unwrap_or(&[]));
    }

    /// Adds an attribute that is known to be a new one.
    #[inline]
    pub(crate) fn push(&mut self, attribute: Attribute) {
        if let Some(index) = &mut self.index {
            let [start, length] = attribute.key;
            let key = bytes(self.text, start, length);
            index.insert((attribute.kind & RESOURCE, key), self.kind.len());
        }
        self.key.extend_from_slice(&attribute.key);
        self.kind.push(attribute.kind);
        self.value.extend_from_slice(&attribute.value);
    }

    /// Adds an attribute unless the record has it; whether it was added.
    #[inline]
    pub(crate) fn keep(&mut self, attribute: Attribute) -> bool {
        let new = self.find(attribute).is_none();
        if new {
            self.push(attribute);
        }
        new
    }

    /// Adds an attribute, or gives it another value; what the record had.
    #[inline]
    pub(crate) fn set(&mut self, attribute: Attribute) -> Option<Attribute> {
        let Some(at) = self.find(attribute) else {
            self.push(attribute);
            return None;
        };
        let before = Attribute::of(&self.key, &self.kind, &self.value, at);
        if let Some(kind) = self.kind.get_mut(at) {
            *kind = attribute.kind;
        }
        if let Some(value) = self.value.get_mut(2 * at..2 * at + 2) {
            value.copy_from_slice(&attribute.value);
        }
        before
    }

    /// The record is complete.
    #[inline]
    pub(crate) fn end_record(&mut self) {
        self.begin = self.kind.len();
        self.end.push(self.begin as u32);
        self.index = None;
    }

    /// All records are complete.
    pub(crate) fn finish(self) -> (Vec<u32>, Vec<u32>, Vec<u8>, Vec<u32>) {
        (self.end, self.key, self.kind, self.value)
    }

    /// The place of the record's attribute of that key and owner.
    #[inline]
    fn find(&mut self, attribute: Attribute) -> Option<usize> {
        if self.kind.len() - self.begin > LINEAR_MAX {
            return self.find_by_map(attribute);
        }
        let [start, length] = attribute.key;
        let keys = self.key.get(2 * self.begin..).unwrap_or(&[]);
        let kinds = self.kind.get(self.begin..).unwrap_or(&[]);
        let mut all = keys.chunks_exact(2).zip(kinds);
        let found = all.position(|(key, kind)| {
            let &[s, l] = key else { return false };
            l == length
                && (kind ^ attribute.kind) & RESOURCE == 0
                && (s == start || bytes(self.text, s, l) == bytes(self.text, start, length))
        });
        found.map(|at| self.begin + at)
    }

    fn find_by_map(&mut self, attribute: Attribute) -> Option<usize> {
        let text = self.text;
        let index = self.index.get_or_insert_with(|| {
            let keys = self.key.get(2 * self.begin..).unwrap_or(&[]);
            let kinds = self.kind.get(self.begin..).unwrap_or(&[]);
            let all = keys.chunks_exact(2).zip(kinds).enumerate();
            all.filter_map(|(at, (key, kind))| {
                let &[start, length] = key else { return None };
                Some((
                    (kind & RESOURCE, bytes(text, start, length)),
                    self.begin + at,
                ))
            })
            .collect()
        });
        let [start, length] = attribute.key;
        let key = (attribute.kind & RESOURCE, bytes(text, start, length));
        index.get(&key).copied()
    }
}

#[inline]
fn bytes(text: &[u8], start: u32, length: u32) -> &[u8] {
    let start = start as usize;
    text.get(start..start.saturating_add(length as usize))
        .unwrap_or(&[])
}
