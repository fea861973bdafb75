//! The views, the answers and the edits, through the same columns as in Wasm.

use crate::testing::{
    self, EnrichedRecord, OwnedValue, counted, enrich_at, next, parse, parse_lines, raw,
};
use crate::{
    Attribute, Batch, Columns, ConfigError, Edit, Emit, Enricher, Json, Memory, Nothing, Parser,
    Plugin, Record, Severity, Timestamp, TraceContext, Value, Verdict, host,
};
use proptest::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[derive(Deserialize, JsonSchema, Default)]
#[serde(default, deny_unknown_fields)]
struct Config {
    limits: Vec<Limit>,
}

#[derive(Deserialize, JsonSchema)]
struct Limit {
    #[serde(rename = "a/b")]
    #[allow(dead_code, reason = "read as a part of the configuration only")]
    number: u8,
}

/// Does what the line says, wrong things too.
struct Odd;

impl Plugin for Odd {
    type Config = Config;

    fn configure(config: Config) -> Result<Self, ConfigError> {
        if config.limits.is_empty() {
            Ok(Odd)
        } else {
            Err(ConfigError::other("limits are not known"))
        }
    }
}

impl Parser for Odd {
    fn parse(&self, input: Record<'_>, out: &mut Emit<'_>) -> Verdict {
        let mut record = out.record();
        match input.body() {
            "lies" => return Verdict::Emitted,
            "dropped" => return Verdict::dropped("not wanted"),
            "half" => {
                record.attr("lost", 1);
                return Verdict::malformed("half a record");
            }
            "late" => {
                record.attr("lost", 1);
                record.emit();
                return Verdict::malformed("after a record");
            }
            "forgotten" => {
                record.attr("lost", 1);
                let mut other = out.record();
                other.attr("kept", true);
                other.emit();
            }
            "two" => {
                record.attr("part", 1);
                record.emit();
                let mut other = out.record();
                other.attr("part", 2).body(input.body());
                other.emit();
            }
            "buffer" => {
                // One buffer with other text each time: what is remembered by address must not be believed.
                let mut key = String::with_capacity(8);
                for text in ["aaaa", "bbbb"] {
                    key.clear();
                    key.push_str(text);
                    record.attr(&key, 1);
                }
                record.emit();
            }
            "types" => {
                record
                    .attr("null", Value::Null)
                    .attr("yes", true)
                    .attr("int", i64::MIN)
                    .attr("double", 1.5)
                    .attr("nan", f64::NAN);
                record
                    .attr("bytes", &b"\xff"[..])
                    .attr("json", Json("[1]"))
                    .resource("int", 7u8);
                record
                    .body(Json("{}"))
                    .severity(Severity::FATAL, "dead")
                    .time(Timestamp::new(5, 6));
                record.trace_id([1; 16]).span_id([2; 8]).trace_flags(3);
                record.emit();
            }
            line if line.starts_with("joins ") => {
                return Verdict::Joined(line[6..].parse().unwrap_or(0));
            }
            _ => return Verdict::NotMine,
        }
        Verdict::Emitted
    }
}

/// *Scenario:* a parser that emits, refuses after it has begun or even emitted, forgets a record, and says what is not true.
/// *Guarantees:* every input has its verdict and at most one reason; nothing of a refused one stays.
#[test]
fn nothing_of_a_refused_record_stays() {
    let given = raw([
        "half",
        "two",
        "lies",
        "forgotten",
        "x",
        "late",
        "dropped",
        "joins 1",
        "joins 9",
    ]);
    let parsed = parse(&Odd, &given);
    assert_eq!(parsed.verdicts(), [3, 0, 3, 0, 2, 3, 1, 4, 3]);
    assert_eq!(parsed.input(), [1, 1, 3]);
    assert_eq!(parsed.joined(), [7, 1]);
    let reasons: Vec<(u32, &str)> = parsed
        .reasons()
        .iter()
        .map(|reason| (reason.input, reason.message.as_str()))
        .collect();
    assert_eq!(
        reasons[..2],
        [
            (0, "half a record"),
            (2, "the plugin said that it emitted a record and did not")
        ]
    );
    assert_eq!(reasons[2..4], [(5, "after a record"), (6, "not wanted")]);
    let after = next(&given, &parsed);
    let kept: Vec<String> = testing::batch(&after)
        .records()
        .map(|record| testing::OwnedRecord::of(record).to_string())
        .collect();
    assert_eq!(
        kept,
        [
            "- 0 \"\" null part=1",
            "- 0 \"\" \"two\" part=2",
            "- 0 \"\" null kept=true"
        ]
    );
}

