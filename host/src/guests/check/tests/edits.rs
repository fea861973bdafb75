//! Answers of enrichers.

use super::super::super::answer::{Edits, Reason};
use super::super::edits;
use super::{given, input, span, text, value, wide_character};
use crate::model::{Columns, RESOURCE, TRACE_BYTES};
use fastrand::Rng;
use proptest::prelude::*;
use std::sync::Arc;

fn routes() -> Vec<Arc<str>> {
    vec!["audit".into(), "cold".into()]
}

/// A batch, and edits that keep every rule.
pub(crate) fn valid(rng: &mut Rng) -> (Columns, Edits) {
    let batch = input(rng);
    let own = text(rng);
    let mut e = Edits {
        text: own.clone(),
        routes: vec!["cold".into(), "audit".into(), "cold".into()],
        ..Edits::default()
    };
    let records = batch.len() as u32;
    if !batch.kind.is_empty() {
        e.remove = (0..rng.usize(..4))
            .map(|_| rng.u32(..batch.kind.len() as u32))
            .collect();
    }
    for _ in 0..if records == 0 { 0 } else { rng.usize(..12) } {
        let record = rng.u32(..records);
        edit(rng, &mut e, record, &batch.text, &own);
    }
    (batch, e)
}

fn edit(rng: &mut Rng, e: &mut Edits, record: u32, given: &[u8], own: &[u8]) {
    match rng.u8(..7) {
        0 | 1 => {
            let (kind, value) = value(rng, given, own);
            e.set_record.push(record);
            e.set_key.extend(span(rng, given, own, true));
            e.set_kind
                .push(if rng.bool() { kind | RESOURCE } else { kind });
            e.set_value.extend(value);
        }
        2 => {
            let (kind, value) = value(rng, given, own);
            e.body_record.push(record);
            e.body_kind.push(kind);
            e.body.extend(value);
        }
        3 => {
            e.time_record.push(record);
            e.time_seconds.push(rng.u32(..));
            e.time_nanos.push(rng.u32(..1_000_000_000));
            e.trace_record.push(record);
            e.trace.extend([7; TRACE_BYTES]);
        }
        4 => {
            e.severity_record.push(record);
            e.severity.push(rng.u8(..25));
            e.severity_text.extend(span(rng, given, own, true));
        }
        5 => {
            e.drop.push(record);
            if e.reasons.iter().all(|r| r.input != record) {
                e.reasons.push(Reason {
                    input: record,
                    message: "why".into(),
                });
            }
        }
        _ => {
            e.route_record.push(record);
            e.route.push(rng.u32(..3));
        }
    }
}

type Mutation = fn(&Columns, &mut Edits) -> bool;

macro_rules! longer {
    ($field:ident) => {
        |_: &Columns, e: &mut Edits| {
            e.$field.push(Default::default());
            true
        }
    };
}

macro_rules! first {
    ($value:expr, $field:ident) => {
        |batch: &Columns, e: &mut Edits| match e.$field.first_mut() {
            Some(entry) => {
                *entry = $value(batch);
                true
            }
            None => false,
        }
    };
}

fn beyond(batch: &Columns) -> u32 {
    batch.len() as u32
}

