//! `bench`: builds all and runs the benchmark of the tests crate.

use std::process::Command;

use anyhow::Result;

use crate::install::Setup;
use crate::tools::{self, Tool};
use crate::{build, cache, guests, kafka, process, say};

/// The benchmark's program, in the crate `tidegate-tests`.
const PROGRAM: &str = "bench";

/// Passes `args` on. The gateway is a process of its own, as its users run it: the program beside the benchmark.
pub fn run(setup: &Setup, args: &[String]) -> Result<()> {
    tools::need(
        setup,
        &[&[Tool::CCompiler], kafka::tools_needed()?.as_slice()].concat(),
    )?;
    guests::build_all(setup)?;
    kafka::prepare(setup)?;
    let built = say::timed("building tidegate and the benchmark", || {
        let arguments = [
            "--release",
            "--package",
            "tidegate",
            "--package",
            "tidegate-tests",
            "--bins",
        ];
        build::run(build::cargo("build")?.args(arguments))
    })?;
    let mut bench = Command::new(build::program(&built, PROGRAM)?);
    process::run_loud(bench.args(args).env("TIDEGATE_CACHE", cache::folder()?))
}
