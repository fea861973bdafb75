//! Random answers that keep every rule, and what the check says of them and of broken ones.

mod edits;
mod parsed;

pub(crate) use edits::valid as valid_edits;

use super::super::testing::{input, records, span, text, value};
use super::{Encoding, Given};
use crate::model::Columns;

/// Far above what the answers here need.
const BYTES_MAX: usize = 1 << 20;

fn given(columns: &Columns) -> Given<'_> {
    Given {
        columns,
        encoding: Encoding::of(&columns.text),
        bytes_max: BYTES_MAX,
        first: 0,
    }
}

/// Where a character of several bytes lies in the texts.
fn wide_character(given: &[u8], own: &[u8]) -> Option<u32> {
    let find = |text: &[u8]| text.iter().position(|b| *b == 0xc3 || *b == 0xe6);
    find(given)
        .or_else(|| find(own).map(|at| at + given.len()))
        .map(|at| at as u32)
}
