//! Running a server in the foreground until Ctrl-C, and ending it properly.

use std::fs::{self, File};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::files::TemporaryFolder;
use crate::process::{self, POLL};

/// How long a server may take until it answers on its port.
const START_LIMIT: Duration = Duration::from_secs(90);
/// How long it may take to end when asked; then it is killed.
const STOP_LIMIT: Duration = Duration::from_secs(20);
/// How much of its log is shown when it fails.
const LOG_LINES: usize = 20;

/// An error that says what to do when `port` is taken.
pub fn port_is_free(port: u16, option: &str) -> Result<()> {
    match TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
        Ok(_) => Ok(()),
        Err(error) => {
            bail!("cannot listen on 127.0.0.1:{port} ({error}): choose another with {option}")
        }
    }
}

/// A port that nobody uses at this moment.
pub fn free_port() -> Result<u16> {
    let listener =
        TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no port is free on 127.0.0.1")?;
    Ok(listener.local_addr()?.port())
}

/// A server in the foreground, with a folder that goes when it goes.
pub struct Foreground {
    folder: TemporaryFolder,
    signals: Signals,
}

impl Foreground {
    /// From now on Ctrl-C and SIGTERM are only noted, so that they leave nothing behind.
    pub fn new(name: &str) -> Result<Self> {
        let signals = Signals::new([SIGINT, SIGTERM, SIGHUP]).context("cannot watch for Ctrl-C")?;
        Ok(Self {
            signals,
            folder: TemporaryFolder::new(name)?,
        })
    }

    /// Where the server may put its data.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Starts `server` with its output in `server.log`, prints `ready` once `port` answers, and stays until the
    /// server ends by itself, which is an error, or until Ctrl-C or SIGTERM, which end it.
    pub fn run(mut self, server: &mut Command, port: u16, ready: &str) -> Result<()> {
        let log = self.folder().join("server.log");
        let output =
            File::create(&log).with_context(|| format!("cannot write {}", log.display()))?;
        server
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output);
        let mut running = Running {
            child: process::spawn(server)?,
            stop_asked: None,
        };
        let begin = Instant::now();
        let mut is_ready = false;
        loop {
            if let Some(status) = running.child.try_wait()? {
                return match running.stop_asked {
                    Some(_) => Ok(()),
                    None => bail!(
                        "it ended by itself ({status}); its log ends with:\n{}",
                        tail(&log)
                    ),
                };
            }
            for _ in self.signals.pending() {
                running.ask_to_stop()?;
            }
            running.enforce_stop()?;
            if !is_ready && TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok() {
                is_ready = true;
                println!("{ready}");
            }
            if !is_ready && begin.elapsed() > START_LIMIT {
                bail!(
                    "it does not answer after {} s; its log ends with:\n{}",
                    START_LIMIT.as_secs(),
                    tail(&log)
                );
            }
            thread::sleep(POLL);
        }
    }
}

/// A child that does not outlive us, whichever way we go.
struct Running {
    child: Child,
    stop_asked: Option<Instant>,
}

impl Running {
    /// The first time politely, the second time at once.
    fn ask_to_stop(&mut self) -> Result<()> {
        if self.stop_asked.is_some() {
            return Ok(self.child.kill()?);
        }
        self.stop_asked = Some(Instant::now());
        eprintln!("stopping");
        kill_process(Pid::from_child(&self.child), Signal::TERM).context("cannot stop it")
    }

    fn enforce_stop(&mut self) -> Result<()> {
        match self.stop_asked {
            Some(asked) if asked.elapsed() > STOP_LIMIT => Ok(self.child.kill()?),
            _ => Ok(()),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Both do nothing to a child that has ended.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn tail(log: &Path) -> String {
    let text = fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<_> = text.lines().collect();
    lines[lines.len().saturating_sub(LOG_LINES)..].join("\n")
}
