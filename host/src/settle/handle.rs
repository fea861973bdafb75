//! The way to the settle task.
//!
//! Messages go through one unbounded channel in the order in which they were sent, so that a batch is known
//! before its answer comes. What the channel holds is bounded by what is in flight, and that by intake's
//! gauge. Nothing here blocks; when the task has ended, everything is ignored.

use super::ledger::Position;
use super::memory::Kept;
use crate::model::{Door, Generation, Outcome, Partition, Receipt};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};

/// The way to settle, for intake (receipts) and for legs (outcomes). Clones lead to the same task.
#[derive(Clone, Debug)]
pub struct Handle {
    inbox: mpsc::UnboundedSender<Message>,
}

/// The other end of a [`Handle`]: what the settle task reads.
#[derive(Debug)]
pub struct Inbox {
    pub(super) messages: mpsc::UnboundedReceiver<Message>,
}

/// What the settle task is told.
#[derive(Debug)]
pub(super) enum Message {
    Assigned(Partition, Generation, i64, bool),
    Begin(Receipt),
    Idle(Partition, Generation, i64),
    Answer(Box<Outcome>),
    Remembered(Kept),
    Saved(Partition),
    Lost(Vec<Partition>),
    Revoke(Vec<Partition>, Duration, oneshot::Sender<()>),
    Finish(Duration, oneshot::Sender<Finished>),
    Status(oneshot::Sender<Status>),
}

/// How a clean stop went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finished {
    /// All that had been read is done and committed.
    Settled,
    /// The limit came first: what is missing is read again after the next start.
    Left {
        /// Batches that were still on their way.
        open: usize,
        /// Partitions whose last commit failed.
        uncommitted: usize,
    },
}

/// Where settle stands: for lag, readiness and people.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// The partitions that are ours.
    pub positions: Vec<Position>,
    /// Partitions that are held because the dead-letter topic refuses their records, and what it said. While
    /// there is one, the pipeline is not ready.
    pub held: Vec<(Partition, String)>,
}

/// A handle, and the inbox to be given to [`run`](super::run).
pub fn channel() -> (Handle, Inbox) {
    let (inbox, messages) = mpsc::unbounded_channel();
    (Handle { inbox }, Inbox { messages })
}

// === impl Handle ===

impl Handle {
    /// A partition is ours from `position` on, under `generation`. An earlier generation of it ends. Unless
    /// `is_committed`, the position is committed with the next tick.
    pub fn assigned(
        &self,
        partition: &Partition,
        generation: &Generation,
        position: i64,
        is_committed: bool,
    ) {
        self.send(Message::Assigned(
            partition.clone(),
            generation.clone(),
            position,
            is_committed,
        ));
    }

    /// A batch is about to go to a lane. Called before the lane has it.
    pub fn begin(&self, receipt: &Receipt) {
        self.send(Message::Begin(receipt.clone()));
    }

    /// The consumer's position moved to `end` without a record (control records, compaction).
    pub fn idle(&self, partition: &Partition, generation: &Generation, end: i64) {
        self.send(Message::Idle(partition.clone(), generation.clone(), end));
    }

    /// Waits until what these partitions have started is settled, at most `limit`; commits; ends their
    /// generations. Begin no batch of them any more before this is called. Returns at once where nothing is
    /// open and nothing is to be committed; at the latest a [`COMMIT_LIMIT`](super::COMMIT_LIMIT) or two
    /// after `limit`. Partitions that are not ours are passed over. Dropping the future leaves the drain
    /// going on.
    pub async fn revoke(&self, partitions: Vec<Partition>, limit: Duration) {
        self.ask(|reply| Message::Revoke(partitions, limit, reply))
            .await;
    }

    /// The partitions belong to somebody else already: ends their generations, commits nothing.
    pub fn lost(&self, partitions: Vec<Partition>) {
        self.send(Message::Lost(partitions));
    }

    /// What plugins remember of a partition, once they have seen all before `boundary` under `generation`: to be
    /// kept as soon as that is committed.
    pub fn remembered(
        &self,
        partition: &Partition,
        generation: &Generation,
        boundary: i64,
        snapshot: Vec<u8>,
    ) {
        self.send(Message::Remembered(Kept {
            partition: partition.clone(),
            generation: generation.number(),
            boundary,
            snapshot,
        }));
    }

    /// A lane that was asked to save a partition has done so ([`remembered`](Self::remembered)), or has nothing to
    /// save.
    pub fn saved(&self, partition: &Partition) {
        self.send(Message::Saved(partition.clone()));
    }

    /// A clean stop: waits until everything that was begun is settled, at most `limit`; commits a last time;
    /// ends all generations and the task. None: the task had ended already. Dropping the future leaves the
    /// stop going on.
    pub async fn finish(&self, limit: Duration) -> Option<Finished> {
        self.ask(|reply| Message::Finish(limit, reply)).await
    }

    /// Where settle stands; none when the task has ended. Cancel safe.
    pub async fn status(&self) -> Option<Status> {
        self.ask(Message::Status).await
    }

    fn send(&self, message: Message) {
        // Nobody reads any more only after a stop, when nothing matters any more.
        let _ = self.inbox.send(message);
    }

    async fn ask<A>(&self, question: impl FnOnce(oneshot::Sender<A>) -> Message) -> Option<A> {
        let (reply, answer) = oneshot::channel();
        self.send(question(reply));
        answer.await.ok()
    }
}

impl Door for Handle {
    fn answer(&self, outcome: Outcome) {
        self.send(Message::Answer(Box::new(outcome)));
    }
}
