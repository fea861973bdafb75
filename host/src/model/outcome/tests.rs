//! One answer a batch and one fate an input, whatever becomes of the legs.

use super::*;
use crate::model::testing::raised;
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
    assert_eq!(gauge.total_bytes(), answers[0].raw.weight());
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
    assert_eq!(
        end,
        End::Closed(Fates {
            dead,
            ..Fates::default()
        })
    );
}

/// *Scenario:* an input went into the record of another, which went into that of a third; an output refuses the
/// third, of which another output took a record.
/// *Guarantees:* all three are dead for the one reason, and the letters say that they may have been delivered.
#[test]
fn rule_3_joined_inputs_share_the_fate_of_their_giver() {
    let door = Arc::new(Answers::default());
    let (first, ..) = batch(&door);
    let second = first.fork();
    first.joined(vec![(1, 2), (2, 3)]);
    first.delivered(vec![3, 4]);
    second.refuse(3, reason(1));
    first.close();
    second.close();
    let End::Closed(fates) = door.take().remove(0).end else {
        panic!("not closed")
    };
    let dead: Vec<_> = fates.dead.iter().map(|(i, d)| (*i, &*d.by)).collect();
    assert_eq!(dead, [(1, "1"), (2, "1"), (3, "1")]);
    assert!(fates.dead.values().all(|d| d.maybe_delivered));
}

/// *Scenario:* a batch's encoded records are much larger than what it was; then outputs are done with them.
/// *Guarantees:* they count as in flight while outputs have them, and only then it helps a lane to wait.
#[test]
fn promise_6_what_plugins_add_is_counted() {
    let door = Arc::new(Answers::default());
    let (leg, _, gauge) = batch(&door);
    let raw = leg.raw().unwrap().weight();
    assert!(!leg.is_over(50), "outputs have none of it");
    leg.encoded(5_000);
    assert_eq!(gauge.total_bytes(), raw + 5_000);
    assert!(leg.is_over(4_000) && !leg.is_over(50_000));
    leg.close();
    assert_eq!(gauge.total_bytes(), raw);
    door.take();
    assert_eq!(gauge.total_bytes(), 0);
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

    for stop in [Generation::drain, Generation::end] {
        let (leg, generation, _) = batch(&door);
        stop(&generation);
        assert!(leg.is_cancelled());
        drop(leg);
        assert_eq!(door.take()[0].end, End::Cancelled);
    }
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

/// *Scenario:* rule 7 of the ledger: a batch raised two alerts, two anomalies and one alert that no output is named
/// for; one output takes all it is given, another refuses an input, an alert and an anomaly. The same for a tick, a
/// batch without records.
/// *Guarantees:* each has one fate: the refused ones become dead letters that may have been delivered, the others
/// count as delivered by their kind, the alert that goes nowhere as neither; inputs are counted by themselves.
#[test]
fn rule_7_findings_have_fates_of_their_own() {
    for inputs in [INPUTS, 0] {
        let door = Arc::new(Answers::default());
        let (mut leg, ..) = batch(&door);
        if inputs == 0 {
            let tick = Receipt {
                partition: Partition::new("logs", 0),
                generation: Generation::begin(),
                start: 0,
                end: 0,
            };
            let raw = RawRecords::new(tick.partition.clone());
            leg.close();
            door.take();
            leg = Leg::open(tick, raw, Gauge::default().hold(0), door.clone());
        }
        let (takes, refuses) = (leg.fork(), leg.fork());
        let all = [
            ("a", true),
            ("b", false),
            ("c", true),
            ("d", false),
            ("e", true),
        ];
        leg.findings(all.map(|(rule, is_alert)| raised(rule, is_alert)).to_vec());
        leg.close();
        takes.delivered((0..inputs + 4).collect());
        takes.close();
        for item in [inputs, inputs + 3] {
            refuses.refuse(item, reason(1));
        }
        if inputs > 0 {
            refuses.refuse(2, reason(1));
        }
        refuses.delivered(vec![inputs + 1, inputs + 2]);
        refuses.close();
        let [outcome] = door.take().try_into().unwrap();
        let End::Closed(fates) = outcome.end else {
            panic!("{:?}", outcome.end)
        };
        assert_eq!(fates.dead.len(), usize::from(inputs > 0));
        let dead: Vec<_> = fates.dead_findings.iter().collect();
        assert_eq!(dead.iter().map(|d| &*d.0.rule).collect::<String>(), "ad");
        assert!(dead.iter().all(|d| d.1.maybe_delivered));
        assert_eq!((fates.alerts, fates.anomalies), (1, 1));
    }
}
