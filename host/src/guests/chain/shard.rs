//! What a chain keeps of each partition, and what is raised about it.
//!
//! ```text
//! begin ──► run, tick ──► save (a snapshot) ──► run ... ──► forget
//! ```

use super::Chain;
use crate::guests::clock::{Entered, Moments, Shard, offset_of};
use crate::guests::flow::Flow;
use crate::guests::fold::{Fold, Telling};
use crate::guests::runner::Runner;
use crate::guests::watch::{self, Raised};
use crate::guests::{Answer, Broken};
use crate::model::{Finding, Partition, RawRecords, Snapshot, StageMemory};
use std::sync::Arc;

/// Evidence that cannot be: a plugin may name what lies before the beginning of the partition.
const FIRST_OFFSET: i64 = 0;
/// A finding may be dated so far ahead of its shard's clock, in milliseconds.
const AHEAD_MS_MAX: u64 = 60_000;

/// What is kept of a partition besides what plugins remember.
#[derive(Debug, Default)]
pub(super) struct Watched {
    fold: Fold,
    // All records below have been seen.
    boundary: i64,
    // Whether there is more to be saved than there was.
    is_changed: bool,
}

impl Chain {
    /// Whether any plugin may remember something.
    pub fn remembers(&self) -> bool {
        !(self.enrich.is_empty() && self.detect.is_empty() && self.score.is_empty())
    }

    /// A partition begins to be read at `offset`, by plugins that remember what the snapshot says, or nothing.
    /// What they remembered of it before is forgotten.
    pub fn begin(&mut self, partition: &Partition, offset: i64, memory: Option<Snapshot>) {
        self.forget(partition);
        let shard = self.shards.of(partition);
        let mut watched = Watched {
            boundary: offset,
            ..Watched::default()
        };
        let number = shard.number;
        if let Some(mut memory) = memory {
            shard.now_ms = memory.clock_ms;
            // It was the gateway's own: what cannot be read is as if nothing had been told.
            watched.fold = postcard::from_bytes(&memory.told).unwrap_or_default();
            for (stage, runner) in self.remembering() {
                if let Some(saved) = taken(&mut memory, partition, stage, runner) {
                    runner.begin(number, &saved);
                }
            }
            for left in &memory.stages {
                tracing::info!(%partition, plugin = left.plugin, stage = left.stage,
                    "memory of a plugin that the pipeline has no more is left out");
            }
        }
        for runner in self.detect.iter().chain(&self.score) {
            let plugin = runner.names().0;
            let open = watched.fold.configure(plugin, runner.config_checksum());
            if open > 0 {
                tracing::warn!(%partition, plugin, open,
                    "configured otherwise than before: alerts that were open are told again when they come again; \
                     the ends of those that are not watched for any more are not told");
            }
        }
        self.watched.insert(partition.clone(), watched);
    }

    /// The partition has gone elsewhere: nothing is remembered of it.
    pub fn forget(&mut self, partition: &Partition) {
        self.watched.remove(partition);
        if let Some(number) = self.shards.forget(partition) {
            for (_, runner) in self.remembering() {
                runner.forget(number);
            }
        }
    }

    /// Whether plugins have seen anything of the partition since it was saved last.
    pub fn is_changed(&self, partition: &Partition) -> bool {
        self.watched
            .get(partition)
            .is_some_and(|watched| watched.is_changed)
    }

    /// All that is remembered of a partition. None where a plugin cannot tell; then it has been reported, and what was
    /// saved before still stands.
    ///
    /// # Errors
    /// A plugin breaks at it too often. What has been run is not touched by that.
    pub fn save(&mut self, partition: &Partition) -> Result<Option<Snapshot>, Broken> {
        let shard = *self.shards.of(partition);
        let mut stages = Vec::new();
        let (enrich, detect, score) = (&mut self.enrich, &mut self.detect, &mut self.score);
        for (stage, runner) in remembering(enrich, detect, score) {
            let Some(saved) = runner.save(&*self.clock, shard.number)? else {
                return Ok(None);
            };
            if !saved.is_empty() {
                stages.push(runner.memory(stage, saved));
            }
        }
        let pipeline = self.pipeline.to_string();
        let Some(watched) = self.watched.get_mut(partition) else {
            return Ok(None);
        };
        watched.is_changed = false;
        let told = match watched.fold.is_empty() {
            true => Vec::new(),
            false => postcard::to_allocvec(&watched.fold).unwrap_or_default(),
        };
        Ok(Some(Snapshot {
            pipeline,
            topic: partition.topic.to_string(),
            partition: partition.index,
            boundary: watched.boundary,
            clock_ms: shard.now_ms,
            told,
            stages,
        }))
    }

