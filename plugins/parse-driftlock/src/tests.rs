use super::*;
use proptest::prelude::*;
use serde_json::{Map, Value as Oracle, json};
use tidegate_sdk::testing::{self, Answer, OwnedRecord, OwnedValue, parse, parse_lines, raw};

fn driftlock(config: &str) -> ParseDriftlock {
    testing::plugin(config).unwrap()
}

fn one(line: &str) -> Answer {
    parse_lines(&driftlock("{}"), [line]).remove(0)
}

fn record(line: &str) -> OwnedRecord {
    let mut answer = one(line);
    assert_eq!(answer.verdict, "emitted", "{line}: {}", answer.reason);
    answer.records.remove(0)
}

/// The record of an envelope around this data.
fn data(data: &str) -> OwnedRecord {
    record(&format!(r#"{{"type":"log","data":{{{data}}}}}"#))
}

/// *Scenario:* an event as DriftLock publishes it, with every field.
/// *Guarantees:* each stands where it belongs, typed; the source names the service.
#[test]
fn an_event_becomes_a_record() {
    let line = r#"{"type":"log","data":{"attributes":{"http.route":"/pay","n":7,"ok":true,"tags":["a",{"b":1}]},
        "body":"caf\u00e9 \"ok\"","flags":1,"severity":"WARN","severity_number":14,"timestamp":"2026-11-21T03:12:45.5Z",
        "trace_id":"0af7651916cd43dd8448eb211c80319c","span_id":"b7ad6b7169203331"},
        "timestamp":"2026-11-21T03:12:46.1+01:00","source":"collector-processor"} "#;
    let record = record(line);
    assert_eq!(
        record.to_string(),
        r#"1795230765.500000000 14 "WARN" "café \"ok\"" http.route="/pay" n=7 ok=true tags=`["a",{"b":1}]` resource.service.name="collector-processor""#
    );
    assert_eq!(record.trace.trace_id[..4], [0x0a, 0xf7, 0x65, 0x19]);
    assert_eq!((record.trace.span_id[7], record.trace.flags), (0x31, 1));
}

