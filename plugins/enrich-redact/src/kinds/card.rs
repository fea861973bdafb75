//! Payment card numbers: `4111 1111 1111 1111`.

use super::text::{begins, continues, ends, is_digit};
use std::ops::Range;

/// The shortest card number, in digits.
pub const DIGITS_MIN: usize = 13;
/// The longest card number, in digits.
const DIGITS_MAX: usize = 19;
/// More groups of digits than any card number is written in.
const GROUPS_MAX: usize = 5;

/// The first four digits, and how many digits such a number has: what issuers give out. It keeps
/// timestamps in milli-, micro- and nanoseconds apart from card numbers, whatever their check digit.
const ISSUERS: [(u32, u32, usize, usize); 8] = [
    (2200, 2204, 16, 16), // Mir
    (2221, 2720, 16, 16), // Mastercard
    (3000, 3059, 14, 19), // Diners Club
    (3400, 3499, 15, 15), // American Express
    (3528, 3589, 16, 19), // JCB
    (3600, 3999, 14, 19), // Diners Club; American Express within
    (4000, 4999, 13, 19), // Visa
    (5000, 6999, 13, 19), // Mastercard, Maestro, Discover, UnionPay
];

/// The card number whose first digit is at `at`: 13 to 19 digits in one run, or in the groups that cards
/// show (4-4-4-4, 4-4-4-4-3, 4-6-5, 4-6-4) with one blank or one dash between, with a known issuer
/// and a valid check digit.
pub fn find(text: &[u8], from: usize, at: usize) -> Option<Range<usize>> {
    let fits = text.len() - at >= DIGITS_MIN;
    if at < from || !fits || !begins(text, at) || continues(text, at, b'.') {
        return None;
    }
    let groups = Groups::read(text, at);
    (1..=groups.count)
        .rev()
        .find(|count| groups.is_card(text, *count))
        .map(|count| at..groups.ends[count - 1])
}

/// Whether the whole of an integer is a card number.
pub fn is_number(value: i64) -> bool {
    let mut digits = [0; DIGITS_MAX];
    let (mut rest, mut count) = (value, 0);
    while rest > 0 && count < DIGITS_MAX {
        digits[DIGITS_MAX - 1 - count] = (rest % 10) as u8;
        (rest, count) = (rest / 10, count + 1);
    }
    rest == 0 && is_valid(&digits[DIGITS_MAX - count..])
}

/// A number's digits, and its groups as they are written.
struct Groups {
    digits: [u8; DIGITS_MAX],
    /// How many groups there are.
    count: usize,
    /// A group: how many digits there are up to its end, and where it ends in the text.
    totals: [usize; GROUPS_MAX],
    ends: [usize; GROUPS_MAX],
    /// What stands between the groups.
    separator: Option<u8>,
}

impl Groups {
    /// Reads groups of digits from `at` on, as many as fit.
    fn read(text: &[u8], mut at: usize) -> Groups {
        let mut groups = Groups {
            digits: [0; DIGITS_MAX],
            count: 0,
            totals: [0; GROUPS_MAX],
            ends: [0; GROUPS_MAX],
            separator: None,
        };
        let mut total = 0;
        while groups.count < GROUPS_MAX {
            while is_digit(text, at) {
                if total == DIGITS_MAX {
                    return groups;
                }
                groups.digits[total] = text[at] - b'0';
                (total, at) = (total + 1, at + 1);
            }
            (groups.totals[groups.count], groups.ends[groups.count]) = (total, at);
            groups.count += 1;
            let Some(separator @ (b' ' | b'-')) = text.get(at).copied() else {
                break;
            };
            if !is_digit(text, at + 1) || groups.separator.is_some_and(|s| s != separator) {
                break;
            }
            (groups.separator, at) = (Some(separator), at + 1);
        }
        groups
    }

    /// Whether the first `count` groups are a card number that ends there.
    fn is_card(&self, text: &[u8], count: usize) -> bool {
        let end = self.ends[count - 1];
        self.is_written_so(count)
            && is_valid(&self.digits[..self.totals[count - 1]])
            && ends(text, end)
            && !(text.get(end) == Some(&b'.') && is_digit(text, end + 1))
            && (count == 1 || !self.is_part_of_a_longer_one(text, end))
    }

    /// Whether cards show their number in such groups.
    fn is_written_so(&self, count: usize) -> bool {
        let mut sizes = [0; GROUPS_MAX];
        let mut before = 0;
        for (size, total) in sizes.iter_mut().zip(self.totals) {
            (*size, before) = (total.saturating_sub(before), total);
        }
        matches!(
            sizes[..count],
            [_] | [4, 6, 4 | 5] | [4, 4, 4, 1..=4] | [4, 4, 4, 4, 1..=3]
        )
    }

