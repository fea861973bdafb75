//! What a JSON Schema validator found, in plain sentences; the same for the file and for plugins.
//!
//! Pure. Nothing that it says holds a value: values are shown by the tree, as they were written.

use super::problem::{Field, Problem, nearest};
use super::tree::Node;
use jsonschema::error::{TypeKind, ValidationErrorKind};
use jsonschema::{JsonType, PatternOptions, ValidationError, Validator};
use serde_json::Value;
use std::path::Path;

/// The most violations that are told of one value.
const VIOLATIONS_MAX: usize = 200;
/// The most keys that a remedy lists.
const LISTED_MAX: usize = 20;
/// Keys that later versions will have, to tell them from typing errors.
const LATER: [&str; 5] = ["detect", "score", "alerts", "anomalies", "kafka"];

/// One place that does not fit a schema.
#[derive(Clone, Debug, PartialEq)]
pub struct Violation {
    /// The place.
    pub field: Field,
    /// What is wrong there.
    pub what: What,
    /// The rule: `must be ...`.
    pub rule: String,
    /// What to do; may be empty.
    pub remedy: String,
    /// Something that the schema has there, to read on with; none where what is there can be read.
    pub fill: Option<Value>,
}

/// What is wrong with a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// The key should not be there, or is no proper name.
    Key,
    /// The key should be there.
    Missing,
    /// The value does not fit.
    Value,
}

/// Makes a validator that runs in linear time and never looks for schemas elsewhere.
///
/// # Errors
/// The schema is none.
pub fn validator(schema: &Value) -> Result<Validator, String> {
    jsonschema::options()
        .with_pattern_options(PatternOptions::regex())
        .build(schema)
        .map_err(|e| e.to_string())
}

/// All places of `json` that do not fit; `root` is the tree that it was made of.
pub fn violations(
    validator: &Validator,
    schema: &Value,
    json: &Value,
    root: &Node,
) -> Vec<Violation> {
    let mut all = Vec::new();
    for error in validator.iter_errors(json).take(VIOLATIONS_MAX) {
        let field = root.field(error.instance_path().as_str());
        let near = Near::of(schema, &error);
        translate(&error, field, &near, &mut all);
    }
    all
}

fn translate(error: &ValidationError<'_>, field: Field, near: &Near<'_>, all: &mut Vec<Violation>) {
    match error.kind() {
        ValidationErrorKind::AdditionalProperties { unexpected }
        | ValidationErrorKind::UnevaluatedProperties { unexpected } => {
            all.extend(unexpected.iter().map(|key| unknown(&field, key, near)));
        }
        ValidationErrorKind::Required { property } => {
            let key = property.as_str().unwrap_or_default();
            all.push(Violation {
                field: field.then(key),
                what: What::Missing,
                rule: "is missing".to_owned(),
                remedy: near.about(key),
                fill: near.property(key).map(fill),
            });
        }
        ValidationErrorKind::PropertyNames { error } => {
            let key = error.instance().as_str().unwrap_or_default();
            let inner = || near.text("propertyNames", "x-rule");
            let rule = near.text("", "x-rule").or_else(inner);
            all.push(Violation {
                field: field.then(key),
                what: What::Key,
                rule: rule.unwrap_or_else(|| "is no proper name".to_owned()),
                remedy: String::new(),
                fill: None,
            });
        }
        _ => {
            let (rule, remedy) = value_rule(error, near);
            all.push(Violation {
                field,
                what: What::Value,
                rule,
                remedy,
                fill: near.schema.filter(|_| !is_readable(error.kind())).map(fill),
            });
        }
    }
}

fn unknown(field: &Field, key: &str, near: &Near<'_>) -> Violation {
    let known = near.keys();
    let (rule, remedy) = if LATER.contains(&key) && near.is_ours() {
        let remedy = "leave it out: this version has parsers, enrichers and OTLP outputs";
        ("is not supported yet", remedy.to_owned())
    } else if let Some(meant) = nearest(key, known.iter().copied()) {
        ("is not a known key", format!("did you mean {meant}?"))
    } else {
        ("is not a known key", listed("known here: ", &known))
    };
    Violation {
        field: field.then(key),
        what: What::Key,
        rule: rule.to_owned(),
        remedy,
        fill: None,
    }
}

