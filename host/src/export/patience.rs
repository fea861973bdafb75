//! How a request waits between attempts, and what its output's health hears of it.

use super::RetrySettings;
use super::health::{Health, Trouble};
use super::retry::Backoff;
use std::time::Duration;

/// How often a request that waits looks whether anybody still waits for it.
const CANCEL_CHECK_INTERVAL: Duration = Duration::from_secs(1);

/// Of one request.
#[derive(Debug)]
pub(super) struct Patience {
    backoff: Backoff,
    trouble: Option<Trouble>,
}

impl Patience {
    pub(super) fn new(settings: RetrySettings) -> Self {
        Patience {
            backoff: Backoff::new(settings),
            trouble: None,
        }
    }

    /// The output has taken something.
    pub(super) fn well(&mut self) {
        self.trouble = None;
        self.backoff.reset();
    }

    /// Waits until the next attempt is due, or nobody waits for it any more. `trouble` is whether the output is
    /// wrong, else it is away; and its words.
    pub(super) async fn pause(
        &mut self,
        health: &Health,
        (is_wrong, words): (bool, &str),
        after: Option<Duration>,
        is_wanted: impl Fn() -> bool,
    ) {
        if self
            .trouble
            .as_ref()
            .is_none_or(|t| t.is_wrong() != is_wrong)
        {
            // The new trouble begins before the old one ends, so that the output is not well in between.
            self.trouble = Some(health.trouble(is_wrong, words));
        }
        let mut left = self.backoff.next(fastrand::f64(), after);
        while !left.is_zero() && is_wanted() {
            let slice = left.min(CANCEL_CHECK_INTERVAL);
            tokio::time::sleep(slice).await;
            left -= slice;
        }
    }
}
