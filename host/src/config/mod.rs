//! The configuration: as written (`file`), as meant (`check`), and what to tell the user (`problem`).
//!
//! A file is read in four steps, each pure but for the files that it names:
//!
//! ```text
//! text ──► tree ──────────► expand ─────► shape ───────────► check ───► Settings
//!          (YAML, lines)    (${...})      (JSON Schema)      (meaning)
//! ```
//!
//! Every problem of the last three is reported at once. Nothing that a file says can panic or run without
//! end: length, nesting, aliases and expressions are bounded.

mod check;
mod defaults;
mod expand;
pub mod file;
mod forms;
mod lines;
mod pattern;
mod problem;
mod shape;
#[cfg(test)]
mod tests;
mod tree;
pub mod units;
mod violation;

pub use lines::LineMap;
pub use problem::{Field, Problem, Step};
pub(crate) use problem::{field, nearest};
pub use shape::schema;

use crate::encode::kafka::Form;
use crate::export::{KafkaSettings, OtlpSettings};
use crate::guests::{FoldSettings, PluginSettings};
use crate::{intake, settle};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tree::Node;

/// The whole configuration, as meant.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Plugins that pipelines use.
    pub plugins: Vec<Arc<PluginSettings>>,
    /// Outputs that pipelines use.
    pub outputs: Vec<Arc<OutputSettings>>,
    /// Plugins and outputs that no pipeline uses, for people: `plugin NAME`.
    pub unused: Vec<String>,
    /// Pipelines.
    pub pipelines: Vec<PipelineSettings>,
    /// Where health, readiness and metrics are served; none where switched off.
    pub admin: Option<SocketAddr>,
    /// Where compiled plugins are kept; none: not kept.
    pub cache: Option<PathBuf>,
    /// How long a stop may take before what is left is given up.
    pub shutdown_timeout: Duration,
    /// The gateway's own log.
    pub log: LogSettings,
}

/// The gateway's own log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogSettings {
    /// The least that is logged.
    pub level: tracing::Level,
    /// The form of a line.
    pub format: crate::telemetry::Format,
}

/// An output.
#[derive(Clone, Debug)]
pub enum OutputSettings {
    /// OTLP over gRPC.
    Otlp(OtlpSettings),
    /// A Kafka topic, and how records become its records.
    Kafka(KafkaSettings, Form),
}

impl OutputSettings {
    /// Its name in the configuration.
    pub fn name(&self) -> &str {
        match self {
            OutputSettings::Otlp(o) => &o.name,
            OutputSettings::Kafka(k, _) => &k.name,
        }
    }
}

/// A pipeline.
#[derive(Clone, Debug)]
pub struct PipelineSettings {
    /// Its name.
    pub name: String,
    /// Where records come from.
    pub from: intake::Settings,
    /// Outer parsers: what they do not know passes unchanged.
    pub unwrap: Vec<Arc<PluginSettings>>,
    /// Parsers, offered in this order; what none takes is dead-lettered.
    pub parse: Vec<Arc<PluginSettings>>,
    /// Enrichers, in this order.
    pub enrich: Vec<Arc<PluginSettings>>,
    /// Detectors, in this order.
    pub detect: Vec<Arc<PluginSettings>>,
    /// Scorers, in this order.
    pub score: Vec<Arc<PluginSettings>>,
    /// When findings are told.
    pub fold: FoldSettings,
    /// Where records go that no plugin routed.
    pub to_records: Vec<Arc<OutputSettings>>,
    /// Where alerts go.
    pub to_alerts: Vec<Arc<OutputSettings>>,
    /// Where anomalies go.
    pub to_anomalies: Vec<Arc<OutputSettings>>,
    /// Named routes that plugins may choose, and their outputs.
    pub routes: Vec<(String, Vec<Arc<OutputSettings>>)>,
    /// What becomes of what cannot be delivered, and when offsets are committed.
    pub settle: settle::Settings,
    /// Threads that run plugins.
    pub lanes: usize,
}

impl PipelineSettings {
    /// The plugins that it runs, in the order of the journey.
    pub fn plugins(&self) -> impl Iterator<Item = &Arc<PluginSettings>> {
        let records = self.unwrap.iter().chain(&self.parse).chain(&self.enrich);
        records.chain(&self.detect).chain(&self.score)
    }

    /// The outputs that it sends to; one that is named in several lists comes several times.
    pub fn outputs(&self) -> impl Iterator<Item = &Arc<OutputSettings>> {
        let routes = self.routes.iter().flat_map(|(_, outputs)| outputs);
        let findings = self.to_alerts.iter().chain(&self.to_anomalies);
        self.to_records.iter().chain(routes).chain(findings)
    }
}

/// A configuration that was loaded.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// What it means.
    pub settings: Settings,
    /// Where it says so.
    pub lines: LineMap,
}

/// What reading a configuration came to.
#[derive(Clone, Debug)]
pub struct Reading {
    /// Every problem, in the order of the file.
    pub problems: Vec<Problem>,
    /// What is meant, where anything can be told. Not to be run where there are problems: then it holds what is
    /// sound beside them, for those who look for more.
    pub sound: Option<Loaded>,
}

