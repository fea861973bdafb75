use super::*;
use proptest::prelude::*;
use tidegate_sdk::testing::{self, Answer, OwnedValue, parse, parse_lines, raw};

fn plugin(config: &str) -> ParseContainer {
    testing::plugin(config).unwrap()
}

fn one(line: &str) -> Answer {
    parse_lines(&plugin("{}"), [line]).remove(0)
}

/// *Scenario:* whole and partial lines of containerd and CRI-O, an empty one, further tags, and an offset.
/// *Guarantees:* time, stream and the inner line are read; only partial lines are marked.
#[test]
fn cri_lines_are_unwrapped() {
    for (line, wanted) in [
        (
            "2026-11-21T03:12:45.123456789Z stdout F {\"a\": 1}",
            r#"1795230765.123456789 0 "" "{\"a\": 1}" log.iostream="stdout""#,
        ),
        (
            "2026-11-21T04:12:45+01:00 stderr P half a ",
            r#"1795230765.000000000 0 "" "half a " log.iostream="stderr" log.partial=true"#,
        ),
        (
            "2026-11-21T03:12:45Z stdout F:x:y two  blanks",
            r#"1795230765.000000000 0 "" "two  blanks" log.iostream="stdout""#,
        ),
        (
            "2026-11-21T03:12:45Z stdout F ",
            r#"1795230765.000000000 0 "" "" log.iostream="stdout""#,
        ),
        (
            "2026-11-21T03:12:45Z stdout F",
            r#"1795230765.000000000 0 "" "" log.iostream="stdout""#,
        ),
    ] {
        assert_eq!(one(line).records[0].to_string(), wanted, "{line}");
    }
    assert_eq!(
        one("2026-11-21T03:12:45Z stdout X text").verdict,
        "malformed"
    );
}

