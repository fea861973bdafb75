//! Programs that must be on the machine: how each is recognised, and what brings it. Reading versions is pure.

use std::process::Command;

use anyhow::{Result, bail};

use crate::install::Setup;
use crate::versions::{GO_MIN_FETCHING, JAVA_MAJOR_MIN};
use crate::{go, process};

/// A program that xtask, cargo or a test starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tool {
    /// For the C code of some dependencies (zstd, mimalloc), and as linker.
    CCompiler,
    /// Runs Kafka.
    Java,
    /// Fetches Kafka.
    Maven,
    /// Builds the Collector, or fetches the Go that does.
    Go,
}

impl Tool {
    fn is_there(self) -> bool {
        match self {
            Self::CCompiler => says("cc", "--version").is_some(),
            Self::Java => says("java", "-version").is_some_and(|text| java_is_new_enough(&text)),
            Self::Maven => says("mvn", "-version").is_some(),
            Self::Go => go::is_usable(),
        }
    }

    fn title(self) -> String {
        match self {
            Self::CCompiler => "a C compiler".into(),
            Self::Java => format!("Java {JAVA_MAJOR_MIN} or newer"),
            Self::Maven => "Maven".into(),
            Self::Go => format!("Go {}.{} or newer", GO_MIN_FETCHING.0, GO_MIN_FETCHING.1),
        }
    }

    /// Debian packages; the first that this release has is taken.
    fn packages(self) -> &'static [&'static str] {
        match self {
            Self::CCompiler => &["build-essential"],
            Self::Java => &[
                "openjdk-17-jre-headless",
                "openjdk-21-jre-headless",
                "default-jre-headless",
            ],
            Self::Maven => &["maven"],
            Self::Go => &["golang-go"],
        }
    }
}

/// Sees to it that `tools` are there: installs what is missing, and says so where that did not help.
pub fn need(setup: &Setup, tools: &[Tool]) -> Result<()> {
    let missing = missing(tools);
    if missing.is_empty() {
        return Ok(());
    }
    let packages: Vec<_> = missing
        .iter()
        .filter_map(|tool| available(tool.packages()))
        .collect();
    setup.apt(&format!("missing: {}", titles(&missing)), &packages)?;
    require(tools)
}

/// An error that says what to do when one of `tools` is not there; installs nothing.
pub fn require(tools: &[Tool]) -> Result<()> {
    let missing = missing(tools);
    if !missing.is_empty() {
        bail!(
            "not there: {}; install it by hand, put it on the PATH and run this again",
            titles(&missing)
        );
    }
    Ok(())
}

fn missing(tools: &[Tool]) -> Vec<Tool> {
    tools
        .iter()
        .copied()
        .filter(|tool| !tool.is_there())
        .collect()
}

fn titles(tools: &[Tool]) -> String {
    tools
        .iter()
        .map(|tool| tool.title())
        .collect::<Vec<_>>()
        .join(", ")
}

fn available(packages: &[&'static str]) -> Option<&'static str> {
    let known = |name: &&&str| {
        // A package that is only mentioned by others is "known" too, but has no version.
        process::probe(Command::new("apt-cache").args(["show", "--no-all-versions", name]))
            .is_some_and(|text| text.contains("Version:"))
    };
    // Lists that were never fetched know nothing: the first name is then the best guess.
    packages.iter().find(known).or(packages.first()).copied()
}

fn says(program: &str, argument: &str) -> Option<String> {
    process::probe(Command::new(program).arg(argument))
}

/// `text` is what `java -version` prints: `openjdk version "17.0.15" 2025-04-15`.
fn java_is_new_enough(text: &str) -> bool {
    let version = text.split('"').nth(1).unwrap_or_default();
    process::leading_number(version).is_some_and(|major| major >= JAVA_MAJOR_MIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// *Scenario:* what old and new Javas say of themselves, and something else of that name.
    /// *Guarantees:* only those that can do the work count as there.
    #[test]
    fn versions_are_read() {
        assert!(java_is_new_enough(
            "openjdk version \"17.0.15\" 2025-04-15\nOpenJDK ..."
        ));
        assert!(java_is_new_enough("openjdk version \"21\" 2023-09-19"));
        assert!(!java_is_new_enough("openjdk version \"11.0.2\" 2019-01-15"));
        assert!(!java_is_new_enough("java version \"1.8.0_392\""));
        assert!(!java_is_new_enough("gibberish"));
    }
}
