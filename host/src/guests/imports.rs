//! What a plugin may ask of the gateway: `log`, `count`, lookup tables and schemas.
//!
//! Log messages are bounded in length and rate, counters in number; tables and schemas answer "none" until
//! the gateway has some. Called on the lane's thread in the middle of a guest call; never blocks.

use super::bindings::{detecting, enriching, parsing, scoring};
use super::limits::State;
use crate::telemetry::metrics::{COUNTER_NAMES_MAX, OwnCounters};
use prometheus_client::metrics::counter::Counter;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Bytes of one log message; what is longer is cut.
const LOG_MESSAGE_BYTES_MAX: usize = 1 << 10;
/// Log messages of one plugin within [`LOG_WINDOW`]; further ones are counted and left out.
const LOG_MESSAGES_MAX: u32 = 20;
/// See [`LOG_MESSAGES_MAX`].
const LOG_WINDOW: Duration = Duration::from_secs(1);
/// Bytes of a counter's name.
const COUNTER_NAME_BYTES_MAX: usize = 64;

/// Who a plugin is, for everything said about it.
#[derive(Debug)]
pub(crate) struct Identity {
    /// Its name in the configuration.
    pub name: Arc<str>,
    /// Its version.
    pub version: Arc<str>,
}

/// How much all instances of a plugin may still log together.
#[derive(Clone, Debug, Default)]
pub(crate) struct Logs(Arc<Mutex<LogGate>>);

/// Where an instance works.
#[derive(Clone, Debug, Default)]
pub(crate) struct Workplace {
    /// None: it is only tried.
    pub pipeline: Option<Arc<str>>,
    /// Where it counts.
    pub counters: OwnCounters,
}

/// What one instance has asked for.
pub(crate) struct Imports {
    identity: Arc<Identity>,
    logs: Logs,
    workplace: Workplace,
    // So that counting takes no lock after the first time; none where the name was refused.
    known: HashMap<String, Option<Counter>>,
    last_error: Option<String>,
    is_quiet: bool,
}

/// How bad a plugin says it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Level {
    Debug,
    Info,
    Warning,
    Error,
}

/// Whether a message is written.
#[derive(Debug, PartialEq, Eq)]
enum Gate {
    /// Yes; so many were left out since the last one.
    Open {
        left_out: u64,
    },
    Closed,
}

/// Lets [`LOG_MESSAGES_MAX`] through a window.
#[derive(Debug, Default)]
struct LogGate {
    window_start: Option<Instant>,
    passed: u32,
    left_out: u64,
}

impl LogGate {
    fn message(&mut self, now: Instant) -> Gate {
        let fresh = self
            .window_start
            .is_none_or(|start| now.saturating_duration_since(start) >= LOG_WINDOW);
        if fresh {
            self.window_start = Some(now);
            self.passed = 0;
        }
        if self.passed >= LOG_MESSAGES_MAX {
            self.left_out += 1;
            return Gate::Closed;
        }
        self.passed += 1;
        Gate::Open {
            left_out: std::mem::take(&mut self.left_out),
        }
    }
}

impl Logs {
    fn gate(&self, now: Instant) -> Gate {
        let mut gate = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        gate.message(now)
    }
}

impl Imports {
    pub(crate) fn new(identity: Arc<Identity>, logs: Logs, workplace: Workplace) -> Imports {
        Imports {
            identity,
            logs,
            workplace,
            known: HashMap::new(),
            last_error: None,
            is_quiet: false,
        }
    }

    /// Whether logs and counts are thrown away.
    pub(crate) fn set_quiet(&mut self, is_quiet: bool) {
        self.is_quiet = is_quiet;
    }

    #[cfg(test)]
    pub(crate) fn for_tests() -> Imports {
        let identity = Identity {
            name: "test".into(),
            version: "0.0.0".into(),
        };
        Imports::new(Arc::new(identity), Logs::default(), Workplace::default())
    }

    /// A new call begins.
    pub(crate) fn begin_call(&mut self) {
        self.last_error = None;
    }

    /// The last error that the plugin logged in this call: a panic names its file and line there.
    pub(crate) fn last_error(&mut self) -> Option<String> {
        self.last_error.take()
    }

    fn log(&mut self, level: Level, message: &str) {
        let message = cut(message, LOG_MESSAGE_BYTES_MAX);
        if level == Level::Error {
            self.last_error = Some(message.to_owned());
        }
        if self.is_quiet {
            return;
        }
        let Gate::Open { left_out } = self.logs.gate(Instant::now()) else {
            return;
        };
        let (plugin, version) = (&*self.identity.name, &*self.identity.version);
        let pipeline = self.workplace.pipeline.as_deref();
        if left_out > 0 {
            tracing::warn!(
                pipeline,
                plugin,
                version,
                left_out,
                "log messages of the plugin were left out: too many"
            );
        }
        match level {
            Level::Debug => tracing::debug!(pipeline, plugin, version, "{message}"),
            Level::Info => tracing::info!(pipeline, plugin, version, "{message}"),
            Level::Warning => tracing::warn!(pipeline, plugin, version, "{message}"),
            Level::Error => tracing::error!(pipeline, plugin, version, "{message}"),
        }
    }

