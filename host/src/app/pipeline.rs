//! One pipeline: its stages, built back to front, and its life from the first record to the last commit.

use super::destinations::destinations;
use super::{Outputs, Plugins, StartError};
use crate::config::PipelineSettings;
use crate::export::Pump;
use crate::guests::Broken;
use crate::intake::{Intake, Stopped};
use crate::kafka::Committer;
use crate::lane::{Keeper, Lane, Memory};
use crate::model::{Beginning, Generation, Partition, RawBatch, Work};
use crate::settle::{self, CommitError, Finished};
use crate::telemetry::{Condition, Readiness, Registry};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;

/// How long threads and tasks may take to end once everything is settled or given up.
const REST_LIMIT: Duration = Duration::from_secs(4);

/// What leaving the group may take where settling has used the time up.
const LEAVE_LIMIT_MIN: Duration = Duration::from_secs(2);

/// How often settle is asked where it stands.
const STATUS_INTERVAL: Duration = Duration::from_millis(500);

/// What all pipelines share.
#[derive(Clone, Copy)]
pub(super) struct Parts<'a> {
    pub plugins: &'a Plugins,
    pub outputs: &'a Outputs,
    pub registry: &'a Registry,
    pub readiness: &'a Readiness,
}

/// A pipeline that reads.
pub(super) struct Running {
    name: String,
    intake: Intake<settle::Handle, Queues>,
    settle: settle::Handle,
    settling: tokio::task::JoinHandle<()>,
    lanes: Vec<JoinHandle<()>>,
    pumps: Vec<Pump>,
    condition: Arc<Condition>,
}

/// How a pipeline ended.
pub(super) struct Ended {
    pub pipeline: String,
    pub why: Result<Stopped, String>,
}

/// The queues of the lanes. A partition always goes to the same one.
#[derive(Clone)]
struct Queues(Vec<Sender<Work>>);

impl Running {
    /// Builds the stages and starts their tasks and threads; reading begins with [`Running::run`].
    pub(super) fn start(
        settings: &PipelineSettings,
        parts: Parts<'_>,
    ) -> Result<Running, StartError> {
        let metrics = parts.registry.pipeline(&settings.name);
        let condition = Arc::new(
            parts
                .readiness
                .condition(&format!("pipeline {}", settings.name)),
        );
        let (directives, directed) = tokio::sync::mpsc::unbounded_channel();
        let committer = Committer::default();
        let (settle, inbox) = settle::channel();
        let (queues, ends): (Vec<_>, Vec<_>) =
            (0..settings.lanes.max(1)).map(|_| channel()).unzip();
        let queues = Queues(queues);
        let settling = tokio::spawn(settle::run(
            inbox,
            settings.settle.clone(),
            metrics.clone(),
            Arc::new(committer.clone()),
            directives,
            Arc::new(queues.clone()),
        ));
        let (mut lanes, mut pumps) = (Vec::new(), Vec::new());
        for (number, queue) in ends.into_iter().enumerate() {
            let lane = lane(settings, parts, &settle, condition.clone(), &mut pumps)?;
            let name = format!("{}-{number}", settings.name);
            let thread = std::thread::Builder::new()
                .name(name)
                .spawn(move || lane.run(&queue));
            lanes.push(
                thread.map_err(|e| StartError::Other(format!("cannot start a thread: {e}")))?,
            );
        }
        let held = parts
            .readiness
            .condition(&format!("dead letters of {}", settings.name));
        tokio::spawn(watch_dead_letters(settle.clone(), held));
        let from = settings.from.clone();
        let intake = Intake::new(
            from,
            settle.clone(),
            directed,
            queues,
            committer,
            Arc::new(metrics),
            parts
                .readiness
                .condition(&format!("kafka of {}", settings.name)),
        );
        let name = settings.name.clone();
        Ok(Running {
            name,
            intake,
            settle,
            settling,
            lanes,
            pumps,
            condition,
        })
    }

