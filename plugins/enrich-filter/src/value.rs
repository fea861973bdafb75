//! What is asked of one value.

use crate::config::{Constant, Number};
use memchr::memmem::Finder;
use regex::Regex;
use std::borrow::Cow;
use std::cmp::Ordering;
use tidegate_sdk::Value;

/// One question about a value.
#[derive(Debug)]
pub enum Test {
    /// Whether it is there.
    Exists(bool),
    /// Whether it is this.
    Equals(Constant),
    /// Whether it is something else, or not there.
    NotEquals(Constant),
    /// Whether its text contains this.
    Contains(Box<Finder<'static>>),
    /// Whether its text starts with this.
    StartsWith(String),
    /// Whether this matches somewhere in its text.
    Regex(Regex),
    /// Whether it is a number above this.
    Greater(Number),
    /// Whether it is a number below this.
    Less(Number),
}

impl Test {
    /// The answer for a value, or for none.
    pub fn holds(&self, value: Option<Value<'_>>) -> bool {
        let Some(value) = value else {
            return matches!(self, Test::Exists(false) | Test::NotEquals(_));
        };
        match self {
            Test::Exists(wanted) => *wanted,
            Test::Equals(constant) => equals(constant, value),
            Test::NotEquals(constant) => !equals(constant, value),
            Test::Contains(part) => {
                text(value).is_some_and(|text| part.find(text.as_bytes()).is_some())
            }
            Test::StartsWith(start) => text(value).is_some_and(|text| text.starts_with(start)),
            Test::Regex(regex) => text(value).is_some_and(|text| regex.is_match(&text)),
            Test::Greater(limit) => compare(value, *limit) == Some(Ordering::Greater),
            Test::Less(limit) => compare(value, *limit) == Some(Ordering::Less),
        }
    }
}

fn equals(constant: &Constant, value: Value<'_>) -> bool {
    match (constant, value) {
        (Constant::Bool(wanted), Value::Bool(flag)) => *wanted == flag,
        (Constant::Bool(wanted), value) => {
            text(value).is_some_and(|text| text == if *wanted { "true" } else { "false" })
        }
        (Constant::Number(wanted), value) => compare(value, *wanted) == Some(Ordering::Equal),
        (Constant::Text(wanted), Value::Text(text)) => wanted == text,
        (Constant::Text(wanted), value) => text(value).is_some_and(|text| text == *wanted),
    }
}

/// The text of a value; that of numbers as they are written. Bytes that are not text have none.
fn text(value: Value<'_>) -> Option<Cow<'_, str>> {
    match value {
        Value::Text(text) | Value::Json(text) => Some(text.into()),
        Value::Bool(flag) => Some(if flag { "true".into() } else { "false".into() }),
        Value::Int(number) => Some(number.to_string().into()),
        Value::Double(number) => Some(number.to_string().into()),
        Value::Null | Value::Bytes(_) => None,
    }
}

/// How a value stands to a number, where it is one or says one.
fn compare(value: Value<'_>, other: Number) -> Option<Ordering> {
    let number = match value {
        Value::Int(number) => Number::Int(number),
        Value::Double(number) => Number::Double(number),
        Value::Text(text) => read(text)?,
        _ => return None,
    };
    match (number, other) {
        (Number::Int(a), Number::Int(b)) => Some(a.cmp(&b)),
        (a, b) => as_double(a).partial_cmp(&as_double(b)),
    }
}

fn as_double(number: Number) -> f64 {
    match number {
        Number::Int(number) => number as f64,
        Number::Double(number) => number,
    }
}

/// The number that a text says: digits first, so that words such as `inf` are none.
fn read(text: &str) -> Option<Number> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    if !digits.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    text.parse()
        .map(Number::Int)
        .or_else(|_| text.parse().map(Number::Double))
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: Constant = Constant::Number(Number::Int(200));

    /// *Scenario:* values of every type are compared with constants of every type.
    ///
    /// *Guarantees:* a number equals text that says it, and text equals what a value would be written as.
    #[test]
    fn equality_crosses_types_where_both_say_the_same() {
        let text = |text: &str| Constant::Text(text.into());
        for (constant, value, expected) in [
            (text("a"), Value::Text("a"), true),
            (text("a"), Value::Text("A"), false),
            (text("200"), Value::Int(200), true),
            (text("0.5"), Value::Double(0.5), true),
            (text("true"), Value::Bool(true), true),
            (text("[1]"), Value::Json("[1]"), true),
            (text(""), Value::Null, false),
            (text("a"), Value::Bytes(b"a"), false),
            (WHOLE, Value::Int(200), true),
            (WHOLE, Value::Double(200.0), true),
            (WHOLE, Value::Text("200"), true),
            (WHOLE, Value::Text("200.0"), true),
            (WHOLE, Value::Text("200 ms"), false),
            (WHOLE, Value::Bool(true), false),
            (
                Constant::Number(Number::Int(i64::MAX)),
                Value::Int(i64::MAX - 1),
                false,
            ),
            (Constant::Bool(true), Value::Bool(true), true),
            (Constant::Bool(true), Value::Text("true"), true),
            (Constant::Bool(false), Value::Int(0), false),
        ] {
            assert_eq!(
                Test::Equals(constant.clone()).holds(Some(value)),
                expected,
                "{constant:?} {value:?}"
            );
            assert_eq!(
                Test::NotEquals(constant.clone()).holds(Some(value)),
                !expected,
                "{constant:?} {value:?}"
            );
        }
    }

    /// *Scenario:* values are above, at and below a limit, and no numbers at all.
    ///
    /// *Guarantees:* only numbers, and text that says one, are above or below it.
    #[test]
    fn only_numbers_are_above_or_below() {
        for (value, greater, less) in [
            (Value::Int(501), true, false),
            (Value::Int(500), false, false),
            (Value::Double(499.5), false, true),
            (Value::Text("-1"), false, true),
            (Value::Text("1e3"), true, false),
            (Value::Text("inf"), false, false),
            (Value::Text("NaN"), false, false),
            (Value::Text(""), false, false),
            (Value::Double(f64::NAN), false, false),
            (Value::Bool(true), false, false),
            (Value::Json("501"), false, false),
        ] {
            assert_eq!(
                Test::Greater(Number::Int(500)).holds(Some(value)),
                greater,
                "{value:?}"
            );
            assert_eq!(
                Test::Less(Number::Int(500)).holds(Some(value)),
                less,
                "{value:?}"
            );
        }
        assert!(Test::Greater(Number::Double(0.5)).holds(Some(Value::Int(1))));
    }

    /// *Scenario:* text is asked for a part, a beginning and a pattern.
    ///
    /// *Guarantees:* each question finds what it names, in numbers as they are written too.
    #[test]
    fn text_is_searched() {
        let contains = Test::Contains(Box::new(Finder::new("health").into_owned()));
        let starts = Test::StartsWith("GET /health".into());
        let regex = Test::Regex(Regex::new(r"^GET /health\w* ").unwrap());
        for (text, answers) in [
            ("GET /healthz HTTP/1.1", [true, true, true]),
            ("GET /health", [true, true, false]),
            ("POST /health HTTP/1.1", [true, false, false]),
            ("GET /", [false, false, false]),
            ("", [false, false, false]),
        ] {
            let value = Some(Value::Text(text));
            assert_eq!(
                [
                    contains.holds(value),
                    starts.holds(value),
                    regex.holds(value)
                ],
                answers,
                "{text}"
            );
        }
        assert!(Test::StartsWith("50".into()).holds(Some(Value::Int(503))));
        assert!(!contains.holds(Some(Value::Bytes(b"health"))));
    }

    /// *Scenario:* the value is not there.
    ///
    /// *Guarantees:* only "not equal" and "does not exist" hold.
    #[test]
    fn of_nothing_only_the_negatives_hold() {
        for (test, expected) in [
            (Test::Exists(false), true),
            (Test::NotEquals(WHOLE), true),
            (Test::Exists(true), false),
            (Test::Equals(WHOLE), false),
            (Test::Less(Number::Int(1)), false),
            (Test::StartsWith(String::new()), false),
        ] {
            assert_eq!(test.holds(None), expected, "{test:?}");
        }
        assert!(Test::Exists(true).holds(Some(Value::Null)));
        assert!(!Test::Exists(false).holds(Some(Value::Null)));
    }
}
