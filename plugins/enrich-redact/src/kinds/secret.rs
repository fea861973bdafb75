//! Secrets by name: `password=...`, `"api_key": "..."`, and attributes of such names.

use std::ops::Range;

/// How the names of secrets end, in lower case; `-` and `_` are the same.
const NAMES: [&[u8]; 12] = [
    b"password",
    b"passwd",
    b"pwd",
    b"passphrase",
    b"passcode",
    b"secret",
    b"token",
    b"api_key",
    b"apikey",
    b"access_key",
    b"secret_key",
    b"private_key",
];

/// Words that stand before a credential.
const SCHEMES: [&[u8]; 3] = [b"bearer", b"basic", b"token"];

/// Whether what bears this name is a secret: `password`, `DB_PASSWORD`, `x-api-key`, `refreshToken`.
pub fn is_name(name: &[u8]) -> bool {
    // Most names are none, and their last two letters say so.
    let ends_so = match name {
        [.., a, b] => matches!(
            (a | 0x20, b | 0x20),
            (b'r' | b'w', b'd') | (b's' | b'd', b'e') | (b'e', b't' | b'n' | b'y')
        ),
        _ => false,
    };
    if !ends_so {
        return false;
    }
    NAMES.iter().any(|known| {
        let at = name.len().checked_sub(known.len());
        at.is_some_and(|at| name[at..].iter().zip(*known).all(|(a, b)| fold(*a) == *b))
    })
}

fn fold(byte: u8) -> u8 {
    if byte == b'-' {
        b'_'
    } else {
        byte.to_ascii_lowercase()
    }
}

/// The value behind the `=` or `:` at `at`, where a secret's name stands before it. Quotes around
/// the value stay.
///
/// Known are `name=value`, `name = value`, `name: value`, `"name":"value"` and `name=>"value"`, and
/// the same with `\"` for the quotes. Without quotes a value ends at a blank or one of `&,;"'`, or at a
/// bracket that closes.
pub fn find(text: &[u8], from: usize, at: usize) -> Option<Range<usize>> {
    let blank = text[from..at].ends_with(b" ");
    let name = name_before(text, from, at)?;
    if !is_name(name) {
        return None;
    }
    let start = value_start(text, at, blank)?;
    let (start, end) = value(text, start);
    (start < end).then_some(start..end)
}

/// The name that ends before `at`, without the quotes and the blank behind it.
fn name_before(text: &[u8], from: usize, at: usize) -> Option<&[u8]> {
    let head = &text[from..at];
    let head = head.strip_suffix(b" ").unwrap_or(head);
    let head = head
        .strip_suffix(b"\"")
        .or_else(|| head.strip_suffix(b"'"))
        .unwrap_or(head);
    let head = head.strip_suffix(b"\\").unwrap_or(head);
    let length = head
        .iter()
        .rev()
        .take_while(|byte| is_name_byte(**byte))
        .count();
    (length > 0).then(|| &head[head.len() - length..])
}

fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')
}

/// Where the value behind the separator at `at` starts. Blanks may stand before it where they stand
/// before the separator too, or behind a colon: `password= next=1` has no value.
fn value_start(text: &[u8], at: usize, blank: bool) -> Option<usize> {
    let mut start = at + 1;
    // `=>` and `:=`
    if matches!((text[at], text.get(start)?), (b'=', b'>') | (b':', b'=')) {
        start += 1;
    }
    if blank || text[start - 1] != b'=' {
        start += text[start..]
            .iter()
            .take_while(|byte| **byte == b' ')
            .count();
    }
    (start < text.len()).then_some(start)
}

/// Where the value that begins at `start`, quotes or none, starts and ends.
fn value(text: &[u8], start: usize) -> (usize, usize) {
    match text[start..] {
        [quote @ (b'"' | b'\''), ..] => quoted(text, start + 1, &[quote]),
        [b'\\', quote @ (b'"' | b'\''), ..] => quoted(text, start + 2, &[b'\\', quote]),
        _ => (start, bare(text, start)),
    }
}

