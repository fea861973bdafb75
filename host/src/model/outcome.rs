//! One answer for each batch, whatever becomes of it.

use super::{Finding, Held, Partition, RawRecords, Receipt};
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
    /// The batch's generation drained or ended before all its legs were closed: nobody waits for it any more.
    Cancelled,
}

/// What became of single inputs, the others were delivered; and of findings.
#[derive(Debug, Default, PartialEq)]
pub struct Fates {
    /// How many inputs were left out on purpose, with no descendant delivered or refused.
    pub dropped: usize,
    /// Inputs to be dead-lettered, by their number in the batch, once each.
    pub dead: BTreeMap<u32, DeadReason>,
    /// Alerts and anomalies to be dead-lettered, in the order in which they were raised.
    pub dead_findings: Vec<(Finding, DeadReason)>,
    /// How many alerts an output took and none refused.
    pub alerts: usize,
    /// The same of anomalies.
    pub anomalies: usize,
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
    // An input, and the one whose record it went into.
    joined: Vec<(u32, u32)>,
    // Items that outputs took, by leg.
    delivered: Vec<Vec<u32>>,
    // What the batch's plugins raised: items behind those of the inputs.
    findings: Vec<Finding>,
    unclosed: bool,
}

impl Fates {
    /// Whether something is to be dead-lettered.
    pub fn has_dead(&self) -> bool {
        !self.dead.is_empty() || !self.dead_findings.is_empty()
    }
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

    /// Whether nobody waits for this batch any more: its generation drains or has ended.
    pub fn is_cancelled(&self) -> bool {
        self.open
            .parts
            .as_ref()
            .is_none_or(|(receipt, _, _)| receipt.generation.is_draining())
    }

    /// The plugins are done with the batch: from now on it is its raw records, and so many encoded bytes that
    /// wait for outputs.
    pub fn encoded(&self, bytes: usize) {
        if let Some((_, raw, held)) = &self.open.parts {
            held.count(raw.weight().saturating_add(bytes), bytes);
        }
    }

    /// Whether more than `max` bytes of the pipeline are in flight, and outputs have some of them.
    pub fn is_over(&self, max: usize) -> bool {
        let parts = self.open.parts.as_ref();
        parts.is_some_and(|(_, _, held)| held.is_over(max))
    }

    /// So many inputs were left out on purpose.
    pub fn dropped(&self, inputs: usize) {
        self.open.state().fates.dropped += inputs;
    }

    /// Inputs went into the records of others: pairs of an input and its giver, whose fate it shares.
    pub fn joined(&self, pairs: Vec<(u32, u32)>) {
        self.open.state().joined.extend(pairs);
    }

    /// What the batch's plugins raised, all of it, in the order by which its items are numbered. To be told before the
    /// leg is closed that the plugins' answer came with; once.
    pub fn findings(&self, findings: Vec<Finding>) {
        self.open.state().findings = findings;
    }

    /// An item (see [`Chunk::inputs`](super::Chunk)) goes to the dead letters; the first reason stands.
    pub fn refuse(&self, item: u32, reason: DeadReason) {
        let mut state = self.open.state();
        let maybe_delivered = reason.maybe_delivered;
        let dead = state.fates.dead.entry(item).or_insert(reason);
        dead.maybe_delivered |= maybe_delivered;
    }

    /// An output took these items: if another refuses some, their dead letters say so.
    pub fn delivered(&self, items: Vec<u32>) {
        self.open.state().delivered.push(items);
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

impl State {
    /// What became of every input and finding, now that all legs have said what they know.
    fn fates(self, inputs: usize) -> Fates {
        let mut fates = self.fates;
        if fates.dead.is_empty() && self.findings.is_empty() {
            return fates;
        }
        let first_finding = u32::try_from(inputs).unwrap_or(u32::MAX);
        let mut taken = vec![false; self.findings.len()];
        for item in self.delivered.iter().flatten() {
            if let Some(dead) = fates.dead.get_mut(item) {
                dead.maybe_delivered = true;
            }
            let finding = item.checked_sub(first_finding).map(|n| n as usize);
            if let Some(taken) = finding.and_then(|n| taken.get_mut(n)) {
                *taken = true;
            }
        }
        let mut refused = fates.dead.split_off(&first_finding);
        let numbered = (first_finding..).zip(self.findings).zip(taken);
        for ((item, finding), is_taken) in numbered {
            match (refused.remove(&item), is_taken, finding.is_alert()) {
                (Some(reason), ..) => fates.dead_findings.push((finding, reason)),
                (None, true, true) => fates.alerts += 1,
                (None, true, false) => fates.anomalies += 1,
                (None, false, _) => {}
            }
        }
        // Later joins say more of earlier ones.
        for (input, giver) in self.joined.iter().rev() {
            if let Some(reason) = fates.dead.get(giver).cloned() {
                fates.dead.entry(*input).or_insert(reason);
            }
        }
        fates
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
            let end = match state.unclosed {
                false => End::Closed(state.fates(raw.len())),
                true if receipt.generation.is_draining() => End::Cancelled,
                true => End::Abandoned,
            };
            let dead: usize = match &end {
                End::Closed(fates) => fates.dead_findings.iter().map(|(f, _)| f.weight()).sum(),
                End::Abandoned | End::Cancelled => 0,
            };
            held.count(raw.weight().saturating_add(dead), 0);
            self.door.answer(Outcome {
                receipt,
                raw,
                end,
                held,
            });
        }
    }
}
