//! What good values mean: units, references to the environment and to files, times.

use super::{GOOD, good_but, load, problems};
use crate::config::from_text;
use crate::config::units::{Size, Time};
use crate::intake::Start;
use proptest::prelude::*;
use std::path::Path;
use std::time::Duration;

fn time(text: &str) -> Option<Duration> {
    serde_json::from_value::<Time>(text.into())
        .ok()
        .map(|t| t.0)
}

fn size(text: &str) -> Option<u64> {
    serde_json::from_value::<Size>(text.into())
        .ok()
        .map(|s| s.0)
}

/// *Scenario:* durations and sizes as people write them, without units, with unknown ones, too large.
/// *Guarantees:* binary and decimal units are told apart; nothing without a unit; too large is the largest.
#[test]
fn units_mean_what_they_say() {
    assert_eq!(time("1m30s"), Some(Duration::from_secs(90)));
    assert_eq!(time("500ms"), Some(Duration::from_millis(500)));
    assert_eq!(time("99999999999999999999d"), Some(Duration::MAX));
    assert_eq!(time("5"), None);
    assert_eq!(size("64MiB"), Some(64 << 20));
    assert_eq!(size("64 MB"), Some(64_000_000));
    assert_eq!(size("7B"), Some(7));
    assert_eq!(size("99999999999999999999GiB"), Some(u64::MAX));
    for bad in ["64", "MiB", "-1B", "1.5MiB", "64mib", ""] {
        assert_eq!(size(bad), None, "{bad}");
    }
}

proptest! {
    /// *Scenario:* any duration in milliseconds and any size.
    /// *Guarantees:* what is written reads back as the same: messages name values that can be copied.
    #[test]
    fn units_read_back(ms in 0u64..1 << 42, bytes in any::<u64>()) {
        prop_assert_eq!(time(&Time::ms(ms).to_string()), Some(Duration::from_millis(ms)));
        prop_assert_eq!(size(&Size(bytes).to_string()), Some(bytes));
    }
}

/// *Scenario:* `${...}` in texts: set, unset, empty, escaped, broken, inside a text, in a list.
/// *Guarantees:* the set ones are put in; each other one is a problem with its name; the structure of the
/// file never changes.
#[test]
fn references_are_replaced() {
    let header = |value: &str| {
        let text = good_but(
            "4317\" } }",
            &format!("4317\", headers: {{ x: \"{value}\" }} }} }}"),
        );
        load(&text).map(|l| {
            let otlp = super::otlp(&l.settings.outputs[0]);
            otlp.headers[0].1.clone()
        })
    };
    assert_eq!(header("Bearer ${TOKEN}!").unwrap(), "Bearer s3cret!");
    assert_eq!(header("${env:TOKEN}${TOKEN}").unwrap(), "s3crets3cret");
    assert_eq!(header("$${TOKEN} $$ $5").unwrap(), "${TOKEN} $$ $5");
    assert_eq!(header("a${EMPTY}b").unwrap(), "ab");
    let told = |value| header(value).unwrap_err().join("\n");
    let at = "x.yaml:6:65: outputs.collector.otlp.headers.x is";
    assert_eq!(
        told("${NONE}"),
        format!("{at} ${{NONE}}, but the environment variable NONE is not set; set NONE")
    );
    assert_eq!(
        told("${TOKEN"),
        format!(
            "{at} ${{TOKEN, but opens ${{ and never closes it; add }}, or write $${{ where ${{ itself is meant"
        )
    );
    assert_eq!(
        told("${1}"),
        format!(
            "{at} ${{1}}, but ${{1}} is no reference; write $${{1}} where that text is meant, ${{NAME}} for a variable, ${{file:PATH}} for a file"
        )
    );
    let config = |value: &str| {
        let with = format!("parse-json\", config: {{ by: \"{value}\" }} }}");
        load(&good_but("parse-json\" }", &with))
    };
    let plugins = config("$${1} $2 ${TOKEN}").unwrap().settings.plugins;
    assert_eq!(plugins[0].config["by"], "${1} $2 s3cret");
    let told = config("${1}").unwrap_err();
    assert!(told[0].contains("write $${1} where"), "{told:?}");
    let two = load(&good_but("\"a:9092\"", "\"${BROKERS}\""))
        .unwrap()
        .settings;
    assert_eq!(two.pipelines[0].from.cluster.brokers, ["a:1", "b:2"]);
}

