//! `tidegate run`: the pipelines of a configuration, until a signal, the end, or a reason not to go on.

use crate::app::{App, StartError};
use crate::{config, telemetry};
use std::path::PathBuf;
use std::process::ExitCode;
use tokio::signal::unix::{SignalKind, signal};

/// Run the pipelines of a configuration.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// The configuration.
    #[arg(short, long, value_name = "FILE", env = "TIDEGATE_CONFIG")]
    config: PathBuf,
    /// Stop at the offsets that were the end when reading began.
    #[arg(long)]
    until_end: bool,
    /// The least that is logged; overrides the configuration.
    #[arg(long, value_name = "LEVEL")]
    log_level: Option<tracing::Level>,
}

/// Runs it. 0: it was asked to stop, or all is read; 1: a pipeline could not go on; 2: it did not start.
pub fn run(args: Args) -> ExitCode {
    let mut loaded = match config::load(&args.config) {
        Ok(loaded) => loaded,
        Err(problems) => return refuse(&super::problems(problems)),
    };
    let log = loaded.settings.log;
    if let Err(error) = telemetry::init(args.log_level.unwrap_or(log.level), log.format) {
        return refuse(&error);
    }
    for pipeline in &mut loaded.settings.pipelines {
        pipeline.from.until_end |= args.until_end;
    }
    let runtime = match super::runtime() {
        Ok(runtime) => runtime,
        Err(error) => return refuse(&error),
    };
    runtime.block_on(async {
        match App::start(&loaded).await {
            Ok(app) => until_signal(app).await,
            Err(StartError::Problems(problems)) => refuse(&super::problems(problems)),
            Err(error) => refuse(&error),
        }
    })
}

fn refuse(error: &dyn std::fmt::Display) -> ExitCode {
    eprintln!("tidegate: {error}");
    ExitCode::from(2)
}

/// The first signal asks for a clean stop, a second one ends the process at once.
async fn until_signal(mut app: App) -> ExitCode {
    let signals =
        signal(SignalKind::terminate()).and_then(|t| Ok((t, signal(SignalKind::interrupt())?)));
    let (mut terminate, mut interrupt) = match signals {
        Ok(signals) => signals,
        Err(error) => return refuse(&error),
    };
    let mut asked = false;
    loop {
        tokio::select! {
            ended = app.ended() => return match ended {
                Ok(()) => ExitCode::SUCCESS,
                Err(reason) => {
                    tracing::error!(reason, "ended");
                    ExitCode::FAILURE
                }
            },
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        if asked {
            tracing::warn!("asked twice: ending at once; what is not committed is read again");
            return ExitCode::FAILURE;
        }
        asked = true;
        tracing::info!("asked to stop: finishing what was begun, committing, leaving the group");
        app.stop();
    }
}