    /// From now on what plugins log and count is thrown away, or no longer.
    pub fn set_quiet(&mut self, is_quiet: bool) {
        if self.is_quiet == is_quiet {
            return;
        }
        self.is_quiet = is_quiet;
        for runner in self.unwrap.iter_mut().chain(&mut self.parse) {
            runner.set_quiet(is_quiet);
        }
        for (_, runner) in self.remembering() {
            runner.set_quiet(is_quiet);
        }
    }

    /// Time goes by for a partition of which nothing comes, all before `position` having been seen: its clock moves to
    /// `now_ms`, in Unix milliseconds, and detectors and scorers are told.
    ///
    /// # Errors
    /// As [`Chain::run`].
    pub fn tick(
        &mut self,
        partition: &Partition,
        position: i64,
        now_ms: u64,
    ) -> Result<Answer, Broken> {
        let shard = self.shards.of(partition);
        shard.now_ms = shard.now_ms.max(now_ms);
        let shard = *shard;
        let watched = self.watched.entry(partition.clone()).or_default();
        // What is raised lies there in the ledger: a memory that has seen it must not claim less.
        watched.boundary = watched.boundary.max(position);
        let last = watched.boundary.saturating_sub(1);
        let clock = &*self.clock;
        let mut teller = Teller {
            pipeline: &self.pipeline,
            partition,
            last,
            latest_ms: latest_ms(shard),
            is_quiet: self.is_quiet,
            settings: self.fold,
            fold: &mut watched.fold,
            findings: Vec::new(),
            raised: 0,
        };
        for runner in &mut self.detect {
            let raised = watch::tick_detector(runner, (shard, last as u32), clock)?;
            teller.tell(runner, raised);
        }
        for runner in &mut self.score {
            let raised = watch::tick_scorer(runner, (shard, last as u32), clock)?;
            teller.tell(runner, raised);
        }
        let Teller {
            findings, raised, ..
        } = teller;
        // Time alone is nothing worth keeping: whoever comes back sees it go by again.
        watched.is_changed |= raised > 0;
        Ok(Answer {
            findings,
            ..Answer::default()
        })
    }

    /// Shows what is left of a batch to detectors and scorers.
    pub(super) fn watch(
        &mut self,
        raw: &RawRecords,
        flow: &mut Flow,
        entered: Entered,
    ) -> Result<Vec<Finding>, Broken> {
        if !self.remembers() {
            return Ok(Vec::new());
        }
        let watched = match self.watched.get_mut(&raw.partition) {
            Some(watched) => watched,
            None => self.watched.entry(raw.partition.clone()).or_default(),
        };
        let last = raw.offset.last().copied().unwrap_or(watched.boundary - 1);
        watched.boundary = watched.boundary.max(last.saturating_add(1));
        watched.is_changed = true;
        if self.detect.is_empty() && self.score.is_empty() {
            return Ok(Vec::new());
        }
        let moments = Moments::of(raw, &flow.input, entered);
        let shard: Shard = entered.shard;
        // Where nothing is left of a batch, its time goes by all the same.
        let is_empty = flow.columns.is_empty();
        let clock = &*self.clock;
        let mut teller = Teller {
            pipeline: &self.pipeline,
            partition: &raw.partition,
            last,
            latest_ms: latest_ms(shard),
            is_quiet: self.is_quiet,
            settings: self.fold,
            fold: &mut watched.fold,
            findings: Vec::new(),
            raised: 0,
        };
        for runner in &mut self.detect {
            let raised = match is_empty {
                true => watch::tick_detector(runner, (shard, last as u32), clock)?,
                false => watch::detect(runner, flow, (shard, &moments), clock)?,
            };
            teller.tell(runner, raised);
        }
        for runner in &mut self.score {
            let raised = match is_empty {
                true => watch::tick_scorer(runner, (shard, last as u32), clock)?,
                false => watch::score(runner, flow, (shard, &moments), clock)?,
            };
            teller.tell(runner, raised);
        }
        Ok(teller.findings)
    }

