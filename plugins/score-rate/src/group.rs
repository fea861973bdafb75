//! One group: how many records it has a minute, and what is usual.

use crate::key::Part;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use tidegate_sdk::Position;

/// So many minutes must be known before one is judged; after so many unusual ones in a row they are the usual ones.
pub const MINUTES_MIN: usize = 10;
/// Records that an anomaly names as evidence.
pub const EVIDENCE_MAX: usize = 16;
/// The median absolute deviation of a normal distribution, times this, is its standard deviation.
const NORMAL: f64 = 1.4826;
/// At so many spreads from the median the score is one half.
const HALF: f64 = 2.0;

/// A group of records.
#[derive(Debug, Serialize, Deserialize)]
pub struct Group {
    pub parts: Vec<Part>,
    /// Records of the last minutes that have been judged, or would have been, had there been enough of them.
    history: VecDeque<u32>,
    /// Minutes that are not judged yet and have records.
    open: VecDeque<Minute>,
    /// From how many records on a minute has too many.
    burst_at: u32,
    /// The last minute with records.
    pub last_minute: u64,
    /// The last records of that minute, and how many have been put there.
    recent: [Position; EVIDENCE_MAX],
    recent_count: u32,
    /// Whether it is known to be silent.
    silent: bool,
    /// Unusual minutes in a row.
    streak: u32,
    /// The number of its last record in the shard.
    pub seen: u64,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Minute {
    minute: u64,
    count: u32,
    told: bool,
}

/// What is asked of a number.
#[derive(Debug, Clone, Copy)]
pub struct Rules {
    pub threshold: f64,
    pub min_count: u32,
    pub silence_min: u32,
    pub minutes: usize,
}

/// What is unusual.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Too many records.
    Burst,
    /// Too few.
    Drop,
    /// None.
    Silence,
}

/// An unusual number of records of a minute.
#[derive(Debug, Clone, PartialEq)]
pub struct Unusual {
    pub kind: Kind,
    pub minute: u64,
    /// Whether the minute is not over.
    pub so_far: bool,
    pub count: u32,
    pub usual: Usual,
    pub score: f64,
    pub threshold: f64,
    pub evidence: Vec<Position>,
}

/// What is usual.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Usual {
    pub median: f64,
    pub spread: f64,
    pub minutes: usize,
}

// === impl Group ===

impl Group {
    /// A group that had no record in so many minutes.
    pub fn new(parts: Vec<Part>, minutes: usize, rules: &Rules) -> Self {
        let mut group = Group {
            parts,
            history: std::iter::repeat_n(0, minutes.min(rules.minutes)).collect(),
            open: VecDeque::new(),
            burst_at: u32::MAX,
            last_minute: 0,
            recent: [Position(0); EVIDENCE_MAX],
            recent_count: 0,
            silent: false,
            streak: 0,
            seen: 0,
        };
        group.learn(rules);
        group
    }

    /// One more record. Whether the minute has too many now, which is told once.
    #[inline]
    pub fn add(&mut self, minute: u64, position: Position) -> bool {
        if minute > self.last_minute {
            self.last_minute = minute;
            self.recent_count = 0;
        }
        if minute == self.last_minute {
            self.recent[self.recent_count as usize % EVIDENCE_MAX] = position;
            self.recent_count = self.recent_count.saturating_add(1);
        }
        let burst_at = self.burst_at;
        let open = self.open(minute);
        open.count = open.count.saturating_add(1);
        open.count >= burst_at && !std::mem::replace(&mut open.told, true)
    }

    #[inline]
    fn open(&mut self, minute: u64) -> &mut Minute {
        // Mostly the last one.
        let mut at = self.open.len();
        while at > 0 && self.open[at - 1].minute > minute {
            at -= 1;
        }
        if at == 0 || self.open[at - 1].minute < minute {
            let open = Minute {
                minute,
                count: 0,
                told: false,
            };
            self.open.insert(at, open);
            at += 1;
        }
        &mut self.open[at - 1]
    }

    /// What is unusual about the minute so far.
    #[cold]
    pub fn burst(&mut self, minute: u64, rules: &Rules) -> Option<Unusual> {
        let count = self.open(minute).count;
        let usual = self.usual()?;
        Some(self.unusual(Kind::Burst, minute, count, usual, rules, true))
    }

