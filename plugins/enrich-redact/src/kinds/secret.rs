//! Secrets by name: `password=...`, `"api_key": "..."`, and attributes of such names.

use super::text::is_word;
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
/// bracket that closes. One that begins with a bracket (`"name":["value"]`) goes with its brackets.
pub fn find(text: &[u8], from: usize, at: usize) -> Option<Range<usize>> {
    let head = &text[from..at];
    let blanks = head.iter().rev().take_while(|byte| is_blank(byte)).count();
    if !is_name(name_before(&head[..head.len() - blanks])) {
        return None;
    }
    let value = value(text, value_start(text, at, blanks > 0)?);
    (!value.is_empty()).then_some(value)
}

/// The name at the end of `head`, without the quotes behind it; empty where there is none.
fn name_before(head: &[u8]) -> &[u8] {
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
    &head[head.len() - length..]
}

fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')
}

fn is_blank(byte: &u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

/// Where the value behind the separator at `at` starts. Blanks may stand before it where they stand
/// before the separator too (`password= next=1` has no value); behind a colon, line ends as well.
fn value_start(text: &[u8], at: usize, blank: bool) -> Option<usize> {
    let mut start = at + 1;
    // `=>` and `:=`
    if matches!((text[at], text.get(start)?), (b'=', b'>') | (b':', b'=')) {
        start += 1;
    }
    let colon = text[start - 1] != b'=';
    let before = |byte: &&u8| {
        if colon {
            byte.is_ascii_whitespace()
        } else {
            blank && is_blank(byte)
        }
    };
    start += text[start..].iter().take_while(before).count();
    (start < text.len()).then_some(start)
}

/// The value that begins at `start` with quotes, a bracket or neither.
fn value(text: &[u8], start: usize) -> Range<usize> {
    if let Some(quote) = quote(&text[start..]) {
        let inside = start + quote.len();
        // Where nothing closes the quote, it is a bare value behind it.
        inside..string_end(text, inside, quote).unwrap_or_else(|| bare(text, inside))
    } else if matches!(text[start], b'[' | b'{') {
        start..bracketed(text, start)
    } else {
        start..bare(text, start)
    }
}

/// The quote that `text` begins with, if any.
fn quote(text: &[u8]) -> Option<&[u8]> {
    match text {
        [b'"' | b'\'', ..] => Some(&text[..1]),
        [b'\\', b'"' | b'\'', ..] => Some(&text[..2]),
        _ => None,
    }
}

/// Where a string from `at` on meets the quote that closes it, if any does.
fn string_end(text: &[u8], mut at: usize, close: &[u8]) -> Option<usize> {
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        if rest.starts_with(close) {
            return Some(at);
        }
        at += match (rest, close) {
            // JSON in JSON: a backslash is two there, and escapes what may be two as well.
            ([b'\\', b'\\', b'\\', ..], [_, _]) => 4,
            ([b'\\', b'\\', ..], [_, _]) => 3,
            ([b'\\', ..], _) => 2,
            _ => 1,
        };
    }
    None
}

/// Where the value that begins with a bracket at `start` ends: behind the bracket that matches it, or with
/// the text. Brackets inside of strings are text. It ends at once where nothing is in it.
fn bracketed(text: &[u8], start: usize) -> usize {
    if let [b']' | b'}', ..] = text[start + 1..].trim_ascii_start() {
        return start;
    }
    let (mut at, mut depth) = (start, 0);
    while at < text.len() {
        // The apostrophe of "don't" opens no string.
        let apostrophe = text[at] == b'\'' && is_word(text[at - 1]);
        if let Some(quote) = quote(&text[at..]).filter(|_| !apostrophe) {
            match string_end(text, at + quote.len(), quote) {
                Some(end) => at = end + quote.len(),
                None => break,
            }
            continue;
        }
        match text[at] {
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth -= 1,
            _ => {}
        }
        at += 1;
        if depth == 0 {
            return at;
        }
    }
    text.len()
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
            ("password \t = hunter2", "hunter2"),
            ("password:\thunter2", "hunter2"),
            ("{\"password\":\r\n  \"hun ter2\"\n}", "hun ter2"),
            ("token: Bearer abc def", "Bearer abc"),
            ("password=\"never closed again", "never"),
            (r#"{"password":12345}"#, "12345"),
            (
                r#"{\"password\":\"a\\\"b\\nc\\\\\",\"d\":1}"#,
                r#"a\\\"b\\nc\\\\"#,
            ),
        ] {
            assert_eq!(found(text).unwrap_or_default(), expected, "{text}");
        }
    }

    /// *Scenario:* secrets are arrays and objects in text, with brackets in their strings, and cut off.
    ///
    /// *Guarantees:* all is taken to the bracket that matches, or to the end of the text.
    #[test]
    fn brackets_are_taken_to_the_one_that_matches() {
        for (before, value, after) in [
            (r#"request {"token":"#, r#"["abc123"]"#, r#","a":1}"#),
            (r#"{"password":"#, r#"{"v":"x"}"#, "}"),
            (r#"{"token" : "#, r#"[{"a":["x y","}]\"]"]}, 2]"#, "]"),
            (r#"{\"token\":"#, r#"[\"]\\\"]\",[\"b\"]]"#, "}"),
            ("{'token': ", "['a]', 'b']", "}"),
            ("token: ", "[I don't say]", " it's gone"),
            ("token=", "{a=1}", "&b"),
            (r#"{"token":"#, r#"{"a":["b"],"c":"d"#, ""),
            (r#"{"token":"#, r#"["a", b"#, ""),
            ("token: ", "[", ""),
        ] {
            assert_eq!(found(&format!("{before}{value}{after}")), Some(value));
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
            "password:\n",
            "password=\tnext",
            "password =\nnext",
            "password\n=====",
            r#"{"token":[]}"#,
            "token: { }",
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
