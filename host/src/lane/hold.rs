//! What a lane does once one of its plugins is broken: nothing, without losing anything.

use crate::model::{Leg, RawBatch};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

/// How often it is looked whether the batches are still waited for.
const HOLD_INTERVAL: Duration = Duration::from_millis(100);

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
