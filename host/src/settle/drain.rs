//! A wait for what some partitions have started, until a limit: for a revocation or a clean stop.

use super::handle::Finished;
use super::ledger::{Due, Ledger};
use super::memory::Memories;
use crate::model::Partition;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::Instant;

/// A drain under way. Generations that end meanwhile (lost, abandoned) have nothing open any more.
pub(super) struct Drain {
    /// The partitions, and the generations that end with the drain.
    pub(super) partitions: Vec<(Partition, u64)>,
    pub(super) reply: Reply,
    deadline: Instant,
    not_before: Instant,
}

/// Who is answered.
pub(super) enum Reply {
    Revoke(oneshot::Sender<()>),
    Finish(oneshot::Sender<Finished>),
}

impl Drain {
    /// Partitions that are not ours are passed over.
    pub(super) fn new(
        partitions: &[Partition],
        ledger: &Ledger,
        limit: Duration,
        reply: Reply,
    ) -> Self {
        let now = Instant::now();
        let ours = |p: &Partition| Some((p.clone(), ledger.generation(p)?));
        Drain {
            partitions: partitions.iter().filter_map(ours).collect(),
            reply,
            // A limit beyond what the clock can hold is no wait rather than a panic.
            deadline: now.checked_add(limit).unwrap_or(now),
            not_before: now,
        }
    }

    /// Batches that it still waits for.
    pub(super) fn open(&self, ledger: &Ledger) -> usize {
        let open = |(p, generation): &(Partition, u64)| ledger.open(p, *generation);
        self.partitions.iter().map(open).sum()
    }

    /// When it has waited long enough, as things are.
    pub(super) fn wakes_at(&self, ledger: &Ledger, memory: &Memories) -> Instant {
        let mut partitions = self.partitions.iter();
        let waits = |p: &Partition| memory.is_asked(p) || memory.is_writing(p);
        if self.open(ledger) == 0 && !partitions.any(|(p, _)| waits(p)) {
            self.not_before
        } else {
            self.not_before.max(self.deadline)
        }
    }

    /// Whether anything that plugins remember is on its way to where it is kept, and there is time for it.
    pub(super) fn is_writing(&self, memory: &Memories) -> bool {
        let mut partitions = self.partitions.iter();
        Instant::now() < self.deadline && partitions.any(|(p, _)| memory.is_writing(p))
    }

    /// After a failed commit: whether there is time for another one at `when`. A revocation never waits for
    /// one: the partition may be somebody else's already, and then it fails again.
    pub(super) fn postpone(&mut self, when: Instant) -> bool {
        let again = matches!(self.reply, Reply::Finish(_)) && when < self.deadline;
        if again {
            self.not_before = when;
        }
        again
    }

    /// Whether it is about this.
    pub(super) fn has(&self, due: &Due) -> bool {
        let mut partitions = self.partitions.iter();
        partitions.any(|(p, generation)| *p == due.partition && *generation == due.generation)
    }
}

impl Finished {
    pub(super) fn of(open: usize, uncommitted: usize) -> Self {
        match (open, uncommitted) {
            (0, 0) => Finished::Settled,
            _ => Finished::Left { open, uncommitted },
        }
    }
}
