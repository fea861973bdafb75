//! Receipt and outcome come together here, and here alone it is decided what may be committed.
//!
//! One task owns the ledger and takes messages through a [`Handle`]; nothing else changes it.
//!
//! ```text
//! intake: assigned, begin, idle, revoke, lost ──┐              ┌──► Committer (the consumer)
//! legs:   one Outcome a batch ──────────────────┴─► ledger ────┼──► dead letters, back when acknowledged
//!                                                              ├──► Directive, to intake
//! lanes:  snapshots of memory ─────────────────────────────────┴──► memory topic, once committed
//! ```

pub mod ledger;
pub mod letter;

mod committer;
mod dead_letters;
mod drain;
mod handle;
mod memory;
mod task;

pub use committer::{CommitError, Committer};
pub use handle::{Finished, Handle, Inbox, Status, channel};
pub use ledger::Position;
pub use memory::key as memory_key;

use crate::kafka::ClusterSettings;
use crate::kafka::producer::Producer;
use crate::model::Partition;
use crate::telemetry::metrics::PipelineMetrics;
use dead_letters::ToTopic;
use memory::Memories;
use std::sync::Arc;
use std::time::Duration;
use task::{State, Task};
use tokio::sync::mpsc;
use tokio::time::timeout;

/// How long one commit may take before it counts as failed.
pub const COMMIT_LIMIT: Duration = Duration::from_secs(10);
/// How long dead letters that nobody waits for any more may hold up the end of [`run`].
const SENDER_LIMIT: Duration = Duration::from_secs(3);

/// What settle is told, as meant.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The pipeline; for logs and metrics.
    pub pipeline: String,
    /// How often what is done is committed.
    pub commit_interval: Duration,
    /// Where dead letters go.
    pub dead_letters: DeadLetters,
    /// Where what plugins remember is kept; none: nowhere.
    pub memory: Option<MemorySettings>,
}

/// Where what plugins remember is kept, and how often.
#[derive(Clone, Debug)]
pub struct MemorySettings {
    /// The cluster.
    pub cluster: Box<ClusterSettings>,
    /// A compacted topic.
    pub topic: String,
    /// How often a partition's memory is saved where it has changed.
    pub interval: Duration,
}

/// Asks lanes to save. It must not block.
pub trait Savers: Send + Sync {
    /// The lane of the partition saves what its plugins remember of it once it has done what it was given, and
    /// says so by [`Handle::saved`]. False: there is no lane that could.
    fn save(&self, partition: &Partition) -> bool;
}

/// Where dead letters go.
#[derive(Clone, Debug)]
pub enum DeadLetters {
    /// Nowhere: they are counted and count as done.
    Discard,
    /// To a topic.
    Topic {
        /// The cluster.
        cluster: Box<ClusterSettings>,
        /// The topic's name.
        topic: String,
    },
}

/// What settle tells intake.
#[derive(Debug)]
pub enum Directive {
    /// A batch was abandoned: the generation has ended; read again from `offset`, under a new one.
    ReadAgain {
        /// The partition.
        partition: Partition,
        /// The committed position: where reading goes on.
        offset: i64,
    },
    /// The process must end, for this reason.
    Fatal(String),
}

/// Settles batches until a clean stop has ended ([`Handle::finish`]) or every handle is gone. Spawn it: it
/// must go on while the poll task waits in a rebalance. Dropping the future is like a crash: nothing is lost,
/// what is not committed is read again.
pub async fn run(
    inbox: Inbox,
    settings: Settings,
    metrics: PipelineMetrics,
    committer: Arc<impl Committer>,
    directives: mpsc::UnboundedSender<Directive>,
    savers: Arc<dyn Savers>,
) {
    let (memory, written) = Memories::new(settings.memory, &settings.pipeline, savers);
    let (reports, reported) = mpsc::unbounded_channel();
    let (dead_letters, sender) = match settings.dead_letters {
        DeadLetters::Discard => (None, None),
        DeadLetters::Topic { cluster, topic } => {
            let (batches, inbox) = mpsc::unbounded_channel();
            let producer = Producer::new(*cluster);
            let sink = ToTopic { producer, topic };
            let sender = tokio::spawn(dead_letters::run(sink, inbox, reports));
            (Some(batches), Some(sender))
        }
    };
    let task = Task {
        pipeline: settings.pipeline,
        metrics,
        committer,
        directives,
        dead_letters,
        state: State::new(memory),
    };
    task.run(inbox, reported, written, settings.commit_interval)
        .await;
    if let Some(mut sender) = sender
        && timeout(SENDER_LIMIT, &mut sender).await.is_err()
    {
        sender.abort();
    }
}
