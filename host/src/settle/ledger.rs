//! Which records are done, and so what may be committed. Pure: no tokio, no krafka, no clock.
//!
//! Owns, for each partition that is ours: its generation, the committed position, and the ranges beyond
//! it that are not done yet. Used by the settle task alone. Promises that what it offers for a commit is
//! never beyond a record that is not done; never trusts a receipt of an ended generation.
//!
//! The rules that are kept here (the numbers are those of ARCHITECTURE.md): 1, a range runs from the end of
//! the one before; 4, an abandoned range ends its generation, and the third time at one offset is fatal; 8, what
//! a tick raises is an empty range at the shard's position, and no memory that has seen it is kept before it closes;
//! 10, answers of an ended generation change nothing.

use crate::model::{Generation, Partition, Receipt};
use std::collections::BTreeMap;
use std::ops::Bound;

#[cfg(test)]
mod tests;

/// How often work at one committed offset may be abandoned: at this one the process ends.
pub const ABANDONMENTS_MAX: u32 = 3;

/// The partitions that are ours and what is done in them.
#[derive(Debug, Default)]
pub struct Ledger {
    owned: BTreeMap<Partition, Owned>,
    // What was abandoned, and how often; outlives the generations, ends when the partition leaves.
    troubles: BTreeMap<Partition, Trouble>,
}

#[derive(Debug)]
struct Owned {
    generation: Generation,
    committed: i64,
    // Whether the broker has `committed`, or something for which nothing can be lost.
    is_committed: bool,
    done: i64,
    end: i64,
    // Each starts where the one before ends, the first at `done`. Of neighbours that are closed only the last
    // is kept, and none that is closed is the first, so there are never more than twice as many as are open.
    ranges: BTreeMap<Key, Range>,
    open: usize,
}

/// The end of a range, and whether it is a tick's: empty, after the range that ends there.
type Key = (i64, bool);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Range {
    Open,
    Closed,
    // Thrown away: nobody answers for it under this generation, and nothing beyond it is ever done.
    GivenUp,
}

#[derive(Clone, Copy, Debug)]
struct Trouble {
    offset: i64,
    times: u32,
}

/// What beginning a range came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begun {
    /// It is open.
    Open,
    /// It is open, and so many offsets before it were skipped without an idle advance: they lie inside it.
    Skipped {
        /// How many offsets.
        offsets: u64,
    },
    /// It does not come after the one before. The generation has ended.
    ReadAgain {
        /// Where reading goes on.
        offset: i64,
    },
    /// The same, too often at one offset.
    Fatal {
        /// Which offset.
        offset: i64,
    },
    /// The generation is not the partition's: nothing changed.
    Stale,
}

/// What an answer came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answered {
    /// More may be committed.
    Advanced {
        /// All before this offset is done.
        to: i64,
    },
    /// The range is closed and waits for those before it.
    Waiting,
    /// The generation is not the partition's, or the range is not open: nothing changed.
    Stale,
    /// The generation has ended.
    ReadAgain {
        /// The committed position: where reading goes on.
        offset: i64,
    },
    /// The same, too often at one offset.
    Fatal {
        /// Which offset.
        offset: i64,
    },
}

/// What may be committed for one partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due {
    /// The partition.
    pub partition: Partition,
    /// The number of the generation under which it is done.
    pub generation: u64,
    /// All before this offset is done.
    pub offset: i64,
}

/// Where one partition stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    /// The partition.
    pub partition: Partition,
    /// The committed offset.
    pub committed: i64,
    /// All before this offset is done.
    pub done: i64,
    /// The end of the last range: where the next one starts.
    pub end: i64,
    /// Batches that are on their way.
    pub open: usize,
}

fn key(receipt: &Receipt) -> Key {
    (receipt.end, receipt.start == receipt.end)
}

// === impl Ledger ===

impl Ledger {
    /// A partition is ours from `position` on. An earlier generation of it ends; the same one again
    /// changes nothing. Where the broker does not have the position yet (`is_committed`), it is offered for a
    /// commit as it is: a start that depends on the moment would skip at the next one what this one has read.
    pub fn assigned(
        &mut self,
        partition: &Partition,
        generation: &Generation,
        position: i64,
        is_committed: bool,
    ) {
        if let Some(before) = self.owned.get(partition) {
            if before.is(generation) {
                return;
            }
            before.generation.end();
        }
        let owned = Owned::at(position, is_committed, generation.clone());
        self.owned.insert(partition.clone(), owned);
    }

