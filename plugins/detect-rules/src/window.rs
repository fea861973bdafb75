//! What is counted of one group, and when its alert begins and ends. Pure: times come in, words go out.
//!
//! Time is cut into steps of a sixtieth of the window. The window ends with the step of the latest record; its alert begins
//! with the record that makes it hold. It ends at the first boundary of steps at which the full window before no longer holds.

use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use tidegate_sdk::Position;

/// A window slides in so many steps.
const STEPS: u64 = 60;
/// So many records are remembered as evidence.
pub const EVIDENCE: usize = 16;
/// Different values are told apart by so many bits of a hash.
const VALUE_BITS: u64 = (1 << 48) - 1;
/// Bytes that a saved entry has at most.
const COUNT_BYTES_MAX: usize = 6;
const VALUE_BYTES_MAX: usize = 8;
const EVIDENCE_BYTES_MAX: usize = 7;
/// An age that is beyond any window.
const AGE_MAX: u64 = 255;

/// What a rule's windows are like.
#[derive(Debug, Clone, PartialEq)]
pub struct Shape {
    /// The length of a step, milliseconds.
    pub step_ms: u64,
    /// The length of the window, in steps.
    pub steps: u64,
    /// What makes it hold.
    pub goal: Goal,
}

/// What makes a window hold.
#[derive(Debug, Clone, PartialEq)]
pub enum Goal {
    /// So many records.
    Count(u64),
    /// So many different values.
    Distinct(usize),
    /// So many records, and so many times those of the window before.
    Rate {
        /// The multiple.
        times: f64,
        /// The number of records.
        min_count: u64,
    },
}

/// The window of one group.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(from = "Saved", into = "Saved")]
pub struct Window {
    /// The step of the latest record.
    head: u64,
    /// Counts: a step and how many, in order. Values: when each was seen last, and its hash.
    entries: Vec<(u64, u64)>,
    /// How many there are in `entries`, where they are counts.
    sum: u64,
    alert: Option<Holding>,
    /// The last records that were counted, with their steps.
    evidence: VecDeque<(Position, u64)>,
}

/// An alert that holds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Holding {
    since: u64,
    /// The most that the window has held meanwhile.
    peak: u64,
    /// The boundary at which it ends, where a later record did not make the window hold again.
    end: Option<u64>,
}

/// What a record changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// Nothing that must be told or watched.
    None,
    /// The window holds from now on.
    Begins,
    /// Its end may be due sooner than before.
    Sooner,
    /// It came again, after an absence since this time, Unix milliseconds.
    Returns(u64),
}

/// What has become due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Passed {
    /// The alert has ended.
    Ended {
        /// Since when it held, Unix milliseconds.
        since: u64,
        /// The most that the window held meanwhile.
        peak: u64,
    },
    /// Nothing is left to remember.
    Gone,
}

/// How windows are saved: steps as ages.
#[derive(Serialize, Deserialize)]
struct Saved {
    head: u64,
    entries: Vec<(u64, u64)>,
    is_values: bool,
    alert: Option<Holding>,
    evidence: Vec<(Position, u64)>,
}

// === impl Shape ===

impl Shape {
    /// Windows of a length in milliseconds: steps of a sixtieth, rounded up, as many as cover it.
    pub fn new(within_ms: u64, goal: Goal) -> Self {
        let step_ms = within_ms.div_ceil(STEPS);
        Shape {
            step_ms,
            steps: within_ms.div_ceil(step_ms),
            goal,
        }
    }

    /// How many steps are remembered.
    fn kept(&self) -> u64 {
        match self.goal {
            Goal::Rate { .. } => 2 * self.steps,
            Goal::Count(_) | Goal::Distinct(_) => self.steps,
        }
    }
}

// === impl Window ===

