//! The pump that makes requests of what a lane hands to an output.
//!
//! One pump task a lane and output. It owns the coalescer and the set of requests in flight; nothing else
//! changes them. It never blocks a lane: what waits here is bounded by the bytes that intake lets in.

use super::RequestLimits;
use super::coalesce::Coalescer;
use crate::model::{Chunk, Partition};
use bytes::Bytes;
use std::collections::HashMap;
use std::future::{Future, pending};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::{Id, JoinHandle, JoinSet};
use tokio::time::{Instant, sleep_until};
use tracing::error;

/// What carries requests to one output.
pub(super) trait Carrier: Send + Sync + 'static {
    /// What a chunk holds for it.
    type Payload: Send + 'static;

    /// The output's name in the configuration.
    fn name(&self) -> &str;
    /// When a request is full.
    fn limits(&self) -> RequestLimits;
    /// Requests in flight of one lane.
    fn max_in_flight_requests(&self) -> usize;
    /// Bytes of a payload.
    fn bytes(payload: &Self::Payload) -> usize;
    /// Delivers chunks as one request, however long that takes: each leg is closed, or dropped because nobody waits
    /// for it any more.
    fn deliver(
        self: Arc<Self>,
        chunks: Vec<Chunk<Self::Payload>>,
    ) -> impl Future<Output = ()> + Send;
}

/// A lane's way to an output. When all clones are dropped, the pump delivers what it has and ends.
#[derive(Clone, Debug)]
pub struct Outlet<P = Bytes> {
    inbox: UnboundedSender<Chunk<P>>,
}

/// The task behind an [`Outlet`]. Dropping this leaves it running.
#[derive(Debug)]
pub struct Pump {
    task: JoinHandle<()>,
}

/// Starts a pump. Must be called within a tokio runtime.
pub(super) fn start<C: Carrier>(carrier: Arc<C>) -> (Outlet<C::Payload>, Pump) {
    let (sender, inbox) = unbounded_channel();
    let task = tokio::spawn(Work::new(carrier, inbox).run());
    (Outlet { inbox: sender }, Pump { task })
}

impl<P> Outlet<P> {
    /// One that leads nowhere as soon as the other half is dropped.
    #[cfg(test)]
    pub(crate) fn closed() -> (Outlet<P>, UnboundedReceiver<Chunk<P>>) {
        let (inbox, chunks) = unbounded_channel();
        (Outlet { inbox }, chunks)
    }

    /// Hands a chunk over; never waits. A chunk that comes after the pump was aborted is dropped unclosed.
    pub fn send(&self, chunk: Chunk<P>) {
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
struct Work<C: Carrier> {
    carrier: Arc<C>,
    inbox: UnboundedReceiver<Chunk<C::Payload>>,
    is_open: bool,
    coalescer: Coalescer<Partition, Chunk<C::Payload>>,
    in_flight: JoinSet<()>,
    // The partitions of each request in flight.
    partitions: HashMap<Id, Vec<Partition>>,
    started: Instant,
}

/// What the pump wakes up for.
enum Event<P> {
    Chunk(Chunk<P>),
    Closed,
    Ended(Id),
    Linger,
}

impl<C: Carrier> Work<C> {
    fn new(carrier: Arc<C>, inbox: UnboundedReceiver<Chunk<C::Payload>>) -> Self {
        Work {
            coalescer: Coalescer::new(carrier.limits()),
            carrier,
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

    async fn event(&mut self) -> Event<C::Payload> {
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
                    error!(output = self.carrier.name(), cause = %failed, "a request was lost: its records are read again");
                    failed.id()
                }
            }),
            chunk = self.inbox.recv(), if self.is_open => chunk.map_or(Event::Closed, Event::Chunk),
            () = linger => Event::Linger,
        }
    }

    fn has_room(&self) -> bool {
        self.in_flight.len() < self.carrier.max_in_flight_requests().max(1)
    }

    fn now(&self) -> Duration {
        self.started.elapsed()
    }

    /// A chunk without records, or one that nobody waits for, takes no part in a request.
    fn take_in(&mut self, chunk: Chunk<C::Payload>) {
        let partition = match chunk.leg.partition() {
            Some(partition) if !chunk.leg.is_cancelled() => partition.clone(),
            _ => return,
        };
        if chunk.inputs.is_empty() {
            return chunk.leg.close();
        }
        let (records, bytes) = (chunk.inputs.len(), C::bytes(&chunk.payload));
        self.coalescer
            .push(self.now(), partition, records, bytes, chunk);
    }

    /// Sends what is due.
    fn launch(&mut self) {
        while self.has_room() {
            let Some(request) = self.coalescer.take(self.now()) else {
                return;
            };
            let delivery = self.carrier.clone().deliver(request.items);
            let task = self.in_flight.spawn(delivery);
            self.partitions.insert(task.id(), request.partitions);
        }
    }
}
