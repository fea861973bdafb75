//! The configuration as written: the shape of the YAML, nothing decided yet.
//!
//! The JSON Schema and docs/configuration.md are generated from these types and their texts, so the
//! texts are for users.

use super::defaults;
pub use super::forms::{Admin, DeadLetters, Key, Named, Start};
use super::units::{Size, Time};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

mod outputs;

pub use outputs::{
    Acks, Codec, Compression, KafkaBatch, KafkaOutput, OnPartialSuccess, Otlp, Output,
    RecordFormat, RequestBatch, Retry, To,
};

/// A configuration file of Tidegate.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct File {
    /// Kafka clusters by name.
    pub kafka: Named<Cluster>,
    /// Plugins by name.
    #[serde(default)]
    pub plugins: Named<Plugin>,
    /// Outputs by name.
    pub outputs: Named<Output>,
    /// Pipelines by name. Each reads with a consumer group of its own and runs its plugins on
    /// threads of its own.
    pub pipelines: Named<Pipeline>,
    /// Where health (`/livez`), readiness (`/readyz`) and metrics (`/metrics`) are served, or
    /// `off`.
    #[serde(default = "defaults::admin")]
    pub admin: Admin,
    /// Where compiled plugins are kept from start to start, or `off`. Left out: `tidegate` in the
    /// user's cache folder.
    pub cache_dir: Option<String>,
    /// How long a stop may take before what is left is given up; it is read again after the next
    /// start.
    #[serde(default = "defaults::shutdown_timeout")]
    pub shutdown_timeout: Time,
    /// The gateway's own log.
    #[serde(default = "defaults::log")]
    pub log: Log,
}

/// A Kafka cluster.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Cluster {
    /// Bootstrap servers, `host:port`. An item may hold several, separated by commas.
    #[schemars(length(min = 1, max = 100))]
    pub brokers: Vec<String>,
    /// What the gateway calls itself to the brokers.
    #[serde(default = "defaults::client_id")]
    #[schemars(length(min = 1, max = 200))]
    pub client_id: String,
    /// How long one request may take.
    #[serde(default = "defaults::request_timeout")]
    pub request_timeout: Time,
    /// How long a connection may take to come up.
    #[serde(default = "defaults::connect_timeout")]
    pub connect_timeout: Time,
}

/// A plugin.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Plugin {
    /// A component or core module: a path, relative to the folder of this file, or `builtin:NAME`.
    #[schemars(length(min = 1))]
    pub wasm: String,
    /// The plugin's own configuration; its README says what it knows.
    #[serde(default)]
    pub config: serde_json::Value,
    /// A YAML file with the plugin's own configuration, instead of `config`.
    pub config_file: Option<String>,
    /// What an instance may use.
    #[serde(default = "defaults::limits")]
    pub limits: Limits,
    /// What becomes of a record that the plugin breaks at: to the dead letters, or on as if the
    /// plugin were not there. Left out: `dead_letter`; for detectors and scorers `skip`, which is all they can.
    pub on_fault: Option<OnFault>,
    /// What becomes of a record that the plugin, a parser, calls its own but malformed: to the dead letters, or to
    /// the next parser, as if it were not its own. Left out: `dead_letter`.
    pub on_malformed: Option<OnMalformed>,
    /// What the score that the plugin, a scorer, gives a record is called as an attribute of it, from 0 to 1. Left
    /// out: scores are not kept.
    #[schemars(length(min = 1, max = 255))]
    pub score_attribute: Option<String>,
    /// An empty WASI (no files, no sockets, no environment) for a language runtime that needs one.
    #[serde(default)]
    pub wasi: bool,
}

/// What a plugin instance may use.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default = "defaults::limits")]
pub struct Limits {
    /// Its memory.
    pub memory: Size,
    /// The time of one call.
    pub time_per_batch: Time,
    /// What one call is given and returns.
    pub batch_text: Size,
    /// With more faults a minute the plugin is broken: its pipeline pauses, the gateway is not
    /// ready.
    #[schemars(range(min = 1, max = 1000000))]
    pub faults_per_minute: u32,
}

/// What becomes of a record that a plugin breaks at.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnFault {
    /// It goes to the dead letters.
    DeadLetter,
    /// It passes as if the plugin were not there.
    Skip,
}

/// What becomes of a record that a parser calls its own but malformed.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnMalformed {
    /// It goes to the dead letters.
    DeadLetter,
    /// It is offered to the next parser.
    NextParser,
}

/// A pipeline.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Pipeline {
    /// Where records come from.
    pub from: From,
    /// Outer parsers, by name: what they do not know passes unchanged.
    #[serde(default)]
    pub unwrap: Vec<String>,
    /// Parsers, by name, offered in this order; what none takes goes to the dead letters.
    #[schemars(length(min = 1))]
    pub parse: Vec<String>,
    /// Enrichers, by name, in this order.
    #[serde(default)]
    pub enrich: Vec<String>,
    /// Detectors, by name: each sees every record that is left, and raises alerts.
    #[serde(default)]
    pub detect: Vec<String>,
    /// Scorers, by name: each sees every record that is left, scores it, and raises anomalies.
    #[serde(default)]
    pub score: Vec<String>,
    /// When alerts and anomalies are told.
    #[serde(default = "defaults::findings")]
    pub findings: Findings,
    /// Where what plugins remember of each partition is kept, so that a restart or a rebalance does not wipe it. Left
    /// out: as the defaults say, in pipelines that detect or score; in others nothing is kept.
    #[schemars(extend("examples" = [{"keep": true}, {"keep": false}]))]
    pub memory: Option<Memory>,
    /// Where results go.
    pub to: To,
    /// Outputs by the name of a route that a plugin may choose for a record, instead of
    /// `to.records`.
    #[serde(default)]
    pub routes: Named<Vec<String>>,
    /// The Kafka topic for what cannot be delivered, or `discard`: it is counted and counts as
    /// done.
    pub dead_letters: DeadLetters,
    /// How often what is done is committed.
    #[serde(default = "defaults::commit_interval")]
    pub commit_interval: Time,
    /// Threads that run plugins. Left out: as many as the machine has cores.
    #[schemars(range(min = 1, max = 256))]
    pub lanes: Option<u32>,
}

