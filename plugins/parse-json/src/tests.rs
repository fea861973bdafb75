use super::*;
use proptest::prelude::*;
use serde_json::Value as Oracle;
use tidegate_sdk::testing::{self, Answer, OwnedRecord, OwnedValue, parse_lines};

mod oracle;

fn json(config: &str) -> ParseJson {
    testing::plugin(config).unwrap()
}

fn one(line: &str) -> Answer {
    parse_lines(&json("{}"), [line]).remove(0)
}

fn record(line: &str) -> OwnedRecord {
    let mut answer = one(line);
    assert_eq!(answer.verdict, "emitted", "{line}: {}", answer.reason);
    answer.records.remove(0)
}

/// *Scenario:* a line with every role, values of every type, escapes and something nested.
/// *Guarantees:* each stands where it belongs, typed, and nothing else does.
#[test]
fn a_line_becomes_a_record() {
    let line = r#"{"ts":"2026-11-21T03:12:45.123Z","level":"WARN","service":"cart","n":-7,"x":1.5,"ok":true,"no":null,
        "trace_id":"0af7651916cd43dd8448eb211c80319c","span_id":"b7ad6b7169203331","msg":"caf\u00e9 \"ok\" \ud83d\ude00",
        "tags":[1,{"a":"]"}] }"#;
    let record = record(line);
    let wanted = "1795230765.123000000 13 \"WARN\" \"café \\\"ok\\\" 😀\" n=-7 x=1.5 ok=true no=null tags=`[1,{\"a\":\"]\"}]` \
        resource.service.name=\"cart\"";
    assert_eq!(record.to_string(), wanted);
    assert_eq!(record.trace.trace_id[..4], [0x0a, 0xf7, 0x65, 0x19]);
    assert_eq!(record.trace.span_id[7], 0x31);
}

