//! The watchdog over made-up time.

use super::*;

fn partition(index: i32) -> Partition {
    Partition::new("logs", index)
}

fn at(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// One look: all partitions are at these positions, and their ends are those.
fn look(dog: &mut Watchdog, seconds: u64, seen: &[(i64, i64)]) -> Option<Partition> {
    let positions: Vec<_> = seen
        .iter()
        .zip(0..)
        .map(|((p, _), i)| (partition(i), *p))
        .collect();
    let still = dog.still(&positions);
    let ends = seen
        .iter()
        .zip(0..)
        .map(|((_, end), i)| (partition(i), *end));
    let ends: Vec<_> = ends.filter(|(p, _)| still.contains(p)).collect();
    dog.stuck(at(seconds), &ends).cloned()
}

/// *Scenario:* one partition moves, one stands at its end, one stands behind it.
/// *Guarantees:* only the last is reported, once it has stood there for the whole time.
#[test]
fn a_partition_behind_its_end() {
    let mut dog = Watchdog::default();
    for seconds in (0..135).step_by(15) {
        let moving = seconds as i64;
        assert_eq!(
            look(&mut dog, seconds, &[(moving, 1000), (7, 7), (3, 4)]),
            None,
            "{seconds}"
        );
    }
    assert_eq!(
        look(&mut dog, 135, &[(135, 1000), (7, 7), (3, 4)]),
        Some(partition(2))
    );
}

/// *Scenario:* a partition had nothing to read for an hour, and a record comes just before a look.
/// *Guarantees:* it is not reported: the time runs from when there was something to read. Reading it starts
/// the time anew.
#[test]
fn idle_is_not_stuck() {
    let mut dog = Watchdog::default();
    for seconds in (0..3600).step_by(15) {
        assert_eq!(look(&mut dog, seconds, &[(5, 5)]), None);
    }
    assert_eq!(look(&mut dog, 3600, &[(5, 6)]), None);
    assert_eq!(look(&mut dog, 3690, &[(6, 7)]), None);
    for seconds in (3705..3810).step_by(15) {
        assert_eq!(look(&mut dog, seconds, &[(6, 7)]), None);
    }
    assert_eq!(look(&mut dog, 3825, &[(6, 7)]), Some(partition(0)));
}

/// *Scenario:* a partition stands behind its end, is paused for one look, and goes on standing.
/// *Guarantees:* the time starts anew after the pause.
#[test]
fn a_pause_starts_anew() {
    let mut dog = Watchdog::default();
    look(&mut dog, 0, &[(5, 6)]);
    look(&mut dog, 15, &[(5, 6)]);
    assert_eq!(look(&mut dog, 30, &[]), None);
    for seconds in (45..165).step_by(15) {
        assert_eq!(look(&mut dog, seconds, &[(5, 6)]), None, "{seconds}");
    }
}

/// *Scenario:* no partitions for a while, some, and none again.
/// *Guarantees:* the group is to be asked only after the whole time without any.
#[test]
fn without_partitions() {
    let mut dog = Watchdog::default();
    assert!(!dog.is_unassigned(at(0), 0));
    assert!(!dog.is_unassigned(at(80), 0));
    assert!(!dog.is_unassigned(at(85), 3));
    assert!(!dog.is_unassigned(at(95), 0));
    assert!(!dog.is_unassigned(at(184), 0));
    assert!(dog.is_unassigned(at(185), 0));
}
