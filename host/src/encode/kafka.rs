//! Columns to Kafka records: keys and values.

use super::group;
use super::json::{self, JsonOptions, Object};
use super::nested::{self, Scalar, Sink};
use super::otlp::{Select, unix_nanos};
use crate::model::{Columns, Finding, Kind, Message, RESOURCE, TRACE_BYTES, bits, rfc3339};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use std::ops::Range;

#[cfg(test)]
mod tests;

/// The attribute of the resource that `source` of the envelope tells.
const SOURCE: &str = "service.name";

/// The shape of a record's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// The envelope that DriftLock reads and writes: `{"type":"log","data":{...},"timestamp","source"}`.
    Driftlock,
    /// An OTLP/JSON export request with this one record.
    OtlpJson,
}

/// What becomes a record's key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Key {
    /// Nothing: records spread over the partitions.
    None,
    /// The key of the Kafka record that it came from.
    Original,
    /// The text of an attribute of the record.
    Attribute(String),
    /// The text of an attribute of its resource.
    Resource(String),
}

/// How records become Kafka records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Form {
    /// Of the value.
    pub format: Format,
    /// Of the key.
    pub key: Key,
}

/// What Kafka said of the raw record that a record came from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Origin<'a> {
    /// Its key.
    pub key: Option<&'a [u8]>,
    /// Its time in Unix milliseconds; zero and below mean unknown.
    pub timestamp_ms: i64,
}

/// What became of the selected records.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Messages {
    /// One a record, in their order.
    pub messages: Vec<Message>,
    /// The numbers of the records.
    pub records: Vec<u32>,
    /// How many values of kind json went out as text, because they are not JSON, or nested too deep for OTLP.
    pub json_as_text: usize,
}

/// Encodes the selected records, in their order. A message has the Kafka time of what it came from, so that who reads
/// it sees the clock that this gateway saw.
pub fn messages<'a>(
    columns: &Columns,
    select: Select<'_>,
    form: &Form,
    origin: impl Fn(usize) -> Origin<'a>,
) -> Messages {
    let records: Vec<u32> = match select {
        Select::All => (0..columns.len() as u32).collect(),
        Select::Records(records) => records.to_vec(),
    };
    let mut out = Vec::new();
    let mut spans: Vec<(Option<Range<usize>>, Range<usize>)> = Vec::with_capacity(records.len());
    let mut json_as_text = 0;
    for record in &records {
        let record = *record as usize;
        let from = out.len();
        let has_key = key(columns, record, &form.key, origin(record).key, &mut out);
        let middle = out.len();
        json_as_text += value(
            columns,
            record,
            form.format,
            origin(record).timestamp_ms,
            &mut out,
        );
        spans.push((has_key.then_some(from..middle), middle..out.len()));
    }
    let all = Bytes::from(out);
    let message = |(record, (key, value)): (&u32, (Option<Range<usize>>, Range<usize>))| Message {
        key: key.map(|span| all.slice(span)),
        value: all.slice(value),
        timestamp_ms: Some(origin(*record as usize).timestamp_ms).filter(|ms| *ms > 0),
    };
    Messages {
        messages: records.iter().zip(spans).map(message).collect(),
        json_as_text,
        records,
    }
}

/// An alert or anomaly: its JSON under its fingerprint, at the time when it was raised.
pub fn finding(finding: &Finding) -> Message {
    Message {
        key: Some(Bytes::copy_from_slice(finding.fingerprint.as_bytes())),
        value: Bytes::from(finding.json()),
        timestamp_ms: i64::try_from(finding.at_ms).ok(),
    }
}

/// Writes the key; false where there is none.
fn key(
    columns: &Columns,
    record: usize,
    key: &Key,
    original: Option<&[u8]>,
    out: &mut Vec<u8>,
) -> bool {
    let (name, flag) = match key {
        Key::None => return false,
        Key::Original => {
            out.extend_from_slice(original.unwrap_or_default());
            return original.is_some();
        }
        Key::Attribute(name) => (name, 0),
        Key::Resource(name) => (name, RESOURCE),
    };
    let is_it = |i: &usize| {
        columns.kind.get(*i).is_some_and(|k| k & RESOURCE == flag)
            && columns.bytes(&columns.key, *i) == name.as_bytes()
    };
    let Some(place) = columns.attributes(record).find(is_it) else {
        return false;
    };
    let span = columns.bytes(&columns.value, place);
    let number = number(&columns.value, place);
    match kind(columns, place) {
        Kind::Null => return false,
        Kind::Boolean => json::plain(out, number as u32 != 0),
        Kind::Integer => json::plain(out, number as i64),
        Kind::Double => json::plain(out, f64::from_bits(number)),
        Kind::Text | Kind::Bytes | Kind::Json => out.extend_from_slice(span),
    }
    true
}

fn value(
    columns: &Columns,
    record: usize,
    format: Format,
    observed_ms: i64,
    out: &mut Vec<u8>,
) -> usize {
    match format {
        Format::Driftlock => envelope(columns, record, observed_ms, out),
        Format::OtlpJson => {
            let observed_ms = Some(observed_ms);
            json::request(columns, record, JsonOptions { observed_ms }, out)
        }
    }
}

