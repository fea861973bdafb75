//! Plain text: every line becomes the body of a record, and a word near its beginning (`ERROR`, `warn`) tells the severity.
//!
//! It is the fallback behind parsers that know a format: it never refuses anything.

mod words;

use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;
use tidegate_sdk::{ConfigError, Emit, Parser, Plugin, Record, Severity, Verdict, export, formats};
use words::Words;

/// What a user can set.
#[derive(Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// How many bytes at the beginning of a line are searched for a word of severity; 0 for none.
    pub search_bytes: u32,
    /// Words of letters, digits and underscores, and the level that each means: trace, debug, info, notice, warn, error,
    /// critical, alert, fatal, panic. The first word in the line decides.
    pub words: BTreeMap<String, String>,
    /// Whether `error` is as good as `ERROR`.
    pub ignore_case: bool,
    /// The level of lines without such a word; leave it out for "unknown".
    pub default_level: Option<String>,
}

/// The plugin.
pub struct ParsePlain {
    search_bytes: usize,
    words: Words,
    default: Severity,
}

/// The words that are known by themselves, and their levels.
const USUAL: [(&str, &str); 17] = [
    ("TRACE", "trace"),
    ("DEBUG", "debug"),
    ("INFO", "info"),
    ("INFORMATION", "info"),
    ("NOTICE", "notice"),
    ("WARN", "warn"),
    ("WARNING", "warn"),
    ("ERROR", "error"),
    ("ERR", "error"),
    ("SEVERE", "error"),
    ("CRITICAL", "critical"),
    ("CRIT", "critical"),
    ("ALERT", "alert"),
    ("FATAL", "fatal"),
    ("PANIC", "panic"),
    ("EMERG", "panic"),
    ("EMERGENCY", "panic"),
];

export!(parser ParsePlain, "Any text as the body of a record, its severity told by words.");

// === impl ParsePlain ===

impl Plugin for ParsePlain {
    type Config = Config;

    fn configure(config: Config) -> Result<Self, ConfigError> {
        let mut words = Words::new(config.ignore_case);
        for (word, name) in &config.words {
            let pointer = format!("/words/{}", ConfigError::escaped(word));
            words
                .add(word, level(&pointer, name)?)
                .map_err(|why| ConfigError::field(&pointer, why))?;
        }
        let default = config
            .default_level
            .map(|name| level("/default_level", &name))
            .transpose()?;
        Ok(ParsePlain {
            search_bytes: config.search_bytes as usize,
            words,
            default: default.unwrap_or(Severity::UNKNOWN),
        })
    }
}

impl Parser for ParsePlain {
    fn parse(&self, input: Record<'_>, out: &mut Emit<'_>) -> Verdict {
        let line = input.body_bytes();
        let (severity, word) = self
            .words
            .first(line, self.search_bytes)
            .unwrap_or((self.default, ""));
        let mut record = out.record();
        record.severity(severity, word).body(input.body_value());
        record.emit();
        Verdict::Emitted
    }
}

fn level(pointer: &str, name: &str) -> Result<Severity, ConfigError> {
    match formats::severity(name) {
        Severity::UNKNOWN => Err(ConfigError::field(
            pointer,
            format!("{name:?} is not a level; try info, warn or error"),
        )),
        level => Ok(level),
    }
}

// === impl Config ===

impl Default for Config {
    fn default() -> Self {
        Config {
            search_bytes: 128,
            words: USUAL
                .map(|(word, level)| (word.to_owned(), level.to_owned()))
                .into(),
            ignore_case: true,
            default_level: None,
        }
    }
}

#[cfg(test)]
mod tests;
