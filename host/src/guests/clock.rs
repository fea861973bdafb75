//! The clocks of a chain: the machine's, behind a trait, and the shard's, which is all that a plugin sees.

use std::collections::HashMap;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::model::{Partition, RawRecords};

/// A shard's clock is at most so far ahead of the wall: one wrong producer clock must not move it for good.
const AHEAD_OF_WALL_MS_MAX: u64 = 60_000;

/// What time it is for the host.
pub trait Clock: Send {
    /// Time since some start; never goes back.
    fn now(&self) -> Duration;
    /// Unix milliseconds.
    fn wall_ms(&self) -> u64;
}

/// The machine's clocks.
#[derive(Debug)]
pub struct SystemClock {
    start: Instant,
}

impl Default for SystemClock {
    fn default() -> Self {
        SystemClock {
            start: Instant::now(),
        }
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Duration {
        self.start.elapsed()
    }

    fn wall_ms(&self) -> u64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        since.map_or(0, |d| u64::try_from(d.as_millis()).unwrap_or(u64::MAX))
    }
}

/// A shard as plugins see it: its number, and its clock in Unix milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shard {
    pub number: u32,
    pub now_ms: u64,
}

/// The shards of a lane. One entry a partition, until it is forgotten.
#[derive(Debug, Default)]
pub(crate) struct Shards {
    known: HashMap<Partition, Shard>,
    next: u32,
}

impl Shards {
    /// The shard of a batch, its clock moved by the batch's Kafka timestamps.
    pub(crate) fn enter(&mut self, raw: &RawRecords, wall_ms: u64) -> Shard {
        if !self.known.contains_key(&raw.partition) {
            let number = self.next;
            self.next = self.next.wrapping_add(1);
            self.known
                .insert(raw.partition.clone(), Shard { number, now_ms: 0 });
        }
        let latest = raw.timestamp_ms.iter().copied().max().unwrap_or(-1);
        let latest = u64::try_from(latest).unwrap_or(0);
        let bound = wall_ms.saturating_add(AHEAD_OF_WALL_MS_MAX);
        match self.known.get_mut(&raw.partition) {
            Some(shard) => {
                shard.now_ms = shard.now_ms.max(latest.min(bound));
                *shard
            }
            None => Shard {
                number: 0,
                now_ms: latest.min(bound),
            },
        }
    }

    /// The partition has gone elsewhere; its number is never used again.
    pub(crate) fn forget(&mut self, partition: &Partition) {
        self.known.remove(partition);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::RawRecord;

    fn raw(partition: i32, timestamps: &[i64]) -> RawRecords {
        let mut raw = RawRecords::new(Partition::new("t", partition));
        for timestamp_ms in timestamps {
            let record = RawRecord {
                offset: 0,
                timestamp_ms: *timestamp_ms,
                key: None,
                value: None,
            };
            raw.push(record, []);
        }
        raw
    }

    /// *Scenario:* batches with rising, falling, missing and absurd timestamps.
    /// *Guarantees:* the clock is the largest seen, never goes back, and is at most a minute ahead of the wall.
    #[test]
    fn a_shards_clock_follows_kafka() {
        let mut shards = Shards::default();
        let wall = 1_000_000;
        let mut now = |timestamps: &[i64]| shards.enter(&raw(0, timestamps), wall).now_ms;
        assert_eq!(now(&[-1]), 0);
        assert_eq!(now(&[5_000, 9_000, 7_000]), 9_000);
        assert_eq!(now(&[8_000]), 9_000);
        assert_eq!(now(&[]), 9_000);
        assert_eq!(now(&[i64::MAX]), wall + AHEAD_OF_WALL_MS_MAX);
        assert_eq!(now(&[wall as i64]), wall + AHEAD_OF_WALL_MS_MAX);
    }

    /// *Scenario:* two partitions, one of which goes and comes back.
    /// *Guarantees:* each has a number of its own, and a forgotten shard's number does not come back.
    #[test]
    fn shards_are_numbered() {
        let mut shards = Shards::default();
        let first = shards.enter(&raw(0, &[7]), 0);
        let second = shards.enter(&raw(1, &[7]), 0);
        assert_ne!(first.number, second.number);
        assert_eq!(shards.enter(&raw(0, &[]), 0), first);
        shards.forget(&Partition::new("t", 0));
        let again = shards.enter(&raw(0, &[]), 0);
        assert!(again.number != first.number && again.number != second.number);
        assert_eq!(again.now_ms, 0);
    }
}
