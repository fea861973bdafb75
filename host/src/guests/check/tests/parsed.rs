//! Answers of parsers.

use super::super::super::answer::{Parsed, Reason, Size, verdict};
use super::super::{Given, parsed};
use super::{given, input, records, text, wide_character};
use crate::model::{Columns, Kind, RESOURCE};
use fastrand::Rng;
use proptest::prelude::*;
use std::collections::HashSet;

/// A batch, and an answer that keeps every rule.
fn valid(rng: &mut Rng) -> (Columns, Parsed) {
    let batch = input(rng);
    let own = text(rng);
    let mut answer = Parsed::default();
    for i in 0..batch.len() as u32 {
        let verdict = rng.u8(..=verdict::JOINED);
        answer.verdicts.push(verdict);
        if verdict == verdict::EMITTED {
            let records = rng.usize(1..4);
            answer.input.extend(std::iter::repeat_n(i, records));
        }
        if rng.u8(..3) == 0 {
            let message = "why".to_owned();
            answer.reasons.push(Reason { input: i, message });
        }
    }
    answer.records = records(rng, answer.input.len(), &batch.text, &own);
    for i in 0..batch.len() {
        if answer.verdicts[i] == verdict::JOINED && answer.input.is_empty() {
            answer.verdicts[i] = verdict::DROPPED;
        } else if answer.verdicts[i] == verdict::JOINED {
            let record = rng.u32(..answer.input.len() as u32);
            answer.joined.extend([i as u32, record]);
        }
    }
    (batch, answer)
}

/// Breaks one rule; whether there was something to break.
type Mutation = fn(&mut Rng, &Columns, &mut Parsed) -> bool;

fn pick<T>(rng: &mut Rng, column: &[T]) -> Option<usize> {
    (!column.is_empty()).then(|| rng.usize(..column.len()))
}

macro_rules! longer {
    ($($field:ident).+) => {
        |_: &mut Rng, _: &Columns, a: &mut Parsed| {
            a.$($field).+.push(Default::default());
            true
        }
    };
}

macro_rules! shorter {
    ($($field:ident).+) => {
        |_: &mut Rng, _: &Columns, a: &mut Parsed| a.$($field).+.pop().is_some()
    };
}

macro_rules! entry {
    ($value:expr, $($field:ident).+) => {
        |rng: &mut Rng, _: &Columns, a: &mut Parsed| match pick(rng, &a.$($field).+) {
            Some(i) => {
                a.$($field).+[i] = $value;
                true
            }
            None => false,
        }
    };
}

