//! The settle task: it alone owns the ledger, and everything that changes it comes as a message.
//!
//! Runs as one task a pipeline on the I/O runtime, and depends on no other: it goes on while the poll task
//! waits inside a rebalance. Promises to commit only what the ledger offers, one commit at a time, on a timer
//! and at the end of a drain; to report to intake when something has to be read again; to count each input
//! once, when its range closes under a live generation. Never waits for the network: commits and dead
//! letters are under way while messages are taken.

use super::committer::{CommitError, Committer};
use super::dead_letters::{DeadBatch, Report, Stuck};
use super::drain::{Drain, Reply};
use super::handle::{Finished, Inbox, Message, Status};
use super::ledger::{ABANDONMENTS_MAX, Answered, Begun, Due, Ledger};
use super::memory::{Memories, Written};
use super::{COMMIT_LIMIT, Directive};
use crate::model::{End, Fates, Outcome, Partition, Receipt};
use crate::telemetry::metrics::PipelineMetrics;
use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep_until, timeout};

#[cfg(test)]
mod tests;

/// How soon a failed commit is tried again during a clean stop.
const FINISH_RETRY_PAUSE: Duration = Duration::from_millis(200);
/// The shortest time between two ticks.
const TICK_MIN: Duration = Duration::from_millis(1);

/// What the task works with.
pub(super) struct Task<C> {
    pub(super) pipeline: String,
    pub(super) metrics: PipelineMetrics,
    pub(super) committer: Arc<C>,
    pub(super) directives: mpsc::UnboundedSender<Directive>,
    /// None: dead letters are discarded.
    pub(super) dead_letters: Option<mpsc::UnboundedSender<DeadBatch>>,
    pub(super) state: State,
}

pub(super) struct State {
    ledger: Ledger,
    memory: Memories,
    drains: Vec<Drain>,
    flight: Option<Flight>,
    // A tick came, and no commit has begun since.
    due: bool,
    stuck: BTreeMap<Partition, Stuck>,
    finished: bool,
}

/// A commit under way, and the drains that end with it.
struct Flight {
    offsets: Vec<Due>,
    drains: Vec<Drain>,
    answer: Pin<Box<dyn Future<Output = Result<(), CommitError>> + Send>>,
}

/// What became of a batch's inputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Counts {
    delivered: usize,
    dropped: usize,
    dead: usize,
    // Alerts and anomalies.
    findings_delivered: [usize; 2],
    findings_dead: [usize; 2],
}

// === impl Task: the loop ===

impl<C: Committer> Task<C> {
    /// Takes messages until a clean stop has ended, or every handle is gone.
    pub(super) async fn run(
        mut self,
        mut inbox: Inbox,
        mut reports: mpsc::UnboundedReceiver<Report>,
        mut written: Written,
        commit_interval: Duration,
    ) {
        let period = commit_interval.max(TICK_MIN);
        let mut ticks = interval_at(Instant::now() + period, period);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut listening = self.dead_letters.is_some();
        while !self.state.finished {
            let wake = self.state.wake();
            tokio::select! {
                message = inbox.messages.recv() => match message {
                    Some(message) => self.take(message),
                    None => break,
                },
                report = reports.recv(), if listening => match report {
                    Some(report) => self.reported(report),
                    None => {
                        listening = false;
                        self.dead_letters_ended();
                    }
                },
                Some(partition) = written.recv() => self.state.memory.written(&partition),
                result = landing(&mut self.state.flight) => self.landed(result),
                _ = ticks.tick() => self.state.due = true,
                () = until(wake) => {}
            }
            self.turn();
        }
        // Both close at once.
        self.dead_letters = None;
        self.state.memory.end().await;
    }

