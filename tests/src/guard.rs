//! A process that ends with us, however we end.

use std::fs::File;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};

/// Starts the command it is given, says its pid on standard output, and kills it when standard input
/// ends: which it does when the process that holds the other end is gone, whatever killed it.
const KEEPER: &str = r#""$@" >"$GUARD_LOG" 2>&1 </dev/null & pid=$!; echo $pid; cat >/dev/null; kill -9 $pid 2>/dev/null; wait $pid 2>/dev/null"#;

/// A running process under guard.
#[derive(Debug)]
pub struct Guard {
    keeper: Child,
    stdin: Option<ChildStdin>,
    pid: u32,
}

impl Guard {
    /// Starts `program`; its output goes to the file `log`.
    pub fn start(program: &Path, arguments: &[String], log: &Path) -> Guard {
        File::create(log).expect("the log file");
        let mut keeper = Command::new("sh")
            .args(["-c", KEEPER, "sh"])
            .arg(program)
            .args(arguments)
            .env("GUARD_LOG", log)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("sh starts");
        let stdin = keeper.stdin.take();
        let mut said = String::new();
        let stdout = keeper.stdout.take().expect("its output");
        std::io::BufRead::read_line(&mut std::io::BufReader::new(stdout), &mut said)
            .expect("its pid");
        let pid = said.trim().parse().expect("a pid");
        Guard { keeper, stdin, pid }
    }

    /// The process's id.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Sends a signal by name (`TERM`, `STOP`, `CONT`, `KILL`).
    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill")
            .args([&format!("-{name}"), &self.pid.to_string()])
            .status();
        assert!(
            sent.expect("kill runs").success(),
            "no process {} to send {name} to",
            self.pid
        );
    }

    /// Whether the process still runs. A zombie does not.
    pub fn is_running(&self) -> bool {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.pid)).unwrap_or_default();
        let state = stat
            .rsplit_once(") ")
            .and_then(|(_, rest)| rest.chars().next());
        state.is_some_and(|s| s != 'Z')
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.stdin.take();
        let _ = self.keeper.wait();
    }
}
