//! The forms of a batch on its way.

use super::{Columns, Leg};
use bytes::Bytes;

/// A batch on its way to a lane: its records are [`Leg::raw`].
#[derive(Debug)]
pub struct RawBatch {
    /// The batch's hold on its receipt.
    pub leg: Leg,
}

/// A batch after the plugins.
#[derive(Debug)]
pub struct Processed {
    /// The batch's hold on its receipt.
    pub leg: Leg,
    /// The records that came out.
    pub columns: Columns,
    /// A record: the input record that it came from, as its number in the batch; never decreases.
    pub input: Vec<u32>,
    /// A record: 0 for the usual outputs, else 1 + the number of the pipeline's route; or empty where
    /// no record is routed.
    pub route: Vec<u32>,
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
