//! `test`: every check, then every test, in one order for developers and CI; a table of times at the end.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use crate::install::Setup;
use crate::tools::{self, Tool};
use crate::{cache, collector, deny, guests, kafka, prepare, process, project, say};

/// The crate whose tests use the real parts.
const TESTS_CRATE: &str = "tidegate-tests";

/// Runs all; `fast` leaves out what is slow: cargo-deny, the docs, and the crate whose tests use the real parts.
/// A failed check does not keep the others from running; without tools or guests nothing can.
pub fn run(setup: &Setup, fast: bool) -> Result<()> {
    let mut report = Report::default();
    let ready = report
        .step("tools", || tools::need(setup, &needed(fast)?))
        .is_some()
        && report.step("guests", || guests::build_all(setup)).is_some();
    if ready {
        checks(&mut report, fast);
        tests(setup, &mut report, fast);
    }
    report.finish()
}

fn needed(fast: bool) -> Result<Vec<Tool>> {
    let mut needed = vec![Tool::CCompiler];
    if !fast {
        needed.extend(kafka::tools_needed()?);
        needed.extend(collector::tools_needed()?);
    }
    Ok(needed)
}

fn checks(report: &mut Report, fast: bool) {
    report.step("fmt", || cargo(&["fmt", "--all", "--check"]));
    report.step("clippy", || {
        cargo(&[
            "clippy",
            "--workspace",
            "--all-targets",
            "--release",
            "--",
            "-D",
            "warnings",
        ])
    });
    if fast {
        return;
    }
    report.step("deny", deny::check);
    report.step("docs", || {
        let mut doc = project::cargo()?;
        doc.args(["doc", "--workspace", "--no-deps", "--release"]);
        process::run(doc.env("RUSTDOCFLAGS", "-D warnings"))
    });
}

fn tests(setup: &Setup, report: &mut Report, fast: bool) {
    if !fast {
        // Without them the tests that need them fail by themselves, and the others still say what they know.
        report.step("kafka, collector", || prepare::real_parts(setup));
    }
    if report.step("build", || build_tests(fast)).is_none() {
        return;
    }
    report.step("tests", || {
        let mut test = project::cargo()?;
        test.args(["test", "--release", "--no-fail-fast"])
            .args(selection(fast));
        process::run_loud(test.env("TIDEGATE_CACHE", cache::folder()?))
    });
}

/// All targets in one call, so that cargo settles on one set of features; the tests start the program that is among
/// them.
fn build_tests(fast: bool) -> Result<()> {
    cargo(&[&["build", "--release", "--all-targets"], selection(fast)].concat())
}

fn selection(fast: bool) -> &'static [&'static str] {
    if fast {
        &["--workspace", "--exclude", TESTS_CRATE]
    } else {
        &["--workspace"]
    }
}

fn cargo(arguments: &[&str]) -> Result<()> {
    let mut cargo = project::cargo()?;
    process::run(cargo.args(arguments))
}

/// What was done, how long it took and how it ended.
#[derive(Default)]
struct Report {
    steps: Vec<Step>,
}

struct Step {
    name: &'static str,
    took: Duration,
    passed: bool,
}

impl Report {
    /// Does one step; nothing comes back when it failed.
    fn step<T>(&mut self, name: &'static str, work: impl FnOnce() -> Result<T>) -> Option<T> {
        say::doing(&format!("[{name}]"));
        let begin = Instant::now();
        let result = work().inspect_err(|error| eprintln!("error: {error:#}"));
        self.steps.push(Step {
            name,
            took: begin.elapsed(),
            passed: result.is_ok(),
        });
        result.ok()
    }

    /// Prints the table; an error names what failed.
    fn finish(&self) -> Result<()> {
        println!("\n{}", self.table());
        let failed: Vec<_> = self
            .steps
            .iter()
            .filter(|step| !step.passed)
            .map(|step| step.name)
            .collect();
        if !failed.is_empty() {
            bail!("failed: {}", failed.join(", "));
        }
        Ok(())
    }

    fn table(&self) -> String {
        let mut lines = String::new();
        for step in &self.steps {
            let word = if step.passed { "ok" } else { "FAILED" };
            lines += &format!(
                "{:<20} {word:<7} {:>12}\n",
                step.name,
                say::seconds(step.took)
            );
        }
        let all = self.steps.iter().map(|step| step.took).sum();
        lines + &format!("{:<28} {:>12}", "together", say::seconds(all))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// *Scenario:* three steps, the second fails.
    /// *Guarantees:* the third still runs, the table shows all with their times, and the end is an error that names
    /// the one that failed.
    #[test]
    fn a_failed_step_is_reported_at_the_end() {
        let mut report = Report::default();
        assert_eq!(report.step("one", || Ok(7)), Some(7));
        assert_eq!(report.step("two", || -> Result<()> { bail!("no") }), None);
        assert_eq!(report.step("three", || Ok(())), Some(()));
        let table = report.table();
        let words: Vec<Vec<_>> = table
            .lines()
            .map(|line| line.split_whitespace().collect())
            .collect();
        assert_eq!(words[0], ["one", "ok", "0.0", "s"]);
        assert_eq!(words[1], ["two", "FAILED", "0.0", "s"]);
        assert_eq!(words[2], ["three", "ok", "0.0", "s"]);
        assert_eq!(words[3], ["together", "0.0", "s"]);
        assert_eq!(report.finish().unwrap_err().to_string(), "failed: two");
    }

    /// *Scenario:* all steps pass.
    /// *Guarantees:* the end is no error.
    #[test]
    fn all_passed_is_no_error() {
        let mut report = Report::default();
        report.step("one", || Ok(()));
        report.finish().unwrap();
    }
}
