//! The hot path: one lane takes one batch from raw bytes to export requests.
//!
//! A lane belongs to one pipeline, owns an instance of each of its plugins and runs on a thread of its own, so that nothing
//! on a record's path takes a lock. Batches of one partition always go to the same lane: that keeps their order. A lane whose
//! plugin is broken holds what it has, delivers nothing more and says so; it never drops a batch that somebody still waits for.

mod destination;
mod hold;
mod keep;

pub use destination::{Destination, Outlets, Share};
pub use keep::{Keeper, Memory};

use crate::guests::{Answer, Broken, Chain};
use crate::model::{Facts, Finding, Leg, Purpose, RawBatch, Work};
use crate::telemetry::metrics::PipelineMetrics;
use std::sync::mpsc::Receiver;

/// What a lane is made of.
pub struct Lane {
    /// What Kafka tells of a record, as attributes.
    pub facts: Facts,
    /// The plugins.
    pub chain: Chain,
    /// What the plugins remember, where it is kept.
    pub memory: Option<Memory>,
    /// Where records and findings go.
    pub destinations: Vec<Destination>,
    /// With more bytes of the pipeline in flight, some of them at outputs, a lane waits before it takes a batch.
    pub max_in_flight_bytes: usize,
    /// The pipeline's figures.
    pub metrics: PipelineMetrics,
    /// Told once when a plugin is broken.
    pub on_broken: Box<dyn FnMut(&Broken) + Send>,
}

impl Lane {
    /// Works until the other end of the queue is gone.
    pub fn run(mut self, queue: &Receiver<Work>) {
        while let Ok(work) = queue.recv() {
            let done = match work {
                Work::Batch(batch) => self.batch(batch),
                other => self.keep_house(other).map_err(hold::Stuck::from),
            };
            if let Err(hold::Stuck { broken, leg }) = done {
                (self.on_broken)(&broken);
                return hold::hold(leg, queue, self.memory.as_ref());
            }
        }
    }

    /// One batch. Its leg is kept where a plugin broke at it, not where one broke when it was saved afterwards.
    fn batch(&mut self, RawBatch { leg, purpose }: RawBatch) -> Result<(), hold::Stuck> {
        hold::until_there_is_room(&leg, self.max_in_flight_bytes);
        // Nobody waits for it any more: not to be closed, for it was not delivered.
        let partition = match leg.partition() {
            Some(partition) if !leg.is_cancelled() => partition.clone(),
            _ => return Ok(()),
        };
        if let Err(broken) = self.take(&leg, purpose) {
            return Err(hold::Stuck::at(leg, broken));
        }
        leg.close();
        Ok(self.save_if_due(&partition, purpose)?)
    }

    /// One batch, from raw bytes to requests.
    fn take(&mut self, leg: &Leg, purpose: Purpose) -> Result<(), Broken> {
        let Some(raw) = leg.raw() else { return Ok(()) };
        self.chain.set_quiet(purpose == Purpose::Remember);
        let partition = &raw.partition;
        let answer = match purpose {
            Purpose::Tick { now_ms, position } => self.chain.tick(partition, position, now_ms)?,
            Purpose::Deliver | Purpose::Remember => self.chain.run(raw, self.facts.columns(raw))?,
        };
        if purpose != Purpose::Remember {
            self.send(leg, answer);
        }
        Ok(())
    }

    fn send(&self, leg: &Leg, answer: Answer) {
        let Some(raw) = leg.raw() else { return };
        let each = self.destinations.iter();
        let encoded: Vec<_> = each.map(|d| d.encode(raw, &answer)).collect();
        let findings: usize = answer.findings.iter().map(Finding::weight).sum();
        leg.encoded(findings + encoded.iter().map(|e| e.bytes).sum::<usize>());
        for (destination, encoded) in self.destinations.iter().zip(encoded) {
            let json_as_text = encoded.json_as_text as u64;
            self.metrics.json_as_text.inc_by(json_as_text);
            destination.send(leg, encoded);
        }
        leg.findings(answer.findings);
        leg.dropped(answer.dropped);
        leg.joined(answer.joined);
        for (input, reason) in answer.dead {
            leg.refuse(input, reason);
        }
    }
}
