//! What is remembered of a shard, and its clock.
//!
//! Minutes are those of the records' own times. The clock that says when a minute is over is the latest of these times;
//! while nothing comes it goes on as the gateway's clock of the shard does. So what is raised depends on the records, and on
//! deadlines, not on when somebody looked.

use crate::groups::Groups;
use serde::{Deserialize, Serialize};

/// Milliseconds of a minute.
pub const MINUTE_MS: u64 = 60_000;
/// A record from further in the future than this has a clock that is wrong: it is counted when it came.
const AHEAD_MS_MAX: u64 = 60_000;

/// What is remembered of a shard.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Shard {
    /// The groups.
    pub groups: Groups,
    /// The first minute that is not judged; 0 before the first record.
    pub open_from: u64,
    /// The first minute that has been seen from its beginning.
    pub full_from: u64,
    /// Up to this minute what is not among the groups may have been.
    crowded_until: u64,
    /// How many records have been counted.
    pub records: u64,
    /// Records that came after their minute was judged, since that was last told.
    pub late: u64,
    /// The latest time of a record, and what the gateway's clock said when the last one came; in Unix milliseconds.
    latest: u64,
    came: u64,
}

impl Shard {
    /// The time of a record that came now; where it says none, or one that cannot be, that is when it came.
    #[inline]
    pub fn time_of(&self, time: Option<u64>, now: u64) -> u64 {
        time.filter(|time| *time <= now.saturating_add(AHEAD_MS_MAX))
            .unwrap_or(now)
    }

    /// A record of this time came now. Up to which minute, and without it, all are over, where that is news.
    #[inline]
    pub fn seen(&mut self, time: u64, now: u64, lateness: u64) -> Option<u64> {
        self.came = now;
        if self.latest == 0 {
            self.open_from = time / MINUTE_MS;
            self.full_from = self.open_from + 1;
        }
        self.latest = self.latest.max(time);
        self.due(self.latest, lateness)
    }

    /// Nothing has come, and the gateway's clock says this.
    pub fn tick(&self, now: u64, lateness: u64) -> Option<u64> {
        if self.latest == 0 {
            return None;
        }
        let time = self.latest.saturating_add(now.saturating_sub(self.came));
        self.due(time, lateness)
    }

    #[inline]
    fn due(&self, time: u64, lateness: u64) -> Option<u64> {
        // Divided only where a minute is over.
        if time
            < (self.open_from + 1)
                .saturating_mul(MINUTE_MS)
                .saturating_add(lateness)
        {
            return None;
        }
        Some((time - lateness) / MINUTE_MS)
    }

    /// For how many minutes a group that is not known has had no record, as far as that is known.
    pub fn minutes_known(&self, most: usize) -> usize {
        let from = self.full_from.max(self.crowded_until);
        most.min(self.open_from.saturating_sub(from) as usize)
    }

    /// Groups had to go: what is not among them may have been, for some minutes to come.
    pub fn crowded(&mut self, minutes: usize) {
        self.crowded_until = self.open_from.saturating_add(minutes as u64);
    }
}
