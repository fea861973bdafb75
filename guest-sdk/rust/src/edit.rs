//! What an enricher changes.

use crate::batch::{Attribute, Batch};
use crate::columns::{RESOURCE, kind};
use crate::new_record::push_trace;
use crate::parsed::Reason;
use crate::text::{Given, NewText};
use crate::value::{Severity, Timestamp, TraceContext, Value};
use std::borrow::Cow;
use std::fmt;

/// The columns of `edits`, owned; the rules are those of `wit/enricher.wit`.
#[derive(Debug, Clone)]
pub struct EditColumns {
    pub(crate) text: NewText,
    pub(crate) set_record: Vec<u32>,
    pub(crate) set_key: Vec<u32>,
    pub(crate) set_kind: Vec<u8>,
    pub(crate) set_value: Vec<u32>,
    pub(crate) remove: Vec<u32>,
    pub(crate) body_record: Vec<u32>,
    pub(crate) body_kind: Vec<u8>,
    pub(crate) body: Vec<u32>,
    pub(crate) time_record: Vec<u32>,
    pub(crate) time_seconds: Vec<u32>,
    pub(crate) time_nanos: Vec<u32>,
    pub(crate) severity_record: Vec<u32>,
    pub(crate) severity: Vec<u8>,
    pub(crate) severity_text: Vec<u32>,
    pub(crate) trace_record: Vec<u32>,
    pub(crate) trace: Vec<u8>,
    pub(crate) drop: Vec<u32>,
    pub(crate) reasons: Vec<Reason>,
    pub(crate) route_record: Vec<u32>,
    pub(crate) route: Vec<u32>,
    pub(crate) routes: Vec<String>,
}

/// What to change of the record at hand. Attributes are removed first, then all else is set; what is said again
/// replaces what was said before.
pub struct Edit<'a> {
    out: &'a mut EditColumns,
    given: Given<'a>,
    record: u32,
}

/// New text, written straight where it will travel from.
pub struct TextWriter<'a>(&'a mut Vec<u8>);

// === impl Edit ===

impl<'a> Edit<'a> {
    /// Begins an answer about `batch`.
    pub(crate) fn new(batch: Batch<'a>, out: &'a mut EditColumns) -> Self {
        out.clear();
        Edit {
            out,
            given: Given(batch.text()),
            record: 0,
        }
    }

    /// For batch-level enrichers: what follows is about this record.
    #[inline]
    pub fn begin(&mut self, record: usize) {
        self.record = record as u32;
    }

