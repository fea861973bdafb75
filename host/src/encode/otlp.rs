//! Columns to the protobuf bytes of OTLP's `ExportLogsServiceRequest`, written straight.
//!
//! Field numbers and types are those of opentelemetry-proto 1.x (`logs.proto`, `common.proto`).

use super::group::{self, Groups};
use super::nested;
use super::wire;
use crate::model::{Columns, Kind, RESOURCE, TRACE_BYTES, bits};
use tree::Tree;

mod tree;

/// The instrumentation scope of everything that the gateway sends.
pub(super) const SCOPE: (&str, &str) = ("tidegate", env!("CARGO_PKG_VERSION"));

/// Which records are encoded, and in which order.
#[derive(Clone, Copy, Debug)]
pub enum Select<'a> {
    /// All of them.
    All,
    /// Those with these numbers.
    Records(&'a [u32]),
}

/// When a payload is full.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    /// Records; 0 counts as 1.
    pub records: usize,
    /// Bytes; a single record may be larger.
    pub bytes: usize,
}

/// Records as one valid request. Payloads one after the other are a valid request, too.
#[derive(Clone, Debug, PartialEq)]
pub struct Encoded {
    /// The request.
    pub payload: Vec<u8>,
    /// The numbers of its records, in the order of the payload.
    pub records: Vec<u32>,
}

/// What became of the selected records.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Logs {
    /// All records, in as many payloads as the limits ask for; each payload holds records that followed
    /// one another in the selection.
    pub payloads: Vec<Encoded>,
    /// How many values of kind json went out as text, because they are not JSON or nested too deep.
    pub json_as_text: usize,
}

/// Encodes the selected records, grouped by resource in the order of first appearance; the order within
/// a resource stays. `observed_ms` is the Unix time in milliseconds at which a record was seen (Kafka's
/// timestamp of its input); zero and below mean unknown.
pub fn logs(
    columns: &Columns,
    select: Select<'_>,
    observed_ms: impl Fn(usize) -> i64,
    limits: Limits,
) -> Logs {
    events(columns, &[], select, observed_ms, limits)
}

/// [`logs`] of records that are events: `names` are their event names, or empty where none has one.
pub fn events(
    columns: &Columns,
    names: &[&str],
    select: Select<'_>,
    observed_ms: impl Fn(usize) -> i64,
    limits: Limits,
) -> Logs {
    let length = match select {
        Select::All => columns.len(),
        Select::Records(records) => records.len(),
    };
    let mut logs = Logs::default();
    let mut from = 0;
    let mut likely = length;
    while from < length {
        let mut take = (length - from).min(limits.records.max(1)).min(likely);
        let encoded = loop {
            match payload(
                (columns, names),
                select,
                from..from + take,
                &observed_ms,
                limits.bytes,
            ) {
                Ok(encoded) => break encoded,
                Err(Full { after }) => take = (after.min(take - 1) * 7 / 8).max(1),
            }
        };
        logs.payloads.push(encoded.0);
        logs.json_as_text += encoded.1;
        from += take;
        likely = take + take / 8 + 1;
    }
    logs
}

/// The limit of bytes was passed after so many records of several.
struct Full {
    after: usize,
}

fn payload(
    (columns, names): (&Columns, &[&str]),
    select: Select<'_>,
    part: std::ops::Range<usize>,
    observed_ms: &impl Fn(usize) -> i64,
    bytes_max: usize,
) -> Result<(Encoded, usize), Full> {
    let Groups { order, end } = match select {
        Select::All => group::by_resource(columns, part.start as u32..part.end as u32),
        Select::Records(records) => {
            let records = records.get(part).unwrap_or(&[]);
            group::by_resource(columns, records.iter().copied())
        }
    };
    let mut writer = Writer {
        columns,
        names,
        out: Vec::with_capacity(capacity(columns, order.len(), bytes_max)),
        record_width: 2,
        json_as_text: 0,
    };
    let bytes_max = if order.len() > 1 {
        bytes_max
    } else {
        usize::MAX
    };
    let mut begin = 0;
    for end in end {
        writer
            .group(&order[begin..end], observed_ms, bytes_max)
            .map_err(|Full { after }| Full {
                after: begin + after,
            })?;
        begin = end;
    }
    let encoded = Encoded {
        payload: writer.out,
        records: order,
    };
    Ok((encoded, writer.json_as_text))
}

/// Room for the records in one piece, where they are of the usual size.
fn capacity(columns: &Columns, records: usize, bytes_max: usize) -> usize {
    const OVERHEAD_BYTES: usize = 128;
    let share = columns.text.len() / columns.len().max(1) + OVERHEAD_BYTES;
    let slack = 64 * 1024;
    records
        .saturating_mul(share)
        .min(bytes_max.saturating_add(slack))
}

