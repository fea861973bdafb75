//! Commits through whichever consumer is there at the moment.

use super::KafkaError;
use super::cluster::topic_partition;
use crate::model::Partition;
use krafka::consumer::{Consumer, OffsetAndMetadata};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Commits offsets of one consumer group. Clones share everything. It is made before the first consumer
/// and outlives each: intake puts the current one in.
#[derive(Clone, Default)]
pub struct Committer {
    shared: Arc<Mutex<Shared>>,
}

#[derive(Default)]
struct Shared {
    consumer: Option<Arc<Consumer>>,
    committed: HashMap<Partition, i64>,
}

impl Committer {
    /// Commits the offset to go on from, once a partition, exactly as given: the broker does not check that
    /// they belong to this member. May be called inside a rebalance. A call that is dropped may or may
    /// not have taken effect; calling it again is safe.
    pub async fn commit(&self, offsets: Vec<(Partition, i64)>) -> Result<(), KafkaError> {
        const DOING: &str = "commit offsets";
        let consumer = self.lock().consumer.clone();
        let consumer = consumer.ok_or_else(|| KafkaError::no_consumer(DOING))?;
        let given = offsets
            .iter()
            .map(|(p, offset)| (topic_partition(p), OffsetAndMetadata::new(*offset)));
        consumer
            .commit_offsets(given)
            .await
            .map_err(|e| KafkaError::new(DOING, e))?;
        self.lock().committed.extend(offsets);
        Ok(())
    }

    /// The offset that the group has committed, as far as this process knows; for partitions that it owns.
    pub fn committed(&self, partition: &Partition) -> Option<i64> {
        self.lock().committed.get(partition).copied()
    }

    /// What was found committed when the partition was assigned.
    pub fn note(&self, partition: Partition, offset: i64) {
        self.lock().committed.insert(partition, offset);
    }

    /// The partition is not ours any more.
    pub fn forget(&self, partition: &Partition) {
        self.lock().committed.remove(partition);
    }

    pub(super) fn attach(&self, consumer: Option<Arc<Consumer>>) {
        self.lock().consumer = consumer;
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
