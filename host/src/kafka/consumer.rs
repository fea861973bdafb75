//! A member of a consumer group.

use super::cluster::topic_partition;
use super::rebalance::Listener;
use super::{Cluster, Committer, KafkaError, Polled, Rebalance};
use crate::model::Partition;
use futures_util::future::join_all;
use krafka::admin::ListConsumerGroupOffsetsOptions;
use krafka::consumer::{
    AutoOffsetReset, GroupProtocol, IsolationLevel, PartitionAssignmentStrategy,
};
use krafka::{CloseOptions, GroupMembershipOperation, KrafkaError};
use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// A poll waits for the long poll of the slowest broker, so long polls are short.
const FETCH_MAX_WAIT: Duration = Duration::from_millis(25);
/// The timestamps that stand for the start and the end of a log.
const EARLIEST: i64 = -2;
const LATEST: i64 = -1;

/// How a member takes part in its group, and how it fetches.
#[derive(Clone, Debug)]
pub struct GroupSettings {
    /// Consumer group.
    pub group_id: String,
    /// Static membership: `group.instance.id`.
    pub group_instance_id: Option<String>,
    /// Whether records of open and aborted transactions are left out.
    pub read_committed: bool,
    /// How long the group waits for a sign of life.
    pub session_timeout: Duration,
    /// How often a sign of life is given.
    pub heartbeat_interval: Duration,
    /// The longest that handling a rebalance may take.
    pub max_poll_interval: Duration,
    /// Bytes of one fetch response of one partition.
    pub max_partition_fetch_bytes: u32,
    /// Bytes of one fetch response.
    pub fetch_max_bytes: u32,
}

/// A member of a consumer group. Clones are the same member. [`Consumer::close`] it: one that is dropped
/// keeps its partitions until its session times out.
#[derive(Clone)]
pub struct Consumer {
    inner: Arc<krafka::consumer::Consumer>,
    committer: Committer,
    cluster: Cluster,
    group_id: Arc<str>,
    /// Whether an offset that an open transaction commits is waited for.
    read_committed: bool,
}

/// Where the client stands in a partition.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Survey {
    /// The offset of the next record that a poll gives; beyond the last one where control records or
    /// compaction left nothing.
    pub position: i64,
    /// The readable end of the log, as the last fetch knew it.
    pub end: Option<i64>,
}

impl Consumer {
    /// A consumer that is not in the group yet. From now on `committer` commits through it.
    pub async fn build(
        cluster: &Cluster,
        settings: &GroupSettings,
        committer: &Committer,
        rebalance: impl Rebalance,
    ) -> Result<Consumer, KafkaError> {
        let way_back = Arc::new(OnceLock::new());
        let listener = Listener {
            rebalance,
            consumer: way_back.clone(),
        };
        let mut builder = cluster
            .kafka
            .consumer(settings.group_id.as_str())
            .group_protocol(GroupProtocol::Classic)
            .partition_assignment_strategies([PartitionAssignmentStrategy::Range])
            .session_timeout(settings.session_timeout)
            .heartbeat_interval(settings.heartbeat_interval)
            .max_poll_interval(settings.max_poll_interval)
            .isolation_level(isolation(settings.read_committed))
            // Explicit or not at all: with any policy the client would reset in silence.
            .auto_offset_reset(AutoOffsetReset::None)
            .enable_auto_commit(false)
            // Parked records of paused partitions would make every poll return at once, empty.
            .max_buffered_records(0)
            // A number here decodes that many and fetches the rest again.
            .max_poll_records(-1)
            .max_partition_fetch_bytes(bytes(settings.max_partition_fetch_bytes))
            .fetch_max_bytes(bytes(settings.fetch_max_bytes))
            .fetch_max_wait(FETCH_MAX_WAIT)
            .metrics_push(false)
            .rebalance_listener(listener);
        if let Some(id) = &settings.group_instance_id {
            builder = builder.group_instance_id(id.as_str());
        }
        let built = builder.build().await;
        let inner = Arc::new(built.map_err(|e| KafkaError::new("build a consumer", e))?);
        // Set once: the cell was made a few lines above.
        let _ = way_back.set(Arc::downgrade(&inner));
        committer.attach(Some(inner.clone()));
        Ok(Consumer {
            inner,
            committer: committer.clone(),
            cluster: cluster.clone(),
            group_id: settings.group_id.as_str().into(),
            read_committed: settings.read_committed,
        })
    }

    /// Asks for these topics; the next poll joins the group.
    pub async fn subscribe(
        &self,
        topics: impl IntoIterator<Item = &str>,
    ) -> Result<(), KafkaError> {
        self.inner
            .subscribe(topics)
            .await
            .map_err(|e| KafkaError::new("subscribe", e))
    }

    /// Records, as soon as there are any; none after `timeout`. Keeps the membership and awaits the
    /// [`Rebalance`] calls. Never drop the future: a rebalance would be lost.
    pub async fn poll(&self, timeout: Duration) -> Result<Polled, KafkaError> {
        match self.inner.poll(timeout).await {
            Ok(records) => Ok(Polled(records)),
            Err(KrafkaError::Wakeup) => Ok(Polled::default()),
            Err(e) => Err(KafkaError::new("poll", e)),
        }
    }

    /// Reads go on at `offset`; the partition is no longer held. What a fetch had brought is thrown away.
    pub async fn place(&self, partition: &Partition, offset: i64) -> Result<(), KafkaError> {
        self.inner
            .seek(&partition.topic, partition.index, offset)
            .await
            .map_err(|e| KafkaError::new("seek", e))?;
        self.resume(partition).await;
        Ok(())
    }

