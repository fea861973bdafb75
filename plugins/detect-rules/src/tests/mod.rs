//! The whole detector; what stands alone is tested where it is.

mod configs;
mod matching;
mod remembering;
mod streams;
mod windows;

use crate::Rules;
use serde_json::{Value as Json, json};
use tidegate_sdk::testing::{self, OwnedRecord, Stream};
use tidegate_sdk::{Alert, Severity};

/// A time to begin with: a multiple of all steps.
const START: u64 = 1_800_000_000_000;

fn plugin(config: &Json) -> Rules {
    testing::plugin(&config.to_string()).unwrap()
}

fn rules(rules: &Json) -> Rules {
    plugin(&json!({ "rules": rules }))
}

/// An error of a service, so many milliseconds after the start.
fn error(after: u64, service: &str) -> (u64, OwnedRecord) {
    let record = OwnedRecord::new("payment timed out")
        .at(START + after)
        .severity(Severity::ERROR)
        .with_resource("service.name", service);
    (after, record)
}

/// Something else, that lets time go by.
fn other(after: u64) -> (u64, OwnedRecord) {
    (after, OwnedRecord::new("ok").at(START + after))
}

/// What is raised over records that come when they are written, and until `end` milliseconds after the start.
fn raised(
    plugin: &Rules,
    records: impl IntoIterator<Item = (u64, OwnedRecord)>,
    end: u64,
) -> Vec<Alert> {
    let mut stream = Stream::default();
    for (after, record) in records {
        stream.push(START + after, record);
    }
    testing::detected(plugin, &stream, START + end)
}

/// Alerts as lines: when, which, whether it ended, its title.
fn lines(alerts: &[Alert]) -> Vec<String> {
    let line = |alert: &Alert| {
        let word = if alert.resolved { "ends" } else { "begins" };
        let at = alert.at as i64 - START as i64;
        format!("{at} {} {word}: {}", alert.fingerprint, alert.title)
    };
    alerts.iter().map(line).collect()
}
