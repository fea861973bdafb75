//! What servers put backslashes before, and lists as JSON.

use tidegate_sdk::find;

/// Takes off the escapes of nginx (`\x22`) and Apache (`\"`, `\\`, `\t`, `\xe9`); none where the result is no text.
pub(crate) fn unescaped<'s>(field: &[u8], said: &'s mut Vec<u8>) -> Option<&'s str> {
    said.clear();
    let mut rest = field;
    while let Some((byte, behind)) = rest.split_first() {
        let (stands_for, len) = match (byte, behind) {
            (b'\\', [b'x', high, low, ..]) => match (digit(*high), digit(*low)) {
                (Some(high), Some(low)) => (high << 4 | low, 4),
                _ => (b'\\', 1),
            },
            (b'\\', [escape, ..]) => simple(*escape).map_or((b'\\', 1), |byte| (byte, 2)),
            _ => (*byte, 1),
        };
        said.push(stands_for);
        rest = &rest[len..];
    }
    str::from_utf8(said).ok()
}

/// A JSON list of one text.
pub(crate) fn list<'s>(text: &str, said: &'s mut String) -> &'s str {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    said.clear();
    said.push_str("[\"");
    let mut from = 0;
    loop {
        let at = find::quote(text.as_bytes(), from);
        said.push_str(&text[from..at]);
        let Some(byte) = text.as_bytes().get(at) else {
            break;
        };
        if *byte < 0x20 {
            said.push_str("\\u00");
            said.push(char::from(DIGITS[usize::from(byte >> 4)]));
            said.push(char::from(DIGITS[usize::from(byte & 15)]));
        } else {
            said.push('\\');
            said.push(char::from(*byte));
        }
        from = at + 1;
    }
    said.push_str("\"]");
    said
}

fn digit(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).map(|value| value as u8)
}

fn simple(escape: u8) -> Option<u8> {
    Some(match escape {
        b'"' | b'\\' => escape,
        b't' => b'\t',
        b'n' => b'\n',
        b'r' => b'\r',
        b'b' => 8,
        b'f' => 12,
        b'v' => 11,
        _ => return None,
    })
}
