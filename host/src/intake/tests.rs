//! What the tests of intake share.

use super::*;
use std::time::Duration;

pub(super) fn settings(broker: &str) -> Settings {
    Settings {
        pipeline: "test".into(),
        cluster: ClusterSettings {
            name: "main".into(),
            brokers: vec![broker.into()],
            client_id: "tidegate-test".into(),
            request_timeout: Duration::from_secs(5),
            connect_timeout: Duration::from_secs(5),
        },
        group_id: "group".into(),
        group_instance_id: None,
        topics: vec!["logs".into()],
        topic_patterns: Vec::new(),
        exclude_topics: Vec::new(),
        start: Start::Earliest,
        read_committed: true,
        session_timeout: Duration::from_secs(10),
        heartbeat_interval: Duration::from_secs(1),
        max_poll_interval: Duration::from_secs(300),
        drain_timeout: Duration::from_secs(10),
        metadata_interval: Duration::from_secs(4),
        max_partition_fetch_bytes: 256 << 10,
        fetch_max_bytes: 8 << 20,
        batch: BatchLimits {
            records: 1000,
            bytes: 1 << 20,
            linger: Duration::from_millis(20),
        },
        max_in_flight_bytes: 64 << 20,
        facts: Facts {
            wanted: Vec::new(),
            group: "group".into(),
        },
        until_end: false,
    }
}