    /// A batch is about to go to a lane. Its range starts where the one before ended, whatever lies
    /// between; an offset that jumps back ends the generation. A tick's range is empty; a partition has one of
    /// them open at a time.
    pub fn begin(&mut self, receipt: &Receipt) -> Begun {
        let Some(owned) = self.live(&receipt.partition, &receipt.generation) else {
            return Begun::Stale;
        };
        let key = key(receipt);
        if receipt.start < owned.end || receipt.end < receipt.start || owned.is_open(key) {
            let offset = owned.committed.min(receipt.start);
            return match self.trouble(&receipt.partition, offset) {
                Trouble { times, .. } if times >= ABANDONMENTS_MAX => Begun::Fatal { offset },
                _ => Begun::ReadAgain { offset },
            };
        }
        let skipped = receipt.start.abs_diff(owned.end);
        owned.open(key);
        match skipped {
            0 => Begun::Open,
            offsets => Begun::Skipped { offsets },
        }
    }

    /// Every leg of a batch has closed, and its dead letters were acknowledged.
    pub fn close(&mut self, receipt: &Receipt) -> Answered {
        match self.live(&receipt.partition, &receipt.generation) {
            Some(owned) => owned.close(key(receipt)),
            None => Answered::Stale,
        }
    }

    /// The position moved to `end` without a record: an empty range, closed at once.
    pub fn idle(&mut self, partition: &Partition, generation: &Generation, end: i64) -> Answered {
        match self.live(partition, generation) {
            Some(owned) if end > owned.end => {
                owned.open((end, false));
                owned.close((end, false))
            }
            Some(_) => Answered::Waiting,
            None => Answered::Stale,
        }
    }

    /// A batch was dropped without having been delivered: its generation ends, reading goes on at the
    /// committed position under a new one.
    pub fn abandon(&mut self, receipt: &Receipt) -> Answered {
        let offset = match self.live(&receipt.partition, &receipt.generation) {
            Some(owned) if owned.is_open(key(receipt)) => owned.committed,
            _ => return Answered::Stale,
        };
        match self.trouble(&receipt.partition, offset) {
            Trouble { times, .. } if times >= ABANDONMENTS_MAX => Answered::Fatal { offset },
            _ => Answered::ReadAgain { offset },
        }
    }

    /// The partition is being revoked: nothing more of it is begun or attempted.
    pub fn drain(&self, partition: &Partition) {
        if let Some(owned) = self.owned.get(partition) {
            owned.generation.drain();
        }
    }

    /// A batch was thrown away while its generation drained: it is not waited for, and what is done ends
    /// before it.
    pub fn give_up(&mut self, receipt: &Receipt) {
        if let Some(owned) = self.live(&receipt.partition, &receipt.generation)
            && owned.is_open(key(receipt))
        {
            owned.open -= 1;
            owned.ranges.insert(key(receipt), Range::GivenUp);
        }
    }

    /// The partition is no longer ours: its generation ends, nothing of it is committed any more.
    pub fn end(&mut self, partition: &Partition) {
        self.troubles.remove(partition);
        if let Some(owned) = self.owned.remove(partition) {
            owned.generation.end();
        }
    }

    /// What may be committed and has not been, of partitions that are ours.
    pub fn committable(&self) -> Vec<Due> {
        let live = self.owned.iter().filter(|(_, o)| !o.generation.has_ended());
        let due = live.filter(|(_, o)| o.done > o.committed || !o.is_committed);
        due.map(|(partition, owned)| Due {
            partition: partition.clone(),
            generation: owned.generation.number(),
            offset: owned.done,
        })
        .collect()
    }

    /// A commit succeeded. Nothing changes where the partition has got another generation meanwhile.
    pub fn committed(&mut self, due: &Due) {
        let owned = self.owned.get_mut(&due.partition);
        if let Some(owned) = owned.filter(|o| o.generation.number() == due.generation) {
            owned.committed = owned.committed.max(due.offset);
            owned.is_committed = true;
        }
    }

    /// Whether answers of this generation still count.
    pub fn is_live(&self, partition: &Partition, generation: u64) -> bool {
        let owned = self.owned.get(partition);
        owned.is_some_and(|o| o.is_live(generation))
    }

