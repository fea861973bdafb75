//! The line against a topic that fails as it is told.

use super::*;
use proptest::prelude::*;

const BATCH_BYTES: usize = 100;

/// A message that is about to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Good,
    /// Larger than the topic takes, and than a batch.
    Huge,
    /// Larger than the topic takes, and smaller than a batch.
    Fat,
    /// The topic refuses its time.
    Timeless,
}

#[derive(Clone, Copy, Debug)]
enum Fault {
    None,
    /// Not acknowledged, and written or not.
    Away(bool),
    Wrong,
    /// From here on nothing is even queued.
    Full,
}

fn kind() -> impl Strategy<Value = Kind> {
    prop_oneof![
        8 => Just(Kind::Good),
        1 => Just(Kind::Huge),
        1 => Just(Kind::Fat),
        1 => Just(Kind::Timeless),
    ]
}

fn fault() -> impl Strategy<Value = Fault> {
    prop_oneof![
        20 => Just(Fault::None),
        2 => any::<bool>().prop_map(Fault::Away),
        1 => Just(Fault::Wrong),
        1 => Just(Fault::Full),
    ]
}

fn bytes(kind: Kind) -> usize {
    if kind == Kind::Huge { BATCH_BYTES } else { 1 }
}

/// One attempt: what is written goes to `log`.
fn attempt(
    line: &Line,
    part: &Part,
    kinds: &[Kind],
    faults: &mut impl Iterator<Item = Fault>,
    log: &mut Vec<usize>,
) -> Vec<Result<(), SendError>> {
    let no = |e: fn(String) -> SendError| Err(e("no".to_owned()));
    let has_fat = kinds[part.range.clone()].contains(&Kind::Fat);
    let mut answers = Vec::new();
    for message in part.range.clone() {
        if line.is_refused(message) {
            answers.push(Ok(()));
            continue;
        }
        let fault = faults.next().unwrap_or(Fault::None);
        let answer = match (kinds[message], fault) {
            (_, Fault::Full) => {
                answers.push(no(SendError::Away));
                break;
            }
            (_, Fault::Wrong) => no(SendError::Refused),
            (Kind::Huge | Kind::Fat, _) => no(SendError::TooLarge),
            // In one batch with one that is too large, or not.
            (Kind::Good, Fault::Away(true)) if has_fat && !part.is_alone => no(SendError::TooLarge),
            (Kind::Timeless, _) if !line.is_undated(message) => no(SendError::Timestamp),
            (_, Fault::Away(is_written)) => {
                log.extend(is_written.then_some(message));
                no(SendError::Away)
            }
            (_, Fault::None) => {
                log.push(message);
                Ok(())
            }
        };
        answers.push(answer);
    }
    answers
}

proptest! {
    /// *Scenario:* any messages, some too large or with a time that is refused, to a topic that now and then is away
    /// (having written or not), refuses everything, takes no more, or blames neighbours of one that is too large.
    /// *Guarantees:* promise 3: it ends; exactly those that are too large are refused; every other one is written, and
    /// whatever came twice, the last copies are in order, so that no message that was sent again stays behind a later one.
    #[test]
    fn promise_3_nothing_overtakes(
        kinds in proptest::collection::vec(kind(), 0..12),
        faults in proptest::collection::vec(fault(), 0..60),
    ) {
        let mut line = Line::new(kinds.len(), BATCH_BYTES);
        let mut faults = faults.into_iter();
        let mut log = Vec::new();
        let mut attempts = 0;
        while let Some(part) = line.next() {
            attempts += 1;
            prop_assert!(attempts < 1000, "it does not end");
            let answers = attempt(&line, &part, &kinds, &mut faults, &mut log);
            let all_well = answers.iter().all(Result::is_ok);
            let turn = line.answered(&answers, |m| bytes(kinds[m]));
            prop_assert!(!all_well || turn == Turn::On);
        }
        let too_large = |m: &usize| matches!(kinds[*m], Kind::Huge | Kind::Fat);
        let all = 0..kinds.len();
        let refused: Vec<_> = line.refused().into_keys().collect();
        prop_assert_eq!(refused, all.clone().filter(too_large).collect::<Vec<_>>());
        let last = |m| log.iter().rposition(|l| *l == m);
        let written = all.filter(|m| !too_large(m)).map(last);
        let written: Option<Vec<usize>> = written.collect();
        prop_assert!(written.is_some_and(|w| w.is_sorted()), "{log:?}");
    }

    /// *Scenario:* no fault but messages larger than a batch. *Guarantees:* one attempt; nothing is sent twice.
    #[test]
    fn what_is_well_is_sent_once(huge in proptest::collection::vec(any::<bool>(), 1..12)) {
        let kinds: Vec<_> = huge.iter().map(|h| if *h { Kind::Huge } else { Kind::Good }).collect();
        let mut line = Line::new(kinds.len(), BATCH_BYTES);
        let mut log = Vec::new();
        let part = line.next().unwrap();
        let answers = attempt(&line, &part, &kinds, &mut std::iter::empty(), &mut log);
        prop_assert_eq!(line.answered(&answers, |m| bytes(kinds[m])), Turn::On);
        prop_assert_eq!(line.next(), None);
        prop_assert_eq!(log.len() + line.refused().len(), kinds.len());
    }
}

/// *Scenario:* a message goes without its time, and that is refused too.
/// *Guarantees:* the output is wrong: no attempt follows the other without a pause.
#[test]
fn a_time_is_refused_only_once() {
    let mut line = Line::new(1, BATCH_BYTES);
    let no = [Err(SendError::Timestamp("no".to_owned()))];
    assert_eq!(line.answered(&no, |_| 1), Turn::On);
    assert!(line.is_undated(0));
    let turn = line.answered(&no, |_| 1);
    assert!(
        matches!(turn, Turn::Pause { is_wrong: true, .. }),
        "{turn:?}"
    );
}
