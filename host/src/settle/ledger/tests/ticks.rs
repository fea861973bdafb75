//! Rule 8: what a tick raises is an empty range, and no memory that has seen it is kept before it closes.

use super::*;

/// What may happen to a partition with ticks.
#[derive(Clone, Debug)]
enum Step {
    /// A batch begins.
    Batch(i64),
    /// A tick begins, if none is open at that place.
    Tick,
    /// The position moves without a record.
    Idle(i64),
    /// One of what is open closes.
    Close(usize),
    /// What is done is committed.
    Commit,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        3 => (1..4i64).prop_map(Step::Batch),
        3 => Just(Step::Tick),
        1 => (1..4i64).prop_map(Step::Idle),
        5 => (0..8usize).prop_map(Step::Close),
        2 => Just(Step::Commit),
    ];
    proptest::collection::vec(step, 0..60)
}

proptest! {
    /// *Scenario:* batches, ticks and idle advances of a partition begin one after the other and close in any order, with
    /// commits between.
    /// *Guarantees:* rule 8: the committed offset never passes a tick that is open; and a memory at a boundary may be kept
    /// exactly when all that began at or before it has closed, and is committed.
    #[test]
    fn rule_8_nothing_passes_an_open_tick(steps in steps()) {
        let (mut ledger, generation) = assigned_at(0);
        // In the order in which they began: the range, and whether it has closed.
        let mut began: Vec<(Receipt, bool)> = Vec::new();
        let (mut end, mut committed) = (0, 0);
        for step in steps {
            match step {
                Step::Batch(records) => {
                    let batch = receipt(&generation, end, end + records);
                    end += records;
                    prop_assert_eq!(ledger.begin(&batch), Begun::Open);
                    began.push((batch, false));
                }
                Step::Tick => {
                    let tick = receipt(&generation, end, end);
                    let is_open = |(r, closed): &(Receipt, bool)| !closed && (r.start, r.end) == (end, end);
                    if !began.iter().any(is_open) {
                        prop_assert_eq!(ledger.begin(&tick), Begun::Open);
                        began.push((tick, false));
                    }
                }
                Step::Idle(offsets) => {
                    let idle = receipt(&generation, end, end + offsets);
                    end += offsets;
                    prop_assert!(ledger.idle(&partition(), &generation, end) != Answered::Stale);
                    began.push((idle, true));
                }
                Step::Close(which) => {
                    let open: Vec<usize> = (0..began.len()).filter(|i| !began[*i].1).collect();
                    if let Some(i) = open.get(which) {
                        prop_assert!(ledger.close(&began[*i].0) != Answered::Stale);
                        began[*i].1 = true;
                    }
                }
                Step::Commit => {
                    for due in ledger.committable() {
                        committed = due.offset;
                        ledger.committed(&due);
                    }
                }
            }
            let first_open = began.iter().find(|(_, closed)| !closed);
            let done = first_open.map_or(end, |(range, _)| range.start);
            let due: Vec<i64> = (done > committed).then_some(done).into_iter().collect();
            prop_assert_eq!(offsets_due(&ledger), due);
            for boundary in 0..=end {
                let seen = began.iter().filter(|(range, _)| range.end <= boundary);
                let expected = committed >= boundary && seen.clone().all(|(_, closed)| *closed);
                let settled = ledger.is_settled(&partition(), generation.number(), boundary);
                prop_assert_eq!(settled, expected, "boundary {}", boundary);
            }
        }
    }
}

/// *Scenario:* a partition drains with a tick open, which is thrown away.
/// *Guarantees:* nothing is waited for, and no memory at its place is kept: it may have seen what was not delivered.
#[test]
fn rule_8_a_tick_that_is_thrown_away_keeps_no_memory() {
    let (mut ledger, generation) = assigned_at(10);
    let tick = receipt(&generation, 10, 10);
    assert_eq!(ledger.begin(&tick), Begun::Open);
    ledger.drain(&partition());
    ledger.give_up(&tick);
    assert_eq!(ledger.open(&partition(), generation.number()), 0);
    assert!(!ledger.is_settled(&partition(), generation.number(), 10));
    assert!(ledger.is_settled(&partition(), generation.number(), 9));
}

/// *Scenario:* the position moves without a record (markers of a transaction), then a tick raises something there.
/// *Guarantees:* what is raised lies at the tick's place: no memory that claims to have seen all before it is kept until the
/// tick has closed, and nothing that follows is committed; one of before the advance may be kept.
#[test]
fn rule_8_a_tick_after_an_idle_advance_lies_where_it_is() {
    let (mut ledger, generation) = assigned_at(10);
    ledger.idle(&partition(), &generation, 15);
    let tick = receipt(&generation, 15, 15);
    assert_eq!(ledger.begin(&tick), Begun::Open);
    ledger.idle(&partition(), &generation, 17);
    for due in ledger.committable() {
        assert_eq!(due.offset, 15);
        ledger.committed(&due);
    }
    let settled = |ledger: &Ledger, at| ledger.is_settled(&partition(), generation.number(), at);
    assert!(settled(&ledger, 14) && !settled(&ledger, 15) && !settled(&ledger, 17));
    assert_eq!(ledger.close(&tick), Answered::Advanced { to: 17 });
    assert!(settled(&ledger, 15) && !settled(&ledger, 17));
}

/// *Scenario:* a tick begins at a place where one is still open, its finding a dead letter that nobody has acknowledged.
/// *Guarantees:* neither passes for the other: reading goes on at the committed offset, the late acknowledgement changes
/// nothing, and no memory of that place is kept.
#[test]
fn rule_8_ticks_that_collide_are_read_again() {
    let (mut ledger, generation) = assigned_at(10);
    let batch = receipt(&generation, 10, 12);
    let tick = receipt(&generation, 12, 12);
    assert_eq!(ledger.begin(&batch), Begun::Open);
    ledger.close(&batch);
    assert_eq!(ledger.begin(&tick), Begun::Open);
    assert_eq!(ledger.begin(&tick), Begun::ReadAgain { offset: 10 });
    assert!(generation.has_ended());
    assert_eq!(ledger.close(&tick), Answered::Stale);
    assert!(ledger.committable().is_empty());
    assert!(!ledger.is_settled(&partition(), generation.number(), 12));
}
