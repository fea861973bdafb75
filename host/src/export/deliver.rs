//! One request from its first attempt to the closing of its legs.
//!
//! Runs as one task a request in flight. It promises that each leg is closed once everything it carries has
//! been delivered or refused, and dropped unclosed where nobody waits for it any more; that nobody is
//! refused while the output itself is at fault; and that parts leave in order. Dropping it drops its legs
//! unclosed: their batches count as not delivered.

use super::classify::Verdict;
use super::client::{Answer, Client, Payload};
use super::halve::{Part, Piece};
use super::health::Health;
use super::patience::Patience;
use super::{OtlpSettings, PartialSuccess};
use crate::model::{Chunk, DeadReason};
use crate::telemetry::metrics::OutputMetrics;
use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;
use tracing::warn;

/// Single records refused as exhausted, one after the other, with nothing delivered: then it is the output.
const EXHAUSTED_SINGLES_MAX: usize = 16;
/// A single record, alone in its request, is refused so often as exhausted while the output takes others: then it is the
/// record, which is larger than the output's own limit.
pub(super) const EXHAUSTED_ALONE_MAX: u32 = 10;

/// What all requests to one output share.
#[derive(Debug)]
pub(super) struct Shared {
    pub name: Arc<str>,
    pub settings: OtlpSettings,
    pub client: Client,
    pub metrics: OutputMetrics,
    pub health: Health,
}

/// Delivers chunks as one request, however long that takes.
pub(super) async fn deliver(shared: Arc<Shared>, chunks: Vec<Chunk>) {
    let mut flight = Flight {
        patience: Patience::new(shared.settings.retry),
        shared,
        chunks: chunks.into_iter().map(Some).collect(),
        is_doubtful: false,
    };
    let acknowledged = flight.shared.metrics.requests.get();
    let mut times = 0;
    loop {
        let found = flight.send_whole().await;
        times += 1;
        let takes_others = flight.shared.metrics.requests.get() > acknowledged;
        let is_to_blame = flight.is_single() && times >= EXHAUSTED_ALONE_MAX && takes_others;
        if !found.is_output_exhausted || is_to_blame {
            return flight.close(found);
        }
        flight.pause(true, &found.words, None).await;
    }
}

struct Flight {
    shared: Arc<Shared>,
    // None where nobody waits for the chunk any more.
    chunks: Vec<Option<Chunk>>,
    patience: Patience,
    // Whether an attempt had no answer.
    is_doubtful: bool,
}

/// What became of a request and its halves.
#[derive(Default)]
struct Found {
    is_halved: bool,
    is_any_delivered: bool,
    // Chunk and input of records that were delivered; kept once the request is in halves.
    delivered: HashSet<(usize, u32)>,
    refused: Vec<Refused>,
    // Nothing was delivered, all was refused as exhausted: nobody is to blame but the output.
    is_output_exhausted: bool,
    words: String,
}

struct Refused {
    part: Part,
    reason: String,
    // It may be the output that is exhausted rather than the record that is too large.
    is_exhaustion: bool,
    // Whether it is in the metrics already.
    is_counted: bool,
}

// === impl Flight ===

impl Flight {
    /// Sends everything, in halves where it is refused.
    async fn send_whole(&mut self) -> Found {
        let mut found = Found::default();
        let mut work = VecDeque::from([self.whole()]);
        while let Some(mut part) = work.pop_front() {
            let Some(answer) = self.send(&mut part).await else {
                continue;
            };
            match answer.verdict {
                Verdict::RequestWrong { too_large } => match part.halves() {
                    Ok([first, second]) => {
                        found.is_halved = true;
                        work.push_front(second);
                        work.push_front(first);
                    }
                    Err(single) => self.refused(&mut found, single, answer.words, too_large),
                },
                verdict => self.taken(&mut found, &part, verdict),
            }
            if found.refused.len() >= EXHAUSTED_SINGLES_MAX && found.is_all_exhaustion() {
                break;
            }
        }
        if found.is_all_exhaustion() {
            // What nobody waits for must not be closed: not all of it was sent.
            self.leave_cancelled(&mut Part::default());
            found.is_output_exhausted = self.is_wanted();
        }
        found
    }

    fn whole(&self) -> Part {
        let chunks = self.chunks.iter().enumerate();
        let piece = |(number, chunk): (usize, &Option<Chunk>)| {
            let chunk = chunk.as_ref()?;
            Some(Piece {
                chunk: number,
                payload: chunk.payload.clone(),
                inputs: chunk.inputs.clone(),
            })
        };
        Part {
            pieces: chunks.filter_map(piece).collect(),
            is_doubtful: self.is_doubtful,
        }
    }

    /// Attempts until the output has taken or refused the part. None: nobody waits for it any more.
    async fn send(&mut self, part: &mut Part) -> Option<Answer> {
        let mut payload = None;
        let mut attempts = 0;
        loop {
            if self.leave_cancelled(part) {
                payload = None;
            }
            if part.pieces.is_empty() {
                return None;
            }
            let body = match &payload {
                Some(body) => body,
                None => payload.insert(self.payload(part).await),
            };
            if attempts > 0 {
                self.shared.metrics.retries.inc();
            }
            attempts += 1;
            let answer = self.shared.client.attempt(body).await;
            let (is_wrong, after) = match answer.verdict {
                Verdict::Retry { after } => (false, after),
                Verdict::OutputWrong => (true, None),
                _ => return Some(answer),
            };
            part.is_doubtful |= !is_wrong;
            self.is_doubtful |= !is_wrong;
            self.pause(is_wrong, &answer.words, after).await;
        }
    }

