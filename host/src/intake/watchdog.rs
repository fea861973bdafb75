//! Whether reading has come to a silent stop; pure.
//!
//! The client answers an empty poll with success whatever is wrong, so liveness is judged by positions: a
//! partition that has records and does not move, a member without partitions that the group does not know.

use crate::model::Partition;
use std::collections::{HashMap, HashSet};
use std::time::Duration;

/// How long a partition may stand still although there is something to read.
pub const STALE_AFTER: Duration = Duration::from_secs(120);
/// How long a member may be without partitions before the group is asked whether it knows the member.
pub const UNASSIGNED_AFTER: Duration = Duration::from_secs(90);

/// Remembers where each partition stood, and since when.
#[derive(Debug, Default)]
pub struct Watchdog {
    seen: HashMap<Partition, Seen>,
    unassigned_since: Option<Duration>,
}

#[derive(Clone, Copy, Debug)]
struct Seen {
    position: i64,
    behind_since: Option<Duration>,
}

impl Watchdog {
    /// Takes the positions of all partitions that are not paused, and answers those that did not move:
    /// their ends are to be found out and given to [`Watchdog::stuck`].
    pub fn still(&mut self, positions: &[(Partition, i64)]) -> Vec<Partition> {
        let known: HashSet<&Partition> = positions.iter().map(|(p, _)| p).collect();
        self.seen.retain(|p, _| known.contains(p));
        let mut still = Vec::new();
        for (partition, position) in positions {
            match self.seen.get(partition) {
                Some(seen) if seen.position == *position => still.push(partition.clone()),
                _ => {
                    let seen = Seen {
                        position: *position,
                        behind_since: None,
                    };
                    self.seen.insert(partition.clone(), seen);
                }
            }
        }
        still
    }

    /// A partition that has stood behind its end for too long.
    pub fn stuck<'a>(
        &mut self,
        now: Duration,
        ends: &'a [(Partition, i64)],
    ) -> Option<&'a Partition> {
        let mut stuck = None;
        for (partition, end) in ends {
            let Some(seen) = self.seen.get_mut(partition) else {
                continue;
            };
            if *end <= seen.position {
                seen.behind_since = None;
                continue;
            }
            let since = *seen.behind_since.get_or_insert(now);
            if now.saturating_sub(since) >= STALE_AFTER {
                stuck = Some(partition);
            }
        }
        stuck
    }

    /// Takes how many partitions are assigned, paused ones too; answers whether there have been none for so
    /// long that the group is to be asked.
    pub fn is_unassigned(&mut self, now: Duration, partitions: usize) -> bool {
        if partitions > 0 {
            self.unassigned_since = None;
            return false;
        }
        let since = *self.unassigned_since.get_or_insert(now);
        now.saturating_sub(since) >= UNASSIGNED_AFTER
    }
}

#[cfg(test)]
mod tests;
