//! `prepare`: brings parts into the cache and prints where they are. Tests look for them there.

use anyhow::Result;

use crate::args::Part;
use crate::install::Setup;
use crate::{collector, deny, kafka};

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
