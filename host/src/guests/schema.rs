//! A plugin's configuration against the JSON Schema that the plugin describes. Pure.

use jsonschema::PatternOptions;
use serde_json::Value;

/// Violations reported of one configuration.
const VIOLATIONS_MAX: usize = 50;

/// One thing wrong with a plugin's configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The value, as a JSON pointer from the top of the plugin's configuration; empty for the whole.
    pub pointer: String,
    /// What is wrong with it.
    pub message: String,
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