/// *Scenario:* a key that is written twice, one from a buffer that changes, and a body that lies in the input.
/// *Guarantees:* constants are written once a call, other text each time, text of the input not at all.
#[test]
fn text_is_copied_only_where_it_must() {
    let parsed = parse(&Odd, &raw(["two", "two", "buffer"]));
    assert_eq!(parsed.text(), b"partaaaabbbb");
}

/// *Scenario:* a value of every type, and everything else that a record can have.
/// *Guarantees:* all of it comes back as it was set; "not a number" comes back as text.
#[test]
fn every_type_survives_the_columns() {
    let answers = parse_lines(&Odd, ["two", "types"]);
    let record = &answers[1].records[0];
    let wanted = r#"5.000000006 21 "dead" `{}` null=null yes=true int=-9223372036854775808 double=1.5 nan="NaN" bytes=b"\xff" json=`[1]` resource.int=7"#;
    assert_eq!(record.to_string(), wanted);
    assert_eq!(
        record.trace,
        TraceContext {
            trace_id: [1; 16],
            span_id: [2; 8],
            flags: 3
        }
    );
    assert_eq!(answers[0].records[0].trace, TraceContext::default());
}

/// Drops records in this order, for reasons that tell the turn.
struct Drops(Vec<usize>);

impl Plugin for Drops {
    type Config = Config;

    fn configure(_: Config) -> Result<Self, ConfigError> {
        Ok(Drops(Vec::new()))
    }
}

impl Enricher for Drops {
    type Memory = Nothing;

    fn enrich(&self, _: &mut Nothing, _: Record<'_>, _: u64, _: &mut Edit<'_>) {}

    fn enrich_batch(&self, _: &mut Nothing, _: Batch<'_>, _: u64, edit: &mut Edit<'_>) {
        for (turn, record) in self.0.iter().enumerate() {
            edit.begin(*record);
            edit.drop(format!("turn {turn}"));
        }
    }
}

/// *Scenario:* an enricher goes back to records and drops them again.
/// *Guarantees:* each is dropped once, for its first reason.
#[test]
fn what_is_dropped_again_has_one_reason() {
    let dropped = testing::enrich(&Drops(vec![2, 0, 2, 0, 0]), &raw(["a", "b", "c"]));
    let reason = |turn: &str| EnrichedRecord::Dropped(turn.to_owned());
    assert_eq!(
        (&dropped[0], &dropped[2]),
        (&reason("turn 1"), &reason("turn 0"))
    );
    assert!(dropped[1].record().is_some());
}

