//! `demo`: from a fresh clone to logs that flow.

use std::os::unix::process::CommandExt;
use std::process::Command;

use anyhow::Result;

use crate::install::Setup;
use crate::tools::{self, Tool};
use crate::{build, guests, say};

/// Installs what is missing, builds, and becomes `tidegate demo ARGS`.
pub fn run(setup: &Setup, args: &[String]) -> Result<()> {
    tools::need(setup, &[Tool::CCompiler])?;
    guests::build_shipped(setup)?;
    let tidegate = say::timed(
        "building tidegate (some minutes the first time)",
        build::tidegate,
    )?;
    // Becoming it leaves Ctrl-C and the exit code to it alone.
    let error = Command::new(&tidegate).arg("demo").args(args).exec();
    Err(error).map_err(|error| anyhow::anyhow!("cannot start {}: {error}", tidegate.display()))
}
