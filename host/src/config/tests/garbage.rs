//! Nothing that a file says may panic or run without end.

use super::{GOOD, load};
use crate::config::{file, schema};
use proptest::prelude::*;

/// Numbers, and keys that take them.
const NUMBERS: [&str; 11] = [
    "1e999",
    ".nan",
    "2.0",
    "1e+06",
    "1.7e12",
    "1e30",
    "-0.0",
    "9223372036854775808",
    "1960-01-01T00:00:00Z",
    "lanes: ",
    "start: ",
];

/// Pieces of YAML, of our keys and of trouble.
fn piece() -> impl Strategy<Value = String> {
    let fixed = prop::sample::select(vec![
        "kafka",
        "main",
        "plugins",
        "outputs",
        "otlp",
        "key",
        "pipelines",
        "from",
        "topics",
        "to",
        "records",
        "admin",
        "listen",
        "config",
        ": ",
        ":\n",
        "\n  ",
        "\n    ",
        "\n",
        "- ",
        "[",
        "]",
        "{",
        "}",
        ", ",
        "&a ",
        "*a",
        "<<: ",
        "!x ",
        "|\n",
        ">\n",
        "\"",
        "'",
        "#",
        "---\n",
        "...\n",
        "? ",
        "^(",
        "${",
        "${HOME}",
        "$${",
        "}",
        "5",
        "-1",
        "null",
        "~",
        "true",
        "10s",
        "64MiB",
        "\t",
        "\u{feff}",
        "\0",
        "é",
    ]);
    prop_oneof![
        6 => fixed.prop_map(str::to_owned),
        1 => prop::sample::select(NUMBERS.to_vec()).prop_map(str::to_owned),
        1 => any::<String>(),
    ]
}

/// One edit of a good file: cut out a part, put in pieces.
fn edited() -> impl Strategy<Value = String> {
    let edit = (
        0..GOOD.len(),
        0usize..20,
        prop::collection::vec(piece(), 0..4),
    );
    prop::collection::vec(edit, 1..4).prop_map(|edits| {
        let mut text = GOOD.to_owned();
        for (at, cut, pieces) in edits {
            let start = text.floor_char_boundary(at.min(text.len()));
            let end = text.floor_char_boundary((start + cut).min(text.len()));
            text.replace_range(start..end.max(start), &pieces.concat());
        }
        text
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// *Scenario:* random pieces of YAML.
    /// *Guarantees:* an answer, never a panic; problems name lines of the file.
    #[test]
    fn rubbish_never_panics(pieces in prop::collection::vec(piece(), 0..60)) {
        let _ = load(&pieces.concat());
    }

    /// *Scenario:* a good file, edited at random.
    /// *Guarantees:* the same; and what the schema lets pass, the types read.
    #[test]
    fn edits_never_panic(text in edited()) {
        if let Err(told) = load(&text) {
            prop_assert!(!told.is_empty());
            prop_assert!(!told.iter().any(|t| t.contains("cannot be read as a configuration")), "{:?}", told);
        }
    }
}

/// Numbers as people and programs write them.
fn number() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<i64>().prop_map(|n| n.to_string()),
        any::<u64>().prop_map(|n| n.to_string()),
        any::<u128>().prop_map(|n| n.to_string()),
        any::<f64>().prop_map(|n| n.to_string()),
        any::<f64>().prop_map(|n| format!("{n:e}")),
        (0u32..2000, 0..9).prop_map(|(n, e)| format!("{n}.0e+{e}")),
        (-9..9, 0..9).prop_map(|(n, d)| format!("{n}.{d}")),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    /// *Scenario:* any number at every place that takes one.
    /// *Guarantees:* it is taken, or told with line, field and rule.
    #[test]
    fn numbers_are_taken_or_told(number in number(), place in 0usize..6) {
        let (old, new) = [
            ("    parse: [json]", "    parse: [json]\n    lanes: N"),
            ("      group_id: g", "      group_id: g\n      start: N"),
            ("      group_id: g", "      group_id: g\n      batch: { records: N }"),
            ("4317\"", "4317\", batch: { max_records: N }"),
            ("4317\"", "4317\", retry: { multiplier: N, jitter: N }"),
            ("parse-json\"", "parse-json\", limits: { faults_per_minute: N }"),
        ][place];
        let line = GOOD.lines().position(|l| l.contains(old)).unwrap() + 1 + new.matches('\n').count();
        if let Err(told) = load(&GOOD.replace(old, &new.replace('N', &number))) {
            for told in told {
                prop_assert!(told.starts_with(&format!("x.yaml:{line}:")), "{}", told);
                prop_assert!(told.contains(" must be ") || told.contains("finite"), "{}", told);
            }
        }
    }
}

/// *Scenario:* every default that the schema states.
/// *Guarantees:* the schema accepts it and the types read it back: types and schema speak of one thing.
#[test]
fn the_schema_accepts_its_own_defaults() {
    fn walk(schema: &serde_json::Value, seen: &mut usize) {
        if let Some(default) = schema.get("default") {
            let validator = jsonschema::validator_for(schema).unwrap();
            assert!(validator.is_valid(default), "{default} of {schema}");
            *seen += 1;
        }
        match schema {
            serde_json::Value::Object(o) => o.values().for_each(|v| walk(v, seen)),
            serde_json::Value::Array(a) => a.iter().for_each(|v| walk(v, seen)),
            _ => {}
        }
    }
    let mut seen = 0;
    walk(&schema(), &mut seen);
    assert!(seen > 30, "{seen}");
    let file: file::File = serde_json::from_value(serde_json::json!({
        "kafka": {}, "outputs": {}, "pipelines": {},
    }))
    .unwrap();
    assert!(file.cache_dir.is_none());
}