    /// The number of the partition's generation, if it is ours.
    pub fn generation(&self, partition: &Partition) -> Option<u64> {
        self.owned.get(partition).map(|o| o.generation.number())
    }

    /// Batches on their way under this generation; none where it is not the partition's, or has ended.
    pub fn open(&self, partition: &Partition, generation: u64) -> usize {
        let owned = self.owned.get(partition);
        owned
            .filter(|o| o.is_live(generation))
            .map_or(0, |o| o.open)
    }

    /// Whether a memory that has seen all before `boundary` under this generation may be kept: all of it is
    /// committed, and so would be read no more, and no tick that it may have seen is open.
    pub fn is_settled(&self, partition: &Partition, generation: u64, boundary: i64) -> bool {
        let Some(owned) = self.owned.get(partition) else {
            return false;
        };
        let committed = owned.is_committed && owned.committed >= boundary;
        let first = owned.ranges.first_key_value();
        let is_done = first.is_none_or(|(key, _)| *key > (boundary, true));
        owned.is_live(generation) && committed && is_done
    }

    /// The partitions that are ours, and where they stand.
    pub fn positions(&self) -> impl Iterator<Item = Position> {
        self.owned.iter().map(|(partition, owned)| Position {
            partition: partition.clone(),
            committed: owned.committed,
            done: owned.done,
            end: owned.end,
            open: owned.open,
        })
    }

    fn live(&mut self, partition: &Partition, generation: &Generation) -> Option<&mut Owned> {
        let owned = self.owned.get_mut(partition)?;
        owned.is_live(generation.number()).then_some(owned)
    }

    /// Ends the partition's generation because reading has to go on at `offset`, and counts how often.
    /// The count starts anew at another offset: then there was progress.
    fn trouble(&mut self, partition: &Partition, offset: i64) -> Trouble {
        if let Some(owned) = self.owned.remove(partition) {
            owned.generation.end();
        }
        let times = match self.troubles.get(partition) {
            Some(t) if t.offset == offset => t.times.saturating_add(1),
            _ => 1,
        };
        let trouble = Trouble { offset, times };
        self.troubles.insert(partition.clone(), trouble);
        trouble
    }
}

// === impl Owned ===

impl Owned {
    fn at(position: i64, is_committed: bool, generation: Generation) -> Self {
        Owned {
            generation,
            committed: position,
            is_committed,
            done: position,
            end: position,
            ranges: BTreeMap::new(),
            open: 0,
        }
    }

    fn is(&self, generation: &Generation) -> bool {
        self.generation.number() == generation.number()
    }

    fn is_live(&self, generation: u64) -> bool {
        self.generation.number() == generation && !self.generation.has_ended()
    }

    fn is_open(&self, key: Key) -> bool {
        self.ranges.get(&key) == Some(&Range::Open)
    }

    fn open(&mut self, key: Key) {
        if self.ranges.insert(key, Range::Open) == Some(Range::Closed) {
            // An earlier tick of this place, which stood for all that is closed before it.
            let before = self.ranges.entry((key.0, false));
            before.or_insert(Range::Closed);
        }
        self.end = key.0;
        self.open += 1;
    }

    fn close(&mut self, key: Key) -> Answered {
        if !self.is_open(key) {
            return Answered::Stale;
        }
        self.open -= 1;
        self.ranges.insert(key, Range::Closed);
        let key = self.merge(key);
        match self.ranges.first_key_value() {
            Some((first, _)) if *first == key => {
                self.ranges.remove(&key);
                self.done = key.0;
                Answered::Advanced { to: key.0 }
            }
            _ => Answered::Waiting,
        }
    }

    /// Makes one range of a closed one and its closed neighbours, and tells where it ends.
    fn merge(&mut self, key: Key) -> Key {
        let closed = |neighbour: Option<(&Key, &Range)>| match neighbour {
            Some((key, Range::Closed)) => Some(*key),
            _ => None,
        };
        let before = closed(self.ranges.range(..key).next_back());
        let after = (Bound::Excluded(key), Bound::Unbounded);
        let after = closed(self.ranges.range(after).next());
        if let Some(before) = before {
            self.ranges.remove(&before);
        }
        if after.is_some() {
            self.ranges.remove(&key);
        }
        after.unwrap_or(key)
    }
}
