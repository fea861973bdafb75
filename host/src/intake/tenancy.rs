//! Which partitions are ours, and how far each is on its way: held, read, done.
//!
//! Owned by the poll loop. A partition is *held* (paused) from its assignment until its place has been looked
//! up by a task that the loop does not wait for, and again whenever its place is in doubt.

use super::placement::{Found, Wanted};
use super::run::Retry;
use super::tick::Rest;
use crate::model::{Gauge, Generation, Partition};
use std::collections::BTreeMap;
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// The partitions that are ours under one consumer.
#[derive(Default)]
pub(super) struct Tenancy {
    pub(super) owned: BTreeMap<Partition, Owned>,
    // An assignment was seen, be it an empty one.
    pub(super) is_assigned: bool,
    tenures: u64,
    looking: Option<Looking>,
    look_at: Option<Instant>,
    pub(super) retry: Retry,
    pub(super) surveyed: Option<Instant>,
}

/// Places that are being looked up.
struct Looking {
    task: JoinHandle<Vec<Found>>,
    /// Of which partitions and tenures.
    asked: Vec<(Partition, u64)>,
}

/// One of them.
pub(super) struct Owned {
    pub(super) gauge: Gauge,
    pub(super) state: State,
    // Counts the times that this partition was held: what was looked up for another time is void.
    pub(super) tenure: u64,
    pub(super) generation: Option<Generation>,
    // Where reading goes on once it is placed; what is committed decides where this is none.
    resume: Option<i64>,
    // Where the generation began.
    pub(super) floor: i64,
    // Where it rests and how far time went by there.
    pub(super) rest: Rest,
    // Why it has no place yet.
    pub(super) trouble: Option<String>,
}

/// Whether it is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// Paused until it is placed.
    Held,
    /// Records come.
    Reading,
    /// Read up to its end; paused for good.
    Done,
}

// === impl Tenancy ===

impl Tenancy {
    pub(super) fn own(&mut self, partition: Partition, gauge: Gauge) {
        self.tenures += 1;
        let owned = Owned {
            gauge,
            state: State::Held,
            tenure: self.tenures,
            generation: None,
            resume: None,
            floor: 0,
            rest: Rest::default(),
            trouble: None,
        };
        self.owned.insert(partition, owned);
    }

    pub(super) fn hold(&mut self, partition: &Partition, resume: i64) {
        self.tenures += 1;
        if let Some(owned) = self.owned.get_mut(partition) {
            owned.state = State::Held;
            owned.resume = Some(resume);
            owned.tenure = self.tenures;
        }
    }

    /// What waits for its place, if it is time to look for it.
    pub(super) fn wanted(&mut self) -> Vec<Wanted> {
        self.give_up_looking();
        if self.looking.is_some() || self.look_at.is_some_and(|at| Instant::now() < at) {
            return Vec::new();
        }
        // One whose generation settle has ended waits for settle to say where to go on.
        let held = self
            .owned
            .iter()
            .filter(|(_, o)| o.state == State::Held && !o.has_ended());
        held.map(|(partition, owned)| Wanted {
            partition: partition.clone(),
            tenure: owned.tenure,
            resume: owned.resume,
            begins: owned.generation.is_none(),
        })
        .collect()
    }

    /// From now on these places are looked up by a task.
    pub(super) fn look(&mut self, asked: Vec<(Partition, u64)>, task: JoinHandle<Vec<Found>>) {
        self.looking = Some(Looking { task, asked });
    }

    /// What nobody waits for any more must not keep others waiting: it may hang on a broker for long.
    fn give_up_looking(&mut self) {
        let waits = |(partition, tenure): &(Partition, u64)| {
            let owned = self.owned.get(partition);
            owned.is_some_and(|o| o.tenure == *tenure)
        };
        let is_void = |looking: &mut Looking| !looking.asked.iter().any(waits);
        if let Some(looking) = self.looking.take_if(is_void) {
            looking.task.abort();
        }
    }

    /// What was looked up, once it is there.
    pub(super) async fn found(&mut self) -> Vec<Found> {
        match self.looking.take_if(|looking| looking.task.is_finished()) {
            Some(looking) => looking.task.await.unwrap_or_default(),
            None => Vec::new(),
        }
    }

    pub(super) fn look_later(&mut self) {
        self.look_at = Some(Instant::now() + self.retry.next());
    }
}

impl Drop for Tenancy {
    fn drop(&mut self) {
        if let Some(looking) = &self.looking {
            looking.task.abort();
        }
    }
}

// === impl Owned ===

impl Owned {
    pub(super) fn has_ended(&self) -> bool {
        self.generation.as_ref().is_some_and(Generation::has_ended)
    }

    pub(super) fn end(&self) {
        if let Some(generation) = &self.generation {
            generation.end();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// *Scenario:* the place of one of two partitions is looked up by a task that hangs; then the partition is taken away
    /// and comes back.
    /// *Guarantees:* while one waits for the task nothing else is looked up; nobody waits for it any more: it is ended, and
    /// both are looked up.
    #[tokio::test]
    async fn nobody_waits_for_what_nobody_wants() {
        let partitions = [Partition::new("logs", 0), Partition::new("logs", 1)];
        let mut tenancy = Tenancy::default();
        tenancy.own(partitions[0].clone(), Gauge::default());
        let asked = tenancy.wanted();
        let asked = asked.into_iter().map(|w| (w.partition, w.tenure)).collect();
        let task = tokio::spawn(std::future::pending());
        let ended = task.abort_handle();
        tenancy.look(asked, task);
        tenancy.own(partitions[1].clone(), Gauge::default());
        assert!(tenancy.wanted().is_empty(), "one at a time");
        tenancy.owned.remove(&partitions[0]);
        tenancy.own(partitions[0].clone(), Gauge::default());
        let wanted: Vec<_> = tenancy.wanted().into_iter().map(|w| w.partition).collect();
        assert_eq!(wanted, partitions);
        tokio::task::yield_now().await;
        assert!(ended.is_finished());
    }
}
