//! The groups of a shard, found by their fields.

use crate::group::{Group, Rules};
use crate::key::{Part, Seen};
use serde::{Deserialize, Serialize};

/// When there are too many groups, one in so many goes at once, so that a flood of groups does not look through all of them for each.
const GONE_PART: usize = 10;
const INDEX_MIN: usize = 16;

/// The groups of a shard.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Groups {
    all: Vec<Group>,
    /// By hash, open addressing: the group's number plus one, 0 for none.
    #[serde(skip)]
    index: Vec<u32>,
    /// The one that was found last.
    #[serde(skip)]
    last: usize,
}

impl Groups {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// All of them, in an order that depends on the records alone.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut Group> {
        self.all.iter_mut()
    }

    /// The group with these in its fields, where it is known.
    #[inline]
    pub fn find(&mut self, seen: &[Seen<'_>]) -> Option<&mut Group> {
        let is = |group: &Group| is(&group.parts, seen);
        if !self.all.get(self.last).is_some_and(is) {
            self.last = self.look_up(seen)?;
        }
        self.all.get_mut(self.last)
    }

    fn look_up(&mut self, seen: &[Seen<'_>]) -> Option<usize> {
        if self.index.is_empty() {
            self.index_all();
        }
        let mask = self.index.len() - 1;
        let mut slot = hash(seen.iter().copied()) & mask;
        loop {
            let number = (self.index[slot] as usize).checked_sub(1)?;
            if is(&self.all[number].parts, seen) {
                return Some(number);
            }
            slot = (slot + 1) & mask;
        }
    }

    /// One more group; where there would be more than `most`, those seen least recently go. Gives how many went.
    pub fn add(&mut self, seen: &[Seen<'_>], minutes: usize, rules: &Rules, most: usize) -> usize {
        let before = self.all.len();
        if before >= most {
            let stay = most - most.div_ceil(GONE_PART);
            let mut latest: Vec<u64> = self.all.iter().map(|group| group.seen).collect();
            latest.sort_unstable_by(|one, other| other.cmp(one));
            let least = latest.get(stay).copied().unwrap_or(0);
            self.all.retain(|group| group.seen > least);
            self.index.clear();
        }
        let gone = before - self.all.len();
        let parts = seen.iter().map(|seen| seen.kept()).collect();
        self.all.push(Group::new(parts, minutes, rules));
        self.last = self.all.len() - 1;
        if self.index.len() < 2 * self.all.len() {
            self.index_all();
        } else {
            let hash = hash(seen.iter().copied());
            self.put(hash, self.last);
        }
        gone
    }

    /// The groups that are not among these go.
    pub fn retain(&mut self, stays: impl Fn(&Group) -> bool) {
        let before = self.all.len();
        self.all.retain(stays);
        if self.all.len() < before {
            self.index.clear();
            self.last = 0;
        }
    }

    fn index_all(&mut self) {
        let slots = (4 * self.all.len()).next_power_of_two().max(INDEX_MIN);
        self.index.clear();
        self.index.resize(slots, 0);
        for number in 0..self.all.len() {
            let hash = hash(self.all[number].parts.iter().map(Part::seen));
            self.put(hash, number);
        }
    }

    fn put(&mut self, hash: usize, number: usize) {
        let mask = self.index.len() - 1;
        let mut slot = hash & mask;
        while self.index[slot] != 0 {
            slot = (slot + 1) & mask;
        }
        self.index[slot] = number as u32 + 1;
    }
}

#[inline]
fn is(parts: &[Part], seen: &[Seen<'_>]) -> bool {
    let same = |(seen, part): (&Seen<'_>, &Part)| seen.is(part);
    parts.len() == seen.len() && seen.iter().zip(parts).all(same)
}

#[inline]
fn hash<'a>(seen: impl Iterator<Item = Seen<'a>>) -> usize {
    let hash = seen.fold(0, |hash, seen| seen.hash(hash));
    (hash ^ hash >> 32) as usize
}