    /// The plugins that may remember, with the stage of each.
    fn remembering(&mut self) -> impl Iterator<Item = (&'static str, &mut Runner)> {
        remembering(&mut self.enrich, &mut self.detect, &mut self.score)
    }
}

fn remembering<'c>(
    enrich: &'c mut [Runner],
    detect: &'c mut [Runner],
    score: &'c mut [Runner],
) -> impl Iterator<Item = (&'static str, &'c mut Runner)> {
    let enrich = enrich.iter_mut().map(|r| ("enrich", r));
    let detect = detect.iter_mut().map(|r| ("detect", r));
    let score = score.iter_mut().map(|r| ("score", r));
    enrich.chain(detect).chain(score)
}

/// The latest date that counts as it is; where Kafka told no time there is nothing to hold dates against.
fn latest_ms(shard: Shard) -> u64 {
    match shard.now_ms {
        0 => u64::MAX,
        now_ms => now_ms.saturating_add(AHEAD_MS_MAX),
    }
}

/// What a snapshot holds for a plugin, taken out of it.
fn taken(
    memory: &mut Snapshot,
    partition: &Partition,
    stage: &str,
    runner: &Runner,
) -> Option<Vec<u8>> {
    let (plugin, name) = runner.names();
    let mut stages = memory.stages.iter();
    let at = stages.position(|s| s.stage == stage && s.plugin == *plugin)?;
    let found = memory.stages.remove(at);
    if found.name != name {
        tracing::error!(%partition, plugin, saved_by = found.name, now = name,
            "the memory that was saved is another plugin's: this one starts empty");
        return None;
    }
    Some(found.saved)
}

/// Makes findings of what plugins raise, and decides which are told.
struct Teller<'a> {
    pipeline: &'a Arc<str>,
    partition: &'a Partition,
    // The last offset that has been seen.
    last: i64,
    // What is dated later counts as of now: one wrong date must not silence what comes after it.
    latest_ms: u64,
    is_quiet: bool,
    settings: crate::guests::FoldSettings,
    fold: &'a mut Fold,
    findings: Vec<Finding>,
    // How many were raised, told or not.
    raised: usize,
}

impl Teller<'_> {
    fn tell(&mut self, runner: &Runner, raised: Vec<Raised>) {
        self.raised += raised.len();
        for raised in raised {
            let at_ms = raised.at_ms.min(self.latest_ms);
            let telling = self
                .fold
                .decide(runner.names().0, (&raised, at_ms), self.settings);
            if !self.is_quiet {
                runner.count_finding(telling);
            }
            if telling == Telling::Told {
                let finding = self.finding(runner, raised);
                self.findings.push(finding);
            }
        }
    }

    fn finding(&self, runner: &Runner, raised: Raised) -> Finding {
        let offsets = raised.evidence.iter();
        let mut evidence: Vec<i64> = offsets
            .map(|position| offset_of(*position, self.last))
            .filter(|offset| *offset >= FIRST_OFFSET)
            .collect();
        evidence.sort_unstable();
        evidence.dedup();
        let (by, version) = runner.identity();
        Finding {
            pipeline: self.pipeline.clone(),
            by,
            version,
            partition: self.partition.clone(),
            at_ms: raised.at_ms,
            rule: raised.rule,
            fingerprint: raised.fingerprint,
            labels: raised.labels,
            evidence,
            kind: raised.kind,
        }
    }
}

// === impl Runner: what is told of it ===

impl Runner {
    /// What it saved, as a part of a snapshot.
    fn memory(&self, stage: &str, saved: Vec<u8>) -> StageMemory {
        let (plugin, name) = self.names();
        StageMemory {
            stage: stage.to_owned(),
            plugin: plugin.to_owned(),
            name: name.to_owned(),
            version: self.identity().1.to_string(),
            saved,
        }
    }
}