/// A value up to the quote that closes it; or a bare one, where none does.
fn quoted(text: &[u8], start: usize, close: &[u8]) -> (usize, usize) {
    let mut end = start;
    while end < text.len() {
        if text[end..].starts_with(close) {
            return (start, end);
        }
        end += if text[end] == b'\\' { 2 } else { 1 };
    }
    (start, bare(text, start))
}

/// Where a value without quotes ends. The scheme of a credential (`token: Bearer abc`) is not all of it.
fn bare(text: &[u8], start: usize) -> usize {
    let end = word_end(text, start);
    let is_scheme = SCHEMES
        .iter()
        .any(|scheme| text[start..end].eq_ignore_ascii_case(scheme));
    if is_scheme && text.get(end) == Some(&b' ') {
        word_end(text, end + 1)
    } else {
        end
    }
}

fn word_end(text: &[u8], start: usize) -> usize {
    let ends = |byte: &u8| byte.is_ascii_whitespace() || b"&,;\"'\\)]}".contains(byte);
    text[start..]
        .iter()
        .position(ends)
        .map_or(text.len(), |length| start + length)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Option<&str> {
        let at = text.find(['=', ':'])?;
        find(text.as_bytes(), 0, at).map(|hit| &text[hit])
    }

    /// *Scenario:* secrets are written in the ways of URLs, shells, YAML, JSON, JSON in JSON and Ruby.
    ///
    /// *Guarantees:* the value alone is taken; quotes and what follows stay.
    #[test]
    fn values_are_taken_without_their_quotes() {
        for (text, expected) in [
            ("password=hunter2", "hunter2"),
            ("?user=jane&token=abc&x=1", ""),
            ("token=abc&x=1", "abc"),
            ("DB_PASSWORD=h\u{fc}nter2, next", "h\u{fc}nter2"),
            ("x-api-key: abc", "abc"),
            ("refreshToken = abc def", "abc"),
            (r#"{"password":"hun ter2","a":1}"#, "hun ter2"),
            (r#"{"password": "hun\"ter2"}"#, r#"hun\"ter2"#),
            (r#"{\"password\":\"hun ter2\",\"a\":1}"#, "hun ter2"),
            ("'pwd': 'hunter2'", "hunter2"),
            ("password=>\"hunter2\"", "hunter2"),
            ("password := hunter2", "hunter2"),
            ("token: Bearer abc def", "Bearer abc"),
            ("password=\"never closed again", "never"),
            (r#"{"password":12345}"#, "12345"),
        ] {
            assert_eq!(found(text).unwrap_or_default(), expected, "{text}");
        }
    }

    /// *Scenario:* names that are no secrets, and secrets without a value.
    ///
    /// *Guarantees:* nothing is taken.
    #[test]
    fn other_names_and_empty_values_stay() {
        for text in [
            "monkey=1",
            "tokens=12",
            "a=1",
            "=1",
            "password=",
            "password= next",
            "password=\"\"",
            "password:",
            "passwords: 3",
            "key=1",
            "status: 200",
            " : x",
            "\u{e9}=1",
        ] {
            assert_eq!(found(text), None, "{text}");
        }
    }

    /// *Scenario:* names of attributes.
    ///
    /// *Guarantees:* case and dashes make no difference, and a name that only holds the word is none.
    #[test]
    fn names_are_known_by_their_end() {
        for name in [
            "password",
            "user.PassWord",
            "X-Api-Key",
            "aws_secret_access_key",
            "apiKey",
            "csrf-token",
        ] {
            assert!(is_name(name.as_bytes()), "{name}");
        }
        for name in [
            "",
            "d",
            "password_length",
            "tokens",
            "user",
            "key",
            "pod",
            "\u{e9}d",
        ] {
            assert!(!is_name(name.as_bytes()), "{name}");
        }
    }
}
