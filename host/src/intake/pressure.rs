//! Which partitions to pause so that memory stays under its sum, and when to resume them.
//!
//! Owned by the poll loop; pure. Promises: whoever is paused is resumed once what is in flight has
//! drained; between the high and the low mark nothing changes, so nothing flaps.

use crate::model::Partition;
use std::collections::HashSet;

/// Raw bytes are counted this many times: once for themselves, kept until the batch is settled for dead
/// letters, once for the text that plugins work on, once for the encoded records.
pub const FORMS_OF_A_RECORD: usize = 3;
/// The least share of one partition, in full batches: one at work, one to follow.
const BATCHES_A_PARTITION: usize = 2;
/// How fast a large poll is forgotten: by this part of itself a poll.
const BURST_DECAY: usize = 64;

/// What is to be done about a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Fetch no more of it.
    Pause,
    /// Fetch it again.
    Resume,
}

/// Decides by bytes in flight.
#[derive(Debug)]
pub struct Pressure {
    max: usize,
    batch: usize,
    burst: usize,
    full: bool,
    paused: HashSet<Partition>,
}

impl Pressure {
    /// At most `max` bytes in flight; `batch` is the weight of a full batch.
    pub fn new(max: usize, batch: usize) -> Self {
        Pressure {
            max,
            batch,
            burst: 0,
            full: false,
            paused: HashSet::new(),
        }
    }

    /// One poll brought this many bytes: the next may bring as many before anything can be paused.
    pub fn polled(&mut self, bytes: usize) {
        self.burst = bytes.max(self.burst - self.burst / BURST_DECAY);
    }

    /// What changes, given the bytes in flight of the pipeline, and of each partition that is read.
    pub fn decide(
        &mut self,
        total: usize,
        loads: &[(&Partition, usize)],
    ) -> Vec<(Partition, Change)> {
        let high = self.high();
        self.full = over(self.full, total, high);
        let share = self.share(high, loads.len());
        let mut changes = Vec::new();
        for &(partition, bytes) in loads {
            let was = self.paused.contains(partition);
            let is = self.full || over(was, bytes, share);
            if is == was {
                continue;
            }
            let change = if is {
                self.paused.insert(partition.clone());
                Change::Pause
            } else {
                self.paused.remove(partition);
                Change::Resume
            };
            changes.push((partition.clone(), change));
        }
        changes
    }

    /// Whether any is.
    pub fn is_any_paused(&self) -> bool {
        !self.paused.is_empty()
    }

    /// Forgets a partition: it is not read any more, or afresh.
    pub fn forget(&mut self, partition: &Partition) {
        self.paused.remove(partition);
    }

    // Room for one more poll, unless polls are so large that little would be left.
    fn high(&self) -> usize {
        self.max.saturating_sub(self.burst).max(self.max / 4)
    }

    fn share(&self, high: usize, partitions: usize) -> usize {
        let least = self.batch.saturating_mul(BATCHES_A_PARTITION);
        (high / partitions.max(1)).max(least)
    }
}

/// On from the high mark, off at half of it, else as it was.
fn over(was: bool, bytes: usize, high: usize) -> bool {
    if was {
        bytes > high / 2
    } else {
        bytes >= high.max(1)
    }
}

#[cfg(test)]
mod tests;
