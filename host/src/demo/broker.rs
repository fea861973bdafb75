//! The demo's broker: the client's own test broker, kept small.
//!
//! It keeps all records and all requests in memory, so a task throws away what the demo's group has
//! committed. It proves nothing about interoperability: that is what the tests on Apache Kafka are for.

use krafka::testing::FakeBroker;
use std::sync::Arc;
use std::time::Duration;

/// How often what is done with is thrown away.
const TRIM_INTERVAL: Duration = Duration::from_millis(500);
/// Of a compacted topic so many records are kept: far more than it has keys.
const COMPACTED_RECORDS: i64 = 64;

/// A broker in this process, listening on a free loopback port.
pub struct Broker {
    fake: Arc<FakeBroker>,
    trimmer: tokio::task::JoinHandle<()>,
}

/// The topics of the demo.
#[derive(Clone, Copy, Debug)]
pub struct Topics {
    /// To be read.
    pub logs: &'static str,
    /// How many partitions that one has.
    pub partitions: i32,
    /// The group that reads it.
    pub group: &'static str,
    /// To be written and counted, with one partition each; nobody reads them.
    pub written: &'static [&'static str],
    /// What plugins remember, with one partition.
    pub memory: &'static str,
}

impl Broker {
    /// Starts it with the topics to read and to write.
    pub async fn start(topics: Topics) -> std::io::Result<Broker> {
        let fake = Arc::new(FakeBroker::start().await.map_err(std::io::Error::other)?);
        fake.create_topic(topics.logs, topics.partitions);
        for topic in topics.written.iter().chain([&topics.memory]) {
            fake.create_topic(topic, 1);
        }
        let trimmer = tokio::spawn(trim(fake.clone(), topics));
        Ok(Broker { fake, trimmer })
    }

    /// `host:port`.
    pub fn address(&self) -> String {
        self.fake.bootstrap_servers()
    }

    /// How many records a topic of one partition has been given.
    pub fn written(&self, topic: &str) -> u64 {
        self.fake.next_offset(topic, 0).unwrap_or(0).max(0) as u64
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.trimmer.abort();
    }
}

async fn trim(fake: Arc<FakeBroker>, topics: Topics) {
    let mut interval = tokio::time::interval(TRIM_INTERVAL);
    loop {
        interval.tick().await;
        fake.clear_requests();
        for partition in 0..topics.partitions {
            let done = fake
                .committed_offset(topics.group, topics.logs, partition)
                .unwrap_or(0);
            drop_before(&fake, topics.logs, partition, done);
        }
        for topic in topics.written {
            let all = fake.next_offset(topic, 0).unwrap_or(0);
            drop_before(&fake, topic, 0, all);
        }
        let newest = fake.next_offset(topics.memory, 0).unwrap_or(0);
        drop_before(&fake, topics.memory, 0, newest - COMPACTED_RECORDS);
    }
}

/// Throws away the record batches that lie wholly before `offset`.
fn drop_before(fake: &FakeBroker, topic: &str, partition: i32, offset: i64) {
    fake.with_state(|state| {
        let Some(log) = state.partition_mut(topic, partition) else {
            return;
        };
        let whole = log
            .log
            .iter()
            .take_while(|batch| end_of(batch).is_some_and(|end| end <= offset))
            .count();
        let end = log
            .log
            .drain(..whole)
            .next_back()
            .and_then(|last| end_of(&last));
        if let Some(end) = end {
            log.log_start_offset = end;
        }
    });
}

/// The offset after a stored record batch: base offset at byte 0, last offset delta at byte 23
/// (Kafka's record batch format, version 2).
fn end_of(batch: &[u8]) -> Option<i64> {
    let base = i64::from_be_bytes(batch.get(..8)?.try_into().ok()?);
    let delta = i32::from_be_bytes(batch.get(23..27)?.try_into().ok()?);
    Some(base + i64::from(delta) + 1)
}
