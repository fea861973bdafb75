//! Which records have the same resource.

use crate::model::{Columns, Kind, RESOURCE};
use foldhash::fast::RandomState;
use std::collections::HashMap;
use std::hash::{BuildHasher, Hasher};

/// Records of one payload by their resource.
#[derive(Debug, Default)]
pub(super) struct Groups {
    /// The records, those of one group side by side, in the order that they came in.
    pub order: Vec<u32>,
    /// Where each group ends in `order`; groups stand in the order of their first records.
    pub end: Vec<usize>,
}

/// The records of a payload as they come: group numbers are given out here.
struct Finder<'a> {
    columns: &'a Columns,
    seed: RandomState,
    // A hash of resource attributes: the last group that has it.
    known: HashMap<u64, u32, RandomState>,
    // A group: its first record and the group before it that has the same hash.
    first: Vec<(u32, Option<u32>)>,
}

/// Groups `records` by equal sets of resource attributes.
pub(super) fn by_resource(columns: &Columns, records: impl Iterator<Item = u32> + Clone) -> Groups {
    let mut finder = Finder {
        columns,
        seed: RandomState::default(),
        known: HashMap::default(),
        first: Vec::new(),
    };
    let group: Vec<u32> = records.clone().map(|r| finder.group(r)).collect();
    sort(records, &group, finder.first.len())
}

/// A counting sort, so that order within a group stays.
fn sort(records: impl Iterator<Item = u32>, group: &[u32], groups: usize) -> Groups {
    let mut end = vec![0; groups];
    for g in group {
        end[*g as usize] += 1;
    }
    let mut sum = 0;
    for e in &mut end {
        // Where the group begins; it becomes where it ends while its records are put down.
        sum += std::mem::replace(e, sum);
    }
    let mut order = vec![0; group.len()];
    for (record, g) in records.zip(group) {
        let place = &mut end[*g as usize];
        order[*place] = record;
        *place += 1;
    }
    Groups { order, end }
}

impl Finder<'_> {
    fn group(&mut self, record: u32) -> u32 {
        let hash = self.hash(record as usize);
        let same_hash = self.known.get(&hash).copied();
        let mut candidate = same_hash;
        while let Some(group) = candidate {
            let (first, before) = self.first[group as usize];
            if same(self.columns, first as usize, record as usize) {
                return group;
            }
            candidate = before;
        }
        let group = self.first.len() as u32;
        self.first.push((record, same_hash));
        self.known.insert(hash, group);
        group
    }

    /// The same whatever the order of the attributes.
    fn hash(&self, record: usize) -> u64 {
        resource(self.columns, record).fold(0, |sum: u64, attribute| {
            let (kind, key, bytes, bits) = content(self.columns, attribute);
            let mut hasher = self.seed.build_hasher();
            hasher.write_u64(bits ^ u64::from(kind));
            hasher.write(key);
            hasher.write(bytes);
            sum.wrapping_add(hasher.finish())
        })
    }
}

/// The places of a record's resource attributes.
pub(super) fn resource(columns: &Columns, record: usize) -> impl Iterator<Item = usize> {
    let attributes = columns.attributes(record);
    let from = attributes.start;
    let kinds = columns.kind.get(attributes).unwrap_or(&[]);
    let is_resource = |(_, kind): &(usize, &u8)| **kind & RESOURCE != 0;
    let places = kinds.iter().enumerate().filter(is_resource);
    places.map(move |(i, _)| from + i)
}

/// Kind, key, the bytes of the value where it is a span, its bits where it is not.
type Content<'a> = (u8, &'a [u8], &'a [u8], u64);

#[inline]
fn content(columns: &Columns, attribute: usize) -> Content<'_> {
    let key = columns.bytes(&columns.key, attribute);
    let kind = columns.kind.get(attribute).copied().unwrap_or(0);
    match columns.value.get(2 * attribute..2 * attribute + 2) {
        Some(&[start, length]) if Kind::of(kind).is_some_and(Kind::is_span) => {
            (kind, key, columns.slice(start, length), 0)
        }
        Some(&[low, high]) => (kind, key, &[], crate::model::bits(low, high)),
        _ => (kind, key, &[], 0),
    }
}

/// Whether two records have equal sets of resource attributes.
fn same(columns: &Columns, a: usize, b: usize) -> bool {
    let (mut in_a, mut in_b) = (resource(columns, a), resource(columns, b));
    loop {
        match (in_a.next(), in_b.next()) {
            (None, None) => return true,
            (Some(x), Some(y)) if content(columns, x) == content(columns, y) => {}
            (Some(_), Some(_)) => return same_in_other_order(columns, a, b),
            _ => return false,
        }
    }
}

#[cold]
fn same_in_other_order(columns: &Columns, a: usize, b: usize) -> bool {
    let sorted = |record| {
        let mut all: Vec<_> = resource(columns, record)
            .map(|i| content(columns, i))
            .collect();
        all.sort_unstable();
        all
    };
    sorted(a) == sorted(b)
}