const MUTATIONS: &[(&str, Mutation)] = &[
    ("nanos longer", longer!(records.nanos)),
    ("severity longer", longer!(records.severity)),
    ("body longer", longer!(records.body)),
    ("ends longer", longer!(records.attribute_end)),
    ("seconds longer", longer!(records.seconds)),
    ("severity-text longer", longer!(records.severity_text)),
    ("body-kind longer", |_, _, a| {
        a.records.body_kind.push(0);
        a.records.body_kind.len() != a.records.seconds.len()
    }),
    ("trace longer", longer!(records.trace)),
    ("key longer", longer!(records.key)),
    ("kind longer", longer!(records.kind)),
    ("value longer", longer!(records.value)),
    ("input longer", longer!(input)),
    ("verdicts longer", longer!(verdicts)),
    ("joined longer", longer!(joined)),
    ("nanos shorter", shorter!(records.nanos)),
    ("key shorter", shorter!(records.key)),
    ("trace shorter", shorter!(records.trace)),
    ("input shorter", shorter!(input)),
    ("verdicts shorter", shorter!(verdicts)),
    ("joined shorter", shorter!(joined)),
    ("nanos", entry!(1_000_000_000, records.nanos)),
    ("severity", entry!(25, records.severity)),
    ("kind unknown", entry!(7, records.kind)),
    ("kind reserved", entry!(132, records.kind)),
    (
        "body-kind of a resource",
        entry!(4 | RESOURCE, records.body_kind),
    ),
    ("end beyond", entry!(1 << 20, records.attribute_end)),
    ("verdict unknown", entry!(6, verdicts)),
    ("verdict incomplete", entry!(verdict::INCOMPLETE, verdicts)),
    ("input beyond", entry!(1 << 20, input)),
    ("reason beyond", |_, batch, a| {
        let (input, message) = (batch.len() as u32, String::new());
        a.reasons.push(Reason { input, message });
        true
    }),
    ("reason twice", |rng, _, a| match pick(rng, &a.reasons) {
        Some(i) => {
            let again = a.reasons[i].clone();
            a.reasons.push(again);
            true
        }
        None => false,
    }),
    ("span outside", |rng, batch, a| {
        match pick(rng, &a.records.seconds) {
            Some(i) => {
                let end = (batch.text.len() + a.records.text.len()) as u32;
                body(a, i, [end, 1])
            }
            None => false,
        }
    }),
    ("span across", |rng, batch, a| {
        match pick(rng, &a.records.seconds) {
            Some(i) if !batch.text.is_empty() && !a.records.text.is_empty() => {
                a.records
                    .body_kind
                    .resize(a.records.seconds.len(), Kind::Text as u8);
                a.records.body_kind[i] = Kind::Bytes as u8;
                body(a, i, [batch.text.len() as u32 - 1, 2])
            }
            _ => false,
        }
    }),
    ("span overflow", |rng, _, a| {
        match pick(rng, &a.records.kind) {
            Some(i) => {
                a.records.key[2 * i..2 * i + 2].copy_from_slice(&[u32::MAX, u32::MAX]);
                true
            }
            None => false,
        }
    }),
    ("span cut at its start", |rng, batch, a| {
        cut(rng, batch, a, 1, 1)
    }),
    ("span cut at its end", |rng, batch, a| {
        cut(rng, batch, a, 0, 1)
    }),
    ("key cut", |rng, batch, a| {
        let wide = wide_character(&batch.text, &a.records.text);
        match (pick(rng, &a.records.kind), wide) {
            (Some(i), Some(at)) => {
                a.records.key[2 * i..2 * i + 2].copy_from_slice(&[at, 1]);
                true
            }
            _ => false,
        }
    }),
    ("ends decrease", |_, _, a| {
        let ends = &mut a.records.attribute_end;
        let at = ends.windows(2).position(|w| w[0] < w[1]);
        at.map(|i| ends.swap(i, i + 1)).is_some()
    }),
    ("ends before the last", |_, _, a| {
        match a.records.attribute_end.last_mut() {
            Some(end) if *end > 0 => {
                *end -= 1;
                true
            }
            _ => false,
        }
    }),
    ("attribute twice", |rng, _, a| {
        let c = &mut a.records;
        let Some(i) = pick(rng, &c.kind) else {
            return false;
        };
        let key = [c.key[2 * i], c.key[2 * i + 1]];
        c.key.splice(2 * i..2 * i, key);
        c.kind.insert(i, c.kind[i] & RESOURCE);
        c.value.splice(2 * i..2 * i, [0, 0]);
        c.attribute_end
            .iter_mut()
            .filter(|e| **e as usize > i)
            .for_each(|e| *e += 1);
        true
    }),
    ("input decreases", |_, _, a| {
        let at = a.input.windows(2).position(|w| w[0] < w[1]);
        at.map(|i| a.input.swap(i, i + 1)).is_some()
    }),
    ("input not emitted", |rng, _, a| {
        let Some(i) = pick(rng, &a.input) else {
            return false;
        };
        a.verdicts[a.input[i] as usize] = verdict::DROPPED;
        true
    }),
    ("emitted without a record", |_, _, a| {
        let at = a.verdicts.iter().position(|v| *v == verdict::NOT_MINE);
        at.map(|i| a.verdicts[i] = verdict::EMITTED).is_some()
    }),
    ("joined to what is not there", |rng, _, a| {
        let pairs = a.joined.len() / 2;
        if pairs == 0 {
            return false;
        }
        a.joined[2 * rng.usize(..pairs) + 1] = a.input.len() as u32;
        true
    }),
    ("joined out of order", |_, _, a| {
        let pairs = a.joined.len() / 2;
        if pairs < 2 {
            return false;
        }
        a.joined.swap(0, 2);
        true
    }),
    ("joined not said", |_, _, a| {
        let at = a.verdicts.iter().position(|v| *v == verdict::JOINED);
        at.map(|i| a.verdicts[i] = verdict::DROPPED).is_some()
    }),
];

fn body(a: &mut Parsed, i: usize, span: [u32; 2]) -> bool {
    let is_span =
        Kind::of(a.records.body_kind.get(i).copied().unwrap_or(4)).is_some_and(Kind::is_span);
    a.records.body[2 * i..2 * i + 2].copy_from_slice(&span);
    is_span
}

fn cut(rng: &mut Rng, batch: &Columns, a: &mut Parsed, from: u32, length: u32) -> bool {
    let wide = wide_character(&batch.text, &a.records.text);
    match (pick(rng, &a.records.seconds), wide) {
        (Some(i), Some(at)) => {
            a.records.body_kind.clear();
            // Bodies of other kinds hold numbers that are no spans.
            a.records.body.fill(0);
            body(a, i, [at + from, length])
        }
        _ => false,
    }
}

