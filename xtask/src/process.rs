//! Running other programs, with errors that say which one and how it ended.

use std::ffi::OsStr;
use std::io::{self, Write};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// How often a running program is looked at.
pub const POLL: Duration = Duration::from_millis(100);

/// Runs to the end; what it prints goes to stderr, so that stdout keeps xtask's own answers.
pub fn run(command: &mut Command) -> Result<()> {
    run_loud(command.stdout(io::stderr()))
}

/// Runs to the end; what it prints goes where it wants.
pub fn run_loud(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| cannot_start(command))?;
    check(command, status)
}

/// Runs to the end and returns what it printed on stdout.
pub fn text(command: &mut Command) -> Result<String> {
    let output = command
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| cannot_start(command))?;
    check(command, output.status)?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Runs to the end; what it prints is shown only if it fails.
pub fn quietly(command: &mut Command) -> Result<()> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| cannot_start(command))?;
    if !output.status.success() {
        io::stderr().write_all(&output.stdout)?;
        io::stderr().write_all(&output.stderr)?;
    }
    check(command, output.status)
}

/// Runs to the end, beside others; then shows what it printed.
pub fn shown_at_its_end(mut command: Command) -> Result<()> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| cannot_start(&command))?;
    // At once, so that it stands together.
    let mut stderr = io::stderr().lock();
    stderr.write_all(&output.stderr)?;
    stderr.write_all(&output.stdout)?;
    check(&command, output.status)
}

/// What a program prints on stdout and stderr, or nothing when it is not there or fails.
pub fn probe(command: &mut Command) -> Option<String> {
    let output = command.stdin(Stdio::null()).output().ok()?;
    let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.push_str(&String::from_utf8_lossy(&output.stderr));
    output.status.success().then_some(text)
}

/// Starts it and leaves it running.
pub fn spawn(command: &mut Command) -> Result<Child> {
    command.spawn().with_context(|| cannot_start(command))
}

/// Runs to the end, at most `limit`; then it is killed and an error.
pub fn run_within(command: &mut Command, limit: Duration) -> Result<()> {
    let begin = Instant::now();
    let mut child = spawn(command.stdout(io::stderr()))?;
    loop {
        if let Some(status) = child.try_wait()? {
            return check(command, status);
        }
        if begin.elapsed() > limit {
            child.kill()?;
            child.wait()?;
            bail!(
                "`{}` did not end within {} s",
                line(command),
                limit.as_secs()
            );
        }
        thread::sleep(POLL);
    }
}

/// The command as one would type it, for messages.
pub fn line(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(quoted).collect::<Vec<_>>().join(" ")
}

/// The number that `text`, such as a part of a version, begins with.
pub fn leading_number(text: &str) -> Option<u32> {
    let end = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    text.get(..end)?.parse().ok()
}

fn quoted(word: &OsStr) -> String {
    let word = word.to_string_lossy();
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_=+./:,@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.into_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

fn cannot_start(command: &Command) -> String {
    format!(
        "`{}` cannot be started",
        command.get_program().to_string_lossy()
    )
}

fn check(command: &Command, status: ExitStatus) -> Result<()> {
    if !status.success() {
        bail!("`{}` failed ({status})", line(command));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// *Scenario:* a command with spaces, quotes and a wildcard is shown to the user.
    /// *Guarantees:* what is shown can be pasted into a shell.
    #[test]
    fn a_line_can_be_pasted() {
        let mut command = Command::new("java");
        command.args(["-cp", "/a b/*", "it's", ""]);
        assert_eq!(line(&command), r"java -cp '/a b/*' 'it'\''s' ''");
    }

    /// *Scenario:* a program that never ends, under a limit.
    /// *Guarantees:* it is ended, and the error names it and the limit.
    #[test]
    fn a_limit_ends_the_program() {
        let error = run_within(Command::new("sleep").arg("600"), Duration::ZERO).unwrap_err();
        assert_eq!(error.to_string(), "`sleep 600` did not end within 0 s");
    }

    /// *Scenario:* a program that fails, and one that is not there.
    /// *Guarantees:* both are errors that name the program; a probe of either is nothing.
    #[test]
    fn failures_name_the_program() {
        let error = run(&mut Command::new("false")).unwrap_err();
        assert!(
            error
                .to_string()
                .contains("`false` failed (exit status: 1)"),
            "{error}"
        );
        let error = run(&mut Command::new("no-such-program")).unwrap_err();
        assert!(error.to_string().contains("`no-such-program`"), "{error}");
        assert_eq!(probe(&mut Command::new("false")), None);
        assert_eq!(probe(&mut Command::new("no-such-program")), None);
    }
}
