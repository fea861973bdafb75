//! A Kafka output: chunks to records of one topic.
//!
//! One producer an output, shared by all lanes; the pump is that of every output. A request is done when each of its
//! messages is acknowledged, or refused as too large. Everything else that can happen is a reason to hold and to try
//! again: the cluster is away, or the output is wrong (no such topic, no rights), which a person must mend. It
//! promises that messages of one source partition are written in order, and that one which had to be sent again
//! is followed by all that came behind it.

mod line;

use super::health::Health;
use super::patience::Patience;
use super::pump::{self, Carrier, Outlet, Pump};
use super::{RequestLimits, RetrySettings};
use crate::kafka::ClusterSettings;
use crate::kafka::producer::{Producer, ProducerRecord, ProducerSettings, SendError};
use crate::model::{Chunk, DeadReason, Message};
use crate::telemetry::metrics::OutputMetrics;
use bytes::Bytes;
use line::{Line, Part, Turn};
use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::RwLock;

/// When a request is full: what the producer can have on its way at once is more than some of them.
const REQUEST: RequestLimits = RequestLimits {
    records: 4096,
    bytes: 1 << 20,
    linger: Duration::ZERO,
};
/// Requests in flight of one lane, each of other source partitions.
const REQUESTS_IN_FLIGHT: usize = 32;
/// How long closing the connection may take.
const CLOSE_LIMIT: Duration = Duration::from_secs(2);

/// A Kafka output, as meant.
#[derive(Clone, Debug)]
pub struct KafkaSettings {
    /// Its name in the configuration.
    pub name: String,
    /// The cluster.
    pub cluster: ClusterSettings,
    /// The topic.
    pub topic: String,
    /// Headers of every record.
    pub headers: Vec<(String, String)>,
    /// How records are written.
    pub producer: ProducerSettings,
    /// When to try again.
    pub retry: RetrySettings,
}

/// One configured output: one producer, shared by all lanes. Clones are the same output.
#[derive(Clone, Debug)]
pub struct KafkaOutput {
    shared: Arc<Shared<ToTopic>>,
}

/// Where messages are written.
trait Sink: Send + Sync + 'static {
    /// See [`Producer::send_all`].
    fn write(
        &self,
        records: Vec<ProducerRecord>,
    ) -> impl Future<Output = Vec<Result<(), SendError>>> + Send;
}

/// The usual sink.
#[derive(Debug)]
struct ToTopic {
    producer: Producer,
    topic: String,
}

/// What all requests to one output share.
#[derive(Debug)]
struct Shared<S> {
    name: Arc<str>,
    sink: S,
    headers: Vec<(String, Option<Bytes>)>,
    batch_bytes: usize,
    retry: RetrySettings,
    metrics: OutputMetrics,
    health: Health,
    // Taken for writing by what must be on its way alone.
    way: RwLock<()>,
}

/// A request from its first attempt to the closing of its legs.
struct Flight<S> {
    shared: Arc<Shared<S>>,
    // None where nobody waits for the chunk any more.
    chunks: Vec<Option<Chunk<Vec<Message>>>>,
    // A message: its chunk, and its place there.
    places: Vec<(usize, usize)>,
    patience: Patience,
}

impl KafkaOutput {
    /// Sets the output up; it connects when the first record comes.
    pub fn new(settings: KafkaSettings, metrics: OutputMetrics) -> Self {
        let name: Arc<str> = Arc::from(settings.name.as_str());
        let headers = settings.headers.into_iter();
        let shared = Shared {
            sink: ToTopic {
                producer: Producer::with(settings.cluster, settings.producer),
                topic: settings.topic,
            },
            headers: headers.map(|(n, v)| (n, Some(Bytes::from(v)))).collect(),
            batch_bytes: settings.producer.batch_bytes,
            retry: settings.retry,
            health: Health::new(name.clone(), metrics.unhealthy.clone()),
            metrics,
            name,
            way: RwLock::default(),
        };
        KafkaOutput {
            shared: Arc::new(shared),
        }
    }

    /// Its name in the configuration.
    pub fn name(&self) -> &Arc<str> {
        &self.shared.name
    }

    /// How it is.
    pub fn health(&self) -> &Health {
        &self.shared.health
    }

    /// Nothing more will come: its connection is closed. A record that comes all the same makes a new one.
    pub async fn close(&self) {
        self.shared.sink.producer.close(CLOSE_LIMIT).await;
    }

    /// A way to it for one lane, and the task behind that. All chunks of a partition must go through the
    /// same one. Must be called within a tokio runtime.
    pub fn lane(&self) -> (Outlet<Vec<Message>>, Pump) {
        pump::start(self.shared.clone())
    }
}

impl Sink for ToTopic {
    async fn write(&self, records: Vec<ProducerRecord>) -> Vec<Result<(), SendError>> {
        self.producer.send_all(&self.topic, records).await
    }
}

impl<S: Sink> Carrier for Shared<S> {
    type Payload = Vec<Message>;

    fn name(&self) -> &str {
        &self.name
    }

    fn limits(&self) -> RequestLimits {
        REQUEST
    }

    fn max_in_flight_requests(&self) -> usize {
        REQUESTS_IN_FLIGHT
    }

