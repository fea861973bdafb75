//! Watches what the client does not: leaders, topics that come and go, and progress.
//!
//! One task a consumer, which ends with its [`Watch`]. It changes nothing itself: it gives one notice, and
//! the poll loop starts again with a new consumer.

use super::Settings;
use super::topics::{Difference, Subscription, choose, missing};
use super::watchdog::{STALE_AFTER, UNASSIGNED_AFTER, Watchdog};
use crate::kafka::{Cluster, Consumer, KafkaError, Offsets};
use crate::model::Partition;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// How often progress is judged.
const PROGRESS_INTERVAL: Duration = Duration::from_secs(15);

/// How often ends are looked at where they tell that time goes by.
const ENDS_INTERVAL: Duration = Duration::from_secs(1);

/// The poll loop's hold on the task.
pub(super) struct Watch {
    notice: oneshot::Receiver<String>,
    ends: Ends,
    trouble: Trouble,
    task: JoinHandle<()>,
}

/// The ends of partitions that are paused, which fetch responses do not tell; where plugins want to know that time
/// goes by, those of all partitions.
type Ends = Arc<Mutex<Known>>;

/// Ends, and when they were asked for: Unix milliseconds.
#[derive(Default)]
struct Known {
    as_of_ms: u64,
    ends: BTreeMap<Partition, i64>,
}

/// Why no broker answered when it was last asked; a poll only brings nothing then.
type Trouble = Arc<Mutex<Option<String>>>;

/// Unix milliseconds.
fn wall_ms() -> u64 {
    let wall = SystemTime::now().duration_since(UNIX_EPOCH);
    u64::try_from(wall.unwrap_or_default().as_millis()).unwrap_or(u64::MAX)
}

impl Watch {
    pub(super) fn start(
        settings: Arc<Settings>,
        cluster: Cluster,
        consumer: Consumer,
        subscription: Subscription,
    ) -> Watch {
        let (sender, notice) = oneshot::channel();
        let (ends, trouble) = (Ends::default(), Trouble::default());
        let watcher = Watcher {
            ends: ends.clone(),
            trouble: trouble.clone(),
            settings,
            cluster,
            consumer,
            before: subscription.clone(),
            subscription,
            watchdog: Watchdog::default(),
            begun: Instant::now(),
        };
        let task = tokio::spawn(async move {
            let reason = watcher.run().await;
            let _ = sender.send(reason);
        });
        Watch {
            notice,
            ends,
            trouble,
            task,
        }
    }

    /// Why no broker answered when it was last asked.
    pub(super) fn trouble(&self) -> Option<String> {
        let trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        trouble.clone()
    }

    /// The end of a partition that is paused, as far as it is known.
    pub(super) fn end(&self, partition: &Partition) -> Option<i64> {
        let known = self.ends.lock().unwrap_or_else(PoisonError::into_inner);
        known.ends.get(partition).copied()
    }

    /// The end of a partition, and the Unix milliseconds at which it was the end or lay before it.
    pub(super) fn end_as_of(&self, partition: &Partition) -> Option<(i64, u64)> {
        let known = self.ends.lock().unwrap_or_else(PoisonError::into_inner);
        let end = known.ends.get(partition)?;
        Some((*end, known.as_of_ms))
    }

    /// Why to start again with a new consumer; given once.
    pub(super) fn notice(&mut self) -> Option<String> {
        self.notice.try_recv().ok()
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.task.abort();
    }
}

struct Watcher {
    settings: Arc<Settings>,
    cluster: Cluster,
    consumer: Consumer,
    subscription: Subscription,
    // What the last look showed.
    before: Subscription,
    watchdog: Watchdog,
    begun: Instant,
    ends: Ends,
    trouble: Trouble,
}

impl Watcher {
    async fn run(mut self) -> String {
        let mut judged = Instant::now();
        loop {
            self.wait().await;
            self.refresh_leaders().await;
            self.look_at_ends().await;
            match self.topics_changed().await {
                Ok(Some(reason)) => return reason,
                Ok(None) => {}
                Err(error) => {
                    tracing::warn!(pipeline = self.settings.pipeline, "{}", error.chain())
                }
            }
            if judged.elapsed() >= PROGRESS_INTERVAL {
                judged = Instant::now();
                if let Some(reason) = self.came_to_a_stop().await {
                    return reason;
                }
            }
        }
    }

