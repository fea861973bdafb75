//! Counters and gauges, updated without a lock and read by the admin endpoint.
//!
//! Each struct belongs to one named thing. `Default` gives one that nobody reads: for tests and `pipe`.

use crate::model::Partition;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Partitions of one pipeline whose lag is told one by one.
pub(super) const PARTITIONS_MAX: usize = 10_000;
/// Names that one plugin may count under in one pipeline; further ones are left out.
pub const COUNTER_NAMES_MAX: usize = 64;

/// The lag of each partition that a pipeline owns, in records. Clones are the same.
#[derive(Clone, Debug, Default)]
pub struct PartitionLag(Arc<Mutex<Vec<(Partition, i64)>>>);

/// Of one pipeline. Records are inputs: Kafka records.
#[derive(Clone, Debug, Default)]
pub struct PipelineMetrics {
    /// Records begun: handed to a lane. One that is read again counts again.
    pub records_in: Counter,
    /// Bytes of their keys, values and headers.
    pub bytes_in: Counter,
    /// Inputs delivered.
    pub delivered: Counter,
    /// Inputs left out on purpose.
    pub dropped: Counter,
    /// Inputs whose dead letter was acknowledged, or counted where they are discarded.
    pub dead_lettered: Counter,
    /// Alerts.
    pub alerts: FindingMetrics,
    /// Anomalies.
    pub anomalies: FindingMetrics,
    /// Values of kind JSON that went out as text: no JSON, nested too deep, or with a key twice.
    pub json_as_text: Counter,
    /// Batches abandoned and read again.
    pub abandoned: Counter,
    /// Offsets skipped because Kafka no longer had them.
    pub retention_loss: Counter,
    /// Commits that succeeded.
    pub commits: Counter,
    /// Commits that failed.
    pub commit_failures: Counter,
    /// Records read again for what plugins remember, not counted as read.
    pub remembered: Counter,
    /// 1 while the topic for what plugins remember is not compacted, or is more than that.
    pub memory_not_compacted: Gauge,
    /// Rebalances seen.
    pub rebalances: Counter,
    /// Partitions assigned.
    pub partitions: Gauge,
    /// Records between the committed offset and the end, of all partitions assigned.
    pub lag: Gauge,
    /// The same, a partition.
    pub partition_lag: PartitionLag,
    /// Bytes in flight.
    pub in_flight_bytes: Gauge,
}

/// Of the alerts of one pipeline, or of its anomalies.
#[derive(Clone, Debug, Default)]
pub struct FindingMetrics {
    /// Those that an output took and none refused.
    pub delivered: Counter,
    /// Those whose dead letter was acknowledged, or counted where they are discarded.
    pub dead_lettered: Counter,
}

/// Of one plugin in one pipeline.
#[derive(Clone, Debug, Default)]
pub struct PluginMetrics {
    /// Calls.
    pub calls: Counter,
    /// Nanoseconds spent in calls.
    pub nanos: Counter,
    /// Records given.
    pub records_in: Counter,
    /// Records returned.
    pub records_out: Counter,
    /// Inputs dropped on purpose.
    pub dropped: Counter,
    /// Inputs that were not its own.
    pub not_mine: Counter,
    /// Inputs that were its own and malformed.
    pub malformed: Counter,
    /// Calls that trapped.
    pub fault_traps: Counter,
    /// Calls that ran out of time.
    pub fault_timeouts: Counter,
    /// Calls that ran out of memory.
    pub fault_memory: Counter,
    /// Answers that broke a rule of the contract.
    pub fault_answers: Counter,
    /// Records skipped because the plugin broke at them.
    pub skipped: Counter,
    /// Alerts and anomalies raised, told or not.
    pub findings: Counter,
    /// Of them, those left out because they said what was told already.
    pub folded: Counter,
    /// Of them, those left out because there were too many.
    pub suppressed: Counter,
    /// Memories of partitions that were lost, or fell back to what was saved last.
    pub memory_lost: Counter,
    /// What it counts itself.
    pub own: OwnCounters,
}

/// What a plugin counts itself in one pipeline, by names of its own. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct OwnCounters(Arc<Own>);

#[derive(Debug, Default)]
struct Own {
    counters: Mutex<BTreeMap<String, Counter>>,
    /// Somebody was told that names are refused.
    is_refusal_told: AtomicBool,
}

/// Of one output.
#[derive(Clone, Debug, Default)]
pub struct OutputMetrics {
    /// Records acknowledged.
    pub records: Counter,
    /// Requests acknowledged.
    pub requests: Counter,
    /// Bytes of requests before compression.
    pub bytes: Counter,
    /// Attempts beyond the first.
    pub retries: Counter,
    /// Records refused for good.
    pub refused: Counter,
    /// 1 while the output is wrong or away, 0 while it answers.
    pub unhealthy: Gauge,
}

// === impl PartitionLag ===

impl PartitionLag {
    /// These are the partitions, and how many records each is behind its end.
    pub fn replace(&self, mut lags: Vec<(Partition, i64)>) {
        lags.truncate(PARTITIONS_MAX);
        *self.lock() = lags;
    }

    /// Partitions and lags.
    pub(super) fn all(&self) -> Vec<(Partition, i64)> {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<(Partition, i64)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl OwnCounters ===

impl OwnCounters {
    /// The counter of this name; none where [`COUNTER_NAMES_MAX`] others are there.
    pub fn get(&self, name: &str) -> Option<Counter> {
        let mut all = self.lock();
        if let Some(counter) = all.get(name) {
            return Some(counter.clone());
        }
        let room = all.len() < COUNTER_NAMES_MAX;
        room.then(|| all.entry(name.to_owned()).or_default().clone())
    }

    /// Whether it is the first time that a name is refused.
    pub fn refuse(&self) -> bool {
        !self.0.is_refusal_told.swap(true, Ordering::Relaxed)
    }

    /// Names and values so far.
    pub fn list(&self) -> Vec<(String, u64)> {
        let all = self.lock();
        all.iter().map(|(n, c)| (n.clone(), c.get())).collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Counter>> {
        let counters = &self.0.counters;
        counters.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