    fn take(&mut self, message: Message) {
        match message {
            Message::Assigned(partition, generation, position, is_committed) => {
                self.state.stuck.remove(&partition);
                let ledger = &mut self.state.ledger;
                ledger.assigned(&partition, &generation, position, is_committed);
                self.state.due |= !is_committed;
            }
            Message::Begin(receipt) => self.begin(&receipt),
            Message::Idle(partition, generation, end) => {
                self.state.ledger.idle(&partition, &generation, end);
            }
            Message::Answer(outcome) => self.answer(*outcome),
            Message::Remembered(kept) => self.state.memory.take(&self.state.ledger, kept),
            Message::Saved(partition) => self.state.memory.answered(&partition),
            Message::Lost(partitions) => partitions.iter().for_each(|p| self.state.end(p)),
            Message::Revoke(partitions, limit, reply) => {
                for partition in &partitions {
                    self.state.ledger.drain(partition);
                    self.state.stuck.remove(partition);
                }
                self.drain(&partitions, limit, Reply::Revoke(reply));
            }
            Message::Finish(limit, reply) => {
                let positions = self.state.ledger.positions();
                let all: Vec<_> = positions.map(|p| p.partition).collect();
                self.drain(&all, limit, Reply::Finish(reply));
            }
            Message::Status(reply) => {
                // Whoever asked may have gone.
                let _ = reply.send(self.state.status());
            }
        }
    }

    fn drain(&mut self, partitions: &[Partition], limit: Duration, reply: Reply) {
        let drain = Drain::new(partitions, &self.state.ledger, limit, reply);
        let ours = drain
            .partitions
            .iter()
            .map(|(partition, _)| partition.clone());
        self.state.memory.ask(ours);
        self.state.drains.push(drain);
    }
}

// === impl Task: batches ===

impl<C: Committer> Task<C> {
    fn begin(&mut self, receipt: &Receipt) {
        let partition = &receipt.partition;
        match self.state.ledger.begin(receipt) {
            Begun::Open | Begun::Stale => {}
            Begun::Skipped { offsets } => {
                self.metrics.retention_loss.inc_by(offsets);
                let before = receipt.start;
                tracing::warn!(pipeline = self.pipeline, %partition, offsets, before, "offsets were skipped: kafka no longer had them");
            }
            Begun::ReadAgain { offset } => {
                tracing::warn!(pipeline = self.pipeline, %partition, offset, "offsets jumped back, reading again from there");
                self.read_again(partition, offset);
            }
            Begun::Fatal { offset } => self.fatal(partition, offset),
        }
    }

    fn answer(&mut self, outcome: Outcome) {
        let Outcome {
            receipt,
            raw,
            end,
            held,
        } = outcome;
        match end {
            End::Cancelled => self.state.ledger.give_up(&receipt),
            End::Abandoned => self.abandoned(&receipt),
            End::Closed(fates) => match &self.dead_letters {
                Some(dead_letters) if fates.has_dead() => {
                    if !self.state.is_live(&receipt) {
                        return;
                    }
                    let batch = DeadBatch {
                        receipt,
                        raw,
                        fates,
                        _held: held,
                    };
                    if let Err(refused) = dead_letters.send(batch) {
                        self.abandoned(&refused.0.receipt);
                    }
                }
                _ => self.close(&receipt, Counts::of(raw.len(), &fates)),
            },
        }
    }

    fn close(&mut self, receipt: &Receipt, counts: Counts) {
        if self.state.ledger.close(receipt) != Answered::Stale {
            counts.add_to(&self.metrics);
        }
    }

    fn abandoned(&mut self, receipt: &Receipt) {
        let partition = &receipt.partition;
        match self.state.ledger.abandon(receipt) {
            Answered::ReadAgain { offset } => {
                self.metrics.abandoned.inc();
                let (start, end) = (receipt.start, receipt.end);
                tracing::error!(pipeline = self.pipeline, %partition, start, end, offset, "a batch was dropped without an answer, reading again from the committed offset");
                self.read_again(partition, offset);
            }
            Answered::Fatal { offset } => {
                self.metrics.abandoned.inc();
                self.fatal(partition, offset);
            }
            Answered::Advanced { .. } | Answered::Waiting | Answered::Stale => {}
        }
    }

