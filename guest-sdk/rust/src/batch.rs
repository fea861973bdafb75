//! Records as authors see them: borrowed views of the columns.

use crate::columns::{Columns, RESOURCE, TRACE_BYTES, kind};
use crate::find;
use crate::raw::Checked;
use crate::value::{Severity, Timestamp, TraceContext, Value};

/// The records of one call.
#[derive(Clone, Copy)]
pub struct Batch<'a>(Checked<'a>);

/// One record of a batch, borrowed; copy it about as you like.
#[derive(Clone, Copy)]
pub struct Record<'a> {
    columns: Checked<'a>,
    index: usize,
}

/// One attribute of a record, or of the resource that wrote it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Attribute<'a> {
    /// Its place in the batch; see [`Edit::remove`](crate::Edit::remove).
    pub place: usize,
    /// Its name.
    pub key: &'a str,
    /// Its value.
    pub value: Value<'a>,
    /// Whether it describes the resource that wrote the record rather than the record.
    pub resource: bool,
}

/// The key of an attribute, without its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key<'a> {
    /// Its place in the batch; see [`Record::value_at`].
    pub place: usize,
    /// Its name.
    pub key: &'a str,
    /// Whether it describes the resource that wrote the record rather than the record.
    pub resource: bool,
}

/// The attributes of a record, in order.
#[derive(Clone)]
pub struct Attributes<'a> {
    columns: Checked<'a>,
    next: usize,
    end: usize,
}

// === impl Batch ===

impl<'a> Batch<'a> {
    /// A view of columns, after looking at every rule of `log-batch`.
    ///
    /// # Errors
    /// The first rule that they break.
    pub fn new(columns: &'a Columns) -> Result<Self, String> {
        Checked::new(columns).map(Batch)
    }

    #[cfg_attr(
        not(target_arch = "wasm32"),
        allow(dead_code, reason = "the Wasm border alone uses it")
    )]
    pub(crate) fn of(columns: Checked<'a>) -> Self {
        Batch(columns)
    }

    /// The text that all of it lies in.
    #[inline]
    pub(crate) fn text(self) -> &'a [u8] {
        &self.0.columns().text
    }

    /// How many records there are.
    #[inline]
    pub fn len(self) -> usize {
        self.0.columns().len()
    }

    /// Whether there is no record.
    #[inline]
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// A record by its number.
    #[inline]
    pub fn get(self, index: usize) -> Option<Record<'a>> {
        (index < self.len()).then_some(Record {
            columns: self.0,
            index,
        })
    }

    /// All records, in order.
    #[inline]
    pub fn records(self) -> impl ExactSizeIterator<Item = Record<'a>> {
        (0..self.len()).map(move |index| Record {
            columns: self.0,
            index,
        })
    }
}

// === impl Record ===

impl<'a> Record<'a> {
    /// Its number in the batch.
    #[inline]
    pub fn index(self) -> usize {
        self.index
    }

