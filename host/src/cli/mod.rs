//! The command line: one file a command.

mod check;
mod demo;
mod pipe;
mod run;

use crate::config::Problem;
use crate::{app, guests};
use clap::{Parser, Subcommand};
use std::process::ExitCode;
use std::sync::LazyLock;

/// The command line's arguments.
#[derive(Debug, Parser)]
#[command(name = "tidegate", version = version(), about, arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the pipelines of a configuration
    Run(run::Args),
    /// Report every problem of a configuration
    Check(check::Args),
    Pipe(pipe::Args),
    /// See the gateway work with nothing but this binary
    Demo(demo::Args),
}

/// Runs the command that the arguments name.
pub fn main() -> ExitCode {
    match Arguments::parse().command {
        Command::Run(args) => run::run(args),
        Command::Check(args) => check::run(args, app::plugin_problems),
        Command::Pipe(args) => pipe::run(args),
        Command::Demo(args) => demo::run(args),
    }
}

/// The gateway's version and the contract versions that it speaks.
fn version() -> &'static str {
    static VERSION: LazyLock<String> = LazyLock::new(|| {
        format!(
            "{} (plugin contract {})",
            env!("CARGO_PKG_VERSION"),
            guests::CONTRACT_VERSION
        )
    });
    &VERSION
}

/// All problems, a line each.
pub(crate) fn problems(problems: Vec<Problem>) -> anyhow::Error {
    let lines: Vec<String> = problems.iter().map(Problem::to_string).collect();
    anyhow::anyhow!("the configuration has problems\n{}", lines.join("\n"))
}

/// The I/O runtime: Kafka, OTLP, admin. Plugins run on threads of their own.
fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    const IO_THREADS_MAX: usize = 4;
    let threads = std::thread::available_parallelism()
        .map_or(1, usize::from)
        .min(IO_THREADS_MAX);
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(threads)
        .thread_name("io")
        .enable_all()
        .build()
}