    fn count(&mut self, name: String, amount: u64) {
        if self.is_quiet {
            return;
        }
        if name.len() > COUNTER_NAME_BYTES_MAX {
            return self.tell_refusal(cut(&name, COUNTER_NAME_BYTES_MAX));
        }
        if !self.known.contains_key(&name) {
            // Names that were refused are remembered too, but no more of them than were granted.
            if self.known.len() >= 2 * COUNTER_NAMES_MAX {
                return;
            }
            let counter = self.workplace.counters.get(&name);
            if counter.is_none() {
                self.tell_refusal(&name);
            }
            self.known.insert(name.clone(), counter);
        }
        if let Some(Some(counter)) = self.known.get(&name) {
            counter.inc_by(amount);
        }
    }

    /// Once a plugin and pipeline.
    fn tell_refusal(&self, name: &str) {
        if self.workplace.counters.refuse() {
            let (plugin, version) = (&*self.identity.name, &*self.identity.version);
            let pipeline = self.workplace.pipeline.as_deref();
            tracing::warn!(
                pipeline,
                plugin,
                version,
                name,
                "the plugin counts under too many names, or too long ones: only the first \
                 {COUNTER_NAMES_MAX} of at most {COUNTER_NAME_BYTES_MAX} bytes are kept"
            );
        }
    }
}

/// The start of a text, cut between characters.
pub(crate) fn cut(text: &str, bytes_max: usize) -> &str {
    text.get(..text.floor_char_boundary(bytes_max))
        .unwrap_or("")
}

macro_rules! imports { ($($world:ident)*) => { $(
    impl $world::tidegate::plugin::host::Host for State {
        fn log(&mut self, level: $world::tidegate::plugin::host::Level, message: String) {
            use $world::tidegate::plugin::host::Level as L;
            let level = match level {
                L::Debug => Level::Debug,
                L::Info => Level::Info,
                L::Warning => Level::Warning,
                L::Error => Level::Error,
            };
            self.imports.log(level, &message);
        }

        fn count(&mut self, name: String, amount: u64) {
            self.imports.count(name, amount);
        }
    }

    impl $world::tidegate::plugin::types::Host for State {}
)* } }

imports!(parsing enriching detecting scoring);

macro_rules! tables { ($($world:ident)*) => { $(
    impl $world::tidegate::plugin::tables::Host for State {
        fn lookup(&mut self, _table: String, keys: Vec<String>) -> Vec<Option<String>> {
            vec![None; keys.len()]
        }
    }
)* } }

tables!(parsing enriching detecting);

impl parsing::tidegate::plugin::answers::Host for State {}
impl enriching::tidegate::plugin::answers::Host for State {}

impl parsing::tidegate::plugin::schemas::Host for State {
    fn get(&mut self, _id: u32) -> Option<parsing::tidegate::plugin::schemas::Schema> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// *Scenario:* a plugin logs a thousand messages within a window, then one in the next.
    /// *Guarantees:* so many pass as the limit says, and the next window says how many were left out.
    #[test]
    fn a_flood_of_messages_is_cut() {
        let mut gate = LogGate::default();
        let start = Instant::now();
        let passed = (0..1000)
            .filter(|_| gate.message(start) != Gate::Closed)
            .count();
        assert_eq!(passed, LOG_MESSAGES_MAX as usize);
        let later = start + LOG_WINDOW;
        let left_out = 1000 - u64::from(LOG_MESSAGES_MAX);
        assert_eq!(gate.message(later), Gate::Open { left_out });
        assert_eq!(gate.message(later), Gate::Open { left_out: 0 });
    }

    /// *Scenario:* a plugin counts under a thousand names, some of them far too long.
    /// *Guarantees:* the first ones are kept and added up, the others left out, for all instances together.
    #[test]
    fn counters_are_bounded() {
        let mut imports = Imports::for_tests();
        imports.count("n".repeat(COUNTER_NAME_BYTES_MAX + 1), 1);
        for i in 0..1000 {
            imports.count(format!("name_{i:04}"), 2);
            imports.count("name_0000".into(), 1);
        }
        let list = imports.workplace.counters.list();
        assert_eq!(list.len(), COUNTER_NAMES_MAX);
        assert_eq!(list[0], ("name_0000".to_owned(), 1002));
        assert!(imports.known.len() <= 2 * COUNTER_NAMES_MAX);
        let bytes: usize = imports.known.keys().map(String::len).sum();
        assert!(bytes <= 2 * COUNTER_NAMES_MAX * COUNTER_NAME_BYTES_MAX);
        let (logs, workplace) = (imports.logs.clone(), imports.workplace.clone());
        let mut other = Imports::new(imports.identity.clone(), logs, workplace);
        other.count("name_0000".into(), 1);
        assert_eq!(imports.workplace.counters.list()[0].1, 1003);
    }

    /// *Scenario:* a text is cut in the middle of a character.
    /// *Guarantees:* the character is left out whole.
    #[test]
    fn text_is_cut_between_characters() {
        assert_eq!(cut("aé", 2), "a");
        assert_eq!(cut("aé", 3), "aé");
        assert_eq!(cut("aé", 300), "aé");
    }
}
