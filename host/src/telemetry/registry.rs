//! All metrics of the process by their names and labels, and their text for a scrape.
//!
//! Whoever asks twice for one thing gets the same counters, so a stage that is built again goes on
//! counting. The lock is taken when a thing is made and when the text is, never on a record's path.

use super::metrics::{OutputMetrics, PipelineMetrics, PluginMetrics};
use super::process::Process;
use super::tables;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::text;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry as Prometheus;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Partitions of one pipeline whose lag is told one by one.
pub(super) const PARTITIONS_MAX: usize = 10_000;
/// Counters that one plugin may have in one pipeline.
const COUNTS_MAX: usize = 64;
/// Bytes of such a counter's name.
const COUNT_NAME_BYTES_MAX: usize = 64;
/// The counter that takes what has no proper name or no room.
const COUNT_OTHER: &str = "other";

/// All metrics of the process. Clones are the same.
#[derive(Clone, Debug)]
pub struct Registry {
    things: Things,
    prometheus: Arc<Prometheus>,
}

/// What is counted, by name.
#[derive(Clone, Debug, Default)]
pub(super) struct Things(Arc<Mutex<Named>>);

/// See [`Things`].
#[derive(Debug, Default)]
pub(super) struct Named {
    pub(super) pipelines: BTreeMap<String, PipelineMetrics>,
    /// By pipeline and plugin.
    pub(super) plugins: BTreeMap<(String, String), PluginMetrics>,
    /// By pipeline and plugin.
    pub(super) counts: BTreeMap<(String, String), PluginCounts>,
    pub(super) outputs: BTreeMap<String, OutputMetrics>,
    /// By pipeline.
    pub(super) lags: BTreeMap<String, PartitionLag>,
}

/// A plugin's own counters. Clones are the same.
#[derive(Clone, Debug, Default)]
pub struct PluginCounts(Arc<Mutex<BTreeMap<String, Counter>>>);

/// The lag of each partition of a pipeline, in records. Clones are the same.
#[derive(Clone, Debug, Default)]
pub struct PartitionLag(Arc<Mutex<BTreeMap<(String, i32), i64>>>);

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

    /// A plugin's own counters in a pipeline; all its lanes share them.
    pub fn counts(&self, pipeline: &str, plugin: &str) -> PluginCounts {
        let key = (pipeline.to_owned(), plugin.to_owned());
        self.things.lock().counts.entry(key).or_default().clone()
    }

    /// Of an output.
    pub fn output(&self, name: &str) -> OutputMetrics {
        let mut named = self.things.lock();
        named.outputs.entry(name.to_owned()).or_default().clone()
    }

    /// Of a pipeline's partitions.
    pub fn lag(&self, pipeline: &str) -> PartitionLag {
        let mut named = self.things.lock();
        named.lags.entry(pipeline.to_owned()).or_default().clone()
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

impl Collector for Things {
    fn encode(&self, encoder: prometheus_client::encoding::DescriptorEncoder<'_>) -> fmt::Result {
        tables::encode(&self.lock(), encoder)
    }
}

// === impl PluginCounts ===

impl PluginCounts {
    /// Adds to the counter `name`: small letters, digits and `_`, beginning with a letter. Any other name,
    /// and one for which there is no room, counts as `other`.
    pub fn add(&self, name: &str, n: u64) {
        let mut counts = lock(&self.0);
        if let Some(counter) = counts.get(name) {
            counter.inc_by(n);
            return;
        }
        let room = counts.len() < COUNTS_MAX;
        let name = if room && is_count_name(name) {
            name
        } else {
            COUNT_OTHER
        };
        counts.entry(name.to_owned()).or_default().inc_by(n);
    }

    /// Names and values.
    pub(super) fn all(&self) -> Vec<(String, u64)> {
        let counts = lock(&self.0);
        counts
            .iter()
            .map(|(name, c)| (name.clone(), c.get()))
            .collect()
    }
}

fn is_count_name(name: &str) -> bool {
    let small = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
    name.len() <= COUNT_NAME_BYTES_MAX
        && name.bytes().next().is_some_and(|b| b.is_ascii_lowercase())
        && name.bytes().all(small)
}

// === impl PartitionLag ===

impl PartitionLag {
    /// The partition is `records` behind its end.
    pub fn set(&self, topic: &str, partition: i32, records: i64) {
        let mut lags = lock(&self.0);
        let key = (topic.to_owned(), partition);
        if lags.len() < PARTITIONS_MAX || lags.contains_key(&key) {
            lags.insert(key, records);
        }
    }

    /// The partition is ours no longer.
    pub fn remove(&self, topic: &str, partition: i32) {
        lock(&self.0).remove(&(topic.to_owned(), partition));
    }

    /// Topics, partitions and lags.
    pub(super) fn all(&self) -> Vec<(String, i32, i64)> {
        let lags = lock(&self.0);
        let each = lags.iter();
        each.map(|((topic, partition), lag)| (topic.clone(), *partition, *lag))
            .collect()
    }
}