    /// Until the next look at everything; ends are looked at more often where they tell that time goes by.
    async fn wait(&self) {
        let mut left = self.settings.metadata_interval;
        while self.settings.tick_after.is_some() && left > ENDS_INTERVAL {
            tokio::time::sleep(ENDS_INTERVAL).await;
            self.look_at_ends().await;
            left -= ENDS_INTERVAL;
        }
        tokio::time::sleep(left).await;
    }

    async fn refresh_leaders(&self) {
        let names = self.subscription.names();
        let answer = self.consumer.refresh_leaders(names).await;
        let trouble = answer.err().map(|e| e.chain());
        if let Some(reason) = &trouble {
            tracing::warn!(pipeline = self.settings.pipeline, "{reason}");
        }
        *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = trouble;
    }

    async fn look_at_ends(&self) {
        let wanted = match self.settings.tick_after.is_some() {
            true => {
                let all = self.consumer.survey(self.settings.read_committed).await;
                all.into_keys().collect()
            }
            false => self.consumer.paused().await,
        };
        let as_of_ms = wall_ms();
        let found = match wanted.is_empty() {
            true => Vec::new(),
            false => known(self.consumer.ends(&wanted).await),
        };
        let mut known = self.ends.lock().unwrap_or_else(PoisonError::into_inner);
        *known = Known {
            as_of_ms,
            ends: found.into_iter().collect(),
        };
    }

    /// What is missing must be missing twice: a broker that has just come up may not know all yet.
    async fn topics_changed(&mut self) -> Result<Option<String>, KafkaError> {
        let now = find(&self.settings, &self.cluster, &self.subscription).await?;
        let before = std::mem::replace(&mut self.before, now);
        let is_certain = match self.before.difference(&self.subscription) {
            Difference::Same => false,
            Difference::Grown => true,
            Difference::Shrunk => self.before == before,
        };
        Ok(is_certain.then(|| "topics or their partitions have changed".to_owned()))
    }

    async fn came_to_a_stop(&mut self) -> Option<String> {
        let now = self.begun.elapsed();
        let survey = self.consumer.survey(self.settings.read_committed).await;
        if self.watchdog.is_unassigned(now, survey.len()) && self.is_unknown_to_group().await {
            let seconds = UNASSIGNED_AFTER.as_secs();
            return Some(format!(
                "no partitions for {seconds} s, and the group does not know this member"
            ));
        }
        let paused: HashSet<Partition> = self.consumer.paused().await.into_iter().collect();
        let running = survey.into_iter().filter(|(p, _)| !paused.contains(p));
        let positions: Vec<_> = running.map(|(p, survey)| (p, survey.position)).collect();
        let still = self.watchdog.still(&positions);
        let ends = known(self.consumer.ends(&still).await);
        let stuck = self.watchdog.stuck(now, &ends)?;
        let seconds = STALE_AFTER.as_secs();
        Some(format!(
            "partition {stuck} has records and did not move for {seconds} s"
        ))
    }

    async fn is_unknown_to_group(&self) -> bool {
        let Ok(members) = self.cluster.group_members(&self.settings.group_id).await else {
            return false;
        };
        match self.consumer.member_id().await {
            Some(id) => !members.contains(&id),
            None => true,
        }
    }
}

fn known(offsets: Offsets) -> Vec<(Partition, i64)> {
    let offsets = offsets.into_iter();
    offsets.filter_map(|(p, at)| Some((p, at.ok()?))).collect()
}

/// The topics that are to be read and exist. All topics are listed only where that can tell something that
/// `before` does not.
pub(super) async fn find(
    settings: &Settings,
    cluster: &Cluster,
    before: &Subscription,
) -> Result<Subscription, KafkaError> {
    let known: BTreeSet<String> = before.names().map(str::to_owned).collect();
    let wants_list = !settings.topic_patterns.is_empty() || !missing(settings, &known).is_empty();
    let names = if wants_list {
        let existing = cluster.topics().await?;
        choose(settings, existing.iter().map(String::as_str))
    } else {
        known
    };
    if names.is_empty() {
        return Ok(Subscription::default());
    }
    let topics = cluster
        .partition_counts(names.iter().map(String::as_str))
        .await?;
    Ok(Subscription { topics })
}
