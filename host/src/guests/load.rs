//! Source -> plugin: read, wrap, compile, describe, check the configuration, configure once.
//!
//! Runs at start, never on a record's path. A [`Plugin`] is shared by lanes; each makes instances of its own.

use super::bindings::{detecting, enriching, parsing, scoring};
use super::component::{ComponentError, PluginKind, wrap};
use super::engine::Engine;
use super::fault::Fault;
use super::imports::{Identity, Imports, Logs, Workplace, cut};
use super::instance::{ConfigureError, Instance};
use super::limits::State;
use super::schema::{self, Violation};
use super::{Limits, OnFault, OnMalformed, PluginSettings, Source, chain_text, source};
use std::path::PathBuf;
use std::sync::Arc;
use wasmtime::component::{Component, HasSelf, Linker};

/// Bytes of a described name and version.
const NAME_BYTES_MAX: usize = 128;
/// Bytes of a described summary.
const SUMMARY_BYTES_MAX: usize = 1 << 10;
/// `max_batch_text` is never more than this, so that the texts of several answers stay below 4 GiB.
const BATCH_TEXT_BYTES_MAX: usize = 256 << 20;

/// A compiled and configured plugin.
pub struct Plugin {
    engine: Engine,
    exports: Exports,
    description: Description,
    identity: Arc<Identity>,
    config: String,
    limits: Limits,
    on_fault: OnFault,
    score_attribute: Option<Arc<str>>,
    on_malformed: OnMalformed,
    logs: Logs,
}

/// What a plugin says of itself.
#[derive(Clone, Debug, PartialEq)]
pub struct Description {
    /// What it does.
    pub kind: PluginKind,
    /// Its own name.
    pub name: String,
    /// Its semantic version.
    pub version: String,
    /// One sentence.
    pub summary: String,
    /// JSON Schema of its configuration, or empty.
    pub config_schema: String,
}

/// A plugin cannot be loaded.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum LoadError {
    /// The binary has no plugins inside.
    #[error(
        "is builtin:{name}, but this binary was built without plugins; run `cargo xtask guests`, then build it again"
    )]
    NoBuiltins {
        /// The name asked for.
        name: String,
    },
    /// No shipped plugin has that name.
    #[error("is builtin:{name}, but the plugins in this binary are {known}")]
    UnknownBuiltin {
        /// The name asked for.
        name: String,
        /// Those that are.
        known: String,
    },
    /// The file cannot be read.
    #[error("cannot read {}: {reason}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The bytes are no plugin.
    #[error(transparent)]
    Component(#[from] ComponentError),
    /// It does not compile, or wants what is not linked.
    #[error("cannot compile: {0}")]
    Compile(String),
    /// Something is configured that has no meaning for its kind.
    #[error("is a {kind}, for which {key} has no meaning: {why}")]
    Meaningless {
        /// Its kind.
        kind: PluginKind,
        /// The key beside `wasm`.
        key: &'static str,
        /// Why.
        why: &'static str,
    },
    /// It faulted when asked what it is.
    #[error("faulted in `describe`: {0}")]
    Describe(Fault),
    /// Its schema is none.
    #[error("describes a configuration schema that is wrong: {0}")]
    Schema(String),
    /// Its configuration does not fit the schema that it describes.
    #[error("refuses its configuration: {}", list(violations))]
    Config {
        /// The schema.
        schema: String,
        /// Every place that does not fit.
        violations: Vec<Violation>,
    },
    /// It refuses its configuration in its own words.
    #[error("refuses its configuration: {0}")]
    Refused(Violation),
    /// It faulted when configured.
    #[error("faulted in `configure`: {0}")]
    Configure(Fault),
}

/// The compiled code with its imports, by kind.
enum Exports {
    Parser(parsing::ParsingPre<State>),
    Enricher(enriching::EnrichingPre<State>),
    Detector(detecting::DetectingPre<State>),
    Scorer(scoring::ScoringPre<State>),
}

