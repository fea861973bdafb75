//! Whether reading goes well, for readiness.
//!
//! Owned by the poll loop. Promises: not ready until partitions are read (or the group has none for this member);
//! trouble that passes within [`TROUBLE_LIMIT`] changes nothing.

use crate::telemetry::Condition;
use std::time::Duration;
use tokio::time::Instant;

/// How long trouble may last before a pipeline that did read is not ready.
const TROUBLE_LIMIT: Duration = Duration::from_secs(10);

/// How reading goes.
#[derive(Debug)]
pub(super) struct Standing {
    condition: Condition,
    is_ready: bool,
    troubled_since: Option<Instant>,
}

impl Standing {
    pub(super) fn new(condition: Condition) -> Standing {
        Standing {
            condition,
            is_ready: false,
            troubled_since: None,
        }
    }

    /// Records come, or would if there were any.
    pub(super) fn well(&mut self) {
        self.troubled_since = None;
        self.is_ready = true;
        self.condition.ready();
    }

    /// They would not.
    pub(super) fn trouble(&mut self, reason: &str) {
        let since = *self.troubled_since.get_or_insert_with(Instant::now);
        if !self.is_ready || since.elapsed() >= TROUBLE_LIMIT {
            self.is_ready = false;
            self.condition.not_ready(reason);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::Readiness;

    /// *Scenario:* reading begins with trouble, goes well, has trouble for a moment, then for long, then goes well.
    /// *Guarantees:* not ready with the reason until it goes well; a moment changes nothing; long trouble does,
    /// until it goes well again.
    #[tokio::test(start_paused = true)]
    async fn only_lasting_trouble_is_told() {
        let readiness = Readiness::default();
        let mut standing = Standing::new(readiness.condition("kafka of shop"));
        let reasons = || -> Vec<String> {
            let reasons = readiness.reasons().into_iter();
            reasons.map(|(_, reason)| reason).collect()
        };
        standing.trouble("no broker answers");
        assert_eq!(reasons(), ["no broker answers"]);
        standing.well();
        standing.trouble("a moment");
        tokio::time::advance(TROUBLE_LIMIT / 2).await;
        standing.well();
        standing.trouble("long");
        tokio::time::advance(TROUBLE_LIMIT / 2).await;
        standing.trouble("long");
        assert!(reasons().is_empty());
        tokio::time::advance(TROUBLE_LIMIT / 2).await;
        standing.trouble("long");
        assert_eq!(reasons(), ["long"]);
        standing.well();
        assert!(reasons().is_empty());
    }
}
