//! A runner's side of memory: fresh instances get it back, shards come, are saved and go, and time goes by.

use super::{Runner, cut};
use crate::guests::Broken;
use crate::guests::clock::Clock;
use crate::guests::fault::{Fault, Search};
use crate::guests::fold::Telling;
use crate::guests::instance::Instance;
use crate::guests::instance::NotRestored;
use crate::guests::remember::NotSaved;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

impl Runner {
    /// An instance that knows what it must of the shard.
    pub(super) fn ready(&mut self, shard: Option<u32>) -> Result<Instance, Broken> {
        let mut instance = match self.instance.take() {
            Some(instance) => instance,
            None => self.fresh()?,
        };
        instance.set_quiet(self.is_quiet);
        let Some(shard) = shard else {
            return Ok(instance);
        };
        let limit = self.member.plugin.limits().time_per_batch;
        if let Err(emptied) = self.memory.load(&mut instance, shard, limit) {
            let (plugin, version) = (self.member.plugin.name(), self.member.plugin.version());
            let why = emptied.why.to_string();
            self.member.metrics.memory_lost.inc();
            tracing::error!(%plugin, %version, why = cut(&why, super::REASON_BYTES_MAX),
                "what the plugin remembered of a partition cannot be restored: it starts empty");
            if let NotRestored::Fault(fault) = &emptied.why {
                self.report(fault, &Range::default(), false);
            }
            if emptied.is_broken {
                // Only this shard is to blame; it has nothing to load any more.
                self.instance_gone();
                return self.ready(Some(shard));
            }
        }
        Ok(instance)
    }

    /// The instance has faulted: what it had learnt since the last save is lost.
    pub(super) fn instance_gone(&mut self) {
        self.instance = None;
        let partitions = self.memory.instance_gone();
        if partitions > 0 {
            self.member.metrics.memory_lost.inc_by(partitions as u64);
            let (plugin, version) = (self.member.plugin.name(), self.member.plugin.version());
            tracing::warn!(%plugin, %version, partitions,
                "the plugin has lost what it learnt since its memory was saved last");
        }
    }

    /// Has a shard's memory saved while a culprit is looked for, in the time of the search.
    pub(super) fn keep(
        &mut self,
        clock: &dyn Clock,
        shard: u32,
        search: &mut Search,
    ) -> Result<(), Broken> {
        let start = clock.now();
        // What went wrong has been reported; the next part begins with what was saved before.
        self.try_save(clock, shard)?;
        search.spend(clock.now().saturating_sub(start));
        match search.is_over() {
            true => Err(self.broken(
                "what it breaks at cannot be found in time, for its memory is saved too slowly"
                    .to_owned(),
            )),
            false => Ok(()),
        }
    }

    /// All that the plugin remembers of a shard; empty: nothing. None where it cannot be told: what was saved
    /// before still stands.
    pub(crate) fn save(
        &mut self,
        clock: &dyn Clock,
        shard: u32,
    ) -> Result<Option<Vec<u8>>, Broken> {
        match self.try_save(clock, shard) {
            Ok(saved) => Ok(saved),
            Err(broken) => self.bypass(clock, broken).map(|()| None),
        }
    }

    fn try_save(&mut self, clock: &dyn Clock, shard: u32) -> Result<Option<Vec<u8>>, Broken> {
        let limit = self.member.plugin.limits().time_per_batch;
        let saved = match &mut self.instance {
            Some(instance) => self.memory.save(instance, shard, limit),
            // Whatever a fresh one is given back is what was saved last.
            None => Ok(()),
        };
        match saved {
            Ok(()) => Ok(Some(self.memory.saved(shard))),
            Err(why) => {
                let (plugin, version) = (self.member.plugin.name(), self.member.plugin.version());
                tracing::error!(%plugin, %version, %why, "what the plugin remembers of a partition cannot be saved");
                if let NotSaved::Fault(fault) = &why {
                    self.report(fault, &Range::default(), false);
                    self.instance_gone();
                    self.count_fault(clock, fault)?;
                }
                Ok(None)
            }
        }
    }

    /// A shard begins with what was saved of it elsewhere; empty: nothing.
    pub(crate) fn begin(&mut self, shard: u32, saved: &[u8]) {
        self.memory.begin(shard, saved);
    }

    /// A shard has gone elsewhere.
    pub(crate) fn forget(&mut self, shard: u32) {
        let limit = self.member.plugin.limits().time_per_batch;
        if self.memory.forget(shard)
            && let Some(instance) = &mut self.instance
            && let Err(fault) = instance.forget(shard, limit)
        {
            self.report(&fault, &Range::default(), false);
            self.instance_gone();
        }
    }

    /// Tells the plugin that time goes by for a shard. None where it broke at that, or is left out.
    pub(crate) fn tick<T>(
        &mut self,
        clock: &dyn Clock,
        shard: u32,
        call: impl FnOnce(&mut Instance, Duration) -> Result<T, Fault>,
    ) -> Result<Option<T>, Broken> {
        if self.is_bypassed(clock) {
            return Ok(None);
        }
        let limit = self.member.plugin.limits().time_per_batch;
        let mut instance = self.ready(Some(shard))?;
        self.member.metrics.calls.inc();
        match call(&mut instance, limit) {
            Ok(answer) => {
                self.memory.called(shard);
                self.instance = Some(instance);
                Ok(Some(answer))
            }
            Err(fault) => {
                self.report(&fault, &Range::default(), false);
                self.instance_gone();
                match self.count_fault(clock, &fault) {
                    Ok(()) => Ok(None),
                    Err(broken) => self.bypass(clock, broken).map(|()| None),
                }
            }
        }
    }

    /// What is logged and counted in its calls is thrown away from now on, or no longer.
    pub(crate) fn set_quiet(&mut self, is_quiet: bool) {
        self.is_quiet = is_quiet;
    }

    /// Its name in the configuration, and its own.
    pub(crate) fn names(&self) -> (&str, &str) {
        let plugin = &self.member.plugin;
        (plugin.name(), &plugin.description().name)
    }

    /// Its name in the configuration, and its version.
    pub(crate) fn identity(&self) -> (Arc<str>, Arc<str>) {
        let plugin = &self.member.plugin;
        (plugin.name().clone(), plugin.version().clone())
    }

    /// Of its configuration.
    pub(crate) fn config_checksum(&self) -> u32 {
        crc32fast::hash(self.member.plugin.config().as_bytes())
    }

    /// What the score of a record is called, if it is to be kept.
    pub(crate) fn score_attribute(&self) -> Option<Arc<str>> {
        self.member.plugin.score_attribute().cloned()
    }

    /// Bytes given and returned by one call.
    pub(crate) fn batch_text(&self) -> usize {
        self.member.plugin.limits().batch_text
    }

    /// It raised something.
    pub(crate) fn count_finding(&self, telling: Telling) {
        let metrics = &self.member.metrics;
        metrics.findings.inc();
        match telling {
            Telling::Told => {}
            Telling::Folded => drop(metrics.folded.inc()),
            Telling::Suppressed => drop(metrics.suppressed.inc()),
        }
    }
}