    /// Sets an attribute of the record.
    #[inline]
    pub fn set<'v>(&mut self, key: &str, value: impl Into<Value<'v>>) {
        self.put(key, 0, value.into());
    }

    /// Sets an attribute of the resource that wrote it.
    #[inline]
    pub fn set_resource<'v>(&mut self, key: &str, value: impl Into<Value<'v>>) {
        self.put(key, RESOURCE, value.into());
    }

    /// Gives an attribute another value, wherever it stands (record or resource).
    #[inline]
    pub fn replace<'v>(&mut self, attribute: &Attribute<'_>, value: impl Into<Value<'v>>) {
        self.put(
            attribute.key,
            if attribute.resource { RESOURCE } else { 0 },
            value.into(),
        );
    }

    /// The same with text (or JSON, where it was JSON) that is written in place.
    pub fn replace_with(
        &mut self,
        attribute: &Attribute<'_>,
        write: impl FnOnce(&mut TextWriter<'_>),
    ) {
        let flag = if attribute.resource { RESOURCE } else { 0 };
        let kind = if matches!(attribute.value, Value::Json(_)) {
            kind::JSON
        } else {
            kind::TEXT
        };
        let value = self.written(write);
        self.push(attribute.key, kind | flag, value);
    }

    /// Removes the attribute at this place (see [`Attribute::place`](crate::Attribute)).
    #[inline]
    pub fn remove(&mut self, place: usize) {
        self.out.remove.push(place as u32);
    }

    /// Replaces the body.
    #[inline]
    pub fn body<'v>(&mut self, body: impl Into<Value<'v>>) {
        let (kind, body) = self.out.text.value(self.given, body.into());
        self.push_body(kind, body);
    }

    /// Replaces the body by text that is written in place.
    pub fn body_with(&mut self, write: impl FnOnce(&mut TextWriter<'_>)) {
        let body = self.written(write);
        self.push_body(kind::TEXT, body);
    }

    /// Replaces the body by JSON that is written in place.
    pub fn body_json_with(&mut self, write: impl FnOnce(&mut TextWriter<'_>)) {
        let body = self.written(write);
        self.push_body(kind::JSON, body);
    }

    /// Replaces the time; none makes it unknown.
    #[inline]
    pub fn time(&mut self, time: impl Into<Option<Timestamp>>) {
        let time = time.into();
        self.out.time_record.push(self.record);
        self.out
            .time_seconds
            .push(time.map_or(0, Timestamp::seconds));
        self.out.time_nanos.push(time.map_or(0, Timestamp::nanos));
    }

    /// Replaces the severity and its text (empty for none).
    #[inline]
    pub fn severity(&mut self, severity: Severity, text: &str) {
        let text = self.out.text.constant(self.given, text.as_bytes());
        self.out.severity_record.push(self.record);
        self.out.severity.push(severity.number());
        self.out.severity_text.extend_from_slice(&text);
    }

    /// Replaces the trace context.
    #[inline]
    pub fn trace(&mut self, trace: TraceContext) {
        self.out.trace_record.push(self.record);
        push_trace(&mut self.out.trace, &trace);
    }

    /// Leaves the record out, and why (empty for no word about it). Whatever else is said of it does not matter; of several
    /// reasons the first stands.
    #[inline]
    pub fn drop(&mut self, why: impl Into<Cow<'static, str>>) {
        self.out.drop.push(self.record);
        let why = why.into();
        if !why.is_empty() {
            self.out.reasons.push(Reason {
                input: self.record,
                message: why.into_owned(),
            });
        }
    }

    /// Sends the record to the outputs of this route instead of the usual ones. The configuration of the gateway must
    /// name it.
    #[inline]
    pub fn route(&mut self, route: &str) {
        let routes = &mut self.out.routes;
        let number = routes
            .iter()
            .position(|known| known == route)
            .unwrap_or_else(|| {
                routes.push(route.to_owned());
                routes.len() - 1
            });
        self.out.route_record.push(self.record);
        self.out.route.push(number as u32);
    }

    /// A record that was dropped more than once is dropped once, for one reason.
    pub(crate) fn finish(self) {
        let EditColumns { drop, reasons, .. } = self.out;
        if !drop.is_sorted_by(|a, b| a < b) {
            drop.sort_unstable();
            drop.dedup();
            reasons.sort_by_key(|reason| reason.input);
            reasons.dedup_by_key(|reason| reason.input);
        }
    }

    #[inline]
    fn put(&mut self, key: &str, flag: u8, value: Value<'_>) {
        let (kind, value) = self.out.text.value(self.given, value);
        self.push(key, kind | flag, value);
    }

    #[inline]
    fn push(&mut self, key: &str, kind: u8, value: [u32; 2]) {
        let key = self.out.text.constant(self.given, key.as_bytes());
        self.out.set_record.push(self.record);
        self.out.set_key.extend_from_slice(&key);
        self.out.set_kind.push(kind);
        self.out.set_value.extend_from_slice(&value);
    }

    #[inline]
    fn push_body(&mut self, kind: u8, body: [u32; 2]) {
        self.out.body_record.push(self.record);
        self.out.body_kind.push(kind);
        self.out.body.extend_from_slice(&body);
    }

    fn written(&mut self, write: impl FnOnce(&mut TextWriter<'_>)) -> [u32; 2] {
        let from = self.out.text.bytes.len();
        write(&mut TextWriter(&mut self.out.text.bytes));
        let len = self.out.text.bytes.len() - from;
        [(self.given.0.len() + from) as u32, len as u32]
    }
}

// === impl TextWriter ===

impl TextWriter<'_> {
    /// Adds text.
    #[inline]
    pub fn push(&mut self, text: &str) {
        self.0.extend_from_slice(text.as_bytes());
    }
}

impl fmt::Write for TextWriter<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.push(text);
        Ok(())
    }
}

// === impl EditColumns ===

impl EditColumns {
    /// No edit.
    pub const fn new() -> Self {
        EditColumns {
            text: NewText::new(),
            set_record: Vec::new(),
            set_key: Vec::new(),
            set_kind: Vec::new(),
            set_value: Vec::new(),
            remove: Vec::new(),
            body_record: Vec::new(),
            body_kind: Vec::new(),
            body: Vec::new(),
            time_record: Vec::new(),
            time_seconds: Vec::new(),
            time_nanos: Vec::new(),
            severity_record: Vec::new(),
            severity: Vec::new(),
            severity_text: Vec::new(),
            trace_record: Vec::new(),
            trace: Vec::new(),
            drop: Vec::new(),
            reasons: Vec::new(),
            route_record: Vec::new(),
            route: Vec::new(),
            routes: Vec::new(),
        }
    }

    /// No edit, the memory kept.
    fn clear(&mut self) {
        self.text.clear();
        self.set_record.clear();
        self.set_key.clear();
        self.set_kind.clear();
        self.set_value.clear();
        self.remove.clear();
        self.body_record.clear();
        self.body_kind.clear();
        self.body.clear();
        self.time_record.clear();
        self.time_seconds.clear();
        self.time_nanos.clear();
        self.severity_record.clear();
        self.severity.clear();
        self.severity_text.clear();
        self.trace_record.clear();
        self.trace.clear();
        self.drop.clear();
        self.reasons.clear();
        self.route_record.clear();
        self.route.clear();
        self.routes.clear();
    }
}

impl Default for EditColumns {
    fn default() -> Self {
        EditColumns::new()
    }
}