fn list(violations: &[Violation]) -> String {
    let all: Vec<_> = violations.iter().map(Violation::to_string).collect();
    all.join("; ")
}

// === impl Plugin ===

impl Plugin {
    /// Loads, describes and configures a plugin. Compiling takes milliseconds to seconds, the second time
    /// microseconds (see [`Engine::new`]).
    ///
    /// # Errors
    /// See [`LoadError`]; a wrong configuration is reported whole.
    pub fn load(engine: &Engine, settings: &PluginSettings) -> Result<Plugin, LoadError> {
        let (kind, exports) = compile(engine, &settings.source, settings.wasi)?;
        meaningful(kind, settings)?;
        let limits = Limits {
            batch_text: settings.limits.batch_text.min(BATCH_TEXT_BYTES_MAX),
            ..settings.limits.clone()
        };
        let description = describe(engine, &exports, kind, &limits, &settings.name)?;
        let config = match &settings.config {
            serde_json::Value::Null => serde_json::json!({}),
            config => config.clone(),
        };
        let violations =
            schema::check(&description.config_schema, &config).map_err(LoadError::Schema)?;
        if !violations.is_empty() {
            return Err(LoadError::Config {
                schema: description.config_schema,
                violations,
            });
        }
        let plugin = Plugin {
            engine: engine.clone(),
            exports,
            identity: Arc::new(Identity {
                name: settings.name.clone(),
                version: description.version.as_str().into(),
            }),
            description,
            config: config.to_string(),
            limits,
            on_fault: settings.on_fault.unwrap_or(usual_on_fault(kind)),
            score_attribute: settings.score_attribute.clone(),
            on_malformed: settings.on_malformed,
            logs: Logs::default(),
        };
        let checked = plugin.instance(Workplace::default());
        checked.map_err(|e| match e {
            ConfigureError::Refused(violation) => LoadError::Refused(violation),
            ConfigureError::Fault(fault) => LoadError::Configure(fault),
        })?;
        Ok(plugin)
    }

    /// What a plugin says of itself, without configuring it.
    ///
    /// # Errors
    /// See [`LoadError`].
    pub fn describe(
        engine: &Engine,
        source: &Source,
        limits: &Limits,
    ) -> Result<Description, LoadError> {
        let (kind, exports) = compile(engine, source, false)?;
        describe(engine, &exports, kind, limits, &Arc::from("?"))
    }

    /// What it says of itself.
    pub fn description(&self) -> &Description {
        &self.description
    }

    /// What it does.
    pub fn kind(&self) -> PluginKind {
        self.description.kind
    }

    /// Its name in the configuration.
    pub fn name(&self) -> &Arc<str> {
        &self.identity.name
    }

    /// Its version.
    pub fn version(&self) -> &Arc<str> {
        &self.identity.version
    }

    /// Its configuration, as JSON.
    pub(crate) fn config(&self) -> &str {
        &self.config
    }

    /// What it may use.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// What becomes of a record that it breaks at.
    pub fn on_fault(&self) -> OnFault {
        self.on_fault
    }

    /// What the score of a record is called as an attribute, if it is kept.
    pub fn score_attribute(&self) -> Option<&Arc<str>> {
        self.score_attribute.as_ref()
    }

    /// What becomes of a record that it calls its own but malformed.
    pub fn on_malformed(&self) -> OnMalformed {
        self.on_malformed
    }

    /// A fresh, configured instance. Microseconds for plugins without a language runtime.
    pub(crate) fn instance(&self, workplace: Workplace) -> Result<Instance, ConfigureError> {
        let imports = Imports::new(self.identity.clone(), self.logs.clone(), workplace);
        let mut instance = self
            .exports
            .instance(&self.engine, imports, &self.limits)
            .map_err(ConfigureError::Fault)?;
        instance.configure(&self.config)?;
        Ok(instance)
    }
}

impl std::fmt::Debug for Plugin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Plugin")
            .field("name", &self.identity.name)
            .field("description", &self.description)
            .finish_non_exhaustive()
    }
}

