//! Installing what is missing: says the commands, asks once on a terminal, runs them, or says in one sentence what
//! the user should do. [`decide`] is pure.

use std::cell::Cell;
use std::env;
use std::io::{self, BufRead, IsTerminal, Write};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::{process, say};

/// What the user lets us do on this machine. Consent is asked for once a run.
pub struct Setup {
    agreed: Cell<bool>,
}

impl Setup {
    /// `yes`: the user agreed on the command line.
    pub fn new(yes: bool) -> Self {
        let nobody_to_ask = !io::stdin().is_terminal() || !io::stderr().is_terminal();
        Self {
            agreed: Cell::new(yes || nobody_to_ask || env::var_os("CI").is_some()),
        }
    }

    /// Shows `commands`, and asks whether they may be run unless that was answered before.
    pub fn agree(&self, why: &str, commands: &[String]) -> Result<()> {
        say::doing(why);
        commands.iter().for_each(|command| say::note(command));
        if self.agreed.get() {
            return Ok(());
        }
        eprint!("Run this now? [Y/n] ");
        io::stderr().flush()?;
        let mut answer = String::new();
        io::stdin()
            .lock()
            .read_line(&mut answer)
            .context("cannot read the answer")?;
        if !matches!(answer.trim(), "" | "y" | "Y" | "yes") {
            bail!("nothing was installed; run the commands above yourself, then this one again");
        }
        self.agreed.set(true);
        Ok(())
    }

    /// Installs Debian packages; `why` begins the message.
    pub fn apt(&self, why: &str, packages: &[&str]) -> Result<()> {
        let prefix = match decide(&Machine::this()) {
            Way::Apt { prefix } => prefix,
            Way::NotRoot => bail!(
                "{why}: run `{}` as root, then this again",
                apt_line(packages)
            ),
            Way::NoApt => bail!(
                "{why}: install what Debian calls {} with this system's package manager, then run this again",
                packages.join(", ")
            ),
        };
        let update = apt(prefix, &["update", "-q"]);
        let mut install = apt(prefix, &["install", "-y", "-q", "--no-install-recommends"]);
        install.args(packages);
        self.agree(why, &[process::line(&update), process::line(&install)])?;
        say::timed(&format!("installing {}", packages.join(", ")), || {
            // Old lists may still do: whether it mattered shows in the next step.
            if let Err(error) = run_apt(update) {
                say::note(&format!(
                    "going on with the package lists of before: {error:#}"
                ));
            }
            run_apt(install).with_context(|| {
                format!(
                    "cannot install; run `{}` yourself, then this again",
                    apt_line(packages)
                )
            })
        })
    }
}

/// What decides how packages are installed.
struct Machine {
    apt: bool,
    root: bool,
    sudo: bool,
    terminal: bool,
}

impl Machine {
    fn this() -> Self {
        let there =
            |program: &str| process::probe(Command::new(program).arg("--version")).is_some();
        Self {
            apt: there("apt-get"),
            root: rustix::process::geteuid().is_root(),
            sudo: there("sudo"),
            terminal: io::stdin().is_terminal(),
        }
    }
}

/// How packages are installed; `prefix` comes before `apt-get`.
#[derive(Debug, PartialEq, Eq)]
enum Way {
    Apt { prefix: &'static [&'static str] },
    NotRoot,
    NoApt,
}

fn decide(machine: &Machine) -> Way {
    match machine {
        Machine { apt: false, .. } => Way::NoApt,
        Machine { root: true, .. } => Way::Apt { prefix: &[] },
        Machine { sudo: false, .. } => Way::NotRoot,
        Machine { terminal: true, .. } => Way::Apt { prefix: &["sudo"] },
        // Nobody can type a password: fail at once instead of waiting for it.
        Machine {
            terminal: false, ..
        } => Way::Apt {
            prefix: &["sudo", "-n"],
        },
    }
}

fn apt(prefix: &[&str], args: &[&str]) -> Command {
    // Given by `env`, because sudo does not pass variables on. Another apt may hold the lock for a while.
    let words = [
        "env",
        "DEBIAN_FRONTEND=noninteractive",
        "apt-get",
        "-o",
        "DPkg::Lock::Timeout=300",
    ];
    let mut all = prefix.iter().chain(&words).chain(args);
    let mut command = Command::new(all.next().copied().unwrap_or("env"));
    command.args(all);
    command
}

fn run_apt(mut command: Command) -> Result<()> {
    process::run(&mut command)
}

fn apt_line(packages: &[&str]) -> String {
    format!(
        "apt-get update && apt-get install -y --no-install-recommends {}",
        packages.join(" ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// *Scenario:* root in a container, a user with sudo on a terminal and in CI, a user without it, another system.
    /// *Guarantees:* sudo only where it is needed, never waiting for a password where nobody can type one.
    #[test]
    fn the_way_follows_the_machine() {
        let way = |apt, root, sudo, terminal| {
            decide(&Machine {
                apt,
                root,
                sudo,
                terminal,
            })
        };
        assert_eq!(way(true, true, false, false), Way::Apt { prefix: &[] });
        assert_eq!(way(true, false, true, true), Way::Apt { prefix: &["sudo"] });
        assert_eq!(
            way(true, false, true, false),
            Way::Apt {
                prefix: &["sudo", "-n"]
            }
        );
        assert_eq!(way(true, false, false, true), Way::NotRoot);
        assert_eq!(way(false, true, true, true), Way::NoApt);
    }

    /// *Scenario:* the command for a user with sudo.
    /// *Guarantees:* it is complete, so that what is shown is what is run.
    #[test]
    fn the_command_is_complete() {
        assert_eq!(
            process::line(&apt(&["sudo", "-n"], &["update"])),
            "sudo -n env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 update"
        );
    }
}
