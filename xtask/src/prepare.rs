//! `prepare`: brings parts into the cache, prints where they are, and tells the tests.

use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;

use crate::args::Part;
use crate::install::Setup;
use crate::{cache, collector, deny, kafka, project, tools};

/// Prints one path a part on stdout: Kafka's folder of jars, the programs of the others.
pub fn run(setup: &Setup, parts: &[Part]) -> Result<()> {
    for part in parts {
        let path = match part {
            Part::Kafka => kafka::prepare(setup)?,
            Part::Collector => collector::prepare(setup)?,
            Part::Deny => deny::prepare()?,
        };
        println!("{}", path.display());
    }
    Ok(())
}

/// Where the real parts are.
pub struct RealParts {
    kafka_lib: PathBuf,
    otelcol: PathBuf,
}

impl RealParts {
    /// Brings them all; what is missing is asked for and installed together.
    pub fn prepare(setup: &Setup) -> Result<Self> {
        tools::need(
            setup,
            &[kafka::tools_needed()?, collector::tools_needed()?].concat(),
        )?;
        Ok(Self {
            kafka_lib: kafka::prepare(setup)?,
            otelcol: collector::prepare(setup)?,
        })
    }

    /// Tells a test or the benchmark.
    pub fn tell(&self, command: &mut Command) {
        command
            .env("TIDEGATE_KAFKA_LIB", &self.kafka_lib)
            .env("TIDEGATE_OTELCOL", &self.otelcol);
    }
}

/// Tells a test or the benchmark where the cache and the plugins that misbehave are.
pub fn tell_folders(command: &mut Command) -> Result<()> {
    command.env("TIDEGATE_CACHE", cache::folder()?);
    command.env("TIDEGATE_TEST_PLUGINS", project::test_plugins_folder()?);
    Ok(())
}
