//! Kafka to batches: the poll loop, assignment, batching (pure) and pressure (pause and resume).

use crate::kafka::ClusterSettings;
use crate::model::Facts;
use std::time::Duration;

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
