//! Time goes by for partitions of which nothing comes: plugins that wait for what does *not* happen are told.
//!
//! A tick is a batch without records: its range is empty, at the partition's position, and settle knows it before the
//! lane has it. A partition has at most one under way. It ticks only where nothing has come for a while, and as far as
//! Kafka has said that there was nothing more to read: while Kafka does not answer, or the partition is behind, its time
//! stands still.

use super::run::Session;
use super::tenancy::State;
use super::{Intake, Lanes, Settle};
use crate::model::{Leg, Purpose, RawBatch, RawRecords, Receipt};
use std::time::Duration;

/// Nothing has come of a partition for so long before its time goes by without records. Records that are older than
/// the wall clock, of a backlog that another pipeline hands on for example, come with small gaps: in one of them the
/// clock must not run ahead of those that follow.
pub(crate) const QUIET: Duration = Duration::from_secs(10);
/// Ends are looked at every second. Where that did not work for so long a rest begins anew.
const UNSEEN_MAX: Duration = Duration::from_secs(5);
/// A partition's clock stays so far behind the wall, so that records that were sent before may still come.
const BEHIND_MS: u64 = 2_000;
/// What a tick weighs in flight: its receipt and its place in queues, about.
const WEIGHT_BYTES: usize = 256;

/// Where a partition rests: all has been read up to there, and there is no more. Times are Unix milliseconds.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Rest {
    position: Option<i64>,
    since_ms: u64,
    // When the end was looked at last.
    seen_ms: u64,
    ticked_ms: u64,
}

impl Rest {
    /// Whether a tick is due, `position` being the end as it was at `as_of_ms`: once for each look at the end, after
    /// the partition was seen to rest there for `quiet`. A longer time without a look, while Kafka was away, is no rest:
    /// writers could not write either, and what they held back comes now.
    fn is_due(&mut self, position: i64, as_of_ms: u64, quiet: Duration) -> bool {
        let at_least = |ms: u64, time: Duration| u128::from(ms) >= time.as_millis();
        let unseen = as_of_ms.saturating_sub(self.seen_ms);
        if self.position != Some(position) || at_least(unseen, UNSEEN_MAX) {
            (self.position, self.since_ms) = (Some(position), as_of_ms);
        }
        self.seen_ms = as_of_ms;
        let rested = as_of_ms.saturating_sub(self.since_ms);
        let due = as_of_ms > self.ticked_ms && at_least(rested, quiet);
        if due {
            self.ticked_ms = as_of_ms;
        }
        due
    }
}

impl<S: Settle, L: Lanes> Intake<S, L> {
    /// Ticks where the end of the log has been seen since the last time.
    pub(super) fn tick(&mut self, session: &mut Session) {
        let Some(quiet) = self.settings.tick_after else {
            return;
        };
        for (partition, owned) in &mut session.tenancy.owned {
            let is_quiet = owned.state == State::Reading && owned.gauge.partition_bytes() == 0;
            let (Some(generation), true) = (&owned.generation, is_quiet) else {
                continue;
            };
            let Some((end, as_of_ms)) = session.watch.end_as_of(partition) else {
                continue;
            };
            let position = self.batcher.at_rest(partition).filter(|at| *at >= end);
            let Some(position) = position.filter(|at| owned.rest.is_due(*at, as_of_ms, quiet))
            else {
                continue;
            };
            let receipt = Receipt {
                partition: partition.clone(),
                generation: generation.clone(),
                start: position,
                end: position,
            };
            self.settle.begin(&receipt);
            let held = owned.gauge.hold(WEIGHT_BYTES);
            let raw = RawRecords::new(partition.clone());
            let leg = Leg::open(receipt, raw, held, self.door.clone());
            let now_ms = as_of_ms.saturating_sub(BEHIND_MS);
            let purpose = Purpose::Tick { now_ms, position };
            self.lanes.dispatch(partition, RawBatch { leg, purpose });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// *Scenario:* a partition is looked at once in a while, at any position, by a clock that may go back.
        /// *Guarantees:* its time goes by only at a position that was seen for ten seconds, without another and without five
        /// seconds unseen between, and only forward; and it does go by there with the next look.
        #[test]
        fn time_goes_by_only_where_it_is_quiet(
            looks in proptest::collection::vec((0..3_i64, -2_000..6_000_i64), 1..60),
        ) {
            let mut rest = Rest::default();
            let (mut now, mut ticked) = (1_000_000_i64, 0);
            // The position and the times of the looks at it that followed one another.
            let (mut at, mut run) = (-1, Vec::new());
            for (position, passed) in looks {
                now += passed;
                if position != at || run.last().is_some_and(|last| now - last >= 5_000) {
                    (at, run) = (position, Vec::new());
                }
                run.push(now);
                let quiet = now - run[0] >= 10_000;
                let due = rest.is_due(position, now as u64, QUIET);
                prop_assert_eq!(due, quiet && now > ticked);
                if due {
                    ticked = now;
                }
            }
        }
    }
}
