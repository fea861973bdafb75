//! An OTLP output.

use super::client::{Client, OutputError};
use super::deliver::{Shared, deliver};
use super::health::Health;
use super::pump::{self, Carrier, Outlet, Pump};
use super::{OtlpSettings, RequestLimits};
use crate::model::Chunk;
use crate::telemetry::metrics::OutputMetrics;
use bytes::Bytes;
use std::future::Future;
use std::sync::Arc;

/// One configured output: one connection, shared by all lanes. Clones are the same output.
#[derive(Clone, Debug)]
pub struct OtlpOutput {
    shared: Arc<Shared>,
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
        pump::start(self.shared.clone())
    }
}

impl Carrier for Shared {
    type Payload = Bytes;

    fn name(&self) -> &str {
        &self.name
    }

    fn limits(&self) -> RequestLimits {
        self.settings.request
    }

    fn max_in_flight_requests(&self) -> usize {
        self.settings.max_in_flight_requests
    }

    fn bytes(payload: &Bytes) -> usize {
        payload.len()
    }

    fn deliver(self: Arc<Self>, chunks: Vec<Chunk>) -> impl Future<Output = ()> + Send {
        deliver(self, chunks)
    }
}
