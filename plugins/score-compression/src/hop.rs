//! The records that are judged together, and what is usual.

use crate::window::Cost;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use tidegate_sdk::Position;

/// Records that an anomaly names as evidence.
pub const EVIDENCE_MAX: usize = 16;
/// Of so many last hops the median is what is usual.
pub const USUAL_HOPS: usize = 15;
/// Characters of the worst record that an anomaly shows.
pub const EXCERPT_CHARS_MAX: usize = 120;

/// The hop so far.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Hop {
    /// How many records there are.
    pub records: u32,
    /// How many records are its window.
    pub window: u32,
    /// Bytes of their normalised text.
    pub bytes: u32,
    /// Bytes that they cost given the window.
    pub given: u32,
    /// Bytes that they cost alone.
    pub alone: u32,
    // Those that are worst, in the order in which they came.
    worst: Vec<(u32, Position)>,
    // How bad a record must be to be one of them.
    least: u32,
    // The very worst.
    most: u32,
    excerpt: String,
}

/// What the last hops were.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Past(VecDeque<Was>);

/// What a hop was.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Was {
    /// Its score, in ten thousandths.
    score: u32,
    /// What a record cost given the window, in hundredths of a byte.
    cost: u32,
}

/// What is usual, by the last hops: the median, and the median of how far they were from it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Usual {
    /// The middle one, the upper where there are two.
    pub median: f64,
    /// How far from it the middle one is.
    pub spread: f64,
}

// === impl Hop ===

impl Hop {
    /// A hop with so many records before it.
    pub fn new(window: usize) -> Self {
        Hop {
            window: window as u32,
            ..Hop::default()
        }
    }

    /// One more record. `text` is asked for it where it is the worst so far.
    #[inline]
    pub fn add<'t>(&mut self, position: Position, cost: Cost, text: impl FnOnce() -> &'t [u8]) {
        self.records += 1;
        self.bytes += cost.bytes;
        self.given += cost.given;
        self.alone += cost.alone;
        // What is new, by how much of the record it is: neither a long record that is mostly known nor a short one.
        let badness = cost.given * cost.given / cost.bytes.max(1);
        if badness > self.least || self.worst.len() < EVIDENCE_MAX {
            self.add_worst(badness, position);
            if badness > self.most {
                self.most = badness;
                let text = String::from_utf8_lossy(text());
                self.excerpt = text.chars().take(EXCERPT_CHARS_MAX).collect();
            }
        }
    }

    #[inline(never)]
    fn add_worst(&mut self, badness: u32, position: Position) {
        if self.worst.len() >= EVIDENCE_MAX {
            // Of equal ones the last to come goes.
            let least = (0..self.worst.len())
                .rev()
                .min_by_key(|at| self.worst[*at].0);
            self.worst.remove(least.unwrap_or(0));
        }
        self.worst.push((badness, position));
        if self.worst.len() >= EVIDENCE_MAX {
            self.least = self.worst.iter().map(|worst| worst.0).min().unwrap_or(0);
        }
    }

    /// What the records cost given the window, as a part of what they cost alone: at most 1.
    pub fn score(&self) -> f64 {
        (f64::from(self.given) / f64::from(self.alone.max(1))).min(1.0)
    }

    /// What a record cost given the window, in bytes on average.
    pub fn cost(&self) -> f64 {
        f64::from(self.given) / f64::from(self.records.max(1))
    }

    /// The places of the worst records, in their order.
    pub fn evidence(&self) -> Vec<Position> {
        self.worst.iter().map(|worst| worst.1).collect()
    }

    /// The beginning of the worst record's normalised text.
    pub fn excerpt(&self) -> &str {
        &self.excerpt
    }
}

// === impl Past ===

impl Past {
    const SCORE_UNITS: f64 = 10_000.0;
    const COST_UNITS: f64 = 100.0;

    /// One more hop.
    pub fn add(&mut self, hop: &Hop) {
        while self.0.len() >= USUAL_HOPS {
            self.0.pop_front();
        }
        self.0.push_back(Was {
            score: (hop.score() * Self::SCORE_UNITS).round() as u32,
            cost: (hop.cost() * Self::COST_UNITS).round() as u32,
        });
    }

    /// The usual score; none before the first hop.
    pub fn score(&self) -> Option<Usual> {
        self.usual(|was| was.score, Self::SCORE_UNITS)
    }

    /// What a record usually costs given the window, in bytes; none before the first hop.
    pub fn cost(&self) -> Option<Usual> {
        self.usual(|was| was.cost, Self::COST_UNITS)
    }

    fn usual(&self, of: impl Fn(&Was) -> u32, units: f64) -> Option<Usual> {
        let median = middle(self.0.iter().map(&of).collect())?;
        let spread = middle(self.0.iter().map(|was| of(was).abs_diff(median)).collect())?;
        Some(Usual {
            median: f64::from(median) / units,
            spread: f64::from(spread) / units,
        })
    }
}

fn middle(mut values: Vec<u32>) -> Option<u32> {
    values.sort_unstable();
    values.get(values.len() / 2).copied()
}
