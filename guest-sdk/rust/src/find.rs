//! Finding bytes sixteen at a time, and comparing by words: what the standard library does byte by byte in Wasm.

pub use crate::raw::Lanes;

/// From `from` on, the first byte that `wide` (sixteen at once) or `one` says; or the end.
#[inline(always)]
pub fn first(
    bytes: &[u8],
    mut from: usize,
    wide: impl Fn(Lanes) -> Lanes,
    one: impl Fn(u8) -> bool,
) -> usize {
    while let Some(chunk) = bytes.get(from..).and_then(|rest| rest.first_chunk::<16>()) {
        let mask = wide(Lanes::load(chunk)).mask();
        if mask != 0 {
            return from + mask.trailing_zeros() as usize;
        }
        from += 16;
    }
    while from < bytes.len() && !one(bytes[from]) {
        from += 1;
    }
    from
}

/// From `from` on, the first `"`, `\` or control character; or the end.
#[inline(always)]
pub fn quote(bytes: &[u8], from: usize) -> usize {
    first(
        bytes,
        from,
        |lanes| lanes.eq(b'"').or(lanes.eq(b'\\')).or(lanes.lt(0x20)),
        |byte| byte == b'"' || byte == b'\\' || byte < 0x20,
    )
}

/// From `from` on, the first `wanted`; or the end.
#[inline(always)]
pub fn byte(bytes: &[u8], from: usize, wanted: u8) -> usize {
    first(bytes, from, |lanes| lanes.eq(wanted), |byte| byte == wanted)
}

/// What is before the first `wanted`, and what is after it.
#[inline]
pub fn split_once(text: &str, wanted: u8) -> Option<(&str, &str)> {
    debug_assert!(wanted.is_ascii(), "only ASCII splits text");
    let at = byte(text.as_bytes(), 0, wanted);
    if at < text.len() {
        Some((&text[..at], &text[at + 1..]))
    } else {
        None
    }
}

/// Whether two texts are the same, by words.
#[inline(always)]
pub fn equal(a: &[u8], b: &[u8]) -> bool {
    let len = a.len();
    if len != b.len() {
        return false;
    }
    match len {
        0 => true,
        1..4 => a[0] == b[0] && a[len / 2] == b[len / 2] && a[len - 1] == b[len - 1],
        4..8 => word4(a, 0) == word4(b, 0) && word4(a, len - 4) == word4(b, len - 4),
        _ => {
            let mut at = 0;
            while at + 8 <= len {
                if word8(a, at) != word8(b, at) {
                    return false;
                }
                at += 8;
            }
            word8(a, len - 8) == word8(b, len - 8)
        }
    }
}

#[inline(always)]
fn word4(bytes: &[u8], at: usize) -> u32 {
    bytes[at..]
        .first_chunk()
        .map_or(0, |word| u32::from_le_bytes(*word))
}

#[inline(always)]
fn word8(bytes: &[u8], at: usize) -> u64 {
    bytes[at..]
        .first_chunk()
        .map_or(0, |word| u64::from_le_bytes(*word))
}
