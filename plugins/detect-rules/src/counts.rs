//! What is counted of one group, be it in a window or in silence.

use crate::rule::{Rule, Said, Watch};
use crate::window::{Change, Passed, Window};
use serde::{Deserialize, Serialize};
use tidegate_sdk::Position;

/// What is counted of a group.
#[derive(Debug, Serialize, Deserialize)]
pub enum Counts {
    /// Of a rule with a window.
    Window(Window),
    /// Of a rule that waits for absence.
    Silence {
        /// The time of the latest record that matched, or of the shard's first.
        last: u64,
        /// Where that is, if one did.
        position: Option<Position>,
        /// Whether the absence has been told.
        is_absent: bool,
    },
}

/// A record that matches.
pub struct Matched<'a> {
    /// The rule.
    pub rule: usize,
    /// The key of its group.
    pub key: &'a str,
    /// Its time, Unix milliseconds.
    pub at: u64,
    /// Where it is.
    pub position: Position,
    /// The hash of the value that is told apart from others, where the rule asks for one.
    pub value: u64,
}

impl Counts {
    /// Nothing yet, of a rule's new group, at a time.
    pub fn new(rule: &Rule, at: u64) -> Self {
        match rule.watch {
            Watch::Window(..) => Counts::Window(Window::default()),
            Watch::Absence(_) => Counts::Silence {
                last: at,
                position: None,
                is_absent: false,
            },
        }
    }

    /// Whether it is of the kind that the rule counts.
    pub fn fit(&self, rule: &Rule) -> bool {
        matches!(
            (self, &rule.watch),
            (Counts::Window(_), Watch::Window(..)) | (Counts::Silence { .. }, Watch::Absence(_))
        )
    }

    /// Counts a record.
    #[inline]
    pub fn record(&mut self, rule: &Rule, began: u64, matched: &Matched<'_>) -> Change {
        match (self, &rule.watch) {
            (Counts::Window(window), Watch::Window(shape, _)) => {
                window.record(shape, began, matched.at, matched.value, matched.position)
            }
            (
                Counts::Silence {
                    last,
                    position,
                    is_absent,
                },
                _,
            ) => {
                if position.is_none() || matched.at >= *last {
                    *position = Some(matched.position);
                }
                let since = std::mem::replace(last, (*last).max(matched.at));
                match std::mem::replace(is_absent, false) {
                    true => Change::Returns(since),
                    false => Change::None,
                }
            }
            (Counts::Window(_), Watch::Absence(_)) => Change::None,
        }
    }

    /// What the alert says that a record of time `at` begins.
    pub fn begun(&self, rule: &Rule, at: u64) -> Said<'static> {
        match (self, &rule.watch) {
            (Counts::Window(window), Watch::Window(shape, _)) => {
                let (since, count) = window.alert();
                Said {
                    at,
                    since,
                    count,
                    evidence: window.evidence(shape),
                    ..Said::default()
                }
            }
            _ => Said::default(),
        }
    }

    /// When something is due next, Unix milliseconds; `u64::MAX`: never.
    pub fn due(&self, rule: &Rule, began: u64) -> u64 {
        match (self, &rule.watch) {
            (Counts::Window(window), Watch::Window(shape, _)) => window.due(shape, began),
            (
                Counts::Silence {
                    last,
                    is_absent: false,
                    ..
                },
                Watch::Absence(length),
            ) => last.saturating_add(*length),
            _ => u64::MAX,
        }
    }

    /// What is due has passed; none where the group has nothing left.
    pub fn pass(&mut self) -> Option<Said<'static>> {
        match self {
            Counts::Window(window) => match window.pass() {
                Passed::Ended { since, peak } => Some(Said {
                    since,
                    count: peak,
                    resolved: true,
                    ..Said::default()
                }),
                Passed::Gone => None,
            },
            Counts::Silence {
                last,
                position,
                is_absent,
            } => {
                *is_absent = true;
                Some(Said {
                    since: *last,
                    evidence: position.iter().copied().collect(),
                    ..Said::default()
                })
            }
        }
    }

    /// Bytes that it has at most when it is saved, besides a fixed part.
    #[inline]
    pub fn bytes(&self, rule: &Rule) -> usize {
        match (self, &rule.watch) {
            (Counts::Window(window), Watch::Window(shape, _)) => window.bytes(shape),
            _ => 0,
        }
    }
}