    /// The body where it is text or JSON; empty where it is something else.
    #[inline]
    pub fn body(self) -> &'a str {
        match self.columns.body(self.index) {
            Value::Text(text) | Value::Json(text) => text,
            _ => "",
        }
    }

    /// The bytes of the body, be it text or not; empty where it is a number or the like.
    #[inline]
    pub fn body_bytes(self) -> &'a [u8] {
        match self.columns.body(self.index) {
            Value::Text(text) | Value::Json(text) => text.as_bytes(),
            Value::Bytes(bytes) => bytes,
            _ => &[],
        }
    }

    /// The body with its type.
    #[inline]
    pub fn body_value(self) -> Value<'a> {
        self.columns.body(self.index)
    }

    /// Whether the body is bytes that are not UTF-8.
    #[inline]
    pub fn is_bytes(self) -> bool {
        matches!(self.body_value(), Value::Bytes(_))
    }

    /// When it happened, if that is known. Before any parser: the time that Kafka gave it.
    #[inline]
    pub fn time(self) -> Option<Timestamp> {
        let columns = self.columns.columns();
        Timestamp::new(
            columns.seconds[self.index].into(),
            columns.nanos[self.index],
        )
    }

    /// How severe it is.
    #[inline]
    pub fn severity(self) -> Severity {
        Severity::new(self.columns.columns().severity[self.index]).unwrap_or_default()
    }

    /// The severity as the source wrote it; empty where it wrote none.
    #[inline]
    pub fn severity_text(self) -> &'a str {
        self.columns.severity_text(self.index)
    }

    /// Its trace context; all zeros where it has none.
    pub fn trace(self) -> TraceContext {
        let at = self.index * TRACE_BYTES;
        let mut trace = TraceContext::default();
        if let Some(bytes) = self.columns.columns().trace.get(at..at + TRACE_BYTES) {
            trace.trace_id.copy_from_slice(&bytes[..16]);
            trace.span_id.copy_from_slice(&bytes[16..24]);
            trace.flags = bytes[24];
        }
        trace
    }

    /// The value of an attribute of the record.
    #[inline]
    pub fn attr(self, key: &str) -> Option<Value<'a>> {
        self.find(key, 0).map(|place| self.columns.value(place))
    }

    /// The value of an attribute of the resource that wrote it.
    #[inline]
    pub fn resource(self, key: &str) -> Option<Value<'a>> {
        self.find(key, RESOURCE)
            .map(|place| self.columns.value(place))
    }

    /// An attribute of the record, with its place.
    #[inline]
    pub fn attribute(self, key: &str) -> Option<Attribute<'a>> {
        self.find(key, 0)
            .map(|place| attribute(self.columns, place))
    }

    /// An attribute of the resource that wrote it, with its place.
    #[inline]
    pub fn resource_attribute(self, key: &str) -> Option<Attribute<'a>> {
        self.find(key, RESOURCE)
            .map(|place| attribute(self.columns, place))
    }

    /// All attributes, those of the resource too, in order.
    #[inline]
    pub fn attributes(self) -> Attributes<'a> {
        let (next, end) = self.range();
        Attributes {
            columns: self.columns,
            next,
            end,
        }
    }

    /// The keys of all attributes, in order: faster than [`attributes`](Self::attributes) for who needs the values of few.
    #[inline]
    pub fn keys(self) -> impl Iterator<Item = Key<'a>> {
        let (from, end) = self.range();
        (from..end).map(move |place| Key {
            place,
            key: self.columns.key(place),
            resource: self.columns.columns().kind[place] & RESOURCE != 0,
        })
    }

    /// The value of the attribute at a place, if it is one of this record's.
    #[inline]
    pub fn value_at(self, place: usize) -> Option<Value<'a>> {
        let (from, end) = self.range();
        (from..end)
            .contains(&place)
            .then(|| self.columns.value(place))
    }

    /// The same where it is text.
    #[inline]
    pub fn text_at(self, place: usize) -> Option<&'a str> {
        let (from, end) = self.range();
        let is_text = (from..end).contains(&place)
            && self.columns.columns().kind[place] & !RESOURCE == kind::TEXT;
        is_text.then(|| self.columns.text(place))
    }

    #[inline]
    fn range(self) -> (usize, usize) {
        let ends = &self.columns.columns().attribute_end;
        let from = if self.index == 0 {
            0
        } else {
            ends[self.index - 1] as usize
        };
        (from, ends[self.index] as usize)
    }

    #[inline]
    fn find(self, key: &str, flag: u8) -> Option<usize> {
        let columns = self.columns.columns();
        let (from, end) = self.range();
        (from..end).find(|place| {
            columns.key[2 * place + 1] as usize == key.len()
                && columns.kind[*place] & RESOURCE == flag
                && find::equal(self.columns.key_bytes(*place), key.as_bytes())
        })
    }
}

#[inline]
fn attribute<'a>(columns: Checked<'a>, place: usize) -> Attribute<'a> {
    let resource = columns.columns().kind[place] & RESOURCE != 0;
    Attribute {
        place,
        key: columns.key(place),
        value: columns.value(place),
        resource,
    }
}

// === impl Attributes ===

impl<'a> Iterator for Attributes<'a> {
    type Item = Attribute<'a>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if self.next == self.end {
            return None;
        }
        let place = self.next;
        self.next += 1;
        Some(attribute(self.columns, place))
    }
}
