//! For tests: random records that keep every rule, and records as tests compare them.

use crate::model::{Columns, Kind, RESOURCE, TRACE_BYTES};
use fastrand::Rng;

/// Text of one, two, three and four bytes a character; now and then bytes that are none.
pub(crate) fn text(rng: &mut Rng) -> Vec<u8> {
    const PIECES: [&[u8]; 7] = [
        b"a",
        b"level",
        b" ",
        b"\"x\":1",
        "é".as_bytes(),
        "日".as_bytes(),
        "🦀".as_bytes(),
    ];
    let pieces = match rng.u8(..4) {
        0 => 4,
        _ => PIECES.len(),
    };
    let mut text = Vec::new();
    for _ in 0..rng.usize(..40) {
        text.extend_from_slice(PIECES[rng.usize(..pieces)]);
        if pieces > 4 && rng.u8(..30) == 0 {
            text.push(0xff);
        }
    }
    text
}

/// A span of UTF-8, or of any bytes, in one of the two texts.
pub(crate) fn span(rng: &mut Rng, given: &[u8], own: &[u8], utf8: bool) -> [u32; 2] {
    let (text, at) = match rng.bool() {
        true => (given, 0),
        false => (own, given.len()),
    };
    for _ in 0..20 {
        let start = rng.usize(..=text.len());
        let end = rng.usize(start..=text.len());
        if !utf8 || std::str::from_utf8(&text[start..end]).is_ok() {
            return [(at + start) as u32, (end - start) as u32];
        }
    }
    [at as u32, 0]
}

/// A value of any kind: its kind and its two numbers.
pub(crate) fn value(rng: &mut Rng, given: &[u8], own: &[u8]) -> (u8, [u32; 2]) {
    let kind = rng.u8(..7);
    let numbers = match Kind::of(kind) {
        Some(Kind::Bytes) => span(rng, given, own, false),
        Some(Kind::Text | Kind::Json) => span(rng, given, own, true),
        _ => [rng.u32(..), rng.u32(..)],
    };
    (kind, numbers)
}

/// So many valid records over two texts, of which `own` becomes theirs.
pub(crate) fn records(rng: &mut Rng, records: usize, given: &[u8], own: &[u8]) -> Columns {
    let mut c = Columns {
        text: own.to_vec(),
        ..Columns::default()
    };
    let (severity_text, body_kind, trace) = (rng.bool(), rng.bool(), rng.bool());
    for _ in 0..records {
        c.seconds.push(rng.u32(..));
        c.nanos.push(rng.u32(..1_000_000_000));
        c.severity.push(rng.u8(..25));
        let (kind, body) = match body_kind {
            true => value(rng, given, own),
            false => (4, span(rng, given, own, true)),
        };
        c.body.extend(body);
        if body_kind {
            c.body_kind.push(kind);
        }
        if severity_text {
            c.severity_text.extend(span(rng, given, own, true));
        }
        if trace {
            c.trace.extend((0..TRACE_BYTES).map(|_| rng.u8(..)));
        }
        attributes(rng, &mut c, given, own);
    }
    c
}

fn attributes(rng: &mut Rng, c: &mut Columns, given: &[u8], own: &[u8]) {
    let both = [given, own].concat();
    let mut keys: Vec<(u8, Vec<u8>)> = Vec::new();
    for _ in 0..rng.usize(..6) {
        let key = span(rng, given, own, true);
        let resource = if rng.bool() { RESOURCE } else { 0 };
        let name = both[key[0] as usize..][..key[1] as usize].to_vec();
        if keys.contains(&(resource, name.clone())) {
            continue;
        }
        keys.push((resource, name));
        let (kind, value) = value(rng, given, own);
        c.key.extend(key);
        c.kind.push(kind | resource);
        c.value.extend(value);
    }
    c.attribute_end.push(c.kind.len() as u32);
}

/// Records as a stage is given them, over one text.
pub(crate) fn input(rng: &mut Rng) -> Columns {
    let text = text(rng);
    let count = rng.usize(..8);
    let mut c = records(rng, count, &text, &[]);
    c.text = text;
    c
}

/// Whether it describes the resource, the key, and the value with its kind.
pub(crate) type Attribute = (bool, Vec<u8>, (u8, Vec<u8>));

/// A record with all that its spans point to.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct View {
    pub time: (u32, u32),
    pub severity: (u8, Vec<u8>),
    pub body: (u8, Vec<u8>),
    pub trace: Vec<u8>,
    pub attributes: Vec<Attribute>,
}

/// The records of columns.
pub(crate) fn views(c: &Columns) -> Vec<View> {
    (0..c.len()).map(|r| view(c, r)).collect()
}

fn view(c: &Columns, r: usize) -> View {
    let shown = |kind: u8, column: &[u32], i: usize| {
        let kind = kind & !RESOURCE;
        let bytes = match Kind::of(kind).is_some_and(Kind::is_span) {
            true => c.bytes(column, i).to_vec(),
            false => column[2 * i..2 * i + 2]
                .iter()
                .flat_map(|n| n.to_le_bytes())
                .collect(),
        };
        (kind, bytes)
    };
    let trace = c.trace.get(TRACE_BYTES * r..TRACE_BYTES * (r + 1));
    let attribute = |a: usize| {
        let resource = c.kind[a] & RESOURCE != 0;
        (
            resource,
            c.bytes(&c.key, a).to_vec(),
            shown(c.kind[a], &c.value, a),
        )
    };
    View {
        time: (c.seconds[r], c.nanos[r]),
        severity: (c.severity[r], c.bytes(&c.severity_text, r).to_vec()),
        body: shown(c.body_kind(r) as u8, &c.body, r),
        trace: trace.map_or(vec![0; TRACE_BYTES], <[u8]>::to_vec),
        attributes: c.attributes(r).map(attribute).collect(),
    }
}
