//! The ledger against a model that keeps every offset by itself, and its rules by their numbers.

use super::*;
use proptest::prelude::*;

mod ticks;

/// Nothing is due.
const NOTHING: [i64; 0] = [];

fn partition() -> Partition {
    Partition::new("logs", 3)
}

fn receipt(generation: &Generation, start: i64, end: i64) -> Receipt {
    Receipt {
        partition: partition(),
        generation: generation.clone(),
        start,
        end,
    }
}

fn assigned_at(position: i64) -> (Ledger, Generation) {
    let (mut ledger, generation) = (Ledger::default(), Generation::begin());
    ledger.assigned(&partition(), &generation, position, true);
    (ledger, generation)
}

fn offsets_due(ledger: &Ledger) -> Vec<i64> {
    ledger.committable().iter().map(|d| d.offset).collect()
}

/// *Scenario:* two batches with a hole between them (a transaction marker), the later one is done first,
/// then the position moves over markers at the end.
/// *Guarantees:* each range runs from the end of the one before, so the hole never stops the commit; the
/// idle advance closes an empty range; nothing is due before the first batch is done.
#[test]
fn rule_1_ranges_run_from_end_to_end() {
    let (mut ledger, generation) = assigned_at(10);
    let (first, second) = (receipt(&generation, 10, 15), receipt(&generation, 15, 23));
    assert_eq!(ledger.begin(&first), Begun::Open);
    assert_eq!(ledger.begin(&second), Begun::Open);
    assert_eq!(ledger.close(&second), Answered::Waiting);
    assert_eq!(
        ledger.idle(&partition(), &generation, 25),
        Answered::Waiting
    );
    assert_eq!(offsets_due(&ledger), NOTHING);
    assert_eq!(ledger.close(&first), Answered::Advanced { to: 25 });
    assert_eq!(offsets_due(&ledger), [25]);
}

/// *Scenario:* a batch begins beyond the end of the one before (retention took what lies between).
/// *Guarantees:* the skipped offsets are counted, lie inside the range, and are done only with it.
#[test]
fn rule_1_skipped_offsets_lie_inside_the_range_and_are_counted() {
    let (mut ledger, generation) = assigned_at(10);
    let batch = receipt(&generation, 17, 20);
    assert_eq!(ledger.begin(&batch), Begun::Skipped { offsets: 7 });
    assert_eq!(offsets_due(&ledger), NOTHING);
    assert_eq!(ledger.close(&batch), Answered::Advanced { to: 20 });
}

/// *Scenario:* one batch is done and committed, the next is abandoned, and so is the one after it.
/// *Guarantees:* the first abandonment ends the generation and names the committed position; the second
/// one of the same generation changes nothing; nothing of the ended generation is due.
#[test]
fn rule_4_an_abandoned_range_ends_its_generation() {
    let (mut ledger, generation) = assigned_at(0);
    let batches = [0, 10, 20, 30].map(|start| receipt(&generation, start, start + 10));
    batches
        .iter()
        .for_each(|b| assert_eq!(ledger.begin(b), Begun::Open));
    ledger.close(&batches[0]);
    ledger
        .committable()
        .iter()
        .for_each(|d| ledger.committed(d));
    ledger.close(&batches[1]);
    let again = Answered::ReadAgain { offset: 10 };
    assert_eq!(ledger.abandon(&batches[2]), again);
    assert!(generation.has_ended());
    assert_eq!(ledger.abandon(&batches[3]), Answered::Stale);
    assert_eq!(offsets_due(&ledger), NOTHING);
}

/// *Scenario:* the batch at one offset is abandoned again and again; between the rounds records before it
/// are done but not committed. Then progress is committed between two rounds.
/// *Guarantees:* the third time at one committed offset is fatal; committed progress starts the count anew.
#[test]
fn rule_4_the_third_time_at_one_offset_is_fatal() {
    let mut ledger = Ledger::default();
    let round = |ledger: &mut Ledger, from: i64, commit: bool| {
        let generation = Generation::begin();
        ledger.assigned(&partition(), &generation, from, true);
        let good = receipt(&generation, from, from + 5);
        let poison = receipt(&generation, from + 5, from + 6);
        ledger.begin(&good);
        ledger.begin(&poison);
        ledger.close(&good);
        if commit {
            ledger
                .committable()
                .iter()
                .for_each(|d| ledger.committed(d));
        }
        ledger.abandon(&poison)
    };
    assert_eq!(
        round(&mut ledger, 0, false),
        Answered::ReadAgain { offset: 0 }
    );
    assert_eq!(
        round(&mut ledger, 0, false),
        Answered::ReadAgain { offset: 0 }
    );
    assert_eq!(
        round(&mut ledger, 0, true),
        Answered::ReadAgain { offset: 5 }
    );
    assert_eq!(
        round(&mut ledger, 5, false),
        Answered::ReadAgain { offset: 5 }
    );
    assert_eq!(round(&mut ledger, 5, false), Answered::Fatal { offset: 5 });
}

