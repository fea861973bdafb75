//! The forms of a batch on its way.

use super::Leg;
use bytes::Bytes;

/// A batch on its way to a lane: its records are [`Leg::raw`].
#[derive(Debug)]
pub struct RawBatch {
    /// The batch's hold on its receipt.
    pub leg: Leg,
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