/// Whether a type holds the value all the same: too long, too short, not too strange.
fn is_readable(kind: &ValidationErrorKind) -> bool {
    matches!(
        kind,
        ValidationErrorKind::MinItems { .. }
            | ValidationErrorKind::MaxItems { .. }
            | ValidationErrorKind::MinLength { .. }
            | ValidationErrorKind::MaxLength { .. }
            | ValidationErrorKind::MinProperties { .. }
            | ValidationErrorKind::MaxProperties { .. }
    )
}

/// The plainest value that fits a schema, or nearly.
fn fill(schema: &Value) -> Value {
    let first = |key| schema.get(key).and_then(|v| v.get(0)).cloned();
    if let Some(example) = first("examples").or_else(|| first("enum")) {
        return example;
    }
    match schema.get("type").and_then(Value::as_str) {
        Some("array") => Value::Array(Vec::new()),
        Some("object") => Value::Object(serde_json::Map::new()),
        Some("string") => String::new().into(),
        _ => Value::Null,
    }
}

fn listed(before: &str, words: &[&str]) -> String {
    match words.len() {
        0 => String::new(),
        n if n > LISTED_MAX => String::new(),
        _ => format!("{before}{}", words.join(", ")),
    }
}

fn value_rule(error: &ValidationError<'_>, near: &Near<'_>) -> (String, String) {
    let own = near.text("", "x-rule");
    let remedy = near.text("", "x-remedy").unwrap_or_default();
    match error.kind() {
        ValidationErrorKind::Type { kind } => {
            let rule = own.unwrap_or_else(|| format!("must be {}", types(kind)));
            match (kind, error.instance().as_ref()) {
                (TypeKind::Single(JsonType::Array), Value::String(_)) => {
                    (rule, "put it into [ ]".to_owned())
                }
                _ => (rule, remedy),
            }
        }
        ValidationErrorKind::Enum { options } => choice(error, options),
        kind => (own.unwrap_or_else(|| bound(kind)), remedy),
    }
}

fn choice(error: &ValidationError<'_>, options: &Value) -> (String, String) {
    let items = options.as_array().map(Vec::as_slice).unwrap_or_default();
    let words: Vec<&str> = items.iter().filter_map(Value::as_str).collect();
    if words.len() != items.len() {
        return (format!("must be one of {options}"), String::new());
    }
    let meant = error
        .instance()
        .as_str()
        .and_then(|w| nearest(w, words.iter().copied()));
    let remedy = meant.map_or(String::new(), |m| format!("did you mean {m}?"));
    (format!("must be one of {}", words.join(", ")), remedy)
}

fn types(kind: &TypeKind) -> String {
    match kind {
        TypeKind::Single(one) => type_name(*one).to_owned(),
        TypeKind::Multiple(set) => {
            let names: Vec<_> = set.iter().map(type_name).collect();
            names.join(" or ")
        }
    }
}

fn type_name(one: JsonType) -> &'static str {
    match one {
        JsonType::Array => "a list",
        JsonType::Boolean => "true or false",
        JsonType::Integer => "a whole number",
        JsonType::Null => "empty",
        JsonType::Number => "a number",
        JsonType::Object => "a map of keys and values",
        JsonType::String => "a text",
    }
}

