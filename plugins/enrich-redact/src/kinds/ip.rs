//! IPv4 and IPv6 addresses.

use super::text::{begins, ends, is_digit};
use std::net::Ipv6Addr;
use std::ops::Range;

/// The longest IPv6 address in bytes: eight groups, the last two written as IPv4.
const V6_BYTES_MAX: usize = 45;

/// The IPv4 address whose first number ends at `at`: four numbers up to 255, not part of a longer
/// dotted number (`1.2.3.4.5`) and not behind a letter (`v1.2.3.4`).
pub fn find_v4(text: &[u8], from: usize, at: usize) -> Option<Range<usize>> {
    let mut start = at;
    while start > from && is_digit(text, start - 1) && at - start < 3 {
        start -= 1;
    }
    if start < from || !begins(text, start) || text[..start].ends_with(b".") {
        return None;
    }
    let mut end = octet(text, start)?;
    for _ in 0..3 {
        if text.get(end) != Some(&b'.') {
            return None;
        }
        end = octet(text, end + 1)?;
    }
    let goes_on = text.get(end) == Some(&b'.') && is_digit(text, end + 1);
    (ends(text, end) && !goes_on).then_some(start..end)
}

/// Where the number up to 255 that starts at `start` ends.
fn octet(text: &[u8], start: usize) -> Option<usize> {
    let digits = text[start..]
        .iter()
        .take(4)
        .take_while(|byte| byte.is_ascii_digit())
        .count();
    let value = text[start..start + digits]
        .iter()
        .fold(0, |n, digit| n * 10 + u32::from(digit - b'0'));
    (matches!(digits, 1..=3) && value <= 255).then_some(start + digits)
}

/// The IPv6 address around the colon at `at`, with at least one digit: `::` and paths such as
/// `dead::beef` stay, and so do times and hardware addresses, which are no IPv6 addresses.
pub fn find_v6(text: &[u8], from: usize, at: usize) -> Option<Range<usize>> {
    let range = trim(text, run(text, from, at)?)?;
    let address = std::str::from_utf8(&text[range.clone()]).ok()?;
    let has_digit = address.bytes().any(|byte| byte.is_ascii_digit());
    (has_digit && address.parse::<Ipv6Addr>().is_ok()).then_some(range)
}

/// The bytes around `at` that an address could be made of, where there are two colons and not too many
/// bytes.
fn run(text: &[u8], from: usize, at: usize) -> Option<Range<usize>> {
    let is_part = |byte: &&u8| byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.');
    // Room for what `trim` takes off.
    let most = V6_BYTES_MAX + 5;
    let before = text[from..at]
        .iter()
        .rev()
        .take(most)
        .take_while(is_part)
        .count();
    let after = text[at..].iter().take(most).take_while(is_part).count();
    let range = at - before..at + after;
    let colons = text[range.clone()]
        .iter()
        .filter(|byte| **byte == b':')
        .count();
    (colons >= 2 && range.len() < most).then_some(range)
}

