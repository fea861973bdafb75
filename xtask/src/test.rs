//! `test`: every check, then every test, in one order for developers and CI; a table of times at the end.

use std::panic;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use serde_json::Value;

use crate::install::Setup;
use crate::tools::{self, Tool};
use crate::{cache, collector, deny, guests, kafka, process, project, say};

/// The crate whose tests use the real parts.
const TESTS_CRATE: &str = "tidegate-tests";

/// Tests that mostly wait, for outages to pass for example: they run beside the others, which halves the time.
const BESIDE: [&str; 3] = ["alerts", "memory", "outputs"];

/// Runs all; `fast` leaves out what is slow: cargo-deny, the docs, and the crate whose tests use the real parts.
/// A step that failed does not keep the others from running, unless they need what it brings.
pub fn run(setup: &Setup, fast: bool) -> Result<()> {
    let mut report = Report::default();
    if bring_tools(setup, &mut report, fast) {
        let ready = thread::scope(|scope| {
            // Mostly waiting for the network, and for the linker: it fills what compiling leaves of the cores.
            let parts = (!fast).then(|| scope.spawn(bring_parts));
            let ready = report.step("guests", || guests::build_all(setup)).is_some();
            if ready {
                checks(&mut report, fast);
            }
            if let Some(parts) = parts {
                report.add(
                    parts
                        .join()
                        .unwrap_or_else(|panic| panic::resume_unwind(panic)),
                );
            }
            ready
        });
        if ready {
            tests(&mut report, fast);
        }
    }
    report.finish()
}

/// Installs what is missing, all at once if that can be; false when nothing can be compiled.
fn bring_tools(setup: &Setup, report: &mut Report, fast: bool) -> bool {
    let mut groups = vec![vec![Tool::CCompiler]];
    let all = report.step("tools", || {
        if !fast {
            groups.push(kafka::tools_needed()?);
            groups.push(collector::tools_needed()?);
        }
        tools::need(setup, &groups.concat())
    });
    if all.is_some() {
        return true;
    }
    // One that cannot be had shall not keep the others away; what misses it says so in its own step.
    for group in &groups {
        if let Err(error) = tools::need(setup, group) {
            say::note(&format!("going on without: {error:#}"));
        }
    }
    tools::require(&[Tool::CCompiler]).is_ok()
}

/// Brings the real parts into the cache, and cargo-deny, which checks at once. Without the parts the tests that need
/// them fail by themselves, and the others still say what they know.
fn bring_parts() -> Report {
    let mut report = Report::default();
    report.step("kafka", || {
        tools::require(&kafka::tools_needed()?)?;
        kafka::fetch()
    });
    report.step("collector", || {
        tools::require(&collector::tools_needed()?)?;
        collector::build()
    });
    report.step("deny", deny::check);
    report
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
    report.step("docs", || {
        let mut doc = project::cargo()?;
        doc.args(["doc", "--workspace", "--no-deps", "--release"]);
        process::run(doc.env("RUSTDOCFLAGS", "-D warnings"))
    });
}

fn tests(report: &mut Report, fast: bool) {
    if report.step("build", || build_tests(fast)).is_none() {
        return;
    }
    if fast {
        report.step("tests", || cargo_test(fast, &[]).and_then(loudly));
        return;
    }
    report.step("tests", || {
        let (beside, others) = integration_tests()?;
        let beside = cargo_test(fast, &beside)?;
        let targets = [
            &["--lib".to_owned(), "--bins".to_owned()],
            others.as_slice(),
        ]
        .concat();
        let (others, docs) = (
            cargo_test(fast, &targets)?,
            cargo_test(fast, &["--doc".to_owned()])?,
        );
        thread::scope(|scope| {
            let beside = scope.spawn(|| process::shown_at_its_end(beside));
            let ended = [loudly(others), loudly(docs)];
            let beside = beside
                .join()
                .unwrap_or_else(|panic| panic::resume_unwind(panic));
            ended.into_iter().chain([beside]).collect::<Result<()>>()
        })
    });
}

