//! The OpenTelemetry Collector: OTLP in, one JSON file out.

use crate::expect::Arrived;
use crate::guard::Guard;
use crate::{cache, wait_for};
use std::path::PathBuf;
use std::time::Duration;
use tempfile::TempDir;

/// Pinned in xtask too, which puts it where it is looked for here.
const VERSION: &str = "0.155.0";
const LIMIT: Duration = Duration::from_secs(60);

/// A Collector on a port of its own, which may be stopped and started again; what it received is kept.
pub struct Collector {
    guard: Option<Guard>,
    folder: TempDir,
    port: u16,
    http: u16,
    runs: usize,
}

impl Collector {
    /// Starts one and waits until it listens.
    pub async fn start() -> Collector {
        let folder = TempDir::new().expect("a folder for the Collector");
        let mut collector = Collector {
            guard: None,
            folder,
            port: crate::free_port(),
            http: crate::free_port(),
            runs: 0,
        };
        collector.run().await;
        collector
    }

    /// `http://host:port` of its gRPC receiver.
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Starts it again after [`stop`](Self::stop), on the same port.
    pub async fn run(&mut self) {
        self.runs += 1;
        let file = |name: &str| self.folder.path().join(format!("{name}-{}", self.runs));
        let settings = format!(
            "receivers: {{otlp: {{protocols: {{grpc: {{endpoint: \"127.0.0.1:{}\"}}, http: {{endpoint: \"127.0.0.1:{}\"}}}}}}}}
exporters: {{file: {{path: \"{}\"}}}}
service:
  telemetry: {{metrics: {{level: none}}}}
  pipelines: {{logs: {{receivers: [otlp], exporters: [file]}}}}
",
            self.port,
            self.http,
            file("out").display()
        );
        std::fs::write(file("settings"), settings).expect("its settings");
        let arguments = [
            "--config".to_owned(),
            file("settings").to_string_lossy().into_owned(),
        ];
        self.guard = Some(Guard::start(&binary(), &arguments, &file("log")));
        let port = self.port;
        wait_for("the Collector listening", LIMIT, async || {
            tokio::net::TcpStream::connect(("127.0.0.1", port))
                .await
                .is_ok()
        })
        .await;
    }

    /// Gives it one request in OTLP/JSON; false where it refuses it.
    pub async fn post(&self, request: &[u8]) -> bool {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let head = format!(
            "POST /v1/logs HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            request.len()
        );
        let address = ("127.0.0.1", self.http);
        let stream = tokio::net::TcpStream::connect(address).await;
        let mut stream = stream.expect("the Collector listens");
        let mut answer = String::new();
        for bytes in [head.as_bytes(), request] {
            stream.write_all(bytes).await.expect("it reads");
        }
        stream.read_to_string(&mut answer).await.expect("an answer");
        answer.starts_with("HTTP/1.1 200")
    }

    /// Stops it as an operator would: it writes out what it has.
    pub async fn stop(&mut self) {
        let Some(guard) = self.guard.take() else {
            return;
        };
        guard.signal("TERM");
        wait_for("the Collector's end", LIMIT, async || !guard.is_running()).await;
    }

    /// How many bytes it has written so far: grows while records arrive.
    pub fn written(&self) -> u64 {
        (1..=self.runs)
            .filter_map(|r| std::fs::metadata(self.out(r)).ok())
            .map(|m| m.len())
            .sum()
    }

    /// Stops it and reads all that it received, over all its runs, in the order of arrival.
    pub async fn received(&mut self) -> Vec<Arrived> {
        self.stop().await;
        let mut all = Vec::new();
        for run in 1..=self.runs {
            let text = std::fs::read_to_string(self.out(run)).unwrap_or_default();
            all.extend(text.lines().flat_map(crate::expect::arrived));
        }
        all
    }

    /// The requests that it wrote, over all its runs, as OTLP/JSON: call it once it has stopped.
    pub fn lines(&self) -> Vec<serde_json::Value> {
        let texts = (1..=self.runs).filter_map(|run| std::fs::read_to_string(self.out(run)).ok());
        let json = |line: &str| serde_json::from_str(line).expect("the Collector writes JSON");
        texts
            .flat_map(|text| text.lines().map(json).collect::<Vec<_>>())
            .collect()
    }

    fn out(&self, run: usize) -> PathBuf {
        self.folder.path().join(format!("out-{run}"))
    }
}

fn binary() -> PathBuf {
    let binary = cache().join(format!("otelcol-{VERSION}/otelcol"));
    assert!(
        binary.is_file(),
        "no Collector at {}: run `cargo xtask prepare collector`",
        binary.display()
    );
    binary
}
