//! A connection to a cluster, and what can be asked of it without a group.

use super::{ClusterSettings, KafkaError};
use crate::model::Partition;
use krafka::Kafka;
use krafka::admin::{
    AdminClient, ConfigResource, CreateTopicsOptions, DescribeConfigsOptions,
    DescribeConsumerGroupsOptions, DescribeTopicsOptions, ListOffsetsOptions, ListTopicsOptions,
    NewTopic, OffsetSpec,
};
use krafka::consumer::TopicPartition;
use krafka::error::ErrorCode;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// A killed leader is noticed only when metadata is asked for again, which happens no more often than
/// this, so whoever asks every 3 to 5 s is answered with what is true.
const METADATA_MAX_AGE: Duration = Duration::from_secs(3);
/// The pause after the first attempt to connect that failed.
const CONNECT_RETRY_INITIAL: Duration = Duration::from_millis(250);
/// The longest pause between attempts to connect.
const CONNECT_RETRY_MAX: Duration = Duration::from_secs(10);
/// The bound of one administrative call, its retries included; where one request may take longer, that.
const ADMIN_TIMEOUT: Duration = Duration::from_secs(15);

/// What becomes of old records: `delete`, `compact`, both with a comma between, or neither.
const CLEANUP_POLICY: &str = "cleanup.policy";
/// As many replicas as the broker makes by default.
const BROKER_DEFAULT: i16 = -1;
/// What a topic for memories is made with: soon compacted, for each save of a partition replaces the one before; and
/// with room for the memory of several plugins in one record.
const COMPACTED: [(&str, &str); 5] = [
    (CLEANUP_POLICY, "compact"),
    ("segment.bytes", "33554432"),
    ("min.cleanable.dirty.ratio", "0.1"),
    ("max.compaction.lag.ms", "600000"),
    ("max.message.bytes", "16777216"),
];

/// Connections to one cluster. Clones share them.
#[derive(Clone)]
pub struct Cluster {
    pub(super) kafka: Kafka,
    pub(super) admin: Arc<AdminClient>,
    name: Arc<str>,
}

/// Connects, and tries again with back-off for as long as no broker answers; `failed` is told why after each
/// attempt. May be dropped at any time.
///
/// Errors: only those that a person must mend (credentials, configuration).
pub async fn connect(
    settings: &ClusterSettings,
    mut failed: impl FnMut(&str),
) -> Result<Cluster, KafkaError> {
    let mut pause = CONNECT_RETRY_INITIAL;
    loop {
        let error = match connect_once(settings).await {
            Ok(cluster) => return Ok(cluster),
            Err(error) if error.is_fatal() => return Err(error),
            Err(error) => error,
        };
        failed(&format!("no broker answers: {}", error.chain()));
        tracing::warn!(cluster = settings.name, brokers = ?settings.brokers, retry_in_ms = pause.as_millis() as u64,
            "no broker answers: {}", error.chain());
        // Many gateways that lost one cluster must not come back in step.
        tokio::time::sleep(pause.mul_f64(0.75 + fastrand::f64() * 0.5)).await;
        pause = (pause * 2).min(CONNECT_RETRY_MAX);
    }
}

async fn connect_once(settings: &ClusterSettings) -> Result<Cluster, KafkaError> {
    let kafka = Kafka::builder(settings.brokers.join(","))
        .client_id(settings.client_id.as_str())
        .request_timeout(settings.request_timeout)
        .connect_timeout(settings.connect_timeout)
        .metadata_max_age(METADATA_MAX_AGE)
        .connect()
        .await
        .map_err(|e| KafkaError::new("connect to Kafka", e))?;
    let admin = Arc::new(
        kafka
            .admin()
            .default_api_timeout(ADMIN_TIMEOUT.max(settings.request_timeout)),
    );
    Ok(Cluster {
        kafka,
        admin,
        name: settings.name.as_str().into(),
    })
}

impl Cluster {
    /// Its name in the configuration.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The names of all topics, internal ones too.
    pub async fn topics(&self) -> Result<Vec<String>, KafkaError> {
        self.admin
            .list_topics(ListTopicsOptions::default().include_internal(true))
            .await
            .map_err(|e| KafkaError::new("list topics", e))
    }