    fn reported(&mut self, report: Report) {
        match report {
            Report::Buried(batch) => {
                let partition = &batch.receipt.partition;
                if self.state.is_live(&batch.receipt)
                    && self.state.stuck.remove(partition).is_some()
                {
                    tracing::info!(pipeline = self.pipeline, %partition, "dead letters are acknowledged again");
                }
                self.close(&batch.receipt, Counts::of(batch.raw.len(), &batch.fates));
            }
            Report::Stuck(receipt, stuck) if self.state.is_live(&receipt) => {
                let partition = receipt.partition;
                self.tell_stuck(&partition, &stuck);
                self.state.stuck.insert(partition, stuck);
            }
            Report::Stuck(..) => {}
        }
    }

    /// Once for each kind of trouble, not for each letter.
    fn tell_stuck(&self, partition: &Partition, stuck: &Stuck) {
        match (self.state.stuck.get(partition), stuck) {
            (Some(Stuck::Refused(_)), Stuck::Refused(_)) | (Some(_), Stuck::Away(_)) => {}
            (_, Stuck::Refused(reason)) => {
                tracing::error!(pipeline = self.pipeline, %partition, reason, "the dead-letter topic refuses records: the partition is held until it takes them");
            }
            (None, Stuck::Away(reason)) => {
                tracing::warn!(pipeline = self.pipeline, %partition, reason, "dead letters are not acknowledged, trying again");
            }
        }
    }

    fn read_again(&self, partition: &Partition, offset: i64) {
        let partition = partition.clone();
        self.direct(Directive::ReadAgain { partition, offset });
    }

    fn fatal(&self, partition: &Partition, offset: i64) {
        let pipeline = &self.pipeline;
        self.direct(Directive::Fatal(format!(
            "pipeline {pipeline}: work on {partition} at committed offset {offset} was given up \
             {ABANDONMENTS_MAX} times without progress; the log says which batch and why"
        )));
    }

    /// Its task ends after this one, unless it broke; what it held would stay open for ever.
    fn dead_letters_ended(&self) {
        let pipeline = &self.pipeline;
        self.direct(Directive::Fatal(format!(
            "pipeline {pipeline}: the task that sends dead letters has broken; the log says why"
        )));
    }

    fn direct(&self, directive: Directive) {
        // Intake has gone only at the end, and then nothing is read again.
        let _ = self.directives.send(directive);
    }
}

// === impl Task: commits ===

impl<C: Committer> Task<C> {
    /// Begins a commit where one is wanted and none is under way; ends drains that need none.
    fn turn(&mut self) {
        self.state.memory.settle(&self.state.ledger);
        if self.state.flight.is_some() {
            return;
        }
        let drains = self.state.take_ready(Instant::now());
        if drains.is_empty() && !self.state.due {
            return;
        }
        self.state.due = false;
        let offsets = self.state.ledger.committable();
        if offsets.is_empty() {
            drains.into_iter().for_each(|d| self.state.complete(d));
        } else {
            let answer = Box::pin(commit(self.committer.clone(), &offsets));
            self.state.flight = Some(Flight {
                offsets,
                drains,
                answer,
            });
        }
    }

    fn landed(&mut self, result: Result<(), CommitError>) {
        let Some(flight) = self.state.flight.take() else {
            return;
        };
        let again = Instant::now() + FINISH_RETRY_PAUSE;
        match &result {
            Ok(()) => {
                self.metrics.commits.inc();
                let ledger = &mut self.state.ledger;
                flight.offsets.iter().for_each(|due| ledger.committed(due));
            }
            Err(error) => {
                self.metrics.commit_failures.inc();
                let partitions = flight.offsets.len();
                tracing::warn!(pipeline = self.pipeline, partitions, %error, "the commit failed, what is done is committed with the next one");
            }
        }
        self.state.memory.settle(&self.state.ledger);
        for mut drain in flight.drains {
            let waits_for_memory = result.is_ok() && drain.is_writing(&self.state.memory);
            if waits_for_memory || (result.is_err() && drain.postpone(again)) {
                self.state.drains.push(drain);
            } else {
                self.state.complete(drain);
            }
        }
    }
}

fn commit<C: Committer>(
    committer: Arc<C>,
    offsets: &[Due],
) -> impl Future<Output = Result<(), CommitError>> + Send + use<C> {
    let offsets = offsets.iter().map(|d| (d.partition.clone(), d.offset));
    let offsets: Vec<_> = offsets.collect();
    async move {
        let answer = timeout(COMMIT_LIMIT, committer.commit(offsets)).await;
        answer.unwrap_or_else(|_| Err(CommitError(format!("no answer within {COMMIT_LIMIT:?}"))))
    }
}

