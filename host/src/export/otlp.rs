//! An OTLP output, and the pump that makes requests of what a lane hands to it.
//!
//! One pump task a lane and output. It owns the coalescer and the set of requests in flight; nothing else
//! changes them. It never blocks a lane: what waits here is bounded by the bytes that intake lets in.

use super::client::{Client, OutputError};
use super::coalesce::Coalescer;
use super::deliver::{Shared, deliver};
use super::health::Health;
use super::{OtlpSettings, RequestLimits};
use crate::model::{Chunk, Partition};
use crate::telemetry::metrics::OutputMetrics;
use std::collections::HashMap;
use std::future::pending;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::{Id, JoinHandle, JoinSet};
use tokio::time::{Instant, sleep_until};
use tracing::error;

/// One configured output: one connection, shared by all lanes. Clones are the same output.
#[derive(Clone, Debug)]
pub struct OtlpOutput {
    shared: Arc<Shared>,
}

/// A lane's way to an output. When all clones are dropped, the pump delivers what it has and ends.
#[derive(Clone, Debug)]
pub struct Outlet {
    inbox: UnboundedSender<Chunk>,
}

/// The task behind an [`Outlet`]. Dropping this leaves it running.
#[derive(Debug)]
pub struct Pump {
    task: JoinHandle<()>,
}

impl OtlpOutput {
    /// Sets the output up; it connects when it is first used. Must be called within a tokio runtime.
    pub fn new(settings: OtlpSettings, metrics: OutputMetrics) -> Result<Self, OutputError> {
        let name: Arc<str> = Arc::from(settings.name.as_str());
        let shared = Shared {
            client: Client::new(&settings)?,
            health: Health::new(name.clone(), metrics.unhealthy.clone()),
            name,
            settings,
            metrics,
        };
        Ok(OtlpOutput {
            shared: Arc::new(shared),
        })
    }

    /// Its name in the configuration.
    pub fn name(&self) -> &Arc<str> {
        &self.shared.name
    }

    /// When a request is full: what lanes encode by.
    pub fn limits(&self) -> RequestLimits {
        self.shared.settings.request
    }

    /// How it is.
    pub fn health(&self) -> &Health {
        &self.shared.health
    }

    /// A way to it for one lane, and the task behind that. All chunks of a partition must go through the
    /// same one. Must be called within a tokio runtime.
    pub fn lane(&self) -> (Outlet, Pump) {
        let (sender, inbox) = unbounded_channel();
        let work = Work::new(self.shared.clone(), inbox);
        let task = tokio::spawn(work.run());
        (Outlet { inbox: sender }, Pump { task })
    }
}

impl Outlet {
    /// Hands a chunk over; never waits. A chunk that comes after the pump was aborted is dropped unclosed.
    pub fn send(&self, chunk: Chunk) {
        // The error is the chunk itself; dropping it tells settle that it was not delivered.
        let _ = self.inbox.send(chunk);
    }
}

impl Pump {
    /// Waits until everything has been delivered: after the last [`Outlet`] is gone. Dropping the future
    /// changes nothing.
    pub async fn finished(&mut self) {
        let _ = (&mut self.task).await;
    }

    /// Gives up at once: what has not been delivered is dropped unclosed.
    pub fn abort(&self) {
        self.task.abort();
    }
}

/// What the pump task owns.
struct Work {
    shared: Arc<Shared>,
    inbox: UnboundedReceiver<Chunk>,
    is_open: bool,
    coalescer: Coalescer<Partition, Chunk>,
    in_flight: JoinSet<()>,
    // The partitions of each request in flight.
    partitions: HashMap<Id, Vec<Partition>>,
    started: Instant,
}

/// What the pump wakes up for.
enum Event {
    Chunk(Chunk),
    Closed,
    Ended(Id),
    Linger,
}

impl Work {
    fn new(shared: Arc<Shared>, inbox: UnboundedReceiver<Chunk>) -> Self {
        Work {
            coalescer: Coalescer::new(shared.settings.request),
            shared,
            inbox,
            is_open: true,
            in_flight: JoinSet::new(),
            partitions: HashMap::new(),
            started: Instant::now(),
        }
    }

    async fn run(mut self) {
        loop {
            self.launch();
            if !self.is_open && self.coalescer.is_empty() {
                return;
            }
            match self.event().await {
                Event::Chunk(chunk) => self.take_in(chunk),
                Event::Closed => {
                    self.is_open = false;
                    self.coalescer.close();
                }
                Event::Ended(id) => {
                    let partitions = self.partitions.remove(&id).unwrap_or_default();
                    self.coalescer.finished(&partitions);
                }
                Event::Linger => {}
            }
        }
    }

    async fn event(&mut self) -> Event {
        let has_room = self.has_room();
        let deadline = self.coalescer.deadline().filter(|_| has_room);
        // A time that no clock reaches never comes.
        let deadline = deadline.and_then(|deadline| self.started.checked_add(deadline));
        let linger = async move {
            match deadline {
                Some(deadline) => sleep_until(deadline).await,
                None => pending().await,
            }
        };
        tokio::select! {
            Some(ended) = self.in_flight.join_next_with_id() => Event::Ended(match ended {
                Ok((id, ())) => id,
                Err(failed) => {
                    error!(output = %self.shared.name, cause = %failed, "a request was lost: its records are read again");
                    failed.id()
                }
            }),
            chunk = self.inbox.recv(), if self.is_open => chunk.map_or(Event::Closed, Event::Chunk),
            () = linger => Event::Linger,
        }
    }

    fn has_room(&self) -> bool {
        self.in_flight.len() < self.shared.settings.max_in_flight_requests.max(1)
    }

    fn now(&self) -> Duration {
        self.started.elapsed()
    }

    /// A chunk without records, or one that nobody waits for, takes no part in a request.
    fn take_in(&mut self, chunk: Chunk) {
        let partition = match chunk.leg.partition() {
            Some(partition) if !chunk.leg.is_cancelled() => partition.clone(),
            _ => return,
        };
        if chunk.inputs.is_empty() {
            return chunk.leg.close();
        }
        let (records, bytes) = (chunk.inputs.len(), chunk.payload.len());
        self.coalescer
            .push(self.now(), partition, records, bytes, chunk);
    }

    /// Sends what is due.
    fn launch(&mut self) {
        while self.has_room() {
            let Some(request) = self.coalescer.take(self.now()) else {
                return;
            };
            let delivery = deliver(self.shared.clone(), request.items);
            let task = self.in_flight.spawn(delivery);
            self.partitions.insert(task.id(), request.partitions);
        }
    }
}
