//! The plugins of one lane, in order: unwrap, parse, enrich, detect, score. Owned and called by the lane's thread
//! alone; synchronous.
//!
//! What is kept by partition (memories, clocks, what was told) is in `shard`.

use super::clock::{Clock, Shards, SystemClock};
use super::component::PluginKind;
use super::flow::{Fates, Flow};
use super::fold::FoldSettings;
use super::parser::Untaken;
use super::runner::{Member, Runner};
use super::{Answer, Broken, enricher, parser};
use crate::model::{Columns, Partition, RawRecords};
use std::collections::HashMap;
use std::sync::Arc;

mod shard;

use shard::Watched;

/// What the chains of a pipeline are made of.
#[derive(Clone, Debug, Default)]
pub struct Members {
    /// Outer parsers: each record goes to the first that takes it; what none takes passes unchanged.
    pub unwrap: Vec<Member>,
    /// Parsers: each record goes to the first that takes it; what none takes is dead-lettered. None at all:
    /// records go on as they are.
    pub parse: Vec<Member>,
    /// Enrichers, one after the other.
    pub enrich: Vec<Member>,
    /// Detectors: each sees every record that is left, routed ones too.
    pub detect: Vec<Member>,
    /// Scorers, in the same way, after the detectors.
    pub score: Vec<Member>,
    /// The pipeline's name.
    pub pipeline: Arc<str>,
    /// When findings are told.
    pub fold: FoldSettings,
    /// The names of the pipeline's routes.
    pub routes: Vec<Arc<str>>,
}

/// A chain cannot be made.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ChainError {
    /// A plugin stands where its kind has no place.
    #[error(
        "plugin {plugin} is of kind {found}, but under {place} a plugin must be of kind {expected}"
    )]
    Kind {
        /// Its name in the configuration.
        plugin: Arc<str>,
        /// Where it stands in the pipeline.
        place: &'static str,
        /// Its kind.
        found: PluginKind,
        /// The kind that is run there.
        expected: PluginKind,
    },
    /// No instance of a plugin can be started.
    #[error(transparent)]
    Start(#[from] Broken),
}

/// The plugins of one lane, in order, each with an instance of its own.
pub struct Chain {
    unwrap: Vec<Runner>,
    parse: Vec<Runner>,
    enrich: Vec<Runner>,
    detect: Vec<Runner>,
    score: Vec<Runner>,
    pipeline: Arc<str>,
    fold: FoldSettings,
    routes: Vec<Arc<str>>,
    shards: Shards,
    watched: HashMap<Partition, Watched>,
    clock: Box<dyn Clock>,
    // Batches are shown again for what plugins remember: what they say besides is not to be heard.
    is_quiet: bool,
}

impl Members {
    /// Whether every plugin stands where its kind is run: what the configuration check asks without starting
    /// anything.
    ///
    /// # Errors
    /// The first that does not.
    pub fn check(&self) -> Result<(), ChainError> {
        use PluginKind::{Detector, Enricher, Parser, Scorer};
        let places = [
            ("unwrap", &self.unwrap, Parser),
            ("parse", &self.parse, Parser),
            ("enrich", &self.enrich, Enricher),
            ("detect", &self.detect, Detector),
            ("score", &self.score, Scorer),
        ];
        for (place, members, expected) in places {
            if let Some(member) = members.iter().find(|m| m.plugin.kind() != expected) {
                return Err(ChainError::Kind {
                    plugin: member.plugin.name().clone(),
                    place,
                    found: member.plugin.kind(),
                    expected,
                });
            }
        }
        Ok(())
    }
}

impl Chain {
    /// A chain with fresh instances.
    ///
    /// # Errors
    /// A plugin is of the wrong kind, or cannot be started.
    pub fn new(members: &Members) -> Result<Chain, ChainError> {
        Chain::with_clock(members, Box::new(SystemClock::default()))
    }

    /// The same with a clock of the caller's: for tests and replays.
    ///
    /// # Errors
    /// As [`Chain::new`].
    pub fn with_clock(members: &Members, clock: Box<dyn Clock>) -> Result<Chain, ChainError> {
        members.check()?;
        let start = |members: &[Member]| -> Result<Vec<Runner>, Broken> {
            members.iter().cloned().map(Runner::new).collect()
        };
        Ok(Chain {
            unwrap: start(&members.unwrap)?,
            parse: start(&members.parse)?,
            enrich: start(&members.enrich)?,
            detect: start(&members.detect)?,
            score: start(&members.score)?,
            pipeline: members.pipeline.clone(),
            fold: members.fold,
            routes: members.routes.clone(),
            shards: Shards::default(),
            watched: HashMap::new(),
            clock,
            is_quiet: false,
        })
    }

    /// Takes a batch through all stages. `columns` are the raw records (see `model::Facts`), one for each of `raw`.
    ///
    /// # Errors
    /// A plugin is broken: nothing of the batch may be used. The chain may be run again later.
    pub fn run(&mut self, raw: &RawRecords, columns: Columns) -> Result<Answer, Broken> {
        let clock = &*self.clock;
        let inputs = columns.len();
        let entered = self.shards.enter(raw, clock.wall_ms());
        let mut fates = Fates::default();
        let mut flow = Flow::raw(columns);
        flow = parser::stage(&mut self.unwrap, Untaken::Passes, flow, &mut fates, clock)?;
        flow = parser::stage(&mut self.parse, Untaken::IsDead, flow, &mut fates, clock)?;
        flow.forget_kafka_time();
        for runner in &mut self.enrich {
            let shard = entered.shard;
            flow = enricher::stage(runner, flow, shard, &self.routes, &mut fates, clock)?;
        }
        let findings = self.watch(raw, &mut flow, entered)?;
        let ends = fates.end(inputs, &flow.input);
        Ok(Answer {
            columns: flow.columns,
            input: flow.input,
            route: flow.route,
            dropped: ends.dropped,
            drops: ends.drops,
            joined: ends.joined,
            dead: ends.dead,
            findings,
        })
    }
}

impl std::fmt::Debug for Chain {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Chain")
            .field(
                "stages",
                &(self.unwrap.len()
                    + self.parse.len()
                    + self.enrich.len()
                    + self.detect.len()
                    + self.score.len()),
            )
            .finish_non_exhaustive()
    }
}