fn bound(kind: &ValidationErrorKind) -> String {
    match kind {
        ValidationErrorKind::Minimum { limit } => format!("must be at least {limit}"),
        ValidationErrorKind::Maximum { limit } => format!("must be at most {limit}"),
        ValidationErrorKind::ExclusiveMinimum { limit } => format!("must be more than {limit}"),
        ValidationErrorKind::ExclusiveMaximum { limit } => format!("must be less than {limit}"),
        ValidationErrorKind::MinItems { limit: 1 }
        | ValidationErrorKind::MinLength { limit: 1 }
        | ValidationErrorKind::MinProperties { limit: 1 } => "must not be empty".to_owned(),
        ValidationErrorKind::MinItems { limit } => format!("must have at least {limit} items"),
        ValidationErrorKind::MaxItems { limit } => format!("must have at most {limit} items"),
        ValidationErrorKind::MinLength { limit } => {
            format!("must have at least {limit} characters")
        }
        ValidationErrorKind::MaxLength { limit } => format!("must have at most {limit} characters"),
        ValidationErrorKind::MinProperties { limit } => format!("must have at least {limit} keys"),
        ValidationErrorKind::MaxProperties { limit } => format!("must have at most {limit} keys"),
        ValidationErrorKind::Pattern { pattern } => format!("must match {pattern}"),
        ValidationErrorKind::Format { format } => format!("must be a proper {format}"),
        ValidationErrorKind::UniqueItems => "must not name anything twice".to_owned(),
        ValidationErrorKind::Constant { expected_value } => format!("must be {expected_value}"),
        ValidationErrorKind::AnyOf { .. }
        | ValidationErrorKind::OneOfNotValid { .. }
        | ValidationErrorKind::OneOfMultipleValid { .. } => {
            "must have one of the forms that the schema allows".to_owned()
        }
        other => format!("must fit the schema's {}", other.keyword()),
    }
}

// === impl Violation ===

impl Violation {
    /// The problem that it is; `file` holds `root`.
    pub fn problem(self, file: &Path, root: &Node) -> Problem {
        let (line, column) = match self.what {
            What::Key => root.key_place(&self.field),
            What::Missing | What::Value => root.place(&self.field),
        };
        let value = match self.what {
            What::Value => root.get(&self.field).and_then(Node::shown),
            What::Key | What::Missing => None,
        };
        Problem {
            file: file.to_owned(),
            line,
            column,
            field: self.field,
            value,
            rule: self.rule,
            remedy: self.remedy,
        }
    }
}

/// The part of a schema around the keyword that did not hold.
struct Near<'a> {
    schema: Option<&'a Value>,
    root: &'a Value,
}

impl<'a> Near<'a> {
    fn of(schema: &'a Value, error: &ValidationError<'_>) -> Near<'a> {
        let path = error.schema_path().as_str();
        let parent = path.rsplit_once('/').map_or("", |(parent, _)| parent);
        Near {
            schema: schema.pointer(parent),
            root: schema,
        }
    }

    /// Whether the schema is the configuration's own, not a plugin's.
    fn is_ours(&self) -> bool {
        self.root.pointer("/properties/pipelines").is_some()
    }

    fn text(&self, below: &str, keyword: &str) -> Option<String> {
        let schema = match below {
            "" => self.schema?,
            key => self.schema?.get(key)?,
        };
        Some(schema.get(keyword)?.as_str()?.to_owned())
    }

    fn keys(&self) -> Vec<&'a str> {
        let properties = self.schema.and_then(|s| s.get("properties"));
        let properties = properties.and_then(Value::as_object);
        let keys = properties.into_iter().flat_map(|p| p.keys());
        let mut keys: Vec<_> = keys.map(String::as_str).collect();
        keys.sort_unstable();
        keys
    }

    fn property(&self, key: &str) -> Option<&'a Value> {
        self.schema?.get("properties")?.get(key)
    }

    /// What a key is for: the first sentence of its description.
    fn about(&self, key: &str) -> String {
        let property = self.property(key);
        let text = |k| property.and_then(|p| p.get(k)).and_then(Value::as_str);
        if let Some(remedy) = text("x-remedy") {
            return remedy.to_owned();
        }
        let Some(about) = text("description") else {
            return String::new();
        };
        let line = about.replace('\n', " ");
        let first = line.split(". ").next().unwrap_or_default();
        format!("add it ({})", first.trim_end_matches('.'))
    }
}
