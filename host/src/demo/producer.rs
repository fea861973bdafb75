//! The demo's producer: a mixed stream at a steady rate.

use super::mixed::Mixed;
use super::show::Show;
use krafka::producer::Acks;
use krafka::{Kafka, Record};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Lines are written in this many turns a second.
const TURNS_A_SECOND: u32 = 20;
/// How often a line is followed through the gateway.
const FOLLOW_INTERVAL: Duration = Duration::from_secs(3);

/// Writes until it is stopped.
pub(super) struct Producer {
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Producer {
    pub(super) async fn start(
        broker: &str,
        topic: &str,
        partitions: i32,
        rate: u32,
        show: Arc<Show>,
    ) -> anyhow::Result<Producer> {
        let kafka = Kafka::builder(broker).connect().await?;
        let linger = Duration::from_millis(5);
        let producer = kafka
            .producer()
            .acks(Acks::All)
            .linger(linger)
            .metrics_push(false)
            .build()
            .await?;
        let (stop, stopped) = watch::channel(false);
        let stream = Stream {
            producer,
            topic: topic.to_owned(),
            partitions,
            rate,
            show,
            mixed: Mixed::new(now_ms(), now_ms()),
        };
        let task = tokio::spawn(stream.run(stopped));
        Ok(Producer { stop, task })
    }

    /// Stops it and waits until all that it wrote is acknowledged.
    pub(super) async fn stop(self) {
        self.stop.send_replace(true);
        let _ = self.task.await;
    }
}

struct Stream {
    producer: krafka::producer::Producer,
    topic: String,
    partitions: i32,
    rate: u32,
    show: Arc<Show>,
    mixed: Mixed,
}

impl Stream {
    async fn run(mut self, stopped: watch::Receiver<bool>) {
        let mut turns = tokio::time::interval(Duration::from_secs(1) / TURNS_A_SECOND);
        let mut follow = tokio::time::Instant::now() + Duration::from_secs(1);
        while !*stopped.borrow() {
            turns.tick().await;
            let now = tokio::time::Instant::now();
            let followed = follow <= now;
            if followed {
                follow = now + FOLLOW_INTERVAL;
            }
            self.turn(followed).await;
        }
        let _ = self.producer.close().await;
    }

    /// Writes the lines of one turn and waits for their acknowledgements; only those count as produced.
    async fn turn(&mut self, follow: bool) {
        self.mixed.advance_to(now_ms());
        let mut pending = Vec::new();
        for i in 0..(self.rate / TURNS_A_SECOND).max(1) {
            let line = self.mixed.line();
            let record = Record::new(&self.topic, line.value.clone())
                .partition((i % self.partitions as u32) as i32);
            let record = line
                .key
                .into_iter()
                .fold(record, |record, key| record.key(key));
            if let Ok(handle) = self.producer.enqueue(record).await {
                pending.push((handle, (follow && i == 0).then_some(line.value)));
            }
        }
        for (handle, value) in pending {
            if let Ok(written) = handle.await {
                self.show.wrote(written.partition, written.offset, value);
            }
        }
    }
}

fn now_ms() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_millis() as u64
}
