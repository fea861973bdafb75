//! One plugin of one lane: its instance, its calls, and the way from a fault back to work.
//!
//! Used by its lane's thread alone. Promises that every record given gets an answer or is named as a culprit,
//! within ten times the plugin's time limit (what is saved between included), or that the plugin is called broken.

use super::answer::Size;
use super::check::{Encoding, Given};
use super::clock::Clock;
use super::fault::{Attempt, Fault, FaultKind, Judgement, Search, Window};
use super::imports::{Workplace, cut};
use super::instance::Instance;
use super::load::Plugin;
use super::parser::REASON_BYTES_MAX;
use super::remember::Remembered;
use super::{Broken, Dropped, OnFault, OnMalformed, splice};
use crate::model::{Columns, DeadReason};
use crate::telemetry::metrics::PluginMetrics;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

mod keep;

/// How long a broken plugin that is to be skipped is left out before it is tried again.
const BYPASS: Duration = Duration::from_secs(60);

/// A plugin, and where its figures go in this pipeline.
#[derive(Clone, Debug)]
pub struct Member {
    /// The pipeline.
    pub pipeline: Arc<str>,
    /// The plugin.
    pub plugin: Arc<Plugin>,
    /// Its figures.
    pub metrics: PluginMetrics,
}

/// A plugin at work in a lane.
pub(crate) struct Runner {
    member: Member,
    // None after a fault, until the next call.
    instance: Option<Instance>,
    memory: Remembered,
    is_quiet: bool,
    window: Window,
    bypassed_until: Option<Duration>,
}

/// Some records of a batch, and what the plugin made of them.
pub(crate) struct Part<T> {
    /// Which.
    pub records: Range<usize>,
    /// The text that the plugin was given, where it was not the batch's.
    pub text: Option<Vec<u8>>,
    /// Its answer, checked; or the fault, and then it is a single record, or the rest of a batch that is left out.
    pub outcome: Result<T, Fault>,
}

/// What a plugin made of a batch.
pub(crate) enum Run<T> {
    /// Parts, in order, that are the whole batch.
    Parts(Vec<Part<T>>),
    /// It is broken, and the configuration says to go on without it.
    Bypassed,
}

/// A call: an instance, what it is given, and the time that it may take.
pub(crate) type Call<'c, T> =
    &'c mut dyn FnMut(&mut Instance, Given<'_>, Duration) -> Result<T, Fault>;

impl Runner {
    /// A runner with an instance of its own.
    pub(crate) fn new(member: Member) -> Result<Runner, Broken> {
        let mut runner = Runner {
            window: Window::new(member.plugin.limits().faults_per_minute),
            member,
            instance: None,
            memory: Remembered::default(),
            is_quiet: false,
            bypassed_until: None,
        };
        runner.instance = Some(runner.fresh()?);
        Ok(runner)
    }

    pub(crate) fn metrics(&self) -> &PluginMetrics {
        &self.member.metrics
    }

    pub(crate) fn on_fault(&self) -> OnFault {
        self.member.plugin.on_fault()
    }

    pub(crate) fn on_malformed(&self) -> OnMalformed {
        self.member.plugin.on_malformed()
    }

    /// An input that the plugin left out, in this plugin's name.
    pub(crate) fn dropped(&self, input: u32, reason: Option<&str>) -> Dropped {
        Dropped {
            input,
            by: self.member.plugin.name().clone(),
            reason: reason.map(|r| cut(r, REASON_BYTES_MAX).to_owned()),
        }
    }

    /// A reason in this plugin's name.
    pub(crate) fn reason(&self, reason: String) -> DeadReason {
        DeadReason {
            by: self.member.plugin.name().clone(),
            version: self.member.plugin.version().clone(),
            reason,
            maybe_delivered: false,
        }
    }

    /// Gives a batch to the plugin, under a shard if it has a memory. `call` makes one call and checks its answer.
    pub(crate) fn run<T: Size>(
        &mut self,
        clock: &dyn Clock,
        batch: (&Columns, Encoding),
        shard: Option<u32>,
        call: Call<'_, T>,
    ) -> Result<Run<T>, Broken> {
        if self.is_bypassed(clock) {
            self.member.metrics.skipped.inc_by(batch.0.len() as u64);
            return Ok(Run::Bypassed);
        }
        let mut parts = Vec::new();
        let Err(broken) = self.search(clock, batch, shard, call, &mut parts) else {
            return Ok(Run::Parts(parts));
        };
        let left_out = Fault {
            kind: FaultKind::Trap,
            detail: broken.reason.clone(),
        };
        self.bypass(clock, broken)?;
        if shard.is_none() || parts.is_empty() {
            self.member.metrics.skipped.inc_by(batch.0.len() as u64);
            return Ok(Run::Bypassed);
        }
        // What it remembers has seen the good parts: their answers count.
        let done = parts.last().map_or(0, |part| part.records.end);
        // None is left where it was called broken after the last of them, for what it cannot save.
        if done < batch.0.len() {
            parts.push(Part {
                records: done..batch.0.len(),
                text: None,
                outcome: Err(left_out),
            });
        }
        Ok(Run::Parts(parts))
    }

    /// Leaves a broken plugin out for a while, where the configuration says so.
    fn bypass(&mut self, clock: &dyn Clock, broken: Broken) -> Result<(), Broken> {
        if self.on_fault() != OnFault::Skip {
            return Err(broken);
        }
        tracing::error!(plugin = %broken.plugin, version = %broken.version, reason = %broken.reason,
            bypass_seconds = BYPASS.as_secs(), "plugin is broken and left out for a while");
        self.bypassed_until = Some(clock.now().saturating_add(BYPASS));
        Ok(())
    }