fn cargo_test(fast: bool, targets: &[String]) -> Result<Command> {
    let mut test = project::cargo()?;
    test.args(["test", "--release", "--no-fail-fast"])
        .args(selection(fast))
        .args(targets)
        .env("TIDEGATE_CACHE", cache::folder()?);
    Ok(test)
}

fn loudly(mut command: Command) -> Result<()> {
    process::run_loud(&mut command)
}

/// Cargo's arguments for the integration tests: those that run beside the others, and the others.
fn integration_tests() -> Result<(Vec<String>, Vec<String>)> {
    let mut metadata = project::cargo()?;
    metadata.args(["metadata", "--no-deps", "--format-version", "1"]);
    let metadata: Value = serde_json::from_str(&process::text(&mut metadata)?)?;
    let of = |value: &Value, field: &str| value[field].as_array().cloned().unwrap_or_default();
    let packages = of(&metadata, "packages");
    let targets = packages.iter().flat_map(|package| of(package, "targets"));
    let tests = targets.filter(|target| target["kind"][0] == "test");
    let names = tests.filter_map(|target| Some(target["name"].as_str()?.to_owned()));
    let (beside, others): (Vec<_>, Vec<_>) = names.partition(|n| BESIDE.contains(&n.as_str()));
    let arguments = |names: Vec<String>| names.into_iter().flat_map(|n| ["--test".to_owned(), n]);
    Ok((arguments(beside).collect(), arguments(others).collect()))
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

/// What was done, how long it took and how it ended. Steps of two threads overlap: the whole takes less than their sum.
struct Report {
    begin: Instant,
    steps: Vec<Step>,
}

impl Default for Report {
    fn default() -> Self {
        Self {
            begin: Instant::now(),
            steps: Vec::new(),
        }
    }
}

struct Step {
    name: &'static str,
    took: Duration,
    /// Why it failed, and what to do.
    problem: Option<String>,
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
            problem: result.as_ref().err().map(|error| format!("{error:#}")),
        });
        result.ok()
    }

    /// Adds the steps that another thread did.
    fn add(&mut self, mut other: Self) {
        self.steps.append(&mut other.steps);
    }

    /// Prints the table; an error names what failed and why: that was said far above.
    fn finish(&self) -> Result<()> {
        println!("\n{}", self.table());
        let problem = |step: &Step| Some(format!("\n{}: {}", step.name, step.problem.as_ref()?));
        let problems: Vec<_> = self.steps.iter().filter_map(problem).collect();
        if !problems.is_empty() {
            bail!(
                "{} of the steps failed{}",
                problems.len(),
                problems.concat()
            );
        }
        Ok(())
    }

    fn table(&self) -> String {
        let mut lines = String::new();
        for step in &self.steps {
            let word = if step.problem.is_none() {
                "ok"
            } else {
                "FAILED"
            };
            lines += &format!(
                "{:<20} {word:<7} {:>12}\n",
                step.name,
                say::seconds(step.took)
            );
        }
        let all = say::seconds(self.begin.elapsed());
        lines + &format!("{:<28} {all:>12}", "from start to end")
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
        assert_eq!(words[3], ["from", "start", "to", "end", "0.0", "s"]);
        assert_eq!(
            report.finish().unwrap_err().to_string(),
            "1 of the steps failed\ntwo: no"
        );
    }

    /// *Scenario:* a step of another thread fails, and those of this one pass.
    /// *Guarantees:* it stands in the same table, and the end is an error that names it.
    #[test]
    fn steps_of_another_thread_count() {
        let mut report = Report::default();
        report.step("here", || Ok(()));
        let mut other = Report::default();
        other.step("there", || -> Result<()> { bail!("no Go") });
        report.add(other);
        assert_eq!(report.table().lines().count(), 3);
        assert_eq!(
            report.finish().unwrap_err().to_string(),
            "1 of the steps failed\nthere: no Go"
        );
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
