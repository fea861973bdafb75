//! The configuration as it is written.

use crate::atom::Comparison;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Configuration of `detect-rules`: rules that raise alerts.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The rules. Each looks at every record; their order is that of their alerts only.
    #[schemars(length(max = 10000), extend("examples" = [[{"name": "errors", "count": {"at_least": 5}, "within": "60s"}]]))]
    pub rules: Vec<Rule>,
    /// How far behind the latest record of its partition a record may be, by record time, to be counted still; 0s to 1h. What
    /// is due by time (an absence, the end of an alert) is told so much later.
    #[schemars(extend("examples" = ["10s"]))]
    pub allowed_lateness: String,
    /// The most groups that a rule remembers in a partition. Beyond it those that matched longest ago are forgotten.
    #[schemars(range(min = 1, max = 10000))]
    pub max_groups: u32,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            rules: Vec::new(),
            allowed_lateness: "10s".into(),
            max_groups: 1_000,
        }
    }
}

/// One rule: which records, how often in which time. Exactly one of `count`, `distinct`, `rate` and `absent_for` says what
/// raises its alert.
#[derive(Debug, Default, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Its stable name, at most 48 bytes, each its own. Alerts and what is remembered bear it.
    #[schemars(length(min = 1, max = 48), extend("examples" = ["order-errors"]))]
    pub name: String,
    /// Which records match; all, where it is left out.
    #[serde(default)]
    #[schemars(extend("examples" = [{"field": "severity", "at_least": "error"}]))]
    pub when: Option<When>,
    /// Fields by whose values records are told apart: each group of equal values has a count, and an alert, of its own. A
    /// record without such a field counts with an empty value.
    #[serde(default)]
    #[schemars(length(max = 8), extend("examples" = [["resource.service.name"]]))]
    pub group_by: Vec<String>,
    /// So many matching records within `within`.
    #[serde(default)]
    #[schemars(extend("examples" = [{"at_least": 5}]))]
    pub count: Option<Count>,
    /// So many different values of a field in the matching records within `within`.
    #[serde(default)]
    #[schemars(extend("examples" = [{"field": "user.name", "at_least": 5}]))]
    pub distinct: Option<Distinct>,
    /// So many times the matching records of the window before.
    #[serde(default)]
    #[schemars(extend("examples" = [{"at_least": 3.0, "min_count": 20}]))]
    pub rate: Option<Rate>,
    /// No matching record for this time, 1s to 24h: of a group once it has been seen, or, without `group_by`, also from the
    /// partition's first record on.
    #[serde(default)]
    #[schemars(extend("examples" = ["5m"]))]
    pub absent_for: Option<String>,
    /// The length of the window of `count`, `distinct` and `rate`, 1s to 24h. It slides in steps of a sixtieth.
    #[serde(default)]
    #[schemars(extend("examples" = ["60s"]))]
    pub within: Option<String>,
    /// How bad it is.
    #[serde(default)]
    pub level: Level,
    /// Labels of the alert besides the fields of `group_by`, which are labels always. Values may name fields of `group_by`, as
    /// `{resource.service.name}`, and `{rule}`.
    #[serde(default)]
    #[schemars(extend("examples" = [{"team": "shop"}]))]
    pub labels: BTreeMap<String, String>,
    /// One sentence. It may name fields of `group_by`, `{rule}`, `{count}` and `{within}`; a brace is written twice.
    #[serde(default)]
    pub title: Option<String>,
}

/// How bad an alert is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Worth knowing.
    Info,
    /// Worth looking at.
    #[default]
    Warning,
    /// Somebody must act.
    Critical,
}

/// A number of matching records.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Count {
    /// The alert holds from this number on.
    #[schemars(range(min = 1, max = 1000000000), extend("examples" = [5]))]
    pub at_least: u32,
}

/// A number of different values.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Distinct {
    /// The field whose values are told apart. A record without it does not match.
    pub field: String,
    /// The alert holds from this number on.
    #[schemars(range(min = 1, max = 1000), extend("examples" = [5]))]
    pub at_least: u32,
}

/// A number of matching records, as a multiple of the number in the window before.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rate {
    /// The alert holds from this multiple on; more than 1.
    pub at_least: f64,
    /// At least so many records must be in the window.
    #[schemars(range(min = 1, max = 1000000000))]
    pub min_count: u32,
}

/// What a record must be. Everything that is said side by side must hold: the tests are of `field`, and `all`, `any` and `not`
/// hold further conditions.
#[derive(Debug, Default, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct When {
    /// Conditions that must all hold.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub all: Option<Vec<When>>,
    /// Conditions of which one must hold.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub any: Option<Vec<When>>,
    /// A condition that must not hold.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not: Option<Box<When>>,
    /// The field that is tested: `body`, `severity`, `severity_text`, `trace_id`, `resource.NAME` for an attribute of the
    /// resource, any other name for an attribute of the record; `attributes.NAME` for one whose name would mean something else.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// Whether the letters A to Z are the same in upper and lower case; in a regular expression all letters.
    #[serde(skip_serializing_if = "is_false")]
    pub ignore_case: bool,
    /// It is this text, number, or true or false. A number is equal to text that says the same number.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-remedy" = "for one of several write one_of: [...]"))]
    pub equals: Option<Constant>,
    /// It is one of these.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub one_of: Option<Vec<Constant>>,
    /// Its text contains this one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contains: Option<String>,
    /// Its text begins with this one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prefix: Option<String>,
    /// Its text ends with this one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suffix: Option<String>,
    /// This regular expression, in the syntax of Rust's `regex` crate, matches somewhere in its text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub regex: Option<String>,
    /// It is a number, or text that says one, not below this; of `severity` also a name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at_least: Option<Constant>,
    /// It is above this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub greater: Option<Constant>,
    /// It is not above this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at_most: Option<Constant>,
    /// It is below this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub less: Option<Constant>,
    /// Whether it is there. A body is there where it is not empty, a severity where it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exists: Option<bool>,
}

/// A value to compare with. `"5"` is text and `5` is a number.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum Constant {
    /// True or false.
    Bool(bool),
    /// A number.
    Number(Number),
    /// Text.
    Text(String),
}

/// A number to compare with.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum Number {
    /// A whole one.
    Int(i64),
    /// One with a fraction.
    Double(f64),
}

// === impl When ===

impl When {
    /// The names of the tests that it has.
    pub fn names_tests(&self) -> Vec<&'static str> {
        let mut names: Vec<&'static str> = Vec::new();
        for (name, is) in [
            ("equals", self.equals.is_some()),
            ("one_of", self.one_of.is_some()),
            ("contains", self.contains.is_some()),
            ("prefix", self.prefix.is_some()),
            ("suffix", self.suffix.is_some()),
            ("regex", self.regex.is_some()),
            ("at_least", self.at_least.is_some()),
            ("greater", self.greater.is_some()),
            ("at_most", self.at_most.is_some()),
            ("less", self.less.is_some()),
            ("exists", self.exists.is_some()),
        ] {
            if is {
                names.push(name);
            }
        }
        names
    }

    /// Its limits, with what they are called.
    pub fn limits(&self) -> [(&'static str, &Option<Constant>, Comparison); 4] {
        [
            ("at_least", &self.at_least, Comparison::AtLeast),
            ("greater", &self.greater, Comparison::Greater),
            ("at_most", &self.at_most, Comparison::AtMost),
            ("less", &self.less, Comparison::Less),
        ]
    }
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
fn is_false(flag: &bool) -> bool {
    !flag
}