/// Takes off what belongs to the text around: `addr:` before, a full stop behind.
fn trim(text: &[u8], mut range: Range<usize>) -> Option<Range<usize>> {
    if !begins(text, range.start) {
        range.start += text[range.clone()].iter().position(|byte| *byte == b':')?;
        if text[range.clone()].starts_with(b"::") {
            return None;
        }
    }
    let is_single_colon = |bytes: &[u8]| matches!(bytes, [b':'] | [b':', b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F', ..]);
    if is_single_colon(&text[range.clone()]) {
        range.start += 1;
    }
    while text[range.clone()].ends_with(b".") {
        range.end -= 1;
    }
    if let [.., before, b':'] = text[range.clone()]
        && before != b':'
    {
        range.end -= 1;
    }
    ends(text, range.end).then_some(range)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn v4(text: &str) -> Option<&str> {
        let bytes = text.as_bytes();
        let at = (1..bytes.len()).find(|i| bytes[*i] == b'.' && bytes[i - 1].is_ascii_digit())? - 1;
        find_v4(bytes, 0, at).map(|hit| &text[hit])
    }

    fn v6(text: &str) -> Option<&str> {
        find_v6(text.as_bytes(), 0, text.find(':')?).map(|hit| &text[hit])
    }

    /// *Scenario:* IPv4 addresses stand beside ports, masks, brackets and full stops.
    ///
    /// *Guarantees:* the address alone is taken.
    #[test]
    fn v4_addresses_are_taken_alone() {
        for (text, expected) in [
            ("10.1.2.3", "10.1.2.3"),
            ("from 192.168.178.201:8080 to", "192.168.178.201"),
            ("[10.0.0.1]", "10.0.0.1"),
            ("10.0.0.0/24", "10.0.0.0"),
            ("It was 10.0.0.1.", "10.0.0.1"),
            ("ip=255.255.255.255,", "255.255.255.255"),
            ("http://10.0.0.1/x", "10.0.0.1"),
            (r"\n10.0.0.1", "10.0.0.1"),
            ("010.001.002.003", "010.001.002.003"),
        ] {
            assert_eq!(v4(text), Some(expected), "{text}");
        }
    }

    /// *Scenario:* versions and other dotted numbers.
    ///
    /// *Guarantees:* they stay.
    #[test]
    fn other_dotted_numbers_stay() {
        for text in [
            "1.2.3",
            "1.2.3.4.5",
            "0.1.2.3.4.5",
            "256.1.1.1",
            "1.2.3.256",
            "v1.2.3.4",
            "1.2.3.4a",
            "1.2.3.4_5",
            "1..2.3",
            "1.2.3.",
            "1234.1.1.1",
            "1.2.3.4444",
            "12.5 ms",
        ] {
            assert_eq!(v4(text), None, "{text}");
        }
    }

    /// *Scenario:* IPv6 addresses of all forms stand beside names, brackets, zones and full stops.
    ///
    /// *Guarantees:* the address alone is taken.
    #[test]
    fn v6_addresses_are_taken_alone() {
        for (text, expected) in [
            ("::1", "::1"),
            (
                "2001:0db8:85a3:0000:0000:8a2e:0370:7334",
                "2001:0db8:85a3:0000:0000:8a2e:0370:7334",
            ),
            ("[2001:db8::8a2e:370:7334]:443", "2001:db8::8a2e:370:7334"),
            ("from fe80::1%eth0", "fe80::1"),
            ("addr:2001:db8::1", "2001:db8::1"),
            ("id:2001:db8::1", "2001:db8::1"),
            ("ip ::ffff:10.0.0.1.", "::ffff:10.0.0.1"),
            ("peer 2001:db8::1: reset", "2001:db8::1"),
            ("net 2001:db8::/32", "2001:db8::"),
        ] {
            assert_eq!(v6(text), Some(expected), "{text}");
        }
    }

    /// *Scenario:* colons of times, hardware addresses, paths in code and endless runs.
    ///
    /// *Guarantees:* they stay.
    #[test]
    fn other_colons_stay() {
        let endless = "1:".repeat(1000);
        for text in [
            "::",
            "a::b",
            "std::fs::read",
            "dead::beef",
            "12:34:56",
            "2026-11-21T03:12:45.123Z",
            "00:1a:2b:3c:4d:5e",
            "1::read",
            "level: 5",
            "x::1y",
            ":",
            "a:",
            ":::::",
            "sha256:4e07408562",
            &endless,
        ] {
            assert_eq!(v6(text), None, "{text}");
        }
    }

    /// *Scenario:* an address begins before `from`.
    ///
    /// *Guarantees:* what an earlier hit took is not taken again.
    #[test]
    fn bytes_before_from_are_left_alone() {
        assert_eq!(find_v4(b"10.0.0.1", 1, 1), None);
        assert_eq!(find_v6(b"2001:db8::1", 4, 4), Some(5..11));
        assert_eq!(find_v6(b"2001:db8::1", 9, 9), None);
    }
}
