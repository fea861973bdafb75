//! The demo's broker: the client's own test broker, kept small.
//!
//! It keeps all records and all requests in memory, so a task throws away what the demo's group has
//! committed. It proves nothing about interoperability: that is what the tests on Apache Kafka are for.

use krafka::testing::FakeBroker;
use std::sync::Arc;
use std::time::Duration;

/// How often what is done with is thrown away.
const TRIM_INTERVAL: Duration = Duration::from_millis(500);

/// A broker in this process, listening on a free loopback port.
pub struct Broker {
    fake: Arc<FakeBroker>,
    trimmer: tokio::task::JoinHandle<()>,
}

impl Broker {
    /// Starts it with one topic to read and one for dead letters.
    pub async fn start(
        topic: &str,
        partitions: i32,
        dead_letters: &str,
        group: &str,
    ) -> std::io::Result<Broker> {
        let fake = Arc::new(FakeBroker::start().await.map_err(std::io::Error::other)?);
        fake.create_topic(topic, partitions);
        fake.create_topic(dead_letters, 1);
        let trimmer = tokio::spawn(trim(
            fake.clone(),
            topic.to_owned(),
            dead_letters.to_owned(),
            group.to_owned(),
            partitions,
        ));
        Ok(Broker { fake, trimmer })
    }

    /// `host:port`.
    pub fn address(&self) -> String {
        self.fake.bootstrap_servers()
    }

    /// How many records a topic has been given.
    pub fn written(&self, topic: &str, partitions: i32) -> u64 {
        (0..partitions)
            .filter_map(|p| self.fake.next_offset(topic, p))
            .map(|n| n.max(0) as u64)
            .sum()
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.trimmer.abort();
    }
}

async fn trim(
    fake: Arc<FakeBroker>,
    topic: String,
    dead_letters: String,
    group: String,
    partitions: i32,
) {
    let mut interval = tokio::time::interval(TRIM_INTERVAL);
    loop {
        interval.tick().await;
        fake.clear_requests();
        for partition in 0..partitions {
            let done = fake
                .committed_offset(&group, &topic, partition)
                .unwrap_or(0);
            drop_before(&fake, &topic, partition, done);
        }
        // Nobody reads the dead letters of the demo: they are counted by their offsets.
        let all = fake.next_offset(&dead_letters, 0).unwrap_or(0);
        drop_before(&fake, &dead_letters, 0, all);
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
