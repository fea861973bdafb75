//! One answer a batch and one fate an input, whatever becomes of the legs.

use super::*;
use crate::model::{Gauge, Generation, RawRecord};
use proptest::prelude::*;

const INPUTS: u32 = 8;

#[derive(Default)]
struct Answers(Mutex<Vec<Outcome>>);

impl Door for Answers {
    fn answer(&self, outcome: Outcome) {
        self.0.lock().unwrap().push(outcome);
    }
}

impl Answers {
    fn take(&self) -> Vec<Outcome> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

fn batch(door: &Arc<Answers>) -> (Leg, Generation, Gauge) {
    let partition = Partition::new("logs", 0);
    let mut raw = RawRecords::new(partition.clone());
    for offset in 0..i64::from(INPUTS) {
        let record = RawRecord {
            offset,
            timestamp_ms: 0,
            key: None,
            value: None,
        };
        raw.push(record, []);
    }
    let (generation, gauge) = (Generation::begin(), Gauge::default());
    let receipt = Receipt {
        partition,
        generation: generation.clone(),
        start: 0,
        end: i64::from(INPUTS),
    };
    let leg = Leg::open(receipt, raw, gauge.hold(100), door.clone());
    (leg, generation, gauge)
}

fn reason(by: usize) -> DeadReason {
    DeadReason {
        by: by.to_string().into(),
        version: "".into(),
        reason: String::new(),
        maybe_delivered: false,
    }
}

/// *Scenario:* a batch is forked to two outputs; one closes its leg long before the other.
/// *Guarantees:* the answer comes with the last leg and not before; the memory counts until it is settled.
#[test]
fn rule_2_a_batch_is_answered_when_every_leg_has_closed() {
    let door = Arc::new(Answers::default());
    let (first, _, gauge) = batch(&door);
    let second = first.fork();
    first.close();
    assert!(door.take().is_empty());
    second.close();
    let answers = door.take();
    assert_eq!(answers.len(), 1);
    assert_eq!(answers[0].end, End::Closed(Fates::default()));
    assert_eq!(gauge.total_bytes(), 100);
    drop(answers);
    assert_eq!(gauge.total_bytes(), 0);
}

/// *Scenario:* two outputs refuse records that come from one input; a sibling is delivered.
/// *Guarantees:* the input is dead once, and the first reason stands.
#[test]
fn rule_3_an_input_dies_once() {
    let door = Arc::new(Answers::default());
    let (first, ..) = batch(&door);
    let second = first.fork();
    first.refuse(3, reason(1));
    second.refuse(3, reason(2));
    first.close();
    second.close();
    let end = door.take().remove(0).end;
    let dead = BTreeMap::from([(3, reason(1))]);
    assert_eq!(end, End::Closed(Fates { dropped: 0, dead }));
}

/// *Scenario:* a leg is dropped without having been closed: first while the generation lives, then after it
/// has ended.
/// *Guarantees:* the first is reported as abandoned, though another leg closed; the second as cancelled.
#[test]
fn rule_4_an_unclosed_leg_is_reported() {
    let door = Arc::new(Answers::default());
    let (leg, ..) = batch(&door);
    drop(leg.fork());
    leg.close();
    assert_eq!(door.take()[0].end, End::Abandoned);

    let (leg, generation, _) = batch(&door);
    generation.end();
    assert!(leg.is_cancelled());
    drop(leg);
    assert_eq!(door.take()[0].end, End::Cancelled);
}

#[derive(Clone, Debug)]
enum Step {
    Fork(usize),
    Refuse(usize, u32),
    Dropped(usize),
    Close(usize),
    Drop(usize),
    End,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => any::<usize>().prop_map(Step::Fork),
        3 => (any::<usize>(), 0..INPUTS).prop_map(|(leg, input)| Step::Refuse(leg, input)),
        1 => any::<usize>().prop_map(Step::Dropped),
        5 => any::<usize>().prop_map(Step::Close),
        1 => any::<usize>().prop_map(Step::Drop),
        1 => Just(Step::End),
    ];
    prop::collection::vec(step, 0..40)
}

proptest! {
    /// *Scenario:* legs are forked, refuse inputs, are closed and dropped in any order, and the generation
    /// may end at any time; what is left is closed at the end.
    /// *Guarantees:* exactly one answer, with the last leg. It is closed if every leg was, with the first
    /// reason for every refused input and the sum of what was dropped; else it is abandoned, or cancelled
    /// where the generation has ended.
    #[test]
    fn rule_2_3_4_one_answer_and_one_fate_an_input(steps in steps()) {
        let door = Arc::new(Answers::default());
        let (leg, generation, _) = batch(&door);
        let (mut legs, mut fates, mut unclosed) = (vec![leg], Fates::default(), false);
        for (number, step) in steps.iter().enumerate() {
            if legs.is_empty() {
                break;
            }
            prop_assert!(door.0.lock().unwrap().is_empty());
            let count = legs.len();
            match *step {
                Step::Fork(i) => legs.push(legs[i % count].fork()),
                Step::Refuse(i, input) => {
                    legs[i % count].refuse(input, reason(number));
                    fates.dead.entry(input).or_insert(reason(number));
                }
                Step::Dropped(i) => {
                    legs[i % count].dropped(1);
                    fates.dropped += 1;
                }
                Step::Close(i) => legs.swap_remove(i % count).close(),
                Step::Drop(i) => {
                    drop(legs.swap_remove(i % count));
                    unclosed = true;
                }
                Step::End => generation.end(),
            }
        }
        legs.into_iter().for_each(Leg::close);
        let answers = door.take();
        prop_assert_eq!(answers.len(), 1);
        let wanted = match (unclosed, generation.has_ended()) {
            (false, _) => End::Closed(fates),
            // Whether it had ended when the last leg went: `End` may have come after that.
            (true, _) if answers[0].end == End::Abandoned => End::Abandoned,
            (true, true) => End::Cancelled,
            (true, false) => End::Abandoned,
        };
        prop_assert_eq!(&answers[0].end, &wanted);
    }
}