/// *Scenario:* of three batches of a partition that drains, the first is done, the second is thrown away, the third
/// is done.
/// *Guarantees:* nothing is waited for any more, and only what lies before the second may be committed.
#[test]
fn rule_10_what_is_thrown_away_is_not_waited_for() {
    let (mut ledger, generation) = assigned_at(0);
    let batches = [0, 10, 20].map(|start| receipt(&generation, start, start + 10));
    batches.iter().for_each(|b| {
        ledger.begin(b);
    });
    ledger.drain(&partition());
    assert!(generation.is_draining() && !generation.has_ended());
    ledger.close(&batches[0]);
    ledger.give_up(&batches[1]);
    assert_eq!(ledger.close(&batches[2]), Answered::Waiting);
    assert_eq!(ledger.open(&partition(), generation.number()), 0);
    assert_eq!(offsets_due(&ledger), [10]);
    assert_eq!(ledger.close(&batches[1]), Answered::Stale);
    assert_eq!(offsets_due(&ledger), [10]);
}

/// *Scenario:* a partition of which nothing is committed begins where the configuration says.
/// *Guarantees:* that place is due for a commit though nothing was read, once: a start that depends on the moment
/// would skip records that were read, when the next one comes before the first commit.
#[test]
fn promise_1_where_reading_began_is_committed() {
    let (mut ledger, generation) = (Ledger::default(), Generation::begin());
    ledger.assigned(&partition(), &generation, 40, false);
    assert_eq!(offsets_due(&ledger), [40]);
    ledger
        .committable()
        .iter()
        .for_each(|d| ledger.committed(d));
    assert_eq!(offsets_due(&ledger), NOTHING);
}

/// *Scenario:* a partition is revoked and comes back; then answers of the first stretch arrive.
/// *Guarantees:* `end` ends the shared generation; late answers, begins and commits of it change nothing.
#[test]
fn rule_10_answers_of_an_ended_generation_change_nothing() {
    let (mut ledger, old) = assigned_at(0);
    let late = receipt(&old, 0, 10);
    ledger.begin(&late);
    let stale = Due {
        partition: partition(),
        generation: old.number(),
        offset: 10,
    };
    ledger.end(&partition());
    assert!(old.has_ended());
    assert_eq!(ledger.close(&late), Answered::Stale);

    let new = Generation::begin();
    ledger.assigned(&partition(), &new, 0, true);
    ledger.begin(&receipt(&new, 0, 10));
    assert_eq!(ledger.close(&late), Answered::Stale);
    assert_eq!(ledger.abandon(&late), Answered::Stale);
    assert_eq!(ledger.begin(&receipt(&old, 10, 20)), Begun::Stale);
    assert_eq!(ledger.idle(&partition(), &old, 50), Answered::Stale);
    ledger.committed(&stale);
    let position = ledger.positions().next().unwrap();
    assert_eq!(
        (
            position.committed,
            position.done,
            position.end,
            position.open
        ),
        (0, 0, 10, 1)
    );
}

/// *Scenario:* somebody else ends the shared generation (intake, in its own callback) while a batch is done
/// and another is open.
/// *Guarantees:* nothing of it is offered for a commit, and no drain waits for it.
#[test]
fn rule_10_only_live_generations_are_committed() {
    let (mut ledger, generation) = assigned_at(0);
    let first = receipt(&generation, 0, 10);
    ledger.begin(&first);
    ledger.begin(&receipt(&generation, 10, 20));
    ledger.close(&first);
    assert_eq!(offsets_due(&ledger), [10]);
    generation.end();
    assert_eq!(offsets_due(&ledger), NOTHING);
    assert_eq!(ledger.open(&partition(), generation.number()), 0);
    assert!(!ledger.is_live(&partition(), generation.number()));
}

