//! One answer for each batch, whatever becomes of it.

use super::{Held, Partition, RawRecords, Receipt};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

#[cfg(test)]
mod tests;

/// Takes the one answer that comes back for a batch. It must not block.
pub trait Door: Send + Sync {
    /// The last leg of a batch is gone.
    fn answer(&self, outcome: Outcome);
}

/// What became of a batch.
#[derive(Debug)]
pub struct Outcome {
    /// Which batch.
    pub receipt: Receipt,
    /// Its records as Kafka gave them.
    pub raw: RawRecords,
    /// How it ended.
    pub end: End,
    /// Its bytes count as in flight until the batch is settled.
    pub held: Held,
}

/// How a batch ended.
#[derive(Debug, PartialEq)]
pub enum End {
    /// Every leg was closed: each input has a fate. What is neither dead nor dropped was delivered.
    Closed(Fates),
    /// A leg was dropped without having been closed: not delivered, to be read again.
    Abandoned,
    /// The batch's generation ended before all its legs were closed: nobody waits for it any more.
    Cancelled,
}

/// What became of single inputs; the others were delivered.
#[derive(Debug, Default, PartialEq)]
pub struct Fates {
    /// How many inputs were left out on purpose, with no descendant delivered or refused.
    pub dropped: usize,
    /// Inputs to be dead-lettered, by their number in the batch, once each.
    pub dead: BTreeMap<u32, DeadReason>,
}

/// Why an input goes to the dead letters.
#[derive(Clone, Debug, PartialEq)]
pub struct DeadReason {
    /// The name of the plugin or output that refused it.
    pub by: Arc<str>,
    /// The plugin's version; empty for an output.
    pub version: Arc<str>,
    /// One sentence for people.
    pub reason: String,
    /// Whether it, or a part of it, may have been delivered too.
    pub maybe_delivered: bool,
}

/// A batch's hold on its receipt. Every request and every output that carries a part of the batch has a
/// leg of its own; the batch is settled when all are gone.
#[derive(Debug)]
pub struct Leg {
    open: Arc<Open>,
    closed: bool,
}

struct Open {
    // Some until the last leg is gone.
    parts: Option<(Receipt, RawRecords, Held)>,
    door: Arc<dyn Door>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    fates: Fates,
    unclosed: bool,
}

impl Leg {
    /// The first leg of a batch.
    pub fn open(receipt: Receipt, raw: RawRecords, held: Held, door: Arc<dyn Door>) -> Leg {
        let open = Open {
            parts: Some((receipt, raw, held)),
            door,
            state: Mutex::new(State::default()),
        };
        Leg {
            open: Arc::new(open),
            closed: false,
        }
    }

    /// One more leg of the same batch.
    pub fn fork(&self) -> Leg {
        Leg {
            open: self.open.clone(),
            closed: false,
        }
    }

    /// The batch's records as Kafka gave them; none never happens while a leg is held.
    pub fn raw(&self) -> Option<&RawRecords> {
        self.open.parts.as_ref().map(|(_, raw, _)| raw)
    }

    /// The partition that the batch is of.
    pub fn partition(&self) -> Option<&Partition> {
        self.raw().map(|raw| &raw.partition)
    }

    /// Whether nobody waits for this batch any more: its generation has ended.
    pub fn is_cancelled(&self) -> bool {
        self.open
            .parts
            .as_ref()
            .is_none_or(|(receipt, _, _)| receipt.generation.has_ended())
    }

    /// So many inputs were left out on purpose.
    pub fn dropped(&self, inputs: usize) {
        self.open.state().fates.dropped += inputs;
    }

    /// An input goes to the dead letters; the first reason stands.
    pub fn refuse(&self, input: u32, reason: DeadReason) {
        self.open.state().fates.dead.entry(input).or_insert(reason);
    }

    /// What this leg carried has been delivered or refused.
    pub fn close(mut self) {
        self.closed = true;
    }
}

impl Drop for Leg {
    fn drop(&mut self) {
        if !self.closed {
            self.open.state().unclosed = true;
        }
    }
}

impl Open {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Open {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Open")
            .field("receipt", &self.parts.as_ref().map(|p| &p.0))
            .finish()
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        let state = std::mem::take(&mut *self.state());
        if let Some((receipt, raw, held)) = self.parts.take() {
            let end = match state {
                State {
                    unclosed: false,
                    fates,
                } => End::Closed(fates),
                _ if receipt.generation.has_ended() => End::Cancelled,
                _ => End::Abandoned,
            };
            self.door.answer(Outcome {
                receipt,
                raw,
                end,
                held,
            });
        }
    }
}
