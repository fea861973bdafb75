//! Everything WebAssembly: engine, bindings, loading, limits, one file a stage, the chain, faults.
//!
//! ```text
//! load     source -> component -> schema -> Plugin (compiled, described, configured; shared by lanes)
//! a lane   Chain -> unwrap, parse (parser) -> enrich (enricher) -> detect, score (watch), each plugin by a Runner
//! a call   Runner -> Instance -> check -> merge, apply or fold; a fault -> Search
//! memory   by partition: saved and restored by Runner (remember), a snapshot of all stages by Chain
//! ```
//!
//! Loading happens at start; the rest on the lane's own thread, without a lock. Promises: nothing that a
//! plugin returns is used before it has passed the answer check; a plugin can slow only its own pipeline and
//! lose only its own answers; no input is gone without a fate. Compiles nothing on a record's path.

mod answer;
mod attributes;
mod bindings;
mod chain;
mod check;
mod clock;
mod component;
mod edit;
mod engine;
mod enricher;
mod fault;
mod flow;
mod fold;
mod imports;
mod instance;
mod limits;
mod load;
mod parser;
mod remember;
mod runner;
mod schema;
mod source;
mod splice;
#[cfg(test)]
mod testing;
mod watch;

pub use chain::{Chain, ChainError, Members};
pub use clock::{Clock, SystemClock};
pub use component::{CONTRACT_VERSION, CONTRACT_VERSIONS, ComponentError, PluginKind};
pub use engine::{Engine, EngineError};
pub use fault::{Fault, FaultKind};
pub use fold::FoldSettings;
pub use load::{Description, LoadError, Plugin};
pub use runner::Member;
pub use schema::Violation;
pub use source::builtins;

use crate::model::{Columns, DeadReason, Finding};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// A plugin, as meant.
#[derive(Clone, Debug)]
pub struct PluginSettings {
    /// Its name in the configuration.
    pub name: Arc<str>,
    /// Where its bytes are.
    pub source: Source,
    /// Its own configuration.
    pub config: serde_json::Value,
    /// What it may use.
    pub limits: Limits,
    /// What becomes of a record that it breaks at; none: what is usual for its kind.
    pub on_fault: Option<OnFault>,
    /// What the score of a record, given by a scorer, is called as an attribute; none: it is not kept.
    pub score_attribute: Option<Arc<str>>,
    /// What becomes of a record that it, a parser, calls its own but malformed.
    pub on_malformed: OnMalformed,
    /// An empty WASI (no files, no sockets, no environment) for a language runtime that needs one.
    pub wasi: bool,
}

/// Where a plugin's bytes are.
#[derive(Clone, Debug, PartialEq)]
pub enum Source {
    /// Inside the binary, by name.
    Builtin(String),
    /// A core module or a component.
    File(PathBuf),
}

/// What a plugin instance may use.
#[derive(Clone, Debug, PartialEq)]
pub struct Limits {
    /// Bytes of linear memory.
    pub memory: usize,
    /// Time of one call.
    pub time_per_batch: Duration,
    /// Bytes given and returned by one call (`max_batch_text`).
    pub batch_text: usize,
    /// Faults a minute beyond which the plugin is broken: records that it broke at, and batches that it broke at
    /// once and not again.
    pub faults_per_minute: u32,
}

/// What becomes of a record that a plugin breaks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnFault {
    /// It goes to the dead letters.
    DeadLetter,
    /// It passes as if the plugin were not there; counted.
    Skip,
}

/// What becomes of a record that a parser calls its own but malformed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnMalformed {
    /// It goes to the dead letters.
    DeadLetter,
    /// It is offered to the next parser.
    NextParser,
}

/// An input that was left out on purpose.
#[derive(Clone, Debug, PartialEq)]
pub struct Dropped {
    /// The input.
    pub input: u32,
    /// The plugin's name in the configuration.
    pub by: Arc<str>,
    /// What the plugin said of it.
    pub reason: Option<String>,
}

/// What a chain made of a batch.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Answer {
    /// The records that came out.
    pub columns: Columns,
    /// A record: the input that it came from; never decreases.
    pub input: Vec<u32>,
    /// A record: 0 for the usual outputs, else 1 + the number of the route; or empty where none is routed.
    pub route: Vec<u32>,
    /// How many inputs were left out on purpose, wholly, and not refused.
    pub dropped: usize,
    /// Who left them out, and why; an input once, in their order.
    pub drops: Vec<Dropped>,
    /// Inputs that went into the records of others: an input and its giver, in the order in which it happened.
    pub joined: Vec<(u32, u32)>,
    /// Inputs that go to the dead letters, once each.
    pub dead: Vec<(u32, DeadReason)>,
    /// What detectors and scorers raised, in their order.
    pub findings: Vec<Finding>,
}

/// A plugin that cannot go on: its pipeline pauses.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("plugin {plugin} {version} is broken: {reason}")]
pub struct Broken {
    /// Its name in the configuration.
    pub plugin: Arc<str>,
    /// Its version.
    pub version: Arc<str>,
    /// What happened.
    pub reason: String,
}

/// An error with all that led to it, in one line.
fn chain_text(error: &wasmtime::Error) -> String {
    format!("{error:#}")
}
