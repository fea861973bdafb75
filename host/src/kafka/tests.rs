//! What intake builds on, against the broker in this process. Each of these would begin to fail the day the
//! client behaves otherwise.

use super::testing::FakeKafka;
use super::*;
use crate::model::Partition;
use std::sync::{Arc, Mutex};
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(20);

fn cluster(fake: &FakeKafka) -> ClusterSettings {
    ClusterSettings {
        name: "main".into(),
        brokers: vec![fake.address()],
        client_id: "tidegate-test".into(),
        request_timeout: Duration::from_secs(5),
        connect_timeout: Duration::from_secs(5),
    }
}

fn group() -> GroupSettings {
    GroupSettings {
        group_id: "group".into(),
        group_instance_id: None,
        read_committed: true,
        session_timeout: Duration::from_secs(10),
        heartbeat_interval: Duration::from_secs(1),
        max_poll_interval: Duration::from_secs(300),
        max_partition_fetch_bytes: 256 << 10,
        fetch_max_bytes: 8 << 20,
    }
}

#[derive(Clone, Default)]
struct Assigned(Arc<Mutex<Vec<Partition>>>);

impl Rebalance for Assigned {
    fn assigned(&self, partitions: Vec<Partition>) {
        self.0.lock().unwrap().extend(partitions);
    }

    async fn revoked(&self, _: Vec<Partition>) {}

    fn lost(&self, _: Vec<Partition>) {}
}

async fn joined(fake: &FakeKafka) -> (Cluster, Consumer, Committer) {
    let cluster = connect(&cluster(fake), |_| {}).await.unwrap();
    let committer = Committer::default();
    let assigned = Assigned::default();
    let consumer = Consumer::build(&cluster, &group(), &committer, assigned.clone())
        .await
        .unwrap();
    consumer.subscribe(["logs"]).await.unwrap();
    let joining = async {
        while assigned.0.lock().unwrap().is_empty() {
            let polled = consumer.poll(Duration::from_millis(10)).await.unwrap();
            assert!(polled.is_empty(), "held before the first record");
        }
    };
    tokio::time::timeout(LIMIT, joining)
        .await
        .expect("an assignment");
    (cluster, consumer, committer)
}

async fn offsets(consumer: &Consumer, count: usize) -> Vec<i64> {
    let mut offsets = Vec::new();
    let reading = async {
        while offsets.len() < count {
            let polled = consumer.poll(Duration::from_millis(10)).await.unwrap();
            for run in polled.runs() {
                offsets.extend(run.records().map(|r| r.raw().offset));
            }
        }
    };
    tokio::time::timeout(LIMIT, reading).await.expect("records");
    offsets
}

/// *Scenario:* a consumer joins a group that has committed nothing, and polls; then it is placed at offset 2.
/// *Guarantees:* nothing is read, and no reset is made, before it is placed; then it is read from there.
#[tokio::test]
async fn an_assigned_partition_is_held() {
    let fake = FakeKafka::start().await;
    fake.create("logs", 1);
    fake.produce("logs", 0, 5).await;
    let (_cluster, consumer, _) = joined(&fake).await;
    for _ in 0..10 {
        assert!(
            consumer
                .poll(Duration::from_millis(10))
                .await
                .unwrap()
                .is_empty()
        );
    }
    consumer.place(&Partition::new("logs", 0), 2).await.unwrap();
    assert_eq!(offsets(&consumer, 3).await, vec![2, 3, 4]);
    consumer.close(false, LIMIT).await.unwrap();
}

/// *Scenario:* the broker says once that the position is out of range.
/// *Guarantees:* the poll says which partition is out of range, and does not go on elsewhere by itself.
#[tokio::test]
async fn out_of_range_is_said() {
    let fake = FakeKafka::start().await;
    fake.create("logs", 1);
    fake.produce("logs", 0, 5).await;
    let (_cluster, consumer, _) = joined(&fake).await;
    let partition = Partition::new("logs", 0);
    fake.out_of_range_once();
    consumer.place(&partition, 1).await.unwrap();
    let polling = async {
        loop {
            match consumer.poll(Duration::from_millis(10)).await {
                Ok(polled) => assert!(polled.is_empty(), "nothing is skipped in silence"),
                Err(error) => return error,
            }
        }
    };
    let error = tokio::time::timeout(LIMIT, polling).await.unwrap();
    assert_eq!(error.out_of_range(), Some(vec![partition.clone()]));
    assert!(!error.is_fatal());
    assert_eq!(consumer.survey(true).await[&partition].position, 1);
    consumer.close(false, LIMIT).await.unwrap();
}

