//! A producer: records to topics, by default acknowledged by all replicas, idempotent.
//!
//! Owns one client connection, made at the first record, made anew where the old one cannot go on, and a
//! task beside it that asks for the leaders of the topics written to: without that a producer can stay with
//! a leader that is gone. Runs wherever [`Producer::send`] is awaited. Promises that `Ok` means acknowledged
//! by whom the settings say. Never retries for longer than a delivery may take: going on is the caller's
//! decision, by [`SendError`].

use super::ClusterSettings;
use bytes::Bytes;
use krafka::consumer::Consumer;
use krafka::error::{ErrorCode, KrafkaError};
use krafka::producer::{DeliveryHandle, Record};
use krafka::{CloseOptions, Kafka, ProtocolErrorKind};
use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::task::{JoinHandle, unconstrained};
use tokio::time::{Instant, sleep, timeout};

mod settings;
#[cfg(test)]
mod tests;

pub use settings::{Acks, Compression, ProducerSettings};

/// Bytes of records that are not acknowledged yet; a larger record is too large.
pub const BUFFER_BYTES: usize = 32 << 20;
/// The most headers that a record can have.
pub const HEADERS_MAX: usize = 10_000;
/// How often the leaders of the topics are asked for.
const METADATA_INTERVAL: Duration = Duration::from_secs(4);
/// How old what is known of the cluster may be; below the interval, else asking is answered from memory.
const METADATA_AGE_MAX: Duration = Duration::from_secs(3);
/// How long a failed connection attempt stands for everybody who wants one.
const CONNECT_PAUSE: Duration = Duration::from_secs(1);
/// Attempts that fit into one delivery.
const ATTEMPTS_A_DELIVERY: u32 = 3;

/// A record to be written. Null is not empty, for keys, values and header values alike.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProducerRecord {
    /// Its key; records of one key go to one partition.
    pub key: Option<Bytes>,
    /// Its value.
    pub value: Option<Bytes>,
    /// Its headers in their order; names may repeat.
    pub headers: Vec<(String, Option<Bytes>)>,
    /// Unix milliseconds; none: the time of sending.
    pub timestamp_ms: Option<i64>,
}

/// Why a record was not acknowledged. It may have been written all the same, unless it was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// The cluster is away or busy.
    #[error("not acknowledged: {0}")]
    Away(String),
    /// The record is larger than the client or the topic takes.
    #[error("too large: {0}")]
    TooLarge(String),
    /// The topic does not take the record's timestamp.
    #[error("timestamp refused: {0}")]
    Timestamp(String),
    /// Anything else: no such topic, rights, the topic's settings, the client's settings.
    #[error("refused: {0}")]
    Refused(String),
}

/// Writes records to the topics of one cluster. Connects when the first record comes.
#[derive(Debug)]
pub struct Producer {
    settings: ClusterSettings,
    how: ProducerSettings,
    state: tokio::sync::Mutex<State>,
    topics: Arc<Topics>,
}

#[derive(Debug, Default)]
struct State {
    client: Option<Arc<Client>>,
    failed: Option<(Instant, SendError)>,
}

struct Client {
    producer: krafka::producer::Producer,
    // Reads nothing: it has the call that asks for leaders.
    watcher: Arc<Consumer>,
    watch: JoinHandle<()>,
}

/// The topics written to, whose leaders are watched.
#[derive(Debug, Default)]
struct Topics(Mutex<BTreeSet<String>>);

// === impl Producer ===

impl Producer {
    /// A producer that has not connected yet, with the usual settings.
    pub fn new(settings: ClusterSettings) -> Self {
        Producer::with(settings, ProducerSettings::default())
    }

    /// A producer that has not connected yet.
    pub fn with(settings: ClusterSettings, how: ProducerSettings) -> Self {
        Producer {
            settings,
            how,
            state: tokio::sync::Mutex::default(),
            topics: Arc::default(),
        }
    }

    /// Writes a record and waits until it is acknowledged. Records are written in the order in
    /// which these futures are first polled, once the topic is known. Dropping the future leaves open
    /// whether the record is written.
    pub async fn send(&self, topic: &str, record: ProducerRecord) -> Result<(), SendError> {
        let (client, delivery) = self.enqueue(topic, record).await?;
        self.delivered(&client, delivery).await
    }

