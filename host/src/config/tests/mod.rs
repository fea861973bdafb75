//! Configurations that are right and wrong, with their messages and lines.

mod files;
mod garbage;
mod outputs;
mod plugins;
mod reference;
mod remembering;
mod rules;
mod shapes;
mod topics;
mod values;

use super::{Loaded, from_text};
use std::path::Path;

/// A small good configuration; line numbers of the tests are of it.
const GOOD: &str = r#"kafka:
  main: { brokers: ["a:9092"] }
plugins:
  json: { wasm: "builtin:parse-json" }
outputs:
  collector: { otlp: { endpoint: "http://c:4317" } }
pipelines:
  shop:
    from:
      cluster: main
      group_id: g
      topics: [logs]
    parse: [json]
    to: { records: [collector] }
    dead_letters: { cluster: main, topic: dead }
"#;

fn env(name: &str) -> Option<String> {
    match name {
        "HOME" => Some("/home/me".to_owned()),
        "TOKEN" => Some("s3cret".to_owned()),
        "BROKERS" => Some("a:1, b:2".to_owned()),
        "EMPTY" => Some(String::new()),
        _ => None,
    }
}

/// An output that is OTLP.
fn otlp(output: &super::OutputSettings) -> &super::OtlpSettings {
    match output {
        super::OutputSettings::Otlp(otlp) => otlp,
        other => panic!("{other:?}"),
    }
}

fn load(text: &str) -> Result<Loaded, Vec<String>> {
    from_text(Path::new("x.yaml"), text, &env)
        .map_err(|problems| problems.iter().map(ToString::to_string).collect())
}

/// [`GOOD`] with `old` replaced by `new`.
fn good_but(old: &str, new: &str) -> String {
    assert_eq!(GOOD.matches(old).count(), 1, "{old}");
    GOOD.replace(old, new)
}

/// What is told of [`GOOD`] with `old` replaced by `new`.
fn problems(old: &str, new: &str) -> Vec<String> {
    match load(&good_but(old, new)) {
        Ok(_) => Vec::new(),
        Err(problems) => problems,
    }
}

/// Checks rows of (old, new, the one problem).
fn check(rows: &[(&str, &str, &str)]) {
    for (old, new, expected) in rows {
        assert_eq!(problems(old, new), [format!("x.yaml:{expected}")], "{new}");
    }
}
