//! What became of inputs, and which texts stay.

use super::*;
use crate::guests::testing::{input, views};
use fastrand::Rng;
use proptest::prelude::*;

fn reason(text: &str) -> DeadReason {
    DeadReason {
        by: "p".into(),
        version: "1".into(),
        reason: text.into(),
        maybe_delivered: false,
    }
}

/// *Scenario:* inputs that are delivered, dropped, dead, dead in part, and joined to each of them.
/// *Guarantees:* each has one fate, dead over delivered over dropped; a dead one of which a part goes on says so;
/// what was joined shares the fate of what it went into, through two stages.
#[test]
fn each_input_has_one_fate() {
    let mut fates = Fates::default();
    fates.refuse(2, reason("first"));
    fates.refuse(2, reason("second"));
    fates.refuse(3, reason("part"));
    fates.join(4, 0); // delivered with 0
    fates.join(5, 1); // dropped with 1
    fates.join(6, 2); // dead with 2
    fates.join(7, 8); // 8 goes into 2 in a later stage
    fates.join(8, 2);
    let drop = |input, reason: &str| Dropped {
        input,
        by: "p".into(),
        reason: Some(reason.into()),
    };
    fates.drop(drop(0, "one of its two records"));
    fates.drop(drop(1, "all of it"));
    let ends = fates.end(9, &[0, 0, 3]);
    let dead: Vec<_> = ends
        .dead
        .iter()
        .map(|(i, d)| (*i, d.reason.as_str(), d.maybe_delivered))
        .collect();
    assert_eq!(
        dead,
        [
            (2, "first", false),
            (3, "part", true),
            (6, "first", false),
            (7, "first", false),
            (8, "first", false)
        ]
    );
    assert_eq!(ends.dropped, 2, "1 and 5");
    assert_eq!(ends.drops, [drop(1, "all of it"), drop(5, "all of it")]);
}

proptest! {
    /// *Scenario:* any inputs refused, joined and left in the end.
    /// *Guarantees:* delivered, dropped and dead ones add up to all.
    #[test]
    fn fates_balance(seed: u64) {
        let mut rng = Rng::with_seed(seed);
        let inputs = rng.usize(1..40);
        let mut fates = Fates::default();
        for _ in 0..rng.usize(..10) {
            fates.refuse(rng.u32(..inputs as u32), reason("r"));
            fates.join(rng.u32(..inputs as u32), rng.u32(..inputs as u32));
        }
        let left: Vec<u32> = (0..inputs as u32).filter(|_| rng.bool()).collect();
        let ends = fates.end(inputs, &left);
        let dead: Vec<u32> = ends.dead.iter().map(|(i, _)| *i).collect();
        prop_assert!(dead.is_sorted());
        let delivered = left.iter().filter(|i| !dead.contains(i)).count();
        prop_assert!(delivered + dead.len() + ends.dropped <= inputs);
    }

    /// *Scenario:* a batch is cut into parts, which are put together again.
    /// *Guarantees:* nothing changes.
    #[test]
    fn parts_make_the_whole(seed: u64, cut: prop::sample::Index) {
        let mut flow = Flow::raw(input(&mut Rng::with_seed(seed)));
        let records = flow.columns.len();
        flow.parsed = (0..records).map(|r| r % 2 == 0).collect();
        flow.route = (0..records as u32).map(|r| r % 3).collect();
        let cut = cut.index(records + 1);
        let mut whole = Flow::default();
        whole.append(flow.part(0..cut));
        whole.append(flow.part(cut..records));
        prop_assert_eq!(views(&whole.columns), views(&flow.columns));
        prop_assert_eq!((whole.input, whole.parsed, whole.route), (flow.input, flow.parsed, flow.route));
    }
}

/// *Scenario:* records that a parser gave, and raw ones, at the end of the parsers.
/// *Guarantees:* Kafka's time is never an event's.
#[test]
fn kafka_time_is_forgotten() {
    let mut columns = Columns::default();
    for _ in 0..2 {
        crate::guests::splice::push_record(&mut columns, &Columns::default(), 0, true, |_, s, _| s);
    }
    columns.seconds = vec![7, 7];
    let mut flow = Flow::raw(columns);
    flow.parsed = vec![false, true];
    flow.forget_kafka_time();
    assert_eq!(flow.columns.seconds, [0, 7]);
}

/// *Scenario:* a text of which most is pointed to by nothing, a text that is small, and one that is well used.
/// *Guarantees:* only the first is compacted, unless something was taken away.
#[test]
fn sparse_text_is_left_behind() {
    let flow = |bytes: usize, used: u32| {
        let columns = Columns {
            text: vec![b'x'; bytes],
            seconds: vec![0],
            nanos: vec![0],
            severity: vec![0],
            body: vec![0, used],
            attribute_end: vec![0],
            ..Columns::default()
        };
        Flow {
            covered: u64::from(used),
            ..Flow::raw(columns)
        }
    };
    let tidied = |mut f: Flow| {
        f.tidy();
        f.columns.text.len()
    };
    assert_eq!(tidied(flow(40_000, 100)), 100);
    assert_eq!(tidied(flow(40_000, 30_000)), 40_000);
    assert_eq!(tidied(flow(1_000, 10)), 1_000);
}
