//! One record as OTLP/JSON: as a line, and as a whole export request.
//!
//! The line is an OTLP `LogRecord` with its resource beside it, so that a line stands for itself. The
//! order of the fields never changes, so that lines can be compared as text.

use super::group;
use super::nested::{self, Scalar, Sink};
use super::otlp::{SCOPE, observed_nanos, unix_nanos};
use crate::model::{Columns, Kind, RESOURCE, TRACE_BYTES, bits};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// What a line has besides the record.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct JsonOptions {
    /// `observedTimeUnixNano`, given in Unix milliseconds; none: left out.
    pub observed_ms: Option<i64>,
}

/// Writes a record as one compact JSON object, without a line end. Left out are a time of 0, severity 0,
/// an empty severity text, a body that is null, attributes and resource where there are none, and ids of zeros.
pub fn line(columns: &Columns, record: usize, options: JsonOptions, out: &mut Vec<u8>) {
    let mut object = Object::begin(out);
    log_record(&mut object, columns, record, options, &mut 0);
    resource(&mut object, columns, record, &mut 0);
    object.end();
}

/// Writes a record as a request of its own: one compact `ExportLogsServiceRequest` in JSON, without a line end, as
/// the Collector's Kafka receiver reads it (`encoding: otlp_json`). Answers how many values of kind json went out as
/// text, because they are not JSON or nested too deep.
pub fn request(columns: &Columns, record: usize, options: JsonOptions, out: &mut Vec<u8>) -> usize {
    let mut texts = 0;
    out.extend_from_slice(b"{\"resourceLogs\":[");
    let mut group = Object::begin(out);
    resource(&mut group, columns, record, &mut texts);
    group.field("scopeLogs", |out| {
        out.extend_from_slice(b"[{\"scope\":{\"name\":");
        string(out, SCOPE.0.as_bytes());
        out.extend_from_slice(b",\"version\":");
        string(out, SCOPE.1.as_bytes());
        out.extend_from_slice(b"},\"logRecords\":[");
        let mut object = Object::begin(out);
        log_record(&mut object, columns, record, options, &mut texts);
        object.end();
        out.extend_from_slice(b"]}]");
    });
    group.end();
    out.extend_from_slice(b"]}");
    texts
}

/// The fields of a `LogRecord`.
fn log_record(
    object: &mut Object<'_>,
    columns: &Columns,
    record: usize,
    options: JsonOptions,
    texts: &mut usize,
) {
    let time = unix_nanos(columns, record);
    if time != 0 {
        object.field("timeUnixNano", |out| quoted(out, time));
    }
    let observed = options.observed_ms.map_or(0, observed_nanos);
    if observed != 0 {
        object.field("observedTimeUnixNano", |out| quoted(out, observed));
    }
    let severity = columns.severity.get(record).copied().unwrap_or(0);
    if severity != 0 {
        object.field("severityNumber", |out| plain(out, severity));
    }
    let severity_text = columns.bytes(&columns.severity_text, record);
    if !severity_text.is_empty() {
        object.field("severityText", |out| string(out, severity_text));
    }
    let kind = columns.body_kind(record);
    if kind != Kind::Null {
        object.field("body", |out| {
            any_value(out, (columns, kind), &columns.body, record, texts)
        });
    }
    let is_own = |i: &usize| columns.kind.get(*i).is_some_and(|k| k & RESOURCE == 0);
    let own = columns.attributes(record).filter(is_own);
    attributes(object, columns, own, texts);
    trace(object, columns, record);
}

fn resource(object: &mut Object<'_>, columns: &Columns, record: usize, texts: &mut usize) {
    if group::resource(columns, record).next().is_some() {
        object.field("resource", |out| {
            let mut resource = Object::begin(out);
            let places = group::resource(columns, record);
            attributes(&mut resource, columns, places, texts);
            resource.end();
        });
    }
}

fn attributes(
    object: &mut Object<'_>,
    columns: &Columns,
    places: impl Iterator<Item = usize>,
    texts: &mut usize,
) {
    let mut places = places.peekable();
    if places.peek().is_none() {
        return;
    }
    object.field("attributes", |out| {
        let mut before = b'[';
        for i in places {
            out.push(before);
            before = b',';
            let kind = columns
                .kind
                .get(i)
                .and_then(|k| Kind::of(*k))
                .unwrap_or(Kind::Null);
            let mut entry = Object::begin(out);
            entry.field("key", |out| string(out, columns.bytes(&columns.key, i)));
            entry.field("value", |out| {
                any_value(out, (columns, kind), &columns.value, i, texts)
            });
            entry.end();
        }
        out.push(b']');
    });
}

fn trace(object: &mut Object<'_>, columns: &Columns, record: usize) {
    let at = record * TRACE_BYTES;
    let Some(trace) = columns.trace.get(at..at + TRACE_BYTES) else {
        return;
    };
    let (trace_id, rest) = trace.split_at(16);
    let (span_id, flags) = rest.split_at(8);
    for (name, id) in [("traceId", trace_id), ("spanId", span_id)] {
        if id.iter().any(|b| *b != 0) {
            object.field(name, |out| hex(out, id));
        }
    }
    if let Some(flags) = flags.first().filter(|f| **f != 0) {
        object.field("flags", |out| plain(out, flags));
    }
}

