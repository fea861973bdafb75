//! What is in a dead letter.

use super::*;
use crate::model::{Partition, RawRecord};
use proptest::prelude::*;

type Header<'a> = (&'a str, Option<&'a [u8]>);

fn raw(key: Option<&[u8]>, value: Option<&[u8]>, headers: &[Header<'_>]) -> RawRecords {
    let mut raw = RawRecords::new(Partition::new("logs", 3));
    let record = RawRecord {
        offset: 42,
        timestamp_ms: 1_700_000_000_000,
        key,
        value,
    };
    raw.push(record, headers.iter().copied());
    raw
}

fn reason() -> DeadReason {
    DeadReason {
        by: "json".into(),
        version: "1.2.0".into(),
        reason: "not an object".to_owned(),
        maybe_delivered: false,
    }
}

fn values<'a>(letter: &'a ProducerRecord, name: &str) -> Vec<Option<&'a [u8]>> {
    let named = letter.headers.iter().filter(|(n, _)| n == name);
    named.map(|(_, v)| v.as_deref()).collect()
}

fn text<'a>(letter: &'a ProducerRecord, name: &str) -> &'a str {
    let value = values(letter, name)[0].unwrap();
    std::str::from_utf8(value).unwrap()
}

/// *Scenario:* a parser refuses a record with a key, a value, a header and a timestamp.
/// *Guarantees:* all four are in the letter as they were; ours say where it came from, who refused it and why.
#[test]
fn a_letter_is_the_record_and_our_headers() {
    let raw = raw(Some(b"k"), Some(b"v\xff"), &[("app", Some(b"shop"))]);
    let letter = letter(&raw, 0, &reason(), Form::Whole).unwrap();
    assert_eq!(letter.key.as_deref(), Some(&b"k"[..]));
    assert_eq!(letter.value.as_deref(), Some(&b"v\xff"[..]));
    assert_eq!(letter.timestamp_ms, Some(1_700_000_000_000));
    assert_eq!(letter.headers[0], header("app", "shop".to_owned()));
    for (name, value) in [
        (TOPIC, "logs"),
        (PARTITION, "3"),
        (OFFSET, "42"),
        (PLUGIN, "json"),
        (VERSION, "1.2.0"),
        (REASON, "not an object"),
        (ATTEMPT, "1"),
    ] {
        assert_eq!(text(&letter, name), value);
    }
    assert!(values(&letter, MAYBE_DELIVERED).is_empty());
    assert!(values(&letter, SIZE).is_empty());
}

/// *Scenario:* records with null and with empty key, value and header value; one without a timestamp.
/// *Guarantees:* null stays null and empty stays empty; no timestamp is invented.
#[test]
fn rule_5_null_is_not_empty() {
    let null = raw(None, None, &[("h", None)]);
    let null = letter(&null, 0, &reason(), Form::Whole).unwrap();
    assert_eq!((&null.key, &null.value), (&None, &None));
    assert_eq!(values(&null, "h"), [None]);

    let mut empty = raw(Some(b""), Some(b""), &[("h", Some(b""))]);
    empty.timestamp_ms[0] = -1;
    let empty = letter(&empty, 0, &reason(), Form::Whole).unwrap();
    assert_eq!(empty.key.as_deref(), Some(&b""[..]));
    assert_eq!(empty.value.as_deref(), Some(&b""[..]));
    assert_eq!(values(&empty, "h"), [Some(&b""[..])]);
    assert_eq!(empty.timestamp_ms, None);
}

/// *Scenario:* a record that was a dead letter twice is refused again, by an output and after a partial
/// success; another brings nonsense as its number of attempts.
/// *Guarantees:* our headers are there once, of this round; attempts go on counting, nonsense counts as none;
/// an output has no version.
#[test]
fn rule_6_a_replayed_letter_counts_on() {
    let old: [Header<'_>; 4] = [
        (ATTEMPT, Some(b"2")),
        (REASON, Some(b"an old one")),
        (MAYBE_DELIVERED, Some(b"true")),
        (VERSION, Some(b"0.9")),
    ];
    let by_output = DeadReason {
        by: "collector".into(),
        version: "".into(),
        reason: "1 of 20 refused".to_owned(),
        maybe_delivered: true,
    };
    let again = letter(&raw(None, None, &old), 0, &by_output, Form::Whole).unwrap();
    assert_eq!(text(&again, ATTEMPT), "3");
    assert_eq!(values(&again, REASON), [Some(&b"1 of 20 refused"[..])]);
    assert_eq!(values(&again, MAYBE_DELIVERED), [Some(&b"true"[..])]);
    assert!(values(&again, VERSION).is_empty());

    for nonsense in [&b"-1"[..], b"many", b"\xff", b"99999999999"] {
        let raw = raw(None, None, &[(ATTEMPT, Some(nonsense))]);
        let letter = letter(&raw, 0, &reason(), Form::Whole).unwrap();
        assert_eq!(values(&letter, ATTEMPT), [Some(&b"1"[..])]);
    }
}

