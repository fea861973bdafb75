//! The only module that names krafka, behind types of our own, so that another client could stand here.
//!
//! The rules it keeps, each with its reason, are in ARCHITECTURE.md ("Kafka client").

pub mod producer;

use std::time::Duration;

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
