//! A record in the making.

use crate::columns::{RESOURCE, TRACE_BYTES, kind};
use crate::find;
use crate::parsed::Parsed;
use crate::text::Given;
use crate::value::{Severity, Timestamp, TraceContext, Value};

/// Up to so many attributes a repeated key is found by looking; above it, by sorting at the end.
const LOOK: usize = 64;

/// A record in the making: say what is known of it, then [`emit`](Self::emit) it.
///
/// What is set again is replaced: a record has each attribute once. A `&str` that lies in the input costs no copy.
#[must_use = "a record that is not emitted is forgotten"]
pub struct NewRecord<'e> {
    out: &'e mut Parsed,
    given: Given<'e>,
    input: u32,
    first: usize,
    seen: Seen,
    time: Option<Timestamp>,
    severity: Severity,
    severity_text: [u32; 2],
    body_kind: u8,
    body: [u32; 2],
    trace: TraceContext,
    traced: bool,
}

/// Which keys there may be among the attributes: no false no.
struct Seen(u64);

// === impl NewRecord ===

impl<'e> NewRecord<'e> {
    #[inline(always)]
    pub(crate) fn new(out: &'e mut Parsed, given: Given<'e>, input: u32) -> Self {
        NewRecord {
            first: out.records.kind.len(),
            out,
            given,
            input,
            seen: Seen(0),
            time: None,
            severity: Severity::UNKNOWN,
            severity_text: [0; 2],
            body_kind: kind::NULL,
            body: [0; 2],
            trace: TraceContext::default(),
            traced: false,
        }
    }

    /// When it happened.
    #[inline]
    pub fn time(&mut self, time: impl Into<Option<Timestamp>>) -> &mut Self {
        self.time = time.into();
        self
    }

    /// How severe it is, and how the source wrote that (empty where it did not).
    #[inline]
    pub fn severity(&mut self, severity: Severity, text: &str) -> &mut Self {
        self.severity = severity;
        self.severity_text = self.out.text.constant(self.given, text.as_bytes());
        self
    }

    /// Its body, mostly text; [`Value::Null`] for none.
    #[inline]
    pub fn body<'v>(&mut self, body: impl Into<Value<'v>>) -> &mut Self {
        (self.body_kind, self.body) = self.out.text.value(self.given, body.into());
        self
    }

    /// The trace that it belongs to.
    #[inline]
    pub fn trace_id(&mut self, id: [u8; 16]) -> &mut Self {
        self.traced = true;
        self.trace.trace_id = id;
        self
    }

    /// The span that it belongs to.
    #[inline]
    pub fn span_id(&mut self, id: [u8; 8]) -> &mut Self {
        self.traced = true;
        self.trace.span_id = id;
        self
    }

    /// W3C trace flags.
    #[inline]
    pub fn trace_flags(&mut self, flags: u8) -> &mut Self {
        self.traced = true;
        self.trace.flags = flags;
        self
    }

    /// An attribute of the record.
    #[inline(always)]
    pub fn attr<'v>(&mut self, key: &str, value: impl Into<Value<'v>>) -> &mut Self {
        self.put(key, 0, value.into())
    }

    /// An attribute of the resource that wrote it.
    #[inline(always)]
    pub fn resource<'v>(&mut self, key: &str, value: impl Into<Value<'v>>) -> &mut Self {
        self.put(key, RESOURCE, value.into())
    }

    /// Done: its number among the new records of the call.
    #[inline(always)]
    pub fn emit(self) -> u32 {
        if self.out.records.kind.len() - self.first > LOOK {
            self.out.unique_from(self.first, self.given);
        }
        let (records, number) = (&mut self.out.records, self.out.input.len());
        records
            .seconds
            .push(self.time.map_or(0, Timestamp::seconds));
        records.nanos.push(self.time.map_or(0, Timestamp::nanos));
        records.severity.push(self.severity.number());
        records.severity_text.extend_from_slice(&self.severity_text);
        records.body.extend_from_slice(&self.body);
        // Columns that may be empty begin with the first record that has something to say.
        if self.body_kind != kind::TEXT || !records.body_kind.is_empty() {
            records.body_kind.resize(number, kind::TEXT);
            records.body_kind.push(self.body_kind);
        }
        if self.traced || !records.trace.is_empty() {
            records.trace.resize(TRACE_BYTES * number, 0);
            push_trace(&mut records.trace, &self.trace);
        }
        records.attribute_end.push(records.kind.len() as u32);
        self.out.input.push(self.input);
        number as u32
    }

    #[inline(always)]
    fn put(&mut self, key: &str, flag: u8, value: Value<'_>) -> &mut Self {
        let (kind, value) = self.out.text.value(self.given, value);
        if self.seen.again(key.as_bytes(), flag) && self.replace(key, kind | flag, value) {
            return self;
        }
        let key = self.out.text.constant(self.given, key.as_bytes());
        let records = &mut self.out.records;
        records.key.extend_from_slice(&key);
        records.kind.push(kind | flag);
        records.value.extend_from_slice(&value);
        self
    }

    /// Whether it was there and has been replaced.
    #[inline(never)]
    fn replace(&mut self, key: &str, kind: u8, value: [u32; 2]) -> bool {
        let end = self.out.records.kind.len();
        // Beyond it, looking at each would take time with the square of their number: `emit` sorts instead.
        if end - self.first > LOOK {
            return false;
        }
        let found = (self.first..end).find(|place| {
            self.out
                .is(*place, key.as_bytes(), kind & RESOURCE, self.given)
        });
        if let Some(place) = found {
            self.out.records.kind[place] = kind;
            self.out.records.value[2 * place..2 * place + 2].copy_from_slice(&value);
        }
        found.is_some()
    }
}