    fn bytes(payload: &Vec<Message>) -> usize {
        payload.iter().map(Message::bytes).sum()
    }

    async fn deliver(self: Arc<Self>, chunks: Vec<Chunk<Vec<Message>>>) {
        let each = chunks.iter().enumerate();
        let places = each.flat_map(|(c, chunk)| (0..chunk.payload.len()).map(move |m| (c, m)));
        let flight = Flight {
            patience: Patience::new(self.retry),
            places: places.collect(),
            chunks: chunks.into_iter().map(Some).collect(),
            shared: self,
        };
        flight.run().await;
    }
}

impl<S: Sink> Flight<S> {
    async fn run(mut self) {
        let mut line = Line::new(self.places.len(), self.shared.batch_bytes);
        let mut attempts = 0;
        while let Some(part) = line.next() {
            self.leave_cancelled();
            if !self.is_wanted() {
                return;
            }
            if attempts > 0 {
                self.shared.metrics.retries.inc();
            }
            attempts += 1;
            let answers = self.attempt(&line, part).await;
            let turn = line.answered(&answers, |m| self.message(m).map_or(0, Message::bytes));
            match turn {
                Turn::On => self.patience.well(),
                Turn::Pause { is_wrong, words } => self.pause(is_wrong, &words).await,
            }
        }
        self.close(line.refused());
    }

    /// Sends a part, but for messages that are refused already, or that nobody waits for any more: they count as
    /// acknowledged, and the chunks of the latter are let go.
    async fn attempt(&self, line: &Line, part: Part) -> Vec<Result<(), SendError>> {
        let wanted = |m| self.message(m).filter(|_| !line.is_refused(m));
        let wanted: Vec<_> = part.range.clone().map(wanted).collect();
        let numbered = part.range.zip(&wanted);
        let records = numbered.filter_map(|(m, message)| Some(self.record(line, m, (*message)?)));
        let records = records.collect();
        let sink = &self.shared.sink;
        let answers = match part.is_alone {
            true => {
                let _alone = self.shared.way.write().await;
                sink.write(records).await
            }
            false => {
                let _way = self.shared.way.read().await;
                sink.write(records).await
            }
        };
        let mut answers = answers.into_iter();
        let each = wanted.iter().map_while(|message| match message {
            Some(_) => answers.next(),
            None => Some(Ok(())),
        });
        each.collect()
    }

    fn record(&self, line: &Line, number: usize, message: &Message) -> ProducerRecord {
        ProducerRecord {
            key: message.key.clone(),
            value: Some(message.value.clone()),
            headers: self.shared.headers.clone(),
            timestamp_ms: message.timestamp_ms.filter(|_| !line.is_undated(number)),
        }
    }

    fn message(&self, number: usize) -> Option<&Message> {
        let (chunk, place) = self.places.get(number)?;
        self.chunks.get(*chunk)?.as_ref()?.payload.get(*place)
    }

    async fn pause(&mut self, is_wrong: bool, words: &str) {
        let chunks = &self.chunks;
        let is_wanted = || chunks.iter().flatten().any(|c| !c.leg.is_cancelled());
        let health = &self.shared.health;
        let pause = self
            .patience
            .pause(health, (is_wrong, words), None, is_wanted);
        pause.await;
    }

    fn leave_cancelled(&mut self) {
        for chunk in &mut self.chunks {
            if chunk.as_ref().is_some_and(|c| c.leg.is_cancelled()) {
                *chunk = None;
            }
        }
    }

    fn is_wanted(&self) -> bool {
        self.chunks.iter().any(Option::is_some)
    }

    /// Tells each leg what was refused, and closes it.
    fn close(mut self, refused: BTreeMap<usize, String>) {
        let metrics = self.shared.metrics.clone();
        let mut gone = Vec::new();
        for (message, reason) in refused {
            let Some((chunk, place)) = self.places.get(message).copied() else {
                continue;
            };
            let Some(Some(Chunk { leg, inputs, .. })) = self.chunks.get(chunk) else {
                continue;
            };
            let reason = DeadReason {
                by: self.shared.name.clone(),
                version: Arc::from(""),
                reason,
                maybe_delivered: false,
            };
            if let Some(item) = inputs.get(place) {
                leg.refuse(*item, reason);
            }
            gone.push((chunk, place));
        }
        metrics.refused.inc_by(gone.len() as u64);
        gone.sort_unstable();
        metrics.requests.inc();
        for (number, chunk) in self.chunks.iter_mut().enumerate() {
            let Some(chunk) = chunk.take() else { continue };
            let is_gone = |place: &usize| gone.binary_search(&(number, *place)).is_ok();
            let items = chunk.inputs.iter().zip(&chunk.payload).enumerate();
            let taken = items.filter(|(place, _)| !is_gone(place));
            let (mut items, mut bytes) = (Vec::with_capacity(chunk.inputs.len()), 0);
            for (_, (item, message)) in taken {
                items.push(*item);
                bytes += message.bytes();
            }
            metrics.records.inc_by(items.len() as u64);
            metrics.bytes.inc_by(bytes as u64);
            chunk.leg.delivered(items);
            chunk.leg.close();
        }
    }
}

#[cfg(test)]
mod tests;