/// *Scenario:* offsets jump back: inside a generation by mistake, and under a new generation as agreed.
/// *Guarantees:* inside, the generation ends and reading goes on at the lower offset; the third time is
/// fatal; a new generation starts at its position, and the old one has ended.
#[test]
fn offsets_that_jump_back_start_a_new_generation() {
    let mut ledger = Ledger::default();
    let mut jump_back = || {
        let generation = Generation::begin();
        ledger.assigned(&partition(), &generation, 50, true);
        ledger.begin(&receipt(&generation, 50, 60));
        let begun = ledger.begin(&receipt(&generation, 40, 45));
        assert!(generation.has_ended());
        begun
    };
    assert_eq!(jump_back(), Begun::ReadAgain { offset: 40 });
    assert_eq!(jump_back(), Begun::ReadAgain { offset: 40 });
    assert_eq!(jump_back(), Begun::Fatal { offset: 40 });

    let (mut ledger, old) = assigned_at(50);
    let new = Generation::begin();
    ledger.assigned(&partition(), &new, 40, true);
    assert!(old.has_ended() && !new.has_ended());
    let lower = receipt(&new, 40, 45);
    ledger.begin(&lower);
    assert_eq!(ledger.close(&lower), Answered::Advanced { to: 45 });
    assert_eq!(offsets_due(&ledger), [45]);
}

/// *Scenario:* the same assignment is told twice, with a batch open.
/// *Guarantees:* the second time changes nothing, and does not end the generation.
#[test]
fn the_same_assignment_twice_changes_nothing() {
    let (mut ledger, generation) = assigned_at(0);
    ledger.begin(&receipt(&generation, 0, 10));
    ledger.assigned(&partition(), &generation, 0, true);
    assert!(!generation.has_ended());
    assert_eq!(ledger.open(&partition(), generation.number()), 1);
}

/// What may happen to one partition, with numbers that pick among what is there.
#[derive(Clone, Debug)]
enum Step {
    Assign { back: i64 },
    Begin { gap: i64, records: i64 },
    Idle { offsets: i64 },
    Close { which: usize },
    Abandon { which: usize },
    Commit,
    End,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        1 => (0..30i64).prop_map(|back| Step::Assign { back }),
        6 => (0..3i64, 1..20i64).prop_map(|(gap, records)| Step::Begin { gap, records }),
        1 => (0..5i64).prop_map(|offsets| Step::Idle { offsets }),
        8 => any::<usize>().prop_map(|which| Step::Close { which }),
        1 => any::<usize>().prop_map(|which| Step::Abandon { which }),
        2 => Just(Step::Commit),
        1 => Just(Step::End),
    ];
    prop::collection::vec(step, 1..120)
}

/// Every offset by itself: true where it is done.
struct Model {
    generation: Generation,
    live: bool,
    position: i64,
    committed: i64,
    done: BTreeMap<i64, bool>,
    open: usize,
}

impl Model {
    fn at(position: i64) -> Self {
        Model {
            generation: Generation::begin(),
            live: true,
            position,
            committed: position,
            done: BTreeMap::new(),
            open: 0,
        }
    }

    fn end(&self) -> i64 {
        self.done
            .last_key_value()
            .map_or(self.position, |(o, _)| o + 1)
    }

    fn mark(&mut self, start: i64, end: i64, done: bool) {
        self.done.extend((start..end).map(|offset| (offset, done)));
    }

    /// The first offset that is not done.
    fn done_to(&self) -> i64 {
        let open = self.done.iter().find(|(_, done)| !**done);
        open.map_or(self.end(), |(o, _)| *o)
    }

    fn is_ours(&self, batch: &Batch) -> bool {
        self.live && batch.receipt.generation.number() == self.generation.number()
    }

    fn due(&self) -> Vec<i64> {
        let due = self.live && self.done_to() > self.committed;
        due.then(|| self.done_to()).into_iter().collect()
    }
}

/// A batch that was begun, and where its range really starts.
struct Batch {
    receipt: Receipt,
    from: i64,
}

