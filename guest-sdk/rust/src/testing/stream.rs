//! Detectors and scorers over a shard's records: whole, cut anywhere, saved and restored on the way.

use super::{batch, owned::OwnedRecord, owned::OwnedValue};
use crate::arrivals;
use crate::columns::{Columns, RESOURCE, TRACE_BYTES, kind};
use crate::finding::{Alert, Anomaly, Raise, Scores};
use crate::memory::{Memory, Shards};
use crate::plugin::{self, Detector, Scorer};
use std::fmt::Debug;
use std::ops::Range;

/// The one shard that is tested.
const SHARD: u32 = 7;
/// In how many ways the records are cut besides whole and one by one.
const CUTS: u64 = 8;
/// Between two records, at most so many seconds are ticked one by one.
const TICKS_MAX: u64 = 5_000;

/// The records of a shard in their order, with what its clock said when each came.
#[derive(Debug, Clone, Default)]
pub struct Stream {
    records: Vec<OwnedRecord>,
    clock: Vec<u64>,
}

/// How a stream is given to a plugin.
#[derive(Debug, Clone, Copy)]
struct Way {
    /// Batches are cut by chance from this; 0: never, `u64::MAX`: after every record.
    cuts: u64,
    /// Whether the memory is saved and restored into a fresh instance after each batch.
    restores: bool,
    /// Whether it ticks every second between batches.
    ticks: bool,
}

/// What becomes of it: everything that was raised, and scores by record.
#[derive(Debug, Clone, PartialEq)]
pub struct Scored {
    /// A record: its score, or none.
    pub scores: Vec<Option<f32>>,
    /// In the order in which they were raised.
    pub anomalies: Vec<Anomaly>,
}

/// Columns of records, as an enricher, a detector or a scorer is given them.
pub fn columns<'r>(records: impl IntoIterator<Item = &'r OwnedRecord>) -> Columns {
    let mut columns = Columns::default();
    for record in records {
        push(&mut columns, record);
    }
    columns
}

/// What a detector raises over a stream, and until the clock says `end`.
///
/// # Panics
/// If that depends on where the stream is cut, on how often it ticks, or on whether its memory is saved and restored on
/// the way.
pub fn detected<P: Detector>(plugin: &P, stream: &Stream, end: u64) -> Vec<Alert> {
    same_every_way(|way| {
        let mut alerts = Vec::new();
        let mut raise = Raise::new();
        let call = |shards: &mut Shards<P::Memory>, call: Call<'_>| {
            let shard = shards.of(SHARD);
            match call {
                Call::Records(columns) => plugin::detect(plugin, shard, columns, &mut raise),
                Call::Tick(now) => plugin::tick_detector(plugin, shard, now, &mut raise),
            }
            alerts.append(&mut raise.alerts);
        };
        stream.run(way, end, call);
        alerts
    })
}

/// What a scorer says of a stream, and raises until the clock says `end`.
///
/// # Panics
/// As [`detected`].
pub fn scored<P: Scorer>(plugin: &P, stream: &Stream, end: u64) -> Scored {
    same_every_way(|way| {
        let mut all = Scored {
            scores: Vec::new(),
            anomalies: Vec::new(),
        };
        let mut out = Scores::new();
        let call = |shards: &mut Shards<P::Memory>, call: Call<'_>| {
            let shard = shards.of(SHARD);
            match call {
                Call::Records(columns) => {
                    plugin::score(plugin, shard, columns, &mut out);
                    let scores = out
                        .score
                        .iter()
                        .map(|score| (*score >= 0.0).then_some(*score));
                    all.scores.extend(scores);
                    // None has one: the column is empty.
                    let records = all.scores.len() + columns.len();
                    if out.score.is_empty() {
                        all.scores.resize(records, None);
                    }
                }
                Call::Tick(now) => plugin::tick_scorer(plugin, shard, now, &mut out),
            }
            all.anomalies.append(&mut out.anomalies);
        };
        stream.run(way, end, call);
        all
    })
}

enum Call<'a> {
    Records(arrivals::Columns<'a>),
    Tick(u64),
}

/// The answer, which must be the same every way.
fn same_every_way<T: PartialEq + Debug>(mut run: impl FnMut(Way) -> T) -> T {
    let way = |cuts, restores, ticks| Way {
        cuts,
        restores,
        ticks,
    };
    let whole = run(way(0, false, false));
    let mut ways = vec![
        way(u64::MAX, false, false),
        way(u64::MAX, false, true),
        way(u64::MAX, true, true),
    ];
    ways.extend((1..=CUTS).map(|seed| way(seed, seed % 2 == 0, seed % 3 == 0)));
    for way in ways {
        let other = run(way);
        assert!(
            other == whole,
            "the answer depends on how the stream is given: {way:?}\nwhole: {whole:#?}\nso:    {other:#?}"
        );
    }
    whole
}

// === impl Stream ===

impl Stream {
    /// One more record, with what the shard's clock says, in Unix milliseconds; it never goes back.
    pub fn push(&mut self, now: u64, record: OwnedRecord) {
        let before = self.clock.last().copied().unwrap_or(0);
        self.clock.push(now.max(before));
        self.records.push(record);
    }

