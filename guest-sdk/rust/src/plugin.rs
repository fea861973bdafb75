//! What every plugin has, and the kinds of plugin.

use crate::arrivals::{self, Arrivals};
use crate::batch::{Batch, Record};
use crate::edit::{Edit, EditColumns};
use crate::emit::Emit;
use crate::finding::{Moment, Raise, Scores};
use crate::memory::{Memory, Shard};
use crate::parsed::{Parsed, Verdict};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_path_to_error::Segment;
use std::fmt;

/// What every plugin has, whatever its kind.
pub trait Plugin: Sized + 'static {
    /// Its configuration. Its JSON Schema is what the gateway checks a user's configuration against; put
    /// `#[serde(deny_unknown_fields)]` on it, so that a misspelt field is refused.
    type Config: DeserializeOwned + JsonSchema;

    /// Called once, before anything else.
    ///
    /// # Errors
    /// What is wrong with the configuration, with the field where there is one.
    fn configure(config: Self::Config) -> Result<Self, ConfigError>;
}

/// Turns one record's body into records. It remembers nothing: its answer depends on its input and its configuration.
pub trait Parser: Plugin {
    /// Looks at one input record, puts what it gives into `out`, and says what became of it.
    fn parse(&self, input: Record<'_>, out: &mut Emit<'_>) -> Verdict;

    /// The whole batch; override it where records are better seen together. Every record must have its `begin` and `end`.
    fn parse_batch(&self, batch: Batch<'_>, out: &mut Emit<'_>) {
        for record in batch.records() {
            out.begin(record.index());
            let verdict = self.parse(record, out);
            out.end(verdict);
        }
    }
}

/// Adds to, changes and leaves out records.
pub trait Enricher: Plugin {
    /// What it remembers of a shard; [`Nothing`](crate::Nothing) for most.
    type Memory: Memory;

    /// Looks at one record and says what to change. `now` is the shard's clock in Unix milliseconds, the only one there is.
    fn enrich(&self, memory: &mut Self::Memory, record: Record<'_>, now: u64, edit: &mut Edit<'_>);

    /// The whole batch; override it where records are better seen together.
    fn enrich_batch(
        &self,
        memory: &mut Self::Memory,
        batch: Batch<'_>,
        now: u64,
        edit: &mut Edit<'_>,
    ) {
        for record in batch.records() {
            edit.begin(record.index());
            self.enrich(memory, record, now, edit);
        }
    }
}

/// Watches records and raises alerts.
///
/// What it raises must not depend on where batches were cut or on how often it ticks:
/// [`testing::detected`](crate::testing::detected) looks at that. So alerts are dated by records and deadlines, and what
/// is due by time is raised in the order of its deadlines, whether a record or a tick brings it about.
pub trait Detector: Plugin {
    /// What it remembers of a shard.
    type Memory: Memory;

    /// Looks at one record.
    fn detect(
        &self,
        memory: &mut Self::Memory,
        record: Record<'_>,
        moment: Moment,
        raise: &mut Raise,
    );

    /// A new second of the shard's clock has begun, at `now` (Unix milliseconds, whole seconds), with all records before
    /// it seen. Comes before the first record of that second, or while nothing comes; seconds may be skipped.
    fn tick(&self, _memory: &mut Self::Memory, _now: u64, _raise: &mut Raise) {}

    /// Records of one second; override it where they are better seen together.
    #[inline]
    fn detect_batch(&self, memory: &mut Self::Memory, arrivals: Arrivals<'_>, raise: &mut Raise) {
        for (record, moment) in arrivals {
            self.detect(memory, record, moment, raise);
        }
    }
}

/// Scores how unusual records are, each by itself or some together.
///
/// As a [`Detector`], it must not depend on where batches were cut; [`testing::scored`](crate::testing::scored) looks
/// at that.
pub trait Scorer: Plugin {
    /// What it remembers of a shard.
    type Memory: Memory;

    /// Looks at one record. Its own score from 0 to 1, which becomes an attribute where configured, or none where it has
    /// none.
    fn score(
        &self,
        memory: &mut Self::Memory,
        record: Record<'_>,
        moment: Moment,
        scores: &mut Scores,
    ) -> Option<f32>;

    /// As in [`Detector::tick`].
    fn tick(&self, _memory: &mut Self::Memory, _now: u64, _scores: &mut Scores) {}
}

/// What is wrong with a configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    pub(crate) pointer: String,
    pub(crate) message: String,
}

// === impl ConfigError ===

impl ConfigError {
    /// A field, as a JSON pointer (`/rules/0/name`), and what is wrong with it. A name that a user has written is put into
    /// the pointer by [`escaped`](Self::escaped).
    pub fn field(pointer: impl Into<String>, message: impl fmt::Display) -> Self {
        ConfigError {
            pointer: pointer.into(),
            message: message.to_string(),
        }
    }