    fn is_single(&self) -> bool {
        let chunks = self.chunks.iter().flatten();
        chunks.map(|c| c.inputs.len()).sum::<usize>() == 1
    }

    async fn payload(&self, part: &Part) -> Payload {
        let payloads = part.pieces.iter().map(|p| p.payload.clone()).collect();
        Payload::new(payloads, self.shared.settings.gzip).await
    }

    /// Lets go of chunks that nobody waits for. Whether the part has lost any.
    fn leave_cancelled(&mut self, part: &mut Part) -> bool {
        for chunk in &mut self.chunks {
            if chunk.as_ref().is_some_and(|c| c.leg.is_cancelled()) {
                *chunk = None;
            }
        }
        let before = part.pieces.len();
        let is_kept = |p: &Piece| self.chunks.get(p.chunk).is_some_and(Option::is_some);
        part.pieces.retain(is_kept);
        part.pieces.len() < before
    }

    fn is_wanted(&self) -> bool {
        let mut chunks = self.chunks.iter().flatten();
        chunks.any(|c| !c.leg.is_cancelled())
    }

    async fn pause(&mut self, is_wrong: bool, words: &str, after: Option<Duration>) {
        let chunks = &self.chunks;
        let is_wanted = || chunks.iter().flatten().any(|c| !c.leg.is_cancelled());
        let health = &self.shared.health;
        let pause = self
            .patience
            .pause(health, (is_wrong, words), after, is_wanted);
        pause.await;
    }

    /// The output has taken a part, or all but some records of it.
    fn taken(&mut self, found: &mut Found, part: &Part, verdict: Verdict) {
        self.patience.well();
        let metrics = &self.shared.metrics;
        let records = part.records() as u64;
        metrics.requests.inc();
        metrics.bytes.inc_by(part.bytes() as u64);
        let output = &self.shared.name;
        let mut rejected_records = 0;
        if let Verdict::DoneInPart { rejected, message } = verdict {
            rejected_records = rejected.min(records);
            metrics.refused.inc_by(rejected_records);
            let reason = format!("{rejected} of {records} refused: {message}");
            warn!(output = %output, reason, "output took a request only in part");
            if self.shared.settings.partial_success == PartialSuccess::DeadLetter {
                let part = Part {
                    is_doubtful: true,
                    ..part.clone()
                };
                let refused = Refused {
                    part,
                    reason,
                    is_exhaustion: false,
                    is_counted: true,
                };
                found.refused.push(refused);
            }
        } else if let Verdict::Done {
            warning: Some(warning),
        } = verdict
        {
            warn!(output = %output, warning, "output took a request and had something to say");
        }
        metrics.records.inc_by(records - rejected_records);
        found.deliver(part);
    }

    /// The output has refused a part that cannot be halved.
    fn refused(&self, found: &mut Found, part: Part, words: String, too_large: bool) {
        // A record over the limit of a request is too large by our own measure: no exhaustion.
        let is_over_limit = part.bytes() > self.shared.settings.request.bytes;
        found.words.clone_from(&words);
        found.refused.push(Refused {
            part,
            reason: words,
            is_exhaustion: too_large && !is_over_limit,
            is_counted: false,
        });
    }

    /// Tells each leg what was refused, and closes it.
    fn close(self, found: Found) {
        for refused in &found.refused {
            if !refused.is_counted {
                let records = refused.part.records() as u64;
                self.shared.metrics.refused.inc_by(records);
            }
            for piece in &refused.part.pieces {
                let Some(Some(chunk)) = self.chunks.get(piece.chunk) else {
                    continue;
                };
                for input in &piece.inputs {
                    let reason = DeadReason {
                        by: self.shared.name.clone(),
                        version: Arc::from(""),
                        reason: refused.reason.clone(),
                        maybe_delivered: refused.part.is_doubtful,
                    };
                    chunk.leg.refuse(*input, reason);
                }
            }
        }
        let refused = found.refused.iter().flat_map(|r| &r.part.pieces);
        let refused: HashSet<usize> = refused.map(|p| p.chunk).collect();
        for (number, chunk) in self.chunks.into_iter().enumerate() {
            let Some(Chunk { leg, inputs, .. }) = chunk else {
                continue;
            };
            let delivered = found.delivered.iter().filter(|d| d.0 == number);
            leg.delivered(match refused.contains(&number) {
                true => delivered.map(|d| d.1).collect(),
                false => inputs,
            });
            leg.close();
        }
    }
}

// === impl Found ===

impl Found {
    fn deliver(&mut self, part: &Part) {
        self.is_any_delivered = true;
        if self.is_halved {
            let inputs = |p: &Piece| {
                let chunk = p.chunk;
                p.inputs
                    .clone()
                    .into_iter()
                    .map(move |input| (chunk, input))
            };
            self.delivered.extend(part.pieces.iter().flat_map(inputs));
        }
    }

    /// Whether every part was refused as exhausted.
    fn is_all_exhaustion(&self) -> bool {
        let mut refused = self.refused.iter();
        !self.is_any_delivered && !self.refused.is_empty() && refused.all(|r| r.is_exhaustion)
    }
}
