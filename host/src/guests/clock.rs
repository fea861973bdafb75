//! The clocks of a chain: the machine's, behind a trait, and the shard's, which is all that a plugin sees.

use std::collections::HashMap;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::model::{Partition, RawRecords, halves};

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

/// A batch's shard, once the batch has moved its clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entered {
    pub shard: Shard,
    /// What the clock said before.
    before_ms: u64,
    /// What the clock must not pass now.
    bound_ms: u64,
}

/// Where and when the records of a batch came, as detectors and scorers are told it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Moments {
    /// A record: the low half of its offset.
    pub position: Vec<u32>,
    /// A record: both halves of what the clock said.
    pub clock: Vec<u32>,
    /// The position of the batch's last raw record.
    pub last: u32,
}

/// The shards of a lane. One entry a partition, until it is forgotten.
#[derive(Debug, Default)]
pub(crate) struct Shards {
    known: HashMap<Partition, Shard>,
    next: u32,
}

impl Shards {
    /// The shard of a batch, its clock moved by the batch's Kafka timestamps.
    pub(crate) fn enter(&mut self, raw: &RawRecords, wall_ms: u64) -> Entered {
        let latest = raw.timestamp_ms.iter().copied().max().unwrap_or(-1);
        let latest = u64::try_from(latest).unwrap_or(0);
        let bound_ms = wall_ms.saturating_add(AHEAD_OF_WALL_MS_MAX);
        let shard = self.of(&raw.partition);
        let before_ms = shard.now_ms;
        shard.now_ms = before_ms.max(latest.min(bound_ms));
        Entered {
            shard: *shard,
            before_ms,
            bound_ms,
        }
    }

    /// The shard of a partition; a new one where it has none.
    pub(crate) fn of(&mut self, partition: &Partition) -> &mut Shard {
        let next = &mut self.next;
        self.known.entry(partition.clone()).or_insert_with(|| {
            let number = *next;
            *next = next.wrapping_add(1);
            Shard { number, now_ms: 0 }
        })
    }

    /// The partition has gone elsewhere; its number is never used again. The number, if it had one.
    pub(crate) fn forget(&mut self, partition: &Partition) -> Option<u32> {
        self.known.remove(partition).map(|shard| shard.number)
    }
}

impl Moments {
    /// Of records that came from these inputs of a batch; `input` never decreases.
    pub(crate) fn of(raw: &RawRecords, input: &[u32], entered: Entered) -> Moments {
        let mut moments = Moments {
            position: Vec::with_capacity(input.len()),
            clock: Vec::with_capacity(2 * input.len()),
            last: raw.offset.last().map_or(0, |offset| *offset as u32),
        };
        let mut now = entered.before_ms;
        let mut seen = 0;
        for input in input {
            let end = (*input as usize + 1).min(raw.timestamp_ms.len());
            for timestamp in raw.timestamp_ms.get(seen..end).unwrap_or(&[]) {
                let timestamp = u64::try_from(*timestamp).unwrap_or(0);
                now = now.max(timestamp.min(entered.bound_ms));
            }
            seen = seen.max(end);
            let offset = raw.offset.get(*input as usize).copied().unwrap_or(0);
            // The low half is the point.
            moments.position.push(offset as u32);
            moments.clock.extend_from_slice(&halves(now));
        }
        moments
    }
}

/// The offset that a position stands for, given the last offset that it may be.
pub(crate) fn offset_of(position: u32, last: i64) -> i64 {
    last.saturating_sub(i64::from((last as u32).wrapping_sub(position)))
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
        let mut now = |timestamps: &[i64]| shards.enter(&raw(0, timestamps), wall).shard.now_ms;
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
        let first = shards.enter(&raw(0, &[7]), 0).shard;
        let second = shards.enter(&raw(1, &[7]), 0).shard;
        assert_ne!(first.number, second.number);
        assert_eq!(shards.enter(&raw(0, &[]), 0).shard, first);
        assert_eq!(shards.forget(&Partition::new("t", 0)), Some(first.number));
        let again = shards.enter(&raw(0, &[]), 0).shard;
        assert!(again.number != first.number && again.number != second.number);
        assert_eq!(again.now_ms, 0);
    }

    /// *Scenario:* a batch whose inputs gave no, one and several records, its times falling and absurd.
    /// *Guarantees:* each record has its input's position, and the clock as it was when that input came: it counts
    /// inputs that gave nothing, never goes back, and does not depend on where the batch was cut.
    #[test]
    fn each_record_has_its_own_moment() {
        let mut raw = raw(0, &[3_000, 9_000, 5_000, i64::MAX, 1]);
        raw.offset = vec![
            u32::MAX as i64,
            4_294_967_296,
            4_294_967_300,
            4_294_967_301,
            4_294_967_302,
        ];
        let entered = Entered {
            shard: Shard {
                number: 0,
                now_ms: 0,
            },
            before_ms: 4_000,
            bound_ms: 70_000,
        };
        let moments = Moments::of(&raw, &[0, 2, 2, 4], entered);
        assert_eq!(moments.position, [u32::MAX, 4, 4, 6]);
        let clock: Vec<u32> = moments.clock.iter().copied().step_by(2).collect();
        assert_eq!(clock, [4_000, 9_000, 9_000, 70_000]);
        let offsets: Vec<i64> = moments
            .position
            .iter()
            .map(|position| offset_of(*position, 4_294_967_302))
            .collect();
        assert_eq!(
            offsets,
            [4_294_967_295, 4_294_967_300, 4_294_967_300, 4_294_967_302]
        );
    }
}
