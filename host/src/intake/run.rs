//! The life of a pipeline's intake: connect, read with one consumer after another, leave.

use super::assignment::{Events, assignment};
use super::batcher::Batcher;
use super::pressure::{FORMS_OF_A_RECORD, Pressure};
use super::recall::Recalls;
use super::standing::Standing;
use super::tenancy::Tenancy;
use super::topics::{Subscription, missing};
use super::watch::{Watch, find};
use super::{Fatal, Lanes, Settings, Settle, Stopped};
use crate::kafka::{Cluster, Committer, Consumer, connect};
use crate::model::{Door, Gauge, Partition};
use crate::settle::Directive;
use crate::telemetry::Condition;
use crate::telemetry::metrics::PipelineMetrics;
use std::collections::{HashMap, VecDeque};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

/// The pause after the first error of its kind.
const RETRY_INITIAL: Duration = Duration::from_millis(100);
/// The longest pause between errors.
const RETRY_MAX: Duration = Duration::from_secs(5);
/// How long leaving the group may take where nothing waits for it but a new consumer.
const LEAVE_TIMEOUT: Duration = Duration::from_secs(10);
/// What a record's columns weigh, about (see `RawRecords::weight`).
pub(super) const COLUMNS_A_RECORD: usize = 64;

/// Reads for one pipeline.
pub struct Intake<S, L> {
    pub(super) settings: Arc<Settings>,
    pub(super) settle: S,
    pub(super) door: Arc<dyn Door>,
    pub(super) lanes: L,
    pub(super) directives: mpsc::UnboundedReceiver<Directive>,
    pub(super) committer: Committer,
    pub(super) metrics: Arc<PipelineMetrics>,
    pub(super) batcher: Batcher,
    pub(super) pressure: Pressure,
    pub(super) gauge: Gauge,
    // Until where to read (`until_end`), as seen when a partition was first assigned.
    pub(super) ends: HashMap<Partition, i64>,
    pub(super) begun: Instant,
    pub(super) fenced: VecDeque<Instant>,
    pub(super) retry: Retry,
    pub(super) standing: Standing,
    pub(super) recalls: Option<Arc<Recalls>>,
    session: Option<Session>,
}

/// What belongs to one consumer.
pub(super) struct Session {
    pub(super) cluster: Cluster,
    pub(super) consumer: Consumer,
    pub(super) events: Events,
    pub(super) watch: Watch,
    pub(super) tenancy: Tenancy,
}

/// Why reading with one consumer came to an end.
pub(super) enum Turned {
    Stopped(Stopped),
    StartAgain(String),
}

/// Longer and longer pauses between errors.
#[derive(Debug, Default)]
pub(super) struct Retry {
    pause: Duration,
}

impl<S: Settle, L: Lanes> Intake<S, L> {
    /// Contacts nobody yet. `committer` is the one that settle commits through; `directives` are settle's.
    pub fn new(
        settings: Settings,
        settle: S,
        directives: mpsc::UnboundedReceiver<Directive>,
        lanes: L,
        committer: Committer,
        metrics: Arc<PipelineMetrics>,
        condition: Condition,
    ) -> Self {
        let columns = settings.batch.records.saturating_mul(COLUMNS_A_RECORD);
        let batch = settings.batch.bytes.saturating_add(columns);
        Intake {
            recalls: settings.memory.as_ref().map(|memory| {
                let is_deleting = metrics.memory_not_compacted.clone();
                Arc::new(Recalls::new(&settings.pipeline, memory, is_deleting))
            }),
            door: Arc::new(settle.clone()),
            settle,
            lanes,
            directives,
            committer,
            metrics,
            batcher: Batcher::new(settings.batch),
            pressure: Pressure::new(
                settings.max_in_flight_bytes,
                batch.saturating_mul(FORMS_OF_A_RECORD),
            ),
            gauge: Gauge::default(),
            ends: HashMap::new(),
            begun: Instant::now(),
            fenced: VecDeque::new(),
            retry: Retry::default(),
            standing: Standing::new(condition),
            session: None,
            settings: Arc::new(settings),
        }
    }

    /// Reads until `stop` turns true, or all is read (`until_end`), or nothing more can be. Afterwards this
    /// process is still a member of the group and owns its partitions, so that what is under way can be
    /// settled and committed; then [`Intake::leave`]. Never drop the future: a rebalance would be lost.
    pub async fn run(&mut self, mut stop: watch::Receiver<bool>) -> Result<Stopped, Fatal> {
        loop {
            let opened = match unless(&mut stop, self.open()).await {
                Some(opened) => opened?,
                None => return Ok(Stopped::Asked),
            };
            let Some(mut session) = opened else {
                return Ok(Stopped::AtEnd);
            };
            let turned = self.read(&mut session, &mut stop).await;
            self.session = Some(session);
            match turned? {
                Turned::Stopped(why) => return Ok(why),
                Turned::StartAgain(reason) => {
                    tracing::info!(
                        pipeline = self.settings.pipeline,
                        reason,
                        "starting again with a new consumer"
                    );
                    let limit = self.settings.drain_timeout + LEAVE_TIMEOUT;
                    self.end_session(false, limit).await;
                }
            }
        }
    }

