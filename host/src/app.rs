//! The composition root: the only file that knows every stage. It builds them back to front, so that the
//! order of construction is the direction of data read backwards, and takes them down front to back.

mod pipeline;
mod plugins;

pub use plugins::{Plugins, load_plugins};

use crate::admin;
use crate::config::{Loaded, OutputSettings, Problem, Settings};
use crate::export::OtlpOutput;
use crate::guests::Engine;
use crate::intake::Stopped;
use crate::telemetry::readiness::Readiness;
use crate::telemetry::registry::Registry;
use pipeline::{Ended, Running};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;

/// Why the gateway does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The configuration asks for what cannot be.
    #[error("the configuration has problems")]
    Problems(Vec<Problem>),
    /// Anything else.
    #[error("{0}")]
    Other(String),
}

/// A running gateway.
pub struct App {
    pipelines: JoinSet<Ended>,
    stop: tokio::sync::watch::Sender<bool>,
    outputs: Outputs,
    registry: Arc<Registry>,
    admin: Option<admin::Server>,
}

/// The outputs by their names, each shared by all who send to it.
pub(crate) type Outputs = HashMap<String, Arc<OtlpOutput>>;

impl App {
    /// Builds everything and starts reading. Call it inside a runtime.
    pub async fn start(loaded: &Loaded) -> Result<App, StartError> {
        let Settings { outputs, pipelines, admin, cache, shutdown_timeout, .. } = &loaded.settings;
        let registry = Arc::new(Registry::new());
        let readiness = Arc::new(Readiness::default());
        let engine = Engine::new(cache.as_deref()).map_err(|e| StartError::Other(e.to_string()))?;
        let plugins = load_plugins(&engine, loaded).map_err(StartError::Problems)?;
        let outputs = connect(outputs, &registry, &readiness)?;
        let (stop, stopped) = tokio::sync::watch::channel(false);
        let mut running = JoinSet::new();
        for settings in pipelines {
            let parts = pipeline::Parts { plugins: &plugins, outputs: &outputs, registry: &registry, readiness: &readiness };
            let pipeline = Running::start(settings, parts)?;
            running.spawn(pipeline.run(stopped.clone(), *shutdown_timeout));
        }
        let admin = match admin {
            Some(address) => Some(admin::Server::start(*address, registry.clone(), readiness).await.map_err(|e| StartError::Other(e.to_string()))?),
            None => None,
        };
        Ok(App { pipelines: running, stop, outputs, registry, admin })
    }

    /// Counters of the running gateway.
    pub fn registry(&self) -> &Arc<Registry> {
        &self.registry
    }

    /// Asks every pipeline to finish, commit and leave its group.
    pub fn stop(&self) {
        self.stop.send_replace(true);
    }

    /// Waits until every pipeline has ended: asked to, at the end of its topics, or because it cannot go
    /// on, which stops the others too. Gives the first reason that is not a good one.
    pub async fn ended(&mut self) -> Result<(), String> {
        let mut result = Ok(());
        while let Some(ended) = self.pipelines.join_next().await {
            let ended = ended.unwrap_or_else(|error| Ended::failed("a pipeline", error.to_string()));
            match ended.why {
                Ok(Stopped::Asked | Stopped::AtEnd) => {}
                Err(reason) => {
                    result = result.and(Err(format!("pipeline {}: {reason}", ended.pipeline)));
                    self.stop();
                }
            }
        }
        for output in self.outputs.values() {
            output.close(Duration::ZERO).await;
        }
        if let Some(admin) = self.admin.take() {
            admin.stop().await;
        }
        result
    }
}
