//! The producer against a broker in this process.

use super::*;
use krafka::testing::{ApiKey, Control, FakeBroker};

/// How long any of it may take.
const LIMIT: Duration = Duration::from_secs(20);

fn settings(brokers: Vec<String>) -> ClusterSettings {
    ClusterSettings {
        name: "main".to_owned(),
        brokers,
        client_id: "tidegate".to_owned(),
        request_timeout: Duration::from_secs(2),
        connect_timeout: Duration::from_secs(2),
    }
}

async fn broker(topic: &str) -> (FakeBroker, Producer) {
    let broker = FakeBroker::start().await.unwrap();
    broker.create_topic(topic, 1);
    let producer = Producer::new(settings(vec![broker.bootstrap_servers()]));
    (broker, producer)
}

fn record(value: &'static str) -> ProducerRecord {
    ProducerRecord {
        value: Some(Bytes::from_static(value.as_bytes())),
        ..ProducerRecord::default()
    }
}

async fn send(producer: &Producer, record: ProducerRecord) -> Result<(), SendError> {
    let sent = producer.send("dead", record);
    timeout(LIMIT, sent).await.expect("an answer")
}

/// *Scenario:* a record with a key, a null value, a null and an empty header, and a timestamp of its own; then
/// a thousand at once.
/// *Guarantees:* the broker has it as it was, null still null; the thousand are there in the order of sending.
#[tokio::test]
async fn records_arrive_as_they_were_and_in_order() {
    let (broker, producer) = broker("dead").await;
    let odd = ProducerRecord {
        key: Some(Bytes::from_static(b"k")),
        value: None,
        headers: vec![("n".to_owned(), None), ("e".to_owned(), Some(Bytes::new()))],
        timestamp_ms: Some(1_600_000_000_000),
    };
    send(&producer, odd.clone()).await.unwrap();
    let many = (0..1000).map(|i| ProducerRecord {
        value: Some(Bytes::from(i.to_string())),
        ..ProducerRecord::default()
    });
    let sent = futures_util::future::join_all(many.map(|r| send(&producer, r)));
    assert!(sent.await.iter().all(Result::is_ok));

    let written = broker.all_records("dead").unwrap();
    let first = &written[0];
    assert_eq!((&first.key, &first.value), (&odd.key, &odd.value));
    assert_eq!(first.headers, odd.headers);
    assert_eq!(first.timestamp, 1_600_000_000_000);
    let values = written[1..].iter().map(|r| r.value.clone().unwrap());
    let wanted = (0..1000).map(|i| Bytes::from(i.to_string()));
    assert!(values.eq(wanted));
    producer.close(LIMIT).await;
}

/// *Scenario:* the broker refuses single records for several reasons; one record is larger than the client
/// takes, one has more headers than can be written.
/// *Guarantees:* each answers the caller's question: smaller, another time, somebody's help; and the next record
/// is written.
#[tokio::test]
async fn refusals_say_what_would_help() {
    let (broker, producer) = broker("dead").await;
    let mut refused = Vec::new();
    for code in [
        ErrorCode::MessageTooLarge,
        ErrorCode::InvalidTimestamp,
        ErrorCode::TopicAuthorizationFailed,
    ] {
        broker.on_once(ApiKey::Produce, move |_| Control::Error(code));
        refused.push(send(&producer, record("v")).await.unwrap_err());
    }
    assert!(refused[0].is_too_large() && !refused[0].is_retriable());
    assert!(refused[1].is_timestamp_refused());
    assert!(matches!(refused[2], SendError::Refused(_)), "{refused:?}");

    let large = ProducerRecord {
        value: Some(Bytes::from(vec![0; BUFFER_BYTES])),
        ..ProducerRecord::default()
    };
    assert!(send(&producer, large).await.unwrap_err().is_too_large());
    let mut wide = record("v");
    wide.headers = vec![(String::new(), None); HEADERS_MAX + 1];
    assert!(send(&producer, wide).await.unwrap_err().is_too_large());
    assert_eq!(send(&producer, record("v")).await, Ok(()));
    producer.close(LIMIT).await;
}

