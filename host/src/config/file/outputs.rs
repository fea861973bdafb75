//! Outputs and the lists that name them, as written.

use crate::config::defaults;
use crate::config::forms::Key;
use crate::config::units::{Size, Time};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Where results go.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct To {
    /// Outputs, by name, of records that no plugin routed. May be empty where alerts or anomalies go somewhere: then
    /// records are only looked at, and done with that.
    pub records: Vec<String>,
    /// Outputs, by name, of alerts.
    #[serde(default)]
    pub alerts: Vec<String>,
    /// Outputs, by name, of anomalies.
    #[serde(default)]
    pub anomalies: Vec<String>,
}

/// An output: either `otlp` or `kafka`.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Output {
    /// OTLP over gRPC.
    pub otlp: Option<Otlp>,
    /// A Kafka topic.
    pub kafka: Option<KafkaOutput>,
}

/// OTLP over gRPC.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Otlp {
    /// `http://host:port`.
    pub endpoint: String,
    /// How requests are compressed.
    #[serde(default = "defaults::compression")]
    pub compression: Compression,
    /// Sent with each request; the place for tokens: `authorization: Bearer ${TOKEN}`.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// How long one attempt may take.
    #[serde(default = "defaults::otlp_timeout")]
    pub timeout: Time,
    /// When a request is full.
    #[serde(default = "defaults::request_batch")]
    pub batch: RequestBatch,
    /// Requests in flight of one lane. A partition never has more than one, so that order is kept.
    #[serde(default = "defaults::max_in_flight_requests")]
    #[schemars(range(min = 1, max = 1000))]
    pub max_in_flight_requests: u32,
    /// When a request that failed is sent again; there is no end to it.
    #[serde(default = "defaults::retry")]
    pub retry: Retry,
    /// What becomes of a request that was accepted in part (the answer does not say which records
    /// were refused): all its raw records to the dead letters, as maybe delivered, or only counted.
    #[serde(default = "defaults::on_partial_success")]
    pub on_partial_success: OnPartialSuccess,
}

/// When a request is full.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default = "defaults::request_batch")]
pub struct RequestBatch {
    /// Records.
    #[schemars(range(min = 1, max = 1000000))]
    pub max_records: u32,
    /// Size before compression; also the most that one request ever has. OTLP servers refuse
    /// requests above 4MiB unless told otherwise.
    pub max_bytes: Size,
    /// How long the first record may wait for others.
    pub linger: Time,
}

/// When to try again: exponential, with jitter.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default = "defaults::retry")]
pub struct Retry {
    /// The first pause.
    pub initial: Time,
    /// The longest pause.
    pub max: Time,
    /// What a pause is multiplied by to give the next.
    #[schemars(range(min = 1.0, max = 100.0))]
    pub multiplier: f64,
    /// The part of a pause that is left to chance, so that gateways do not come back in step.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub jitter: f64,
}

/// How requests are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Compression {
    /// With gzip.
    Gzip,
    /// Not at all.
    None,
}

/// What becomes of a request that was accepted in part.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnPartialSuccess {
    /// Its raw records go to the dead letters.
    DeadLetter,
    /// It is only counted.
    Count,
}

/// A Kafka topic that is written.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct KafkaOutput {
    /// The cluster, by its name under `kafka`.
    pub cluster: String,
    /// The topic's name. It is never made: a topic that is missing holds what should go there.
    pub topic: String,
    /// The form of a record: DriftLock's envelope, or an OTLP/JSON request of one record. Alerts and anomalies are
    /// always one JSON object each.
    #[serde(default = "defaults::record_format")]
    pub format: RecordFormat,
    /// What becomes a record's key: `none`, `original` (the key of the Kafka record that it came from),
    /// `{ attribute: NAME }` or `{ resource: NAME }`; a record without it has none. Records of one key go to one
    /// partition, in order. The key of alerts and anomalies is their fingerprint.
    #[serde(default = "defaults::key")]
    pub key: Key,
    /// Headers of every record.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// Who must have a record before it counts as delivered: all in-sync replicas, the leader, or nobody. With less
    /// than `all`, records that were counted as delivered can be lost.
    #[serde(default = "defaults::acks")]
    pub acks: Acks,
    /// How batches are compressed.
    #[serde(default = "defaults::codec")]
    pub compression: Codec,
    /// Whether a batch that the client sends again is written once, and in order; needs `acks: all`.
    #[serde(default = "defaults::idempotent")]
    pub idempotent: bool,
    /// When a batch is full.
    #[serde(default = "defaults::kafka_batch")]
    pub batch: KafkaBatch,
    /// When records that were not acknowledged are sent again; there is no end to it.
    #[serde(default = "defaults::retry")]
    pub retry: Retry,
}

/// The form of a record in a Kafka topic.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RecordFormat {
    /// DriftLock's envelope.
    Driftlock,
    /// An OTLP/JSON request of one record.
    OtlpJson,
}

/// Who must have a record before it counts as delivered.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Acks {
    /// All in-sync replicas.
    All,
    /// The leader.
    Leader,
    /// Nobody.
    None,
}

/// How batches of a Kafka output are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum Codec {
    None,
    Gzip,
    Snappy,
    Lz4,
    Zstd,
}

/// When a batch of a Kafka output is full.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default = "defaults::kafka_batch")]
pub struct KafkaBatch {
    /// Size before compression, of one partition; at most the topic's `max.message.bytes`. A larger record is a
    /// batch by itself.
    pub max_bytes: Size,
    /// How long the first record may wait for others.
    pub linger: Time,
}
