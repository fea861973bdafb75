//! Small things that most parsers need, fast.

mod hex;
mod severity;
mod time;

pub use hex::hex;
pub use severity::severity;
pub use time::{clf, epoch, epoch_fraction, rfc3339};

#[cfg(test)]
mod tests;
