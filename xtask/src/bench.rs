//! `bench`: builds all and runs the benchmark of the tests crate.

use std::process::Command;

use anyhow::Result;

use crate::install::Setup;
use crate::prepare::{self, RealParts};
use crate::tools::{self, Tool};
use crate::{build, guests, kafka, process, say};

/// The benchmark's program, in the crate `tidegate-tests`.
const PROGRAM: &str = "bench";

/// Passes `args` on. The gateway is a process of its own, as its users run it.
pub fn run(setup: &Setup, args: &[String]) -> Result<()> {
    let needed = [&[Tool::CCompiler], kafka::tools_needed()?.as_slice()].concat();
    tools::need(setup, &needed)?;
    guests::build_all(setup)?;
    let parts = RealParts::prepare(setup)?;
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
    prepare::tell_folders(&mut bench)?;
    parts.tell(&mut bench);
    bench.env("TIDEGATE_BIN", build::program(&built, "tidegate")?);
    process::run_loud(bench.args(args))
}
