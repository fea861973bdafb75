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
    },
}

/// Encoded records of one batch for one output: what requests are made of.
#[derive(Debug)]
pub struct Chunk {
    /// A hold on the batch's receipt, for this output and these records.
    pub leg: Leg,
    /// The encoded records. Payloads of several chunks, one after the other, are one valid request.
    pub payload: Bytes,
    /// The input of each record, in the order of the payload.
    pub inputs: Vec<u32>,
}