    /// Nothing more of this partition until it is resumed.
    pub async fn pause(&self, partition: &Partition) {
        self.inner.pause(&partition.topic, &[partition.index]).await;
    }

    /// Goes on.
    pub async fn resume(&self, partition: &Partition) {
        self.inner
            .resume(&partition.topic, &[partition.index])
            .await;
    }

    /// The oldest offset of each partition, or why it cannot be known; an absent one is unknown too.
    pub async fn starts(&self, partitions: &[Partition]) -> Offsets {
        self.offsets_at(partitions, EARLIEST).await
    }

    /// The readable end of each partition: below open transactions where those are left out.
    pub async fn ends(&self, partitions: &[Partition]) -> Offsets {
        self.offsets_at(partitions, LATEST).await
    }

    /// The first offset of each partition whose timestamp is this or later; -1 where there is none.
    pub async fn offsets_at(&self, partitions: &[Partition], timestamp_ms: i64) -> Offsets {
        let asked: Vec<(&str, i32)> = partitions.iter().map(|p| (&*p.topic, p.index)).collect();
        let found = self.inner.offsets_for_times(&asked, timestamp_ms).await;
        let ours = found.into_iter().map(|((topic, index), offset)| {
            let offset = offset.map_err(|e| KafkaError::new("list offsets", e));
            (Partition::new(topic, index), offset)
        });
        ours.collect()
    }

    /// What the group has committed, none where it has not; an answer for each. The consumer's own question takes a
    /// partition's error for "nothing": it would be read from its start or its end.
    ///
    /// # Errors
    /// The group's coordinator does not answer, or what one partition has committed lies in an open transaction: nothing
    /// is known of any.
    pub async fn committed(&self, partitions: &[Partition]) -> Result<Committed, KafkaError> {
        let options = ListConsumerGroupOffsetsOptions::default()
            .partitions(partitions.iter().map(topic_partition).collect())
            .require_stable(self.read_committed);
        let admin = &self.cluster.admin;
        let found = admin.list_consumer_group_offsets(&*self.group_id, options);
        let mut found = found.await.map_err(KafkaError::no_commits)?;
        let answer = |partition: &Partition| match found.remove(&topic_partition(partition)) {
            Some(at) => (
                partition.clone(),
                at.map(|at| at.offset).map_err(KafkaError::no_commits),
            ),
            None => (partition.clone(), Err(KafkaError::unknown_commit())),
        };
        Ok(partitions.iter().map(answer).collect())
    }

    /// Where the client stands in each assigned partition; no request is sent.
    pub async fn survey(&self, read_committed: bool) -> BTreeMap<Partition, Survey> {
        let lag = self.inner.lag().await.into_iter();
        let seen = lag.filter_map(|(tp, lag)| {
            let stable = lag.last_stable_offset.filter(|_| read_committed);
            let survey = Survey {
                position: lag.position?,
                end: stable.or(lag.high_watermark),
            };
            Some((Partition::new(tp.topic, tp.partition), survey))
        });
        seen.collect()
    }

    /// The partitions that are paused, held ones included.
    pub async fn paused(&self) -> Vec<Partition> {
        let paused = self.inner.paused_partitions().await.into_iter();
        paused
            .map(|(topic, index)| Partition::new(topic, index))
            .collect()
    }

    /// The id that the group gave this member; none before the first join.
    pub async fn member_id(&self) -> Option<String> {
        let metadata = self.inner.group_metadata().await?;
        Some(metadata.member_id().to_owned())
    }

    /// Asks who leads the partitions of these topics. To be called every 3 to 5 s: without it the client
    /// never leaves a leader that was killed, and says nothing. The answer is the first error.
    pub async fn refresh_leaders(
        &self,
        topics: impl IntoIterator<Item = &str>,
    ) -> Result<(), KafkaError> {
        let asked = topics
            .into_iter()
            .map(|topic| self.inner.fetch_metadata(Some(topic)));
        for answer in join_all(asked).await {
            answer.map_err(|e| KafkaError::new("fetch metadata", e))?;
        }
        Ok(())
    }

    /// Gives the partitions up ([`Rebalance::revoked`]) and leaves the group, or, if `stay`, lets the
    /// session run on so that the same static member can come back; within `limit`. The consumer is
    /// closed even if the future is dropped.
    pub async fn close(&self, stay: bool, limit: Duration) -> Result<(), KafkaError> {
        let membership = if stay {
            GroupMembershipOperation::RemainInGroup
        } else {
            GroupMembershipOperation::LeaveGroup
        };
        let options = CloseOptions::new()
            .timeout(limit)
            .group_membership_operation(membership);
        let closed = self.inner.close_with(options).await;
        self.committer.attach(None);
        closed.map_err(|e| KafkaError::new("leave the group", e))
    }
}

/// Offsets, or why one cannot be known.
pub type Offsets = BTreeMap<Partition, Result<i64, KafkaError>>;
/// What is committed for each partition that was asked for, none where nothing is.
pub type Committed = BTreeMap<Partition, Result<Option<i64>, KafkaError>>;

fn isolation(read_committed: bool) -> IsolationLevel {
    if read_committed {
        IsolationLevel::ReadCommitted
    } else {
        IsolationLevel::ReadUncommitted
    }
}

fn bytes(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

impl std::fmt::Debug for Consumer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Consumer").finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Cluster {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cluster")
            .field("name", &self.name())
            .finish_non_exhaustive()
    }
}
