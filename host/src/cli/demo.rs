//! `tidegate demo`: see the gateway work with nothing but this binary.

use crate::{demo, telemetry};
use std::process::ExitCode;
use std::time::Duration;

/// See the gateway work with nothing but this binary.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// How long to run; without it, until Ctrl-C.
    #[arg(long = "for", value_name = "DURATION", value_parser = humantime::parse_duration)]
    limit: Option<Duration>,
    /// Records a second.
    #[arg(long, default_value_t = 2_000, value_parser = clap::value_parser!(u32).range(20..=100_000))]
    rate: u32,
    /// The least that is logged.
    #[arg(long, value_name = "LEVEL", default_value = "warn")]
    log_level: tracing::Level,
}

/// Runs it. 0: the numbers balanced; 1: they did not, or it could not run.
pub fn run(args: Args) -> ExitCode {
    let outcome = telemetry::init(args.log_level, telemetry::Format::Text)
        .map_err(anyhow::Error::from)
        .and_then(|()| Ok(super::runtime()?))
        .and_then(|runtime| {
            runtime.block_on(demo::run(demo::Options {
                limit: args.limit,
                rate: args.rate,
            }))
        });
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("tidegate: {error:#}");
            ExitCode::FAILURE
        }
    }
}