/// *Scenario:* times of the data and of the envelope, in every form, absent, "no time at all", and no times.
/// *Guarantees:* that of the data counts, else that of the envelope; what is no time stays an attribute.
#[test]
fn the_time_of_the_data_comes_first() {
    let line = |inner: &str, outer: &str| {
        format!(r#"{{"type":"log","data":{{{inner}"body":1}},"timestamp":{outer}}}"#)
    };
    for (inner, outer, wanted) in [
        (
            r#""timestamp":"2026-11-21T03:12:45Z","#,
            "1",
            "1795230765.000000000 0 \"\" 1",
        ),
        (
            r#""timestamp":1795230765500,"#,
            "1",
            "1795230765.500000000 0 \"\" 1",
        ),
        (
            r#""timestamp":1795230765500000000,"#,
            "1",
            "1795230765.500000000 0 \"\" 1",
        ),
        (
            r#""timestamp":1795230765.5,"#,
            "1",
            "1795230765.500000000 0 \"\" 1",
        ),
        ("", "1795230765", "1795230765.000000000 0 \"\" 1"),
        (
            r#""timestamp":null,"#,
            "1795230765",
            "1795230765.000000000 0 \"\" 1",
        ),
        (
            r#""timestamp":0,"#,
            "1795230765",
            "1795230765.000000000 0 \"\" 1",
        ),
        (
            r#""timestamp":"1970-01-01T00:00:00Z","#,
            "1795230765",
            "1795230765.000000000 0 \"\" 1",
        ),
        (r#""timestamp":"","#, "null", "- 0 \"\" 1"),
        (
            r#""timestamp":"soon","#,
            "1795230765",
            "1795230765.000000000 0 \"\" 1 timestamp=\"soon\"",
        ),
        (
            r#""timestamp":"soon","#,
            "[1]",
            "- 0 \"\" 1 timestamp=\"soon\"",
        ),
        ("", "-5", "- 0 \"\" 1 timestamp=-5"),
    ] {
        assert_eq!(
            record(&line(inner, outer)).to_string(),
            wanted,
            "{inner} {outer}"
        );
    }
}

/// *Scenario:* severities by number, by name, by both, unspecified, and what is none.
/// *Guarantees:* the number counts before the name; the name is kept as the text; what is neither stays an attribute.
#[test]
fn the_number_comes_before_the_name() {
    for (fields, wanted) in [
        (
            r#""severity":"ERROR","severity_number":18"#,
            r#"- 18 "ERROR" null"#,
        ),
        (
            r#""severity_number":18,"severity":"loud""#,
            r#"- 18 "loud" null"#,
        ),
        (
            r#""severity":"ERROR","severity_number":0"#,
            r#"- 17 "ERROR" null"#,
        ),
        (r#""severity":"w\u0061rn""#, r#"- 13 "warn" null"#),
        (r#""severity":"","severity_number":9"#, r#"- 9 "" null"#),
        (r#""severity":17"#, r#"- 17 "17" null"#),
        (
            r#""severity":null,"severity_number":null"#,
            r#"- 0 "" null"#,
        ),
        (
            r#""severity":["x"],"severity_number":25"#,
            r#"- 0 "" null severity_number=25 severity=`["x"]`"#,
        ),
        (
            r#""severity":"INFO","severity_number":"9""#,
            r#"- 9 "INFO" null severity_number="9""#,
        ),
        (
            r#""severity":"INFO","severity":"ERROR""#,
            r#"- 17 "ERROR" null"#,
        ),
    ] {
        assert_eq!(data(fields).to_string(), wanted, "{fields}");
    }
}

/// *Scenario:* trace and span in the data, among the attributes, in both, empty, and broken; flags of all sizes.
/// *Guarantees:* those of the data come first; what is no id and no flags stays an attribute.
#[test]
fn traces_are_found_in_data_and_attributes() {
    let (a, b) = ("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331");
    let found = |fields: &str| {
        let record = data(fields);
        let ids = (
            record.trace.trace_id[0],
            record.trace.span_id[0],
            record.trace.flags,
        );
        (
            ids,
            record.to_string().split_once("null").unwrap().1.to_owned(),
        )
    };
    let none = String::new();
    assert_eq!(
        found(&format!(r#""trace_id":"{a}","span_id":"{b}","flags":257"#)),
        ((0x0a, 0xb7, 1), none.clone())
    );
    assert_eq!(
        found(&format!(
            r#""attributes":{{"trace_id":"{a}","span_id":"{b}"}}"#
        )),
        ((0x0a, 0xb7, 0), none.clone())
    );
    let other = "b7ad6b7169203331b7ad6b7169203331";
    assert_eq!(
        found(&format!(
            r#""trace_id":"{a}","attributes":{{"trace_id":"{other}"}}"#
        )),
        ((0x0a, 0, 0), format!(r#" trace_id="{other}""#))
    );
    assert_eq!(
        found(&format!(
            r#""attributes":{{"trace_id":"f{a}","span_id":"ff{}"}},"span_id":"{b}","trace_id":"""#,
            &b[2..]
        )),
        (
            (0, 0xb7, 0),
            format!(r#" trace_id="f{a}" span_id="ff{}""#, &b[2..])
        )
    );
    assert_eq!(
        found(r#""trace_id":"x","span_id":7"#),
        ((0, 0, 0), " trace_id=\"x\" span_id=7".into())
    );
    assert_eq!(
        found(r#""flags":4294967296"#),
        ((0, 0, 0), " flags=4294967296".into())
    );
    assert_eq!(found(r#""flags":0"#), ((0, 0, 0), none));
}

/// *Scenario:* bodies of every type; keys that neither envelope nor data has; attributes that are no object.
/// *Guarantees:* nothing is lost: a body keeps its type, the others become attributes; a log's own attributes come last.
#[test]
fn nothing_is_lost() {
    for (body, wanted) in [
        ("\"x\"", "\"x\""),
        ("7", "7"),
        ("{\"a\":[1]}", "`{\"a\":[1]}`"),
        ("null", "null"),
    ] {
        assert_eq!(
            data(&format!("\"body\":{body}")).to_string(),
            format!("- 0 \"\" {wanted}")
        );
    }
    let line = r#"{"id":"e-1","type":"log","data":{"event_name":"paid","id":2,"attributes":{"id":3}},"source":""}"#;
    assert_eq!(
        record(line).to_string(),
        r#"- 0 "" null id=3 event_name="paid""#
    );
    assert_eq!(
        data(r#""attributes":[1]"#).to_string(),
        r#"- 0 "" null attributes=`[1]`"#
    );
    assert_eq!(data(r#""attributes":null"#).to_string(), r#"- 0 "" null"#);
}

/// *Scenario:* a source, resources beside and in the data, and what is neither; another name for the source.
/// *Guarantees:* all describe the resource; where both name the service, the resource does.
#[test]
fn source_and_resource_describe_the_resource() {
    let line = r#"{"type":"log","data":{"resource":{"host.name":"web-1"}},"source":"agent","resource":{"service.name":"cart","host.name":"x"}}"#;
    assert_eq!(
        record(line).to_string(),
        r#"- 0 "" null resource.service.name="cart" resource.host.name="web-1""#
    );
    let line = r#"{"type":"log","data":{"resource":"r"},"source":7,"resource":null}"#;
    assert_eq!(
        record(line).to_string(),
        r#"- 0 "" null source=7 resource="r""#
    );
    let plugin = driftlock(r#"{"source":"driftlock.source"}"#);
    let answers = parse_lines(&plugin, [r#"{"type":"log","data":{},"source":"agent"}"#]);
    assert_eq!(
        answers[0].records[0].to_string(),
        r#"- 0 "" null resource.driftlock.source="agent""#
    );
}

/// *Scenario:* a batch with metrics and a type that was named, whole and broken; then a configuration that drops none.
/// *Guarantees:* each is dropped with its reason and counted under its type; types that are not named are not mine.
#[test]
fn other_events_are_dropped_and_counted() {
    let event = |kind: &str| {
        format!(r#"{{"type":"{kind}","data":{{"name":"requests"}},"source":"agent"}}"#)
    };
    let metric = event("metric");
    let plugin = driftlock(r#"{"drop":["metric","tested-once"]}"#);
    let lines = [
        metric.clone(),
        event("tested-once"),
        metric.clone(),
        event("span"),
        metric[..40].to_owned(),
    ];
    let answers = parse_lines(&plugin, &lines);
    let said: Vec<_> = answers
        .iter()
        .map(|answer| (answer.verdict, answer.reason.as_str()))
        .collect();
    let dropped = ("dropped", "metric event");
    assert_eq!(
        said[..3],
        [dropped, ("dropped", "tested-once event"), dropped]
    );
    assert_eq!(
        said[3..],
        [
            ("not-mine", ""),
            ("malformed", "unterminated string at byte 40")
        ]
    );
    let before = testing::counted("dropped.metric");
    parse(&plugin, &raw(&lines));
    assert_eq!(testing::counted("dropped.metric") - before, 2);
    assert_eq!(one(&metric).reason, "metric event");
    let none = parse_lines(&driftlock(r#"{"drop":[]}"#), [&metric]);
    assert_eq!(none[0].verdict, "not-mine");
}

/// *Scenario:* other JSON, some with keys of an envelope, and text that is no JSON; whole and broken.
/// *Guarantees:* the next parser gets them.
#[test]
fn other_lines_are_not_mine() {
    for line in [
        "",
        "plain",
        "[1]",
        "{}",
        r#"{"type":"log","message":"x"}"#,
        r#"{"type":"log","data":"x"}"#,
        r#"{"type":7,"data":{}}"#,
        r#"{"data":{},"source":"agent"}"#,
        r#"{"type":"click","data":{},"x"#,
        r#"{"level":"info","type":"log","da"#,
        r#"{"ty"#,
        r#"{"timestamp":"2026"#,
        r#"{"data":7,"x"#,
    ] {
        assert_eq!(one(line).verdict, "not-mine", "{line}");
    }
    let answers = parse_lines(&driftlock("{}"), [&b"\xff{}"[..], b"{\"level\":\"\xff\"}"]);
    assert_eq!(
        (answers[0].verdict, answers[1].verdict),
        ("not-mine", "not-mine")
    );
}

/// *Scenario:* envelopes that are cut, broken, or no UTF-8.
/// *Guarantees:* they are malformed, with what is wrong and where.
#[test]
fn broken_envelopes_are_malformed() {
    for (line, reason) in [
        (&br#"{"type":"lo"#[..], "unterminated string at byte 11"),
        (
            br#"{"type":"log","data":{"body":"x"#,
            "unterminated string at byte 31",
        ),
        (
            br#"{"data":{"body":1},"type""#,
            "unexpected character at byte 25",
        ),
        (
            br#"{"type":"log","data":{"body":01}}"#,
            "a number that is none at byte 31",
        ),
        (
            br#"{"type":"log","data":{}} x"#,
            "text after the object at byte 25",
        ),
        (
            b"{\"type\":\"log\",\"data\":{\"body\":\"\xff\"}}",
            "not UTF-8 at byte 30",
        ),
        (
            b"{\"type\":\"log\",\"data\":{}}\xff",
            "not UTF-8 at byte 24",
        ),
    ] {
        let answer = parse_lines(&driftlock("{}"), [line]).remove(0);
        assert_eq!(
            (answer.verdict, answer.reason.as_str()),
            ("malformed", reason),
            "{}",
            line.escape_ascii()
        );
    }
}

/// *Scenario:* configurations that cannot be meant.
/// *Guarantees:* each is refused with its field.
#[test]
fn a_wrong_configuration_names_its_field() {
    let pointer = |config: &str| {
        testing::plugin::<ParseDriftlock>(config)
            .err()
            .unwrap()
            .pointer()
            .to_owned()
    };
    assert_eq!(pointer(r#"{"source":""}"#), "/source");
    assert_eq!(pointer(r#"{"sauce":"x"}"#), "/sauce");
    assert_eq!(pointer(r#"{"drop":["metric","log"]}"#), "/drop/1");
    assert_eq!(pointer(r#"{"drop":["metric","metric"]}"#), "/drop/1");
    assert_eq!(pointer(r#"{"drop":[""]}"#), "/drop/0");
    assert_eq!(
        pointer(&format!(r#"{{"drop":["{}"]}}"#, "x".repeat(49))),
        "/drop/0"
    );
    let many: Vec<String> = (0..17).map(|i| format!("\"k{i}\"")).collect();
    assert_eq!(
        pointer(&format!(r#"{{"drop":[{}]}}"#, many.join(","))),
        "/drop"
    );
}

/// What a log may say, and what should come of it.
fn events() -> impl Strategy<Value = (Oracle, OwnedRecord)> {
    let leaf = prop_oneof![
        "\\PC{0,8}".prop_map(Oracle::from),
        any::<i64>().prop_map(Oracle::from),
        any::<bool>().prop_map(Oracle::from),
        Just(json!({"a": ["\"", 1]})),
    ];
    let attributes = proptest::collection::btree_map("[a-e\\PC]{0,3}", leaf.clone(), 0..5);
    let level = proptest::sample::select(&[("", 0), ("INFO", 9), ("warn", 13), ("loud", 0)][..]);
    let scalars = (
        100_000_000..=u32::MAX,
        0..1_000_000_000_u32,
        level,
        0..25_u8,
        any::<u32>(),
    );
    (scalars, any::<[u8; 16]>(), leaf, attributes, "[a-z\\PC]{1,6}").prop_map(
        |((seconds, nanos, (name, named), number, flags), trace_id, body, attributes, source)| {
            let attributes: Map<String, Oracle> = attributes.into_iter().collect();
            let digits: String = trace_id.iter().map(|byte| format!("{byte:02x}")).collect();
            let event = json!({"type": "log", "source": source, "data": {
                "timestamp": u64::from(seconds) * 1_000_000_000 + u64::from(nanos), "severity": name,
                "severity_number": number, "body": body, "flags": flags, "trace_id": digits, "attributes": attributes,
            }});
            let record = OwnedRecord {
                time: tidegate_sdk::Timestamp::new(seconds.into(), nanos),
                severity: tidegate_sdk::Severity::new(if number > 0 { number } else { named }).unwrap(),
                severity_text: name.to_owned(),
                body: owned(&body),
                trace: tidegate_sdk::TraceContext { trace_id, span_id: [0; 8], flags: (flags & 0xff) as u8 },
                attributes: attributes.iter().map(|(key, value)| (key.clone(), owned(value))).collect(),
                resource: vec![("service.name".to_owned(), source.as_str().into())],
            };
            (event, record)
        },
    )
}

fn owned(value: &Oracle) -> OwnedValue {
    match value {
        Oracle::Bool(flag) => OwnedValue::Bool(*flag),
        Oracle::Number(number) => OwnedValue::Int(number.as_i64().unwrap()),
        Oracle::String(text) => OwnedValue::Text(text.clone()),
        nested => OwnedValue::Json(nested.to_string()),
    }
}

proptest! {
    /// *Scenario:* events of any content, written by serde_json.
    /// *Guarantees:* the record says what the event said.
    #[test]
    fn what_was_written_is_read((event, wanted) in events()) {
        prop_assert_eq!(&record(&event.to_string()), &wanted, "{}", event);
    }

    /// *Scenario:* such events cut anywhere, or with one byte changed.
    /// *Guarantees:* cut behind the first key they are malformed; changed, they keep the contract, and nothing that
    /// serde_json refuses gives a record.
    #[test]
    fn broken_events_are_refused((event, _) in events(), at: proptest::sample::Index, byte: u8) {
        let line = event.to_string().replacen('{', "{\"type\":\"log\",", 1).into_bytes();
        let at = at.index(line.len());
        let cut = parse_lines(&driftlock("{}"), [&line[..at]]).remove(0).verdict;
        prop_assert_eq!(cut, if at < 8 { "not-mine" } else { "malformed" });
        let mut changed = line;
        changed[at] = byte;
        let answer = parse_lines(&driftlock("{}"), [&changed]).remove(0);
        let valid = serde_json::from_slice::<serde::de::IgnoredAny>(&changed).is_ok();
        prop_assert!(valid || answer.records.is_empty(), "{}", changed.escape_ascii());
    }

    /// *Scenario:* any bytes, and any bytes behind a beginning that is known; several lines in one call.
    /// *Guarantees:* nothing panics, every answer keeps the contract, and none depends on where the batch was cut.
    #[test]
    fn nothing_panics(start in 0..5usize, lines: Vec<Vec<u8>>) {
        let start = ["", "{\"type\":", "{\"type\":\"log\",\"data\":{", "{\"type\":\"metric\",\"data\":{}", "{\"type\":\"log\",\"data\":{\"timestamp\":"][start];
        let lines = lines.iter().map(|bytes| [start.as_bytes(), bytes].concat());
        parse_lines(&driftlock("{}"), lines);
    }
}