    /// Whether dashes join the groups to more digits, as in the identifiers of many systems.
    fn is_part_of_a_longer_one(&self, text: &[u8], end: usize) -> bool {
        let start = self.ends[0] - self.totals[0];
        self.separator == Some(b'-')
            && (continues(text, start, b'-')
                || text.get(end) == Some(&b'-') && is_digit(text, end + 1))
    }
}

/// Whether digits are a card number: their count, their issuer, their check digit.
fn is_valid(digits: &[u8]) -> bool {
    (DIGITS_MIN..=DIGITS_MAX).contains(&digits.len())
        && has_issuer(digits)
        && has_check_digit(digits)
}

fn has_issuer(digits: &[u8]) -> bool {
    let prefix = digits[..4]
        .iter()
        .fold(0, |number, digit| number * 10 + u32::from(*digit));
    ISSUERS.iter().any(|(low, high, min, max)| {
        (*low..=*high).contains(&prefix) && (*min..=*max).contains(&digits.len())
    })
}

/// Luhn's check: every second digit from the right counts twice, and the sum ends with a zero.
fn has_check_digit(digits: &[u8]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(place, digit)| match (place % 2, u32::from(*digit)) {
            (0, digit) => digit,
            (_, digit @ 5..) => digit * 2 - 9,
            (_, digit) => digit * 2,
        })
        .sum();
    sum.is_multiple_of(10)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Option<&str> {
        let at = text.find(|c: char| c.is_ascii_digit())?;
        find(text.as_bytes(), 0, at).map(|hit| &text[hit])
    }

    /// *Scenario:* the test numbers of the large issuers stand in the ways that people write them.
    ///
    /// *Guarantees:* each is taken whole, and what follows it stays.
    #[test]
    fn numbers_of_every_issuer_are_found() {
        for number in [
            "4111111111111111",
            "4111 1111 1111 1111",
            "4111-1111-1111-1111",
            "4222222222222",
            "5555555555554444",
            "2223 0031 2200 3222",
            "378282246310005",
            "3782 822463 10005",
            "6011 1111 1111 1117",
            "3056 930902 5904",
            "3530111333300000",
            "6212345678901265",
        ] {
            for (before, after) in [
                ("", ""),
                ("card ", " was charged"),
                ("(", ")"),
                ("pan=", ";"),
                ("", "."),
            ] {
                assert_eq!(
                    found(&format!("{before}{number}{after}")),
                    Some(number),
                    "{before}{after}"
                );
            }
        }
        assert_eq!(
            found("4111 1111 1111 1111 12/27"),
            Some("4111 1111 1111 1111")
        );
        assert_eq!(found(r"x\n4111111111111111"), Some("4111111111111111"));
    }

    /// *Scenario:* long numbers that are something else.
    ///
    /// *Guarantees:* wrong check digits, unknown issuers, times, hex, decimals, identifiers and numbers
    /// inside longer ones stay.
    #[test]
    fn other_long_numbers_stay() {
        for text in [
            "4111111111111112",
            "4111 1111 1111 1112",
            "411111111111111",
            "1795230765123",
            "1795230765123456789",
            "1234567812345670",
            "41111111111111111111111",
            "0004111111111111111111",
            "a4111111111111111",
            "4111111111111111f",
            "4111111111111111_2",
            "4111111111111111.5",
            "4111-1111-1111-1111-1111",
            "4111-1111 1111-1111",
            "4111  1111 1111 1111",
            "41 11 11 11 11 11 11 11",
        ] {
            assert_eq!(found(text), None, "{text}");
        }
        let decimal = b"0.4111111111111111";
        assert_eq!(find(decimal, 0, 2), None);
        let identifier = b"00000000-1111-4111-1111-111111111111";
        for at in [0, 9, 14, 19, 24] {
            assert_eq!(find(identifier, 0, at), None, "{at}");
        }
    }

    /// *Scenario:* integers are asked for.
    ///
    /// *Guarantees:* the same numbers are found as in text, and nothing overflows.
    #[test]
    fn integers_are_judged_as_text_is() {
        for (value, expected) in [
            (4_111_111_111_111_111, true),
            (4_111_111_111_111_112, false),
            (-4_111_111_111_111_111, false),
            (1_795_230_765_123, false),
            (0, false),
            (i64::MAX, false),
            (i64::MIN, false),
        ] {
            assert_eq!(is_number(value), expected, "{value}");
        }
    }
}
