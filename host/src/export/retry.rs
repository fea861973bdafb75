//! When to try again; pure: time and chance are given.

use super::RetrySettings;
use std::time::Duration;

/// The pauses of one request: exponential, with jitter.
#[derive(Clone, Debug)]
pub struct Backoff {
    settings: RetrySettings,
    // The next pause before jitter.
    pause: Duration,
}

impl Backoff {
    /// As if nothing had failed yet. Settings out of range are taken as the nearest that make sense.
    pub fn new(settings: RetrySettings) -> Self {
        let initial = settings.initial.min(settings.max);
        Backoff {
            settings,
            pause: initial,
        }
    }

    /// The next pause. `random` is between 0 and 1; `at_least` is what the output asked for.
    pub fn next(&mut self, random: f64, at_least: Option<Duration>) -> Duration {
        let jitter = within_one(self.settings.jitter);
        let factor = 1.0 - jitter + jitter * within_one(random);
        let pause = scaled(self.pause, factor, self.settings.max);
        let multiplier = self.settings.multiplier.max(1.0);
        self.pause = scaled(self.pause, multiplier, self.settings.max);
        pause.max(at_least.unwrap_or_default())
    }

    /// An attempt succeeded: the next pause is the first again.
    pub fn reset(&mut self) {
        *self = Backoff::new(self.settings);
    }
}

fn within_one(value: f64) -> f64 {
    if value.is_nan() {
        0.0
    } else {
        value.clamp(0.0, 1.0)
    }
}

/// What is no duration, because it is too long, counts as `most`.
fn scaled(pause: Duration, factor: f64, most: Duration) -> Duration {
    let seconds = pause.as_secs_f64() * factor;
    Duration::try_from_secs_f64(seconds).map_or(most, |pause| pause.min(most))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn settings() -> impl Strategy<Value = RetrySettings> {
        let ms = |most: u64| (0..most).prop_map(Duration::from_millis);
        (ms(5_000), ms(60_000), 1.0..5.0f64, 0.0..=1.0f64).prop_map(
            |(initial, max, multiplier, jitter)| RetrySettings {
                initial,
                max,
                multiplier,
                jitter,
            },
        )
    }

    proptest! {
        /// *Scenario:* a request fails again and again. *Guarantees:* each pause lies between the exponential
        /// pause less its jitter and that pause, and never passes the longest.
        #[test]
        fn pauses_follow_the_schedule(
            settings in settings(),
            random in proptest::collection::vec(0.0..1.0f64, 1..20),
        ) {
            let mut backoff = Backoff::new(settings);
            for (attempt, random) in random.into_iter().enumerate() {
                let pause = backoff.next(random, None).as_secs_f64();
                let full = settings.initial.as_secs_f64() * settings.multiplier.powi(attempt as i32);
                let full = full.min(settings.max.as_secs_f64());
                let slack = 1e-6 * (attempt + 1) as f64;
                prop_assert!(pause <= full + slack);
                prop_assert!(pause >= full * (1.0 - settings.jitter) - slack);
            }
        }

        /// *Scenario:* the output says when to come back. *Guarantees:* no attempt is earlier.
        #[test]
        fn what_the_output_asks_for_is_the_least(settings in settings(), ms in 0..600_000u64) {
            let asked = Duration::from_millis(ms);
            let mut backoff = Backoff::new(settings);
            prop_assert!(backoff.next(0.0, Some(asked)) >= asked);
        }

        /// *Scenario:* an attempt succeeds. *Guarantees:* the schedule begins again.
        #[test]
        fn success_begins_again(settings in settings(), failures in 0..20usize) {
            let mut backoff = Backoff::new(settings);
            for _ in 0..failures {
                backoff.next(0.5, None);
            }
            backoff.reset();
            prop_assert_eq!(backoff.next(0.5, None), Backoff::new(settings).next(0.5, None));
        }

        /// *Scenario:* settings and chance that make no sense. *Guarantees:* a pause, not a panic.
        #[test]
        fn nonsense_is_a_pause(multiplier: f64, jitter: f64, random: f64) {
            let settings = RetrySettings {
                initial: Duration::from_secs(1),
                max: Duration::MAX,
                multiplier,
                jitter,
            };
            let mut backoff = Backoff::new(settings);
            for _ in 0..100 {
                backoff.next(random, None);
            }
        }
    }
}
