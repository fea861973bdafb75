//! What is kept of what plugins remember: read from its topic when partitions begin.
//!
//! Runs in the task that looks places up: nothing is read of a partition before its memory is known, for alerts would
//! be lost otherwise. What is damaged or foreign is told and left out: the partition starts empty. Then that it knows
//! nothing at this place is written before it begins: whoever comes next, after a crash too, reads again from there
//! rather than take over what was left out, or begin with nothing in the middle.

use super::Start;
use super::placement::Found;
use super::start::{place, recall};
use crate::kafka::producer::{Producer, ProducerRecord};
use crate::kafka::{Cluster, ClusterSettings, KafkaError, connect};
use crate::model::{Partition, Snapshot};
use crate::settle::{self, MemorySettings};
use futures_util::future::join_all;
use prometheus_client::metrics::gauge::Gauge;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::sync::OnceCell;

/// Reads snapshots of one pipeline.
pub(super) struct Recalls {
    pipeline: String,
    settings: ClusterSettings,
    topic: String,
    cluster: OnceCell<Cluster>,
    producer: Producer,
    // 1 where the topic is not what it must be.
    is_deleting: Gauge,
}

impl Recalls {
    /// Contacts nobody yet.
    pub(super) fn new(pipeline: &str, settings: &MemorySettings, is_deleting: Gauge) -> Self {
        Recalls {
            pipeline: pipeline.to_owned(),
            settings: (*settings.cluster).clone(),
            topic: settings.topic.clone(),
            cluster: OnceCell::new(),
            producer: Producer::new((*settings.cluster).clone()),
            is_deleting,
        }
    }

    /// Nothing more is written: closes the connection, within `limit`.
    pub(super) async fn close(&self, limit: Duration) {
        self.producer.close(limit).await;
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
        self.judge(cluster.cleanup_policy(&self.topic).await);
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

    /// Says what will become of memories in a topic that somebody else has made, once. Reading goes on: they are
    /// there as yet, and a gateway that does not start again would surprise more.
    fn judge(&self, policy: Result<Option<String>, KafkaError>) {
        let (pipeline, topic) = (&self.pipeline, &self.topic);
        let policy = match policy {
            Ok(Some(policy)) => policy,
            Ok(None) => return,
            Err(error) => {
                tracing::info!(
                    pipeline,
                    topic,
                    "whether the topic for what plugins remember is compacted cannot be told: {}",
                    error.chain()
                );
                return;
            }
        };
        let is_sound = keeps_memories(&policy);
        if self.is_deleting.set(i64::from(!is_sound)) == 0 && !is_sound {
            let remedy = format!(
                "kafka-configs.sh --bootstrap-server {} --alter --entity-type topics --entity-name {topic} \
                 --add-config cleanup.policy=compact",
                self.settings.brokers.join(",")
            );
            tracing::error!(
                pipeline,
                topic,
                cleanup_policy = policy,
                remedy,
                "the topic for what plugins remember is not only compacted: Kafka will delete memories there that have grown old, \
                 and their partitions start empty then, or it grows without an end; set cleanup.policy=compact"
            );
        }
    }

    /// Writes down where those begin that take over nothing. One that cannot be written has no place yet.
    pub(super) async fn begin_empty(&self, start: Start, found: &mut [Found]) {
        let empty = found.iter().enumerate().filter_map(|(number, f)| {
            let (memory, known) = (f.memory.as_ref()?, f.known.as_ref().ok()?);
            let place = place(start, *known);
            let boundary = memory.as_ref().map(|m| m.boundary);
            let taken_over = recall(place, known.oldest, boundary).is_taken_over();
            (!taken_over).then(|| (number, self.put_empty(&f.partition, place.offset())))
        });
        let (numbers, writes): (Vec<usize>, Vec<_>) = empty.unzip();
        let answers = join_all(writes).await;
        for (number, answer) in numbers.into_iter().zip(answers) {
            if let (Err(error), Some(f)) = (answer, found.get_mut(number)) {
                f.known = Err(error);
            }
        }
    }

    async fn put_empty(&self, partition: &Partition, boundary: i64) -> Result<(), KafkaError> {
        let snapshot = Snapshot {
            pipeline: self.pipeline.clone(),
            topic: partition.topic.to_string(),
            partition: partition.index,
            boundary,
            ..Snapshot::default()
        };
        let record = ProducerRecord {
            key: Some(settle::memory_key(&self.pipeline, partition).into()),
            value: Some(snapshot.encode().into()),
            ..ProducerRecord::default()
        };
        let sent = self.producer.send(&self.topic, record).await;
        sent.map_err(|error| KafkaError::not_written(&self.topic, &error))
    }
}

/// Whether a topic with this `cleanup.policy` keeps the latest of each key for good, and no more than that.
fn keeps_memories(policy: &str) -> bool {
    policy.trim() == "compact"
}
