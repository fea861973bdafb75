//! The only module that names krafka, behind types of our own, so that another client could stand here.
//!
//! It owns the connections to a cluster. Nothing here runs a task of its own, but krafka does: one that
//! keeps the group membership alive and one that writes metadata.
//!
//! What it promises: an assigned partition is *held* (paused at a placeholder) until it is placed
//! explicitly, so no position is ever chosen or reset silently; records are lent, not given, so no slice
//! of a fetch response outlives its poll.
//!
//! The rules it keeps, each with its reason, are in ARCHITECTURE.md ("Kafka client").

pub mod producer;

use std::time::Duration;

mod cluster;
mod committer;
mod consumer;
mod error;
mod rebalance;
mod record;
mod table;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

pub use cluster::{Cluster, connect};
pub use committer::Committer;
pub use consumer::{Committed, Consumer, GroupSettings, Offsets, Survey};
pub use error::KafkaError;
pub use rebalance::Rebalance;
pub use record::{Polled, RecordRef, Run};

/// A Kafka cluster, as meant.
#[derive(Clone, Debug, PartialEq)]
pub struct ClusterSettings {
    /// Its name in the configuration.
    pub name: String,
    /// Bootstrap servers, `host:port`.
    pub brokers: Vec<String>,
    /// `client.id`.
    pub client_id: String,
    /// How long one request may take.
    pub request_timeout: Duration,
    /// How long a connection may take to come up.
    pub connect_timeout: Duration,
}
