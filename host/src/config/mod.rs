//! The configuration: as written (`file`), as meant (`check`), and what to tell the user (`problem`).

use crate::export::OtlpSettings;
use crate::guests::PluginSettings;
use crate::{intake, settle};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// The whole configuration, as meant.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Plugins that pipelines use.
    pub plugins: Vec<Arc<PluginSettings>>,
    /// Outputs that pipelines use.
    pub outputs: Vec<Arc<OutputSettings>>,
    /// Pipelines.
    pub pipelines: Vec<PipelineSettings>,
    /// Where health, readiness and metrics are served; none where switched off.
    pub admin: Option<SocketAddr>,
    /// Where compiled plugins are kept; none: not kept.
    pub cache: Option<PathBuf>,
    /// How long a stop may take before what is left is given up.
    pub shutdown_timeout: Duration,
}

/// An output.
#[derive(Clone, Debug)]
pub enum OutputSettings {
    /// OTLP over gRPC.
    Otlp(OtlpSettings),
}

impl OutputSettings {
    /// Its name in the configuration.
    pub fn name(&self) -> &str {
        match self {
            OutputSettings::Otlp(o) => &o.name,
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
    /// Where records go that no plugin routed.
    pub to_records: Vec<Arc<OutputSettings>>,
    /// Named routes that plugins may choose, and their outputs.
    pub routes: Vec<(String, Vec<Arc<OutputSettings>>)>,
    /// What becomes of what cannot be delivered, and when offsets are committed.
    pub settle: settle::Settings,
    /// Threads that run plugins.
    pub lanes: usize,
}
