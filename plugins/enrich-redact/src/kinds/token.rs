//! Tokens: what follows `Bearer`, and JSON web tokens wherever they stand.

use super::text::begins;
use std::ops::Range;

/// A shorter word behind `Bearer` is prose.
const BEARER_BYTES_MIN: usize = 6;
/// A word of this length behind `Bearer` is a token even without a digit.
const BEARER_BYTES_LONG: usize = 20;
/// Shorter than any signed web token with a header and a claim.
const WEB_TOKEN_BYTES_MIN: usize = 21;
/// Signed web tokens have three parts, encrypted ones five.
const WEB_TOKEN_PARTS: std::ops::RangeInclusive<usize> = 3..=5;

/// The token behind `Bearer` or `bearer`, whose `e` is at `at`. The word itself stays.
pub fn find_bearer(text: &[u8], from: usize, at: usize) -> Option<Range<usize>> {
    let word = at.checked_sub(1)?;
    let is_bearer = matches!(text[word], b'B' | b'b') && text[at..].starts_with(b"earer ");
    if word < from || !is_bearer || !begins(text, word) {
        return None;
    }
    let blanks = text[at + 5..]
        .iter()
        .take_while(|byte| **byte == b' ')
        .count();
    let start = at + 5 + blanks;
    let length = text[start..]
        .iter()
        .take_while(|byte| is_token(**byte))
        .count();
    let token = text[start..start + length].trim_suffix_dots();
    let has_digit = token.iter().any(u8::is_ascii_digit);
    let is_token = token.len() >= BEARER_BYTES_LONG || token.len() >= BEARER_BYTES_MIN && has_digit;
    is_token.then_some(start..start + token.len())
}

/// The web token (`eyJ....eyJ....signature`) whose first `J` is at `at`.
pub fn find_web_token(text: &[u8], from: usize, at: usize) -> Option<Range<usize>> {
    let start = at.checked_sub(2).filter(|start| *start >= from)?;
    let joined = text[..start].ends_with(b"-") || text[..start].ends_with(b".");
    if !text[start..].starts_with(b"eyJ") || joined || !begins(text, start) {
        return None;
    }
    let (mut end, mut parts) = (start, 1);
    while let Some(byte) = text.get(end)
        && (is_base64url(*byte) || *byte == b'.' && parts < *WEB_TOKEN_PARTS.end())
    {
        parts += usize::from(*byte == b'.');
        end += 1;
    }
    let token = text[start..end].trim_suffix_dots();
    let parts = token.split(|byte| *byte == b'.').count();
    let is_token = WEB_TOKEN_PARTS.contains(&parts) && token.len() >= WEB_TOKEN_BYTES_MIN;
    is_token.then_some(start..start + token.len())
}

fn is_base64url(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')
}

/// What RFC 6750 allows in a bearer token.
fn is_token(byte: u8) -> bool {
    is_base64url(byte) || matches!(byte, b'.' | b'~' | b'+' | b'/' | b'=')
}

trait TrimDots {
    /// Without the full stops at its end, which belong to the sentence around it.
    fn trim_suffix_dots(&self) -> &[u8];
}

impl TrimDots for [u8] {
    fn trim_suffix_dots(&self) -> &[u8] {
        let dots = self.iter().rev().take_while(|byte| **byte == b'.').count();
        &self[..self.len() - dots]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WEB_TOKEN: &str = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVm-x_";

    fn bearer(text: &str) -> Option<&str> {
        find_bearer(text.as_bytes(), 0, text.find("earer")?).map(|hit| &text[hit])
    }

    fn web_token(text: &str) -> Option<&str> {
        find_web_token(text.as_bytes(), 0, text.find('J')?).map(|hit| &text[hit])
    }

    /// *Scenario:* bearer tokens of several makes, and prose about bearers.
    ///
    /// *Guarantees:* the token is taken without the word, and prose stays.
    #[test]
    fn what_follows_bearer_is_taken() {
        for (text, expected) in [
            ("Bearer abc123", Some("abc123")),
            (
                "authorization: bearer  mF_9.B5f-4.1JqM==, x",
                Some("mF_9.B5f-4.1JqM=="),
            ),
            (
                r"\nBearer abcdefghijklmnopqrstuvwxyz",
                Some("abcdefghijklmnopqrstuvwxyz"),
            ),
            ("Bearer abc123.", Some("abc123")),
            ("the bearer of bad news", None),
            ("Bearer realm=\"x\"", None),
            ("Bearer ", None),
            ("Bearer", None),
            ("cupbearer abc123", None),
            ("earer abc123", None),
        ] {
            assert_eq!(bearer(text), expected, "{text}");
        }
    }

    /// *Scenario:* web tokens stand in headers, URLs and sentences, and things that look alike.
    ///
    /// *Guarantees:* the token is taken whole, and nothing else is.
    #[test]
    fn web_tokens_are_taken_whole() {
        for (before, after) in [
            ("", ""),
            ("token=", "&x=1"),
            ("\"", "\""),
            ("see ", "."),
            (r"\t", " "),
        ] {
            assert_eq!(
                web_token(&format!("{before}{WEB_TOKEN}{after}")),
                Some(WEB_TOKEN)
            );
        }
        for text in [
            "eyJhbGciOiJIUzI1NiJ9",
            "eyJ.a.b",
            "heyJude.was.a.song.of.long.ago",
            "J",
            "eyJhbGciOiJIUzI1NiJ9.eyJzdWIi",
        ] {
            assert_eq!(web_token(text), None, "{text}");
        }
    }
}
