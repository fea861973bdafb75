//! Durations and sizes as people write them: `500ms`, `1m30s`, `64MiB`.
//!
//! Pure. What is too large to hold becomes the largest that can be held, and the limits of `check`
//! refuse it with its line.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

/// A duration with a unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Time(pub Duration);

/// A number of bytes with a unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Size(pub u64);

/// Units of [`Size`], the largest of each kind first.
const SIZE_UNITS: [(&str, u64); 7] = [
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("GB", 1_000_000_000),
    ("MB", 1_000_000),
    ("kB", 1_000),
    ("B", 1),
];

// === impl Time ===

impl Time {
    /// A duration in milliseconds.
    pub const fn ms(ms: u64) -> Time {
        Time(Duration::from_millis(ms))
    }

    /// A duration in seconds.
    pub const fn s(s: u64) -> Time {
        Time(Duration::from_secs(s))
    }

    fn parse(text: &str) -> Option<Time> {
        match humantime::parse_duration(text) {
            Ok(d) => Some(Time(d)),
            Err(humantime::DurationError::NumberOverflow) => Some(Time(Duration::MAX)),
            Err(_) => None,
        }
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = humantime::format_duration(self.0).to_string();
        f.write_str(&text.replace(' ', ""))
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Time, D::Error> {
        let text = Cow::<str>::deserialize(d)?;
        Time::parse(&text).ok_or_else(|| de::Error::custom("not a duration"))
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl JsonSchema for Time {
    fn schema_name() -> Cow<'static, str> {
        "duration".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "x-type": "duration",
            "pattern": "^([0-9]+ ?(ns|us|ms|s|sec|m|min|h|d) ?)+$",
            "x-rule": "must be a duration with a unit",
            "x-remedy": "write it like 500ms, 10s or 1m30s",
        })
    }
}

// === impl Size ===

impl Size {
    /// Mebibytes.
    pub const fn mib(n: u64) -> Size {
        Size(n << 20)
    }

    /// Kibibytes.
    pub const fn kib(n: u64) -> Size {
        Size(n << 10)
    }

    fn parse(text: &str) -> Option<Size> {
        let (unit, bytes) = SIZE_UNITS.iter().find(|(unit, _)| text.ends_with(unit))?;
        let digits = text.strip_suffix(unit)?.trim_end();
        if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        let number = digits.parse::<u64>().unwrap_or(u64::MAX);
        Some(Size(number.saturating_mul(*bytes)))
    }

    /// The same number for memory of this process.
    pub fn bytes(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fits = |bytes: &u64| self.0 >= *bytes && self.0.is_multiple_of(*bytes);
        match SIZE_UNITS.iter().find(|(_, bytes)| fits(bytes)) {
            Some((unit, bytes)) => write!(f, "{}{unit}", self.0 / bytes),
            None => write!(f, "{}B", self.0),
        }
    }
}

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Size, D::Error> {
        let text = Cow::<str>::deserialize(d)?;
        Size::parse(&text).ok_or_else(|| de::Error::custom("not a size"))
    }
}

impl Serialize for Size {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl JsonSchema for Size {
    fn schema_name() -> Cow<'static, str> {
        "size".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "x-type": "size",
            "pattern": "^[0-9]+ ?(B|kB|KiB|MB|MiB|GB|GiB)$",
            "x-rule": "must be a whole size with a unit",
            "x-remedy": "write it like 64KiB, 16MiB or 1GiB",
        })
    }
}
