//! One instance of a plugin: a store, and the calls into it. Used by its lane's thread alone. What detectors and
//! scorers are asked is in `watch`, what is asked of a memory in `remember`.
//!
//! Promises that a call ends within its time limit. An instance that faulted must not be called again.

use super::answer::{Edits, Parsed, Reason};
use super::bindings::{detecting, enriching, parsing, scoring};
use super::engine::{Engine, ticks};
use super::fault::{Fault, FaultKind};
use super::limits::State;
use super::schema::Violation;
use super::{Limits, chain_text};
use crate::model::Columns;
use std::time::Duration;
use wasmtime::{Store, Trap};

/// Time of making an instance, of `describe` and of `configure`.
const SETUP_TIME_MAX: Duration = Duration::from_secs(10);
/// Bytes that one call may hand back besides `max_batch_text`: descriptions, names, reasons.
const HANDED_BACK_BYTES: usize = 1 << 20;

/// A running plugin.
pub(crate) struct Instance {
    store: Store<State>,
    exports: Exports,
}

enum Exports {
    Parser(parsing::Parsing),
    Enricher(enriching::Enriching),
    Detector(detecting::Detecting),
    Scorer(scoring::Scoring),
}

/// What `describe` says.
pub(crate) struct Said {
    pub name: String,
    pub version: String,
    pub summary: String,
    pub config_schema: String,
}

/// An instance could not be configured.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub(crate) enum ConfigureError {
    /// The plugin refused its configuration.
    #[error("refused its configuration: {0}")]
    Refused(Violation),
    /// The plugin broke.
    #[error(transparent)]
    Fault(Fault),
}

/// The columns of a batch as a world's bindings take them.
macro_rules! batch {
    ($batch:path, $columns:expr) => {{
        use $batch as Batch;
        let c: &Columns = $columns;
        Batch {
            text: &c.text,
            seconds: &c.seconds,
            nanos: &c.nanos,
            severity: &c.severity,
            severity_text: &c.severity_text,
            body: &c.body,
            body_kind: &c.body_kind,
            trace: &c.trace,
            attribute_end: &c.attribute_end,
            key: &c.key,
            kind: &c.kind,
            value: &c.value,
            more: &[],
        }
    }};
}

mod remember;
mod watch;

pub(crate) use remember::NotRestored;
pub(crate) use watch::Seen;

macro_rules! makers { ($($make:ident $pre:path, $kind:ident;)*) => {
    impl Instance { $(
        pub(crate) fn $make(
            engine: &Engine,
            pre: &$pre,
            state: State,
            limits: &Limits,
        ) -> Result<Instance, Fault> {
            let mut store = store(engine, state, limits);
            match pre.instantiate(&mut store) {
                Ok(exports) => Ok(Instance {
                    store,
                    exports: Exports::$kind(exports),
                }),
                Err(e) => Err(fault(&mut store, &e)),
            }
        }
    )* }
} }

makers! {
    parser parsing::ParsingPre<State>, Parser;
    enricher enriching::EnrichingPre<State>, Enricher;
    detector detecting::DetectingPre<State>, Detector;
    scorer scoring::ScoringPre<State>, Scorer;
}

impl Instance {
    pub(crate) fn describe(&mut self) -> Result<Said, Fault> {
        self.begin(SETUP_TIME_MAX);
        macro_rules! said {
            ($plugin:expr) => {
                $plugin
                    .tidegate_plugin_lifecycle()
                    .call_describe(&mut self.store)
                    .map(|d| Said {
                        name: d.name,
                        version: d.version,
                        summary: d.summary,
                        config_schema: d.config_schema,
                    })
            };
        }
        let said = match &self.exports {
            Exports::Parser(p) => said!(p),
            Exports::Enricher(p) => said!(p),
            Exports::Detector(p) => said!(p),
            Exports::Scorer(p) => said!(p),
        };
        said.map_err(|e| fault(&mut self.store, &e))
    }

    pub(crate) fn configure(&mut self, config: &str) -> Result<(), ConfigureError> {
        self.begin(SETUP_TIME_MAX);
        macro_rules! configured {
            ($plugin:expr, $world:ident) => {{
                use $world::exports::tidegate::plugin::lifecycle::ConfigError as E;
                $plugin
                    .tidegate_plugin_lifecycle()
                    .call_configure(&mut self.store, config)
                    .map(|done| {
                        done.map_err(|e| match e {
                            E::Invalid((pointer, message)) => Violation { pointer, message },
                            E::Other(message) => Violation {
                                pointer: String::new(),
                                message,
                            },
                        })
                    })
            }};
        }
        let configured = match &self.exports {
            Exports::Parser(p) => configured!(p, parsing),
            Exports::Enricher(p) => configured!(p, enriching),
            Exports::Detector(p) => configured!(p, detecting),
            Exports::Scorer(p) => configured!(p, scoring),
        };
        configured
            .map_err(|e| ConfigureError::Fault(fault(&mut self.store, &e)))?
            .map_err(ConfigureError::Refused)
    }