fn any_value(
    out: &mut Vec<u8>,
    (columns, kind): (&Columns, Kind),
    column: &[u32],
    i: usize,
    texts: &mut usize,
) {
    let span = columns.bytes(column, i);
    let number = match column.get(2 * i..2 * i + 2) {
        Some(&[low, high]) => bits(low, high),
        _ => 0,
    };
    let mut tree = Tree { out };
    match kind {
        Kind::Null => tree.scalar(Scalar::Null),
        Kind::Boolean => tree.scalar(Scalar::Boolean(number as u32 != 0)),
        Kind::Integer => tree.scalar(Scalar::Integer(number as i64)),
        Kind::Double => tree.scalar(Scalar::Double(f64::from_bits(number))),
        Kind::Text => tree.text(span),
        Kind::Bytes => tree.bytes(span),
        Kind::Json => {
            let begin = tree.out.len();
            if !nested::walk(span, &mut tree) {
                tree.out.truncate(begin);
                *texts += 1;
                tree.text(span);
            }
        }
    }
}

// === what JSON is made of ===

pub(super) struct Object<'a> {
    out: &'a mut Vec<u8>,
    before: u8,
}

impl<'a> Object<'a> {
    pub(super) fn begin(out: &'a mut Vec<u8>) -> Self {
        Object { out, before: b'{' }
    }

    pub(super) fn field(&mut self, name: &str, value: impl FnOnce(&mut Vec<u8>)) {
        self.out.push(self.before);
        self.before = b',';
        string(self.out, name.as_bytes());
        self.out.push(b':');
        value(self.out);
    }

    pub(super) fn end(self) {
        if self.before == b'{' {
            self.out.push(b'{');
        }
        self.out.push(b'}');
    }
}

pub(super) fn plain(out: &mut Vec<u8>, value: impl std::fmt::Display) {
    out.extend_from_slice(value.to_string().as_bytes());
}

fn quoted(out: &mut Vec<u8>, value: impl std::fmt::Display) {
    out.push(b'"');
    plain(out, value);
    out.push(b'"');
}

/// A JSON string; what is not UTF-8 becomes the replacement character.
pub(super) fn string(out: &mut Vec<u8>, bytes: &[u8]) {
    // Writing to a vector does not fail.
    let _ = serde_json::to_writer(out, &String::from_utf8_lossy(bytes));
}

pub(super) fn hex(out: &mut Vec<u8>, bytes: &[u8]) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    out.push(b'"');
    for byte in bytes {
        out.push(DIGITS[usize::from(byte >> 4)]);
        out.push(DIGITS[usize::from(byte & 15)]);
    }
    out.push(b'"');
}

/// Writes values as OTLP/JSON's `AnyValue`.
struct Tree<'a> {
    out: &'a mut Vec<u8>,
}

impl Tree<'_> {
    fn put(&mut self, text: &str) {
        self.out.extend_from_slice(text.as_bytes());
    }

    fn text(&mut self, text: &[u8]) {
        self.put("{\"stringValue\":");
        string(self.out, text);
        self.put("}");
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.put("{\"bytesValue\":\"");
        self.put(&STANDARD.encode(bytes));
        self.put("\"}");
    }

    fn double(&mut self, value: f64) {
        self.put("{\"doubleValue\":");
        double(self.out, value);
        self.put("}");
    }
}

/// As protobuf's JSON has it: what is no number is a string.
pub(super) fn double(out: &mut Vec<u8>, value: f64) {
    let word: &[u8] = match value {
        v if v.is_finite() => {
            // Writing to a vector does not fail.
            let _ = serde_json::to_writer(out, &value);
            return;
        }
        f64::INFINITY => b"\"Infinity\"",
        f64::NEG_INFINITY => b"\"-Infinity\"",
        _ => b"\"NaN\"",
    };
    out.extend_from_slice(word);
}

impl Sink for Tree<'_> {
    fn scalar(&mut self, value: Scalar<'_>) {
        match value {
            Scalar::Null => self.put("{}"),
            Scalar::Boolean(b) => self.put(if b {
                "{\"boolValue\":true}"
            } else {
                "{\"boolValue\":false}"
            }),
            Scalar::Integer(i) => {
                self.put("{\"intValue\":");
                quoted(self.out, i);
                self.put("}");
            }
            Scalar::Double(d) => self.double(d),
            Scalar::Text(text) => self.text(text.as_bytes()),
        }
    }

    fn begin_array(&mut self) {
        self.put("{\"arrayValue\":{\"values\":[");
    }

    fn begin_object(&mut self) {
        self.put("{\"kvlistValue\":{\"values\":[");
    }

    fn begin_element(&mut self, first: bool) {
        if !first {
            self.put(",");
        }
    }

    fn begin_entry(&mut self, first: bool, key: &str) {
        self.begin_element(first);
        self.put("{\"key\":");
        string(self.out, key.as_bytes());
        self.put(",\"value\":");
    }

    fn end_element(&mut self) {}

    fn end_entry(&mut self) {
        self.put("}");
    }

    fn end_array(&mut self) {
        self.put("]}}");
    }

    fn end_object(&mut self) {
        self.put("]}}");
    }
}
