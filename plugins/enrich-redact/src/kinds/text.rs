//! Small questions about bytes that several kinds ask.

/// Whether `byte` belongs to a word: an ASCII letter, a digit or an underscore.
pub fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// Whether the byte at `at` is a digit.
pub fn is_digit(text: &[u8], at: usize) -> bool {
    text.get(at).is_some_and(u8::is_ascii_digit)
}

/// Whether a word could begin at `at`: nothing stands before it, or no word byte, or the letter of an
/// escape (`\n`), as in text that was taken out of JSON.
pub fn begins(text: &[u8], at: usize) -> bool {
    match text[..at] {
        [.., b'\\', b'n' | b'r' | b't'] => true,
        [.., before] => !is_word(before),
        [] => true,
    }
}

/// Whether a word could end before `at`.
pub fn ends(text: &[u8], at: usize) -> bool {
    text.get(at).is_none_or(|byte| !is_word(*byte))
}

/// Whether the bytes before `at` are a digit and then `mark`: `at` stands inside a longer number.
pub fn continues(text: &[u8], at: usize, mark: u8) -> bool {
    matches!(text[..at], [.., digit, before] if before == mark && digit.is_ascii_digit())
}

/// The character that ends before `at`, where it is valid UTF-8.
pub fn char_before(text: &[u8], at: usize) -> Option<char> {
    let longest = at.saturating_sub(char::MAX.len_utf8());
    let start = (longest..at).rev().find(|i| !is_continuation(text[*i]))?;
    std::str::from_utf8(&text[start..at]).ok()?.chars().next()
}

/// The character that begins at `at`, where it is valid UTF-8.
pub fn char_at(text: &[u8], at: usize) -> Option<char> {
    let rest = text.get(at..)?;
    let length = rest
        .iter()
        .skip(1)
        .take_while(|byte| is_continuation(**byte))
        .count()
        + 1;
    std::str::from_utf8(rest.get(..length)?)
        .ok()?
        .chars()
        .next()
}

fn is_continuation(byte: u8) -> bool {
    byte & 0b1100_0000 == 0b1000_0000
}

#[cfg(test)]
mod tests {
    use super::*;

    /// *Scenario:* a byte is asked for as the begin of a word, after nothing, blanks, words and escapes.
    ///
    /// *Guarantees:* only a word before it says no.
    #[test]
    fn words_begin_after_anything_but_words() {
        for (text, at, expected) in [
            ("1", 0, true),
            (" 1", 1, true),
            ("a1", 1, false),
            ("_1", 1, false),
            (r"\n1", 2, true),
            (r"\x1", 2, false),
            ("\u{e9}1", 2, true),
        ] {
            assert_eq!(begins(text.as_bytes(), at), expected, "{text}");
        }
    }

    /// *Scenario:* characters of one to four bytes stand around a place, and bytes that are none.
    ///
    /// *Guarantees:* each is read whole from both sides, and broken ones are not read.
    #[test]
    fn characters_are_read_whole_from_both_sides() {
        for c in ['a', '\u{e9}', '\u{20ac}', '\u{1f600}'] {
            let text = format!("({c})");
            assert_eq!(char_at(text.as_bytes(), 1), Some(c));
            assert_eq!(char_before(text.as_bytes(), 1 + c.len_utf8()), Some(c));
        }
        for broken in [&b"\xff"[..], b"\x80", b"\xe2\x82", b"\x80\x80\x80\x80\x80"] {
            assert_eq!(char_at(broken, 0), None, "{broken:?}");
            assert_eq!(char_before(broken, broken.len()), None, "{broken:?}");
        }
        assert_eq!((char_at(b"", 0), char_before(b"", 0)), (None, None));
    }
}
