//! Requests to outcomes: OTLP gRPC and Kafka; coalescing, retry and classify are pure.
//!
//! Owns what is on its way to an output. A lane hands chunks to an [`Outlet`] and never waits; one pump task
//! a lane and output makes requests of them; each request in flight is a task of its own until every leg in
//! it is closed, or dropped because nobody waits for it any more. It promises that requests of one
//! partition reach the output in order, one at a time. It never decides what is committed.

mod classify;
mod client;
mod coalesce;
mod deliver;
mod halve;
mod health;
mod kafka;
mod otlp;
mod patience;
mod pump;
mod retry;
#[cfg(test)]
mod tests;

pub use classify::{RETRY_AFTER_MAX, Verdict};
pub use client::OutputError;
pub use coalesce::{Coalescer, Request};
pub use health::{Condition, Health};
pub use kafka::{KafkaOutput, KafkaSettings};
pub use otlp::OtlpOutput;
pub use pump::{Outlet, Pump};
pub use retry::Backoff;

use std::sync::Arc;
use std::time::Duration;

/// A configured output. Clones are the same.
#[derive(Clone, Debug)]
pub enum Output {
    /// OTLP over gRPC.
    Otlp(OtlpOutput),
    /// A Kafka topic.
    Kafka(KafkaOutput),
}

impl Output {
    /// Its name in the configuration.
    pub fn name(&self) -> &Arc<str> {
        match self {
            Output::Otlp(output) => output.name(),
            Output::Kafka(output) => output.name(),
        }
    }

    /// How it is.
    pub fn health(&self) -> &Health {
        match self {
            Output::Otlp(output) => output.health(),
            Output::Kafka(output) => output.health(),
        }
    }
}

/// An OTLP output, as meant.
#[derive(Clone, Debug)]
pub struct OtlpSettings {
    /// Its name in the configuration.
    pub name: String,
    /// `http://host:port`.
    pub endpoint: String,
    /// Whether requests are compressed with gzip.
    pub gzip: bool,
    /// Metadata sent with each request.
    pub headers: Vec<(String, String)>,
    /// How long one attempt may take.
    pub timeout: Duration,
    /// When a request is full.
    pub request: RequestLimits,
    /// Requests in flight of one lane.
    pub max_in_flight_requests: usize,
    /// When to try again.
    pub retry: RetrySettings,
    /// What becomes of a request that was accepted in part.
    pub partial_success: PartialSuccess,
}

/// When a request is full.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RequestLimits {
    /// Records.
    pub records: usize,
    /// Bytes before compression; also the most that one request ever has.
    pub bytes: usize,
    /// How long the first record may wait for others.
    pub linger: Duration,
}

/// When to try again: exponential, with jitter.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RetrySettings {
    /// The first pause.
    pub initial: Duration,
    /// The longest pause.
    pub max: Duration,
    /// What a pause is multiplied by to give the next.
    pub multiplier: f64,
    /// The part of a pause that is left to chance, 0 to 1.
    pub jitter: f64,
}

/// What becomes of a request that was accepted in part: the answer does not say which records were refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PartialSuccess {
    /// All its raw records go to the dead letters, as maybe delivered.
    DeadLetter,
    /// It counts as delivered; the refused ones are counted.
    Count,
}
