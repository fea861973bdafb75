//! The forms of a batch on its way.

use super::{Generation, Leg, Partition, Snapshot};
use bytes::Bytes;

/// What a lane is given, in the order in which it is to be done.
#[derive(Debug)]
pub enum Work {
    /// A batch.
    Batch(RawBatch),
    /// A generation begins; its batches follow.
    Begin(Box<Beginning>),
    /// What is remembered of a partition is to be saved: it leaves.
    Save(Partition),
    /// The partition has gone elsewhere.
    Forget(Partition),
}

/// The beginning of a generation, for those who remember.
#[derive(Debug)]
pub struct Beginning {
    /// The partition.
    pub partition: Partition,
    /// Its generation.
    pub generation: Generation,
    /// Where reading begins: what the memory has not seen.
    pub offset: i64,
    /// What was kept of it; none: it begins with nothing.
    pub memory: Option<Snapshot>,
}

/// A batch on its way to a lane: its records are [`Leg::raw`].
#[derive(Debug)]
pub struct RawBatch {
    /// The batch's hold on its receipt.
    pub leg: Leg,
    /// What it is for.
    pub purpose: Purpose,
}

/// What a lane does with a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Its records and what is raised about them go to the outputs.
    Deliver,
    /// They were delivered before: plugins see them again for what they remember, and all else is thrown away.
    Remember,
    /// It has no records: time goes by for its partition, whose clock is moved to this, in Unix milliseconds.
    Tick {
        /// Wall time, with some delay.
        now_ms: u64,
        /// Its place: all before it has been seen.
        position: i64,
    },
}

/// Encoded items of one batch for one output: what requests are made of. The payload is of the output's kind: OTLP
/// has bytes, and payloads of several chunks, one after the other, are one valid request; Kafka has [`Message`]s.
#[derive(Debug)]
pub struct Chunk<P = Bytes> {
    /// A hold on the batch's receipt, for this output and these items.
    pub leg: Leg,
    /// The encoded items.
    pub payload: P,
    /// The number of each item, in the order of the payload. The item of a record has the number of its input in the
    /// batch; the item of an alert or anomaly has the number of raw records plus its place among those that the
    /// batch's plugins raised.
    pub inputs: Vec<u32>,
}

/// One item as a Kafka record; topic and headers are the output's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Its key; none spreads over partitions.
    pub key: Option<Bytes>,
    /// Its value.
    pub value: Bytes,
    /// Unix milliseconds; none: the time of sending.
    pub timestamp_ms: Option<i64>,
}

impl Message {
    /// Bytes of key and value.
    pub fn bytes(&self) -> usize {
        self.value.len() + self.key.as_ref().map_or(0, Bytes::len)
    }
}