// === impl Exports ===

impl Exports {
    fn instance(
        &self,
        engine: &Engine,
        imports: Imports,
        limits: &Limits,
    ) -> Result<Instance, Fault> {
        let state = State::new(imports, limits.memory);
        match self {
            Exports::Parser(pre) => Instance::parser(engine, pre, state, limits),
            Exports::Enricher(pre) => Instance::enricher(engine, pre, state, limits),
            Exports::Detector(pre) => Instance::detector(engine, pre, state, limits),
            Exports::Scorer(pre) => Instance::scorer(engine, pre, state, limits),
        }
    }
}

fn compile(
    engine: &Engine,
    source: &Source,
    wasi: bool,
) -> Result<(PluginKind, Exports), LoadError> {
    let wrapped = wrap(&source::read(source)?, wasi)?;
    let failed = |e: wasmtime::Error| LoadError::Compile(chain_text(&e));
    let component = Component::new(engine.wasmtime(), &wrapped.bytes).map_err(failed)?;
    let mut linker: Linker<State> = Linker::new(engine.wasmtime());
    macro_rules! linked {
        ($world:path, $pre:path, $kind:ident) => {{
            <$world>::add_to_linker::<_, HasSelf<_>>(&mut linker, |s| s).map_err(failed)?;
            let pre = linker.instantiate_pre(&component).map_err(failed)?;
            Exports::$kind(<$pre>::new(pre).map_err(failed)?)
        }};
    }
    let exports = match wrapped.kind {
        PluginKind::Parser => linked!(parsing::Parsing, parsing::ParsingPre<State>, Parser),
        PluginKind::Enricher => {
            linked!(
                enriching::Enriching,
                enriching::EnrichingPre<State>,
                Enricher
            )
        }
        PluginKind::Detector => {
            linked!(
                detecting::Detecting,
                detecting::DetectingPre<State>,
                Detector
            )
        }
        PluginKind::Scorer => linked!(scoring::Scoring, scoring::ScoringPre<State>, Scorer),
    };
    Ok((wrapped.kind, exports))
}

fn meaningful(kind: PluginKind, settings: &PluginSettings) -> Result<(), LoadError> {
    let only_looks = usual_on_fault(kind) == OnFault::Skip;
    let (key, why) = if only_looks && settings.on_fault == Some(OnFault::DeadLetter) {
        (
            "on_fault",
            "the record is delivered in any case; take it out",
        )
    } else if kind != PluginKind::Scorer && settings.score_attribute.is_some() {
        ("score_attribute", "only scorers give scores; take it out")
    } else {
        return Ok(());
    };
    Err(LoadError::Meaningless { kind, key, why })
}

/// A record that was only to be looked at is delivered whatever becomes of the looking.
fn usual_on_fault(kind: PluginKind) -> OnFault {
    match kind {
        PluginKind::Parser | PluginKind::Enricher => OnFault::DeadLetter,
        PluginKind::Detector | PluginKind::Scorer => OnFault::Skip,
    }
}

/// Asks an instance that is thrown away.
fn describe(
    engine: &Engine,
    exports: &Exports,
    kind: PluginKind,
    limits: &Limits,
    name: &Arc<str>,
) -> Result<Description, LoadError> {
    let identity = Arc::new(Identity {
        name: name.clone(),
        version: "?".into(),
    });
    let imports = Imports::new(identity, Logs::default(), Workplace::default());
    let said = exports
        .instance(engine, imports, limits)
        .and_then(|mut instance| instance.describe())
        .map_err(LoadError::Describe)?;
    Ok(Description {
        kind,
        name: cut(&said.name, NAME_BYTES_MAX).to_owned(),
        version: cut(&said.version, NAME_BYTES_MAX).to_owned(),
        summary: cut(&said.summary, SUMMARY_BYTES_MAX).to_owned(),
        config_schema: said.config_schema,
    })
}