/// *Scenario:* lines of Docker with escapes, without a line's end, with a carriage return, and with attributes.
/// *Guarantees:* the inner line is what the application wrote; without its end it is marked as partial.
#[test]
fn docker_lines_are_unwrapped() {
    let rest = r#","stream":"stdout","time":"2026-11-21T03:12:45.5Z"}"#;
    for (line, wanted) in [
        (
            format!(r#"{{"log":"{{\"a\":\"\\n\"}}\n"{rest}"#),
            r#"1795230765.500000000 0 "" "{\"a\":\"\\n\"}" log.iostream="stdout""#,
        ),
        (
            format!(r#"{{"log":"cut"{rest}"#),
            r#"1795230765.500000000 0 "" "cut" log.iostream="stdout" log.partial=true"#,
        ),
        (
            format!(r#"{{"log":"dos\r\n"{rest}"#),
            r#"1795230765.500000000 0 "" "dos" log.iostream="stdout""#,
        ),
        (
            format!(r#"{{"log":"\n","attrs":{{"tag":"x"}}{rest}"#),
            r#"1795230765.500000000 0 "" "" log.iostream="stdout" docker.attrs=`{"tag":"x"}`"#,
        ),
    ] {
        assert_eq!(one(&line).records[0].to_string(), wanted, "{line}");
    }
}

/// *Scenario:* an application's own JSON that begins as Docker's does, and other lines.
/// *Guarantees:* they are left to the parsers behind, whole; only what is broken JSON is malformed.
#[test]
fn what_no_runtime_wrote_is_not_mine() {
    for line in [
        "",
        "plain",
        "2026",
        "2026-11-21 03:12:45Z stdout F x",
        "2026-11-21T03:12:45Z stdin F x",
        "2026-11-21T03:12:45Z",
        r#"{"log":"x\n","stream":"stdout"}"#,
        r#"{"log":"x\n","stream":"stdout","time":"soon"}"#,
        r#"{"log":"x\n","stream":"other","time":"2026-11-21T03:12:45Z"}"#,
        r#"{"log":"x\n","stream":"stdout","time":"2026-11-21T03:12:45Z","level":"info"}"#,
        r#"{"log":"x","log":"y","stream":"stdout","time":"2026-11-21T03:12:45Z"}"#,
        r#"{"log":"x","stream":1,"time":"2026-11-21T03:12:45Z"}"#,
        r#"{"msg":"x"}"#,
    ] {
        assert_eq!(one(line).verdict, "not-mine", "{line}");
    }
    let cut = one(r#"{"log":"x\n","stream":"std"#);
    assert_eq!(
        (cut.verdict, cut.reason.as_str()),
        ("malformed", "unterminated string at byte 26")
    );
}

/// *Scenario:* a CRI line around bytes that are not UTF-8.
/// *Guarantees:* the body is those bytes.
#[test]
fn bytes_are_unwrapped() {
    let answers = parse_lines(
        &plugin("{}"),
        [
            &b"2026-11-21T03:12:45Z stdout F \xff\xfe"[..],
            b"\xff",
            b"{\"log\":\"\xff\"}",
        ],
    );
    assert_eq!(
        answers[0].records[0].body,
        OwnedValue::Bytes(b"\xff\xfe".to_vec())
    );
    assert_eq!(
        (answers[1].verdict, answers[2].verdict),
        ("not-mine", "not-mine")
    );
}

/// *Scenario:* a CRI line and nothing else in a batch.
/// *Guarantees:* the inner line and the stream are not copied: what is new is the attribute's name.
#[test]
fn a_cri_line_is_not_copied() {
    assert_eq!(
        parse(&plugin("{}"), &raw(["2026-11-21T03:12:45Z stdout F text"])).text(),
        b"log.iostream"
    );
}

/// *Scenario:* one format only, or none.
/// *Guarantees:* the other is not looked for; none is refused with its field.
#[test]
fn formats_are_configurable() {
    let cri = "2026-11-21T03:12:45Z stdout F x";
    let docker = r#"{"log":"x\n","stream":"stdout","time":"2026-11-21T03:12:45Z"}"#;
    let verdicts = |config: &str| {
        parse_lines(&plugin(config), [cri, docker])
            .into_iter()
            .map(|answer| answer.verdict)
            .collect::<Vec<_>>()
    };
    assert_eq!(verdicts(r#"{"formats":["cri"]}"#), ["emitted", "not-mine"]);
    assert_eq!(
        verdicts(r#"{"formats":["docker"]}"#),
        ["not-mine", "emitted"]
    );
    let error = |config| testing::plugin::<ParseContainer>(config).err().unwrap();
    assert_eq!(error(r#"{"formats":[]}"#).pointer(), "/formats");
    assert_eq!(error(r#"{"formats":["podman"]}"#).pointer(), "/formats/0");
}

proptest! {
    /// *Scenario:* any application line, wrapped as each runtime wraps it.
    /// *Guarantees:* what comes out is what went in, and a line without an end is partial.
    #[test]
    fn what_was_wrapped_is_unwrapped(line in "[^\n\r]{0,40}", partial: bool) {
        let cri = format!("2026-11-21T03:12:45.123Z stderr {} {line}", if partial { "P" } else { "F" });
        let log = serde_json::to_string(&format!("{line}{}", if partial { "" } else { "\n" })).unwrap();
        let docker = format!(r#"{{"log":{log},"stream":"stderr","time":"2026-11-21T03:12:45.123Z"}}"#);
        for answer in parse_lines(&plugin("{}"), [cri, docker]) {
            let record = &answer.records[0];
            prop_assert_eq!(&record.body, &OwnedValue::from(line.as_str()));
            prop_assert_eq!(record.attr("log.partial").is_some(), partial);
            prop_assert_eq!(record.attr("log.iostream"), Some(&"stderr".into()));
        }
    }

    /// *Scenario:* any bytes, and any bytes behind a beginning that is known.
    /// *Guarantees:* nothing panics, and every answer keeps the contract.
    #[test]
    fn nothing_panics(start in 0..4usize, bytes: Vec<u8>) {
        let start = ["", "2026-11-21T03:12:45Z ", "2026-11-21T03:12:45Z stdout ", "{\"log\":\""][start];
        parse_lines(&plugin("{}"), [[start.as_bytes(), &bytes].concat()]);
    }
}
