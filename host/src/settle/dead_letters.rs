//! Dead letters on their way to their topic.
//!
//! Owns batches with dead inputs until every letter is acknowledged; runs as one task beside the settle
//! task, many batches and many letters at once, first attempts in the order in which they came. Promises to
//! report a batch only when all its letters are acknowledged, and never to lose one silently: what the topic
//! refuses is held and tried again. Gives up only what nobody waits for any more, when the batch's
//! generation has ended. What it copies is bounded by [`BYTES_IN_FLIGHT_MAX`].

use super::letter::{Form, finding_letter, letter, size};
use crate::kafka::producer::{Producer, ProducerRecord, SendError};
use crate::model::{DeadReason, Fates, Finding, Held, RawRecords, Receipt};
use futures_util::future::join_all;
use futures_util::stream::{FuturesUnordered, StreamExt};
use std::future::Future;
use std::time::Duration;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::unconstrained;
use tokio::time::sleep;

#[cfg(test)]
mod tests;

/// Bytes of letters that are being sent at a time; a larger letter goes alone.
pub const BYTES_IN_FLIGHT_MAX: u32 = 16 << 20;
/// What a letter weighs besides the bytes of its record.
const LETTER_OVERHEAD_BYTES: usize = 1024;
/// The first pause before a letter is tried again.
const PAUSE_MIN: Duration = Duration::from_millis(100);
/// The longest pause; also how long a batch whose generation has ended may still be kept.
const PAUSE_MAX: Duration = Duration::from_secs(5);
/// How long closing the connection may take.
const CLOSE_LIMIT: Duration = Duration::from_secs(2);

/// A batch with dead inputs or findings, all its legs closed.
#[derive(Debug)]
pub(super) struct DeadBatch {
    pub(super) receipt: Receipt,
    pub(super) raw: RawRecords,
    pub(super) fates: Fates,
    /// Counts as in flight until the batch is settled.
    pub(super) _held: Held,
}

/// What the settle task is told.
#[derive(Debug)]
pub(super) enum Report {
    /// Every letter of the batch is acknowledged.
    Buried(Box<DeadBatch>),
    /// A letter of this batch was not acknowledged and will be tried again.
    Stuck(Receipt, Stuck),
}

/// Why a letter is tried again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Stuck {
    /// The topic's cluster is away or busy.
    Away(String),
    /// The topic refuses it: somebody has to do something.
    Refused(String),
}

/// Where letters are sent.
pub(super) trait Sink: Send + Sync + 'static {
    /// Waits until the letter is acknowledged.
    fn send(&self, letter: ProducerRecord) -> impl Future<Output = Result<(), SendError>> + Send;
    /// No letter comes any more.
    fn close(&self) -> impl Future<Output = ()> + Send;
}

/// The usual sink.
#[derive(Debug)]
pub(super) struct ToTopic {
    pub(super) producer: Producer,
    pub(super) topic: String,
}

/// What an attempt that failed means.
#[derive(Debug, PartialEq, Eq)]
enum Next {
    /// Try at once, in another form.
    As(Form),
    /// Try again after a pause.
    Later(Stuck),
}

/// What a letter is about.
#[derive(Clone, Copy)]
enum Subject<'a> {
    /// An input, by its number.
    Input(u32),
    /// An alert or anomaly.
    Finding(&'a Finding),
}

#[derive(Debug, PartialEq, Eq)]
enum Fate {
    Acknowledged,
    GivenUp,
}

struct Sender<S> {
    sink: S,
    bytes: Semaphore,
    reports: mpsc::UnboundedSender<Report>,
}

/// Sends the letters of all batches that come, until no more come and none is left.
pub(super) async fn run<S: Sink>(
    sink: S,
    mut batches: mpsc::UnboundedReceiver<DeadBatch>,
    reports: mpsc::UnboundedSender<Report>,
) {
    let sender = Sender {
        sink,
        bytes: Semaphore::new(BYTES_IN_FLIGHT_MAX as usize),
        reports,
    };
    let mut under_way = FuturesUnordered::new();
    loop {
        tokio::select! {
            Some(batch) = batches.recv() => under_way.push(sender.bury(batch)),
            Some(()) = under_way.next() => {}
            else => break,
        }
    }
    drop(under_way);
    sender.sink.close().await;
}

