//! Kafka to batches: the poll loop, assignment, batching (pure) and pressure (pause and resume).
//!
//! It owns the group membership, the positions, and every batch that is not full yet. One task a pipeline
//! runs [`Intake::run`]; one more watches leaders, topics and progress (`watch`); the looking up of
//! positions has a short task of its own so that one dead broker does not hold up the others.
//!
//! ```text
//!              ┌─ watch: leaders, topics, progress ─┐
//!              ▼                                    │ start again
//! kafka ──► run: events ► directives ► placing ► batches ► pressure ► poll
//!                                                   │ receipt to settle, then the batch to its lane
//! ```
//!
//! Promises: settle knows a receipt before the lane has the batch; batches of one partition leave in the
//! order of their offsets, with ranges that join; nothing that Kafka still has is skipped in silence; what
//! is in flight stays under `max_in_flight_bytes`. It never commits, and it never waits for a lane.

use crate::kafka::{ClusterSettings, GroupSettings, KafkaError};
use crate::model::{Beginning, Door, Facts, Generation, Partition, RawBatch, Receipt};
use crate::settle;
use std::future::Future;
use std::time::Duration;

mod assignment;
mod batcher;
mod placement;
mod placing;
mod poll;
mod pressure;
mod recall;
mod run;
mod standing;
mod start;
mod tenancy;
#[cfg(test)]
mod tests;
mod tick;
mod topics;
mod watch;
mod watchdog;

pub use run::Intake;
pub(crate) use tick::QUIET;

/// What intake is told, as meant.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The pipeline that it feeds; for logs and metrics.
    pub pipeline: String,
    /// Where to read.
    pub cluster: ClusterSettings,
    /// Consumer group.
    pub group_id: String,
    /// Static membership: `group.instance.id`.
    pub group_instance_id: Option<String>,
    /// Topics by name.
    pub topics: Vec<String>,
    /// Topics by regular expression (the `^` that marks them in the configuration included).
    pub topic_patterns: Vec<regex::Regex>,
    /// Topics that patterns never match; the topics that the gateway writes on this cluster are here too.
    pub exclude_topics: Vec<regex::Regex>,
    /// Where to begin without a committed offset.
    pub start: Start,
    /// Whether records of open and aborted transactions are left out.
    pub read_committed: bool,
    /// How long the group waits for a sign of life.
    pub session_timeout: Duration,
    /// How often a sign of life is given.
    pub heartbeat_interval: Duration,
    /// The longest that handling a rebalance may take.
    pub max_poll_interval: Duration,
    /// How long revoked partitions may take to finish what has started; below a quarter of
    /// `max_poll_interval`.
    pub drain_timeout: Duration,
    /// How often topics are listed again, and leaders asked for.
    pub metadata_interval: Duration,
    /// Bytes of one fetch response of one partition.
    pub max_partition_fetch_bytes: u32,
    /// Bytes of one fetch response.
    pub fetch_max_bytes: u32,
    /// When a batch is full.
    pub batch: BatchLimits,
    /// Bytes in flight, raw records and what was made of them, of the pipeline.
    pub max_in_flight_bytes: usize,
    /// Which facts become attributes.
    pub facts: Facts,
    /// Where what plugins remember is kept; none: they begin with nothing.
    pub memory: Option<settle::MemorySettings>,
    /// How long nothing has come of a partition when plugins begin to be told that time goes by; none: they never are.
    pub tick_after: Option<Duration>,
    /// Stop at the offsets that were the end when the partition was first assigned.
    pub until_end: bool,
}

/// When a batch is full.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BatchLimits {
    /// Records.
    pub records: usize,
    /// Bytes of values, keys and headers; a single record may be larger.
    pub bytes: usize,
    /// How long the first record may wait for others.
    pub linger: Duration,
}

/// Where to begin without a committed offset.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Start {
    /// At the oldest record.
    Earliest,
    /// At the end.
    Latest,
    /// At the first record whose timestamp is this or later, in Unix milliseconds.
    Timestamp(i64),
}

