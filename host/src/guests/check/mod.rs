//! The answer check: whether what a plugin returned keeps the contract's rules. Pure.
//!
//! Nothing of an answer is used before it has passed. A bad answer is a fault; its message names the field,
//! the index and the rule. Bounded by the size of the answer: hostile columns cannot make it slow.

mod columns;
mod edits;
mod findings;
mod parsed;
#[cfg(test)]
mod tests;
mod texts;

pub(crate) use edits::edits;
pub(crate) use findings::{alerts, anomalies, scores};
pub(crate) use parsed::{Summary, parsed};
#[cfg(test)]
pub(crate) use tests::valid_edits;
pub(crate) use texts::Encoding;

use crate::model::Columns;
use std::fmt;

/// What a plugin was given.
#[derive(Clone, Copy)]
pub(crate) struct Given<'a> {
    pub columns: &'a Columns,
    /// Of its text.
    pub encoding: Encoding,
    /// Bytes that may be given and returned together; also what all spans of an answer may point to, one
    /// after the other, because that is what it grows to when it is exported.
    pub bytes_max: usize,
    /// Where in the batch it begins.
    pub first: usize,
}

/// A rule that an answer breaks.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct BadAnswer {
    /// The field, by its name in the contract.
    pub field: &'static str,
    /// The entry of the field.
    pub index: Option<usize>,
    /// The rule, and what breaks it.
    pub rule: String,
}

impl fmt::Display for BadAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.index {
            Some(index) => write!(f, "{}[{index}] {}", self.field, self.rule),
            None => write!(f, "{} {}", self.field, self.rule),
        }
    }
}

impl BadAnswer {
    fn whole(field: &'static str, rule: impl Into<String>) -> BadAnswer {
        BadAnswer {
            field,
            index: None,
            rule: rule.into(),
        }
    }

    fn at(field: &'static str, index: usize, rule: impl Into<String>) -> BadAnswer {
        BadAnswer {
            field,
            index: Some(index),
            rule: rule.into(),
        }
    }
}

/// A column has the length that another gives.
fn length(field: &'static str, found: usize, expected: usize) -> Result<(), BadAnswer> {
    if found == expected {
        return Ok(());
    }
    let rule = format!("has {found} entries, but must have {expected}");
    Err(BadAnswer::whole(field, rule))
}

/// A column has the length that another gives, or is empty.
fn length_or_none(field: &'static str, found: usize, expected: usize) -> Result<(), BadAnswer> {
    if found == 0 || found == expected {
        return Ok(());
    }
    let rule = format!("has {found} entries, but must have {expected} or none");
    Err(BadAnswer::whole(field, rule))
}

/// Every entry is below a bound; one pass without branches before the culprit is looked for.
fn below<T: Copy + PartialOrd + fmt::Display>(
    field: &'static str,
    column: &[T],
    bound: T,
    of: &str,
) -> Result<(), BadAnswer> {
    if column.iter().fold(true, |good, v| good & (*v < bound)) {
        return Ok(());
    }
    let index = column.iter().position(|v| *v >= bound).unwrap_or(0);
    let value = column.get(index).copied().unwrap_or(bound);
    Err(BadAnswer::at(
        field,
        index,
        format!("is {value}, but must be below {bound}{of}"),
    ))
}

/// At most one reason a record, of records that are there.
fn reasons(reasons: &[super::answer::Reason], records: usize) -> Result<(), BadAnswer> {
    let mut named = std::collections::HashSet::with_capacity(reasons.len());
    for (i, reason) in reasons.iter().enumerate() {
        if reason.input as usize >= records {
            let rule = format!("names record {} of {records}", reason.input);
            return Err(BadAnswer::at("reasons", i, rule));
        }
        if !named.insert(reason.input) {
            let rule = format!("is the second for record {}", reason.input);
            return Err(BadAnswer::at("reasons", i, rule));
        }
    }
    Ok(())
}

/// Given and returned bytes together keep the limit.
fn size(given: Given<'_>, returned: usize) -> Result<(), BadAnswer> {
    let given_bytes = given.columns.text.len();
    if given_bytes.saturating_add(returned) <= given.bytes_max {
        return Ok(());
    }
    let max = given.bytes_max;
    Err(BadAnswer::whole(
        "answer",
        format!(
            "has {returned} bytes, with {given_bytes} given more than max_batch_text ({max} bytes)"
        ),
    ))
}
