//! A plugin's configuration against the JSON Schema that the plugin describes. Pure.

use jsonschema::PatternOptions;
use serde_json::Value;

/// Violations reported of one configuration.
const VIOLATIONS_MAX: usize = 50;
/// Things wrong that a plugin may tell of its configuration.
const TOLD_MAX: usize = 100;

/// One thing wrong with a plugin's configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The value, as a JSON pointer from the top of the plugin's configuration; empty for the whole.
    pub pointer: String,
    /// What is wrong with it.
    pub message: String,
}

impl Violation {
    /// What a plugin told at once, one by one: from the second on each begins a line with its pointer, as `config-error` of
    /// the contract has it. Of very many the first are given.
    pub fn each(&self) -> Vec<Violation> {
        let mut each = vec![Violation {
            pointer: self.pointer.clone(),
            message: String::new(),
        }];
        for line in self.message.split('\n') {
            let further = line.split_once(": ").filter(|(at, _)| at.starts_with('/'));
            if let Some((pointer, message)) = further {
                if each.len() == TOLD_MAX {
                    break;
                }
                each.push(Violation {
                    pointer: pointer.strip_suffix('/').unwrap_or(pointer).to_owned(),
                    message: message.to_owned(),
                });
            } else if let Some(last) = each.last_mut() {
                last.message.push_str(line);
                last.message.push('\n');
            }
        }
        each
    }
}

impl std::fmt::Display for Violation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.pointer.as_str() {
            "" => f.write_str(&self.message),
            pointer => write!(f, "{pointer}: {}", self.message),
        }
    }
}

/// All violations of the schema; none where the schema is empty.
///
/// # Errors
/// The schema itself is wrong; for people.
pub(crate) fn check(schema: &str, config: &Value) -> Result<Vec<Violation>, String> {
    if schema.trim().is_empty() {
        return Ok(Vec::new());
    }
    let schema: Value = serde_json::from_str(schema).map_err(|e| e.to_string())?;
    // Patterns that run in linear time: a plugin's schema is from outside.
    let validator = jsonschema::options()
        .with_pattern_options(PatternOptions::regex())
        .build(&schema)
        .map_err(|e| e.to_string())?;
    let errors = validator.iter_errors(config).take(VIOLATIONS_MAX);
    Ok(errors
        .map(|e| Violation {
            pointer: e.instance_path().to_string(),
            message: e.to_string(),
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// *Scenario:* a plugin tells three things at once, the first in several lines, the last of the whole; and far too many.
    /// *Guarantees:* each has its own pointer and words; their number is bounded.
    #[test]
    fn what_a_plugin_tells_at_once_is_taken_apart() {
        let told = |message: &str| {
            let pointer = "/rules/0".to_owned();
            let message = message.to_owned();
            Violation { pointer, message }.each()
        };
        let each = told("parse error:\n    a: (\n/rules/3/name: is b: a; use c\n/: no");
        let each: Vec<_> = each
            .iter()
            .map(|v| (&*v.pointer, v.message.trim()))
            .collect();
        let expected = [
            ("/rules/0", "parse error:\n    a: ("),
            ("/rules/3/name", "is b: a; use c"),
            ("", "no"),
        ];
        assert_eq!(each, expected);
        assert_eq!(told(&"\n/a: b".repeat(10_000)).len(), TOLD_MAX);
    }

    /// *Scenario:* a configuration with two wrong values and an unknown key.
    /// *Guarantees:* all are reported at once, each with its place.
    #[test]
    fn all_violations_are_reported() {
        let schema = json!({
            "type": "object", "additionalProperties": false,
            "properties": {"time": {"type": "array", "items": {"type": "string"}}, "depth": {"type": "integer", "maximum": 32}}
        });
        let config = json!({"time": ["ts", 7], "depth": 99, "tme": 1});
        let mut found = check(&schema.to_string(), &config).unwrap();
        found.sort_by(|a, b| a.pointer.cmp(&b.pointer));
        let pointers: Vec<_> = found.iter().map(|v| v.pointer.as_str()).collect();
        assert_eq!(pointers, ["", "/depth", "/time/1"]);
        assert!(found[0].message.contains("tme"), "{found:?}");
        assert_eq!(check(&schema.to_string(), &json!({"depth": 3})), Ok(vec![]));
    }

    /// *Scenario:* no schema, and texts that are none.
    /// *Guarantees:* the first accepts everything, the others are an error of the plugin.
    #[test]
    fn a_wrong_schema_is_the_plugins_error() {
        assert_eq!(check(" ", &json!({"a": 1})), Ok(vec![]));
        assert!(check("{", &json!({})).is_err());
        assert!(check(r#"{"type": 7}"#, &json!({})).is_err());
    }

    /// *Scenario:* a pattern that takes exponential time when it backtracks, and one that cannot do without.
    /// *Guarantees:* the first is answered at once and rightly; the second is an error of the plugin.
    #[test]
    fn patterns_run_in_linear_time() {
        let schema = |pattern: &str| json!({"pattern": pattern}).to_string();
        let found = check(&schema("^(a|a)*$"), &json!("a".repeat(10_000) + "b")).unwrap();
        assert_eq!(found.len(), 1);
        assert!(check(&schema("^(?!x)(a|a)*$"), &json!("a")).is_err());
    }
}