    /// How many partitions each of these topics has; a topic that does not exist is left out.
    pub async fn partition_counts(
        &self,
        topics: impl IntoIterator<Item = &str>,
    ) -> Result<BTreeMap<String, usize>, KafkaError> {
        let failed = |e| KafkaError::new("describe topics", e);
        let described = self
            .admin
            .describe_topics(topics, DescribeTopicsOptions::default())
            .await
            .map_err(failed)?;
        let mut counts = BTreeMap::new();
        for (name, result) in described {
            match result {
                Ok(topic) => drop(counts.insert(name, topic.partitions.len())),
                Err(e) if is_unknown_topic(&e) => {}
                Err(e) => return Err(failed(e)),
            }
        }
        Ok(counts)
    }

    /// Makes a compacted topic of one partition, where there is none of that name.
    ///
    /// # Errors
    /// It is not there, and cannot be made.
    pub async fn ensure_compacted(&self, topic: &str) -> Result<(), KafkaError> {
        if self.partition_counts([topic]).await?.contains_key(topic) {
            return Ok(());
        }
        let doing = "create the topic for what plugins remember (make it yourself, with cleanup.policy=compact, or \
                     name another one under memory.topic)";
        let failed = |e| KafkaError::new(doing, e);
        let new = NewTopic::new(topic, 1, BROKER_DEFAULT).map_err(failed)?;
        let new = COMPACTED
            .into_iter()
            .fold(new, |new, (key, value)| new.with_config(key, value));
        let answers = self
            .admin
            .create_topics([new], CreateTopicsOptions::default())
            .await
            .map_err(failed)?;
        for (topic, answer) in answers {
            match answer {
                Ok(()) => {
                    tracing::info!(cluster = %self.name, topic, "created the topic for what plugins remember")
                }
                Err(krafka::KrafkaError::Broker {
                    code: ErrorCode::TopicAlreadyExists,
                    ..
                }) => {}
                Err(e) => return Err(failed(e)),
            }
        }
        Ok(())
    }

    /// A topic's `cleanup.policy`; none where the broker does not tell.
    ///
    /// # Errors
    /// It cannot be asked for: often because the right to describe configurations is not given.
    pub async fn cleanup_policy(&self, topic: &str) -> Result<Option<String>, KafkaError> {
        let failed = |e| KafkaError::new("describe the topic's settings", e);
        let options =
            DescribeConfigsOptions::default().config_names(vec![CLEANUP_POLICY.to_owned()]);
        let described = self
            .admin
            .describe_configs([ConfigResource::topic(topic)], options)
            .await
            .map_err(failed)?;
        let mut policy = None;
        for (_, entries) in described {
            let mut entries = entries.map_err(failed)?.into_iter();
            let entry = entries.find(|entry| entry.name == CLEANUP_POLICY);
            policy = entry.and_then(|entry| entry.value);
        }
        Ok(policy)
    }

    /// The member ids of a consumer group.
    pub async fn group_members(&self, group_id: &str) -> Result<Vec<String>, KafkaError> {
        let failed = |e| KafkaError::new("describe the consumer group", e);
        let groups = self
            .admin
            .describe_consumer_groups([group_id], DescribeConsumerGroupsOptions::default())
            .await
            .map_err(failed)?;
        let mut members = Vec::new();
        for (_, group) in groups {
            let group = group.map_err(failed)?;
            members.extend(group.members.into_iter().map(|m| m.member_id));
        }
        Ok(members)
    }

    /// The high watermark of each partition: the end of the log, open transactions included.
    pub async fn high_watermarks(
        &self,
        partitions: &[Partition],
    ) -> Result<BTreeMap<Partition, i64>, KafkaError> {
        let specs = partitions
            .iter()
            .map(|p| (topic_partition(p), OffsetSpec::Latest));
        let listed = self
            .admin
            .list_offsets(specs, ListOffsetsOptions::default())
            .await
            .map_err(|e| KafkaError::new("list offsets", e))?;
        let known = listed.into_iter().filter_map(|(tp, result)| {
            let offset = result.ok()?.offset;
            Some((Partition::new(tp.topic.as_str(), tp.partition), offset))
        });
        Ok(known.collect())
    }
}

pub(super) fn topic_partition(partition: &Partition) -> TopicPartition {
    TopicPartition::new(&*partition.topic, partition.index)
}

fn is_unknown_topic(error: &krafka::KrafkaError) -> bool {
    match error {
        krafka::KrafkaError::UnknownTopic { .. } => true,
        krafka::KrafkaError::Broker { code, .. } => *code == ErrorCode::UnknownTopicOrPartition,
        _ => false,
    }
}
