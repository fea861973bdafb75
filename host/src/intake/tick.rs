//! Time goes by for partitions of which nothing comes: plugins that wait for what does *not* happen are told.
//!
//! A tick is a batch without records: its range is empty, at the partition's position, and settle knows it before the
//! lane has it. A partition has at most one under way. It ticks only as far as Kafka has said that there was nothing
//! more to read: while Kafka does not answer, or the partition is behind, its time stands still.

use super::run::Session;
use super::tenancy::State;
use super::{Intake, Lanes, Settle};
use crate::model::{Leg, Purpose, RawBatch, RawRecords, Receipt};

/// A partition's clock stays so far behind the wall, so that records that were sent before may still come.
const BEHIND_MS: u64 = 2_000;
/// What a tick weighs in flight: its receipt and its place in queues, about.
const WEIGHT_BYTES: usize = 256;

impl<S: Settle, L: Lanes> Intake<S, L> {
    /// Ticks where the end of the log has been seen since the last time.
    pub(super) fn tick(&mut self, session: &mut Session) {
        if !self.settings.ticks {
            return;
        }
        for (partition, owned) in &mut session.tenancy.owned {
            let is_quiet = owned.state == State::Reading && owned.gauge.partition_bytes() == 0;
            let (Some(generation), true) = (&owned.generation, is_quiet) else {
                continue;
            };
            let Some((end, as_of_ms)) = session.watch.end_as_of(partition) else {
                continue;
            };
            let position = self.batcher.at_rest(partition).filter(|at| *at >= end);
            let (Some(position), true) = (position, as_of_ms > owned.ticked_ms) else {
                continue;
            };
            owned.ticked_ms = as_of_ms;
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