    /// A minute is over that has not been seen from its beginning.
    pub fn forget(&mut self, minute: u64) {
        self.open.retain(|open| open.minute > minute);
    }

    /// A minute is over: what is unusual about it and has not been told.
    pub fn close(&mut self, minute: u64, rules: &Rules) -> Option<Unusual> {
        let mut closed = None;
        while self.open.front().is_some_and(|open| open.minute <= minute) {
            closed = self.open.pop_front();
        }
        let (count, told) = closed.map_or((0, false), |open| (open.count, open.told));
        let kind = self.kind(count, rules);
        let unusual = kind.filter(|_| !told).and_then(|(kind, usual)| {
            let again = kind == Kind::Silence && self.silent;
            (!again).then(|| self.unusual(kind, minute, count, usual, rules, false))
        });
        let kind = kind.map(|(kind, _)| kind);
        self.silent = kind == Some(Kind::Silence) || self.silent && count == 0;
        let is_level = told || matches!(kind, Some(Kind::Burst | Kind::Drop));
        self.streak = if is_level { self.streak + 1 } else { 0 };
        self.history.push_back(count);
        // What has been unusual for so long is usual.
        let known = if self.streak as usize >= MINUTES_MIN {
            self.streak = 0;
            MINUTES_MIN
        } else {
            rules.minutes
        };
        while self.history.len() > known {
            self.history.pop_front();
        }
        self.learn(rules);
        unusual
    }

    fn kind(&self, count: u32, rules: &Rules) -> Option<(Kind, Usual)> {
        let usual = self.usual()?;
        let expected = usual.median >= f64::from(rules.silence_min);
        let kind = if count >= self.burst_at {
            Kind::Burst
        } else if count == 0 && expected {
            Kind::Silence
        } else if expected && usual.deviation(count) <= -needed(rules.threshold) {
            Kind::Drop
        } else {
            return None;
        };
        Some((kind, usual))
    }

    fn unusual(
        &self,
        kind: Kind,
        minute: u64,
        count: u32,
        usual: Usual,
        rules: &Rules,
        so_far: bool,
    ) -> Unusual {
        let (score, threshold) = match kind {
            // Three quarters for the smallest group that is told of.
            Kind::Silence => {
                let half = f64::from(rules.silence_min) / 3.0;
                (usual.median / (usual.median + half), 0.75)
            }
            Kind::Burst | Kind::Drop => {
                let z = usual.deviation(count).abs();
                (z / (z + HALF), rules.threshold)
            }
        };
        Unusual {
            kind,
            minute,
            so_far,
            count,
            usual,
            score,
            threshold,
            evidence: if minute == self.last_minute || kind == Kind::Silence {
                self.recent()
            } else {
                Vec::new()
            },
        }
    }

    /// The last records of the last minute that has any, in their order.
    fn recent(&self) -> Vec<Position> {
        let count = self.recent_count as usize;
        let first = count.saturating_sub(EVIDENCE_MAX);
        (first..count)
            .map(|number| self.recent[number % EVIDENCE_MAX])
            .collect()
    }

    /// What is usual, where enough is known.
    fn usual(&self) -> Option<Usual> {
        if self.history.len() < MINUTES_MIN {
            return None;
        }
        let mut values: Vec<f64> = self.history.iter().map(|count| f64::from(*count)).collect();
        let middle = median(&mut values);
        for value in &mut values {
            *value = (*value - middle).abs();
        }
        // Records that come by chance deviate by the root of their number, whatever the last minutes were.
        let spread = (NORMAL * median(&mut values)).max(middle.sqrt()).max(1.0);
        Some(Usual {
            median: middle,
            spread,
            minutes: self.history.len(),
        })
    }

    fn learn(&mut self, rules: &Rules) {
        self.burst_at = self.usual().map_or(u32::MAX, |usual| {
            let least = usual.median + usual.spread * needed(rules.threshold);
            rules.min_count.max(least.ceil() as u32)
        });
    }
}

/// So many spreads are needed for a score.
fn needed(score: f64) -> f64 {
    HALF * score / (1.0 - score)
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    let half = values.len() / 2;
    if values.len().is_multiple_of(2) {
        f64::midpoint(values[half - 1], values[half])
    } else {
        values[half]
    }
}

// === impl Usual ===

impl Usual {
    /// By how many spreads a number deviates.
    fn deviation(&self, count: u32) -> f64 {
        (f64::from(count) - self.median) / self.spread
    }
}
