//! Random records, cut up and put together.

use super::*;
use crate::guests::testing::{input, views};
use fastrand::Rng;
use proptest::prelude::*;
use std::collections::BTreeSet;

/// The bytes of the text that spans point to.
fn covered(c: &mut Columns) -> usize {
    let mut bytes = BTreeSet::new();
    each_span(c, |start, length| bytes.extend(*start..*start + length));
    bytes.len()
}

proptest! {
    /// *Scenario:* random records over a text with gaps, overlapping and shared spans.
    /// *Guarantees:* compacting changes no record, and leaves exactly the bytes that spans point to.
    #[test]
    fn compacting_keeps_records_and_nothing_else(seed: u64) {
        let mut columns = input(&mut Rng::with_seed(seed));
        let (before, bytes) = (views(&columns), covered(&mut columns));
        compact(&mut columns);
        prop_assert_eq!(views(&columns), before);
        prop_assert_eq!(columns.text.len(), bytes);
    }

    /// *Scenario:* random records over a text with gaps, overlapping and shared spans.
    /// *Guarantees:* no record changes; exactly the bytes that no span points to become zero.
    #[test]
    fn hiding_keeps_records_and_nothing_else(seed: u64) {
        let mut columns = input(&mut Rng::with_seed(seed));
        let mut pointed = BTreeSet::new();
        each_span(&mut columns, |start, length| pointed.extend(*start..*start + length));
        let mut expected = columns.text.clone();
        for (at, byte) in expected.iter_mut().enumerate() {
            *byte *= u8::from(pointed.contains(&(at as u32)));
        }
        let before = views(&columns);
        hide(&mut columns);
        prop_assert_eq!(views(&columns), before);
        prop_assert_eq!(columns.text, expected);
    }

    /// *Scenario:* some records of random ones.
    /// *Guarantees:* taking, copying and retaining them give the same records; a copy has no text of others.
    #[test]
    fn records_are_taken_out_whole(seed: u64, mask: u64) {
        let columns = input(&mut Rng::with_seed(seed));
        let chosen: Vec<usize> = (0..columns.len()).filter(|r| mask >> r & 1 == 1).collect();
        let expected: Vec<_> = chosen.iter().map(|r| views(&columns)[*r].clone()).collect();
        prop_assert_eq!(views(&take(&columns, chosen.iter().copied())), &expected[..]);
        let mut copied = copy(&columns, chosen.iter().copied());
        prop_assert_eq!(views(&copied), &expected[..]);
        prop_assert_eq!(copied.text.len(), covered(&mut copied));
        let keep: Vec<bool> = (0..columns.len()).map(|r| mask >> r & 1 == 1).collect();
        let mut retained = columns;
        retain(&mut retained, &keep);
        prop_assert_eq!(views(&retained), expected);
    }
}

/// *Scenario:* spans that all lie over each other in a large text.
/// *Guarantees:* compacting is a matter of milliseconds, whatever a plugin returns.
#[test]
fn compacting_is_linear() {
    const SPANS: u32 = 200_000;
    let mut columns = Columns {
        text: vec![b'x'; 1 << 20],
        ..Columns::default()
    };
    columns.seconds = vec![0; SPANS as usize];
    columns.body = (0..SPANS).flat_map(|i| [i, (1 << 20) - SPANS]).collect();
    let start = std::time::Instant::now();
    compact(&mut columns);
    assert_eq!(columns.text.len(), (1 << 20) - 1);
    assert!(start.elapsed() < std::time::Duration::from_secs(5));
}
