//! Severities by name and by number.

use crate::atom::Comparison;
use crate::config::{Constant, Number, When};
use crate::problems::Problems;
use std::ops::RangeInclusive;
use tidegate_sdk::formats;

/// OTLP's severities come in six groups of four; the names of the groups are those of their first.
const GROUP: u8 = 4;
/// The largest OTLP SeverityNumber.
pub const NUMBER_MAX: u8 = 24;

/// A set of severities, a bit a number; 0 is unknown.
pub type Mask = u32;

/// All that are known.
const KNOWN: Mask = ((1 << (NUMBER_MAX + 1)) - 1) & !1;

/// The numbers that a level stands for: `error` for 17 to 20, `notice` for 10, a number for itself.
///
/// # Errors
/// What is wrong with it.
pub fn range(level: &Constant) -> Result<RangeInclusive<u8>, String> {
    match level {
        Constant::Number(Number::Int(number @ 1..=24)) => Ok(*number as u8..=*number as u8),
        Constant::Text(name) => match formats::severity(name).number() {
            0 => Err(format!(
                "is {name:?}, which is no severity; use trace, debug, info, warn, error or fatal"
            )),
            number if number % GROUP == 1 => Ok(number..=number + GROUP - 1),
            number => Ok(number..=number),
        },
        Constant::Number(Number::Int(number)) => Err(wrong(number)),
        Constant::Number(Number::Double(number)) => Err(wrong(number)),
        Constant::Bool(flag) => Err(wrong(flag)),
    }
}

fn wrong(value: impl std::fmt::Display) -> String {
    format!("is {value}; use a whole number from 1 to {NUMBER_MAX}, or a name")
}

/// The bits of a range.
fn mask_of(range: RangeInclusive<u8>) -> Mask {
    range.fold(0, |bits, number| bits | 1 << number)
}

/// The severities that all tests of `when` allow.
///
/// (A severity has no text: tests of texts are refused.)
pub fn allowed(pointer: &str, when: &When, problems: &mut Problems) -> Option<Mask> {
    let before = problems.count();
    for (name, is) in [
        ("contains", when.contains.is_some()),
        ("prefix", when.prefix.is_some()),
        ("suffix", when.suffix.is_some()),
        ("regex", when.regex.is_some()),
    ] {
        if is {
            let message = "is a test of texts, and severity is a number; use the field severity_text, or equals or at_least";
            problems.add(&format!("{pointer}/{name}"), message);
        }
    }
    let mut mask = Mask::MAX;
    let mut allow = |name: &str, level: &Constant, bits: &dyn Fn(u8, u8) -> Mask| {
        let range = problems.check(&format!("{pointer}/{name}"), range(level));
        range.map_or(0, |range| bits(*range.start(), *range.end()))
    };
    let within = |start: u8, end: u8| mask_of(start..=end);
    if let Some(level) = &when.equals {
        mask &= allow("equals", level, &within);
    }
    if let Some(levels) = &when.one_of {
        let all = levels.iter().map(|level| allow("one_of", level, &within));
        mask &= all.fold(0, |all, bits| all | bits);
    }
    for (name, level, comparison) in when.limits() {
        let Some(level) = level else { continue };
        mask &= allow(name, level, &|start, end| match comparison {
            Comparison::AtLeast => mask_of(start..=NUMBER_MAX),
            Comparison::Greater => mask_of(end + 1..=NUMBER_MAX),
            Comparison::AtMost => mask_of(1..=end),
            Comparison::Less => mask_of(1..=start - 1),
        });
    }
    match when.exists {
        Some(true) => mask &= KNOWN,
        Some(false) => mask &= !KNOWN,
        None => {}
    }
    (problems.count() == before).then_some(mask)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// *Scenario:* severities written as names of groups, as other names, as numbers, and wrongly.
    /// *Guarantees:* the name of a group stands for its four numbers, others for one, and the rest is refused.
    #[test]
    fn names_of_groups_stand_for_four_numbers() {
        let name = |name: &str| range(&Constant::Text(name.into()));
        assert_eq!(name("WARN"), Ok(13..=16));
        assert_eq!(name("notice"), Ok(10..=10));
        assert_eq!(range(&Constant::Number(Number::Int(9))), Ok(9..=9));
        assert!(name("loud").unwrap_err().contains("\"loud\""));
        for number in [0, 25] {
            let refused = range(&Constant::Number(Number::Int(number))).unwrap_err();
            assert!(refused.contains("1 to 24"));
        }
        assert_eq!(mask_of(1..=24), KNOWN);
        assert_eq!(mask_of(21..=24), 0b1111 << 21);
    }
}
