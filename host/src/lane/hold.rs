//! What a lane does while it must not go on: nothing, without losing anything.

use crate::model::{Leg, RawBatch};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

/// How often it is looked whether the batches are still waited for.
const HOLD_INTERVAL: Duration = Duration::from_millis(100);
/// How often it is looked whether there is room.
const ROOM_INTERVAL: Duration = Duration::from_millis(5);

/// Waits while too much is in flight and outputs have some of it, so that what plugins add to their records
/// keeps the sum too. What only waits for lanes is no reason: nobody else would make it less.
pub(super) fn until_there_is_room(leg: &Leg, max_bytes: usize) {
    while leg.is_over(max_bytes) && !leg.is_cancelled() {
        std::thread::park_timeout(ROOM_INTERVAL);
    }
}

/// Keeps what came to a broken plugin unsettled until nobody waits for it, or the lane ends.
pub(super) fn hold(leg: Leg, batches: &Receiver<RawBatch>) {
    let mut held = vec![leg];
    loop {
        match batches.recv_timeout(HOLD_INTERVAL) {
            Ok(RawBatch { leg }) => held.push(leg),
            Err(RecvTimeoutError::Timeout) => held.retain(|leg| !leg.is_cancelled()),
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}
