//! What is kept of what plugins remember: read from its topic when partitions begin.
//!
//! Runs in the task that looks places up: nothing is read of a partition before its memory is known, for alerts would
//! be lost otherwise. What is damaged or foreign is told and left out: the partition starts empty.

use crate::kafka::{Cluster, ClusterSettings, KafkaError, connect};
use crate::model::{Partition, Snapshot};
use crate::settle::{self, MemorySettings};
use std::collections::BTreeMap;
use tokio::sync::OnceCell;

/// Reads snapshots of one pipeline.
pub(super) struct Recalls {
    pipeline: String,
    settings: ClusterSettings,
    topic: String,
    cluster: OnceCell<Cluster>,
}

impl Recalls {
    /// Contacts nobody yet.
    pub(super) fn new(pipeline: &str, settings: &MemorySettings) -> Self {
        Recalls {
            pipeline: pipeline.to_owned(),
            settings: (*settings.cluster).clone(),
            topic: settings.topic.clone(),
            cluster: OnceCell::new(),
        }
    }

    /// The latest snapshot of each partition; one without is absent. The topic is made where it is missing.
    ///
    /// # Errors
    /// The topic cannot be read, or does not exist and cannot be made.
    pub(super) async fn load(
        &self,
        partitions: &[Partition],
    ) -> Result<BTreeMap<Partition, Snapshot>, KafkaError> {
        if partitions.is_empty() {
            return Ok(BTreeMap::new());
        }
        let cluster = self
            .cluster
            .get_or_try_init(|| connect(&self.settings, |_| ()));
        let cluster = cluster.await?;
        cluster.ensure_compacted(&self.topic).await?;
        let named = |p: &Partition| {
            (
                settle::memory_key(&self.pipeline, p).into_bytes(),
                p.clone(),
            )
        };
        let keys: BTreeMap<Vec<u8>, Partition> = partitions.iter().map(named).collect();
        let found = cluster
            .latest(&self.topic, &|key| keys.contains_key(key))
            .await?;
        let mut snapshots = BTreeMap::new();
        for (key, bytes) in found {
            let Some(partition) = keys.get(&key) else {
                continue;
            };
            match Snapshot::decode(&bytes) {
                Ok(snapshot) => drop(snapshots.insert(partition.clone(), snapshot)),
                Err(why) => {
                    tracing::error!(pipeline = self.pipeline, %partition, topic = self.topic, bytes = bytes.len(), %why,
                        "what was kept of what plugins remember cannot be read: they start empty");
                }
            }
        }
        Ok(snapshots)
    }
}