impl Window {
    /// Counts a record of time `at`; of a rule that asks for different values with the hash of its own. `began` is when the
    /// rule began to watch. All in Unix milliseconds.
    #[inline]
    pub fn record(
        &mut self,
        shape: &Shape,
        began: u64,
        at: u64,
        value: u64,
        position: Position,
    ) -> Change {
        let step = at / shape.step_ms;
        let is_first = self.entries.is_empty() && self.evidence.is_empty();
        if !is_first && self.head.saturating_sub(step) >= shape.kept() {
            return Change::None;
        }
        let mut end = None;
        if step > self.head || is_first {
            let goes_on = self.alert.is_some_and(|alert| alert.end.is_none());
            end = goes_on.then(|| self.first_end(shape, began));
            self.head = step;
            self.prune(shape);
        }
        match shape.goal {
            Goal::Distinct(at_least) => self.add_value(step, value & VALUE_BITS, at_least),
            Goal::Count(_) | Goal::Rate { .. } => self.add_count(step),
        }
        if self.evidence.len() == EVIDENCE {
            self.evidence.pop_front();
        }
        self.evidence.push_back((position, step));
        match self.settle(shape, began, end) {
            // What comes late adds to the window before of boundaries to come.
            Change::None if step < self.head && self.alert.is_some() => Change::Sooner,
            change => change,
        }
    }

    fn settle(&mut self, shape: &Shape, began: u64, end: Option<u64>) -> Change {
        let now = self.head + 1;
        let holds = self.holds(shape, began, now);
        let count = self.count(shape, now);
        match &mut self.alert {
            None if holds => {
                let since = self.oldest(shape) * shape.step_ms;
                self.alert = Some(Holding {
                    since,
                    peak: count,
                    end: None,
                });
                Change::Begins
            }
            None => Change::None,
            Some(alert) if holds => {
                alert.end = None;
                alert.peak = alert.peak.max(count);
                Change::None
            }
            Some(alert) => {
                if alert.end.is_none() {
                    alert.end = Some(end.map_or(now, |end| end.min(now)));
                    return Change::Sooner;
                }
                Change::None
            }
        }
    }

    /// When something is due next, Unix milliseconds.
    pub fn due(&self, shape: &Shape, began: u64) -> u64 {
        let boundary = match self.alert {
            Some(Holding { end: Some(end), .. }) => end,
            Some(_) => self.first_end(shape, began),
            None => self.head + shape.kept() + 1,
        };
        boundary.saturating_mul(shape.step_ms)
    }

    /// What was due has passed.
    pub fn pass(&mut self) -> Passed {
        match self.alert.take() {
            Some(Holding { since, peak, .. }) => Passed::Ended { since, peak },
            None => Passed::Gone,
        }
    }

    /// Since when the alert holds, Unix milliseconds, and the most that the window has held meanwhile.
    pub fn alert(&self) -> (u64, u64) {
        self.alert.map_or((0, 0), |alert| (alert.since, alert.peak))
    }

    /// The last records that the window holds.
    pub fn evidence(&self, shape: &Shape) -> Vec<Position> {
        let within = |step: &u64| self.head - step < shape.steps;
        let of_window = self.evidence.iter().filter(|(_, step)| within(step));
        of_window.map(|(position, _)| *position).collect()
    }

    /// Bytes that it has at most when it is saved, besides a fixed part.
    #[inline]
    pub fn bytes(&self, shape: &Shape) -> usize {
        let entry = match shape.goal {
            Goal::Distinct(_) => VALUE_BYTES_MAX,
            _ => COUNT_BYTES_MAX,
        };
        self.entries.len() * entry + self.evidence.len() * EVIDENCE_BYTES_MAX
    }

    /// Whether the full window before a boundary holds.
    #[inline]
    fn holds(&self, shape: &Shape, began: u64, boundary: u64) -> bool {
        match shape.goal {
            Goal::Count(at_least) => self.count(shape, boundary) >= at_least,
            Goal::Distinct(at_least) => self.count(shape, boundary) >= at_least as u64,
            Goal::Rate { times, min_count } => {
                let count = self.count(shape, boundary);
                let before = boundary.saturating_sub(2 * shape.steps);
                count >= min_count
                    && began / shape.step_ms <= before
                    && count as f64 >= times * self.sum_of(before, before + shape.steps) as f64
            }
        }
    }

    /// How many the full window before a boundary holds.
    #[inline]
    fn count(&self, shape: &Shape, boundary: u64) -> u64 {
        let from = boundary.saturating_sub(shape.steps);
        match shape.goal {
            Goal::Count(_) if boundary == self.head + 1 => self.sum,
            Goal::Count(_) | Goal::Rate { .. } => self.sum_of(from, boundary),
            Goal::Distinct(_) if boundary == self.head + 1 => self.entries.len() as u64,
            Goal::Distinct(_) => self
                .entries
                .iter()
                .filter(|(step, _)| *step >= from)
                .count() as u64,
        }
    }

