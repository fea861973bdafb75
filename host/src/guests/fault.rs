//! What a plugin broke, and what to do about it. Pure: no clock, no engine.
//!
//! [`Search`] finds the records that a plugin breaks at: the batch is halved in order, good answers are
//! kept, the record that breaks it alone is the culprit. [`Window`] counts faults a minute.

use std::collections::VecDeque;
use std::fmt;
use std::ops::Range;
use std::time::Duration;

/// Finding culprits takes at most so many times the time limit of one call.
const SEARCH_TIME_FACTOR: u32 = 10;
/// A part of a batch gets its share of the time limit, and never less than this fraction of it.
const SHARE_MIN: u32 = 32;
/// See [`Window`].
const MINUTE: Duration = Duration::from_secs(60);

/// How a call failed. What the plugin *said* (a verdict) is no fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// It trapped: a panic, an access out of bounds, a stack overflow.
    Trap,
    /// It ran out of time.
    Timeout,
    /// It ran out of memory.
    Memory,
    /// Its answer broke a rule of the contract.
    Answer,
}

/// A failed call.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{kind}: {detail}")]
pub struct Fault {
    /// How it failed.
    pub kind: FaultKind,
    /// What happened; for people.
    pub detail: String,
}

/// A call to make: some records of the batch, and their time limit.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Attempt {
    pub part: Range<usize>,
    pub limit: Duration,
}

/// What follows from a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Judgement {
    /// The same once more.
    Retry,
    /// Its halves, one after the other.
    Halve,
    /// The record is the culprit.
    Culprit(usize),
    /// The search has taken too long.
    GiveUp,
}

/// The search for the records that a plugin breaks at.
#[derive(Debug)]
pub(crate) struct Search {
    // The next part is the last.
    parts: Vec<Range<usize>>,
    records: usize,
    limit: Duration,
    spent: Duration,
    retried: bool,
}

/// Faults within the last minute.
#[derive(Debug)]
pub(crate) struct Window {
    times: VecDeque<Duration>,
    faults_max: u32,
}

impl fmt::Display for FaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            FaultKind::Trap => "trap",
            FaultKind::Timeout => "time limit",
            FaultKind::Memory => "memory limit",
            FaultKind::Answer => "bad answer",
        })
    }
}

// === impl Search ===

impl Search {
    /// Begins with the whole batch. `limit` is the time limit of one call.
    pub(crate) fn new(records: usize, limit: Duration) -> Search {
        Search {
            parts: std::iter::once(0..records).collect(),
            records,
            limit,
            spent: Duration::ZERO,
            retried: false,
        }
    }

    /// The next call; none when every record has had its answer.
    pub(crate) fn attempt(&self) -> Option<Attempt> {
        self.parts.last().map(|part| Attempt {
            part: part.clone(),
            limit: self.share(part.len()),
        })
    }

    /// The attempt was answered well.
    pub(crate) fn good(&mut self, took: Duration) {
        self.spend(took);
        self.parts.pop();
    }

    /// Time that went by for the search, in its attempts or beside them.
    pub(crate) fn spend(&mut self, took: Duration) {
        self.spent = self.spent.saturating_add(took);
    }

    /// Whether it has taken too long, and something is left to be tried.
    pub(crate) fn is_over(&self) -> bool {
        let max = self.limit.saturating_mul(SEARCH_TIME_FACTOR);
        self.spent > max && !self.parts.is_empty()
    }

    /// The attempt faulted.
    pub(crate) fn faulted(&mut self, kind: FaultKind, took: Duration) -> Judgement {
        self.spend(took);
        if self.is_over() {
            return Judgement::GiveUp;
        }
        let whole = self.parts.last().is_some_and(|p| p.len() == self.records);
        if whole && kind == FaultKind::Timeout && !self.retried {
            self.retried = true;
            return Judgement::Retry;
        }
        let Some(part) = self.parts.pop() else {
            return Judgement::GiveUp;
        };
        if part.len() <= 1 {
            return Judgement::Culprit(part.start);
        }
        let middle = part.start + part.len() / 2;
        self.parts.push(middle..part.end);
        self.parts.push(part.start..middle);
        Judgement::Halve
    }

