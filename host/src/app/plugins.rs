//! From the configured plugins to compiled ones, and what to tell the user of those that are refused.

use crate::config::{Loaded, PipelineSettings, Problem, field, nearest};
use crate::guests::{
    self, Chain, ChainError, Engine, LoadError, Member, Members, Plugin, PluginKind, PluginSettings,
};
use crate::telemetry::Registry;
use std::collections::HashMap;
use std::sync::Arc;

/// The compiled plugins by their names in the configuration, shared by all lanes.
pub type Plugins = HashMap<Arc<str>, Arc<Plugin>>;

/// Compiles, describes and configures every plugin that a pipeline uses.
///
/// # Errors
/// Every problem, with the line that asks for it.
pub fn load_plugins(engine: &Engine, loaded: &Loaded) -> Result<Plugins, Vec<Problem>> {
    let mut plugins = Plugins::new();
    let mut problems = Vec::new();
    for settings in &loaded.settings.plugins {
        match Plugin::load(engine, settings) {
            Ok(plugin) => drop(plugins.insert(settings.name.clone(), Arc::new(plugin))),
            Err(error) => problems.extend(told(loaded, settings, error)),
        }
    }
    for pipeline in &loaded.settings.pipelines {
        problems.extend(misplaced(loaded, pipeline, &plugins));
    }
    if problems.is_empty() {
        Ok(plugins)
    } else {
        Err(problems)
    }
}

fn told(loaded: &Loaded, settings: &PluginSettings, error: LoadError) -> Vec<Problem> {
    let (lines, name) = (&loaded.lines, &*settings.name);
    match error {
        LoadError::Config { schema, violations } => {
            let schema = serde_json::from_str(&schema).unwrap_or_default();
            let found = lines.check_plugin(name, &schema);
            if !found.is_empty() {
                return found;
            }
            let each = violations.iter();
            each.map(|v| lines.plugin_problem(name, &v.pointer, &v.message))
                .collect()
        }
        LoadError::Refused(told) => {
            let each = told.each();
            each.iter()
                .map(|v| lines.plugin_problem(name, &v.pointer, &v.message))
                .collect()
        }
        other => {
            let (rule, remedy) = rule(&other);
            vec![lines.problem(field!["plugins", name, "wasm"], &rule, &remedy)]
        }
    }
}

/// Words that follow "VALUE, but", and what to do.
fn rule(error: &LoadError) -> (String, String) {
    match error {
        LoadError::NoBuiltins { .. } => {
            let remedy = "run `cargo xtask guests`, then build it again";
            (
                "this binary was built without plugins".to_owned(),
                remedy.to_owned(),
            )
        }
        LoadError::UnknownBuiltin { name, known } => {
            let names = guests::builtins().iter().map(|(name, _)| *name);
            let meant = nearest(name, names);
            let remedy = meant.map_or(String::new(), |m| format!("did you mean builtin:{m}?"));
            (format!("the plugins in this binary are {known}"), remedy)
        }
        error => {
            let rule = format!("it {error}").replacen("it cannot", "the gateway cannot", 1);
            (rule, String::new())
        }
    }
}

/// Plugins that stand where another kind belongs.
fn misplaced(loaded: &Loaded, pipeline: &PipelineSettings, plugins: &Plugins) -> Vec<Problem> {
    let stages = [
        ("unwrap", &pipeline.unwrap, PluginKind::Parser),
        ("parse", &pipeline.parse, PluginKind::Parser),
        ("enrich", &pipeline.enrich, PluginKind::Enricher),
        ("detect", &pipeline.detect, PluginKind::Detector),
        ("score", &pipeline.score, PluginKind::Scorer),
    ];
    let each = stages
        .into_iter()
        .flat_map(|(stage, names, kind)| names.iter().map(move |n| (stage, n, kind)));
    each.filter_map(|(stage, settings, kind)| {
        let found = plugins.get(&settings.name)?.kind();
        let list = field!["pipelines", &pipeline.name, stage];
        let at = loaded.lines.item(&list, &settings.name);
        let rule = format!("is of kind {found}, and {stage} takes plugins of kind {kind}");
        let remedy = match found {
            PluginKind::Parser => "name it under parse",
            PluginKind::Enricher => "name it under enrich",
            PluginKind::Detector => "name it under detect",
            PluginKind::Scorer => "name it under score",
        };
        (found != kind).then(|| loaded.lines.problem(at, &rule, remedy))
    })
    .collect()
}

/// What is wrong with the plugins of a configuration: what `tidegate check` asks besides the file itself.
pub fn plugin_problems(loaded: &Loaded) -> Vec<Problem> {
    match Engine::new(loaded.settings.cache.as_deref()) {
        Ok(engine) => load_plugins(&engine, loaded).err().unwrap_or_default(),
        Err(error) => vec![
            loaded
                .lines
                .problem(field!["cache_dir"], &error.to_string(), ""),
        ],
    }
}

/// A chain of fresh instances, for one lane of the pipeline.
///
/// # Errors
/// An instance cannot be made: a plugin that configured well before does not now.
pub fn chain(
    pipeline: &PipelineSettings,
    plugins: &Plugins,
    registry: &Registry,
) -> Result<Chain, ChainError> {
    let members = |settings: &[Arc<PluginSettings>]| {
        let each = settings.iter().filter_map(|s| plugins.get(&s.name));
        each.map(|plugin| Member {
            pipeline: pipeline.name.as_str().into(),
            plugin: plugin.clone(),
            metrics: registry.plugin(&pipeline.name, plugin.name()),
        })
        .collect()
    };
    Chain::new(&Members {
        unwrap: members(&pipeline.unwrap),
        parse: members(&pipeline.parse),
        enrich: members(&pipeline.enrich),
        detect: members(&pipeline.detect),
        score: members(&pipeline.score),
        pipeline: pipeline.name.as_str().into(),
        fold: pipeline.fold,
        routes: pipeline
            .routes
            .iter()
            .map(|(name, _)| name.as_str().into())
            .collect(),
    })
}