pub(crate) fn push_trace(column: &mut Vec<u8>, trace: &TraceContext) {
    let mut bytes = [0; TRACE_BYTES];
    bytes[..16].copy_from_slice(&trace.trace_id);
    bytes[16..24].copy_from_slice(&trace.span_id);
    bytes[24] = trace.flags;
    column.extend_from_slice(&bytes);
}

// === impl Parsed ===

impl Parsed {
    #[inline]
    fn is(&self, place: usize, key: &[u8], flag: u8, given: Given<'_>) -> bool {
        let span = [self.records.key[2 * place], self.records.key[2 * place + 1]];
        span[1] as usize == key.len()
            && self.records.kind[place] & RESOURCE == flag
            && find::equal(self.text.read(given, span), key)
    }

    /// Leaves each attribute from `first` on once: at its first place, with its last value.
    #[cold]
    fn unique_from(&mut self, first: usize, given: Given<'_>) {
        let records = &mut self.records;
        let known = |place: usize| {
            let span = [records.key[2 * place], records.key[2 * place + 1]];
            (self.text.read(given, span), records.kind[place] & RESOURCE)
        };
        let mut places: Vec<usize> = (first..records.kind.len()).collect();
        places.sort_by(|a, b| known(*a).cmp(&known(*b)).then(a.cmp(b)));
        // A place: where its value comes from; none where it is a repetition.
        let mut from: Vec<Option<usize>> = vec![None; places.len()];
        for same in places.chunk_by(|a, b| known(*a) == known(*b)) {
            from[same[0] - first] = same.last().copied();
        }
        let mut to = first;
        for (place, from) in (first..)
            .zip(from)
            .filter_map(|(place, from)| Some((place, from?)))
        {
            // `from` is not before `place`, and `to` not behind it: nothing is read that was written.
            records.kind[to] = records.kind[from];
            records.key.copy_within(2 * place..2 * place + 2, 2 * to);
            records.value.copy_within(2 * from..2 * from + 2, 2 * to);
            to += 1;
        }
        records.truncate_attributes(to);
    }
}

// === impl Seen ===

impl Seen {
    /// Whether the key may have been there before; from now on it has.
    #[inline(always)]
    fn again(&mut self, key: &[u8], flag: u8) -> bool {
        let hash = match key {
            [] => 0,
            [only] => usize::from(*only),
            [first, .., last] => key.len() + usize::from(*first) * 5 + usize::from(*last) * 11,
        };
        let bit = 1 << ((hash ^ usize::from(flag >> 1)) & 63);
        let again = self.0 & bit != 0;
        self.0 |= bit;
        again
    }
}
