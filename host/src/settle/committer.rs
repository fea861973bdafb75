//! What settle asks of whoever can commit.

use crate::model::Partition;
use std::future::Future;

/// Commits offsets of the consumer group. The Kafka consumer is one.
pub trait Committer: Send + Sync + 'static {
    /// Commits, for each partition, the offset of the next record to read. Settle calls it with partitions
    /// of live generations only, one call at a time, and drops the future after
    /// [`COMMIT_LIMIT`](super::COMMIT_LIMIT): what it did by then may or may not hold.
    ///
    /// An error means that none may be counted on; the same offsets, or later ones, come again.
    fn commit(
        &self,
        offsets: Vec<(Partition, i64)>,
    ) -> impl Future<Output = Result<(), CommitError>> + Send;
}

/// A commit that failed. It is tried again at the next tick, whatever the reason: when the partition is
/// somebody else's by then, its generation has ended and it is not in the next commit.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct CommitError(pub String);
