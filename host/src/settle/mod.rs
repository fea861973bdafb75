//! Receipt and outcome come together here, and here alone it is decided what may be committed.
//!
//! One task owns the ledger and takes messages through a [`Handle`]; nothing else changes it.

use crate::kafka::ClusterSettings;
use crate::model::{Door, Generation, Outcome, Partition, Receipt};
use std::time::Duration;

/// What settle is told, as meant.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The pipeline; for logs and metrics.
    pub pipeline: String,
    /// How often what is done is committed.
    pub commit_interval: Duration,
    /// Where dead letters go.
    pub dead_letters: DeadLetters,
}

/// Where dead letters go.
#[derive(Clone, Debug)]
pub enum DeadLetters {
    /// Nowhere: they are counted and count as done.
    Discard,
    /// To a topic.
    Topic {
        /// The cluster.
        cluster: Box<ClusterSettings>,
        /// The topic's name.
        topic: String,
    },
}

/// What settle tells intake.
#[derive(Debug)]
pub enum Directive {
    /// A batch was abandoned: the generation has ended; read again from `offset`, under a new one.
    ReadAgain {
        /// The partition.
        partition: Partition,
        /// The committed position: where reading goes on.
        offset: i64,
    },
    /// The process must end, for this reason.
    Fatal(String),
}

/// The way to settle, for intake (receipts) and for legs (outcomes). Clones lead to the same task.
#[derive(Clone)]
pub struct Handle {}

impl Handle {
    /// A partition is ours from `position` on, under `generation`.
    pub fn assigned(&self, _partition: &Partition, _generation: &Generation, _position: i64) {}

    /// A batch is about to go to a lane. Called before the lane has it.
    pub fn begin(&self, _receipt: &Receipt) {}

    /// The consumer's position moved to `end` without a record (control records, compaction).
    pub fn idle(&self, _partition: &Partition, _generation: &Generation, _end: i64) {}

    /// Waits until what these partitions have started is settled, at most `limit`; commits; ends their
    /// generations. Dropping the future leaves the drain going on.
    pub async fn revoke(&self, _partitions: Vec<Partition>, _limit: Duration) {}

    /// The partitions belong to somebody else already: ends their generations, commits nothing.
    pub fn lost(&self, _partitions: Vec<Partition>) {}
}

impl Door for Handle {
    fn answer(&self, _outcome: Outcome) {}
}
