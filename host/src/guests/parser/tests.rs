//! Merging the answers of several parsers, against a plain model.

use super::*;
use crate::guests::check::Encoding;
use crate::guests::testing::{View, input, records, text, views};
use fastrand::Rng;
use proptest::prelude::*;

/// What a record inherits, as the contract says it.
fn inherit(mut new: View, from: &View, parsed: bool) -> View {
    for a in &from.attributes {
        if !new.attributes.iter().any(|b| (b.0, &b.1) == (a.0, &a.1)) {
            new.attributes.push(a.clone());
        }
    }
    if parsed {
        if new.time == (0, 0) {
            new.time = from.time;
        }
        if new.severity == (0, Vec::new()) {
            new.severity = from.severity.clone();
        }
        if new.trace.iter().all(|b| *b == 0) {
            new.trace = from.trace.clone();
        }
    }
    new
}

/// A piece about some records, and the views of the new records of each.
fn piece(rng: &mut Rng, flow: &Flow, about: &[u32], kind: u8) -> (Piece, Vec<(u32, View)>) {
    let whole = kind == 0;
    let given = match kind {
        0 => flow.columns.clone(),
        1 => splice::take(&flow.columns, about.iter().map(|r| *r as usize)),
        _ => splice::copy(&flow.columns, about.iter().map(|r| *r as usize)),
    };
    let own = text(rng);
    let mut parsed = Parsed {
        verdicts: vec![verdict::DROPPED; given.len()],
        ..Parsed::default()
    };
    for (i, record) in about.iter().enumerate() {
        let local = if whole { *record } else { i as u32 };
        parsed.verdicts[local as usize] = verdict::EMITTED;
        parsed
            .input
            .extend(std::iter::repeat_n(local, rng.usize(1..3)));
    }
    parsed.records = records(rng, parsed.input.len(), &given.text, &own);
    for r in 0..parsed.records.len() {
        if rng.bool() {
            (
                parsed.records.seconds[r],
                parsed.records.nanos[r],
                parsed.records.severity[r],
            ) = (0, 0, 0);
        }
    }
    let mut all = parsed.records.clone();
    all.text = [&given.text[..], &own].concat();
    let records: Vec<u32> = if whole { Vec::new() } else { about.to_vec() };
    let of = |local: u32| if whole { local } else { about[local as usize] };
    let found = parsed
        .input
        .iter()
        .map(|l| of(*l))
        .zip(views(&all))
        .collect();
    let summary = Summary {
        encoding: Encoding::of(&own),
        ..Summary::default()
    };
    let piece = Piece {
        checked: Checked { parsed, summary },
        records,
        text: (kind == 2).then_some(given.text),
    };
    (piece, found)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    /// *Scenario:* records of a batch are taken by one of up to three parsers, by none, or settled; parsers were
    /// given the whole batch, some records over its text, or some over a text of their own.
    /// *Guarantees:* new records come in the order of the input, each with what its parser found and what its
    /// giver had; what nobody took passes unchanged; each names its raw record.
    #[test]
    fn answers_merge_in_the_order_of_the_input(seed: u64, kinds: [u8; 3]) {
        let mut rng = Rng::with_seed(seed);
        let mut flow = Flow::raw(input(&mut rng));
        let count = flow.columns.len() as u32;
        flow.parsed = (0..count).map(|_| rng.bool()).collect();
        flow.input = (0..count).map(|r| 2 * r).collect();
        let takers = rng.u32(1..=3);
        let choices = [0, 1, 2, NOBODY, SETTLED];
        let taker: Vec<u32> = (0..count).map(|_| choices[rng.usize(..)% choices.len()]).map(|t| if t > 2 || t < takers { t } else { 0 }).collect();
        let before = views(&flow.columns);
        let mut found: Vec<(u32, View)> = Vec::new();
        let mut pieces = Vec::new();
        for number in 0..takers {
            let about: Vec<u32> = (0..count).filter(|r| taker[*r as usize] == number).collect();
            let kind = kinds[number as usize] % 3;
            let (piece, views) = piece(&mut rng, &flow, &about, if number == 0 { 0 } else { 1 + kind % 2 });
            pieces.push(piece);
            found.extend(views);
        }
        found.sort_by_key(|(r, _)| *r);
        let mut expected: Vec<(u32, View)> = found.into_iter().map(|(r, view)| (r, inherit(view, &before[r as usize], flow.parsed[r as usize]))).collect();
        let passing = (0..count).filter(|r| taker[*r as usize] == NOBODY);
        expected.extend(passing.map(|r| (r, before[r as usize].clone())));
        expected.sort_by_key(|(r, _)| *r);

        let parsed = flow.parsed.clone();
        let mut fates = Fates::default();
        let stage = Stage { flow, fates: &mut fates, pieces, taker: taker.clone(), said: Vec::new(), bypassed: None };
        let merged = stage.merge();
        prop_assert_eq!(merged.input.iter().map(|r| r / 2).collect::<Vec<_>>(), expected.iter().map(|e| e.0).collect::<Vec<_>>());
        prop_assert_eq!(views(&merged.columns), expected.iter().map(|e| e.1.clone()).collect::<Vec<_>>());
        let was = |r: u32| parsed[r as usize] || taker[r as usize] != NOBODY;
        prop_assert_eq!(merged.parsed, expected.iter().map(|e| was(e.0)).collect::<Vec<_>>());
        prop_assert!(Encoding::of(&merged.columns.text) <= merged.encoding);
    }
}