/// *Scenario:* the committer is used before there is a consumer, with one, and after it was closed.
/// *Guarantees:* without one it fails in a way that may be tried again; with one the group has the offset.
#[tokio::test]
async fn the_committer_follows_the_consumer() {
    let fake = FakeKafka::start().await;
    fake.create("logs", 1);
    let early = Committer::default()
        .commit(vec![(Partition::new("logs", 0), 1)])
        .await;
    assert!(early.unwrap_err().is_retriable());
    let (_cluster, consumer, committer) = joined(&fake).await;
    let partition = Partition::new("logs", 0);
    committer
        .commit(vec![(partition.clone(), 7)])
        .await
        .unwrap();
    assert_eq!(fake.committed("group", "logs", 0), Some(7));
    assert_eq!(committer.committed(&partition), Some(7));
    assert_eq!(
        consumer
            .committed(std::slice::from_ref(&partition))
            .await
            .unwrap()[&partition]
            .as_ref()
            .unwrap(),
        &Some(7)
    );
    consumer.close(false, LIMIT).await.unwrap();
    assert!(committer.commit(vec![(partition, 8)]).await.is_err());
    assert_eq!(fake.committed("group", "logs", 0), Some(7));
}

/// *Scenario:* errors of each kind that a caller tells apart.
/// *Guarantees:* what a person must mend is fatal; what passes by itself may be tried again; a commit that came
/// too late and a taken instance id are told apart from both.
#[test]
fn errors_answer_the_question() {
    use krafka::KrafkaError;
    use krafka::error::ErrorCode;
    let broker = |code| KafkaError::new("test", KrafkaError::broker(code, "said so"));
    for fatal in [
        KafkaError::new("test", KrafkaError::auth("wrong password")),
        KafkaError::new("test", KrafkaError::config("bad")),
        broker(ErrorCode::GroupAuthorizationFailed),
        broker(ErrorCode::UnreleasedInstanceId),
        broker(ErrorCode::InconsistentGroupProtocol),
    ] {
        assert!(
            fatal.is_fatal() && !fatal.is_retriable(),
            "{}",
            fatal.chain()
        );
    }
    for passing in [
        KafkaError::new("test", KrafkaError::timeout("poll")),
        broker(ErrorCode::CoordinatorLoadInProgress),
        broker(ErrorCode::IllegalGeneration),
    ] {
        assert!(
            passing.is_retriable() && !passing.is_fatal(),
            "{}",
            passing.chain()
        );
    }
    assert!(broker(ErrorCode::IllegalGeneration).is_rebalance());
    let fenced = broker(ErrorCode::FencedInstanceId);
    assert!(fenced.is_fenced() && !fenced.is_fatal() && !fenced.is_retriable());
}

/// *Scenario:* leaders are asked for, twice, further apart than metadata may be old; topics and their
/// partitions are asked for.
/// *Guarantees:* each time a request goes out, without which a killed leader is never left; a topic that does
/// not exist is left out of the counts.
#[tokio::test]
async fn leaders_and_topics_are_asked_for() {
    let fake = FakeKafka::start().await;
    fake.create("logs", 3);
    let (cluster, consumer, _) = joined(&fake).await;
    let before = fake.metadata_requests();
    let asking = async {
        while fake.metadata_requests() < before + 2 {
            consumer.refresh_leaders(["logs"]).await.unwrap();
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(LIMIT, asking)
        .await
        .expect("two requests");
    let counts = cluster.partition_counts(["logs", "none"]).await.unwrap();
    assert_eq!(
        counts.into_iter().collect::<Vec<_>>(),
        vec![("logs".to_owned(), 3)]
    );
    assert!(cluster.topics().await.unwrap().contains(&"logs".to_owned()));
    consumer.close(false, LIMIT).await.unwrap();
}