    /// A part gets its share of the time, so that one record that never ends does not cost the whole limit at
    /// every halving; a single record gets all of it, so that it is never judged by less.
    fn share(&self, records: usize) -> Duration {
        if records <= 1 || records >= self.records {
            return self.limit;
        }
        // Neither number comes near 2^32, so this cannot overflow.
        let share = self.limit.as_nanos() * records as u128 / self.records as u128;
        let share = Duration::from_nanos(u64::try_from(share).unwrap_or(u64::MAX));
        share.max(self.limit / SHARE_MIN)
    }
}

// === impl Window ===

impl Window {
    /// More than `faults_max` a minute are too many.
    pub(crate) fn new(faults_max: u32) -> Window {
        Window {
            times: VecDeque::new(),
            faults_max,
        }
    }

    /// Counts a fault; whether there were too many. `now` never goes back.
    pub(crate) fn is_too_many(&mut self, now: Duration) -> bool {
        while self
            .times
            .front()
            .is_some_and(|t| now.saturating_sub(*t) >= MINUTE)
        {
            self.times.pop_front();
        }
        self.times.push_back(now);
        let too_many = self.times.len() > self.faults_max as usize;
        if too_many {
            // So that it never grows beyond the limit.
            self.times.pop_front();
        }
        too_many
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    const LIMIT: Duration = Duration::from_millis(500);

    /// What a simulated plugin did with a batch.
    #[derive(Debug, Default)]
    struct Found {
        culprits: Vec<usize>,
        kept: Vec<usize>,
        calls: usize,
        gave_up: bool,
    }

    /// Runs a search over a plugin that faults at every part that `breaks` says, taking `took` of its limit.
    fn simulate(
        records: usize,
        kind: FaultKind,
        took: u32,
        breaks: impl Fn(&Range<usize>) -> bool,
    ) -> Found {
        let mut search = Search::new(records, LIMIT);
        let mut found = Found::default();
        while let Some(Attempt { part, limit }) = search.attempt() {
            found.calls += 1;
            if !breaks(&part) {
                search.good(Duration::ZERO);
                found.kept.extend(part);
                continue;
            }
            match search.faulted(kind, limit / took) {
                Judgement::Culprit(record) => found.culprits.push(record),
                Judgement::GiveUp => {
                    found.gave_up = true;
                    break;
                }
                Judgement::Retry | Judgement::Halve => {}
            }
        }
        found
    }

    proptest! {
        /// *Scenario:* any set of records at which a plugin traps, in batches of any size.
        /// *Guarantees:* exactly those are culprits, all others are kept in order, and each culprit costs at most
        /// two calls a halving.
        #[test]
        fn exactly_the_culprits_are_found(
            records in 1_usize..600,
            picks in proptest::collection::vec(any::<proptest::sample::Index>(), 0..12),
        ) {
            let culprits: BTreeSet<usize> = picks.iter().map(|p| p.index(records)).collect();
            let found = simulate(records, FaultKind::Trap, 1_000_000, |part| culprits.range(part.clone()).next().is_some());
            prop_assert!(!found.gave_up);
            prop_assert_eq!(&found.culprits, &culprits.iter().copied().collect::<Vec<_>>());
            let others: Vec<usize> = (0..records).filter(|r| !culprits.contains(r)).collect();
            prop_assert_eq!(found.kept, others);
            let halvings = records.next_power_of_two().trailing_zeros() as usize + 1;
            prop_assert!(found.calls <= 1 + 2 * culprits.len() * halvings, "{} calls", found.calls);
        }

        /// *Scenario:* any set of records at which a plugin never ends.
        /// *Guarantees:* the search ends within its time, with exactly the culprits or with giving up.
        #[test]
        fn the_search_is_bounded_in_time(
            records in 1_usize..3000,
            picks in proptest::collection::vec(any::<proptest::sample::Index>(), 1..40),
        ) {
            let culprits: BTreeSet<usize> = picks.iter().map(|p| p.index(records)).collect();
            let found = simulate(records, FaultKind::Timeout, 1, |part| culprits.range(part.clone()).next().is_some());
            if !found.gave_up {
                prop_assert_eq!(found.culprits, culprits.into_iter().collect::<Vec<_>>());
            }
        }
    }

    /// *Scenario:* one record of a full batch never ends.
    /// *Guarantees:* it is found within the time of the search: parts get their share of the limit only.
    #[test]
    fn one_endless_record_is_found_in_time() {
        for culprit in [0, 511, 999] {
            let found = simulate(1000, FaultKind::Timeout, 1, |part| part.contains(&culprit));
            assert!(!found.gave_up);
            assert_eq!(found.culprits, [culprit]);
        }
    }

    /// *Scenario:* a call runs out of time once, and not again.
    /// *Guarantees:* the batch is tried whole once more before anything is halved; a trap is not.
    #[test]
    fn a_time_fault_is_retried_whole_once() {
        let mut search = Search::new(8, LIMIT);
        assert_eq!(search.faulted(FaultKind::Timeout, LIMIT), Judgement::Retry);
        assert_eq!(
            search.attempt(),
            Some(Attempt {
                part: 0..8,
                limit: LIMIT
            })
        );
        search.good(LIMIT);
        assert_eq!(search.attempt(), None);

        let mut search = Search::new(8, LIMIT);
        assert_eq!(search.faulted(FaultKind::Timeout, LIMIT), Judgement::Retry);
        assert_eq!(search.faulted(FaultKind::Timeout, LIMIT), Judgement::Halve);
        assert_eq!(
            search.attempt(),
            Some(Attempt {
                part: 0..4,
                limit: LIMIT / 2
            })
        );
        let mut search = Search::new(8, LIMIT);
        assert_eq!(search.faulted(FaultKind::Trap, LIMIT), Judgement::Halve);
    }

    /// *Scenario:* a single record runs out of time as the last part of a search.
    /// *Guarantees:* it was given the whole limit before it is judged.
    #[test]
    fn a_single_record_gets_the_whole_limit() {
        let mut search = Search::new(4, LIMIT);
        search.faulted(FaultKind::Trap, Duration::ZERO);
        search.faulted(FaultKind::Trap, Duration::ZERO);
        assert_eq!(
            search.attempt(),
            Some(Attempt {
                part: 0..1,
                limit: LIMIT
            })
        );
        assert_eq!(
            search.faulted(FaultKind::Timeout, LIMIT),
            Judgement::Culprit(0)
        );
    }

    /// *Scenario:* every call of a search takes the whole limit.
    /// *Guarantees:* it gives up at ten times the limit.
    #[test]
    fn the_search_gives_up() {
        let mut search = Search::new(1 << 20, LIMIT);
        let ends =
            (0..100).position(|_| search.faulted(FaultKind::Trap, LIMIT) == Judgement::GiveUp);
        assert_eq!(ends, Some(SEARCH_TIME_FACTOR as usize));
    }

    /// *Scenario:* time goes by beside the attempts, up to ten times the limit and beyond, with something left to be tried
    /// and with nothing left.
    /// *Guarantees:* it counts as that of attempts does: beyond the bound the search is over, and the next fault gives it up;
    /// a search that has found everything is never over.
    #[test]
    fn time_beside_the_attempts_counts() {
        let mut search = Search::new(2, LIMIT);
        search.spend(LIMIT * SEARCH_TIME_FACTOR);
        assert!(!search.is_over());
        search.spend(Duration::from_nanos(1));
        assert!(search.is_over());
        assert_eq!(
            search.faulted(FaultKind::Trap, Duration::ZERO),
            Judgement::GiveUp
        );
        let mut search = Search::new(2, LIMIT);
        search.good(LIMIT);
        search.spend(LIMIT * SEARCH_TIME_FACTOR);
        assert!(!search.is_over());
    }

    /// *Scenario:* faults at and above the limit, then a minute later.
    /// *Guarantees:* only more than the limit within a minute are too many, and old ones are forgotten.
    #[test]
    fn faults_a_minute_are_counted() {
        let mut window = Window::new(3);
        let at = Duration::from_secs;
        assert!((0..3).all(|s| !window.is_too_many(at(s))));
        assert!(window.is_too_many(at(3)));
        assert!(window.times.len() <= 3);
        assert!(!window.is_too_many(at(63)));
        assert!(Window::new(0).is_too_many(at(0)));
    }
}