    /// Both things are wrong, and more if others were: the user is told all of them at once, each with its line.
    #[must_use]
    pub fn and(mut self, other: ConfigError) -> Self {
        let pointer = match other.pointer.as_str() {
            "" => "/",
            pointer => pointer,
        };
        self.message.push('\n');
        self.message.push_str(pointer);
        self.message.push(':');
        // A line is one thing that is wrong, so each is one line.
        let lines = other.message.split('\n');
        for (number, line) in lines.enumerate() {
            let is_further = number > 0 && line.starts_with('/');
            self.message.push(if is_further { '\n' } else { ' ' });
            self.message.push_str(line.trim());
        }
        self
    }

    /// A name as a part of a JSON pointer: `a/b` as `a~1b`.
    pub fn escaped(name: &str) -> String {
        name.replace('~', "~0").replace('/', "~1")
    }

    /// Anything else; for people.
    pub fn other(message: impl fmt::Display) -> Self {
        ConfigError {
            pointer: String::new(),
            message: message.to_string(),
        }
    }

    /// The field, as a JSON pointer; empty where it is none in particular.
    pub fn pointer(&self) -> &str {
        &self.pointer
    }

    /// What is wrong.
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.pointer.as_str() {
            "" => f.write_str(&self.message),
            pointer => write!(f, "{pointer}: {}", self.message),
        }
    }
}

impl std::error::Error for ConfigError {}

// === what the borders share: Wasm and tests ===

/// A plugin from its configuration as JSON; nothing at all means the defaults.
pub(crate) fn configured<P: Plugin>(json: &str) -> Result<P, ConfigError> {
    let json = if matches!(json.trim(), "" | "null") {
        "{}"
    } else {
        json
    };
    let mut reader = serde_json::Deserializer::from_str(json);
    let config = serde_path_to_error::deserialize(&mut reader).map_err(|e| wrong_field(&e))?;
    reader.end().map_err(ConfigError::other)?;
    P::configure(config)
}

/// Where in the configuration it went wrong, as a JSON pointer.
fn wrong_field(error: &serde_path_to_error::Error<serde_json::Error>) -> ConfigError {
    let mut pointer = String::new();
    for segment in error.path() {
        pointer.push('/');
        match segment {
            Segment::Seq { index } => pointer.push_str(&index.to_string()),
            Segment::Map { key } => pointer.push_str(&ConfigError::escaped(key)),
            Segment::Enum { variant } => pointer.push_str(variant),
            Segment::Unknown => {}
        }
    }
    ConfigError::field(pointer.trim_end_matches('/'), error.inner())
}

/// The JSON Schema of a plugin's configuration.
pub(crate) fn config_schema<P: Plugin>() -> String {
    schemars::schema_for!(P::Config).as_value().to_string()
}

/// One call of a parser.
#[inline]
pub(crate) fn parse<P: Parser>(plugin: &P, batch: Batch<'_>, last: u32, out: &mut Parsed) {
    let mut emit = Emit::new(batch, last, out);
    plugin.parse_batch(batch, &mut emit);
    emit.finish();
}

/// One call of an enricher.
#[inline]
pub(crate) fn enrich<P: Enricher>(
    plugin: &P,
    memory: &mut P::Memory,
    batch: Batch<'_>,
    now: u64,
    out: &mut EditColumns,
) {
    let mut edit = Edit::new(batch, out);
    plugin.enrich_batch(memory, batch, now, &mut edit);
    edit.finish();
}

/// One call of a detector: ticks where a second begins, records between.
#[inline]
pub(crate) fn detect<P: Detector>(
    plugin: &P,
    shard: &mut Shard<P::Memory>,
    columns: arrivals::Columns<'_>,
    out: &mut Raise,
) {
    out.alerts.clear();
    let mut next = 0;
    while next < columns.len() {
        if let Some(now) = shard.second_begins(columns.now(next)) {
            plugin.tick(&mut shard.memory, now, out);
        }
        let end = columns.same_second(next);
        plugin.detect_batch(&mut shard.memory, columns.arrivals(next..end), out);
        next = end;
    }
}

/// A tick of a detector, if a second has begun.
pub(crate) fn tick_detector<P: Detector>(
    plugin: &P,
    shard: &mut Shard<P::Memory>,
    now: u64,
    out: &mut Raise,
) {
    out.alerts.clear();
    if let Some(now) = shard.second_begins(now) {
        plugin.tick(&mut shard.memory, now, out);
    }
}

/// One call of a scorer: ticks where a second begins, records between.
#[inline]
pub(crate) fn score<P: Scorer>(
    plugin: &P,
    shard: &mut Shard<P::Memory>,
    columns: arrivals::Columns<'_>,
    out: &mut Scores,
) {
    out.clear();
    for (number, (record, moment)) in columns.arrivals(0..columns.len()).enumerate() {
        if let Some(now) = shard.second_begins(moment.now) {
            plugin.tick(&mut shard.memory, now, out);
        }
        if let Some(score) = plugin.score(&mut shard.memory, record, moment, out) {
            out.record(number, score);
        }
    }
    out.finish(columns.len());
}

/// A tick of a scorer, if a second has begun.
pub(crate) fn tick_scorer<P: Scorer>(
    plugin: &P,
    shard: &mut Shard<P::Memory>,
    now: u64,
    out: &mut Scores,
) {
    out.clear();
    if let Some(now) = shard.second_begins(now) {
        plugin.tick(&mut shard.memory, now, out);
    }
}