/// The envelope of [`Format::Driftlock`]. Values keep their types; bytes are base64.
fn envelope(columns: &Columns, record: usize, observed_ms: i64, out: &mut Vec<u8>) -> usize {
    let mut texts = 0;
    let mut object = Object::begin(out);
    object.field("type", |out| json::string(out, b"log"));
    object.field("data", |out| texts = data(columns, record, out));
    let seen = u64::try_from(observed_ms).ok().filter(|ms| *ms > 0);
    let time = seen.map(rfc3339).or_else(|| time(columns, record));
    if let Some(time) = time {
        object.field("timestamp", |out| json::string(out, time.as_bytes()));
    }
    let mut places = group::resource(columns, record);
    let is_source = |i: &usize| {
        kind(columns, *i) == Kind::Text && columns.bytes(&columns.key, *i) == SOURCE.as_bytes()
    };
    let source = places
        .find(is_source)
        .map_or(&[][..], |i| columns.bytes(&columns.value, i));
    object.field("source", |out| json::string(out, source));
    object.end();
    texts
}

fn data(columns: &Columns, record: usize, out: &mut Vec<u8>) -> usize {
    let mut texts = 0;
    let mut data = Object::begin(out);
    if let Some(time) = time(columns, record) {
        data.field("timestamp", |out| json::string(out, time.as_bytes()));
    }
    let severity_text = columns.bytes(&columns.severity_text, record);
    data.field("severity", |out| json::string(out, severity_text));
    let body = columns.body_kind(record);
    data.field("body", |out| {
        texts += native(out, (columns, body), &columns.body, record);
    });
    let severity = columns.severity.get(record).copied().unwrap_or(0);
    data.field("severity_number", |out| json::plain(out, severity));
    let at = record * TRACE_BYTES;
    let trace = columns
        .trace
        .get(at..at + TRACE_BYTES)
        .unwrap_or(&[0; TRACE_BYTES]);
    let (trace_id, rest) = trace.split_at(16);
    let (span_id, flags) = rest.split_at(8);
    let flags = flags.first().copied().unwrap_or(0);
    data.field("flags", |out| json::plain(out, flags));
    let is_own = |i: &usize| columns.kind.get(*i).is_some_and(|k| k & RESOURCE == 0);
    let own = columns.attributes(record).filter(is_own);
    texts += fields(&mut data, "attributes", columns, own);
    texts += fields(
        &mut data,
        "resource",
        columns,
        group::resource(columns, record),
    );
    for (name, id) in [("trace_id", trace_id), ("span_id", span_id)] {
        if id.iter().any(|b| *b != 0) {
            data.field(name, |out| json::hex(out, id));
        }
    }
    data.end();
    texts
}

/// Attributes as one object; nothing where there are none.
fn fields(
    object: &mut Object<'_>,
    name: &str,
    columns: &Columns,
    places: impl Iterator<Item = usize>,
) -> usize {
    let mut places = places.peekable();
    let mut texts = 0;
    if places.peek().is_none() {
        return texts;
    }
    object.field(name, |out| {
        let mut before = b'{';
        for i in places {
            out.push(before);
            before = b',';
            json::string(out, columns.bytes(&columns.key, i));
            out.push(b':');
            texts += native(out, (columns, kind(columns, i)), &columns.value, i);
        }
        out.push(b'}');
    });
    texts
}

/// Writes a value as JSON has it; answers 1 where it is of kind json and no JSON, so that it went out as text.
fn native(out: &mut Vec<u8>, (columns, kind): (&Columns, Kind), column: &[u32], i: usize) -> usize {
    let span = columns.bytes(column, i);
    let number = number(column, i);
    match kind {
        Kind::Null => out.extend_from_slice(b"null"),
        Kind::Boolean => json::plain(out, number as u32 != 0),
        Kind::Integer => json::plain(out, number as i64),
        Kind::Double => json::double(out, f64::from_bits(number)),
        Kind::Text => json::string(out, span),
        Kind::Bytes => json::string(out, STANDARD.encode(span).as_bytes()),
        Kind::Json if nested::walk(span, &mut Checked) => out.extend_from_slice(span),
        Kind::Json => {
            json::string(out, span);
            return 1;
        }
    }
    0
}

/// Takes JSON that OTLP could carry too, and does nothing with it.
struct Checked;

impl Sink for Checked {
    fn scalar(&mut self, _: Scalar<'_>) {}
    fn begin_array(&mut self) {}
    fn begin_object(&mut self) {}
    fn begin_element(&mut self, _: bool) {}
    fn begin_entry(&mut self, _: bool, _: &str) {}
    fn end_element(&mut self) {}
    fn end_entry(&mut self) {}
    fn end_array(&mut self) {}
    fn end_object(&mut self) {}
}

fn kind(columns: &Columns, place: usize) -> Kind {
    let kind = columns.kind.get(place).and_then(|k| Kind::of(*k));
    kind.unwrap_or(Kind::Null)
}

fn number(column: &[u32], i: usize) -> u64 {
    match column.get(2 * i..2 * i + 2) {
        Some(&[low, high]) => bits(low, high),
        _ => 0,
    }
}

/// The record's time as RFC 3339, as precise as it is; none where it is unknown.
fn time(columns: &Columns, record: usize) -> Option<String> {
    let nanos = unix_nanos(columns, record);
    let time = jiff::Timestamp::from_nanosecond(i128::from(nanos)).ok()?;
    (nanos != 0).then(|| time.to_string())
}