/// The rules of `log-batch` once more, as slowly and plainly as they can be said.
fn is_plainly_good(batch: &Columns, a: &Parsed) -> bool {
    let (c, n) = (&a.records, a.records.seconds.len());
    let all = [&batch.text[..], &c.text].concat();
    let border = batch.text.len();
    let span = |s: &[u32], utf8: bool| {
        let (start, end) = (s[0] as usize, s[0] as usize + s[1] as usize);
        let within = if start < border {
            end <= border
        } else {
            end <= all.len()
        };
        within && (!utf8 || std::str::from_utf8(&all[start..end]).is_ok())
    };
    let value = |k: u8, v: &[u32]| match Kind::of(k) {
        Some(Kind::Text | Kind::Json) => span(v, true),
        Some(Kind::Bytes) => span(v, false),
        kind => kind.is_some(),
    };
    let lengths = [
        c.nanos.len(),
        c.severity.len(),
        c.attribute_end.len(),
        c.body.len() / 2,
    ]
    .iter()
    .all(|l| *l == n)
        && c.body.len() % 2 == 0
        && [0, 2 * n].contains(&c.severity_text.len())
        && [0, n].contains(&c.body_kind.len())
        && [0, 25 * n].contains(&c.trace.len())
        && [c.key.len(), c.value.len()] == [2 * c.kind.len(); 2];
    lengths
        && c.nanos.iter().all(|x| *x < 1_000_000_000)
        && c.severity.iter().all(|x| *x <= 24)
        && c.severity_text.chunks(2).all(|s| span(s, true))
        && (0..n).all(|i| match c.body_kind.get(i) {
            None => span(&c.body[2 * i..], true),
            Some(k) => *k < 7 && value(*k, &c.body[2 * i..]),
        })
        && c.key.chunks(2).all(|s| span(s, true))
        && c.kind
            .iter()
            .zip(c.value.chunks(2))
            .all(|(k, v)| value(*k, v))
        && c.attribute_end.is_sorted()
        && c.attribute_end.last().copied().unwrap_or(0) as usize == c.kind.len()
        && (0..n).all(|i| {
            let mut seen = HashSet::new();
            c.attributes(i).all(|at| {
                let (start, length) = (c.key[2 * at] as usize, c.key[2 * at + 1] as usize);
                seen.insert((c.kind[at] & RESOURCE, &all[start..start + length]))
            })
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// *Scenario:* answers that keep every rule, with all kinds, verdicts and optional columns, over ASCII, UTF-8
    /// and other bytes.
    /// *Guarantees:* none is called a fault, and verdicts are counted.
    #[test]
    fn good_answers_pass(seed: u64) {
        let (batch, answer) = valid(&mut Rng::with_seed(seed));
        let summary = parsed(given(&batch), &answer);
        prop_assert!(summary.is_ok(), "{:?}", summary);
        let counted: usize = summary.map(|s| s.verdicts.iter().sum()).unwrap_or(0);
        prop_assert_eq!(counted, batch.len());
    }

    /// *Scenario:* a good answer in which one rule is broken.
    /// *Guarantees:* it is found, whichever rule it is.
    #[test]
    fn every_broken_rule_is_found(seed: u64) {
        for (name, mutate) in MUTATIONS {
            let mut rng = Rng::with_seed(seed);
            let (batch, mut answer) = valid(&mut rng);
            if mutate(&mut rng, &batch, &mut answer) {
                prop_assert!(parsed(given(&batch), &answer).is_err(), "{}", name);
            }
        }
    }

    /// *Scenario:* one number of a good answer's records becomes another one.
    /// *Guarantees:* the check says what the rules say when they are applied slowly and plainly.
    #[test]
    fn the_check_is_as_strict_as_the_rules(seed: u64) {
        let mut rng = Rng::with_seed(seed);
        let (batch, mut answer) = valid(&mut rng);
        let c = &mut answer.records;
        let wide: [&mut Vec<u32>; 6] = [&mut c.nanos, &mut c.severity_text, &mut c.body, &mut c.attribute_end, &mut c.key, &mut c.value];
        for column in wide {
            if let (0, Some(i)) = (rng.u8(..3), pick(&mut rng, column)) {
                column[i] = rng.u32(..80);
            }
        }
        if let (0, Some(i)) = (rng.u8(..3), pick(&mut rng, &c.kind)) {
            c.kind[i] = rng.u8(..);
        }
        prop_assert_eq!(parsed(given(&batch), &answer).is_ok(), is_plainly_good(&batch, &answer));
    }

    /// *Scenario:* columns of random numbers and lengths.
    /// *Guarantees:* the check neither panics nor overflows.
    #[test]
    fn garbage_never_panics(
        seed: u64,
        bytes in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..60), 6),
        numbers in proptest::collection::vec(proptest::collection::vec(prop_oneof![0_u32..9, any::<u32>()], 0..12), 9),
    ) {
        let (b, n) = (&bytes, &numbers);
        let batch = input(&mut Rng::with_seed(seed));
        let records = Columns {
            text: b[0].clone(), severity: b[1].clone(), body_kind: b[2].clone(), trace: b[3].clone(), kind: b[4].clone(),
            seconds: n[0].clone(), nanos: n[1].clone(), severity_text: n[2].clone(), body: n[3].clone(),
            attribute_end: n[4].clone(), key: n[5].clone(), value: n[6].clone(),
        };
        let reasons = vec![Reason { input: n[7].first().copied().unwrap_or(0), message: String::new() }];
        let answer = Parsed { records, input: n[7].clone(), verdicts: b[5].clone(), joined: n[8].clone(), reasons };
        let _ = parsed(given(&batch), &answer);
    }
}

