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

/// *Scenario:* a memory that is kept, with its boundary at every place of a small log, against every committed offset,
/// every oldest offset and every way in which reading may begin.
/// *Guarantees:* the rules of memory: it is taken over exactly where it has seen nothing that is delivered again and its
/// log is the one that is read; then reading begins at its boundary, or at the oldest record, where what is missing
/// is counted; nothing before the place of delivery is ever left unread that Kafka still has; where it is not taken
/// over, reading begins at the place of delivery.
#[test]
fn memory_is_taken_over_where_it_fits() {
    for oldest in 0..8 {
        for committed in 0..12 {
            let known = Known {
                resume: Some(committed),
                oldest,
                end: 10,
                at_time: None,
            };
            let place = place(Start::Earliest, known);
            let deliver = place.offset();
            assert_eq!(recall(place, oldest, None), Recall::Nothing);
            for boundary in 0..12 {
                let recall = recall(place, oldest, Some(boundary));
                let from = recall.from(deliver);
                let was_cut = committed > 10;
                let fits = !was_cut && boundary <= deliver;
                assert_eq!(recall.is_taken_over(), fits, "{place:?} {boundary}");
                let expected = if fits { boundary.max(oldest) } else { deliver };
                assert_eq!(from, expected);
                assert!(from <= deliver);
                if let Recall::Shortened { count, .. } = recall {
                    assert_eq!(count, oldest - boundary);
                    assert!(count > 0);
                } else if fits {
                    assert_eq!(from, boundary);
                }
                if !fits {
                    assert_eq!(recall == Recall::Ahead, !was_cut);
                }
            }
        }
    }
    let started = place(Start::Earliest, LOG);
    assert_eq!(recall(started, 100, Some(100)), Recall::Foreign);
}
