//! From text to spans: by address where it lies in what was given, else copied behind it, constants once a call.

use crate::columns::kind;
use crate::find;
use crate::value::Value;

/// How many constants are remembered; more are copied again, which costs bytes and is right.
const MEMO: usize = 32;

/// The text that an answer brings along.
#[derive(Debug, Clone)]
pub(crate) struct NewText {
    pub(crate) bytes: Vec<u8>,
    memo: [Copied; MEMO],
}

/// Where something was copied from, and its span.
#[derive(Debug, Clone, Copy)]
struct Copied {
    address: usize,
    span: [u32; 2],
}

/// The text that a call was given.
#[derive(Clone, Copy)]
pub(crate) struct Given<'a>(pub(crate) &'a [u8]);

// === impl NewText ===

impl NewText {
    pub(crate) const fn new() -> Self {
        NewText {
            bytes: Vec::new(),
            memo: [NOTHING; MEMO],
        }
    }

    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.memo = [NOTHING; MEMO];
    }

    /// The span of some text.
    #[inline(always)]
    pub(crate) fn span(&mut self, given: Given<'_>, text: &[u8]) -> [u32; 2] {
        match given.find(text) {
            Some(span) => span,
            None => self.copy(given, text),
        }
    }

    /// The span of text that will come again from the same address: keys, names.
    #[inline(always)]
    pub(crate) fn constant(&mut self, given: Given<'_>, text: &[u8]) -> [u32; 2] {
        match given.find(text) {
            Some(span) => span,
            None => self.remembered(given, text),
        }
    }

    /// A value's kind and its two numbers.
    #[inline(always)]
    pub(crate) fn value(&mut self, given: Given<'_>, value: Value<'_>) -> (u8, [u32; 2]) {
        match value {
            Value::Text(text) => (kind::TEXT, self.span(given, text.as_bytes())),
            Value::Int(number) => (kind::INTEGER, halves(number as u64)),
            Value::Double(number) if number.is_nan() => (kind::TEXT, self.constant(given, b"NaN")),
            Value::Double(number) => (kind::DOUBLE, halves(number.to_bits())),
            Value::Bool(flag) => (kind::BOOLEAN, [flag.into(), 0]),
            Value::Null => (kind::NULL, [0, 0]),
            Value::Bytes(bytes) => (kind::BYTES, self.span(given, bytes)),
            Value::Json(json) => (kind::JSON, self.span(given, json.as_bytes())),
        }
    }

    /// The bytes of a span that this call has handed out.
    #[inline]
    pub(crate) fn read<'t>(&'t self, given: Given<'t>, [start, len]: [u32; 2]) -> &'t [u8] {
        let (start, len) = (start as usize, len as usize);
        match start.checked_sub(given.0.len()) {
            Some(start) => self.bytes.get(start..start + len),
            None => given.0.get(start..start + len),
        }
        .unwrap_or(&[])
    }

    #[inline(never)]
    fn copy(&mut self, given: Given<'_>, text: &[u8]) -> [u32; 2] {
        if text.is_empty() {
            return [0, 0];
        }
        let start = given.0.len() + self.bytes.len();
        self.bytes.extend_from_slice(text);
        [start as u32, text.len() as u32]
    }

    #[inline]
    fn remembered(&mut self, given: Given<'_>, text: &[u8]) -> [u32; 2] {
        let address = text.as_ptr() as usize;
        let slot = (address ^ address >> 5) % MEMO;
        let Copied {
            address: known,
            span: [start, len],
        } = self.memo[slot];
        if known == address && len as usize == text.len() {
            // The address may have been used again for other text: look.
            let at = start as usize - given.0.len();
            if find::equal(&self.bytes[at..][..text.len()], text) {
                return [start, len];
            }
        }
        let span = self.copy(given, text);
        if span[1] > 0 {
            self.memo[slot] = Copied { address, span };
        }
        span
    }
}

const NOTHING: Copied = Copied {
    address: 0,
    span: [0, 0],
};

#[inline(always)]
fn halves(bits: u64) -> [u32; 2] {
    [bits as u32, (bits >> 32) as u32]
}

// === impl Given ===

impl Given<'_> {
    /// The span of what lies in the text that was given.
    #[inline(always)]
    fn find(self, text: &[u8]) -> Option<[u32; 2]> {
        let at = (text.as_ptr() as usize).wrapping_sub(self.0.as_ptr() as usize);
        if at < self.0.len() && text.len() <= self.0.len() - at {
            Some([at as u32, text.len() as u32])
        } else {
            None
        }
    }
}
