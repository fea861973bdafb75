//! What the gateway knows of a raw record, as attributes with OpenTelemetry's messaging names.
//!
//! Source of the names: OpenTelemetry semantic conventions, messaging and Kafka.

use super::{Columns, Kind, RawRecords, halves};
use std::collections::HashMap;
use std::sync::Arc;

/// One thing that Kafka tells of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fact {
    /// `messaging.destination.name`, text.
    Topic,
    /// `messaging.destination.partition.id`, text as the conventions have it.
    Partition,
    /// `messaging.kafka.offset`, integer.
    Offset,
    /// `messaging.kafka.timestamp`, integer, Unix milliseconds.
    Timestamp,
    /// `messaging.kafka.message.key`, text, or bytes where it is not UTF-8.
    Key,
    /// `messaging.kafka.header.NAME` for each header, text, or bytes where it is not UTF-8.
    Headers,
    /// `messaging.message.body.size`, integer, bytes of the value.
    Size,
    /// `messaging.consumer.group.name`, text.
    ConsumerGroup,
}

/// Turns raw records into the columns that the first plugin gets.
#[derive(Clone, Debug)]
pub struct Facts {
    /// Which facts become attributes, in this order, each once.
    pub wanted: Vec<Fact>,
    /// The consumer group's name.
    pub group: Arc<str>,
}

impl Facts {
    /// The raw records as columns: the body is the value, the time is Kafka's, the attributes are the
    /// wanted facts.
    pub fn columns(&self, raw: &RawRecords) -> Columns {
        let mut c = Columns {
            text: raw.bytes.clone(),
            ..Columns::default()
        };
        let names = Names::write(&mut c.text, self, raw);
        for record in 0..raw.len() {
            push_record(&mut c, raw, record);
            for (fact, name) in &names.constant {
                push_fact(&mut c, *fact, *name, &names, raw, record);
            }
            c.attribute_end.push(c.kind.len() as u32);
        }
        c
    }
}

/// Spans of what is the same for every record of the batch, written once.
struct Names {
    constant: Vec<(Fact, [u32; 2])>,
    topic: [u32; 2],
    partition: [u32; 2],
    group: [u32; 2],
}

impl Names {
    fn write(text: &mut Vec<u8>, facts: &Facts, raw: &RawRecords) -> Names {
        let mut put = |s: &str| {
            let start = text.len() as u32;
            text.extend_from_slice(s.as_bytes());
            [start, s.len() as u32]
        };
        Names {
            constant: facts.wanted.iter().map(|f| (*f, put(name(*f)))).collect(),
            topic: put(&raw.partition.topic),
            partition: put(&raw.partition.index.to_string()),
            group: put(&facts.group),
        }
    }
}

fn name(fact: Fact) -> &'static str {
    match fact {
        Fact::Topic => "messaging.destination.name",
        Fact::Partition => "messaging.destination.partition.id",
        Fact::Offset => "messaging.kafka.offset",
        Fact::Timestamp => "messaging.kafka.timestamp",
        Fact::Key => "messaging.kafka.message.key",
        Fact::Headers => "messaging.kafka.header.",
        Fact::Size => "messaging.message.body.size",
        Fact::ConsumerGroup => "messaging.consumer.group.name",
    }
}

fn push_record(c: &mut Columns, raw: &RawRecords, record: usize) {
    let ms = raw
        .timestamp_ms
        .get(record)
        .copied()
        .filter(|t| *t > 0)
        .unwrap_or(0) as u64;
    // A time that does not fit is unknown rather than wrong.
    let (seconds, nanos) = match u32::try_from(ms / 1000) {
        Ok(s) => (s, (ms % 1000) as u32 * 1_000_000),
        Err(_) => (0, 0),
    };
    c.seconds.push(seconds);
    c.nanos.push(nanos);
    c.severity.push(0);
    let (kind, span) = match raw.value.get(record).copied().flatten() {
        Some(s) => (text_or_bytes(raw.slice(s)), [s.start, s.length]),
        None => (Kind::Null, [0, 0]),
    };
    c.body.extend_from_slice(&span);
    if kind != Kind::Text || !c.body_kind.is_empty() {
        c.body_kind.resize(record, Kind::Text as u8);
        c.body_kind.push(kind as u8);
    }
}

fn text_or_bytes(bytes: &[u8]) -> Kind {
    if std::str::from_utf8(bytes).is_ok() {
        Kind::Text
    } else {
        Kind::Bytes
    }
}

fn push_fact(
    c: &mut Columns,
    fact: Fact,
    name: [u32; 2],
    names: &Names,
    raw: &RawRecords,
    record: usize,
) {
    let integer = |v: i64| (Kind::Integer, halves(v as u64));
    let value = match fact {
        Fact::Topic => (Kind::Text, names.topic),
        Fact::Partition => (Kind::Text, names.partition),
        Fact::ConsumerGroup => (Kind::Text, names.group),
        Fact::Offset => integer(raw.offset.get(record).copied().unwrap_or(-1)),
        Fact::Timestamp => integer(raw.timestamp_ms.get(record).copied().unwrap_or(-1)),
        Fact::Size => integer(raw.value(record).map_or(0, <[u8]>::len) as i64),
        Fact::Key => match raw.key.get(record).copied().flatten() {
            Some(k) => (text_or_bytes(raw.slice(k)), [k.start, k.length]),
            None => return,
        },
        Fact::Headers => return push_headers(c, raw, record),
    };
    push(c, name, value);
}

fn push(c: &mut Columns, key: [u32; 2], (kind, value): (Kind, [u32; 2])) {
    c.key.extend_from_slice(&key);
    c.kind.push(kind as u8);
    c.value.extend_from_slice(&value);
}

/// A record has each attribute once, so of several headers of one name the last one wins; a name that is
/// not UTF-8 is left out.
fn push_headers(c: &mut Columns, raw: &RawRecords, record: usize) {
    let headers: Vec<_> = raw.headers(record).collect();
    let each = headers.iter().enumerate();
    let last: HashMap<&[u8], usize> = each.map(|(i, (header, _))| (*header, i)).collect();
    for (i, (header, value)) in headers.iter().enumerate() {
        if last.get(header) != Some(&i) || std::str::from_utf8(header).is_err() {
            continue;
        }
        let start = c.text.len() as u32;
        c.text.extend_from_slice(name(Fact::Headers).as_bytes());
        c.text.extend_from_slice(header);
        let key = [start, c.text.len() as u32 - start];
        let value = value.map_or((Kind::Null, [0, 0]), |v| {
            let start = c.text.len() as u32;
            c.text.extend_from_slice(v);
            (text_or_bytes(v), [start, v.len() as u32])
        });
        push(c, key, value);
    }
}
