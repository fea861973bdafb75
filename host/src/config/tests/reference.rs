//! docs/configuration.md is generated from the types; this test writes it where it is asked to.

use crate::config::schema;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::PathBuf;

const BEGIN: &str = "<!-- reference: generated from the types -->\n";
const END: &str = "<!-- end of the reference -->\n";

/// *Scenario:* the reference in docs/configuration.md.
/// *Guarantees:* it holds every key with its type, default and meaning as the code has them. With
/// `TIDEGATE_WRITE_DOCS=1` in the environment the test writes it instead.
#[test]
fn the_reference_is_of_this_code() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/configuration.md");
    let page = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = page.split_once(BEGIN).unwrap();
    let (_, after) = rest.split_once(END).unwrap();
    let mut reference = String::new();
    section("", &schema(), &mut reference);
    let expected = format!("{before}{BEGIN}{reference}{END}{after}");
    if std::env::var_os("TIDEGATE_WRITE_DOCS").is_some() {
        std::fs::write(&path, &expected).unwrap();
    }
    assert!(
        page == expected || std::fs::read_to_string(&path).unwrap() == expected,
        "docs/configuration.md is old: TIDEGATE_WRITE_DOCS=1 cargo test -p tidegate the_reference"
    );
}

/// One map of the file, then the maps in it.
fn section(path: &str, schema: &Value, out: &mut String) {
    let title = match path {
        "" => "The file".to_owned(),
        path => format!("`{path}`"),
    };
    let about = text(schema, "description");
    writeln!(out, "\n### {title}\n\n{about}\n").unwrap();
    writeln!(out, "| key | type | default | meaning |\n|---|---|---|---|").unwrap();
    let required: Vec<&str> = schema["required"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let properties: BTreeMap<_, _> = schema["properties"].as_object().unwrap().iter().collect();
    for (key, value) in &properties {
        let default = default(value, required.contains(&key.as_str()));
        let meaning = text(value, "description").replace('|', "\\|");
        writeln!(out, "| `{key}` | {} | {default} | {meaning} |", kind(value)).unwrap();
    }
    for (key, value) in properties {
        let below = if path.is_empty() {
            key.clone()
        } else {
            format!("{path}.{key}")
        };
        let named = &value["additionalProperties"];
        if value["properties"].is_object() {
            section(&below, value, out);
        } else if named["properties"].is_object() {
            section(&format!("{below}.NAME"), named, out);
        }
    }
}

fn text(schema: &Value, key: &str) -> String {
    schema[key].as_str().unwrap_or_default().replace('\n', " ")
}

fn default(schema: &Value, required: bool) -> String {
    match &schema["default"] {
        _ if required => "*required*".to_owned(),
        Value::Null => String::new(),
        Value::Object(o) if schema["properties"].is_object() && o.len() > 1 => {
            "see below".to_owned()
        }
        Value::Object(o) if o.is_empty() => String::new(),
        Value::Object(o) => {
            let pairs: Vec<_> = o
                .iter()
                .map(|(k, v)| format!("{k}: {}", plain(v)))
                .collect();
            format!("`{{ {} }}`", pairs.join(", "))
        }
        Value::Array(a) => {
            let items: Vec<_> = a.iter().map(plain).collect();
            format!("`[{}]`", items.join(", "))
        }
        other => format!("`{}`", plain(other)),
    }
}

fn plain(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

fn kind(schema: &Value) -> String {
    if let Some(own) = schema["x-type"].as_str() {
        return own.to_owned();
    }
    if let Some(words) = schema["enum"].as_array() {
        let words: Vec<_> = words.iter().map(|w| format!("`{}`", plain(w))).collect();
        return words.join(", ");
    }
    let range = match (&schema["minimum"], &schema["maximum"]) {
        (Value::Null, _) | (_, Value::Null) => String::new(),
        (min, max) => format!(", {min} to {max}"),
    };
    match &schema["type"] {
        Value::Array(_) => format!(
            "map or `{}`",
            text(schema, "pattern").trim_matches(['^', '$'])
        ),
        Value::String(t) if t == "integer" => format!("whole number{range}"),
        Value::String(t) if t == "number" => format!("number{range}"),
        Value::String(t) if t == "string" => "text".to_owned(),
        Value::String(t) if t == "boolean" => "`true`, `false`".to_owned(),
        Value::String(t) if t == "array" => format!("list of: {}", kind(&schema["items"])),
        Value::String(t) if t == "object" && schema["additionalProperties"].is_object() => {
            match schema["additionalProperties"]["properties"].is_object() {
                true => "maps by name".to_owned(),
                false => format!("by name: {}", kind(&schema["additionalProperties"])),
            }
        }
        Value::String(t) if t == "object" => "map".to_owned(),
        _ => "anything".to_owned(),
    }
}
