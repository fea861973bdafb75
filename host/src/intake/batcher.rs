//! Records to batches.
//!
//! Owned by the poll loop. Promises: what it takes of one partition comes out in the same order, once, in
//! ranges that join without a gap; no batch is over its limits unless a single record is. Knows no clock:
//! the time is passed in, as the time since a moment that never changes.

use super::BatchLimits;
use crate::model::{Generation, Partition, Purpose, RawRecord, RawRecords, Receipt};
use std::collections::{HashMap, VecDeque};
use std::time::Duration;

/// No batch has more bytes than this, whatever the configuration says, so that every span fits: one record
/// more is at most what the client decodes at once (128 MiB).
const BATCH_BYTES_MAX: usize = 1 << 30;

/// What became of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Feedback {
    /// It is in a batch, or will be.
    Taken,
    /// Its partition's generation has ended: somebody else reads it, or it is read again.
    Stale,
    /// The run had it before.
    Repeated,
    /// The run begins below what was read: the log was cut. Nothing is taken until a new generation
    /// begins.
    JumpedBack,
    /// It lies behind the place where reading ends.
    AfterEnd,
}

/// What became of a position without records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Idle {
    /// Nothing new.
    Still,
    /// The batch that is being formed ends there now.
    Extended,
    /// No batch is being formed: settle is to be told that all before this offset is empty.
    Advanced(i64),
}

/// A full batch.
#[derive(Debug)]
pub struct Batch {
    /// Its partition, generation and range.
    pub receipt: Receipt,
    /// Its records.
    pub raw: RawRecords,
    /// What it is for: to be delivered, or to be remembered by plugins.
    pub purpose: Purpose,
}

/// Forms the batches of all partitions of a pipeline. Bounded by one batch a partition, and by what one
/// poll brought in full batches, which are popped before the next poll.
#[derive(Debug)]
pub struct Batcher {
    limits: BatchLimits,
    forming: HashMap<Partition, Forming>,
    full: VecDeque<Batch>,
}

/// The records of one run on their way in.
#[derive(Debug)]
pub struct Slot<'a> {
    limits: BatchLimits,
    forming: &'a mut Forming,
    full: &'a mut VecDeque<Batch>,
    begun: bool,
    now: Duration,
}

#[derive(Debug)]
struct Forming {
    generation: Generation,
    // The range of the batch that is being formed begins here.
    start: i64,
    // Nothing below this is taken: the end of what was read.
    next: i64,
    // Records below are for the memory of plugins; a batch never holds some of both.
    deliver_from: i64,
    // Nothing from here on is taken.
    stop: i64,
    raw: RawRecords,
    bytes: usize,
    // When the first record came.
    since: Duration,
}

// === impl Batcher ===

impl Batcher {
    /// With nothing in it.
    pub fn new(limits: BatchLimits) -> Self {
        let limits = BatchLimits {
            records: limits.records.max(1),
            bytes: limits.bytes.clamp(1, BATCH_BYTES_MAX),
            ..limits
        };
        Batcher {
            limits,
            forming: HashMap::new(),
            full: VecDeque::new(),
        }
    }

    /// A generation begins to be read at `position` and up to `stop` if there is one; what lies below `deliver_from`
    /// is only to be remembered. What was being formed under another is thrown away.
    pub fn begin(
        &mut self,
        partition: &Partition,
        generation: &Generation,
        (position, deliver_from): (i64, i64),
        stop: Option<i64>,
    ) {
        let forming = Forming {
            generation: generation.clone(),
            start: position,
            next: position,
            deliver_from,
            stop: stop.unwrap_or(i64::MAX),
            raw: RawRecords::new(partition.clone()),
            bytes: 0,
            since: Duration::ZERO,
        };
        self.forming.insert(partition.clone(), forming);
    }

    /// Throws away what was being formed, and forgets the partition.
    pub fn discard(&mut self, partition: &Partition) {
        self.forming.remove(partition);
        self.full
            .retain(|batch| batch.receipt.partition != *partition);
    }

