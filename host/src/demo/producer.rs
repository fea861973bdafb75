//! The demo's producer: a steady rate of ordinary lines, and incidents by the clock.

use super::show::Show;
use super::story::{Line, Story};
use krafka::producer::Acks;
use krafka::{Kafka, Record};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;

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
            rate,
            show,
            story: Story::new(now_ms(), now_ms()),
            begin: Instant::now(),
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
    rate: u32,
    show: Arc<Show>,
    story: Story,
    begin: Instant,
}

impl Stream {
    async fn run(mut self, stopped: watch::Receiver<bool>) {
        let mut turns = tokio::time::interval(Duration::from_secs(1) / TURNS_A_SECOND);
        let mut follow = Instant::now() + Duration::from_secs(1);
        while !*stopped.borrow() {
            turns.tick().await;
            let now = Instant::now();
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
        let time_ms = now_ms();
        let mut lines = self.story.incidents(self.begin.elapsed(), time_ms);
        let incidents = lines.len();
        let usual = (self.rate / TURNS_A_SECOND).max(1);
        lines.extend((0..usual).map(|_| self.story.line(time_ms)));
        let mut pending = Vec::new();
        for (i, Line { value, key }) in lines.into_iter().enumerate() {
            // By its key, so that all lines of a service lie in one partition and in their order.
            let record = Record::new(&self.topic, value.clone()).key(key);
            if let Ok(handle) = self.producer.enqueue(record).await {
                pending.push((handle, (follow && i == incidents).then_some(value)));
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
