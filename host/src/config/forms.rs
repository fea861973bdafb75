//! Parts of the YAML that are one of several things: a word or a map, a word or a number.
//!
//! Their schemas say so without `oneOf`, of which no validator can tell what is wrong; `x-rule` and
//! `x-remedy` are what a user reads when a value does not fit.

use super::file::Topic;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// What is asked of a [`Start`].
pub(super) const START_RULE: &str = "must be earliest, latest or a time from 1970 on";
/// How to write one.
pub(super) const START_REMEDY: &str = "write a time like 2026-01-31T12:00:00Z";

/// Where to begin without a committed offset.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(untagged)]
pub enum Start {
    /// Unix milliseconds, from 0.
    Milliseconds(i64),
    /// `earliest`, `latest` or RFC 3339.
    Word(String),
}

/// Where health, readiness and metrics are served.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(untagged, deny_unknown_fields)]
pub enum Admin {
    /// At an address.
    Listen {
        /// `IP:PORT`.
        listen: String,
    },
    /// Nowhere: `off`.
    Word(String),
}

/// Where dead letters go.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(untagged)]
pub enum DeadLetters {
    /// To a topic.
    Topic(Topic),
    /// `discard`.
    Word(String),
}

/// What is asked of a [`Key`].
pub(super) const KEY_RULE: &str =
    "must be none, original, or the name of one attribute or resource attribute";
/// How to write one.
pub(super) const KEY_REMEDY: &str = "write { attribute: NAME } or { resource: NAME }";

/// What becomes a record's key in Kafka.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(untagged, deny_unknown_fields)]
pub enum Key {
    /// One of the two.
    Of {
        /// An attribute of the record.
        #[serde(skip_serializing_if = "Option::is_none")]
        attribute: Option<String>,
        /// An attribute of its resource.
        #[serde(skip_serializing_if = "Option::is_none")]
        resource: Option<String>,
    },
    /// `none` or `original`.
    Word(String),
}

/// Things by their names.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(transparent)]
pub struct Named<T>(pub BTreeMap<String, T>);

// === impl Start ===

impl JsonSchema for Start {
    fn schema_name() -> Cow<'static, str> {
        "start".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": ["string", "integer"],
            "minimum": 0,
            "maximum": i64::MAX,
            "x-type": "word or time",
            "x-rule": START_RULE,
            "x-remedy": START_REMEDY,
        })
    }
}

// === impl Admin ===

impl JsonSchema for Admin {
    fn schema_name() -> Cow<'static, str> {
        "admin".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": ["object", "string"],
            "x-rule": "must be off, or an address under listen",
            "x-remedy": "write { listen: 127.0.0.1:9400 }",
            "pattern": "^off$",
            "additionalProperties": false,
            "required": ["listen"],
            "properties": {
                "listen": {"type": "string", "description": "`IP:PORT`."},
            },
        })
    }
}

// === impl DeadLetters ===

impl JsonSchema for DeadLetters {
    fn schema_name() -> Cow<'static, str> {
        "dead_letters".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut schema = Topic::json_schema(generator);
        schema.insert("type".to_owned(), serde_json::json!(["object", "string"]));
        schema.insert("pattern".to_owned(), "^discard$".into());
        let example = serde_json::json!(["discard"]);
        schema.insert("examples".to_owned(), example);
        let rule = "must be discard, or a cluster and a topic";
        schema.insert("x-rule".to_owned(), rule.into());
        let remedy = "write { cluster: NAME, topic: NAME }, or discard: what cannot be delivered is then only counted";
        schema.insert("x-remedy".to_owned(), remedy.into());
        schema
    }
}

// === impl Key ===

impl JsonSchema for Key {
    fn schema_name() -> Cow<'static, str> {
        "key".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": ["object", "string"],
            "x-type": "`none`, `original` or map",
            "x-rule": KEY_RULE,
            "x-remedy": KEY_REMEDY,
            "pattern": "^(none|original)$",
            "examples": ["none"],
            "additionalProperties": false,
            "properties": {
                "attribute": {"type": "string", "minLength": 1, "description": "An attribute of the record."},
                "resource": {"type": "string", "minLength": 1, "description": "An attribute of its resource."},
            },
        })
    }
}

// === impl Named ===

impl<T> Default for Named<T> {
    fn default() -> Named<T> {
        Named(BTreeMap::new())
    }
}

impl<T: JsonSchema> JsonSchema for Named<T> {
    fn schema_name() -> Cow<'static, str> {
        format!("named_{}", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "object",
            "maxProperties": 1000,
            "propertyNames": {
                "pattern": "^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$",
                "x-rule": "must be a name of 1 to 63 letters, digits, _ or -, beginning with a letter or digit",
            },
            "additionalProperties": generator.subschema_for::<T>(),
        })
    }
}
