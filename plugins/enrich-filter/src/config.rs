//! The configuration as it is written.

use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;

/// Configuration of `enrich-filter`: rules, of which the first that fits a record decides.
#[derive(Debug, Default, Clone, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The rules, in the order in which they are tried. A record that none fits is kept.
    #[schemars(length(max = 1000))]
    pub rules: Vec<Rule>,
}

/// What to do with the records that fit a condition.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Its name, at most 48 bytes: the reason that dropped records are given, and part of the counter's name.
    /// `rule-1` for the first rule, and so on, where it is left out.
    #[serde(default)]
    #[schemars(length(min = 1, max = 48))]
    pub name: Option<String>,
    /// Which records it fits; all that got this far, where it is left out.
    #[serde(default)]
    pub when: Option<When>,
    /// What to do with them.
    pub then: Then,
}

/// What to do with a record.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Then {
    /// Leave it out.
    Drop,
    /// Keep it, whatever the later rules say.
    Keep,
    /// Send it to the outputs of this route of the gateway's configuration instead of the usual ones.
    Route(String),
}

/// A condition. Everything that is said in it must hold.
#[derive(Debug, Default, Clone, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct When {
    /// What the body must be.
    pub body: Option<Tests>,
    /// What the severity must be.
    pub severity: Option<SeverityTests>,
    /// What attributes of the record must be, by name.
    pub attributes: BTreeMap<String, Tests>,
    /// What attributes of the resource must be, by name.
    pub resource: BTreeMap<String, Tests>,
    /// Conditions that must all hold.
    pub all: Option<Vec<When>>,
    /// Conditions of which one must hold.
    pub any: Option<Vec<When>>,
    /// A condition that must not hold.
    pub not: Option<Box<When>>,
}

/// What a value must be. All that is said must hold; of a value that is not there only `not_equals` and
/// `exists: false` hold.
#[derive(Debug, Default, Clone, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Tests {
    /// It is this text, number, or true or false. A number is equal to text that says the same number.
    pub equals: Option<Constant>,
    /// It is not this, or not there.
    pub not_equals: Option<Constant>,
    /// Its text contains this one.
    pub contains: Option<String>,
    /// Its text starts with this one.
    pub starts_with: Option<String>,
    /// This regular expression, in the syntax of Rust's `regex` crate, matches somewhere in its text.
    pub regex: Option<String>,
    /// It is a number, or text that says one, above this.
    pub greater: Option<Number>,
    /// It is a number, or text that says one, below this.
    pub less: Option<Number>,
    /// Whether it is there. A body is there where it is not empty.
    pub exists: Option<bool>,
}

/// What the severity must be. Of an unknown severity only `not_equals` and `exists: false` hold.
#[derive(Debug, Default, Clone, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SeverityTests {
    /// It is this.
    pub equals: Option<Level>,
    /// It is not this, or unknown.
    pub not_equals: Option<Level>,
    /// It is more severe than this.
    pub greater: Option<Level>,
    /// It is less severe than this.
    pub less: Option<Level>,
    /// Whether it is known.
    pub exists: Option<bool>,
}

/// A severity: OTLP's number, 1 to 24, or a name (trace, debug, info, warn, error, fatal, which stand for
/// four numbers each, or another usual name, such as notice).
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Level {
    /// OTLP's SeverityNumber.
    Number(#[schemars(range(min = 1, max = 24))] u8),
    /// A name, in any case.
    Name(String),
}

/// A value to compare with. `"5"` is text and `5` is a number.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
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
#[derive(Debug, Clone, Copy, PartialEq, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Number {
    /// A whole one.
    Int(i64),
    /// One with a fraction.
    Double(f64),
}
