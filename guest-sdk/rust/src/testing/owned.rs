//! Records that own what they hold, to compare with.

use crate::batch::Record;
use crate::value::{Severity, Timestamp, TraceContext, Value};
use std::fmt;

/// A record that owns what it holds.
#[derive(Debug, Clone, PartialEq)]
pub struct OwnedRecord {
    /// When it happened.
    pub time: Option<Timestamp>,
    /// How severe it is.
    pub severity: Severity,
    /// How the source wrote that.
    pub severity_text: String,
    /// Its body.
    pub body: OwnedValue,
    /// Its trace context.
    pub trace: TraceContext,
    /// Attributes of the record, in order.
    pub attributes: Vec<(String, OwnedValue)>,
    /// Attributes of the resource that wrote it, in order.
    pub resource: Vec<(String, OwnedValue)>,
}

/// A value that owns what it holds.
#[derive(Debug, Clone, PartialEq)]
pub enum OwnedValue {
    /// Nothing.
    Null,
    /// True or false.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A number with a fraction.
    Double(f64),
    /// Text.
    Text(String),
    /// Bytes.
    Bytes(Vec<u8>),
    /// JSON.
    Json(String),
}

// === impl OwnedRecord ===

impl OwnedRecord {
    /// A record with a body of text and nothing else.
    pub fn new(body: impl Into<String>) -> Self {
        OwnedRecord {
            time: None,
            severity: Severity::default(),
            severity_text: String::new(),
            body: OwnedValue::Text(body.into()),
            trace: TraceContext::default(),
            attributes: Vec::new(),
            resource: Vec::new(),
        }
    }

    /// When it happened, in Unix milliseconds.
    pub fn at(mut self, ms: u64) -> Self {
        self.time = Timestamp::new((ms / 1000) as i64, (ms % 1000) as u32 * 1_000_000);
        self
    }

    /// How severe it is.
    pub fn severity(mut self, severity: Severity) -> Self {
        self.severity = severity;
        self
    }

    /// One more attribute.
    pub fn with<'v>(mut self, key: &str, value: impl Into<Value<'v>>) -> Self {
        self.attributes.push((key.to_owned(), value.into().into()));
        self
    }

    /// One more attribute of the resource.
    pub fn with_resource<'v>(mut self, key: &str, value: impl Into<Value<'v>>) -> Self {
        self.resource.push((key.to_owned(), value.into().into()));
        self
    }

    /// A copy of a record.
    pub fn of(record: Record<'_>) -> Self {
        let all = |resource| {
            let wanted = record
                .attributes()
                .filter(move |attribute| attribute.resource == resource);
            wanted
                .map(|attribute| (attribute.key.to_owned(), attribute.value.into()))
                .collect()
        };
        OwnedRecord {
            time: record.time(),
            severity: record.severity(),
            severity_text: record.severity_text().to_owned(),
            body: record.body_value().into(),
            trace: record.trace(),
            attributes: all(false),
            resource: all(true),
        }
    }

    /// The value of an attribute of the record.
    pub fn attr(&self, key: &str) -> Option<&OwnedValue> {
        find(&self.attributes, key)
    }

    /// The value of an attribute of the resource.
    pub fn resource(&self, key: &str) -> Option<&OwnedValue> {
        find(&self.resource, key)
    }
}

fn find<'a>(attributes: &'a [(String, OwnedValue)], key: &str) -> Option<&'a OwnedValue> {
    attributes
        .iter()
        .find(|(known, _)| known == key)
        .map(|(_, value)| value)
}

/// One line, for tests to compare with.
impl fmt::Display for OwnedRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.time {
            Some(time) => write!(f, "{}.{:09}", time.seconds(), time.nanos())?,
            None => f.write_str("-")?,
        }
        write!(
            f,
            " {} {:?} {}",
            self.severity.number(),
            self.severity_text,
            self.body
        )?;
        for (key, value) in &self.attributes {
            write!(f, " {key}={value}")?;
        }
        for (key, value) in &self.resource {
            write!(f, " resource.{key}={value}")?;
        }
        Ok(())
    }
}

// === impl OwnedValue ===

impl<'a, V: Into<Value<'a>>> From<V> for OwnedValue {
    fn from(value: V) -> Self {
        match value.into() {
            Value::Null => OwnedValue::Null,
            Value::Bool(flag) => OwnedValue::Bool(flag),
            Value::Int(number) => OwnedValue::Int(number),
            Value::Double(number) => OwnedValue::Double(number),
            Value::Text(text) => OwnedValue::Text(text.to_owned()),
            Value::Bytes(bytes) => OwnedValue::Bytes(bytes.to_owned()),
            Value::Json(json) => OwnedValue::Json(json.to_owned()),
        }
    }
}

/// Text in quotes, JSON in backquotes, the others as they are.
impl fmt::Display for OwnedValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            OwnedValue::Null => f.write_str("null"),
            OwnedValue::Bool(flag) => write!(f, "{flag}"),
            OwnedValue::Int(number) => write!(f, "{number}"),
            OwnedValue::Double(number) => write!(f, "{number:?}"),
            OwnedValue::Text(text) => write!(f, "{text:?}"),
            OwnedValue::Bytes(bytes) => write!(f, "b\"{}\"", bytes.escape_ascii()),
            OwnedValue::Json(json) => write!(f, "`{json}`"),
        }
    }
}
