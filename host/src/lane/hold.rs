//! What a lane does while it must not go on: nothing, without losing anything.

use super::Memory;
use crate::guests::Broken;
use crate::model::{Leg, Work};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

/// How often it is looked whether the batches are still waited for.
const HOLD_INTERVAL: Duration = Duration::from_millis(100);
/// How often it is looked whether there is room.
const ROOM_INTERVAL: Duration = Duration::from_millis(5);

/// Why a lane must not go on.
pub(super) struct Stuck {
    pub(super) broken: Broken,
    /// The batch at which the plugin broke; none where it broke at no batch.
    pub(super) leg: Option<Leg>,
}

impl Stuck {
    pub(super) fn at(leg: Leg, broken: Broken) -> Self {
        let leg = Some(leg);
        Stuck { broken, leg }
    }
}

impl From<Broken> for Stuck {
    fn from(broken: Broken) -> Self {
        Stuck { broken, leg: None }
    }
}

/// Waits while too much is in flight and outputs have some of it, so that what plugins add to their records
/// keeps the sum too. What only waits for lanes is no reason: nobody else would make it less.
pub(super) fn until_there_is_room(leg: &Leg, max_bytes: usize) {
    while leg.is_over(max_bytes) && !leg.is_cancelled() {
        std::thread::park_timeout(ROOM_INTERVAL);
    }
}

/// Keeps what came to a broken plugin, the first of it `leg`, unsettled until nobody waits for it, or the lane ends.
pub(super) fn hold(leg: Option<Leg>, queue: &Receiver<Work>, memory: Option<&Memory>) {
    let mut held: Vec<Leg> = leg.into_iter().collect();
    loop {
        match queue.recv_timeout(HOLD_INTERVAL) {
            Ok(Work::Batch(batch)) => held.push(batch.leg),
            Ok(Work::Save(partition)) => {
                // What was kept last still stands.
                if let Some(memory) = memory {
                    memory.keeper.saved(&partition);
                }
            }
            Ok(Work::Begin(_) | Work::Forget(_)) => {}
            Err(RecvTimeoutError::Timeout) => held.retain(|leg| !leg.is_cancelled()),
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}
