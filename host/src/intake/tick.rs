//! Time goes by for partitions of which nothing comes: plugins that wait for what does *not* happen are told.
//!
//! A tick is a batch without records: its range is empty, at the partition's position, and settle knows it before the
//! lane has it. A partition has at most one under way.

use super::run::Session;
use super::tenancy::State;
use super::{Intake, Lanes, Settle};
use crate::model::{Leg, Purpose, RawBatch, RawRecords, Receipt};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::time::Instant;

/// How often.
const INTERVAL: Duration = Duration::from_secs(1);
/// A partition is quiet when nothing has come for so long; its clock stays so far behind the wall, so that records
/// that were sent before may still come.
pub(super) const QUIET: Duration = Duration::from_secs(2);
/// What a tick weighs in flight: its receipt and its place in queues, about.
const WEIGHT_BYTES: usize = 256;

impl<S: Settle, L: Lanes> Intake<S, L> {
    /// Ticks, if it is time.
    pub(super) fn tick(&mut self, session: &mut Session) {
        let now = Instant::now();
        let is_due = session.tenancy.ticked.is_none_or(|at| now - at >= INTERVAL);
        if !self.settings.ticks || !is_due {
            return;
        }
        session.tenancy.ticked = Some(now);
        let wall = SystemTime::now().duration_since(UNIX_EPOCH);
        let quiet_until = wall.unwrap_or_default().saturating_sub(QUIET);
        let now_ms = u64::try_from(quiet_until.as_millis()).unwrap_or(u64::MAX);
        for (partition, owned) in &session.tenancy.owned {
            let is_quiet = owned.state == State::Reading
                && owned.is_caught_up
                && now - owned.last_record >= QUIET
                && owned.gauge.partition_bytes() == 0;
            let (Some(generation), true) = (&owned.generation, is_quiet) else {
                continue;
            };
            let Some(position) = self.batcher.at_rest(partition) else {
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
            let purpose = Purpose::Tick { now_ms };
            self.lanes.dispatch(partition, RawBatch { leg, purpose });
        }
    }
}
