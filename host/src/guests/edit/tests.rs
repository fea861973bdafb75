//! Random edits against a plain model.

use super::*;
use crate::guests::check::valid_edits;
use crate::guests::testing::{View, views};
use crate::model::RESOURCE;
use fastrand::Rng;
use proptest::prelude::*;
use std::collections::BTreeSet;

fn routes() -> Vec<Arc<str>> {
    vec!["audit".into(), "cold".into()]
}

/// What a span or a number of the edits is, over both texts.
fn shown(text: &[u8], kind: u8, pair: [u32; 2]) -> (u8, Vec<u8>) {
    let kind = kind & !RESOURCE;
    match Kind::of(kind).is_some_and(Kind::is_span) {
        true => (kind, text[pair[0] as usize..][..pair[1] as usize].to_vec()),
        false => (kind, pair.iter().flat_map(|n| n.to_le_bytes()).collect()),
    }
}

/// The edits as the contract says them, one after the other on records that own their bytes. A record: its
/// number, itself, and its route.
fn plainly(c: &Columns, e: &Edits) -> Vec<(u32, View, u32)> {
    let text = [&c.text[..], &e.text].concat();
    let mut records: Vec<_> = views(c).into_iter().map(|v| (v, 0)).collect();
    for (r, (view, _)) in records.iter_mut().enumerate() {
        let places = c.attributes(r);
        let mut kept = places.map(|a| !e.remove.contains(&(a as u32)));
        view.attributes.retain(|_| kept.next().unwrap_or(true));
    }
    for (i, r) in each(&e.set_record) {
        let (resource, key) = (
            e.set_kind[i] & RESOURCE != 0,
            shown(&text, 4, pair(&e.set_key, i)).1,
        );
        let value = shown(&text, e.set_kind[i], pair(&e.set_value, i));
        let attributes = &mut records[r].0.attributes;
        match attributes
            .iter_mut()
            .find(|a| (a.0, &a.1) == (resource, &key))
        {
            Some(found) => found.2 = value,
            None => attributes.push((resource, key, value)),
        }
    }
    for (i, r) in each(&e.body_record) {
        records[r].0.body = shown(&text, e.body_kind[i], pair(&e.body, i));
    }
    for (i, r) in each(&e.time_record) {
        records[r].0.time = (e.time_seconds[i], e.time_nanos[i]);
    }
    for (i, r) in each(&e.severity_record) {
        records[r].0.severity = (e.severity[i], shown(&text, 4, pair(&e.severity_text, i)).1);
    }
    for (i, r) in each(&e.trace_record) {
        records[r].0.trace = e.trace[TRACE_BYTES * i..][..TRACE_BYTES].to_vec();
    }
    for (i, r) in each(&e.route_record) {
        let name = &e.routes[e.route[i] as usize];
        records[r].1 = routes()
            .iter()
            .position(|k| **k == **name)
            .map_or(0, |n| n as u32 + 1);
    }
    let all = records.into_iter().enumerate();
    let left = all.map(|(r, (view, route))| (r as u32, view, route));
    left.filter(|(r, ..)| !e.drop.contains(r)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    /// *Scenario:* edits of every group, several of the same thing, in any order of records.
    /// *Guarantees:* the batch becomes what the contract says, each record with its input and its route; after
    /// tidying, where something was removed or replaced nothing can be read but what some record points to.
    #[test]
    fn edits_do_what_the_contract_says(seed: u64) {
        let (columns, edits) = valid_edits(&mut Rng::with_seed(seed));
        let expected = plainly(&columns, &edits);
        let mut flow = Flow::raw(columns);
        apply(&mut flow, &edits, (0, Encoding::of(&edits.text)), &routes());
        let route = |r: usize| flow.route.get(r).copied().unwrap_or(0);
        let found = views(&flow.columns).into_iter().enumerate();
        let found: Vec<_> = found.map(|(r, view)| (flow.input[r], view, route(r))).collect();
        prop_assert_eq!(found, expected);
        let before = views(&flow.columns);
        flow.tidy();
        prop_assert_eq!(&views(&flow.columns), &before);
        let left = pointed_to(&flow.columns);
        let readable = |at: &u32| flow.columns.text[*at as usize] != 0 && !left.contains(at);
        if !(edits.remove.is_empty() && edits.body_record.is_empty()) {
            prop_assert_eq!((0..flow.columns.text.len() as u32).find(readable), None);
        }
        prop_assert_eq!(flow.encoding, flow.encoding.and(Encoding::of(&flow.columns.text)));
        flow.tidy();
        prop_assert_eq!(&views(&flow.columns), &before);
    }
}

/// The bytes of the text that records point to.
fn pointed_to(columns: &Columns) -> BTreeSet<u32> {
    let mut bytes = BTreeSet::new();
    let mut columns = columns.clone();
    splice::each_span(&mut columns, |start, length| {
        bytes.extend(*start..*start + length)
    });
    bytes
}

/// *Scenario:* one record with thousands of attributes, each set again.
/// *Guarantees:* it takes milliseconds, and each is there once.
#[test]
fn many_attributes_are_set_in_time() {
    const MANY: usize = 30_000;
    let mut columns = Columns {
        seconds: vec![0],
        nanos: vec![0],
        severity: vec![0],
        body: vec![0, 0],
        ..Columns::default()
    };
    for i in 0..MANY {
        let key = format!("key-{i}");
        columns
            .key
            .extend([columns.text.len() as u32, key.len() as u32]);
        columns.text.extend_from_slice(key.as_bytes());
        columns.kind.push(2);
        columns.value.extend([0, 0]);
    }
    columns.attribute_end = vec![MANY as u32];
    let edits = Edits {
        set_record: vec![0; MANY],
        set_key: columns.key.clone(),
        set_kind: vec![2; MANY],
        set_value: vec![7; 2 * MANY],
        ..Edits::default()
    };
    let start = std::time::Instant::now();
    let mut flow = Flow::raw(columns);
    apply(&mut flow, &edits, (0, Encoding::Ascii), &[]);
    assert_eq!(flow.columns.kind.len(), MANY);
    assert!(flow.columns.value.iter().all(|v| *v == 7));
    assert!(start.elapsed() < std::time::Duration::from_secs(5));
}
