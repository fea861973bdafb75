//! Records as they came: with their places and what the clock said.

use crate::batch::{Batch, Record};
use crate::finding::{Moment, Position};
use std::ops::Range;

/// The records of a batch that came within one second of the shard's clock.
#[derive(Clone)]
pub struct Arrivals<'a> {
    columns: Columns<'a>,
    next: usize,
    end: usize,
}

/// The batch, and what stands beside it.
#[derive(Clone, Copy)]
pub(crate) struct Columns<'a> {
    batch: Batch<'a>,
    // One entry a record.
    position: &'a [u32],
    // The low and the high half, a record.
    clock: &'a [u32],
}

// === impl Columns ===

impl<'a> Columns<'a> {
    /// # Panics
    /// If a column is too short: the gateway promises that none is.
    pub(crate) fn new(batch: Batch<'a>, position: &'a [u32], clock: &'a [u32]) -> Self {
        let records = batch.len();
        assert!(
            position.len() == records && clock.len() == 2 * records,
            "{} positions and {} halves of the clock for {records} records",
            position.len(),
            clock.len(),
        );
        Columns {
            batch,
            position,
            clock,
        }
    }

    pub(crate) fn len(self) -> usize {
        self.batch.len()
    }

    /// What the clock said when a record came.
    #[inline]
    pub(crate) fn now(self, record: usize) -> u64 {
        u64::from(self.clock[2 * record]) | u64::from(self.clock[2 * record + 1]) << 32
    }

    /// The end of the stretch of records that came in the same second as this one.
    #[inline]
    pub(crate) fn same_second(self, from: usize) -> usize {
        let second = self.now(from) / 1000;
        // Mostly the whole rest; the clock never goes back.
        if self.now(self.len() - 1) / 1000 == second {
            return self.len();
        }
        let mut end = from + 1;
        while self.now(end) / 1000 == second {
            end += 1;
        }
        end
    }

    #[inline]
    pub(crate) fn arrivals(self, records: Range<usize>) -> Arrivals<'a> {
        Arrivals {
            columns: self,
            next: records.start,
            end: records.end,
        }
    }
}

// === impl Arrivals ===

impl<'a> Iterator for Arrivals<'a> {
    type Item = (Record<'a>, Moment);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if self.next == self.end {
            return None;
        }
        let at = self.next;
        self.next += 1;
        let moment = Moment {
            position: Position(self.columns.position[at]),
            now: self.columns.now(at),
        };
        Some((self.columns.batch.get(at)?, moment))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.end - self.next;
        (left, Some(left))
    }
}

impl ExactSizeIterator for Arrivals<'_> {}
