//! The shape of the file against the JSON Schema of the types: unknown keys, missing ones, wrong types.
//!
//! Pure. All violations are found at once and told in plain sentences; what is wrong is then taken out or
//! filled in, so that the meaning of the rest can be checked too.

use super::file::File;
use super::problem::{Field, Problem, Step};
use super::tree::{Data, Node};
use super::violation::{Violation, What, validator, violations};
use jsonschema::Validator;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Number, Value};
use std::path::Path;

/// Rounds of mending: what is taken out in one may be missed in the next.
const REPAIRS_MAX: usize = 16;

/// The JSON Schema of a configuration file.
pub fn schema() -> Value {
    let settings = SchemaSettings::draft2020_12().with(|s| s.inline_subschemas = true);
    let schema = settings.into_generator().into_root_schema_for::<File>();
    let mut schema = schema.to_value();
    simplify(&mut schema);
    schema
}

/// Says the same in the words that make good messages: `enum` for a choice of words, no `null` (a key
/// without a value counts as left out).
fn simplify(schema: &mut Value) {
    match schema {
        Value::Array(items) => items.iter_mut().for_each(simplify),
        Value::Object(object) => {
            words(object);
            not_null(object);
            object.values_mut().for_each(simplify);
        }
        _ => {}
    }
}

fn words(object: &mut Map<String, Value>) {
    let Some(Value::Array(choices)) = object.get("oneOf") else {
        return;
    };
    let words: Option<Vec<Value>> = choices.iter().map(|c| c.get("const").cloned()).collect();
    if let Some(words) = words {
        object.remove("oneOf");
        object.insert("type".to_owned(), "string".into());
        object.insert("enum".to_owned(), words.into());
    }
}

fn not_null(object: &mut Map<String, Value>) {
    if object.get("default").is_some_and(Value::is_null) {
        object.remove("default");
    }
    if let Some(Value::Array(types)) = object.get_mut("type") {
        types.retain(|t| t != "null");
        if let [only] = types.as_slice() {
            let only = only.clone();
            object.insert("type".to_owned(), only);
        }
    }
    let Some(Value::Array(choices)) = object.get("anyOf") else {
        return;
    };
    if let [Value::Object(choice), null] = choices.as_slice()
        && null.get("type").is_some_and(|t| t == "null")
    {
        let mut choice = choice.clone();
        words(&mut choice);
        object.remove("anyOf");
        for (key, value) in choice {
            object.entry(key).or_insert(value);
        }
    }
}

/// What the shape of a file comes to.
pub struct Shape {
    /// What is wrong.
    pub problems: Vec<Problem>,
    /// The file without it; none where nothing is left to look at.
    pub rest: Option<File>,
}

/// Checks the file's shape.
pub fn check(file: &Path, root: &Node) -> Shape {
    let schema = schema();
    let mut json = stated(root, &Field::default());
    let Ok(validator) = validator(&schema) else {
        return Shape::unread(file);
    };
    let found = violations(&validator, &schema, &json, root);
    let problems: Vec<_> = found.into_iter().map(|v| v.problem(file, root)).collect();
    let whole = repair(&validator, &schema, &mut json, root);
    let rest = whole.then(|| serde_json::from_value(json).ok()).flatten();
    if problems.is_empty() && rest.is_none() {
        return Shape::unread(file);
    }
    Shape { problems, rest }
}

/// The tree as JSON without keys that say nothing, and with whole numbers however they are written, except in
/// what belongs to plugins.
fn stated(node: &Node, field: &Field) -> Value {
    let plugins_own = match field.0.as_slice() {
        [Step::Key(a), _, Step::Key(b)] => a == "plugins" && b == "config",
        _ => false,
    };
    match &node.data {
        Data::Map(entries) if !plugins_own => entries
            .iter()
            .filter(|(_, value)| !value.is_nothing())
            .map(|(key, value)| {
                let below = field.then(&key.name);
                (key.name.clone(), stated(value, &below))
            })
            .collect::<Map<_, _>>()
            .into(),
        Data::Plain(Value::Number(number)) if !plugins_own => whole(number).into(),
        Data::List(items) if !plugins_own => {
            let each = items.iter().enumerate();
            each.map(|(i, item)| stated(item, &field.then(i))).collect()
        }
        _ => node.json(),
    }
}

/// `1e+06` is 1000000: JSON Schema calls both whole, the types know only one.
fn whole(number: &Number) -> Number {
    let float = number
        .as_f64()
        .filter(|f| number.is_f64() && f.fract() == 0.0);
    // Beyond 64 bits it stays what it is, and no field takes it.
    // Adding 0 turns -0 into 0.
    let whole = float.and_then(|f| format!("{:.0}", f + 0.0).parse::<Number>().ok());
    whole
        .filter(|w| !w.is_f64())
        .unwrap_or_else(|| number.clone())
}

/// Mends what does not fit until the types can hold the rest; false where that does not end.
fn repair(validator: &Validator, schema: &Value, json: &mut Value, root: &Node) -> bool {
    for _ in 0..REPAIRS_MAX {
        let mut found = violations(validator, schema, json, root);
        found.retain(|v| v.what == What::Key || v.fill.is_some());
        if found.is_empty() {
            return true;
        }
        found.into_iter().for_each(|v| mend(json, v));
    }
    false
}

/// A key that must be there is filled in, and so is an item of a list, for the items behind it keep
/// their numbers; anything else is taken out.
fn mend(json: &mut Value, violation: Violation) {
    let Some((last, steps)) = violation.field.0.split_last() else {
        *json = Value::Object(Map::new());
        return;
    };
    let at = steps.iter().try_fold(json, |value, step| match step {
        Step::Key(key) => value.get_mut(key),
        Step::Index(index) => value.get_mut(index),
    });
    match (at, last, violation.fill) {
        (Some(Value::Object(object)), Step::Key(key), Some(fill))
            if violation.what == What::Missing =>
        {
            object.insert(key.clone(), fill);
        }
        (Some(Value::Object(object)), Step::Key(key), _) => {
            object.remove(key);
        }
        (Some(Value::Array(items)), Step::Index(index), Some(fill)) => {
            if let Some(item) = items.get_mut(*index) {
                *item = fill;
            }
        }
        _ => {}
    }
}

// === impl Shape ===

impl Shape {
    /// Never met: what the schema lets pass, the types read; a test holds them together.
    fn unread(file: &Path) -> Shape {
        let problem = Problem::of_file(file, "cannot be read as a configuration");
        Shape {
            problems: vec![problem],
            rest: None,
        }
    }
}