/// *Scenario:* every mutation, over many answers.
/// *Guarantees:* each finds something to break often enough to mean something.
#[test]
fn every_mutation_is_tried() {
    for (name, mutate) in MUTATIONS {
        let tried = (0..400_u64).filter(|seed| {
            let mut rng = Rng::with_seed(*seed);
            let (batch, mut answer) = valid(&mut rng);
            mutate(&mut rng, &batch, &mut answer)
        });
        assert!(tried.count() >= 20, "{name}");
    }
}

/// *Scenario:* one record with a wide attribute gives a thousand new ones, which inherit it.
/// *Guarantees:* what they inherit keeps the limit of bytes, too.
#[test]
fn what_is_inherited_is_bounded() {
    let batch = Columns {
        text: vec![b'x'; 1000],
        seconds: vec![0],
        nanos: vec![0],
        severity: vec![0],
        body: vec![0, 0],
        attribute_end: vec![1],
        key: vec![0, 1],
        kind: vec![Kind::Text as u8],
        value: vec![0, 1000],
        ..Columns::default()
    };
    let answer = |records: usize| Parsed {
        verdicts: vec![0],
        input: vec![0; records],
        records: Columns {
            seconds: vec![0; records],
            nanos: vec![0; records],
            severity: vec![0; records],
            body: vec![0; 2 * records],
            attribute_end: vec![0; records],
            ..Columns::default()
        },
        ..Parsed::default()
    };
    let check = |records| {
        parsed(
            Given {
                bytes_max: 1 << 20,
                ..given(&batch)
            },
            &answer(records),
        )
    };
    assert!(check(1000).is_ok());
    let bad = check(1100).unwrap_err().to_string();
    assert!(
        bad.starts_with("input makes records inherit 1119800 bytes"),
        "{bad}"
    );
}

/// *Scenario:* an answer at the limit of bytes, and one byte above; spans that point to more than the limit.
/// *Guarantees:* the limit is for given and returned bytes, and for all that spans point to.
#[test]
fn sizes_are_bounded() {
    let batch = Columns {
        text: vec![b'x'; 1000],
        ..Columns::default()
    };
    let mut answer = Parsed::default();
    answer.records.text = vec![b'y'; 500];
    let check = |answer: &Parsed, bytes_max| {
        parsed(
            Given {
                bytes_max,
                ..given(&batch)
            },
            answer,
        )
    };
    assert!(check(&answer, 1500).is_ok());
    assert!(
        check(&answer, 1499)
            .unwrap_err()
            .to_string()
            .contains("max_batch_text")
    );

    let mut batch = batch;
    batch.seconds = vec![0];
    let mut answer = Parsed {
        verdicts: vec![0],
        input: vec![0; 4],
        ..Parsed::default()
    };
    answer.records = Columns {
        seconds: vec![0; 4],
        nanos: vec![0; 4],
        severity: vec![0; 4],
        body: [0, 600].repeat(4),
        attribute_end: vec![0; 4],
        ..Columns::default()
    };
    let size = 1000 + answer.size_bytes();
    assert!(size < 2399);
    let check = |bytes_max| {
        parsed(
            Given {
                bytes_max,
                ..given(&batch)
            },
            &answer,
        )
    };
    assert!(check(2400).is_ok());
    assert!(
        check(2399)
            .unwrap_err()
            .to_string()
            .starts_with("records.body[3]")
    );
}
