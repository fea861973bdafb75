//! A compacted topic as a table: the latest value of keys.

use super::{Cluster, KafkaError};
use krafka::CloseOptions;
use krafka::consumer::{AutoOffsetReset, Consumer};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::Instant;

/// One poll.
const POLL: Duration = Duration::from_millis(250);
/// How long nothing may come before the reading is given up.
const STALLED: Duration = Duration::from_secs(30);
/// How long closing the connection may take.
const CLOSE_LIMIT: Duration = Duration::from_secs(2);
/// The timestamps that stand for the start and the end of a log.
const EARLIEST: i64 = -2;
const LATEST: i64 = -1;

impl Cluster {
    /// The latest value of every key that `is_wanted`, as the topic stands now; one that was deleted is absent. Reads
    /// the topic from its start to its end.
    ///
    /// # Errors
    /// It cannot be read to its end.
    pub async fn latest(
        &self,
        topic: &str,
        is_wanted: &(dyn Fn(&[u8]) -> bool + Sync),
    ) -> Result<BTreeMap<Vec<u8>, Vec<u8>>, KafkaError> {
        let failed = |e| KafkaError::new("read what plugins remember", e);
        let counts = self.partition_counts([topic]).await?;
        let partitions = counts.get(topic).copied().unwrap_or(0);
        let builder = self.kafka.consumer_without_group();
        let builder = builder
            .auto_offset_reset(AutoOffsetReset::None)
            .enable_auto_commit(false)
            .max_buffered_records(0)
            .max_poll_records(-1)
            .metrics_push(false);
        let consumer = builder.build().await.map_err(failed)?;
        let read = read(&consumer, topic, partitions as i32, is_wanted).await;
        // What was read stands, however the connection ends.
        let _ = consumer
            .close_with(CloseOptions::new().timeout(CLOSE_LIMIT))
            .await;
        read.map_err(failed)
    }
}

async fn read(
    consumer: &Consumer,
    topic: &str,
    partitions: i32,
    is_wanted: &(dyn Fn(&[u8]) -> bool + Sync),
) -> krafka::Result<BTreeMap<Vec<u8>, Vec<u8>>> {
    let mut latest = BTreeMap::new();
    let asked: Vec<(&str, i32)> = (0..partitions).map(|index| (topic, index)).collect();
    let starts = consumer.offsets_for_times(&asked, EARLIEST).await;
    let ends = consumer.offsets_for_times(&asked, LATEST).await;
    let mut left: BTreeMap<i32, i64> = BTreeMap::new();
    for ((_, index), end) in ends {
        left.insert(index, end?);
    }
    consumer.assign(topic, (0..partitions).collect()).await?;
    for ((_, index), start) in starts {
        let start = start?;
        consumer.seek(topic, index, start).await?;
        left.retain(|i, end| *i != index || start < *end);
    }
    let mut progress = Instant::now();
    while !left.is_empty() {
        let records = consumer.poll(POLL).await?;
        if !records.is_empty() {
            progress = Instant::now();
        }
        for record in records {
            let Some(key) = record.key.as_deref().filter(|key| is_wanted(key)) else {
                continue;
            };
            match &record.value {
                Some(value) => drop(latest.insert(key.to_vec(), value.to_vec())),
                None => drop(latest.remove(key)),
            }
        }
        let mut done = Vec::new();
        for (index, end) in &left {
            // Compaction may have left nothing between the last record and the end.
            let position = consumer.position(topic, *index).await;
            if position.is_some_and(|position| position >= *end) {
                done.push(*index);
            }
        }
        left.retain(|index, _| !done.contains(index));
        if progress.elapsed() > STALLED && !left.is_empty() {
            return Err(krafka::KrafkaError::timeout(
                "the topic could not be read to its end",
            ));
        }
    }
    Ok(latest)
}