/// *Scenario:* a value from the environment breaks a rule.
/// *Guarantees:* the message shows what was written, never what was put in.
#[test]
fn secrets_are_not_shown() {
    let told = problems("\"http://c:4317\"", "\"${TOKEN}\"");
    assert_eq!(
        told,
        [
            "x.yaml:6:34: outputs.collector.otlp.endpoint is ${TOKEN}, but must begin with http://; write it like http://localhost:4317"
        ]
    );
}

/// *Scenario:* `${file:...}` of a file that is there, relative to the configuration, and of one that is not.
/// *Guarantees:* its content without the last line end; else a problem that names the file.
#[test]
fn files_are_read() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("token"), "s3cret\n").unwrap();
    let load = |name: &str| {
        let text = good_but(
            "4317\" } }",
            &format!("4317\", headers: {{ x: \"${{file:{name}}}\" }} }} }}"),
        );
        from_text(&folder.path().join("x.yaml"), &text, &|_| None)
    };
    let loaded = load("token").unwrap();
    let otlp = super::otlp(&loaded.settings.outputs[0]);
    assert_eq!(otlp.headers[0].1, "s3cret");
    let told = load("other").unwrap_err();
    assert!(told[0].rule.contains("other cannot be read"), "{}", told[0]);
}

/// *Scenario:* every way to say where to begin.
/// *Guarantees:* words and both forms of a time mean what they say.
#[test]
fn starts_are_understood() {
    let start = |text: &str| {
        let text = good_but(
            "      group_id: g",
            &format!("      group_id: g\n      start: {text}"),
        );
        load(&text).unwrap().settings.pipelines[0].from.start
    };
    assert_eq!(start("earliest"), Start::Earliest);
    assert_eq!(start("latest"), Start::Latest);
    assert_eq!(start("1700000000000"), Start::Timestamp(1_700_000_000_000));
    assert_eq!(
        start("2023-11-14T22:13:20Z"),
        Start::Timestamp(1_700_000_000_000)
    );
    assert_eq!(
        start("\"2023-11-14T23:13:20+01:00\""),
        Start::Timestamp(1_700_000_000_000)
    );
}

/// *Scenario:* the cache folder and the admin address: left out, named, off.
/// *Guarantees:* the user's cache folder by default; paths relative to the file; off is off.
#[test]
fn folders_and_addresses_have_defaults() {
    let cache = |text: &str| load(&format!("{text}{GOOD}")).unwrap().settings.cache;
    assert_eq!(
        cache("").as_deref(),
        Some(Path::new("/home/me/.cache/tidegate"))
    );
    assert_eq!(cache("cache_dir: off\n"), None);
    let at = from_text(
        Path::new("/etc/t/x.yaml"),
        &format!("cache_dir: c\n{GOOD}"),
        &|_| None,
    );
    assert_eq!(
        at.unwrap().settings.cache.as_deref(),
        Some(Path::new("/etc/t/c"))
    );
    let none = from_text(Path::new("x.yaml"), GOOD, &|_| None);
    assert_eq!(none.unwrap().settings.cache, None);
    let admin = |text: &str| load(&format!("{text}{GOOD}")).unwrap().settings.admin;
    assert_eq!(admin("").unwrap().to_string(), "127.0.0.1:9400");
    assert_eq!(admin("admin: off\n"), None);
    assert_eq!(
        admin("admin: { listen: \"[::1]:1\" }\n")
            .unwrap()
            .to_string(),
        "[::1]:1"
    );
}