    fn sum_of(&self, from: u64, to: u64) -> u64 {
        let within = self
            .entries
            .iter()
            .rev()
            .skip_while(|(step, _)| *step >= to);
        within
            .take_while(|(step, _)| *step >= from)
            .map(|(_, count)| count)
            .sum()
    }

    /// The first boundary behind the latest record at which it will no longer hold, if nothing more comes.
    fn first_end(&self, shape: &Shape, began: u64) -> u64 {
        let out = |step: u64| step + shape.steps + 1;
        match shape.goal {
            Goal::Count(at_least) => {
                let mut left = self.sum;
                for (step, count) in &self.entries {
                    left -= count;
                    if left < at_least {
                        return out(*step);
                    }
                }
                out(self.head)
            }
            // No more values are kept than are asked for.
            Goal::Distinct(_) => out(self.oldest(shape)),
            Goal::Rate { .. } => (self.head + 1..out(self.head))
                .find(|boundary| !self.holds(shape, began, *boundary))
                .unwrap_or(out(self.head)),
        }
    }

    /// The step of the oldest that the window holds.
    fn oldest(&self, shape: &Shape) -> u64 {
        let steps = self.entries.iter().map(|(step, _)| *step);
        let within = steps.filter(|step| self.head - step < shape.steps);
        within.min().unwrap_or(self.head)
    }

    fn prune(&mut self, shape: &Shape) {
        let kept = shape.kept();
        let is_old = |step: u64| self.head - step >= kept;
        match shape.goal {
            Goal::Distinct(_) => self.entries.retain(|(step, _)| !is_old(*step)),
            _ => {
                let old = self
                    .entries
                    .iter()
                    .take_while(|(step, _)| is_old(*step))
                    .count();
                let gone: u64 = self.entries.drain(..old).map(|(_, count)| count).sum();
                self.sum -= gone;
            }
        }
    }

    #[inline]
    fn add_count(&mut self, step: u64) {
        self.sum += 1;
        let mut at = self.entries.len();
        while at > 0 && self.entries[at - 1].0 > step {
            at -= 1;
        }
        match at.checked_sub(1).map(|last| &mut self.entries[last]) {
            Some((known, count)) if *known == step => {
                // What does not fit is not counted.
                let full = *count == u64::from(u32::MAX);
                *count += u64::from(!full);
                self.sum -= u64::from(full);
            }
            _ => self.entries.insert(at, (step, 1)),
        }
    }

    /// Keeps the latest values, no more than are asked for: older ones cannot matter.
    fn add_value(&mut self, step: u64, value: u64, at_least: usize) {
        if let Some(entry) = self.entries.iter_mut().find(|(_, known)| *known == value) {
            entry.0 = entry.0.max(step);
            return;
        }
        self.entries.push((step, value));
        if self.entries.len() > at_least {
            let oldest = (0..self.entries.len()).min_by_key(|at| self.entries[*at].0);
            self.entries.swap_remove(oldest.unwrap_or(0));
        }
    }
}

// === saving ===

impl From<Window> for Saved {
    fn from(window: Window) -> Self {
        let head = window.head;
        let entry = |(step, what): (u64, u64)| (head.saturating_sub(step), what);
        let evidence =
            |(position, step): (Position, u64)| (position, head.saturating_sub(step).min(AGE_MAX));
        Saved {
            head,
            is_values: window.sum == 0,
            alert: window.alert,
            entries: window.entries.into_iter().map(entry).collect(),
            evidence: window.evidence.into_iter().map(evidence).collect(),
        }
    }
}

impl From<Saved> for Window {
    fn from(saved: Saved) -> Self {
        let head = saved.head;
        let entries: Vec<_> = (saved.entries.into_iter())
            .map(|(age, what)| (head.saturating_sub(age), what))
            .collect();
        let sum = if saved.is_values {
            0
        } else {
            entries
                .iter()
                .fold(0, |sum: u64, (_, count)| sum.saturating_add(*count))
        };
        let evidence = saved.evidence.into_iter();
        Window {
            head,
            sum,
            entries,
            alert: saved.alert,
            evidence: evidence
                .map(|(position, age)| (position, head.saturating_sub(age)))
                .collect(),
        }
    }
}
