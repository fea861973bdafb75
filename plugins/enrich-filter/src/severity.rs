//! What is asked of the severity.

use crate::config::Level;
use std::ops::RangeInclusive;
use tidegate_sdk::{Severity, formats};

/// OTLP's severities come in six groups of four; the names of the groups are those of their first.
const GROUP: u8 = 4;
/// The largest OTLP SeverityNumber.
const NUMBER_MAX: u8 = 24;

/// One question about the severity. A name stands for a range of numbers.
#[derive(Debug, PartialEq, Eq)]
pub enum SeverityTest {
    /// Whether it is known.
    Exists(bool),
    /// Whether it is one of these.
    Equals(RangeInclusive<u8>),
    /// Whether it is none of these, or unknown.
    NotEquals(RangeInclusive<u8>),
    /// Whether it is above all of these.
    Greater(RangeInclusive<u8>),
    /// Whether it is known and below all of these.
    Less(RangeInclusive<u8>),
}

impl SeverityTest {
    /// The answer for a severity.
    #[inline]
    pub fn holds(&self, severity: Severity) -> bool {
        let number = severity.number();
        match self {
            SeverityTest::Exists(wanted) => (number > 0) == *wanted,
            SeverityTest::Equals(range) => range.contains(&number),
            SeverityTest::NotEquals(range) => !range.contains(&number),
            SeverityTest::Greater(range) => number > *range.end(),
            SeverityTest::Less(range) => number > 0 && number < *range.start(),
        }
    }
}

/// The numbers that a level stands for.
///
/// # Errors
/// What is wrong with it.
pub fn range(level: &Level) -> Result<RangeInclusive<u8>, String> {
    match level {
        Level::Number(number @ 1..=NUMBER_MAX) => Ok(*number..=*number),
        Level::Number(number) => Err(format!(
            "is {number}; use a number from 1 to {NUMBER_MAX}, or a name"
        )),
        Level::Name(name) => match formats::severity(name).number() {
            0 => Err(format!(
                "is {name:?}, which is no severity; use trace, debug, info, warn, error or fatal"
            )),
            number if number % GROUP == 1 => Ok(number..=number + GROUP - 1),
            number => Ok(number..=number),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// *Scenario:* levels are written as names of groups, as other names, as numbers, and wrongly.
    ///
    /// *Guarantees:* the name of a group stands for its four numbers, others for one, and the rest is refused.
    #[test]
    fn names_of_groups_stand_for_four_numbers() {
        let name = |name: &str| range(&Level::Name(name.into()));
        assert_eq!(name("WARN"), Ok(13..=16));
        assert_eq!(name("fatal"), Ok(21..=24));
        assert_eq!(name("notice"), Ok(10..=10));
        assert_eq!(range(&Level::Number(9)), Ok(9..=9));
        assert!(name("loud").unwrap_err().contains("\"loud\""));
        for number in [0, 25] {
            assert!(
                range(&Level::Number(number))
                    .unwrap_err()
                    .contains("1 to 24")
            );
        }
    }

    /// *Scenario:* every severity is asked every question about warnings.
    ///
    /// *Guarantees:* unknown is neither above nor below, and equal to nothing.
    #[test]
    fn unknown_is_neither_above_nor_below() {
        for number in 0..=24 {
            let severity = Severity::new(number).unwrap();
            let answers = [
                SeverityTest::Equals(13..=16),
                SeverityTest::NotEquals(13..=16),
                SeverityTest::Greater(13..=16),
                SeverityTest::Less(13..=16),
                SeverityTest::Exists(true),
                SeverityTest::Exists(false),
            ]
            .map(|test| test.holds(severity));
            let expected = match number {
                0 => [false, true, false, false, false, true],
                1..=12 => [false, true, false, true, true, false],
                13..=16 => [true, false, false, false, true, false],
                _ => [false, true, true, false, true, false],
            };
            assert_eq!(answers, expected, "{number}");
        }
    }
}