    /// Parses a batch, all of whose records are offered for the last time.
    pub(crate) fn parse(&mut self, batch: &Columns, limit: Duration) -> Result<Parsed, Fault> {
        self.begin(limit);
        let Exports::Parser(plugin) = &self.exports else {
            return Err(wrong_kind("parser"));
        };
        let last = batch.len() as u32;
        let given = batch!(
            parsing::exports::tidegate::plugin::parser::LogBatchParam,
            batch
        );
        let parsed = plugin
            .tidegate_plugin_parser()
            .call_parse(&mut self.store, given, last)
            .map_err(|e| fault(&mut self.store, &e))?;
        let records = parsed.records;
        Ok(Parsed {
            records: Columns {
                text: records.text,
                seconds: records.seconds,
                nanos: records.nanos,
                severity: records.severity,
                severity_text: records.severity_text,
                body: records.body,
                body_kind: records.body_kind,
                trace: records.trace,
                attribute_end: records.attribute_end,
                key: records.key,
                kind: records.kind,
                value: records.value,
            },
            input: parsed.input,
            verdicts: parsed.verdicts,
            joined: parsed.joined,
            reasons: reasons(parsed.reasons.into_iter().map(|r| (r.input, r.message))),
        })
    }

    /// Asks for edits of a batch of a shard, at a time of the shard's clock in Unix milliseconds.
    pub(crate) fn enrich(
        &mut self,
        shard: u32,
        batch: &Columns,
        now_ms: u64,
        limit: Duration,
    ) -> Result<Edits, Fault> {
        self.begin(limit);
        let Exports::Enricher(plugin) = &self.exports else {
            return Err(wrong_kind("enricher"));
        };
        let given = batch!(
            enriching::exports::tidegate::plugin::enricher::LogBatch,
            batch
        );
        let edits = plugin
            .tidegate_plugin_enricher()
            .call_enrich(&mut self.store, shard, given, now_ms)
            .map_err(|e| fault(&mut self.store, &e))?;
        Ok(Edits {
            text: edits.text,
            set_record: edits.set_record,
            set_key: edits.set_key,
            set_kind: edits.set_kind,
            set_value: edits.set_value,
            remove: edits.remove,
            body_record: edits.body_record,
            body_kind: edits.body_kind,
            body: edits.body,
            time_record: edits.time_record,
            time_seconds: edits.time_seconds,
            time_nanos: edits.time_nanos,
            severity_record: edits.severity_record,
            severity: edits.severity,
            severity_text: edits.severity_text,
            trace_record: edits.trace_record,
            trace: edits.trace,
            drop: edits.drop,
            reasons: reasons(edits.reasons.into_iter().map(|r| (r.input, r.message))),
            route_record: edits.route_record,
            route: edits.route,
            routes: edits.routes,
        })
    }

    /// Whether what it logs and counts is thrown away.
    pub(crate) fn set_quiet(&mut self, is_quiet: bool) {
        self.store.data_mut().imports.set_quiet(is_quiet);
    }

    fn begin(&mut self, limit: Duration) {
        self.store.data_mut().begin_call();
        self.store.set_epoch_deadline(ticks(limit));
    }
}

fn store(engine: &Engine, state: State, limits: &Limits) -> Store<State> {
    let mut store = Store::new(engine.wasmtime(), state);
    store.limiter(|state| state);
    store.set_epoch_deadline(ticks(SETUP_TIME_MAX));
    // What a guest may have the host allocate in one call: its answer.
    store.set_hostcall_fuel(limits.batch_text.saturating_add(HANDED_BACK_BYTES));
    store
}

fn reasons(said: impl Iterator<Item = (u32, String)>) -> Vec<Reason> {
    said.map(|(input, message)| Reason { input, message })
        .collect()
}

/// Chains are made of the right kinds, so this is an error of the host; still no reason to stop it.
fn wrong_kind(kind: &str) -> Fault {
    Fault {
        kind: FaultKind::Answer,
        detail: format!("the plugin is no {kind}"),
    }
}

/// What a failed call was.
fn fault(store: &mut Store<State>, error: &wasmtime::Error) -> Fault {
    let trap = error.downcast_ref::<Trap>().copied();
    let state = store.data_mut();
    let kind = match trap {
        Some(Trap::Interrupt) => FaultKind::Timeout,
        _ if state.was_refused_memory() => FaultKind::Memory,
        Some(_) => FaultKind::Trap,
        // No trap: what it handed back could not be read.
        None => FaultKind::Answer,
    };
    let detail = match (state.imports.last_error(), trap) {
        (Some(said), Some(trap)) => format!("{trap}; it said: {said}"),
        (Some(said), None) => format!("{}; it said: {said}", chain_text(error)),
        (None, Some(trap)) => trap.to_string(),
        (None, None) => chain_text(error),
    };
    Fault { kind, detail }
}
