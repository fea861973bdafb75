//! Lines as container runtimes write them: the application's own line becomes the body, for the parsers behind it.
//!
//! - Docker: `{"log":"the line\n","stream":"stdout","time":"2026-11-21T03:12:45.123456789Z"}`
//! - CRI (containerd, CRI-O): `2026-11-21T03:12:45.123456789Z stdout F the line`
//!
//! A long line comes in several pieces; each that is not the last is marked and not joined.

mod cri;
mod docker;

use schemars::JsonSchema;
use serde::Deserialize;
use tidegate_sdk::{
    ConfigError, Emit, Json, Parser, Plugin, Record, Timestamp, Value, Verdict, export,
};

/// What a user can set.
#[derive(Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Which formats to look for.
    pub formats: Vec<Format>,
}

/// A container runtime's format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// The JSON of Docker's `json-file`.
    Docker,
    /// The text of containerd and CRI-O.
    Cri,
}

/// The plugin.
pub struct ParseContainer {
    docker: bool,
    cri: bool,
}

/// What a runtime says of a line.
struct Line<'l> {
    time: Timestamp,
    stream: &'l str,
    /// Whether the line goes on in the next one.
    partial: bool,
    /// Labels and variables that Docker was told to add, as JSON.
    attrs: Option<&'l str>,
    body: Value<'l>,
}

/// OpenTelemetry's name for the stream.
const STREAM: &str = "log.iostream";
/// Only on lines that go on in the next one.
const PARTIAL: &str = "log.partial";
/// Labels and variables of the container, where Docker was told to add them.
const ATTRS: &str = "docker.attrs";

export!(parser ParseContainer, "Lines of container runtimes: Docker JSON, and CRI as containerd and CRI-O write it.");

// === impl ParseContainer ===

impl Plugin for ParseContainer {
    type Config = Config;

    fn configure(config: Config) -> Result<Self, ConfigError> {
        if config.formats.is_empty() {
            return Err(ConfigError::field(
                "/formats",
                "without a format there is nothing to look for; try [docker, cri]",
            ));
        }
        let has = |format| config.formats.contains(&format);
        Ok(ParseContainer {
            docker: has(Format::Docker),
            cri: has(Format::Cri),
        })
    }
}

impl Parser for ParseContainer {
    fn parse(&self, input: Record<'_>, out: &mut Emit<'_>) -> Verdict {
        match input.body_value() {
            Value::Text(text) | Value::Json(text) if self.docker && docker::begins(text) => {
                docker::parse(text, out)
            }
            body if self.cri => cri::parse(body, out),
            _ => Verdict::NotMine,
        }
    }
}

// === impl Line ===

impl Line<'_> {
    fn emit(&self, out: &mut Emit<'_>) -> Verdict {
        let mut record = out.record();
        record
            .time(self.time)
            .body(self.body)
            .attr(STREAM, self.stream);
        if self.partial {
            record.attr(PARTIAL, true);
        }
        if let Some(attrs) = self.attrs {
            record.attr(ATTRS, Json(attrs));
        }
        record.emit();
        Verdict::Emitted
    }
}

// === impl Config ===

impl Default for Config {
    fn default() -> Self {
        Config {
            formats: vec![Format::Docker, Format::Cri],
        }
    }
}

#[cfg(test)]
mod tests;
