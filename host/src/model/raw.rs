//! Records as Kafka gave them, kept until their batch is settled: a dead letter needs every byte.

use super::Partition;

/// A start and a length in bytes within [`RawRecords::bytes`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// The byte where it starts.
    pub start: u32,
    /// Its length in bytes.
    pub length: u32,
}

/// Records of one partition, in the order of their offsets. Values, keys and headers are copied into one
/// buffer, because a slice of the client's buffers would keep a whole fetch response alive.
#[derive(Clone, Debug)]
pub struct RawRecords {
    /// Where they come from.
    pub partition: Partition,
    /// All values, keys, header names and header values, one after the other.
    pub bytes: Vec<u8>,
    /// A record: its offset.
    pub offset: Vec<i64>,
    /// A record: Kafka's timestamp in Unix milliseconds, -1 where there is none.
    pub timestamp_ms: Vec<i64>,
    /// A record: its value; null is not empty.
    pub value: Vec<Option<Span>>,
    /// A record: its key; null is not empty.
    pub key: Vec<Option<Span>>,
    /// A record: where its headers end.
    pub header_end: Vec<u32>,
    /// A header: its name.
    pub header_name: Vec<Span>,
    /// A header: its value; null is not empty.
    pub header_value: Vec<Option<Span>>,
}

/// One record to be added.
#[derive(Clone, Copy, Debug)]
pub struct RawRecord<'a> {
    /// Its offset.
    pub offset: i64,
    /// Kafka's timestamp in Unix milliseconds, -1 where there is none.
    pub timestamp_ms: i64,
    /// Its key.
    pub key: Option<&'a [u8]>,
    /// Its value.
    pub value: Option<&'a [u8]>,
}

impl RawRecords {
    /// None yet.
    pub fn new(partition: Partition) -> Self {
        RawRecords {
            partition,
            bytes: Vec::new(),
            offset: Vec::new(),
            timestamp_ms: Vec::new(),
            value: Vec::new(),
            key: Vec::new(),
            header_end: Vec::new(),
            header_name: Vec::new(),
            header_value: Vec::new(),
        }
    }

    /// How many records there are.
    pub fn len(&self) -> usize {
        self.offset.len()
    }

    /// Whether there is no record.
    pub fn is_empty(&self) -> bool {
        self.offset.is_empty()
    }

    /// Copies a record in. The batcher bounds the sum of all bytes far below 4 GiB.
    pub fn push<'h>(
        &mut self,
        record: RawRecord<'_>,
        headers: impl IntoIterator<Item = (&'h str, Option<&'h [u8]>)>,
    ) {
        self.offset.push(record.offset);
        self.timestamp_ms.push(record.timestamp_ms);
        let value = record.value.map(|v| self.copy(v));
        self.value.push(value);
        let key = record.key.map(|k| self.copy(k));
        self.key.push(key);
        for (name, value) in headers {
            let name = self.copy(name.as_bytes());
            self.header_name.push(name);
            let value = value.map(|v| self.copy(v));
            self.header_value.push(value);
        }
        self.header_end.push(self.header_name.len() as u32);
    }

    fn copy(&mut self, bytes: &[u8]) -> Span {
        let start = self.bytes.len() as u32;
        self.bytes.extend_from_slice(bytes);
        Span {
            start,
            length: bytes.len() as u32,
        }
    }

    /// The bytes of a span; empty where it lies outside.
    pub fn slice(&self, span: Span) -> &[u8] {
        let start = span.start as usize;
        self.bytes
            .get(start..start + span.length as usize)
            .unwrap_or(&[])
    }

    /// The value of a record; none where it is null or there is no such record.
    pub fn value(&self, record: usize) -> Option<&[u8]> {
        self.value
            .get(record)
            .copied()
            .flatten()
            .map(|s| self.slice(s))
    }

    /// The key of a record; none where it is null or there is no such record.
    pub fn key(&self, record: usize) -> Option<&[u8]> {
        self.key
            .get(record)
            .copied()
            .flatten()
            .map(|s| self.slice(s))
    }

    /// The headers of a record in their order: name and value.
    pub fn headers(&self, record: usize) -> impl Iterator<Item = (&[u8], Option<&[u8]>)> {
        let end = |i: usize| self.header_end.get(i).map_or(0, |e| *e as usize);
        let from = if record == 0 { 0 } else { end(record - 1) };
        (from..end(record)).filter_map(|h| {
            let name = self.slice(*self.header_name.get(h)?);
            Some((name, self.header_value.get(h)?.map(|s| self.slice(s))))
        })
    }

    /// Bytes that it keeps in memory, near enough: what the pressure gauge counts.
    pub fn weight(&self) -> usize {
        const COLUMNS_A_RECORD: usize = 64;
        const COLUMNS_A_HEADER: usize = 24;
        self.bytes.len() + self.len() * COLUMNS_A_RECORD + self.header_name.len() * COLUMNS_A_HEADER
    }
}
