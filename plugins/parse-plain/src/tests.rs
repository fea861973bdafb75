use super::*;
use proptest::prelude::*;
use tidegate_sdk::testing::{self, OwnedValue, parse_lines};

fn plain(config: &str) -> ParsePlain {
    testing::plugin(config).unwrap()
}

/// Severity number and text of each line.
fn severities(plugin: &ParsePlain, lines: &[&str]) -> Vec<(u8, String)> {
    let answers = parse_lines(plugin, lines);
    answers
        .iter()
        .map(|answer| {
            (
                answer.records[0].severity.number(),
                answer.records[0].severity_text.clone(),
            )
        })
        .collect()
}

fn is(number: u8, text: &str) -> (u8, String) {
    (number, text.to_owned())
}

/// *Scenario:* lines with a level in brackets, behind a time, in small letters, as part of another word, and two of them.
/// *Guarantees:* the first whole word decides, and is kept as it was written.
#[test]
fn the_first_word_tells_the_severity() {
    let lines = [
        "2026-11-21 03:12:45 [ERROR] disk full",
        "warn: slow",
        "level=info no error",
        "ERROR_CODE terror",
        "",
        "Warning",
    ];
    let wanted = [
        is(17, "ERROR"),
        is(13, "warn"),
        is(9, "info"),
        is(0, ""),
        is(0, ""),
        is(13, "Warning"),
    ];
    assert_eq!(severities(&plain("{}"), &lines), wanted);
}

/// *Scenario:* the word stands across the last byte that is searched, or behind it; and searching is off.
/// *Guarantees:* a word counts if it begins within what is searched.
#[test]
fn only_the_beginning_is_searched() {
    let near = plain(r#"{"search_bytes": 4}"#);
    assert_eq!(
        severities(&near, &["abc ERROR", "ab ERROR"]),
        [is(0, ""), is(17, "ERROR")]
    );
    let off = plain(r#"{"search_bytes": 0, "default_level": "info"}"#);
    assert_eq!(severities(&off, &["ERROR"]), [is(9, "")]);
}

/// *Scenario:* words of the user's own, with the case that counts.
/// *Guarantees:* they take the place of the usual ones.
#[test]
fn words_are_configurable() {
    let plugin = plain(
        r#"{"words": {"SEV_1": "fatal", "E": "error"}, "ignore_case": false, "default_level": "debug"}"#,
    );
    assert_eq!(
        severities(&plugin, &["SEV_1 x", "E x", "e x", "ERROR"]),
        [is(21, "SEV_1"), is(17, "E"), is(5, ""), is(5, "")]
    );
}

/// *Scenario:* configurations that cannot be meant.
/// *Guarantees:* each is refused with its field.
#[test]
fn a_wrong_configuration_names_its_field() {
    let pointer = |config| {
        testing::plugin::<ParsePlain>(config)
            .err()
            .unwrap()
            .pointer()
            .to_owned()
    };
    assert_eq!(pointer(r#"{"default_level": "loud"}"#), "/default_level");
    assert_eq!(pointer(r#"{"words": {"OK": "fine"}}"#), "/words/OK");
    assert_eq!(
        pointer(r#"{"words": {"two words": "info"}}"#),
        "/words/two words"
    );
    assert_eq!(pointer(r#"{"words": {"": "info"}}"#), "/words/");
    assert_eq!(pointer(r#"{"words": {"a/b~": "info"}}"#), "/words/a~1b~0");
}

/// *Scenario:* a line that is not UTF-8.
/// *Guarantees:* its body is its bytes, and the severity is told nevertheless.
#[test]
fn bytes_stay_bytes() {
    let answers = parse_lines(&plain("{}"), [&b"ERROR \xff\xfe"[..]]);
    assert_eq!(
        answers[0].records[0].body,
        OwnedValue::Bytes(b"ERROR \xff\xfe".to_vec())
    );
    assert_eq!(answers[0].records[0].severity, Severity::ERROR);
}

proptest! {
    /// *Scenario:* any bytes.
    /// *Guarantees:* one record a line, whose body is the line.
    #[test]
    fn nothing_is_refused(lines in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..40), 0..5)) {
        for (answer, line) in parse_lines(&plain("{}"), &lines).iter().zip(&lines) {
            let body = match str::from_utf8(line) {
                Ok(text) => OwnedValue::from(text),
                Err(_) => OwnedValue::from(&line[..]),
            };
            prop_assert_eq!(answer.verdict, "emitted");
            prop_assert_eq!(answer.records.len(), 1);
            prop_assert_eq!(&answer.records[0].body, &body);
        }
    }
}