/// What intake tells settle. [`settle::Handle`] is the one outside tests.
pub trait Settle: Door + Clone + 'static {
    /// A partition is ours from `position` on, under `generation`; an earlier generation has ended.
    fn assigned(
        &self,
        partition: &Partition,
        generation: &Generation,
        position: i64,
        is_committed: bool,
    );

    /// A batch is about to go to a lane.
    fn begin(&self, receipt: &Receipt);

    /// All before `end` that was not begun is empty.
    fn idle(&self, partition: &Partition, generation: &Generation, end: i64);

    /// Waits until what these partitions have started is settled, at most `limit`; commits; ends their
    /// generations. Partitions that it does not know are ignored.
    fn revoke(
        &self,
        partitions: Vec<Partition>,
        limit: Duration,
    ) -> impl Future<Output = ()> + Send;

    /// Ends the generations of these partitions and commits nothing.
    fn lost(&self, partitions: Vec<Partition>);
}

/// The way to the lanes.
pub trait Lanes: Send + Sync {
    /// Hands a batch to the lane of its partition. It must not block: what waits there is bounded by the
    /// bytes in flight.
    fn dispatch(&self, partition: &Partition, batch: RawBatch);

    /// A generation begins: its batches follow.
    fn begin(&self, _beginning: Beginning) {}

    /// The partition has gone elsewhere.
    fn forget(&self, _partition: &Partition) {}
}

/// Why reading has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stopped {
    /// It was asked to.
    Asked,
    /// All was read that there was at the start (`until_end`).
    AtEnd,
}

/// Why the pipeline cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum Fatal {
    /// Kafka refuses, and will until a person changes something.
    #[error(transparent)]
    Kafka(#[from] KafkaError),
    /// Another process keeps taking the group instance id.
    #[error(
        "group_instance_id {id} is used by another process too: each needs one of its own (seen {times} times \
         within a minute)"
    )]
    InstanceShared {
        /// The id.
        id: String,
        /// How often it was taken.
        times: usize,
    },
    /// There is nothing to read up to its end.
    #[error(
        "topic {0} does not exist: there is nothing to read to the end; name another, or create it first"
    )]
    NoTopic(String),
    /// Settle says so.
    #[error("{0}")]
    Settle(String),
}

impl Fatal {
    /// The error and its causes in one line.
    pub fn chain(&self) -> String {
        match self {
            Fatal::Kafka(error) => error.chain(),
            Fatal::InstanceShared { .. } | Fatal::NoTopic(_) | Fatal::Settle(_) => self.to_string(),
        }
    }
}

impl<F: Fn(&Partition, RawBatch) + Send + Sync> Lanes for F {
    fn dispatch(&self, partition: &Partition, batch: RawBatch) {
        self(partition, batch);
    }
}

impl Settle for settle::Handle {
    fn assigned(
        &self,
        partition: &Partition,
        generation: &Generation,
        position: i64,
        is_committed: bool,
    ) {
        settle::Handle::assigned(self, partition, generation, position, is_committed);
    }

    fn begin(&self, receipt: &Receipt) {
        settle::Handle::begin(self, receipt);
    }

    fn idle(&self, partition: &Partition, generation: &Generation, end: i64) {
        settle::Handle::idle(self, partition, generation, end);
    }

    fn revoke(
        &self,
        partitions: Vec<Partition>,
        limit: Duration,
    ) -> impl Future<Output = ()> + Send {
        settle::Handle::revoke(self, partitions, limit)
    }

    fn lost(&self, partitions: Vec<Partition>) {
        settle::Handle::lost(self, partitions);
    }
}

impl Settings {
    fn group(&self) -> GroupSettings {
        GroupSettings {
            group_id: self.group_id.clone(),
            group_instance_id: self.group_instance_id.clone(),
            read_committed: self.read_committed,
            session_timeout: self.session_timeout,
            heartbeat_interval: self.heartbeat_interval,
            max_poll_interval: self.max_poll_interval,
            max_partition_fetch_bytes: self.max_partition_fetch_bytes,
            fetch_max_bytes: self.fetch_max_bytes,
        }
    }
}