    fn is_bypassed(&mut self, clock: &dyn Clock) -> bool {
        let bypassed = self.bypassed_until.is_some_and(|t| clock.now() < t);
        if !bypassed {
            self.bypassed_until = None;
        }
        bypassed
    }

    /// The whole batch first; after a fault, its parts.
    fn search<T: Size>(
        &mut self,
        clock: &dyn Clock,
        (columns, encoding): (&Columns, Encoding),
        shard: Option<u32>,
        call: Call<'_, T>,
        parts: &mut Vec<Part<T>>,
    ) -> Result<(), Broken> {
        let limits = self.member.plugin.limits();
        let mut bytes_max = limits.batch_text;
        let mut search = Search::new(columns.len(), limits.time_per_batch);
        let (mut faulted, mut culprits) = (false, false);
        while let Some(Attempt { part, limit }) = search.attempt() {
            let whole = part.len() == columns.len();
            let copied = (!whole).then(|| splice::copy(columns, part.clone()));
            let given = Given {
                columns: copied.as_ref().unwrap_or(columns),
                encoding: copied.as_ref().map_or(encoding, |c| Encoding::of(&c.text)),
                bytes_max,
                first: part.start,
            };
            let (outcome, took) = self.attempt(clock, given, limit, shard, call)?;
            let text = copied.map(|c| c.text);
            match outcome {
                Ok(answer) => {
                    search.good(took);
                    // The parts of a batch together keep the limit of the batch.
                    bytes_max = bytes_max.saturating_sub(answer.size_bytes());
                    parts.push(Part {
                        records: part,
                        text,
                        outcome: Ok(answer),
                    });
                    if let Some(shard) = shard.filter(|_| faulted) {
                        // So that the next fault loses none of this part.
                        self.keep(clock, shard, &mut search)?;
                    }
                }
                Err(fault) => {
                    self.report(&fault, &part, faulted);
                    faulted = true;
                    match search.faulted(fault.kind, took) {
                        Judgement::Retry | Judgement::Halve => {}
                        Judgement::GiveUp => {
                            let reason =
                                format!("what it breaks at cannot be found in time; last {fault}");
                            return Err(self.broken(reason));
                        }
                        Judgement::Culprit(_) => {
                            culprits = true;
                            self.count_fault(clock, &fault)?;
                            parts.push(Part {
                                records: part,
                                text,
                                outcome: Err(fault),
                            });
                        }
                    }
                }
            }
        }
        if faulted && !culprits {
            let passing = Fault {
                kind: FaultKind::Trap,
                detail: "faults that no single record explains".into(),
            };
            self.count_fault(clock, &passing)?;
        }
        Ok(())
    }

    /// One call. An instance that faulted is never called again.
    fn attempt<T>(
        &mut self,
        clock: &dyn Clock,
        given: Given<'_>,
        limit: Duration,
        shard: Option<u32>,
        call: Call<'_, T>,
    ) -> Result<(Result<T, Fault>, Duration), Broken> {
        // A fresh instance is part of what a fault costs.
        let start = clock.now();
        let mut instance = self.ready(shard)?;
        let outcome = call(&mut instance, given, limit);
        let took = clock.now().saturating_sub(start);
        let metrics = &self.member.metrics;
        metrics.calls.inc();
        metrics
            .nanos
            .inc_by(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX));
        metrics.records_in.inc_by(given.columns.len() as u64);
        match (&outcome, shard) {
            (Ok(_), None) => self.instance = Some(instance),
            (Ok(_), Some(shard)) => {
                self.memory.called(shard);
                self.instance = Some(instance);
            }
            (Err(_), _) => self.instance_gone(),
        }
        Ok((outcome, took))
    }

    fn fresh(&self) -> Result<Instance, Broken> {
        let workplace = Workplace {
            pipeline: Some(self.member.pipeline.clone()),
            counters: self.member.metrics.own.clone(),
        };
        let instance = self.member.plugin.instance(workplace);
        instance.map_err(|e| self.broken(format!("cannot be started: {e}")))
    }

    pub(crate) fn broken(&self, reason: String) -> Broken {
        Broken {
            plugin: self.member.plugin.name().clone(),
            version: self.member.plugin.version().clone(),
            reason,
        }
    }

    fn count_fault(&mut self, clock: &dyn Clock, fault: &Fault) -> Result<(), Broken> {
        if !self.window.is_too_many(clock.now()) {
            return Ok(());
        }
        let max = self.member.plugin.limits().faults_per_minute;
        Err(self.broken(format!("more than {max} faults a minute; last {fault}")))
    }

    /// Tells of a fault: the first of a batch and those of single records loudly, the halvings between quietly.
    fn report(&self, fault: &Fault, part: &Range<usize>, again: bool) {
        let metrics = &self.member.metrics;
        match fault.kind {
            FaultKind::Trap => &metrics.fault_traps,
            FaultKind::Timeout => &metrics.fault_timeouts,
            FaultKind::Memory => &metrics.fault_memory,
            FaultKind::Answer => &metrics.fault_answers,
        }
        .inc();
        let (plugin, version) = (self.member.plugin.name(), self.member.plugin.version());
        let (first, records) = (part.start, part.len());
        if again && records > 1 {
            tracing::debug!(%plugin, %version, kind = %fault.kind, first, records, detail = %fault.detail, "plugin faulted again");
        } else {
            tracing::warn!(%plugin, %version, kind = %fault.kind, first, records, detail = %fault.detail, "plugin faulted");
        }
    }
}

#[cfg(test)]
mod tests;
