//! What a rebalance does, from inside the poll.
//!
//! While a callback runs the poll loop waits for it, so nothing is dispatched meanwhile; the loop learns what
//! happened from the events, in order, before it looks at the records of that poll.

use super::Settle;
use crate::kafka::Rebalance;
use crate::model::Partition;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// What the poll loop has to follow up.
#[derive(Debug, PartialEq)]
pub(super) enum Event {
    /// These are ours, and held.
    Assigned(Vec<Partition>),
    /// These are not ours any more; settle has been told.
    Gone(Vec<Partition>),
}

/// Listens for one consumer.
pub(super) struct Assignment<S> {
    settle: S,
    drain_timeout: Duration,
    // Read by the poll loop after each poll: no more events than one poll can bring.
    events: UnboundedSender<Event>,
    is_leaving: Arc<AtomicBool>,
}

/// The poll loop's end of an [`Assignment`].
pub(super) struct Events {
    receiver: UnboundedReceiver<Event>,
    is_leaving: Arc<AtomicBool>,
}

/// The two ends.
pub(super) fn assignment<S: Settle>(settle: S, drain_timeout: Duration) -> (Assignment<S>, Events) {
    let (events, receiver) = unbounded_channel();
    let is_leaving = Arc::new(AtomicBool::new(false));
    let assignment = Assignment {
        settle,
        drain_timeout,
        events,
        is_leaving: is_leaving.clone(),
    };
    (
        assignment,
        Events {
            receiver,
            is_leaving,
        },
    )
}

impl Events {
    pub(super) fn next(&mut self) -> Option<Event> {
        self.receiver.try_recv().ok()
    }

    /// From now on a revocation waits for nothing: what had the time to finish has.
    pub(super) fn leave(&self) {
        self.is_leaving.store(true, Ordering::Release);
    }
}

impl<S: Settle> Assignment<S> {
    fn tell(&self, event: Event) {
        // The loop is gone only when the process ends.
        let _ = self.events.send(event);
    }
}

impl<S: Settle> Rebalance for Assignment<S> {
    fn assigned(&self, partitions: Vec<Partition>) {
        tracing::info!(partitions = %list(&partitions), "partitions assigned");
        self.tell(Event::Assigned(partitions));
    }

    async fn revoked(&self, partitions: Vec<Partition>) {
        tracing::info!(partitions = %list(&partitions), "partitions revoked");
        self.tell(Event::Gone(partitions.clone()));
        let limit = if self.is_leaving.load(Ordering::Acquire) {
            Duration::ZERO
        } else {
            self.drain_timeout
        };
        self.settle.revoke(partitions, limit).await;
    }

    fn lost(&self, partitions: Vec<Partition>) {
        tracing::warn!(partitions = %list(&partitions), "partitions lost: what was not committed is read again by their new owner");
        self.tell(Event::Gone(partitions.clone()));
        self.settle.lost(partitions);
    }
}

/// For people: at most so many are written out.
const LISTED_MAX: usize = 20;

fn list(partitions: &[Partition]) -> String {
    let names: Vec<String> = partitions
        .iter()
        .take(LISTED_MAX)
        .map(ToString::to_string)
        .collect();
    match partitions.len() {
        0 => "none".to_owned(),
        n if n > LISTED_MAX => format!("{} and {} more", names.join(" "), n - LISTED_MAX),
        _ => names.join(" "),
    }
}