impl Sink for ToTopic {
    async fn send(&self, letter: ProducerRecord) -> Result<(), SendError> {
        self.producer.send(&self.topic, letter).await
    }

    async fn close(&self) {
        self.producer.close(CLOSE_LIMIT).await;
    }
}

// === impl Sender ===

impl<S: Sink> Sender<S> {
    async fn bury(&self, batch: DeadBatch) {
        let Fates {
            dead,
            dead_findings,
            ..
        } = &batch.fates;
        let inputs = dead.iter().map(|(input, r)| (Subject::Input(*input), r));
        let findings = dead_findings.iter().map(|(f, r)| (Subject::Finding(f), r));
        let letters = inputs.chain(findings);
        let letters = letters.map(|(subject, reason)| self.deliver(&batch, subject, reason));
        let fates = join_all(letters).await;
        if fates.iter().all(|fate| *fate == Fate::Acknowledged) {
            self.report(Report::Buried(Box::new(batch)));
        }
    }

    async fn deliver(&self, batch: &DeadBatch, subject: Subject<'_>, reason: &DeadReason) -> Fate {
        let mut form = Form::Whole;
        let mut pauses = 0;
        while !batch.receipt.generation.has_ended() {
            let attempt = self.attempt(&batch.raw, subject, reason, form);
            let Err(error) = attempt.await else {
                return Fate::Acknowledged;
            };
            match next(form, error) {
                Next::As(other) => form = other,
                Next::Later(stuck) => {
                    self.report(Report::Stuck(batch.receipt.clone(), stuck));
                    sleep(pause(pauses, fastrand::f64())).await;
                    pauses += 1;
                }
            }
        }
        Fate::GivenUp
    }

    async fn attempt(
        &self,
        raw: &RawRecords,
        subject: Subject<'_>,
        reason: &DeadReason,
        form: Form,
    ) -> Result<(), SendError> {
        let weight = match subject {
            Subject::Input(input) => size(raw, input as usize),
            Subject::Finding(finding) => finding.weight(),
        };
        let weight = weight.saturating_add(LETTER_OVERHEAD_BYTES);
        let weight = u32::try_from(weight).unwrap_or(u32::MAX);
        // Only a closed semaphore refuses, and this one never is. Within tokio's budget many letters at once
        // would be put off and woken in reverse order.
        let permits = self.bytes.acquire_many(weight.min(BYTES_IN_FLIGHT_MAX));
        let _permits = unconstrained(permits).await;
        let letter = match subject {
            Subject::Input(input) => letter(raw, input as usize, reason, form),
            Subject::Finding(finding) => Some(finding_letter(finding, reason, form)),
        };
        match letter {
            Some(letter) => self.sink.send(letter).await,
            None => Ok(()),
        }
    }

    fn report(&self, report: Report) {
        // Nobody listens only when the settle task has ended; then nothing is committed any more either.
        let _ = self.reports.send(report);
    }
}

fn next(form: Form, error: SendError) -> Next {
    if error.is_too_large() && form != Form::Stub {
        return Next::As(Form::Stub);
    }
    if error.is_timestamp_refused() && form == Form::Whole {
        return Next::As(Form::Undated);
    }
    let reason = error.to_string();
    Next::Later(if error.is_retriable() {
        Stuck::Away(reason)
    } else {
        Stuck::Refused(reason)
    })
}

/// The pause after so many others: doubling up to the longest, then half of it left to chance (0 to 1).
fn pause(pauses: u32, chance: f64) -> Duration {
    const DOUBLINGS_MAX: u32 = 10;
    let full = PAUSE_MIN * 2u32.pow(pauses.min(DOUBLINGS_MAX));
    full.min(PAUSE_MAX)
        .mul_f64(0.5 + 0.5 * chance.clamp(0.0, 1.0))
}