    /// How many records there are; the next one's position.
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether there is no record.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    fn run<M: Memory>(&self, way: Way, end: u64, mut call: impl FnMut(&mut Shards<M>, Call<'_>)) {
        let mut shards = Shards::<M>::new();
        for records in self.batches(way) {
            let given = columns(&self.records[records.clone()]);
            let position: Vec<u32> = records.clone().map(|record| record as u32).collect();
            let clock = &self.clock[records.clone()];
            let clock: Vec<u32> = clock
                .iter()
                .flat_map(|ms| [*ms as u32, (ms >> 32) as u32])
                .collect();
            let seen = arrivals::Columns::new(batch(&given), &position, &clock);
            call(&mut shards, Call::Records(seen));
            if way.restores {
                shards = restored(&shards);
            }
            if way.ticks {
                let last = self.clock[records.end - 1] / 1000;
                let next = self.clock.get(records.end).map_or(end, |ms| *ms) / 1000;
                for second in (last + 1..=next).take(TICKS_MAX as usize) {
                    call(&mut shards, Call::Tick(second * 1000));
                }
            }
        }
        call(&mut shards, Call::Tick(end));
    }

    fn batches(&self, way: Way) -> Vec<Range<usize>> {
        let mut batches = Vec::new();
        let mut chance = way.cuts.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
        let mut from = 0;
        while from < self.len() {
            chance ^= chance << 13;
            chance ^= chance >> 7;
            chance ^= chance << 17;
            let records = match way.cuts {
                0 => self.len(),
                u64::MAX => 1,
                // Short ones and long ones.
                _ => 1 + (chance >> 33) as usize % (1 << (chance % 12)),
            };
            let end = self.len().min(from + records);
            batches.push(from..end);
            from = end;
        }
        batches
    }
}

/// A fresh instance with what the other remembers.
fn restored<M: Memory>(shards: &Shards<M>) -> Shards<M> {
    const SAVED_BYTES_MAX: usize = 1 << 20;
    let saved = shards.save(SHARD);
    assert!(
        saved.len() <= SAVED_BYTES_MAX,
        "{} bytes are saved, at most {SAVED_BYTES_MAX} may be",
        saved.len()
    );
    let mut fresh = Shards::new();
    if !saved.is_empty()
        && let Err(error) = fresh.restore(SHARD, &saved)
    {
        panic!("what was saved cannot be restored: {error:?}");
    }
    fresh
}

fn push(columns: &mut Columns, record: &OwnedRecord) {
    let (seconds, nanos) = record
        .time
        .map_or((0, 0), |time| (time.seconds(), time.nanos()));
    columns.seconds.push(seconds);
    columns.nanos.push(nanos);
    columns.severity.push(record.severity.number());
    let severity_text = put(&mut columns.text, record.severity_text.as_bytes());
    columns.severity_text.extend_from_slice(&severity_text);
    let (kind, body) = value(&mut columns.text, &record.body);
    columns.body_kind.push(kind);
    columns.body.extend_from_slice(&body);
    let mut trace = [0; TRACE_BYTES];
    trace[..16].copy_from_slice(&record.trace.trace_id);
    trace[16..24].copy_from_slice(&record.trace.span_id);
    trace[24] = record.trace.flags;
    columns.trace.extend_from_slice(&trace);
    let own = record.attributes.iter().map(|attribute| (attribute, 0));
    let resource = record
        .resource
        .iter()
        .map(|attribute| (attribute, RESOURCE));
    for ((key, attribute), flag) in own.chain(resource) {
        let key = put(&mut columns.text, key.as_bytes());
        let (kind, value) = value(&mut columns.text, attribute);
        columns.key.extend_from_slice(&key);
        columns.kind.push(kind | flag);
        columns.value.extend_from_slice(&value);
    }
    columns.attribute_end.push(columns.kind.len() as u32);
}

fn put(text: &mut Vec<u8>, bytes: &[u8]) -> [u32; 2] {
    let span = [text.len() as u32, bytes.len() as u32];
    text.extend_from_slice(bytes);
    span
}

fn value(text: &mut Vec<u8>, value: &OwnedValue) -> (u8, [u32; 2]) {
    let halves = |bits: u64| [bits as u32, (bits >> 32) as u32];
    match value {
        OwnedValue::Null => (kind::NULL, [0, 0]),
        OwnedValue::Bool(flag) => (kind::BOOLEAN, [u32::from(*flag), 0]),
        OwnedValue::Int(number) => (kind::INTEGER, halves(*number as u64)),
        OwnedValue::Double(number) => (kind::DOUBLE, halves(number.to_bits())),
        OwnedValue::Text(written) => (kind::TEXT, put(text, written.as_bytes())),
        OwnedValue::Bytes(bytes) => (kind::BYTES, put(text, bytes)),
        OwnedValue::Json(json) => (kind::JSON, put(text, json.as_bytes())),
    }
}