    /// Gives the partitions up and leaves the group, within `limit`; a static member stays in it, so that it
    /// finds its partitions again if it is back within `session_timeout`. Call it once settle has finished:
    /// nothing is waited for here.
    pub async fn leave(mut self, limit: Duration) {
        if let Some(session) = &self.session {
            session.events.leave();
        }
        let stay = self.settings.group_instance_id.is_some();
        self.end_session(stay, limit).await;
        if let Some(recalls) = &self.recalls {
            recalls.close(limit).await;
        }
    }

    async fn end_session(&mut self, stay: bool, limit: Duration) {
        let Some(mut session) = self.session.take() else {
            return;
        };
        if let Err(error) = session.consumer.close(stay, limit).await {
            tracing::warn!(pipeline = self.settings.pipeline, "{}", error.chain());
        }
        self.follow_events(&mut session);
    }

    /// A consumer that asks for what there is to read; none if there is nothing and `until_end`.
    async fn open(&mut self) -> Result<Option<Session>, Fatal> {
        let standing = &mut self.standing;
        let cluster = connect(&self.settings.cluster, |why| standing.trouble(why)).await?;
        loop {
            match self.try_open(&cluster).await {
                Ok(Some(session)) => {
                    self.retry.reset();
                    return Ok(Some(session));
                }
                Ok(None) if self.settings.until_end => return Ok(None),
                Ok(None) => {
                    let cluster = cluster.name();
                    let reason = format!("there is no topic to read in cluster {cluster}");
                    self.standing.trouble(&reason);
                    tokio::time::sleep(self.settings.metadata_interval).await;
                }
                Err(Fatal::Kafka(error)) if !error.is_fatal() => {
                    self.standing.trouble(&error.chain());
                    tracing::warn!(pipeline = self.settings.pipeline, "{}", error.chain());
                    tokio::time::sleep(self.retry.next()).await;
                }
                Err(fatal) => return Err(fatal),
            }
        }
    }

    async fn try_open(&self, cluster: &Cluster) -> Result<Option<Session>, Fatal> {
        let Some(subscription) = self.find_topics(cluster).await? else {
            return Ok(None);
        };
        let (listener, events) = assignment(self.settle.clone(), self.settings.drain_timeout);
        let group = self.settings.group();
        let consumer = Consumer::build(cluster, &group, &self.committer, listener).await?;
        if let Err(error) = consumer.subscribe(subscription.names()).await {
            // It has not joined: nothing is given up by closing it.
            drop(consumer.close(true, LEAVE_TIMEOUT).await);
            return Err(error.into());
        }
        let settings = self.settings.clone();
        Ok(Some(Session {
            watch: Watch::start(settings, cluster.clone(), consumer.clone(), subscription),
            cluster: cluster.clone(),
            consumer,
            events,
            tenancy: Tenancy::default(),
        }))
    }

    async fn find_topics(&self, cluster: &Cluster) -> Result<Option<Subscription>, Fatal> {
        let mut found = find(&self.settings, cluster, &Subscription::default()).await?;
        if found.topics.is_empty() {
            // A topic that was made a moment ago may not be known everywhere yet.
            tokio::time::sleep(self.settings.metadata_interval).await;
            found = find(&self.settings, cluster, &Subscription::default()).await?;
        }
        let names = found.topics.keys().cloned().collect();
        let missing = missing(&self.settings, &names);
        if !missing.is_empty() && self.settings.until_end {
            return Err(Fatal::NoTopic(missing.join(", ")));
        }
        if !missing.is_empty() {
            tracing::warn!(pipeline = self.settings.pipeline, topics = ?missing, "topics do not exist; they are read once they do");
        }
        if found.topics.is_empty() {
            let patterns = &self.settings.topic_patterns;
            tracing::warn!(
                pipeline = self.settings.pipeline,
                cluster = cluster.name(),
                ?patterns,
                "there is no topic to read"
            );
            return Ok(None);
        }
        tracing::info!(pipeline = self.settings.pipeline, topics = ?found.topics, "topics and their partitions");
        Ok(Some(found))
    }
}

impl Retry {
    /// How long to wait now.
    pub(super) fn next(&mut self) -> Duration {
        self.pause = (self.pause * 2).clamp(RETRY_INITIAL, RETRY_MAX);
        self.pause
    }

    /// It went well.
    pub(super) fn reset(&mut self) {
        self.pause = Duration::ZERO;
    }
}

/// What the future gives; none if `stop` turns true first, which drops it.
pub(super) async fn unless<T>(
    stop: &mut watch::Receiver<bool>,
    future: impl Future<Output = T>,
) -> Option<T> {
    tokio::select! {
        // Nobody holds the sender any more: nobody can ask to stop.
        Ok(_) = stop.wait_for(|stop| *stop) => None,
        value = future => Some(value),
    }
}