    /// Writes records in their order and waits for all acknowledgements. The answers are in the order of the
    /// records; they end with the first record that could not even be queued, and those behind it were not
    /// written. Dropping the future leaves open which of them are written.
    pub async fn send_all(
        &self,
        topic: &str,
        records: Vec<ProducerRecord>,
    ) -> Vec<Result<(), SendError>> {
        let mut queued = Vec::with_capacity(records.len());
        let mut refused = None;
        for record in records {
            match self.enqueue(topic, record).await {
                Ok(delivery) => queued.push(delivery),
                Err(error) => {
                    refused = Some(Err(error));
                    break;
                }
            }
        }
        let mut answers = Vec::with_capacity(queued.len() + 1);
        for (client, delivery) in queued {
            answers.push(self.delivered(&client, delivery).await);
        }
        answers.extend(refused);
        answers
    }

    async fn enqueue(
        &self,
        topic: &str,
        record: ProducerRecord,
    ) -> Result<(Arc<Client>, DeliveryHandle), SendError> {
        let record = to_record(topic, record)?;
        self.topics.add(topic);
        // Within tokio's budget many of these futures at once would be put off and woken in reverse order.
        let client = unconstrained(self.client()).await?;
        match unconstrained(client.producer.enqueue(record)).await {
            Ok(delivery) => Ok((client, delivery)),
            Err(error) => Err(self.failed(&client, &error).await),
        }
    }

    async fn delivered(
        &self,
        client: &Arc<Client>,
        delivery: DeliveryHandle,
    ) -> Result<(), SendError> {
        match delivery.await {
            Ok(_) => Ok(()),
            Err(error) => Err(self.failed(client, &error).await),
        }
    }

    async fn failed(&self, client: &Arc<Client>, error: &KrafkaError) -> SendError {
        if must_connect_anew(error) {
            self.forget(client).await;
        }
        SendError::of(error)
    }

    /// Waits at most `limit` for what is on its way, and closes the connection. The next record would make
    /// a new one.
    pub async fn close(&self, limit: Duration) {
        let client = self.state.lock().await.client.take();
        if let Some(client) = client {
            client.close(limit).await;
        }
    }

    async fn client(&self) -> Result<Arc<Client>, SendError> {
        let mut state = self.state.lock().await;
        if let Some(client) = &state.client {
            return Ok(client.clone());
        }
        if let Some((when, error)) = &state.failed
            && when.elapsed() < CONNECT_PAUSE
        {
            return Err(error.clone());
        }
        match self.connect().await {
            Ok(client) => Ok(state.client.insert(Arc::new(client)).clone()),
            Err(error) => {
                let error = SendError::of(&error);
                state.failed = Some((Instant::now(), error.clone()));
                Err(error)
            }
        }
    }

    async fn connect(&self) -> krafka::Result<Client> {
        let settings = &self.settings;
        let kafka = Kafka::builder(settings.brokers.join(","))
            .client_id(&settings.client_id)
            .request_timeout(settings.request_timeout)
            .connect_timeout(settings.connect_timeout.min(settings.request_timeout))
            .metadata_max_age(METADATA_AGE_MAX)
            .connect()
            .await?;
        let producer = kafka
            .producer()
            .acks(self.how.acks.of_client())
            .idempotent(self.how.idempotent)
            .compression(self.how.compression.of_client())
            .linger(self.how.linger)
            .batch_size(self.how.batch_bytes)
            .buffer_memory(BUFFER_BYTES)
            .delivery_timeout(delivery_timeout(settings.request_timeout, self.how.linger))
            .max_block(settings.request_timeout)
            .metrics_push(false)
            .build()
            .await?;
        // The client has no call on a producer that asks for leaders; a consumer without a group shares what
        // the producer knows of the cluster, and has one.
        let watcher = kafka.consumer_without_group().metrics_push(false);
        let watcher = Arc::new(watcher.build().await?);
        let watching = watch(
            watcher.clone(),
            self.topics.clone(),
            settings.request_timeout,
        );
        Ok(Client {
            producer,
            watcher,
            watch: tokio::spawn(watching),
        })
    }

    /// Lets go of a client that cannot go on, unless somebody has done it already.
    async fn forget(&self, client: &Arc<Client>) {
        let mut state = self.state.lock().await;
        if let Some(gone) = state.client.take_if(|c| Arc::ptr_eq(c, client)) {
            let limit = self.settings.request_timeout;
            tokio::spawn(async move { gone.close(limit).await });
        }
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.producer.fmt(f)
    }
}

impl Client {
    async fn close(&self, limit: Duration) {
        self.watch.abort();
        let options = CloseOptions::new().timeout(limit);
        if let Err(error) = self.producer.close_with(options).await {
            tracing::warn!(%error, "the kafka producer was closed with records on their way");
        }
        if let Err(error) = self.watcher.close_with(options).await {
            tracing::debug!(%error, "closing the connection beside the kafka producer failed");
        }
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.watch.abort();
    }
}

