//! Pressure against a world that fills and drains.

use super::*;
use proptest::prelude::*;

const MAX: usize = 1000;
const BATCH: usize = 30;

fn partitions(count: usize) -> Vec<Partition> {
    (0..count)
        .map(|i| Partition::new("logs", i as i32))
        .collect()
}

fn decide(
    pressure: &mut Pressure,
    names: &[Partition],
    bytes: &[usize],
) -> Vec<(Partition, Change)> {
    let loads: Vec<(&Partition, usize)> = names.iter().zip(bytes.iter().copied()).collect();
    pressure.decide(bytes.iter().sum(), &loads)
}

proptest! {
    /// *Scenario:* polls bring up to a known number of bytes for partitions that are not paused, and lanes
    /// drain some, in any order; at the end everything drains.
    /// *Guarantees:* once the size of a poll is known, what is in flight never passes the sum; a change is only
    /// ever a change; when all has drained, all are read again.
    #[test]
    fn stays_under_the_sum_and_lets_go(
        count in 1..8usize,
        turns in prop::collection::vec((prop::collection::vec(0..40usize, 8), prop::collection::vec(0..120usize, 8)), 1..60),
    ) {
        let names = partitions(count);
        let mut pressure = Pressure::new(MAX, BATCH);
        let mut bytes = vec![0usize; count];
        let mut paused = vec![false; count];
        for (fetched, drained) in turns {
            pressure.polled(40 * count);
            for (partition, change) in decide(&mut pressure, &names, &bytes) {
                let i = partition.index as usize;
                prop_assert_eq!(paused[i], change == Change::Resume, "a change changes something");
                paused[i] = change == Change::Pause;
            }
            for i in 0..count {
                bytes[i] += if paused[i] { 0 } else { fetched[i] };
            }
            prop_assert!(bytes.iter().sum::<usize>() <= MAX, "{:?}", bytes);
            for i in 0..count {
                bytes[i] = bytes[i].saturating_sub(drained[i]);
            }
        }
        for (partition, change) in decide(&mut pressure, &names, &vec![0; count]) {
            prop_assert_eq!(change, Change::Resume);
            paused[partition.index as usize] = false;
        }
        prop_assert!(paused.iter().all(|p| !p));
        prop_assert!(!pressure.is_any_paused());
    }
}

/// *Scenario:* the load of one partition moves between the marks after it was paused.
/// *Guarantees:* nothing changes until it is at half of the high mark or below.
#[test]
fn does_not_flap() {
    let names = partitions(1);
    let mut pressure = Pressure::new(MAX, BATCH);
    assert_eq!(
        decide(&mut pressure, &names, &[MAX]),
        vec![(names[0].clone(), Change::Pause)]
    );
    for load in [999, 600, 501, 900, 501] {
        assert!(decide(&mut pressure, &names, &[load]).is_empty(), "{load}");
    }
    assert_eq!(
        decide(&mut pressure, &names, &[500]),
        vec![(names[0].clone(), Change::Resume)]
    );
}

/// *Scenario:* one partition of four is slow.
/// *Guarantees:* it is paused at its share, and the others are read on.
#[test]
fn a_slow_partition_pauses_alone() {
    let names = partitions(4);
    let mut pressure = Pressure::new(MAX, BATCH);
    let changes = decide(&mut pressure, &names, &[250, 10, 10, 10]);
    assert_eq!(changes, vec![(names[0].clone(), Change::Pause)]);
}

/// *Scenario:* bytes of a partition that is not ours any more are still in flight, and fill the sum.
/// *Guarantees:* they count: all others are paused.
#[test]
fn what_is_not_ours_counts() {
    let names = partitions(2);
    let mut pressure = Pressure::new(MAX, BATCH);
    let loads = [(&names[0], 0), (&names[1], 0)];
    assert_eq!(pressure.decide(MAX, &loads).len(), 2);
    assert_eq!(pressure.decide(0, &loads).len(), 2, "and resumed");
}
