//! Plain data that the stages hand to each other; no I/O, no clock, and nothing else of this crate.
//!
//! One type a point of the journey:
//!
//! ```text
//! RawRecords ──► RawBatch ──► Chunk ──► Outcome
//! (as polled)    (to a lane)  (after the    (bytes    (to settle)
//!                              plugins)      to send)
//! ```
//!
//! From `RawBatch` on, each form carries a [`Leg`]: the batch's hold on its receipt. Stages pass legs
//! on and never read the receipt; when the last leg of a batch is gone, one [`Outcome`] goes through
//! the [`Door`] to settle. A leg that is dropped without having been closed means *not delivered*.

mod batch;
mod columns;
mod facts;
mod finding;
mod outcome;
mod raw;
mod receipt;
mod snapshot;
#[cfg(test)]
pub mod testing;

pub use batch::{Beginning, Chunk, Message, Purpose, RawBatch, Work};
pub use columns::{Columns, Kind, RESOURCE, TRACE_BYTES, bits, halves};
pub use facts::{Fact, Facts};
pub use finding::{Finding, FindingKind, Level, rfc3339, shortest};
pub use outcome::{DeadReason, Door, End, Fates, Leg, Outcome};
pub use raw::{RawRecord, RawRecords, Span};
pub use receipt::{Gauge, Generation, Held, Partition, Receipt};
pub use snapshot::{Snapshot, SnapshotError, StageMemory};
