//! What the gateway says of itself: a log for people, metrics for machines, conditions for orchestrators.
//!
//! It owns no task. Counters are updated without a lock; the admin endpoint reads them. It never decides
//! anything: stages report, somebody else looks.

mod log;
pub mod metrics;
mod process;
mod readiness;
mod registry;
mod tables;

pub use log::{Format, LOG_VARIABLE, LogError, init};
pub use readiness::{Condition, Readiness};
pub use registry::Registry;