/// *Scenario:* nobody listens; then a cluster is there, without the topic at first.
/// *Guarantees:* the first is worth another try, and many callers fail together within the limit rather than one
/// after the other; the second needs somebody's help, and a later record is written.
#[tokio::test]
async fn rule_17_a_cluster_that_is_away_is_tried_again() {
    let producer = Producer::new(settings(vec!["127.0.0.1:1".to_owned()]));
    let many = (0..1000).map(|_| send(&producer, record("v")));
    let many = timeout(LIMIT, futures_util::future::join_all(many));
    let away = |r: &Result<(), SendError>| r.as_ref().is_err_and(SendError::is_retriable);
    assert!(many.await.expect("all at once").iter().all(away));

    let (broker, producer) = broker("other").await;
    let unknown = send(&producer, record("v")).await;
    assert!(matches!(unknown, Err(SendError::Refused(_))), "{unknown:?}");
    broker.create_topic("dead", 1);
    assert_eq!(send(&producer, record("v")).await, Ok(()));
    producer.close(LIMIT).await;
}

/// *Scenario:* the broker no longer knows this producer.
/// *Guarantees:* that is worth another try, and the try has a new identity and is acknowledged.
#[tokio::test]
async fn a_producer_that_cannot_go_on_is_made_anew() {
    let (broker, producer) = broker("dead").await;
    assert_eq!(send(&producer, record("v")).await, Ok(()));
    broker.on_once(ApiKey::Produce, |_| {
        Control::Error(ErrorCode::InvalidProducerIdMapping)
    });
    assert!(
        send(&producer, record("v"))
            .await
            .unwrap_err()
            .is_retriable()
    );
    assert_eq!(broker.request_count(ApiKey::InitProducerId), 1);
    assert_eq!(send(&producer, record("v")).await, Ok(()));
    assert_eq!(broker.request_count(ApiKey::InitProducerId), 2);
    producer.close(LIMIT).await;
}

/// *Scenario:* a producer that has written a record and then has nothing to do.
/// *Guarantees:* the leaders of its topic are asked for again and again, though no record is written.
#[tokio::test]
async fn rule_18_leaders_are_asked_for() {
    let (broker, producer) = broker("dead").await;
    assert_eq!(send(&producer, record("v")).await, Ok(()));
    let before = broker.request_count(ApiKey::Metadata);
    let more = broker.wait_for_requests(ApiKey::Metadata, before + 1, LIMIT);
    assert!(more.await);
    producer.close(LIMIT).await;
}

/// *Scenario:* with each kind of acknowledgement and of compression, three records at once of which the last but one can
/// not even be queued.
/// *Guarantees:* the answers are in the order of the records and end with that one; the one behind it is not written;
/// settings that the client would refuse are none that the configuration allows.
#[tokio::test]
async fn send_all_keeps_order_and_stops() {
    let broker = FakeBroker::start().await.unwrap();
    broker.create_topic("dead", 1);
    let all = ProducerSettings::default();
    let compressed = |compression| ProducerSettings { compression, ..all };
    let weaker = |acks| ProducerSettings {
        acks,
        idempotent: false,
        ..all
    };
    let kinds = [
        compressed(Compression::Gzip),
        compressed(Compression::Snappy),
        compressed(Compression::Lz4),
        compressed(Compression::Zstd),
        weaker(Acks::Leader),
    ];
    for (round, how) in kinds.into_iter().enumerate() {
        let producer = Producer::with(settings(vec![broker.bootstrap_servers()]), how);
        let large = ProducerRecord {
            value: Some(Bytes::from(vec![0; BUFFER_BYTES])),
            ..ProducerRecord::default()
        };
        let records = vec![record("a"), record("b"), large, record("never")];
        let answers = timeout(LIMIT, producer.send_all("dead", records));
        let answers = answers.await.expect("answers");
        assert_eq!(answers[..2], [Ok(()), Ok(())], "{how:?}");
        assert!(answers.len() == 3 && answers[2].as_ref().is_err_and(SendError::is_too_large));
        let written = broker.all_records("dead").unwrap();
        let values: Vec<_> = written[2 * round..]
            .iter()
            .map(|r| r.value.clone().unwrap())
            .collect();
        assert_eq!(values, ["a", "b"]);
        producer.close(LIMIT).await;
    }
}