fn take(ledger: &mut Ledger, model: &mut Model, batches: &mut Vec<Batch>, step: &Step) {
    match *step {
        Step::Assign { back } => {
            *model = Model::at((model.end() - back).max(0));
            ledger.assigned(&partition(), &model.generation, model.position, true);
        }
        Step::Begin { gap, records } => batches.push(begin(ledger, model, gap, records)),
        Step::Idle { offsets } => {
            let (start, end) = (model.end(), model.end() + offsets);
            ledger.idle(&partition(), &model.generation, end);
            if model.live {
                model.mark(start, end, true);
            }
        }
        Step::Close { which } | Step::Abandon { which } if !batches.is_empty() => {
            let batch = batches.swap_remove(which % batches.len());
            match step {
                Step::Close { .. } => close(ledger, model, &batch),
                _ => abandon(ledger, model, &batch),
            }
        }
        Step::Close { .. } | Step::Abandon { .. } => {}
        Step::Commit => {
            for due in ledger.committable() {
                ledger.committed(&due);
                model.committed = due.offset;
            }
        }
        Step::End => {
            ledger.end(&partition());
            model.live = false;
        }
    }
}

fn begin(ledger: &mut Ledger, model: &mut Model, gap: i64, records: i64) -> Batch {
    let from = model.end();
    let receipt = receipt(&model.generation, from + gap, from + gap + records);
    let begun = ledger.begin(&receipt);
    assert_eq!(begun == Begun::Stale, !model.live);
    if model.live {
        model.mark(from, receipt.end, false);
        model.open += 1;
    }
    Batch { receipt, from }
}

fn close(ledger: &mut Ledger, model: &mut Model, batch: &Batch) {
    let ours = model.is_ours(batch);
    assert_eq!(ledger.close(&batch.receipt) == Answered::Stale, !ours);
    if ours {
        model.mark(batch.from, batch.receipt.end, true);
        model.open -= 1;
    }
}

fn abandon(ledger: &mut Ledger, model: &mut Model, batch: &Batch) {
    let ours = model.is_ours(batch);
    match ledger.abandon(&batch.receipt) {
        Answered::Stale => assert!(!ours),
        Answered::ReadAgain { offset } | Answered::Fatal { offset } => {
            assert!(ours);
            assert_eq!(offset, model.committed);
            model.live = false;
        }
        other => panic!("{other:?}"),
    }
}

proptest! {
    /// *Scenario:* any sequence of assignments, batches with gaps before them, idle advances, answers in any
    /// order, abandonments, commits, revocations, and answers of generations that have ended.
    /// *Guarantees:* what is offered for a commit is exactly the first offset that is not done, so it never
    /// passes one; stale answers change nothing; memory stays bounded by what is open.
    #[test]
    fn promise_2_the_committed_offset_never_passes_a_record_that_is_not_done(steps in steps()) {
        let (mut ledger, mut model) = (Ledger::default(), Model::at(0));
        ledger.assigned(&partition(), &model.generation, 0, true);
        let mut batches = Vec::new();
        for step in &steps {
            take(&mut ledger, &mut model, &mut batches, step);
            prop_assert_eq!(offsets_due(&ledger), model.due());
            prop_assert_eq!(model.live, !model.generation.has_ended());
            let open = ledger.open(&partition(), model.generation.number());
            prop_assert_eq!(open, if model.live { model.open } else { 0 });
            let kept = ledger.owned.get(&partition()).map_or(0, |o| o.ranges.len());
            prop_assert!(kept <= 2 * open, "{} ranges for {} open", kept, open);
        }
    }

    /// *Scenario:* batches begin one after the other and all of them are answered, in any order.
    /// *Guarantees:* when the last one is closed, all of it is due: nothing is held back for ever.
    #[test]
    fn promise_1_what_is_done_is_committed_in_the_end(
        order in Just((0..40).collect::<Vec<i64>>()).prop_shuffle()
    ) {
        let (mut ledger, generation) = assigned_at(0);
        let batches: Vec<_> = (0..40).map(|i| receipt(&generation, 7 * i, 7 * i + 7)).collect();
        batches.iter().for_each(|b| assert_eq!(ledger.begin(b), Begun::Open));
        for i in &order {
            ledger.close(&batches[*i as usize]);
        }
        prop_assert_eq!(offsets_due(&ledger), [280]);
        prop_assert_eq!(ledger.owned[&partition()].ranges.len(), 0);
    }
}
