//! Limits of durations and sizes: everything has a least and a most, and says both.

use super::Checker;
use crate::config::problem::Field;
use crate::config::units::{Size, Time};
use std::time::Duration;

/// An hour.
pub(super) const HOUR: Duration = Duration::from_secs(3600);
/// A day.
pub(super) const DAY: Duration = Duration::from_secs(24 * 3600);

impl Checker<'_> {
    /// A duration within `(least, most)`.
    pub(super) fn time(
        &mut self,
        field: Field,
        time: Time,
        (least, most): (Duration, Duration),
    ) -> Duration {
        if time.0 < least {
            let rule = format!("must be at least {}", Time(least));
            self.wrong(field, time, rule, format!("try {}", Time(least)));
            return least;
        }
        if time.0 > most {
            let rule = format!("must be at most {}", Time(most));
            self.wrong(field, time, rule, format!("try {}", Time(most)));
            return most;
        }
        time.0
    }

    /// A size within `(least, most)`.
    pub(super) fn size(&mut self, field: Field, size: Size, (least, most): (Size, Size)) -> Size {
        if size < least {
            let rule = format!("must be at least {least}");
            self.wrong(field, size, rule, format!("try {least}"));
            return least;
        }
        if size > most {
            let rule = format!("must be at most {most}");
            self.wrong(field, size, rule, format!("try {most}"));
            return most;
        }
        size
    }

    /// Reports that `small` must stay under `limit`, a value made of `large`: at the one that was
    /// written.
    pub(super) fn must_stay_under(
        &mut self,
        (small, small_value): (Field, impl ToString),
        (large, large_value): (Field, impl ToString),
        (relation, try_small): (&str, impl ToString),
    ) {
        if self.root.get(&small).is_some() || self.root.get(&large).is_none() {
            let rule = format!(
                "must be {relation} {} ({})",
                large.last(),
                large_value.to_string()
            );
            let remedy = format!("try {}, or leave it out", try_small.to_string());
            self.wrong(small, small_value, rule, remedy);
        } else {
            let rule = format!(
                "is too little: {} ({}) must be {relation} it",
                small.last(),
                small_value.to_string()
            );
            self.wrong(large, large_value, rule, "raise it, or lower the other");
        }
    }
}
