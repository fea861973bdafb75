//! How a producer writes.

use krafka::Compression as ClientCompression;
use krafka::producer::Acks as ClientAcks;
use std::time::Duration;

/// How records are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProducerSettings {
    /// Who must have a record before it counts as written.
    pub acks: Acks,
    /// Whether what the client itself sends again is written once, and in order; only with [`Acks::All`].
    pub idempotent: bool,
    /// How batches are compressed.
    pub compression: Compression,
    /// Bytes of one batch of one partition before compression, only one of which is in flight at a time; a larger
    /// record is a batch by itself.
    pub batch_bytes: usize,
    /// How long a batch waits for more records.
    pub linger: Duration,
}

/// Who must have a record before it counts as written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Acks {
    /// All in-sync replicas.
    All,
    /// The leader: what only it had is lost with it.
    Leader,
    /// Nobody: what does not arrive is lost.
    None,
}

/// How batches are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Compression {
    None,
    Gzip,
    Snappy,
    Lz4,
    Zstd,
}

impl Default for ProducerSettings {
    /// Nothing is lost or out of order; batches are of a size that topics take unless told otherwise.
    fn default() -> Self {
        ProducerSettings {
            acks: Acks::All,
            idempotent: true,
            compression: Compression::None,
            batch_bytes: 256 << 10,
            linger: Duration::from_millis(5),
        }
    }
}

impl Acks {
    pub(super) fn of_client(self) -> ClientAcks {
        match self {
            Acks::All => ClientAcks::All,
            Acks::Leader => ClientAcks::Leader,
            Acks::None => ClientAcks::None,
        }
    }
}

impl Compression {
    pub(super) fn of_client(self) -> ClientCompression {
        match self {
            Compression::None => ClientCompression::None,
            Compression::Gzip => ClientCompression::Gzip,
            Compression::Snappy => ClientCompression::Snappy,
            Compression::Lz4 => ClientCompression::Lz4,
            Compression::Zstd => ClientCompression::Zstd,
        }
    }
}
