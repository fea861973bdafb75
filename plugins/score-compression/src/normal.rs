//! Text without what differs every time: a run of digits, a hex id and a UUID each become one `0`.

use tidegate_sdk::find::Lanes;

/// Bytes of a body that are looked at; the rest of a longer one is left out. Normalised text is never longer.
pub const RECORD_BYTES_MAX: usize = 512;
/// So many bytes beyond the text may be written over while it is written.
pub const SLACK: usize = 16;
/// A word of this many hex digits, a decimal one among them, is an id.
const HEX_DIGITS_MIN: usize = 6;
/// Where the hyphens of a UUID stand, and its length.
const UUID_HYPHENS: [usize; 4] = [8, 13, 18, 23];
const UUID_BYTES: usize = 36;

/// Writes the normalised body to `text` from `out` on; gives its end.
///
/// Upper and lower case stay, and all bytes that are not ASCII. Normalising twice is normalising once.
///
/// # Panics
/// If `text` has less than [`RECORD_BYTES_MAX`] and [`SLACK`] bytes from there on.
#[inline]
pub fn append(body: &[u8], text: &mut [u8], mut out: usize) -> usize {
    let body = &body[..body.len().min(RECORD_BYTES_MAX)];
    let (mut at, mut done) = (0, 0);
    while at < body.len() {
        // Up to the next digit as it is, sixteen bytes at a time.
        if let Some(chunk) = body[at..].first_chunk::<16>() {
            text[out..out + 16].copy_from_slice(chunk);
            let digits = Lanes::load(chunk).digits().mask();
            let plain = if digits == 0 {
                16
            } else {
                digits.trailing_zeros() as usize
            };
            at += plain;
            out += plain;
            if digits == 0 {
                continue;
            }
        } else if !body[at].is_ascii_digit() {
            text[out] = body[at];
            at += 1;
            out += 1;
            continue;
        }
        (at, out) = number(body, done, at, text, out);
        done = at;
    }
    out
}

/// Writes the word around the digit at `at`, of which the part before it is written already, unless it is before
/// `done`. Gives where reading and writing go on.
#[inline]
fn number(body: &[u8], done: usize, at: usize, text: &mut [u8], out: usize) -> (usize, usize) {
    let mut end = at + 1;
    while end < body.len() && body[end].is_ascii_digit() {
        end += 1;
    }
    let joins = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    let begins = at == done || !joins(body.get(at - 1));
    let hyphen = body.get(end) == Some(&b'-') && end - at == UUID_HYPHENS[0];
    if begins && !joins(body.get(end)) && !hyphen {
        text[out] = b'0';
        return (end, out + 1);
    }
    word(body, done, at, text, out)
}

/// The same for a word of letters too.
fn word(body: &[u8], done: usize, at: usize, text: &mut [u8], mut out: usize) -> (usize, usize) {
    let mut start = at;
    while start > done && body[start - 1].is_ascii_alphabetic() {
        start -= 1;
    }
    let length = |word: &[u8]| {
        let ends = |byte: &u8| !byte.is_ascii_alphanumeric();
        word.iter().position(ends).unwrap_or(word.len())
    };
    let end = start + length(&body[start..]);
    let is_hex = |word: &[u8]| word.iter().all(u8::is_ascii_hexdigit);
    if end - start >= HEX_DIGITS_MIN && is_hex(&body[start..end]) {
        out -= at - start;
        text[out] = b'0';
        let is_uuid = is_uuid(&body[start..]);
        return (if is_uuid { start + UUID_BYTES } else { end }, out + 1);
    }
    // As `0x7f3a`, and `1x7f3a` too: its digits become that 0.
    let number = body[start..end]
        .iter()
        .take_while(|byte| byte.is_ascii_digit())
        .count();
    if let [x @ (b'x' | b'X'), digits @ ..] = &body[start + number..end]
        && number > 0
        && !digits.is_empty()
        && is_hex(digits)
    {
        text[out..out + 3].copy_from_slice(&[b'0', *x, b'0']);
        return (end, out + 3);
    }
    let mut was_digit = false;
    for byte in &body[at..end] {
        let is_digit = byte.is_ascii_digit();
        if !(is_digit && was_digit) {
            text[out] = if is_digit { b'0' } else { *byte };
            out += 1;
        }
        was_digit = is_digit;
    }
    (end, out)
}

/// Whether a UUID and nothing more of its last word stands there.
fn is_uuid(text: &[u8]) -> bool {
    let Some(uuid) = text.get(..UUID_BYTES) else {
        return false;
    };
    let fits = |(place, byte): (usize, &u8)| {
        if UUID_HYPHENS.contains(&place) {
            *byte == b'-'
        } else {
            byte.is_ascii_hexdigit()
        }
    };
    uuid.iter().enumerate().all(fits)
        && !text.get(UUID_BYTES).is_some_and(u8::is_ascii_alphanumeric)
}
