//! What makes a group of records: some of their fields.

use serde::{Deserialize, Serialize};
use std::fmt;
use tidegate_sdk::{Record, Value, find};

/// Bytes of a text that tell groups apart; the rest of a longer one does not.
pub const TEXT_BYTES_MAX: usize = 64;

/// A field of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Field {
    /// The class of its severity.
    Severity,
    /// An attribute of its resource.
    Resource(String),
    /// An attribute of its own.
    Attribute(String),
}

/// What a group's records have in such a field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Part {
    /// Nothing, or bytes that are no text.
    Missing,
    /// A class of severity, 1 to 6.
    Class(u8),
    /// Text, or the beginning of a longer one.
    Text(Box<str>),
    /// A whole number.
    Int(i64),
    /// The bits of a number with a fraction.
    Double(u64),
    /// True or false.
    Bool(bool),
}

/// The same, borrowed from a record.
#[derive(Clone, Copy)]
pub enum Seen<'a> {
    /// As [`Part::Missing`].
    Missing,
    /// As [`Part::Class`].
    Class(u8),
    /// As [`Part::Text`].
    Text(&'a str),
    /// As [`Part::Int`].
    Int(i64),
    /// As [`Part::Double`].
    Double(u64),
    /// As [`Part::Bool`].
    Bool(bool),
}

// === impl Field ===

impl Field {
    /// From its name in the configuration.
    pub fn parse(name: &str) -> Option<Field> {
        if name == "severity" {
            return Some(Field::Severity);
        }
        match name.split_once('.')? {
            (_, "") => None,
            ("resource", key) => Some(Field::Resource(key.to_owned())),
            ("attributes", key) => Some(Field::Attribute(key.to_owned())),
            _ => None,
        }
    }

    /// What a record has there.
    #[inline]
    pub fn of<'a>(&self, record: Record<'a>) -> Seen<'a> {
        let value = match self {
            Field::Severity => {
                return match record.severity().number() {
                    0 => Seen::Missing,
                    number => Seen::Class(number.div_ceil(4)),
                };
            }
            Field::Resource(key) => record.resource(key),
            Field::Attribute(key) => record.attr(key),
        };
        match value {
            None | Some(Value::Null | Value::Bytes(_)) => Seen::Missing,
            Some(Value::Text(text) | Value::Json(text)) => Seen::Text(beginning(text)),
            Some(Value::Int(number)) => Seen::Int(number),
            Some(Value::Double(number)) => Seen::Double(number.to_bits()),
            Some(Value::Bool(flag)) => Seen::Bool(flag),
        }
    }
}

#[inline]
fn beginning(text: &str) -> &str {
    if text.len() <= TEXT_BYTES_MAX {
        return text;
    }
    &text[..text.floor_char_boundary(TEXT_BYTES_MAX)]
}

// === impl Seen ===

impl Seen<'_> {
    /// Whether it is that of the group.
    #[inline]
    pub fn is(self, part: &Part) -> bool {
        match (self, part) {
            (Seen::Missing, Part::Missing) => true,
            (Seen::Class(one), Part::Class(other)) => one == *other,
            (Seen::Text(one), Part::Text(other)) => find::equal(one.as_bytes(), other.as_bytes()),
            (Seen::Int(one), Part::Int(other)) => one == *other,
            (Seen::Double(one), Part::Double(other)) => one == *other,
            (Seen::Bool(one), Part::Bool(other)) => one == *other,
            _ => false,
        }
    }

    /// The hash so far, with this.
    #[inline]
    pub fn hash(self, hash: u64) -> u64 {
        match self {
            Seen::Missing => mix(hash, 1),
            Seen::Class(class) => mix(hash, u64::from(class) << 8 | 2),
            Seen::Text(text) => hash_text(hash, text.as_bytes()),
            Seen::Int(number) => mix(mix(hash, 4), number as u64),
            Seen::Double(bits) => mix(mix(hash, 5), bits),
            Seen::Bool(flag) => mix(hash, u64::from(flag) << 8 | 6),
        }
    }

    /// The same, kept.
    pub fn kept(self) -> Part {
        match self {
            Seen::Missing => Part::Missing,
            Seen::Class(class) => Part::Class(class),
            Seen::Text(text) => Part::Text(text.into()),
            Seen::Int(number) => Part::Int(number),
            Seen::Double(bits) => Part::Double(bits),
            Seen::Bool(flag) => Part::Bool(flag),
        }
    }
}

#[inline]
fn mix(hash: u64, word: u64) -> u64 {
    (hash ^ word)
        .wrapping_mul(0x9E37_79B9_7F4A_7C15)
        .rotate_left(26)
}

#[inline]
fn hash_text(hash: u64, text: &[u8]) -> u64 {
    let mut hash = mix(hash, (text.len() as u64) << 8 | 3);
    let (words, rest) = text.as_chunks::<8>();
    for word in words {
        hash = mix(hash, u64::from_le_bytes(*word));
    }
    let rest = rest
        .iter()
        .fold(0, |word, byte| word << 8 | u64::from(*byte));
    mix(hash, rest)
}

// === impl Part ===

impl Part {
    /// The same, borrowed.
    pub fn seen(&self) -> Seen<'_> {
        match self {
            Part::Missing => Seen::Missing,
            Part::Class(class) => Seen::Class(*class),
            Part::Text(text) => Seen::Text(text),
            Part::Int(number) => Seen::Int(*number),
            Part::Double(bits) => Seen::Double(*bits),
            Part::Bool(flag) => Seen::Bool(*flag),
        }
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const CLASSES: [&str; 7] = ["-", "TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"];
        match self {
            Part::Missing => f.write_str("-"),
            Part::Class(class) => f.write_str(CLASSES.get(usize::from(*class)).unwrap_or(&"-")),
            Part::Text(text) => f.write_str(text),
            Part::Int(number) => number.fmt(f),
            Part::Double(bits) => f64::from_bits(*bits).fmt(f),
            Part::Bool(flag) => flag.fmt(f),
        }
    }
}
