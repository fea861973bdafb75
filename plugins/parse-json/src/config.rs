//! What a user can set.

use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;

/// Which keys of an object mean what. Of several keys in one object that mean the same, the first that can be read counts;
/// the others stay attributes.
#[derive(Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Keys of the time: RFC 3339, or Unix time in seconds, milliseconds, microseconds or nanoseconds (told by its size).
    pub time: Vec<String>,
    /// Keys of the severity: a level's name, or a number of bunyan and pino (30 is info).
    pub level: Vec<String>,
    /// Keys of the message, which becomes the body.
    pub message: Vec<String>,
    /// Keys of the trace id: 32 hex digits.
    pub trace_id: Vec<String>,
    /// Keys of the span id: 16 hex digits.
    pub span_id: Vec<String>,
    /// Keys that describe the resource that wrote the log, and what they are called there.
    pub resource: BTreeMap<String, String>,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            time: names(&["ts", "time", "timestamp", "@timestamp"]),
            level: names(&["level", "severity", "lvl", "loglevel", "log.level"]),
            message: names(&["msg", "message"]),
            trace_id: names(&["trace_id", "traceId", "traceid", "trace.id"]),
            span_id: names(&["span_id", "spanId", "spanid", "span.id"]),
            resource: [("service".to_owned(), "service.name".to_owned())].into(),
        }
    }
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}
