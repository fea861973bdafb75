//! Records as polled: lent for as long as the poll's answer lives, because each one pins the whole fetch
//! response that it came in.

use crate::model::{Partition, RawRecord};
use krafka::consumer::ConsumerRecord;

/// What one poll brought.
#[derive(Debug, Default)]
pub struct Polled(pub(super) Vec<ConsumerRecord>);

/// Neighbours of one partition, in the order of their offsets; never empty.
#[derive(Clone, Copy, Debug)]
pub struct Run<'a>(&'a [ConsumerRecord]);

/// One record.
#[derive(Clone, Copy, Debug)]
pub struct RecordRef<'a>(&'a ConsumerRecord);

impl Polled {
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The records, partition by partition.
    pub fn runs(&self) -> impl Iterator<Item = Run<'_>> {
        let same = |a: &ConsumerRecord, b: &ConsumerRecord| {
            a.partition == b.partition && a.topic == b.topic
        };
        self.0.chunk_by(same).map(Run)
    }
}

impl<'a> Run<'a> {
    /// The partition that they are of; none never happens.
    pub fn partition(&self) -> Option<Partition> {
        let first = self.0.first()?;
        Some(Partition::new(first.topic.clone(), first.partition))
    }

    /// The records.
    pub fn records(&self) -> impl Iterator<Item = RecordRef<'a>> {
        self.0.iter().map(RecordRef)
    }
}

impl<'a> RecordRef<'a> {
    /// Everything but the headers.
    pub fn raw(&self) -> RawRecord<'a> {
        RawRecord {
            offset: self.0.offset,
            timestamp_ms: self.0.timestamp,
            key: self.0.key.as_deref(),
            value: self.0.value.as_deref(),
        }
    }

    /// The headers in their order: name and value.
    pub fn headers(&self) -> impl Iterator<Item = (&'a str, Option<&'a [u8]>)> + Clone + use<'a> {
        self.0
            .headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_deref()))
    }
}
