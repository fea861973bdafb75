//! The OpenTelemetry Collector: built from Go modules into the cache, and run for trying things by hand.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::cache::Entry;
use crate::foreground::{self, Foreground};
use crate::install::Setup;
use crate::tools::{self, Tool};
use crate::versions::OTELCOL;
use crate::{go, process, project, say};

/// What the program is made from, in tests/collector.
const SOURCES: [&str; 4] = ["main.go", "components.go", "go.mod", "go.sum"];

/// What [`prepare`] will need.
pub fn tools_needed() -> Result<Vec<Tool>> {
    Ok(if entry()?.is_made() {
        Vec::new()
    } else {
        vec![Tool::Go]
    })
}

/// The program, in the cache.
pub fn prepare(setup: &Setup) -> Result<PathBuf> {
    tools::need(setup, &tools_needed()?)?;
    build()
}

/// As [`prepare`], where the tools are there.
pub fn build() -> Result<PathBuf> {
    let folder = entry()?.get(|folder| {
        say::timed(
            &format!("building the OpenTelemetry Collector {OTELCOL} (some minutes, once)"),
            || {
                let mut go = go::command()?;
                go.current_dir(sources()?)
                    .args(["build", "-trimpath", "-o"])
                    .arg(folder.join("otelcol"));
                go.arg(format!("-ldflags=-s -w -X main.version={OTELCOL}"));
                // go.mod and go.sum are complete: nothing but what they name is taken, and they stay as they are.
                go.env("GOFLAGS", "-mod=readonly -buildvcs=false")
                    .env("CGO_ENABLED", "0");
                process::quietly(&mut go)
            },
        )
    })?;
    Ok(folder.join("otelcol"))
}

/// Runs a Collector that writes all logs to a file, on ports of the loopback interface, until Ctrl-C.
pub fn run(setup: &Setup, grpc_port: u16, http_port: u16) -> Result<()> {
    let program = prepare(setup)?;
    foreground::port_is_free(grpc_port, "--port")?;
    foreground::port_is_free(http_port, "--http-port")?;
    let foreground = Foreground::new("collector")?;
    let folder = foreground.folder();
    let logs = folder.join("logs.jsonl");
    let config = folder.join("config.yaml");
    fs::write(&config, configuration(grpc_port, http_port, &logs))?;
    say::doing(&format!("starting the OpenTelemetry Collector {OTELCOL}"));
    let ready = format!(
        "The Collector {OTELCOL} listens on 127.0.0.1:{grpc_port} (gRPC) and http://127.0.0.1:{http_port} (HTTP); \
         data and log are in {}
see what arrives:  tail -F {}
Ctrl-C stops it and removes its data.",
        folder.display(),
        logs.display()
    );
    foreground.run(
        Command::new(program).arg("--config").arg(&config),
        grpc_port,
        &ready,
    )
}

fn entry() -> Result<Entry> {
    let mut made_from = Vec::new();
    for name in SOURCES {
        let path = sources()?.join(name);
        let bytes = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        made_from.extend_from_slice(&bytes);
    }
    Ok(Entry {
        name: format!("otelcol-{OTELCOL}"),
        made_from,
    })
}

fn sources() -> Result<PathBuf> {
    Ok(project::root()?.join("tests/collector"))
}

fn configuration(grpc_port: u16, http_port: u16, logs: &Path) -> String {
    format!(
        "receivers:
  otlp:
    protocols:
      grpc: {{ endpoint: 127.0.0.1:{grpc_port} }}
      http: {{ endpoint: 127.0.0.1:{http_port} }}
exporters:
  file: {{ path: '{}' }}
service:
  telemetry: {{ metrics: {{ level: none }} }}
  pipelines:
    logs: {{ receivers: [otlp], exporters: [file] }}
",
        logs.display()
    )
}
