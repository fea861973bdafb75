//! Columns to OTLP protobuf, OTLP JSON, Kafka records and text for people; findings to OTLP events and Kafka records.
//!
//! Pure functions that a lane calls on its own thread: no I/O, no clock, no state between calls. They
//! promise that what they write decodes to what the columns say, field by field. They never check what a
//! plugin returned: columns have passed the answer check before they come here.

pub mod findings;
mod group;
pub mod json;
pub mod kafka;
mod nested;
pub mod otlp;
#[cfg(test)]
mod tests;
pub mod text;
mod wire;

pub use json::{JsonOptions, line};
pub use otlp::{Encoded, Limits, Logs, Select, logs};

impl Logs {
    /// Bytes of all payloads.
    pub fn bytes(&self) -> usize {
        self.payloads.iter().map(|p| p.payload.len()).sum()
    }
}