/// *Scenario:* a configuration with a wrong type deep inside, an unknown field, text behind it, and none at all.
/// *Guarantees:* the field is told as a JSON pointer where there is one; nothing means the defaults.
#[test]
fn a_wrong_configuration_names_its_field() {
    let error = |config: &str| testing::plugin::<Odd>(config).err().unwrap();
    assert_eq!(
        error(r#"{"limits": [{"a/b": 1}, {"a/b": 300}]}"#).pointer(),
        "/limits/1/a~1b"
    );
    assert_eq!(error(r#"{"limit": []}"#).pointer(), "/limit");
    assert_eq!(error("{} {}").pointer(), "");
    assert_eq!(
        error(r#"{"limits": [{"a/b": 1}]}"#),
        ConfigError::other("limits are not known")
    );
    for nothing in ["", "null", "{}", " "] {
        assert!(testing::plugin::<Odd>(nothing).is_ok(), "{nothing:?}");
    }
    assert!(testing::config_schema::<Odd>().contains(r#""additionalProperties":false"#));
}

/// *Scenario:* three things are wrong; two were told together before, and one is told in several lines.
/// *Guarantees:* one error points to the first, and each further one is a line of its own with its pointer.
#[test]
fn several_things_may_be_wrong() {
    let two = ConfigError::field("/b", "is 1;\n   use 2").and(ConfigError::other("no"));
    let all = ConfigError::field("/a/0", "is 3").and(two);
    assert_eq!(all.pointer(), "/a/0");
    assert_eq!(all.message(), "is 3\n/b: is 1; use 2\n/: no");
}

/// Says what to edit by its lines; counts in its memory.
struct Edits;

#[derive(Serialize, Deserialize, Default)]
struct Count(u64);

impl Memory for Count {}

impl Plugin for Edits {
    type Config = Config;

    fn configure(_: Config) -> Result<Self, ConfigError> {
        Ok(Edits)
    }
}

impl Enricher for Edits {
    type Memory = Count;

    fn enrich(&self, memory: &mut Count, record: Record<'_>, now: u64, edit: &mut Edit<'_>) {
        memory.0 += 1;
        host::count("edits", 1);
        let attribute = |key| {
            record.attribute(key).unwrap_or(Attribute {
                place: 0,
                key: "",
                value: Value::Null,
                resource: false,
            })
        };
        match record.index() {
            0 => {
                edit.set("count", memory.0 as i64);
                edit.set("now", now as i64);
                edit.set_resource("int", "changed");
                edit.severity(Severity::WARN, "warn");
                edit.time(None);
            }
            1 => {
                edit.remove(attribute("yes").place);
                edit.set("renamed", attribute("yes").value);
                edit.replace_with(&attribute("json"), |text| text.push("[2]"));
                edit.replace(&attribute("int"), 1);
                edit.body_with(|text| text.push("new body"));
                edit.trace(TraceContext {
                    trace_id: [9; 16],
                    ..record.trace()
                });
                edit.route("audit");
            }
            _ => {
                edit.drop("not wanted");
                edit.drop("twice");
            }
        }
    }
}

/// *Scenario:* one edit of every sort, put to the records by the rules of the contract.
/// *Guarantees:* each does what it says and nothing else; memory and counts go on.
#[test]
fn edits_do_what_they_say() {
    let given = raw(["types", "types", "types"]);
    let given = next(&given, &parse(&Odd, &given));
    let mut memory = Count(40);
    let all = enrich_at(&Edits, &mut memory, &given, 17);
    let shown: Vec<String> = all
        .iter()
        .filter_map(EnrichedRecord::record)
        .map(ToString::to_string)
        .collect();
    let kept = "null=null yes=true int=-9223372036854775808 double=1.5 nan=\"NaN\" bytes=b\"\\xff\" json=`[1]`";
    assert_eq!(
        shown[0],
        format!("- 13 \"warn\" `{{}}` {kept} count=41 now=17 resource.int=\"changed\"")
    );
    let kept = "null=null int=1 double=1.5 nan=\"NaN\" bytes=b\"\\xff\" json=`[2]` renamed=true";
    assert_eq!(
        shown[1],
        format!("5.000000006 21 \"dead\" \"new body\" {kept} resource.int=7")
    );
    let EnrichedRecord::Kept { record, route } = &all[1] else {
        panic!("it is kept")
    };
    assert_eq!(
        (route.as_deref(), record.trace.trace_id, record.trace.flags),
        (Some("audit"), [9; 16], 3)
    );
    assert_eq!(all[2], EnrichedRecord::Dropped("not wanted".to_owned()));
    assert_eq!((memory.0, counted("edits")), (43, 3));
}

/// *Scenario:* columns that break the contract.
/// *Guarantees:* there is no view of them, so nothing can be read that is not there or is no text.
#[test]
fn bad_columns_have_no_view() {
    let good = raw(["text"]);
    assert!(Batch::new(&good).is_ok());
    let bad = |change: fn(&mut Columns)| {
        let mut columns = good.clone();
        change(&mut columns);
        Batch::new(&columns).err().unwrap()
    };
    assert_eq!(
        bad(|columns| columns.body[1] = 5),
        "the span of 5 bytes at 0 is outside"
    );
    assert_eq!(
        bad(|columns| columns.body[0] = u32::MAX),
        "the span of 4 bytes at 4294967295 is outside"
    );
    assert!(bad(|columns| columns.text[0] = 0xff).contains("utf-8"));
    assert_eq!(
        bad(|columns| columns.attribute_end[0] = 1),
        "attribute-end's last is 1 and not 0"
    );
    assert_eq!(
        bad(|columns| columns.severity[0] = 25),
        "severity 25 is above 24"
    );
    assert_eq!(bad(|columns| columns.nanos.clear()), "nanos is 0 and not 1");
    assert_eq!(
        bad(|columns| columns.body_kind.push(7)),
        "there is no kind 7"
    );
}

/// Sets attributes as its line says: `key=value` by blanks, a `!` before a key for the resource's.
struct Pairs;

impl Plugin for Pairs {
    type Config = Config;

    fn configure(_: Config) -> Result<Self, ConfigError> {
        Ok(Pairs)
    }
}

impl Parser for Pairs {
    fn parse(&self, input: Record<'_>, out: &mut Emit<'_>) -> Verdict {
        let mut record = out.record();
        for pair in input.body().split(' ') {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            match key.strip_prefix('!') {
                Some(key) => record.resource(key, value),
                None => record.attr(key, value),
            };
        }
        record.emit();
        Verdict::Emitted
    }
}

proptest! {
    /// *Scenario:* few and many attributes, keys that come again close by and far apart, of the record and its resource.
    /// *Guarantees:* each is there once, at its first place, with its last value.
    #[test]
    fn each_attribute_is_there_once(keys in proptest::collection::vec("!?[ab]{0,2}[0-9]{0,2}", 0..200)) {
        let line: Vec<String> = keys.iter().enumerate().map(|(i, key)| format!("{key}={i}")).collect();
        let record = parse_lines(&Pairs, [line.join(" ")]).remove(0).records.remove(0);
        let mut wanted: Vec<(String, String)> = Vec::new();
        for (i, key) in keys.iter().enumerate() {
            match wanted.iter_mut().find(|(known, _)| known == key) {
                Some(pair) => pair.1 = i.to_string(),
                None => wanted.push((key.clone(), i.to_string())),
            }
        }
        if keys.is_empty() {
            wanted.push((String::new(), String::new()));
        }
        let own = record.attributes.iter().map(|(key, value)| (key.clone(), value));
        let resource = record.resource.iter().map(|(key, value)| (format!("!{key}"), value));
        let (of_resource, of_record): (Vec<_>, Vec<_>) = wanted.into_iter().partition(|(key, _)| key.starts_with('!'));
        let wanted = of_record.into_iter().chain(of_resource);
        for ((key, value), (known, last)) in own.chain(resource).zip(wanted.clone()) {
            prop_assert_eq!((key, value), (known, &OwnedValue::from(&last)));
        }
        prop_assert_eq!(record.attributes.len() + record.resource.len(), wanted.count());
    }

    /// *Scenario:* any bytes and any of them sought, at any place.
    /// *Guarantees:* sixteen at a time finds what one by one finds, and words compare as bytes do.
    #[test]
    fn finding_is_what_it_would_be_byte_by_byte(bytes: Vec<u8>, other: Vec<u8>, from in 0..40usize, wanted: u8) {
        let slow = |is: &dyn Fn(u8) -> bool| (from..bytes.len()).find(|at| is(bytes[*at])).unwrap_or(bytes.len().max(from));
        prop_assert_eq!(crate::find::byte(&bytes, from, wanted), slow(&|byte| byte == wanted));
        prop_assert_eq!(crate::find::quote(&bytes, from), slow(&|byte| byte == b'"' || byte == b'\\' || byte < 0x20));
        let digits = crate::find::first(&bytes, from, |lanes| lanes.digits(), |byte| byte.is_ascii_digit());
        prop_assert_eq!(digits, slow(&|byte| byte.is_ascii_digit()));
        prop_assert_eq!(crate::find::equal(&bytes, &other), bytes == other);
        let mut close = bytes.clone();
        prop_assert!(crate::find::equal(&bytes, &close));
        if let Some(byte) = close.get_mut(from) {
            *byte ^= 1;
            prop_assert!(!crate::find::equal(&bytes, &close));
        }
    }
}

/// *Scenario:* two records with attributes of the record and the resource, of text and of numbers.
/// *Guarantees:* keys come in their order with places at which their own record, and no other, has their values.
#[test]
fn keys_say_where_values_are() {
    let record = |n: i64| {
        testing::OwnedRecord::new("x")
            .with("user", "a")
            .with("n", n)
            .with_resource("user", "b")
    };
    let columns = testing::columns([&record(1), &record(2)]);
    let batch = testing::batch(&columns);
    let [first, second] = [0, 1].map(|index| batch.get(index).unwrap());
    let keys: Vec<_> = second.keys().map(|key| (key.key, key.resource)).collect();
    assert_eq!(keys, [("user", false), ("n", false), ("user", true)]);
    let places: Vec<usize> = second.keys().map(|key| key.place).collect();
    let values: Vec<_> = places.iter().map(|place| second.value_at(*place)).collect();
    let expected = [Value::Text("a"), Value::Int(2), Value::Text("b")];
    assert_eq!(values, expected.map(Some));
    let texts: Vec<_> = places.iter().map(|place| second.text_at(*place)).collect();
    assert_eq!(texts, [Some("a"), None, Some("b")]);
    assert_eq!(first.value_at(places[0]), None);
    assert_eq!(first.text_at(places[0]), None);
}
