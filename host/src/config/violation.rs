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
/// First words of keys about encryption and log-in, which later versions will have: `tls`, `ssl_ca`, `security_protocol`.
const LATER_SECURITY: [&str; 4] = ["tls", "ssl", "sasl", "security"];

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
        translate(&error, schema, root, &mut all);
    }
    all.truncate(VIOLATIONS_MAX);
    all
}

fn translate(error: &ValidationError<'_>, schema: &Value, root: &Node, all: &mut Vec<Violation>) {
    if let Some(errors) = meant(error) {
        for error in errors {
            translate(error, schema, root, all);
        }
        return;
    }
    let field = root.field(error.instance_path().as_str());
    let near = &Near::of(schema, error);
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

/// Of a value that fits none of several forms: what is wrong with the only one that is of its type. None where the
/// error is of another kind, or where no form or several are of its type.
fn meant<'e>(error: &'e ValidationError<'_>) -> Option<&'e [ValidationError<'static>]> {
    let mut of_its_type = forms(error)?.iter().filter(|errors| {
        let mut here = errors.iter().filter(|e| is_at(e, error));
        !here.any(|e| choices(e).is_some())
    });
    match (of_its_type.next(), of_its_type.next()) {
        (Some(only), None) => Some(only),
        _ => None,
    }
}

/// The errors of each form that the value might have had.
fn forms<'e>(error: &'e ValidationError<'_>) -> Option<&'e [Vec<ValidationError<'static>>]> {
    match error.kind() {
        ValidationErrorKind::AnyOf { context } | ValidationErrorKind::OneOfNotValid { context } => {
            Some(context)
        }
        _ => None,
    }
}

fn is_at(inner: &ValidationError<'_>, outer: &ValidationError<'_>) -> bool {
    inner.instance_path().as_str() == outer.instance_path().as_str()
}

/// What a value may be, where the error says so: types, words.
fn choices(error: &ValidationError<'_>) -> Option<Vec<String>> {
    let word = |v: &Value| v.as_str().map_or_else(|| v.to_string(), str::to_owned);
    match error.kind() {
        // Nothing is written by leaving the key out.
        ValidationErrorKind::Type {
            kind: TypeKind::Single(JsonType::Null),
        } => Some(Vec::new()),
        ValidationErrorKind::Type { kind } => Some(vec![types(kind)]),
        ValidationErrorKind::Constant { expected_value } => Some(vec![word(expected_value)]),
        ValidationErrorKind::Enum { options } => {
            Some(options.as_array().into_iter().flatten().map(word).collect())
        }
        _ => {
            let of_each = forms(error)?
                .iter()
                .map(|errors| errors.iter().filter(|e| is_at(e, error)).find_map(choices));
            Some(of_each.collect::<Option<Vec<_>>>()?.concat())
        }
    }
}

fn unknown(field: &Field, key: &str, near: &Near<'_>) -> Violation {
    let known = near.keys();
    let (rule, remedy) = if let Some(remedy) = later(key).filter(|_| near.is_ours()) {
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

/// What to do about a key that later versions will have.
fn later(key: &str) -> Option<&'static str> {
    let first = key.split(['_', '-', '.']).next().unwrap_or_default();
    let is_later = LATER_SECURITY.contains(&first);
    is_later.then_some(
        "leave it out: this version has no TLS and no SASL; use a network that you trust",
    )
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
    let remedy = near.text("", "x-remedy");
    let remedy = remedy.or_else(|| near.example(error.instance()));
    let remedy = remedy.unwrap_or_default();
    match error.kind() {
        ValidationErrorKind::Type { kind } => {
            if let Some(options) = near.schema.and_then(|schema| schema.get("enum")) {
                return choice(error, options);
            }
            let rule = own.unwrap_or_else(|| format!("must be {}", types(kind)));
            match (kind, error.instance().as_ref()) {
                (TypeKind::Single(JsonType::Array), Value::String(_)) => {
                    (rule, "put it into [ ]".to_owned())
                }
                (TypeKind::Single(JsonType::String), Value::Number(_) | Value::Bool(_))
                    if remedy.is_empty() =>
                {
                    (rule, format!("write \"{}\"", error.instance()))
                }
                _ => (rule, remedy),
            }
        }
        ValidationErrorKind::Enum { options } => choice(error, options),
        ValidationErrorKind::AnyOf { .. } | ValidationErrorKind::OneOfNotValid { .. }
            if own.is_none() =>
        {
            let (rule, meant) = one_of(error);
            (rule, if meant.is_empty() { remedy } else { meant })
        }
        kind => (own.unwrap_or_else(|| bound(kind)), remedy),
    }
}

/// The rule for a value that is of none of several forms.
fn one_of(error: &ValidationError<'_>) -> (String, String) {
    let Some(mut choices) = choices(error).filter(|c| !c.is_empty()) else {
        return (bound(error.kind()), String::new());
    };
    choices.dedup();
    let meant = error
        .instance()
        .as_str()
        .and_then(|w| nearest(w, choices.iter().map(String::as_str)));
    let remedy = meant.map_or(String::new(), |m| format!("did you mean {m}?"));
    (format!("must be {}", choices.join(" or ")), remedy)
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

/// A value as YAML in one line.
fn flow(value: &Value) -> String {
    let joined = |each: Vec<String>| each.join(", ");
    match value {
        Value::Array(items) => format!("[{}]", joined(items.iter().map(flow).collect())),
        Value::Object(object) => {
            let each = object
                .iter()
                .map(|(key, value)| format!("{key}: {}", flow(value)));
            format!("{{ {} }}", joined(each.collect()))
        }
        other => other.to_string(),
    }
}

fn types(kind: &TypeKind) -> String {
    match kind {
        TypeKind::Single(one) => type_name(*one).to_owned(),
        TypeKind::Multiple(set) => {
            // Nothing is written by leaving the key out.
            let stated = set.iter().filter(|one| *one != JsonType::Null);
            let names: Vec<_> = stated.map(type_name).collect();
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
        ValidationErrorKind::FalseSchema => "has a key, but none is known here".to_owned(),
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

    /// What to write, by the schema's first example that has what was written in it, else by its first.
    fn example(&self, written: &Value) -> Option<String> {
        let examples = self.schema?.get("examples")?.as_array()?;
        let has_it = |e: &&Value| {
            e.as_object()
                .is_some_and(|e| e.values().any(|v| v == written))
        };
        let example = examples.iter().find(has_it).or(examples.first())?;
        Some(format!("write it like {}", flow(example)))
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