    /// The way in for neighbouring records of a partition; none where no generation has begun.
    pub fn run(&mut self, partition: &Partition, now: Duration) -> Option<Slot<'_>> {
        Some(Slot {
            limits: self.limits,
            forming: self.forming.get_mut(partition)?,
            full: &mut self.full,
            begun: false,
            now,
        })
    }

    /// The client is at `position`, and gave all records before it.
    pub fn idle(&mut self, partition: &Partition, position: i64) -> Idle {
        let Some(forming) = self.forming.get_mut(partition) else {
            return Idle::Still;
        };
        let position = match forming.is_replay() {
            // What lies beyond is for the next batch, which settle knows.
            true => position.min(forming.stop).min(forming.deliver_from),
            false => position.min(forming.stop),
        };
        if position <= forming.next || forming.generation.has_ended() {
            return Idle::Still;
        }
        forming.next = position;
        if !forming.raw.is_empty() {
            return Idle::Extended;
        }
        forming.start = position;
        if position <= forming.deliver_from {
            return Idle::Still;
        }
        Idle::Advanced(position)
    }

    /// Makes batches of what has waited long enough.
    pub fn expire(&mut self, now: Duration) {
        let linger = self.limits.linger;
        for forming in self.forming.values_mut() {
            if !forming.raw.is_empty() && now.saturating_sub(forming.since) >= linger {
                self.full.extend(forming.emit());
            }
        }
    }

    /// When the next batch will have waited long enough.
    pub fn deadline(&self) -> Option<Duration> {
        let waiting = self.forming.values().filter(|f| !f.raw.is_empty());
        waiting
            .map(|f| f.since.saturating_add(self.limits.linger))
            .min()
    }

    /// The next full batch; those of one partition in order. Batches of generations that have ended are
    /// thrown away.
    pub fn pop(&mut self) -> Option<Batch> {
        while let Some(batch) = self.full.pop_front() {
            if !batch.receipt.generation.has_ended() {
                return Some(batch);
            }
        }
        None
    }

    /// The end of what was read; none where no generation has begun.
    pub fn next(&self, partition: &Partition) -> Option<i64> {
        self.forming.get(partition).map(|f| f.next)
    }

    /// Where a partition stands, if all that was read of it has left and nothing is only to be remembered any more.
    pub fn at_rest(&self, partition: &Partition) -> Option<i64> {
        let forming = self.forming.get(partition)?;
        let rests = forming.raw.is_empty() && forming.next >= forming.deliver_from;
        rests.then_some(forming.next)
    }

    /// Whether a partition was read up to its end and nothing of it is left here.
    pub fn is_at_end(&self, partition: &Partition) -> bool {
        let at_end = |f: &Forming| f.next >= f.stop && f.raw.is_empty();
        self.forming.get(partition).is_some_and(at_end)
    }

    /// Bytes that the batch being formed keeps in memory.
    pub fn weight(&self, partition: &Partition) -> usize {
        self.forming.get(partition).map_or(0, |f| f.raw.weight())
    }
}

// === impl Slot ===

impl Slot<'_> {
    /// Takes one record: copies it, or says why not.
    pub fn push<'h>(
        &mut self,
        record: RawRecord<'_>,
        headers: impl Iterator<Item = (&'h str, Option<&'h [u8]>)> + Clone,
    ) -> Feedback {
        let begun = std::mem::replace(&mut self.begun, true);
        if self.forming.generation.has_ended() {
            return Feedback::Stale;
        }
        if record.offset < self.forming.next {
            return if begun {
                Feedback::Repeated
            } else {
                Feedback::JumpedBack
            };
        }
        if record.offset >= self.forming.stop {
            return self.reach_end();
        }
        let bytes = size(&record, headers.clone());
        let is_full = self.forming.bytes.saturating_add(bytes) > self.limits.bytes;
        if is_full || self.forming.is_cut_before(record.offset) {
            self.full.extend(self.forming.emit());
        }
        self.forming.take(record, headers, bytes, self.now);
        if self.forming.raw.len() >= self.limits.records || self.forming.bytes >= self.limits.bytes
        {
            self.full.extend(self.forming.emit());
        }
        Feedback::Taken
    }

    // Compaction may have left nothing between the last record and the end.
    fn reach_end(&mut self) -> Feedback {
        self.forming.next = self.forming.next.max(self.forming.stop);
        Feedback::AfterEnd
    }
}

fn size<'h>(
    record: &RawRecord<'_>,
    headers: impl Iterator<Item = (&'h str, Option<&'h [u8]>)>,
) -> usize {
    let headers = headers.map(|(name, value)| name.len() + value.map_or(0, <[u8]>::len));
    record.value.map_or(0, <[u8]>::len) + record.key.map_or(0, <[u8]>::len) + headers.sum::<usize>()
}

// === impl Forming ===

impl Forming {
    fn take<'h>(
        &mut self,
        record: RawRecord<'_>,
        headers: impl Iterator<Item = (&'h str, Option<&'h [u8]>)>,
        bytes: usize,
        now: Duration,
    ) {
        if self.raw.is_empty() {
            self.since = now;
        }
        self.next = record.offset.saturating_add(1);
        self.bytes += bytes;
        self.raw.push(record, headers);
    }

    /// Whether the batch holds what is to be remembered, and the next record is to be delivered.
    fn is_cut_before(&self, offset: i64) -> bool {
        offset >= self.deliver_from && self.is_replay()
    }

    fn is_replay(&self) -> bool {
        let first = self.raw.offset.first();
        first.is_some_and(|first| *first < self.deliver_from)
    }

    fn emit(&mut self) -> Option<Batch> {
        if self.raw.is_empty() {
            return None;
        }
        let (purpose, start) = match self.is_replay() {
            true => (Purpose::Remember, self.start),
            // Settle knows nothing of what lies below.
            false => (Purpose::Deliver, self.start.max(self.deliver_from)),
        };
        let empty = reserved(&self.raw);
        let mut raw = std::mem::replace(&mut self.raw, empty);
        // The gauge counts bytes used; room that is not must stay small.
        raw.bytes.shrink_to(raw.bytes.len() + raw.bytes.len() / 8);
        let receipt = Receipt {
            partition: raw.partition.clone(),
            generation: self.generation.clone(),
            start,
            end: self.next,
        };
        self.start = self.next;
        self.bytes = 0;
        Some(Batch {
            receipt,
            raw,
            purpose,
        })
    }
}

/// Batches of one partition are much alike, so the next one gets the room that this one took.
fn reserved(last: &RawRecords) -> RawRecords {
    let mut raw = RawRecords::new(last.partition.clone());
    raw.bytes.reserve(last.bytes.len());
    raw.offset.reserve(last.len());
    raw.timestamp_ms.reserve(last.len());
    raw.value.reserve(last.len());
    raw.key.reserve(last.len());
    raw.header_end.reserve(last.len());
    raw
}

#[cfg(test)]
mod tests;
