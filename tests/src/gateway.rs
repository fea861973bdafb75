//! The gateway as a process of its own: the binary that users run.

use crate::guard::Guard;
use crate::{wait_for, wait_for_or_tell};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tempfile::TempDir;

/// How long a clean stop may take.
const STOP_LIMIT: Duration = Duration::from_secs(60);

/// A running `tidegate run`.
pub struct Gateway {
    guard: Guard,
    admin: u16,
    folder: TempDir,
}

/// CPU and memory of a process.
#[derive(Clone, Copy, Debug)]
pub struct Usage {
    /// User and system time.
    pub cpu: Duration,
    /// Resident set size in bytes.
    pub rss: u64,
}

impl Gateway {
    /// Starts it with this configuration, to which an `admin` section is added.
    pub fn start(configuration: &str) -> Gateway {
        Gateway::start_with(configuration, &[])
    }

    /// The same with more arguments.
    pub fn start_with(configuration: &str, more: &[&str]) -> Gateway {
        Gateway::start_binary(&binary(), configuration, more)
    }

    /// The same of another build.
    pub fn start_binary(binary: &Path, configuration: &str, more: &[&str]) -> Gateway {
        let folder = TempDir::new().expect("a folder for the gateway");
        let admin = crate::free_port();
        let file = folder.path().join("tidegate.yaml");
        let whole = format!("{configuration}\nadmin: {{ listen: \"127.0.0.1:{admin}\" }}\n");
        std::fs::write(&file, whole).expect("its configuration");
        let file = file.to_string_lossy();
        let arguments = ["run", "-c", &file].into_iter().chain(more.iter().copied());
        let arguments: Vec<String> = arguments.map(str::to_owned).collect();
        let guard = Guard::start(binary, &arguments, &folder.path().join("log"));
        Gateway {
            guard,
            admin,
            folder,
        }
    }

    /// Kills it, as a power cut would.
    pub async fn kill(self) {
        self.guard.signal("KILL");
        wait_for("the gateway's end", STOP_LIMIT, async || {
            !self.guard.is_running()
        })
        .await;
    }

    /// Asks it to stop and waits until it has.
    pub async fn stop(self) -> String {
        self.guard.signal("TERM");
        self.ended(STOP_LIMIT).await
    }

    /// Waits until it ends by itself; gives its log.
    pub async fn ended(self, limit: Duration) -> String {
        let ended = async || !self.guard.is_running();
        wait_for_or_tell("the gateway's end", limit, ended, || self.log()).await;
        self.log()
    }

    /// Its log so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// The sum of a metric over all its labels; 0 where there is none yet.
    pub async fn metric(&self, name: &str) -> f64 {
        let text = self
            .get("/metrics")
            .await
            .map_or(String::new(), |(_, body)| body);
        let values = text.lines().filter(|line| {
            line.strip_prefix(name)
                .is_some_and(|rest| rest.starts_with(['{', ' ']))
        });
        values
            .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
            .sum()
    }

    /// Status and body of a page of its admin endpoint; none while it does not answer.
    pub async fn get(&self, path: &str) -> Option<(u16, String)> {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let mut stream = tokio::net::TcpStream::connect(("127.0.0.1", self.admin))
            .await
            .ok()?;
        let request =
            format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.ok()?;
        let (head, body) = answer.split_once("\r\n\r\n")?;
        let status = head.split(' ').nth(1)?.parse().ok()?;
        Some((status, body.to_owned()))
    }

    /// What it has used so far.
    pub fn usage(&self) -> Usage {
        usage(self.guard.pid())
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.guard.pid()
    }

    /// Whether it still runs.
    pub fn is_running(&self) -> bool {
        self.guard.is_running()
    }
}

/// What a process has used so far, from `/proc`.
pub fn usage(pid: u32) -> Usage {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let fields: Vec<u64> = stat
        .rsplit_once(") ")
        .map(|(_, rest)| rest.split(' ').map(|f| f.parse().unwrap_or(0)).collect())
        .unwrap_or_default();
    let field = |i: usize| fields.get(i).copied().unwrap_or(0);
    // Fields 14 and 15 of proc(5), in hundredths of a second; field 24 in pages of 4 KiB.
    Usage {
        cpu: Duration::from_millis((field(11) + field(12)) * 10),
        rss: field(21) * 4096,
    }
}

/// CPU time that this thread has had; zero where the kernel does not keep account.
pub fn thread_cpu() -> Duration {
    // The kernel brings its account up to date when a thread gives way.
    std::thread::yield_now();
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanos = stat.split(' ').next().and_then(|f| f.parse().ok());
    Duration::from_nanos(nanos.unwrap_or(0))
}

/// The binary that was built beside the tests.
pub fn binary() -> PathBuf {
    let test = std::env::current_exe().expect("the test's own path");
    let folder = test
        .ancestors()
        .find(|f| f.ends_with("release") || f.ends_with("debug"));
    let binary = folder.unwrap_or(Path::new(".")).join("tidegate");
    assert!(
        binary.is_file(),
        "no gateway at {}: run `cargo build --release`",
        binary.display()
    );
    binary
}