/// When alerts and anomalies are told.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default = "defaults::findings")]
pub struct Findings {
    /// What is raised again with the same fingerprint within so long is folded into what was told. The end of an alert
    /// is always told, and so is its new beginning after that.
    pub repeat_interval: Time,
    /// The most that one plugin tells of one partition within a minute of record time; more are left out and counted.
    #[schemars(range(min = 1, max = 1000000))]
    pub max_per_minute: u32,
}

/// Where what plugins remember is kept.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default = "defaults::memory")]
pub struct Memory {
    /// Whether it is kept.
    pub keep: bool,
    /// The cluster, by its name under `kafka`. Left out: that of `from`.
    pub cluster: Option<String>,
    /// The topic, compacted; made where it is missing. Left out: `tidegate-memory-GROUP`.
    #[schemars(length(min = 1, max = 249))]
    pub topic: Option<String>,
    /// How often a partition is saved where its memory has changed.
    pub interval: Time,
}

/// Where records come from.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct From {
    /// The cluster, by its name under `kafka`.
    pub cluster: String,
    /// The consumer group. Each pipeline needs its own.
    #[schemars(length(min = 1, max = 249))]
    pub group_id: String,
    /// Static membership (`group.instance.id`), different in each process: a restart within
    /// `session_timeout` moves no partitions.
    #[schemars(length(min = 1, max = 249))]
    pub group_instance_id: Option<String>,
    /// Topics by name, or by a regular expression that begins with `^`. Write `$` at its end where
    /// the whole name must fit.
    #[schemars(length(min = 1))]
    pub topics: Vec<String>,
    /// Topics, in the same way, that expressions in `topics` never take. Topics that the gateway
    /// writes are left out by themselves.
    #[serde(default)]
    pub exclude_topics: Vec<String>,
    /// Where to begin without a committed offset: `earliest`, `latest`, or the first record of a
    /// time (RFC 3339, or a whole number of Unix milliseconds). `latest` loses what was written
    /// before the first start.
    #[serde(default = "defaults::start")]
    pub start: Start,
    /// Whether records of open and aborted transactions are left out (`read_committed`) or read
    /// too.
    #[serde(default = "defaults::isolation")]
    pub isolation: Isolation,
    /// Without a sign of life for so long the group gives the partitions to others.
    #[serde(default = "defaults::session_timeout")]
    pub session_timeout: Time,
    /// How often a sign of life is given; at most a third of `session_timeout`.
    #[serde(default = "defaults::heartbeat_interval")]
    pub heartbeat_interval: Time,
    /// The longest that handling a rebalance may take.
    #[serde(default = "defaults::max_poll_interval")]
    pub max_poll_interval: Time,
    /// How long partitions that go to another member may take to finish what has started; below a
    /// quarter of `max_poll_interval`.
    #[serde(default = "defaults::drain_timeout")]
    pub drain_timeout: Time,
    /// What Kafka tells of a record and becomes attributes of it, with OpenTelemetry's messaging
    /// names.
    #[serde(default = "defaults::attributes")]
    pub attributes: Vec<Attribute>,
    /// When a batch is full.
    #[serde(default = "defaults::batch")]
    pub batch: Batch,
    /// Memory for records in flight, raw and what was made of them; full: reading pauses. What one poll brings
    /// (`fetch_max_bytes` a broker, decompressed) may come on top.
    #[serde(default = "defaults::max_in_flight")]
    pub max_in_flight: Size,
    /// The most that one fetch brings of one partition; a single larger record still comes.
    #[serde(default = "defaults::max_partition_fetch_bytes")]
    pub max_partition_fetch_bytes: Size,
    /// The most that one fetch brings.
    #[serde(default = "defaults::fetch_max_bytes")]
    pub fetch_max_bytes: Size,
}

/// Which records a reader sees.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Isolation {
    /// Those of committed transactions, and those outside of transactions.
    ReadCommitted,
    /// All.
    ReadUncommitted,
}

/// What Kafka tells of a record.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Attribute {
    /// `messaging.destination.name`.
    Topic,
    /// `messaging.destination.partition.id`.
    Partition,
    /// `messaging.kafka.offset`.
    Offset,
    /// `messaging.kafka.timestamp`.
    Timestamp,
    /// `messaging.kafka.message.key`.
    Key,
    /// `messaging.kafka.header.NAME`.
    Headers,
    /// `messaging.message.body.size`.
    Size,
    /// `messaging.consumer.group.name`.
    ConsumerGroup,
}

/// When a batch is full.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default = "defaults::batch")]
pub struct Batch {
    /// Records.
    #[schemars(range(min = 1, max = 1000000))]
    pub records: u32,
    /// Size of values, keys and headers; a single record may be larger.
    pub bytes: Size,
    /// How long the first record may wait for others.
    pub linger: Time,
}

/// A Kafka topic.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Topic {
    /// The cluster, by its name under `kafka`.
    pub cluster: String,
    /// The topic's name.
    pub topic: String,
}

/// The gateway's own log.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default = "defaults::log")]
pub struct Log {
    /// The least that is logged. The environment variable `TIDEGATE_LOG` goes before it and may
    /// differ by module.
    pub level: Level,
    /// For people or for machines.
    pub format: Format,
}

/// How much is logged.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum Level {
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

/// The form of a log line.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}
