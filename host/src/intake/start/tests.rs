//! Where reading begins.

use super::*;

const LOG: Known = Known {
    resume: None,
    oldest: 100,
    end: 200,
    at_time: None,
};

/// *Scenario:* nothing is committed, with each way to begin; for a time, with and without a record that is
/// late enough.
/// *Guarantees:* the place is the one that the configuration says, and the end where no record is late
/// enough.
#[test]
fn without_a_commit() {
    let timed = Known {
        at_time: Some(150),
        ..LOG
    };
    assert_eq!(place(Start::Earliest, LOG), Place::Started(100));
    assert_eq!(place(Start::Latest, LOG), Place::Started(200));
    assert_eq!(place(Start::Timestamp(1), timed), Place::Started(150));
    assert_eq!(place(Start::Timestamp(1), LOG), Place::Started(200));
}

/// *Scenario:* something is committed: inside the log, at its edges, below its start, beyond its end.
/// *Guarantees:* inside it goes on there, whatever the configuration says; below, the loss is counted; beyond,
/// the whole log is read, never skipped.
#[test]
fn with_a_commit() {
    let at = |offset| Known {
        resume: Some(offset),
        ..LOG
    };
    for start in [Start::Earliest, Start::Latest, Start::Timestamp(7)] {
        for offset in [100, 150, 200] {
            assert_eq!(place(start, at(offset)), Place::Resumed(offset));
        }
        assert_eq!(
            place(start, at(40)),
            Place::Lost {
                offset: 100,
                count: 60
            }
        );
        assert_eq!(place(start, at(201)), Place::Cut(100));
    }
}
