//! The composition root: the only file that knows every stage. It builds them back to front, so that the
//! order of construction is the direction of data read backwards, and takes them down front to back.

mod destinations;
mod pipeline;
mod plugins;
mod topics;

pub use plugins::{Plugins, chain, load_plugins, plugin_problems};

use crate::admin;
use crate::config::{Loaded, OutputSettings, Problem, Settings};
use crate::export::{self, KafkaOutput, OtlpOutput, Output};
use crate::guests::{CONTRACT_VERSION, Engine};
use crate::intake::Stopped;
use crate::telemetry::{Readiness, Registry};
use pipeline::{Ended, Running};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;

/// How often outputs are asked how they are.
const HEALTH_INTERVAL: Duration = Duration::from_millis(500);

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
    // Ends with it.
    _watch: JoinSet<()>,
    outputs: Outputs,
    registry: Registry,
    // Held, because dropping it ends it.
    admin: Option<admin::Server>,
    failed: Option<String>,
}

/// The outputs by their names, each shared by all who send to it.
type Outputs = HashMap<String, Output>;

impl App {
    /// Builds everything and starts reading. Call it inside a runtime.
    pub async fn start(loaded: &Loaded) -> Result<App, StartError> {
        let Settings {
            outputs,
            pipelines,
            admin,
            cache,
            shutdown_timeout,
            ..
        } = &loaded.settings;
        let registry = Registry::new(env!("CARGO_PKG_VERSION"), &[CONTRACT_VERSION]);
        let readiness = Readiness::default();
        let engine = Engine::new(cache.as_deref()).map_err(other)?;
        let plugins = load_plugins(&engine, loaded).map_err(StartError::Problems)?;
        let outputs = connect(outputs, &registry)?;
        let mut watch = JoinSet::new();
        watch.spawn(watch_outputs(
            outputs.values().cloned().collect(),
            readiness.clone(),
        ));
        topics::watch(&mut watch, pipelines, &readiness);
        registry.readiness(&readiness);
        let (stop, stopped) = tokio::sync::watch::channel(false);
        let mut running = JoinSet::new();
        for settings in pipelines {
            let parts = pipeline::Parts {
                plugins: &plugins,
                outputs: &outputs,
                registry: &registry,
                readiness: &readiness,
            };
            let pipeline = Running::start(settings, parts)?;
            running.spawn(pipeline.run(stopped.clone(), *shutdown_timeout));
        }
        let state = admin::State {
            registry: registry.clone(),
            readiness,
        };
        let admin = match admin {
            Some(address) => Some(admin::start(*address, state).await.map_err(other)?),
            None => None,
        };
        Ok(App {
            pipelines: running,
            stop,
            _watch: watch,
            outputs,
            registry,
            admin,
            failed: None,
        })
    }

    /// Counters of the running gateway.
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// Where health, readiness and metrics are served; none where switched off.
    pub fn admin_address(&self) -> Option<SocketAddr> {
        self.admin.as_ref().map(admin::Server::address)
    }

    /// Asks every pipeline to finish, commit and leave its group.
    pub fn stop(&self) {
        self.stop.send_replace(true);
    }

    /// Waits until every pipeline has ended: asked to, at the end of its topics, or because it cannot go
    /// on, which stops the others too. Gives the first reason that is not a good one. Dropping the future
    /// loses nothing.
    pub async fn ended(&mut self) -> Result<(), String> {
        while let Some(ended) = self.pipelines.join_next().await {
            let failed = match ended {
                Ok(Ended {
                    why: Ok(Stopped::Asked | Stopped::AtEnd),
                    ..
                }) => None,
                Ok(Ended {
                    pipeline,
                    why: Err(reason),
                }) => Some(format!("pipeline {pipeline}: {reason}")),
                Err(panic) => Some(panic.to_string()),
            };
            if let Some(reason) = failed {
                self.failed.get_or_insert(reason);
                self.stop();
            }
        }
        for output in self.outputs.values() {
            if let Output::Kafka(output) = output {
                output.close().await;
            }
        }
        self.failed.take().map_or(Ok(()), Err)
    }
}

fn other(error: impl std::fmt::Display) -> StartError {
    StartError::Other(error.to_string())
}

/// Sets the outputs up; each connects when it is first used.
fn connect(outputs: &[Arc<OutputSettings>], registry: &Registry) -> Result<Outputs, StartError> {
    let each = outputs.iter().map(|output| {
        let metrics = registry.output(output.name());
        let built = match &**output {
            OutputSettings::Otlp(settings) => {
                Output::Otlp(OtlpOutput::new(settings.clone(), metrics).map_err(other)?)
            }
            OutputSettings::Kafka(settings, _) => {
                Output::Kafka(KafkaOutput::new(settings.clone(), metrics))
            }
        };
        Ok((output.name().to_owned(), built))
    });
    each.collect()
}

/// Makes what outputs say of themselves conditions of readiness.
async fn watch_outputs(outputs: Vec<Output>, readiness: Readiness) {
    let condition = |output: &Output| readiness.condition(&format!("output {}", output.name()));
    let watched: Vec<_> = outputs
        .into_iter()
        .map(|output| (condition(&output), output))
        .collect();
    let mut interval = tokio::time::interval(HEALTH_INTERVAL);
    loop {
        interval.tick().await;
        for (condition, output) in &watched {
            match output.health().condition() {
                // One that is away is tried again; only a person can mend one that is wrong.
                export::Condition::Well | export::Condition::Away(_) => condition.ready(),
                export::Condition::Wrong(reason) => condition.not_ready(&reason),
            }
        }
    }
}
