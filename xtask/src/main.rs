//! Chores of the project, from a fresh clone to a green test run: `cargo xtask help` lists them.
//!
//! It owns what lies outside the crates: compilers, real parts (Kafka, Collector) and the order of the checks. It
//! promises to say what it does before doing it and how long it took, to ask before it installs anything on a
//! terminal, and to end with a code other than zero when anything went wrong. It never builds the host in another
//! profile than `release`, so that the engine is compiled once. It takes few and small dependencies, because it is
//! compiled before anything else can begin.

mod args;
mod bench;
mod build;
mod cache;
mod collector;
mod demo;
mod deny;
mod files;
mod foreground;
mod go;
mod guest_compiler;
mod guests;
mod install;
mod kafka;
mod plugin;
mod prepare;
mod process;
mod project;
mod say;
mod test;
mod tools;
mod versions;

use std::process::ExitCode;

use anyhow::Result;

use args::Command;
use install::Setup;

fn main() -> ExitCode {
    let command = match args::parse(std::env::args().skip(1).collect()) {
        Ok(command) => command,
        Err(problem) => {
            eprintln!("error: {problem}\n\n{}", args::USAGE);
            return ExitCode::from(2);
        }
    };
    match run(command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<()> {
    match command {
        Command::Help => {
            println!("{}", args::USAGE);
            Ok(())
        }
        Command::Demo { yes, args } => demo::run(&Setup::new(yes), &args),
        Command::Guests { yes } => guests::build_all(&Setup::new(yes)),
        Command::PluginBuild { yes, path } => plugin::build(&Setup::new(yes), &path),
        Command::Test { yes, fast } => test::run(&Setup::new(yes), fast),
        Command::Prepare { yes, parts } => prepare::run(&Setup::new(yes), &parts),
        Command::Kafka { yes, port } => kafka::run(&Setup::new(yes), port),
        Command::Collector {
            yes,
            grpc_port,
            http_port,
        } => collector::run(&Setup::new(yes), grpc_port, http_port),
        Command::Bench { yes, args } => bench::run(&Setup::new(yes), &args),
    }
}
