//! E-mail addresses: `jane.doe+news@mail.example.org`.

use super::text::{char_at, char_before};
use std::ops::Range;

/// The shortest top-level domain, in characters.
const TOP_LEVEL_CHARS_MIN: usize = 2;

/// The address around the `@` at `at`.
///
/// Its domain needs a dot and a top-level domain of letters, so `root@localhost` and `left-pad@1.3.0`
/// stay. Letters of every script count, in the domain too.
pub fn find(text: &[u8], from: usize, at: usize) -> Option<Range<usize>> {
    let start = local_part(text, from, at);
    let end = domain(text, at + 1)?;
    (start < at).then_some(start..end)
}

/// Where the local part that ends before `at` starts.
fn local_part(text: &[u8], from: usize, at: usize) -> usize {
    let mut start = at;
    while let Some(c) = char_before(text, start)
        && (c.is_alphanumeric() || matches!(c, '.' | '_' | '%' | '+' | '-'))
        && start - c.len_utf8() >= from
    {
        start -= c.len_utf8();
    }
    // The letter of an escape is no part of the address: `\njane@example.org`.
    if start > from && matches!(text[start - 1..at], [b'\\', b'n' | b'r' | b't', ..]) {
        start += 1;
    }
    while start < at && matches!(text[start], b'.' | b'-') {
        start += 1;
    }
    start
}

/// Where the domain that starts at `start` ends: behind the last label that can be a top-level domain.
fn domain(text: &[u8], start: usize) -> Option<usize> {
    let (mut at, mut label, mut end) = (start, start, None);
    loop {
        let c = char_at(text, at).filter(|c| c.is_alphanumeric() || matches!(c, '.' | '-'));
        if c.is_none() || c == Some('.') {
            if at == label {
                return end;
            }
            if label > start {
                end = top_level(text, label..at).or(end);
            }
            label = at + 1;
        }
        match c {
            Some(c) => at += c.len_utf8(),
            None => return end,
        }
    }
}

/// Where the top-level domain that the label begins with ends: letters up to its end or to a dash.
fn top_level(text: &[u8], label: Range<usize>) -> Option<usize> {
    if text[label.clone()].starts_with(b"xn--") {
        return Some(label.end);
    }
    let (mut at, mut chars) = (label.start, 0);
    while at < label.end
        && let Some(c) = char_at(text, at)
        && c.is_alphabetic()
    {
        at += c.len_utf8();
        chars += 1;
    }
    let whole = at == label.end || text[at] == b'-';
    (chars >= TOP_LEVEL_CHARS_MIN && whole).then_some(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Option<&str> {
        find(text.as_bytes(), 0, text.find('@').unwrap()).map(|hit| &text[hit])
    }

    /// *Scenario:* addresses stand in prose, URLs, brackets and escapes.
    ///
    /// *Guarantees:* the address is taken whole, and nothing beside it.
    #[test]
    fn addresses_are_taken_whole() {
        for (text, expected) in [
            ("j@ex.org", "j@ex.org"),
            (
                "to <jane.doe+news@mail.example.org>, again",
                "jane.doe+news@mail.example.org",
            ),
            ("see jane@example.org.", "jane@example.org"),
            (
                "mailto:jane_d%40@example.museum?x",
                "jane_d%40@example.museum",
            ),
            ("'jane@example.org'", "jane@example.org"),
            (r"first\njane@example.org\tx", "jane@example.org"),
            ("C:\\\u{e9}t\u{e9}@example.org", "\u{e9}t\u{e9}@example.org"),
            ("--jane@example.org--", "jane@example.org"),
            ("jane@example.org-2", "jane@example.org"),
            ("jane@example.org.123", "jane@example.org"),
            ("jane@example..org", ""),
            ("j\u{f6}rg@m\u{fc}ller.de", "j\u{f6}rg@m\u{fc}ller.de"),
            ("\u{201c}jane@example.org\u{201d}", "jane@example.org"),
            ("jane@xn--bcher-kva.xn--p1ai", "jane@xn--bcher-kva.xn--p1ai"),
        ] {
            assert_eq!(found(text).unwrap_or_default(), expected, "{text}");
        }
    }

    /// *Scenario:* an at sign stands in something else.
    ///
    /// *Guarantees:* nothing is taken.
    #[test]
    fn other_at_signs_stay() {
        for text in [
            "@",
            "a@",
            "@example.org",
            "root@localhost",
            "left-pad@1.3.0",
            "a @ example.org",
            "a@b.c",
            "image@sha256:4111",
            "a@.org",
            "...@example.org",
            "a@example.o1",
        ] {
            assert_eq!(found(text), None, "{text}");
        }
    }

    /// *Scenario:* the address begins before `from`.
    ///
    /// *Guarantees:* what an earlier hit took is not taken again.
    #[test]
    fn bytes_before_from_are_left_alone() {
        assert_eq!(find(b"jane@example.org", 2, 4), Some(2..16));
        assert_eq!(find(b"jane@example.org", 4, 4), None);
    }
}