struct Writer<'a> {
    columns: &'a Columns,
    // Event names; or empty.
    names: &'a [&'a str],
    out: Vec<u8>,
    // Bytes that the length of the last record took.
    record_width: usize,
    json_as_text: usize,
}

impl Writer<'_> {
    /// One `ResourceLogs` with one `ScopeLogs`.
    fn group(
        &mut self,
        records: &[u32],
        observed_ms: &impl Fn(usize) -> i64,
        bytes_max: usize,
    ) -> Result<(), Full> {
        // 300 bytes a record are usual.
        let width = wire::varint_len(records.len() as u64 * 300);
        let resource_logs = wire::open(&mut self.out, 0x0A, width);
        if let Some(first) = records.first() {
            self.resource(*first as usize);
        }
        let scope_logs = wire::open(&mut self.out, 0x12, width);
        self.scope();
        for (done, record) in records.iter().enumerate() {
            self.record(*record as usize, observed_ms(*record as usize));
            // Lengths that are still open may grow by some bytes each.
            if self.out.len() + 16 > bytes_max {
                return Err(Full { after: done });
            }
        }
        wire::close(&mut self.out, scope_logs);
        wire::close(&mut self.out, resource_logs);
        Ok(())
    }

    fn resource(&mut self, record: usize) {
        let columns = self.columns;
        let mut attributes = group::resource(columns, record).peekable();
        if attributes.peek().is_none() {
            return;
        }
        let resource = wire::open(&mut self.out, 0x0A, 1);
        for attribute in attributes {
            self.attribute(0x0A, attribute);
        }
        wire::close(&mut self.out, resource);
    }

    fn scope(&mut self) {
        let scope = wire::open(&mut self.out, 0x0A, 1);
        wire::bytes(&mut self.out, 0x0A, SCOPE.0.as_bytes());
        wire::bytes(&mut self.out, 0x12, SCOPE.1.as_bytes());
        wire::close(&mut self.out, scope);
    }

    fn record(&mut self, record: usize, observed_ms: i64) {
        let columns = self.columns;
        let open = wire::open(&mut self.out, 0x12, self.record_width);
        self.time_and_severity(record);
        self.severity_text(record);
        self.body(record);
        for attribute in columns.attributes(record) {
            if columns
                .kind
                .get(attribute)
                .is_some_and(|k| k & RESOURCE == 0)
            {
                self.attribute(0x32, attribute);
            }
        }
        self.trace(record);
        let observed = observed_nanos(observed_ms);
        if observed != 0 {
            wire::fixed64(&mut self.out, 0x59, observed);
        }
        if let Some(name) = self.names.get(record) {
            wire::bytes(&mut self.out, 0x62, name.as_bytes());
        }
        self.record_width = wire::close(&mut self.out, open);
    }

    #[inline]
    fn time_and_severity(&mut self, record: usize) {
        let time = unix_nanos(self.columns, record);
        if time != 0 {
            wire::fixed64(&mut self.out, 0x09, time);
        }
        let severity = self.columns.severity.get(record).copied().unwrap_or(0);
        if severity != 0 {
            self.out.push(0x10);
            wire::varint(&mut self.out, u64::from(severity));
        }
    }

    fn severity_text(&mut self, record: usize) {
        let pair = pair(&self.columns.severity_text, record);
        let length = self.span_length(pair);
        if length != 0 {
            wire::head(&mut self.out, 0x1A, length);
            self.span(pair, length);
        }
    }

    fn body(&mut self, record: usize) {
        let kind = self.columns.body_kind(record);
        // A body that is null is none.
        if kind != Kind::Null {
            let value = pair(&self.columns.body, record);
            self.any_value(0x2A, kind, value);
        }
    }

    fn trace(&mut self, record: usize) {
        let at = record * TRACE_BYTES;
        let Some(trace) = self.columns.trace.get(at..at + TRACE_BYTES) else {
            return;
        };
        let Some((trace_id, rest)) = trace.split_first_chunk::<16>() else {
            return;
        };
        let Some((span_id, flags)) = rest.split_first_chunk::<8>() else {
            return;
        };
        let flags = flags.first().copied().unwrap_or(0);
        if flags != 0 {
            wire::fixed32(&mut self.out, 0x45, u32::from(flags));
        }
        if *trace_id != [0; 16] {
            let mut field = [16; 18];
            field[0] = 0x4A;
            field[2..].copy_from_slice(trace_id);
            self.out.extend_from_slice(&field);
        }
        if *span_id != [0; 8] {
            let mut field = [8; 10];
            field[0] = 0x52;
            field[2..].copy_from_slice(span_id);
            self.out.extend_from_slice(&field);
        }
    }

    /// A `KeyValue`.
    #[inline]
    fn attribute(&mut self, tag: u8, attribute: usize) {
        let columns = self.columns;
        let key = pair(&columns.key, attribute);
        let value = pair(&columns.value, attribute);
        let kind = columns.kind.get(attribute).and_then(|k| Kind::of(*k));
        let kind = kind.unwrap_or(Kind::Null);
        let key_length = self.span_length(key);
        if self.short_attribute(tag, key, key_length, kind, value) {
            return;
        }
        let open = wire::open(&mut self.out, tag, 1);
        if key_length != 0 {
            wire::head(&mut self.out, 0x0A, key_length);
            self.span(key, key_length);
        }
        self.any_value(0x12, kind, value);
        wire::close(&mut self.out, open);
    }

    /// The usual attribute, text or an integer, is short: every length in it is one byte and known
    /// beforehand. False where it is another one; nothing is written then.
    #[inline]
    fn short_attribute(
        &mut self,
        tag: u8,
        key: [u32; 2],
        key_length: usize,
        kind: Kind,
        value: [u32; 2],
    ) -> bool {
        let integer = bits(value[0], value[1]);
        let length = match kind {
            Kind::Text => 1 + self.span_length(value),
            Kind::Integer => wire::varint_len(integer),
            _ => return false,
        };
        if key_length == 0 || key_length + length > 0x7F - 5 {
            return false;
        }
        let (k, v) = (key_length as u8, length as u8);
        self.out.extend_from_slice(&[tag, k + v + 5, 0x0A, k]);
        self.span(key, key_length);
        if kind == Kind::Text {
            self.out.extend_from_slice(&[0x12, v + 1, 0x0A, v - 1]);
            self.span(value, length - 1);
        } else {
            self.out.extend_from_slice(&[0x12, v + 1, 0x18]);
            wire::varint(&mut self.out, integer);
        }
        true
    }

    /// An `AnyValue` as the field `tag`.
    fn any_value(&mut self, tag: u8, kind: Kind, value: [u32; 2]) {
        match kind {
            Kind::Text => self.span_value(tag, 0x0A, value),
            Kind::Bytes => self.span_value(tag, 0x3A, value),
            Kind::Json => self.json_value(tag, value),
            Kind::Null => self.out.extend_from_slice(&[tag, 0]),
            Kind::Boolean => self
                .out
                .extend_from_slice(&[tag, 2, 0x10, u8::from(value[0] != 0)]),
            Kind::Integer => {
                let integer = bits(value[0], value[1]);
                let length = 1 + wire::varint_len(integer);
                self.out.extend_from_slice(&[tag, length as u8, 0x18]);
                wire::varint(&mut self.out, integer);
            }
            Kind::Double => {
                self.out.extend_from_slice(&[tag, 9]);
                wire::fixed64(&mut self.out, 0x21, bits(value[0], value[1]));
            }
        }
    }

    fn span_value(&mut self, tag: u8, inner: u8, value: [u32; 2]) {
        let length = self.span_length(value);
        wire::head(
            &mut self.out,
            tag,
            1 + wire::varint_len(length as u64) + length,
        );
        wire::head(&mut self.out, inner, length);
        self.span(value, length);
    }

    fn json_value(&mut self, tag: u8, value: [u32; 2]) {
        let columns = self.columns;
        let begin = self.out.len();
        let open = wire::open(&mut self.out, tag, 1);
        let mut tree = Tree::new(&mut self.out);
        if nested::walk(columns.slice(value[0], value[1]), &mut tree) {
            wire::close(&mut self.out, open);
        } else {
            self.out.truncate(begin);
            self.json_as_text += 1;
            self.span_value(tag, 0x0A, value);
        }
    }

    /// The length of a span; 0 where it lies outside the text, so that what is written always fits.
    #[inline]
    fn span_length(&self, [start, length]: [u32; 2]) -> usize {
        let end = start as usize + length as usize;
        if end <= self.columns.text.len() {
            length as usize
        } else {
            0
        }
    }

    #[inline]
    fn span(&mut self, [start, _]: [u32; 2], length: usize) {
        wire::span(&mut self.out, &self.columns.text, start as usize, length);
    }
}

#[inline]
fn pair(column: &[u32], i: usize) -> [u32; 2] {
    match column.get(2 * i..2 * i + 2) {
        Some(&[a, b]) => [a, b],
        _ => [0, 0],
    }
}

/// The time of a record in Unix nanoseconds; 0 where it is unknown.
pub(super) fn unix_nanos(columns: &Columns, record: usize) -> u64 {
    let at = |column: &[u32]| u64::from(column.get(record).copied().unwrap_or(0));
    at(&columns.seconds) * 1_000_000_000 + at(&columns.nanos)
}

/// Milliseconds as nanoseconds; 0 where they are unknown or do not fit.
pub(super) fn observed_nanos(ms: i64) -> u64 {
    u64::try_from(ms)
        .ok()
        .and_then(|ms| ms.checked_mul(1_000_000))
        .unwrap_or(0)
}