    /// Reads until asked to stop, the end, or a reason not to go on; then settles what was begun, commits
    /// and leaves the group, within `limit`.
    pub(super) async fn run(mut self, stop: watch::Receiver<bool>, limit: Duration) -> Ended {
        self.condition.ready();
        let mut why = self.intake.run(stop).await.map_err(|fatal| fatal.chain());
        self.condition.not_ready("stopping");
        let deadline = Instant::now() + limit;
        if let Some(Finished::Left { open, uncommitted }) = self.settle.finish(limit).await {
            let left = format!(
                "gave up waiting after {limit:?}, what is left is read again: {open} batches not settled, \
                 {uncommitted} partitions not committed"
            );
            tracing::warn!(pipeline = self.name, "{left}");
            // Who reads to the end wants all of it delivered.
            if matches!(why, Ok(Stopped::AtEnd)) {
                why = Err(left);
            }
        }
        // Takes the queues with it, so the lanes end too, and with the lanes the outlets.
        let left = deadline.saturating_duration_since(Instant::now());
        self.intake.leave(left.max(LEAVE_LIMIT_MIN)).await;
        let rest = async {
            let lanes = std::mem::take(&mut self.lanes);
            let _ = tokio::task::spawn_blocking(|| lanes.into_iter().for_each(|l| drop(l.join())))
                .await;
            for pump in &mut self.pumps {
                pump.finished().await;
            }
            let _ = (&mut self.settling).await;
        };
        if tokio::time::timeout(REST_LIMIT, rest).await.is_err() {
            tracing::warn!(
                pipeline = self.name,
                "something did not end within {REST_LIMIT:?}: gave up waiting"
            );
            self.pumps.iter().for_each(Pump::abort);
        }
        Ended {
            pipeline: self.name,
            why,
        }
    }
}

/// Not ready while the dead-letter topic refuses what it must take. Ends with the settle task.
async fn watch_dead_letters(settle: settle::Handle, condition: Condition) {
    let mut interval = tokio::time::interval(STATUS_INTERVAL);
    while let Some(status) = settle.status().await {
        match status.held.first() {
            None => condition.ready(),
            Some((partition, reason)) => {
                condition.not_ready(&format!("{partition} is held: {reason}"))
            }
        }
        interval.tick().await;
    }
    condition.retire();
}

impl Queues {
    /// Whether the lane is there.
    fn give(&self, partition: &Partition, work: Work) -> bool {
        let mut hasher = DefaultHasher::new();
        partition.topic.hash(&mut hasher);
        // Partitions of a topic take turns, so that they spread evenly.
        let number = hasher
            .finish()
            .wrapping_add(partition.index.unsigned_abs().into());
        let lane = (number % self.0.len().max(1) as u64) as usize;
        let queue = self.0.get(lane);
        queue.is_some_and(|queue| queue.send(work).is_ok())
    }
}

impl crate::intake::Lanes for Queues {
    fn dispatch(&self, partition: &Partition, batch: RawBatch) {
        // A lane that died drops the batch: that reports it as not delivered.
        self.give(partition, Work::Batch(batch));
    }

    fn begin(&self, beginning: Beginning) {
        let partition = beginning.partition.clone();
        self.give(&partition, Work::Begin(Box::new(beginning)));
    }

    fn forget(&self, partition: &Partition) {
        self.give(partition, Work::Forget(partition.clone()));
    }
}

impl settle::Savers for Queues {
    fn save(&self, partition: &Partition) -> bool {
        self.give(partition, Work::Save(partition.clone()))
    }
}

impl crate::lane::Keeper for settle::Handle {
    fn remembered(
        &self,
        partition: &Partition,
        generation: &Generation,
        boundary: i64,
        snapshot: Vec<u8>,
    ) {
        settle::Handle::remembered(self, partition, generation, boundary, snapshot);
    }

    fn saved(&self, partition: &Partition) {
        settle::Handle::saved(self, partition);
    }
}

fn lane(
    settings: &PipelineSettings,
    parts: Parts<'_>,
    settle: &settle::Handle,
    condition: Arc<Condition>,
    pumps: &mut Vec<Pump>,
) -> Result<Lane, StartError> {
    let chain = super::chain(settings, parts.plugins, parts.registry).map_err(super::other)?;
    let destinations = destinations(settings, parts.outputs, pumps);
    let on_broken = Box::new(move |broken: &Broken| {
        tracing::error!(plugin = %broken.plugin, version = %broken.version, reason = broken.reason, "plugin is broken: the pipeline pauses until the gateway is started again");
        condition.not_ready(&broken.to_string());
    });
    Ok(Lane {
        facts: settings.from.facts.clone(),
        chain,
        memory: settings.settle.memory.as_ref().map(|memory| {
            let keeper: Arc<dyn Keeper> = Arc::new(settle.clone());
            Memory::new(keeper, memory.interval)
        }),
        destinations,
        max_in_flight_bytes: settings.from.max_in_flight_bytes,
        metrics: parts.registry.pipeline(&settings.name),
        on_broken,
    })
}

impl settle::Committer for Committer {
    async fn commit(&self, offsets: Vec<(Partition, i64)>) -> Result<(), CommitError> {
        Committer::commit(self, offsets)
            .await
            .map_err(|e| CommitError(e.chain()))
    }
}