/// *Scenario:* the same moment in the ways that logs write it, and things that are no time.
/// *Guarantees:* each form is read; what is no time, or cannot travel as one, stays an attribute and is not lost.
#[test]
fn times_come_in_many_forms() {
    for time in [
        r#""2026-11-21T03:12:45.5Z""#,
        r#""2026-11-21 04:12:45.5+01:00""#,
        "1795230765500",
        "1795230765500000000",
        "1795230765.5",
    ] {
        let record = record(&format!(r#"{{"time":{time}}}"#));
        assert_eq!(
            record.to_string(),
            "1795230765.500000000 0 \"\" null",
            "{time}"
        );
    }
    for (time, kept) in [
        (r#""yesterday""#, "\"yesterday\""),
        (r#""1969-12-31T00:00:00Z""#, "\"1969-12-31T00:00:00Z\""),
        ("-5", "-5"),
        ("0", "0"),
        ("true", "true"),
        ("4294967296000", "4294967296000"),
    ] {
        let record = record(&format!(r#"{{"time":{time}}}"#));
        assert_eq!(
            record.to_string(),
            format!("- 0 \"\" null time={kept}"),
            "{time}"
        );
    }
}

/// *Scenario:* levels by name, by the numbers of bunyan and pino, and neither.
/// *Guarantees:* the number is OTLP's, the text is what was written; what is no level stays an attribute.
#[test]
fn levels_are_names_or_numbers() {
    assert_eq!(
        record(r#"{"level":"error"}"#).to_string(),
        "- 17 \"error\" null"
    );
    assert_eq!(
        record(r#"{"level":"loud"}"#).to_string(),
        "- 0 \"loud\" null"
    );
    assert_eq!(record(r#"{"level":30}"#).to_string(), "- 9 \"30\" null");
    assert_eq!(
        record(r#"{"level":7}"#).to_string(),
        "- 0 \"\" null level=7"
    );
    assert_eq!(
        record(r#"{"level":[1]}"#).to_string(),
        "- 0 \"\" null level=`[1]`"
    );
}

/// *Scenario:* keys that come again, and several keys that mean the same.
/// *Guarantees:* of one key the last value counts, of several the first that can be read; the others stay attributes,
/// and a record has each attribute once.
#[test]
fn repeated_keys_do_not_make_repeated_attributes() {
    assert_eq!(
        record(r#"{"a":1,"b":2,"a":"x","\u0061":true}"#).to_string(),
        "- 0 \"\" null a=true b=2"
    );
    assert_eq!(
        record(r#"{"msg":"a","msg":"b"}"#).to_string(),
        "- 0 \"\" \"b\""
    );
    assert_eq!(
        record(r#"{"msg":"a","message":"b"}"#).to_string(),
        "- 0 \"\" \"a\" message=\"b\""
    );
    assert_eq!(
        record(r#"{"ts":"soon","time":1795230765}"#).to_string(),
        "1795230765.000000000 0 \"\" null ts=\"soon\""
    );
    assert_eq!(
        record(r#"{"service":"a","service":"b"}"#).to_string(),
        "- 0 \"\" null resource.service.name=\"b\""
    );
    let many: String = (0..200)
        .map(|i| format!(r#""k{}":{i},"#, i % 100))
        .collect();
    let record = record(&format!("{{{many}\"end\":0}}"));
    assert_eq!(record.attributes.len(), 101);
    assert_eq!(
        (record.attr("k0"), record.attr("k99")),
        (Some(&100i64.into()), Some(&199i64.into()))
    );
}

/// *Scenario:* ids that are none, and a message that is no text.
/// *Guarantees:* bad ids stay attributes; a message keeps its type.
#[test]
fn what_does_not_fit_is_not_lost() {
    assert_eq!(
        record(r#"{"trace_id":"zz","span_id":12}"#).to_string(),
        "- 0 \"\" null trace_id=\"zz\" span_id=12"
    );
    assert_eq!(
        record(r#"{"msg":{"a":1}}"#).to_string(),
        "- 0 \"\" `{\"a\":1}`"
    );
    assert_eq!(record("{}").to_string(), "- 0 \"\" null");
}

/// *Scenario:* numbers at the edges of 64 bits, beyond them, and the smallest mistakes in writing one.
/// *Guarantees:* whole numbers of 64 bits are exact, larger ones are doubles, infinite ones are refused.
#[test]
fn numbers_keep_their_value() {
    for (written, wanted) in [
        ("9223372036854775807", OwnedValue::Int(i64::MAX)),
        ("-9223372036854775808", OwnedValue::Int(i64::MIN)),
        (
            "9223372036854775808",
            OwnedValue::Double(9_223_372_036_854_775_808.0),
        ),
        ("0", OwnedValue::Int(0)),
        ("-0", OwnedValue::Double(-0.0)),
        ("0.1", OwnedValue::Double(0.1)),
        (
            "123456789.123456789",
            OwnedValue::Double(123_456_789.123_456_79),
        ),
        ("1E3", OwnedValue::Double(1000.0)),
        ("1e-400", OwnedValue::Double(0.0)),
    ] {
        assert_eq!(
            record(&format!(r#"{{"n":{written}}}"#)).attr("n"),
            Some(&wanted),
            "{written}"
        );
    }
    for written in [
        "01", "-", "1.", ".5", "1e", "1e+", "+1", "1e999", "-01", "0x1", "1_0",
    ] {
        assert_eq!(
            one(&format!(r#"{{"n":{written}}}"#)).verdict,
            "malformed",
            "{written}"
        );
    }
}

/// *Scenario:* lines that begin as an object and are broken.
/// *Guarantees:* they are malformed, and the reason tells what and where.
#[test]
fn a_broken_object_is_malformed_with_its_place() {
    for (line, reason) in [
        (r#"{"a":1"#, "unexpected character at byte 6"),
        (r#"{"a":1,}"#, "unexpected character at byte 7"),
        (r#"{"a" 1}"#, "unexpected character at byte 5"),
        (r#"{"a":"cut"#, "unterminated string at byte 9"),
        (r#"{"a":"\x"}"#, "unknown escape at byte 6"),
        (r#"{"a":"\ud800"}"#, "half of a surrogate pair at byte 12"),
        ("{\"a\":\"\n\"}", "control character in a string at byte 6"),
        (r#"{"a":nul}"#, "unexpected character at byte 5"),
        (r#"{"a":"#, "unexpected end at byte 5"),
        (r#"{"a":[1,2}"#, "unexpected character at byte 9"),
        (r#"{"a":[1,]}"#, "unexpected character at byte 8"),
        (r#"{"a":{"b"}}"#, "unexpected character at byte 9"),
        (r#"{"a":[1"#, "unexpected end at byte 7"),
        (r#"{} x"#, "text after the object at byte 3"),
    ] {
        let answer = one(line);
        assert_eq!(
            (answer.verdict, answer.reason.as_str()),
            ("malformed", reason),
            "{line}"
        );
    }
}

/// *Scenario:* lines that are no object, and bytes that are no text.
/// *Guarantees:* the next parser gets them, unless they begin as an object does.
#[test]
fn other_lines_are_not_mine() {
    for line in ["", "plain", "[1]", "\"{\"", "  ", "null"] {
        assert_eq!(one(line).verdict, "not-mine", "{line:?}");
    }
    assert_eq!(one(" \t{} ").verdict, "emitted");
    let answers = parse_lines(&json("{}"), [&b"\xff{}"[..], b"{\"a\":\"\xff\"}"]);
    assert_eq!(answers[0].verdict, "not-mine");
    assert_eq!(
        (answers[1].verdict, answers[1].reason.as_str()),
        ("malformed", "not UTF-8 at byte 6")
    );
}

/// *Scenario:* values nested as deep as is allowed, and one deeper, also without an end.
/// *Guarantees:* the depth is that of serde_json, and nothing overflows.
#[test]
fn depth_has_a_bound() {
    let nested = |depth: usize| format!("{{\"a\":{}{}}}", "[".repeat(depth), "]".repeat(depth));
    for depth in [1, 126, 127] {
        let fine = serde_json::from_str::<Oracle>(&nested(depth)).is_ok();
        assert_eq!(one(&nested(depth)).verdict == "emitted", fine, "{depth}");
    }
    assert_eq!(one(&nested(127)).reason, "nested too deep at byte 131");
    assert_eq!(
        one(&format!("{{\"a\":{}", "[{\"b\":".repeat(100_000))).verdict,
        "malformed"
    );
}

/// *Scenario:* keys of the user's own; a key with two meanings; a misspelt field; too many keys.
/// *Guarantees:* they take the place of the usual ones; mistakes are told with their field.
#[test]
fn keys_are_configurable() {
    let plugin = json(
        r#"{"time":["when"],"resource":{"app":"service.name","host":"host.name","svc":"service.name"}}"#,
    );
    let answers = parse_lines(
        &plugin,
        [r#"{"when":1795230765,"ts":1,"app":"a","host":"h","svc":"b"}"#],
    );
    let wanted = "1795230765.000000000 0 \"\" null ts=1 svc=\"b\" resource.service.name=\"a\" resource.host.name=\"h\"";
    assert_eq!(answers[0].records[0].to_string(), wanted);
    let error = |config: &str| testing::plugin::<ParseJson>(config).err().unwrap();
    assert_eq!(
        error(r#"{"time":["level"]}"#).to_string(),
        "/level/0: the key \"level\" has a meaning already"
    );
    assert_eq!(
        error(r#"{"time":["a/b"],"resource":{"a/b":"c"}}"#).pointer(),
        "/resource/a~1b"
    );
    assert_eq!(error(r#"{"tme":["ts"]}"#).pointer(), "/tme");
    assert_eq!(error(r#"{"time":["ts", 7]}"#).pointer(), "/time/1");
    let keys: Vec<String> = (0..60).map(|i| format!("\"k{i}\"")).collect();
    assert!(
        error(&format!(r#"{{"time":[{}]}}"#, keys.join(",")))
            .message()
            .contains("more than 48")
    );
}

proptest! {
    /// *Scenario:* objects of any keys (known ones and repeated ones too) and any values, written in any valid way.
    /// *Guarantees:* keys and values are those that serde_json reads, each where the configuration says.
    #[test]
    fn serde_json_reads_the_same(line in oracle::object()) {
        let wanted = oracle::record(&line).unwrap();
        let answer = one(&line);
        prop_assert_eq!(answer.verdict, "emitted", "{}", answer.reason);
        prop_assert!(oracle::same(&answer.records[0], &wanted), "{}\n{}", answer.records[0], wanted);
    }

    /// *Scenario:* such objects with one byte changed, removed or put in.
    /// *Guarantees:* what serde_json refuses is refused, what it takes is taken and read the same.
    #[test]
    fn serde_json_refuses_the_same(line in oracle::object(), at: proptest::sample::Index, what in 0..3, byte in oracle::byte()) {
        let mut bytes = line.into_bytes();
        let at = at.index(bytes.len());
        match what {
            0 => bytes[at] = byte,
            1 => bytes.insert(at, byte),
            _ => { bytes.remove(at); }
        }
        let answer = parse_lines(&json("{}"), [&bytes]).remove(0);
        let wanted = str::from_utf8(&bytes).ok().and_then(oracle::record);
        prop_assert_eq!(answer.verdict == "emitted", wanted.is_some(), "{:?} {}", String::from_utf8_lossy(&bytes), answer.reason);
        if let Some(wanted) = wanted {
            prop_assert!(oracle::same(&answer.records[0], &wanted), "{}\n{}", answer.records[0], wanted);
        }
    }
}