const MUTATIONS: &[(&str, Mutation)] = &[
    ("set-key longer", longer!(set_key)),
    ("set-kind longer", longer!(set_kind)),
    ("set-value longer", longer!(set_value)),
    ("body longer", longer!(body)),
    ("body-kind longer", longer!(body_kind)),
    ("time-seconds longer", longer!(time_seconds)),
    ("time-nanos longer", longer!(time_nanos)),
    ("severity longer", longer!(severity)),
    ("severity-text longer", longer!(severity_text)),
    ("trace longer", longer!(trace)),
    ("route longer", longer!(route)),
    ("set-record", first!(beyond, set_record)),
    ("body-record", first!(beyond, body_record)),
    ("time-record", first!(beyond, time_record)),
    ("severity-record", first!(beyond, severity_record)),
    ("trace-record", first!(beyond, trace_record)),
    ("drop", first!(beyond, drop)),
    ("route-record", first!(beyond, route_record)),
    ("remove", first!(|b: &Columns| b.kind.len() as u32, remove)),
    ("route", first!(|_| 3, route)),
    ("routes", first!(|_| "nowhere".to_owned(), routes)),
    ("time-nanos", first!(|_| 1_000_000_000, time_nanos)),
    ("severity", first!(|_| 25, severity)),
    ("body-kind", first!(|_| 4 | RESOURCE, body_kind)),
    ("set-kind", first!(|_| 7, set_kind)),
    ("set-kind reserved", first!(|_| 128, set_kind)),
    ("set-key outside", first!(|_| u32::MAX, set_key)),
    ("reason beyond", |batch, e| {
        let (input, message) = (beyond(batch), String::new());
        e.reasons.push(Reason { input, message });
        true
    }),
    ("reason twice", |_, e| {
        let again = e.reasons.first().cloned();
        again.map(|r| e.reasons.push(r)).is_some()
    }),
    ("key cut", |batch, e| {
        match wide_character(&batch.text, &e.text) {
            Some(at) if !e.set_key.is_empty() => {
                e.set_key[..2].copy_from_slice(&[at, 1]);
                true
            }
            _ => false,
        }
    }),
    ("severity-text cut", |batch, e| {
        match wide_character(&batch.text, &e.text) {
            Some(at) if !e.severity_text.is_empty() => {
                e.severity_text[..2].copy_from_slice(&[at + 1, 1]);
                true
            }
            _ => false,
        }
    }),
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// *Scenario:* edits of every group that keep every rule.
    /// *Guarantees:* none is called a fault.
    #[test]
    fn good_edits_pass(seed: u64) {
        let (batch, answer) = valid(&mut Rng::with_seed(seed));
        let checked = edits(given(&batch), &answer, &routes());
        prop_assert!(checked.is_ok(), "{:?}", checked);
    }

    /// *Scenario:* good edits in which one rule is broken.
    /// *Guarantees:* it is found, whichever rule it is.
    #[test]
    fn every_broken_rule_is_found(seed: u64) {
        for (name, mutate) in MUTATIONS {
            let (batch, mut answer) = valid(&mut Rng::with_seed(seed));
            if mutate(&batch, &mut answer) {
                prop_assert!(edits(given(&batch), &answer, &routes()).is_err(), "{}", name);
            }
        }
    }

    /// *Scenario:* columns of random numbers and lengths.
    /// *Guarantees:* the check neither panics nor overflows.
    #[test]
    fn garbage_never_panics(
        seed: u64,
        numbers in proptest::collection::vec(proptest::collection::vec(prop_oneof![0_u32..9, any::<u32>()], 0..8), 15),
        bytes in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..30), 5),
    ) {
        let batch = input(&mut Rng::with_seed(seed));
        let mut n = numbers.into_iter();
        let mut n = || n.next().unwrap_or_default();
        let mut b = bytes.into_iter();
        let mut b = || b.next().unwrap_or_default();
        let answer = Edits {
            text: b(), set_record: n(), set_key: n(), set_kind: b(), set_value: n(), remove: n(), body_record: n(),
            body_kind: b(), body: n(), time_record: n(), time_seconds: n(), time_nanos: n(), severity_record: n(),
            severity: b(), severity_text: n(), trace_record: n(), trace: b(), drop: n(), reasons: Vec::new(),
            route_record: n(), route: n(), routes: vec!["audit".into()],
        };
        let _ = edits(given(&batch), &answer, &routes());
    }
}

/// *Scenario:* every mutation, over many answers.
/// *Guarantees:* each finds something to break often enough to mean something.
#[test]
fn every_mutation_is_tried() {
    for (name, mutate) in MUTATIONS {
        let tried = (0..400_u64).filter(|seed| {
            let (batch, mut answer) = valid(&mut Rng::with_seed(*seed));
            mutate(&batch, &mut answer)
        });
        assert!(tried.count() >= 20, "{name}");
    }
}
