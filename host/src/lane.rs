//! The hot path: one lane takes one batch from raw bytes to export requests.
//!
//! A lane belongs to one pipeline, owns an instance of each of its plugins and runs on a thread of its
//! own, so that nothing on a record's path takes a lock. Batches of one partition always go to the same
//! lane: that keeps their order. A lane whose plugin is broken holds what it has, delivers nothing more
//! and says so; it never drops a batch that somebody still waits for.

mod destination;
mod hold;

pub use destination::Destination;

use crate::guests::{Broken, Chain};
use crate::model::{Facts, Leg, RawBatch};
use std::sync::mpsc::Receiver;

/// What a lane is made of.
pub struct Lane {
    /// What Kafka tells of a record, as attributes.
    pub facts: Facts,
    /// The plugins.
    pub chain: Chain,
    /// Where records go: first those that no plugin routed, then each route.
    pub destinations: Vec<Destination>,
    /// Told once when a plugin is broken.
    pub on_broken: Box<dyn FnMut(&Broken) + Send>,
}

impl Lane {
    /// Works until the other end of the queue is gone.
    pub fn run(mut self, batches: &Receiver<RawBatch>) {
        while let Ok(RawBatch { leg }) = batches.recv() {
            // Nobody waits for it any more: not to be closed, for it was not delivered.
            if leg.is_cancelled() {
                continue;
            }
            match self.take(&leg) {
                Ok(()) => leg.close(),
                Err(broken) => {
                    (self.on_broken)(&broken);
                    return hold::hold(leg, batches);
                }
            }
        }
    }

    /// One batch, from raw bytes to requests.
    fn take(&mut self, leg: &Leg) -> Result<(), Broken> {
        let Some(raw) = leg.raw() else { return Ok(()) };
        let columns = self.facts.columns(raw);
        let answer = self.chain.run(raw, columns)?;
        for (route, destination) in self.destinations.iter().enumerate() {
            destination.send(leg, raw, &answer, route as u32);
        }
        leg.dropped(answer.dropped);
        for (input, reason) in answer.dead {
            leg.refuse(input, reason);
        }
        Ok(())
    }
}
