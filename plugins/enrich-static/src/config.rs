//! The configuration as it is written.

use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;

/// Configuration of `enrich-static`: what to do with the attributes of a record, and of the resource that
/// wrote it.
#[derive(Debug, Default, Clone, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Attributes of the record.
    pub attributes: Changes,
    /// Attributes of the resource.
    pub resource: Changes,
}

/// Changes of attributes. The steps follow each other in this order, whatever the order in the file; the
/// changes of one step happen at once.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Changes {
    /// First: attributes to copy, and where to. Where the record lacks the attribute, nothing happens;
    /// an attribute that is there already is replaced.
    pub copy: BTreeMap<String, Target>,
    /// Second: attributes to rename, and to what. As `copy`, and the old name goes.
    pub rename: BTreeMap<String, Target>,
    /// Third: attributes to remove.
    pub remove: Vec<String>,
    /// Last: attributes to set, and to what.
    pub set: BTreeMap<String, Constant>,
    /// Whether `set` replaces an attribute that is there already.
    pub overwrite: bool,
}

/// Where to: a name on the same level, or on the one that is said.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Target {
    /// A name on the same level.
    Name(String),
    /// An attribute of the resource.
    Resource(ResourceName),
    /// An attribute of the record.
    Attribute(AttributeName),
}

/// An attribute of the resource.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ResourceName {
    /// Its name.
    pub resource: String,
}

/// An attribute of the record.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AttributeName {
    /// Its name.
    pub attribute: String,
}

/// A value: text, a whole number, a number with a fraction, true or false. `"5"` is text and `5` is a number.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Constant {
    /// True or false.
    Bool(bool),
    /// A whole number, of 64 bits with a sign.
    Int(i64),
    /// A number with a fraction.
    Double(f64),
    /// Text.
    Text(String),
}

impl Default for Changes {
    fn default() -> Self {
        Changes {
            copy: BTreeMap::new(),
            rename: BTreeMap::new(),
            remove: Vec::new(),
            set: BTreeMap::new(),
            overwrite: true,
        }
    }
}
