//! Protobuf's wire format, written forward into one buffer.
//!
//! A message inside a message needs its length before its bytes. It is opened with a guess of how many
//! bytes the length will take, and closed when it is known; a wrong guess moves what was written. So the
//! bytes are written once, lengths are the shortest possible, and nothing is measured beforehand.

/// A message that is being written.
#[derive(Debug)]
pub(super) struct Open {
    at: usize,
    width: usize,
}

/// How many bytes a varint takes.
pub(super) fn varint_len(value: u64) -> usize {
    // Seven bits a byte: 9/64 is near enough to 1/7 for all 64 widths.
    ((64 - (value | 1).leading_zeros()) as usize * 9 + 64) / 64
}

/// Writes a varint.
#[inline]
pub(super) fn varint(out: &mut Vec<u8>, value: u64) {
    if value < 0x80 {
        out.push(value as u8);
        return;
    }
    let mut bytes = [0; 10];
    let length = put_varint(&mut bytes, value);
    out.extend_from_slice(&bytes);
    out.truncate(out.len() - bytes.len() + length);
}

/// Puts a varint at the beginning of `bytes`; answers how many it took.
#[inline]
fn put_varint(bytes: &mut [u8], mut value: u64) -> usize {
    let mut length = 0;
    for byte in bytes {
        length += 1;
        *byte = value as u8 | 0x80;
        value >>= 7;
        if value == 0 {
            *byte &= 0x7F;
            break;
        }
    }
    length
}

/// Writes a tag (below 16, so one byte) and eight bytes.
#[inline]
pub(super) fn fixed64(out: &mut Vec<u8>, tag: u8, value: u64) {
    let mut field = [0; 9];
    field[0] = tag;
    field[1..].copy_from_slice(&value.to_le_bytes());
    out.extend_from_slice(&field);
}

/// Writes a tag and four bytes.
pub(super) fn fixed32(out: &mut Vec<u8>, tag: u8, value: u32) {
    let mut field = [0; 5];
    field[0] = tag;
    field[1..].copy_from_slice(&value.to_le_bytes());
    out.extend_from_slice(&field);
}

/// Writes a tag and a length.
#[inline]
pub(super) fn head(out: &mut Vec<u8>, tag: u8, length: usize) {
    if length < 0x80 {
        out.extend_from_slice(&[tag, length as u8]);
    } else {
        out.push(tag);
        varint(out, length as u64);
    }
}

/// Writes a tag, a length and bytes.
pub(super) fn bytes(out: &mut Vec<u8>, tag: u8, value: &[u8]) {
    head(out, tag, value.len());
    out.extend_from_slice(value);
}

/// Writes the bytes of a span of `text`; nothing where it lies outside. What is short is copied as a whole
/// word of fixed size and cut: a call of memcpy costs more than the bytes.
#[inline]
pub(super) fn span(out: &mut Vec<u8>, text: &[u8], start: usize, length: usize) {
    const WORD: usize = 32;
    if length <= WORD
        && let Some(word) = text.get(start..).and_then(|t| t.first_chunk::<WORD>())
    {
        out.extend_from_slice(word);
        out.truncate(out.len() - WORD + length);
    } else if let Some(bytes) = text.get(start..start + length) {
        out.extend_from_slice(bytes);
    }
}

/// Begins a message whose length will probably take `width` bytes (1 to 10).
#[inline]
pub(super) fn open(out: &mut Vec<u8>, tag: u8, width: usize) -> Open {
    out.push(tag);
    let at = out.len();
    out.extend_from_slice(&[0; 10][..width.clamp(1, 10)]);
    Open {
        at,
        width: out.len() - at,
    }
}

/// Ends a message. Answers how many bytes its length took: the best guess for the next of its kind.
#[inline]
pub(super) fn close(out: &mut Vec<u8>, open: Open) -> usize {
    let body = open.at + open.width;
    let length = out.len() - body;
    let width = varint_len(length as u64);
    if width != open.width {
        resettle(out, body, open.at + width);
    }
    put_varint(&mut out[open.at..open.at + width], length as u64);
    width
}

/// Moves everything from `from` on to `to`.
#[cold]
fn resettle(out: &mut Vec<u8>, from: usize, to: usize) {
    let end = out.len();
    if to > from {
        out.resize(end + to - from, 0);
        out.copy_within(from..end, to);
    } else {
        out.copy_within(from..end, to);
        out.truncate(end - (from - to));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// *Scenario:* any number. *Guarantees:* its varint is what prost writes and as long as foretold.
        #[test]
        fn varints_are_protobufs(value: u64, shift in 0..64u32) {
            let value = value >> shift;
            let (mut ours, mut theirs) = (Vec::new(), Vec::new());
            varint(&mut ours, value);
            prost::encoding::encode_varint(value, &mut theirs);
            prop_assert_eq!(&ours, &theirs);
            prop_assert_eq!(varint_len(value), ours.len());
        }

        /// *Scenario:* a message of any length is opened with any guess. *Guarantees:* its length is the
        /// shortest varint, its bytes and those before it are untouched.
        #[test]
        fn a_wrong_guess_changes_nothing(
            content in proptest::collection::vec(any::<u8>(), 0..20_000),
            width in 1..=10usize,
        ) {
            let mut out = b"before".to_vec();
            let message = open(&mut out, 0x0A, width);
            out.extend_from_slice(&content);
            close(&mut out, message);
            let mut expected = b"before\x0A".to_vec();
            varint(&mut expected, content.len() as u64);
            expected.extend_from_slice(&content);
            prop_assert_eq!(out, expected);
        }

        /// *Scenario:* a span anywhere, in and out of a text. *Guarantees:* exactly its bytes are written,
        /// or none.
        #[test]
        fn spans_are_copied_exactly(
            text in proptest::collection::vec(any::<u8>(), 0..100),
            start in 0..120usize,
            length in 0..80usize,
        ) {
            let mut out = vec![7];
            span(&mut out, &text, start, length);
            prop_assert_eq!(&out[1..], text.get(start..start + length).unwrap_or(&[]));
        }
    }
}