async fn landing(flight: &mut Option<Flight>) -> Result<(), CommitError> {
    match flight {
        Some(flight) => flight.answer.as_mut().await,
        None => std::future::pending().await,
    }
}

async fn until(wake: Option<Instant>) {
    match wake {
        Some(wake) => sleep_until(wake).await,
        None => std::future::pending().await,
    }
}

// === impl State ===

impl State {
    pub(super) fn new(memory: Memories) -> Self {
        State {
            ledger: Ledger::default(),
            memory,
            drains: Vec::new(),
            flight: None,
            due: false,
            stuck: BTreeMap::new(),
            finished: false,
        }
    }

    fn is_live(&self, receipt: &Receipt) -> bool {
        let generation = receipt.generation.number();
        self.ledger.is_live(&receipt.partition, generation)
    }

    /// When a drain has waited long enough; none while a commit is under way, which wakes by itself.
    fn wake(&self) -> Option<Instant> {
        let idle = self.flight.is_none();
        let drains = self.drains.iter().filter(|_| idle);
        drains.map(|d| d.wakes_at(&self.ledger, &self.memory)).min()
    }

    fn take_ready(&mut self, now: Instant) -> Vec<Drain> {
        let (ledger, memory) = (&self.ledger, &self.memory);
        self.drains
            .extract_if(.., |d| d.wakes_at(ledger, memory) <= now)
            .collect()
    }

    fn end(&mut self, partition: &Partition) {
        self.ledger.end(partition);
        self.stuck.remove(partition);
        self.memory.forget(partition);
    }

    /// Ends the generations that the drain was about, and answers it.
    fn complete(&mut self, drain: Drain) {
        let open = drain.open(&self.ledger);
        let due = self.ledger.committable();
        let uncommitted = due.iter().filter(|d| drain.has(d)).count();
        for (partition, generation) in &drain.partitions {
            if self.ledger.generation(partition) == Some(*generation) {
                self.end(partition);
            }
        }
        // Whoever waited for it may have gone.
        let _ = match drain.reply {
            Reply::Revoke(reply) => reply.send(()).is_ok(),
            Reply::Finish(reply) => {
                self.finished = true;
                reply.send(Finished::of(open, uncommitted)).is_ok()
            }
        };
    }

    fn status(&self) -> Status {
        let held = self
            .stuck
            .iter()
            .filter_map(|(partition, stuck)| match stuck {
                Stuck::Refused(reason) => Some((partition.clone(), reason.clone())),
                Stuck::Away(_) => None,
            });
        Status {
            positions: self.ledger.positions().collect(),
            held: held.collect(),
        }
    }
}

// === impl Counts ===

impl Counts {
    /// What is neither dead nor dropped was delivered.
    fn of(inputs: usize, fates: &Fates) -> Self {
        let dead = fates
            .dead
            .keys()
            .filter(|i| (**i as usize) < inputs)
            .count();
        let dropped = fates.dropped.min(inputs - dead);
        let dead_findings = fates.dead_findings.len();
        let alerts = fates.dead_findings.iter().filter(|(f, _)| f.is_alert());
        let alerts = alerts.count();
        Counts {
            delivered: inputs - dead - dropped,
            dropped,
            dead,
            findings_delivered: [fates.alerts, fates.anomalies],
            findings_dead: [alerts, dead_findings - alerts],
        }
    }

    fn add_to(self, metrics: &PipelineMetrics) {
        metrics.delivered.inc_by(self.delivered as u64);
        metrics.dropped.inc_by(self.dropped as u64);
        metrics.dead_lettered.inc_by(self.dead as u64);
        let of_each = [&metrics.alerts, &metrics.anomalies].into_iter();
        let counts = self.findings_delivered.into_iter().zip(self.findings_dead);
        for (metrics, (delivered, dead)) in of_each.zip(counts) {
            metrics.delivered.inc_by(delivered as u64);
            metrics.dead_lettered.inc_by(dead as u64);
        }
    }
}