/// *Scenario:* a record is too large for the topic; another's timestamp is refused.
/// *Guarantees:* the stub has none of the record, and headers with position, size, reason and time; the undated
/// letter has all but the timestamp, and that as a header.
#[test]
fn rule_6_a_stub_says_where_the_record_is() {
    let raw = raw(Some(b"key"), Some(b"value"), &[("app", Some(b"shop"))]);
    let stub = letter(&raw, 0, &reason(), Form::Stub).unwrap();
    assert_eq!((&stub.key, &stub.value), (&None, &None));
    assert_eq!(stub.timestamp_ms, None);
    assert!(values(&stub, "app").is_empty());
    assert_eq!(text(&stub, SIZE), "15");
    assert_eq!(text(&stub, OFFSET), "42");
    assert_eq!(text(&stub, REASON), "not an object");
    assert_eq!(text(&stub, TIMESTAMP), "1700000000000");

    let undated = letter(&raw, 0, &reason(), Form::Undated).unwrap();
    assert_eq!(undated.value.as_deref(), Some(&b"value"[..]));
    assert_eq!(values(&undated, "app"), [Some(&b"shop"[..])]);
    assert_eq!(undated.timestamp_ms, None);
    assert_eq!(text(&undated, TIMESTAMP), "1700000000000");
    assert!(values(&undated, SIZE).is_empty());
}

/// *Scenario:* a plugin gives a reason of many kilobytes, of characters of two bytes at odd places.
/// *Guarantees:* what is written is bounded and still UTF-8; a record that is not there has no letter.
#[test]
fn a_letter_is_bounded() {
    let mut long = reason();
    long.reason = format!("x{}", "é".repeat(10_000));
    let raw = raw(None, None, &[]);
    let bounded = letter(&raw, 0, &long, Form::Whole).unwrap();
    assert_eq!(text(&bounded, REASON).len(), REASON_BYTES_MAX - 1);
    assert_eq!(letter(&raw, 1, &long, Form::Whole), None);
}

proptest! {
    /// *Scenario:* any headers, some with names like ours, some more than once.
    /// *Guarantees:* those that are not ours stay as they were, in their order, before ours; each of ours is
    /// there at most once.
    #[test]
    fn foreign_headers_stay_as_they_are(
        headers in prop::collection::vec(
            ("(tidegate\\.)?(attempt|reason|app|[a-z]{0,3})", prop::option::of(prop::collection::vec(any::<u8>(), 0..5))),
            0..12,
        )
    ) {
        let given: Vec<Header<'_>> = headers.iter().map(|(n, v)| (n.as_str(), v.as_deref())).collect();
        let letter = letter(&raw(None, None, &given), 0, &reason(), Form::Whole).unwrap();
        let written: Vec<Header<'_>> = letter.headers.iter().map(|(n, v)| (n.as_str(), v.as_deref())).collect();
        let foreign: Vec<_> = given.into_iter().filter(|(n, _)| !n.starts_with(PREFIX)).collect();
        prop_assert_eq!(&written[..foreign.len()], &foreign[..]);
        let mut ours: Vec<_> = written[foreign.len()..].iter().map(|(n, _)| *n).collect();
        ours.sort_unstable();
        let count = ours.len();
        ours.dedup();
        prop_assert_eq!(ours.len(), count);
        prop_assert!(ours.iter().all(|n| n.starts_with(PREFIX)));
    }
}

proptest! {
    /// *Scenario:* rule 7 of the ledger: an output refuses an alert or an anomaly for good, in every form of letter.
    /// *Guarantees:* value and key are its JSON and its fingerprint; headers say what it is, where its evidence is, who
    /// refused it and why; a stub has neither, and its size.
    #[test]
    fn rule_7_a_finding_is_its_json(finding in crate::model::testing::finding()) {
        let kind = if finding.is_alert() { "alert" } else { "anomaly" };
        let at = finding.at_ms.to_string();
        for form in [Form::Whole, Form::Undated, Form::Stub] {
            let letter = finding_letter(&finding, &reason(), form);
            prop_assert_eq!(text(&letter, FINDING), kind);
            prop_assert_eq!(text(&letter, TOPIC), "logs");
            prop_assert_eq!(text(&letter, PARTITION), finding.partition.index.to_string());
            let offset = finding.evidence.first().map(ToString::to_string);
            let told = values(&letter, OFFSET).first().map(|v| v.unwrap().to_vec());
            prop_assert_eq!(told, offset.map(String::into_bytes));
            prop_assert_eq!(text(&letter, PLUGIN), "json");
            prop_assert_eq!(text(&letter, REASON), "not an object");
            let whole = (Some(finding.fingerprint.clone().into()), Some(finding.json().into()));
            let expected = if form == Form::Stub { (None, None) } else { whole };
            prop_assert_eq!((letter.key.clone(), letter.value.clone()), expected);
            let is_whole = form == Form::Whole;
            prop_assert_eq!(letter.timestamp_ms, is_whole.then_some(finding.at_ms as i64));
            prop_assert_eq!(values(&letter, TIMESTAMP).is_empty(), is_whole);
            if !is_whole {
                prop_assert_eq!(text(&letter, TIMESTAMP), at.as_str());
            }
        }
    }
}
