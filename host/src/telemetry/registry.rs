//! All metrics of the process by their names and labels, and their text for a scrape.
//!
//! Whoever asks twice for one thing gets the same counters, so a stage that is built again goes on
//! counting. The lock is taken when a thing is made and when the text is, never on a record's path.

use super::Readiness;
use super::metrics::{OutputMetrics, PipelineMetrics, PluginMetrics};
use super::process::Process;
use super::tables;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::text;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry as Prometheus;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// All metrics of the process. Clones are the same.
#[derive(Clone, Debug)]
pub struct Registry {
    things: Things,
    prometheus: Arc<Prometheus>,
}

/// What is counted, by name.
#[derive(Clone, Default)]
pub(super) struct Things(Arc<Mutex<Named>>);

/// See [`Things`].
#[derive(Default)]
pub(super) struct Named {
    pub(super) pipelines: BTreeMap<String, PipelineMetrics>,
    /// By pipeline and plugin.
    pub(super) plugins: BTreeMap<(String, String), PluginMetrics>,
    pub(super) outputs: BTreeMap<String, OutputMetrics>,
    pub(super) readiness: Readiness,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

// === impl Registry ===

impl Registry {
    /// Metrics of a gateway of `version` that speaks these versions of the plugin contract.
    pub fn new(version: &str, contracts: &[&str]) -> Registry {
        let things = Things::default();
        let mut prometheus = Prometheus::default();
        prometheus.register_collector(Box::new(Process::started_now()));
        let build = vec![
            ("version".to_owned(), version.to_owned()),
            ("contracts".to_owned(), contracts.join(",")),
        ];
        let help = "Version of the gateway and of the plugin contracts that it speaks";
        prometheus.register("tidegate_build", help, Info::new(build));
        prometheus.register_collector(Box::new(things.clone()));
        Registry {
            things,
            prometheus: Arc::new(prometheus),
        }
    }

    /// Of a pipeline.
    pub fn pipeline(&self, name: &str) -> PipelineMetrics {
        let mut named = self.things.lock();
        named.pipelines.entry(name.to_owned()).or_default().clone()
    }

    /// Of a plugin in a pipeline; all its lanes share them.
    pub fn plugin(&self, pipeline: &str, plugin: &str) -> PluginMetrics {
        let key = (pipeline.to_owned(), plugin.to_owned());
        self.things.lock().plugins.entry(key).or_default().clone()
    }

    /// These conditions are told too.
    pub fn readiness(&self, readiness: &Readiness) {
        self.things.lock().readiness = readiness.clone();
    }

    /// Of an output.
    pub fn output(&self, name: &str) -> OutputMetrics {
        let mut named = self.things.lock();
        named.outputs.entry(name.to_owned()).or_default().clone()
    }

    /// All of it as OpenMetrics text, which Prometheus reads.
    ///
    /// # Errors
    /// Never met: a text that grows takes everything.
    pub fn text(&self) -> Result<String, fmt::Error> {
        let mut out = String::new();
        text::encode(&mut out, &self.prometheus)?;
        Ok(out)
    }
}

impl Default for Registry {
    fn default() -> Registry {
        Registry::new(env!("CARGO_PKG_VERSION"), &[])
    }
}

// === impl Things ===

impl Things {
    pub(super) fn lock(&self) -> MutexGuard<'_, Named> {
        lock(&self.0)
    }
}

impl fmt::Debug for Things {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Things").finish_non_exhaustive()
    }
}

impl Collector for Things {
    fn encode(&self, encoder: prometheus_client::encoding::DescriptorEncoder<'_>) -> fmt::Result {
        tables::encode(&self.lock(), encoder)
    }
}
