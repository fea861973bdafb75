//! Comparing values with numbers.

use crate::config::Number;
use std::cmp::Ordering;
use tidegate_sdk::Value;

/// The number that a value is, or that its text says.
#[inline]
pub fn of(value: Value<'_>) -> Option<Number> {
    match value {
        Value::Int(number) => Some(Number::Int(number)),
        Value::Double(number) => Some(Number::Double(number)),
        Value::Text(text) => read(text),
        _ => None,
    }
}

/// How one number stands to another; whole ones are compared in full.
#[inline]
pub fn compare(a: Number, b: Number) -> Option<Ordering> {
    match (a, b) {
        (Number::Int(a), Number::Int(b)) => Some(a.cmp(&b)),
        (a, b) => double(a).partial_cmp(&double(b)),
    }
}

/// As a double; whole numbers beyond 2^53 lose digits, never their order.
#[inline]
pub fn double(number: Number) -> f64 {
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