impl Topics {
    fn add(&self, topic: &str) {
        let mut topics = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !topics.contains(topic) {
            topics.insert(topic.to_owned());
        }
    }

    fn all(&self) -> Vec<String> {
        let topics = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        topics.iter().cloned().collect()
    }
}

/// Asks for the leaders of the topics for ever.
async fn watch(consumer: Arc<Consumer>, topics: Arc<Topics>, request_timeout: Duration) {
    loop {
        sleep(METADATA_INTERVAL).await;
        for topic in topics.all() {
            let asked = consumer.fetch_metadata(Some(&topic));
            // A failure shows at the next record too, and there it counts.
            if let Ok(Err(error)) = timeout(request_timeout, asked).await {
                tracing::debug!(%error, topic, "asking for the topic's leaders failed");
            }
        }
    }
}

/// A delivery holds some attempts, and by the client's rule at least one and the linger.
fn delivery_timeout(request_timeout: Duration, linger: Duration) -> Duration {
    request_timeout
        .saturating_mul(ATTEMPTS_A_DELIVERY)
        .saturating_add(linger)
}

fn to_record(topic: &str, from: ProducerRecord) -> Result<Record, SendError> {
    if from.headers.len() > HEADERS_MAX {
        let headers = from.headers.len();
        let text = format!("{headers} headers, at most {HEADERS_MAX} can be written");
        return Err(SendError::TooLarge(text));
    }
    let mut record = Record::new(topic, Bytes::new());
    record.key = from.key;
    record.value = from.value;
    record.headers = from.headers;
    record.timestamp = from.timestamp_ms;
    match record.estimated_size() {
        bytes if bytes > BUFFER_BYTES => Err(SendError::TooLarge(format!(
            "{bytes} bytes, at most {BUFFER_BYTES} can be written"
        ))),
        _ => Ok(record),
    }
}

/// Whether every later record would fail too.
fn must_connect_anew(error: &KrafkaError) -> bool {
    const CODES: [ErrorCode; 2] = [
        ErrorCode::InvalidProducerIdMapping,
        ErrorCode::UnsupportedVersion,
    ];
    error.is_fatal() || matches!(error, KrafkaError::Broker { code, .. } if CODES.contains(code))
}

// === impl SendError ===

impl SendError {
    /// Whether the same record may be acknowledged later, with nobody doing anything about it.
    pub fn is_retriable(&self) -> bool {
        matches!(self, SendError::Away(_))
    }

    /// Whether a smaller record would be taken.
    pub fn is_too_large(&self) -> bool {
        matches!(self, SendError::TooLarge(_))
    }

    /// Whether the record would be taken with another timestamp.
    pub fn is_timestamp_refused(&self) -> bool {
        matches!(self, SendError::Timestamp(_))
    }

    fn no_topic(text: &str) -> Self {
        SendError::Refused(format!("{text}; make the topic, the gateway does not"))
    }

    fn of(error: &KrafkaError) -> Self {
        use ErrorCode::{
            InvalidTimestamp, MessageTooLarge, RecordListTooLarge, UnknownTopicOrPartition,
        };
        let text = error.to_string();
        match error {
            // Retriable for the client, which has waited for the topic already: somebody has to make it.
            KrafkaError::UnknownTopic { .. } => SendError::no_topic(&text),
            KrafkaError::Broker { code, .. } => match code {
                UnknownTopicOrPartition => SendError::no_topic(&text),
                MessageTooLarge | RecordListTooLarge => SendError::TooLarge(text),
                InvalidTimestamp => SendError::Timestamp(text),
                _ if error.is_retriable() || is_identity_lost(*code) => SendError::Away(text),
                _ => SendError::Refused(text),
            },
            KrafkaError::Protocol { kind, .. } if *kind == ProtocolErrorKind::FrameTooLarge => {
                SendError::TooLarge(text)
            }
            // The client gave up, or lost its place in the partition; a new try has a new place.
            KrafkaError::DeliveryTimeout { .. }
            | KrafkaError::OutOfOrderSequence { .. }
            | KrafkaError::Fenced { .. }
            | KrafkaError::Closed { .. } => SendError::Away(text),
            _ if error.is_retriable() => SendError::Away(text),
            _ => SendError::Refused(text),
        }
    }
}

/// Codes by which the broker no longer knows this producer: a new connection has a new identity.
fn is_identity_lost(code: ErrorCode) -> bool {
    matches!(
        code,
        ErrorCode::ProducerFenced
            | ErrorCode::InvalidProducerEpoch
            | ErrorCode::InvalidProducerIdMapping
    )
}
