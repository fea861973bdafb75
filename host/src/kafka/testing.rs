//! A broker in this process, for tests: the one place of the tests that names krafka.

use krafka::error::ErrorCode;
use krafka::testing::{ApiKey, Control, FakeBroker};
use std::time::Duration;

/// A cluster of one broker on a loopback port.
pub(crate) struct FakeKafka {
    broker: FakeBroker,
}

impl FakeKafka {
    pub(crate) async fn start() -> FakeKafka {
        FakeKafka {
            broker: FakeBroker::start().await.expect("a loopback port"),
        }
    }

    pub(crate) fn address(&self) -> String {
        self.broker.bootstrap_servers()
    }

    pub(crate) fn create(&self, topic: &str, partitions: i32) {
        self.broker.create_topic(topic, partitions);
    }

    pub(crate) fn add_partitions(&self, topic: &str, partitions: i32) {
        self.broker.add_partitions(topic, partitions);
    }

    /// Appends so many records, `VALUE-n` each, a batch of its own for each.
    pub(crate) async fn produce(&self, topic: &str, partition: i32, records: usize) {
        let kafka = krafka::Kafka::builder(self.address())
            .connect()
            .await
            .expect("connect");
        let producer = kafka
            .producer()
            .linger(Duration::ZERO)
            .build()
            .await
            .expect("producer");
        for n in 0..records {
            let record = krafka::Record::new(topic, format!("value-{n}")).partition(partition);
            drop(producer.send(record).await.expect("send"));
        }
        producer.close().await.expect("close");
    }

    /// Retention: the log begins at `offset` now.
    pub(crate) fn delete_before(&self, topic: &str, partition: i32, offset: i64) {
        self.broker.with_state(|state| {
            let partition = state.partition_mut(topic, partition).expect("partition");
            partition.log_start_offset = offset;
        });
    }

    pub(crate) fn committed(&self, group: &str, topic: &str, partition: i32) -> Option<i64> {
        self.broker.committed_offset(group, topic, partition)
    }

    /// No answer about what is committed says anything of any partition, until [`answer_again`](Self::answer_again).
    pub(crate) fn leave_out_commits(&self) {
        self.broker
            .on(ApiKey::OffsetFetch, |_| Control::Error(ErrorCode::None));
    }

    /// No question for the ends of partitions is answered, until [`answer_again`](Self::answer_again).
    pub(crate) fn silence_ends(&self) {
        self.broker.on(ApiKey::ListOffsets, |_| Control::Silence);
    }

    pub(crate) fn answer_again(&self) {
        self.broker.clear_hooks();
    }

    pub(crate) fn questions_for_ends(&self) -> usize {
        self.broker.request_count(ApiKey::ListOffsets)
    }

    /// The next fetch is answered with OFFSET_OUT_OF_RANGE.
    pub(crate) fn out_of_range_once(&self) {
        self.broker.on_once(ApiKey::Fetch, |_| {
            Control::Error(ErrorCode::OffsetOutOfRange)
        });
    }

    /// The next heartbeat is told that the group rebalances.
    pub(crate) fn rebalance_once(&self) {
        self.broker.on_once(ApiKey::Heartbeat, |_| {
            Control::Error(ErrorCode::RebalanceInProgress)
        });
    }

    /// The next heartbeat is told that the group does not know the member.
    pub(crate) fn forget_member_once(&self) {
        self.broker.on_once(ApiKey::Heartbeat, |_| {
            Control::Error(ErrorCode::UnknownMemberId)
        });
    }

    pub(crate) fn heartbeats(&self) -> usize {
        self.broker.request_count(ApiKey::Heartbeat)
    }

    /// Every heartbeat is answered with FENCED_INSTANCE_ID.
    pub(crate) fn fence_always(&self) {
        self.broker.on(ApiKey::Heartbeat, |_| {
            Control::Error(ErrorCode::FencedInstanceId)
        });
    }

    pub(crate) fn metadata_requests(&self) -> usize {
        self.broker.request_count(ApiKey::Metadata)
    }

    /// How many members have said that they leave.
    pub(crate) fn members_left(&self) -> usize {
        self.broker.leave_group_members().len()
    }
}