impl Reading {
    /// Adds problems that were found later; not those that say of a place what is told of it already, or of
    /// what a plugin makes of a configuration in which something is wrong.
    pub fn add(&mut self, later: Vec<Problem>) {
        let told = std::mem::take(&mut self.problems);
        let follows = |problem: &Problem, cause: &Problem| {
            let configures = problem.field.0.is_empty()
                || matches!(problem.field.0.as_slice(), [Step::Key(a), _, Step::Key(b), ..] if a == "plugins" && b == "config");
            configures && cause.file == problem.file && cause.field.0.starts_with(&problem.field.0)
        };
        let new = later
            .into_iter()
            .filter(|problem| !told.iter().any(|cause| follows(problem, cause)));
        self.problems = in_order(told.iter().cloned().chain(new).collect());
    }

    /// What is meant, to be run.
    ///
    /// # Errors
    /// Every problem, in the order of the file.
    pub fn loaded(self) -> Result<Loaded, Vec<Problem>> {
        match self.sound {
            Some(loaded) if self.problems.is_empty() => Ok(loaded),
            _ => Err(self.problems),
        }
    }
}

/// Reads a file; `${NAME}` comes from the environment of the process.
pub fn read(path: &Path) -> Reading {
    match tree::read(path, tree::CONFIGURATION) {
        Ok(text) => read_text(path, &text, &|name| std::env::var(name).ok()),
        Err(rule) => Reading {
            problems: vec![Problem::of_file(path, rule)],
            sound: None,
        },
    }
}

/// Loads a file: [`read`], for those who run it.
///
/// # Errors
/// Every problem, in the order of the file.
pub fn load(path: &Path) -> Result<Loaded, Vec<Problem>> {
    read(path).loaded()
}

/// Loads the text of a file called `path`; `${NAME}` comes from `env`. Relative paths are relative to the
/// folder of `path`.
///
/// # Errors
/// Every problem, in the order of the file.
pub fn from_text(
    path: &Path,
    text: &str,
    env: &dyn Fn(&str) -> Option<String>,
) -> Result<Loaded, Vec<Problem>> {
    read_text(path, text, env).loaded()
}

fn read_text(path: &Path, text: &str, env: &dyn Fn(&str) -> Option<String>) -> Reading {
    let mut root = match tree::parse(path, text, tree::CONFIGURATION) {
        Ok(root) => root,
        Err(problem) => {
            return Reading {
                problems: vec![*problem],
                sound: None,
            };
        }
    };
    if let Some(problem) = not_a_configuration(path, &root) {
        return Reading {
            problems: vec![problem],
            sound: None,
        };
    }
    let sources = expand::Sources {
        env,
        folder: path.parent().unwrap_or(Path::new("")),
    };
    let mut problems = expand::expand(&mut root, path, &sources);
    let shape = shape::check(path, &root);
    problems.extend(shape.problems);
    let mut checker = check::Checker {
        file: path,
        root: &root,
        sources: &sources,
        problems: Vec::new(),
        plugin_files: std::collections::BTreeMap::new(),
    };
    let settings = shape.rest.map(|file| checker.settings(&file));
    let plugin_files = checker.plugin_files;
    problems.extend(checker.problems);
    let lines = LineMap {
        file: path.to_owned(),
        root,
        plugin_files,
    };
    Reading {
        problems: in_order(problems),
        sound: settings.map(|settings| Loaded { settings, lines }),
    }
}

/// A file of rules that was given in the place of the configuration that names it.
fn not_a_configuration(path: &Path, root: &Node) -> Option<Problem> {
    let keys = root.keys(&Field::default());
    let ours = ["kafka", "plugins", "outputs", "pipelines"];
    if !keys.contains(&"rules") || keys.iter().any(|key| ours.contains(key)) {
        return None;
    }
    let (line, column) = root.key_place(&field!["rules"]);
    let name = path.file_name().unwrap_or_default().display();
    Some(Problem {
        line,
        column,
        field: field!["rules"],
        remedy: format!(
            "check the configuration in which a plugin has config_file: {name}; that checks the rules too"
        ),
        ..Problem::of_file(
            path,
            "makes this a file for a plugin such as detect-rules, and no configuration of the gateway",
        )
    })
}

/// One problem a place, and none below a place that has one already: its meaning was filled in.
fn in_order(problems: Vec<Problem>) -> Vec<Problem> {
    let mut told: Vec<Problem> = Vec::new();
    for problem in problems {
        let hides = |p: &Problem| {
            p.file == problem.file
                && !p.field.0.is_empty()
                && problem.field.0.starts_with(&p.field.0)
        };
        if !told.iter().any(hides) {
            told.push(problem);
        }
    }
    told.sort_by(|a, b| (&a.file, a.line, a.column).cmp(&(&b.file, b.line, b.column)));
    told
}

/// Reads the configuration of a single plugin: YAML to the JSON that the plugin gets.
///
/// # Errors
/// It is no YAML.
pub fn plugin_config(text: &str) -> Result<serde_json::Value, Box<Problem>> {
    tree::parse(Path::new("configuration"), text, tree::PLUGIN_FILE).map(|node| node.json())
}
