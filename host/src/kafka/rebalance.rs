//! Rebalances: krafka's callbacks turned into ours.

use super::cluster::topic_partition;
use crate::model::Partition;
use krafka::consumer::{Consumer, ConsumerRebalanceListener, TopicPartition};
use std::future::Future;
use std::sync::{Arc, OnceLock, Weak};

/// Told of partitions that come and go. The calls are awaited inside [`super::Consumer::poll`] and
/// [`super::Consumer::close`]; each must be idempotent.
pub trait Rebalance: Send + Sync + 'static {
    /// These are ours now. Each is held until it is placed (see [`super::Consumer::place`]).
    fn assigned(&self, partitions: Vec<Partition>);

    /// These go to somebody else once the answer is there; commits are still possible.
    fn revoked(&self, partitions: Vec<Partition>) -> impl Future<Output = ()> + Send;

    /// These belong to somebody else already; nothing may be committed for them.
    fn lost(&self, partitions: Vec<Partition>);
}

/// Where a held partition waits: any offset will do, for nothing is fetched while it is paused. With a
/// position of some kind the client looks for none by itself.
const PLACEHOLDER: i64 = 0;

pub(super) struct Listener<R> {
    pub(super) rebalance: R,
    // The consumer owns the listener, so the way back is weak; set once the consumer is built.
    pub(super) consumer: Arc<OnceLock<Weak<Consumer>>>,
}

impl<R> Listener<R> {
    async fn hold(&self, partitions: &[Partition]) {
        let Some(consumer) = self.consumer.get().and_then(Weak::upgrade) else {
            return;
        };
        for partition in partitions {
            let place = topic_partition(partition);
            consumer.pause(&place.topic, &[place.partition]).await;
            if let Err(error) = consumer
                .seek(&place.topic, place.partition, PLACEHOLDER)
                .await
            {
                tracing::warn!(%partition, "an assigned partition cannot be held: {error}");
            }
        }
    }
}

impl<R: Rebalance> ConsumerRebalanceListener for Listener<R> {
    async fn on_partitions_assigned(&self, partitions: &[TopicPartition]) {
        let partitions = ours(partitions);
        self.hold(&partitions).await;
        self.rebalance.assigned(partitions);
    }

    async fn on_partitions_revoked(&self, partitions: &[TopicPartition]) {
        self.rebalance.revoked(ours(partitions)).await;
    }

    async fn on_partitions_lost(&self, partitions: &[TopicPartition]) {
        self.rebalance.lost(ours(partitions));
    }
}

fn ours(partitions: &[TopicPartition]) -> Vec<Partition> {
    let ours = |p: &TopicPartition| Partition::new(p.topic.as_str(), p.partition);
    partitions.iter().map(ours).collect()
}
