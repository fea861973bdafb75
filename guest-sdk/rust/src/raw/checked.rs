//! Columns whose spans are known to be good.

use crate::check;
use crate::columns::{Columns, RESOURCE, kind};
use crate::value::Value;

/// Columns that keep the rules of `log-batch`; above all, every key and every value of kind text or JSON is UTF-8.
///
/// Bounds are looked at again on every access (a broken promise is a panic, never a read elsewhere); UTF-8 is not.
#[derive(Clone, Copy)]
pub(crate) struct Checked<'a>(&'a Columns);

impl<'a> Checked<'a> {
    /// Looks at everything first.
    pub(crate) fn new(columns: &'a Columns) -> Result<Self, String> {
        check::records(columns, &[])?;
        Ok(Checked(columns))
    }

    /// Takes the gateway's word.
    ///
    /// # Safety
    /// Spans of keys, severities, and values and bodies of kind text or JSON must be UTF-8 in themselves.
    #[cfg_attr(
        not(target_arch = "wasm32"),
        allow(dead_code, reason = "the Wasm border alone uses it")
    )]
    pub(crate) unsafe fn assume(columns: &'a Columns) -> Self {
        Checked(columns)
    }

    #[inline]
    pub(crate) fn columns(self) -> &'a Columns {
        self.0
    }

    /// The key of an attribute.
    #[inline]
    pub(crate) fn key(self, attribute: usize) -> &'a str {
        // SAFETY: keys are UTF-8 in checked columns.
        unsafe { str::from_utf8_unchecked(bytes(&self.0.text, &self.0.key, attribute)) }
    }

    /// The bytes of the key of an attribute.
    #[inline]
    pub(crate) fn key_bytes(self, attribute: usize) -> &'a [u8] {
        bytes(&self.0.text, &self.0.key, attribute)
    }

    /// The value of an attribute.
    #[inline]
    pub(crate) fn value(self, attribute: usize) -> Value<'a> {
        // SAFETY: the kind and the span are those of one attribute of checked columns.
        unsafe { self.typed(self.0.kind[attribute] & !RESOURCE, &self.0.value, attribute) }
    }

    /// The value of an attribute that is text.
    ///
    /// # Panics
    /// If it is something else.
    #[inline]
    pub(crate) fn text(self, attribute: usize) -> &'a str {
        assert!(self.0.kind[attribute] & !RESOURCE == kind::TEXT);
        // SAFETY: values of kind text are UTF-8 in checked columns.
        unsafe { str::from_utf8_unchecked(bytes(&self.0.text, &self.0.value, attribute)) }
    }

    /// The body of a record.
    #[inline]
    pub(crate) fn body(self, record: usize) -> Value<'a> {
        let kind = self.0.body_kind.get(record).copied().unwrap_or(kind::TEXT);
        // SAFETY: the kind and the span are those of one body of checked columns; without kinds all are text.
        unsafe { self.typed(kind, &self.0.body, record) }
    }

    /// The severity of a record as its source wrote it, empty where there is none.
    #[inline]
    pub(crate) fn severity_text(self, record: usize) -> &'a str {
        if self.0.severity_text.is_empty() {
            return "";
        }
        // SAFETY: severities are UTF-8 in checked columns.
        unsafe { str::from_utf8_unchecked(bytes(&self.0.text, &self.0.severity_text, record)) }
    }

    /// # Safety
    /// Where the kind is text or JSON, the span must be UTF-8.
    #[inline]
    unsafe fn typed(self, kind: u8, column: &[u32], entry: usize) -> Value<'a> {
        let bits = || u64::from(column[2 * entry]) | u64::from(column[2 * entry + 1]) << 32;
        let span = || bytes(&self.0.text, column, entry);
        match kind {
            // SAFETY: the caller's.
            kind::TEXT => Value::Text(unsafe { str::from_utf8_unchecked(span()) }),
            // SAFETY: the caller's.
            kind::JSON => Value::Json(unsafe { str::from_utf8_unchecked(span()) }),
            kind::BYTES => Value::Bytes(span()),
            kind::INTEGER => Value::Int(bits() as i64),
            kind::DOUBLE => Value::Double(f64::from_bits(bits())),
            kind::BOOLEAN => Value::Bool(bits() != 0),
            _ => Value::Null,
        }
    }
}

#[inline]
fn bytes<'a>(text: &'a [u8], column: &[u32], entry: usize) -> &'a [u8] {
    let (start, len) = (column[2 * entry] as usize, column[2 * entry + 1] as usize);
    // An empty span may stand anywhere.
    if len == 0 { &[] } else { &text[start..][..len] }
}
