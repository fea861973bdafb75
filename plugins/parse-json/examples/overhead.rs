//! What the SDK costs: the same parser over its records, and over columns written by hand.
//!
//! `cargo run --profile guest -p parse-json --example overhead` (optimized as guests are) prints nanoseconds a record at
//! 1,000, 100 and 1 records a call, the median of alternating stretches, after looking that both give the same. The one by
//! hand keeps the same rules of the contract: a record has each attribute once, and a broken line leaves nothing behind.

use parse_json::ParseJson;
use parse_json::roles::{Role, Taken};
use std::time::Instant;
use tidegate_sdk::json::{Scan, Scanned, Token};
use tidegate_sdk::{Columns, Parsed, formats, testing};

const LINES: usize = 16_000;
const ROUNDS: usize = 15;
/// So many records are timed at once, however many calls they take: short enough not to be interrupted mostly.
const STRETCH: usize = 1_000;

fn main() {
    let plugin: ParseJson = testing::plugin("{}").expect("the defaults are valid");
    let lines = lines();
    let bytes: usize = lines.iter().map(String::len).sum();
    println!("{} bytes a line; ns a record:", bytes / LINES);
    println!("records a call | with the SDK | by hand | SDK / by hand");
    for size in [1_000, 100, 1] {
        let batches: Vec<Columns> = lines.chunks(size).map(testing::raw).collect();
        let (sdk, by_hand) = measure(&plugin, &batches);
        println!(
            "{size:>14} | {sdk:>12.0} | {by_hand:>7.0} | {:.3}",
            sdk / by_hand
        );
    }
}

/// Nanoseconds a record, medians.
fn measure(plugin: &ParseJson, batches: &[Columns]) -> (f64, f64) {
    let (mut parsed, mut by_hand) = (Parsed::new(), ByHand::default());
    for given in batches {
        testing::parse_into(plugin, given, &mut parsed);
        by_hand.parse(plugin, given);
        assert!(
            shown(&testing::next(given, &parsed)) == shown(&by_hand.next(given)),
            "they differ"
        );
    }
    let views: Vec<_> = batches.iter().map(testing::batch).collect();
    let calls = (STRETCH / batches[0].len()).max(1);
    let (mut sdk_ns, mut by_hand_ns) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        for (given, views) in batches.chunks(calls).zip(views.chunks(calls)) {
            sdk_ns.push(timed(|| {
                for batch in views {
                    testing::parse_batch_into(plugin, *batch, &mut parsed);
                    std::hint::black_box(&parsed);
                }
            }));
            by_hand_ns.push(timed(|| {
                for given in given {
                    by_hand.parse(plugin, given);
                    std::hint::black_box(&by_hand);
                }
            }));
        }
    }
    (median(sdk_ns), median(by_hand_ns))
}

/// Nanoseconds a record of a stretch.
fn timed(run: impl FnOnce()) -> f64 {
    let start = Instant::now();
    run();
    start.elapsed().as_secs_f64() * 1e9 / STRETCH as f64
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn shown(columns: &Columns) -> Vec<String> {
    testing::batch(columns)
        .records()
        .map(|record| testing::OwnedRecord::of(record).to_string())
        .collect()
}

/// Columns, and nothing in front of them.
#[derive(Default)]
struct ByHand {
    out: Columns,
    input: Vec<u32>,
    verdicts: Vec<u8>,
    resources: Vec<[u32; 2]>,
}

/// What is known of a record before its columns are written.
#[derive(Default)]
struct Scalars {
    time: [u32; 2],
    severity: u8,
    severity_text: [u32; 2],
    body: Option<(u8, [u32; 2])>,
    trace: [u8; 25],
    // Its first attribute, and which keys there may be among its attributes.
    first: usize,
    seen: u64,
}

impl ByHand {
    fn parse(&mut self, plugin: &ParseJson, given: &Columns) {
        self.out.clear();
        self.input.clear();
        self.verdicts.clear();
        self.resources.clear();
        let name = self.copy(given, plugin.roles.resource(0).as_bytes());
        self.resources.push(name);
        for (input, span) in given.body.as_chunks::<2>().0.iter().enumerate() {
            let line = &given.text[span[0] as usize..][..span[1] as usize];
            // SAFETY: `raw` was given text; the SDK does not look again either.
            let text = unsafe { str::from_utf8_unchecked(line) };
            let first = self.out.kind.len();
            let mut scalars = Scalars {
                first,
                ..Scalars::default()
            };
            match self.object(plugin, given, &mut Scan::new(text), &mut scalars) {
                Ok(()) => self.record(input as u32, &scalars),
                Err(_) => {
                    self.out.key.truncate(2 * first);
                    self.out.kind.truncate(first);
                    self.out.value.truncate(2 * first);
                    self.verdicts.push(3);
                }
            }
        }
    }

    fn object(
        &mut self,
        plugin: &ParseJson,
        given: &Columns,
        scan: &mut Scan<'_>,
        scalars: &mut Scalars,
    ) -> Scanned<()> {
        let (mut key_said, mut text_said) = (String::new(), String::new());
        let mut taken = Taken::default();
        scan.open()?;
        while let Some(key) = scan.key(&mut key_said)? {
            let token = scan.value(&mut text_said)?;
            let value = self.value(given, &token);
            match plugin.roles.of(key) {
                Some(known)
                    if taken.may(known)
                        && self.meant(plugin, given, known.role, &token, value, scalars) =>
                {
                    taken.by(known)
                }
                _ => {
                    let again = scalars.again(key.as_bytes(), 0);
                    let span = self.span(given, key.as_bytes());
                    if !again || !self.replace(given, scalars.first, span, value.0, value.1) {
                        self.attribute(span, value.0, value.1);
                    }
                }
            }
        }
        scan.close()
    }

    #[inline]
    fn meant(
        &mut self,
        plugin: &ParseJson,
        given: &Columns,
        role: Role,
        token: &Token<'_>,
        value: (u8, [u32; 2]),
        scalars: &mut Scalars,
    ) -> bool {
        match (role, token) {
            (Role::Message, _) => scalars.body = Some(value),
            (Role::Level, Token::Text(name)) => {
                scalars.severity = formats::severity(name).number();
                scalars.severity_text = self.span(given, name.as_bytes());
            }
            (Role::Time, Token::Text(text)) => match formats::rfc3339(text) {
                Some(time) => scalars.time = [time.seconds(), time.nanos()],
                None => return false,
            },
            (Role::TraceId, Token::Text(digits)) => match formats::hex::<16>(digits) {
                Some(id) => scalars.trace[..16].copy_from_slice(&id),
                None => return false,
            },
            (Role::SpanId, Token::Text(digits)) => match formats::hex::<8>(digits) {
                Some(id) => scalars.trace[16..24].copy_from_slice(&id),
                None => return false,
            },
            (Role::Resource(number), _) => {
                let (name, kind) = (self.resources[usize::from(number)], value.0 + 64);
                let again = scalars.again(plugin.roles.resource(number).as_bytes(), 64);
                if !again || !self.replace(given, scalars.first, name, kind, value.1) {
                    self.attribute(name, kind, value.1);
                }
            }
            _ => return false,
        }
        true
    }

    fn record(&mut self, input: u32, scalars: &Scalars) {
        let number = self.input.len();
        self.out.seconds.push(scalars.time[0]);
        self.out.nanos.push(scalars.time[1]);
        self.out.severity.push(scalars.severity);
        self.out
            .severity_text
            .extend_from_slice(&scalars.severity_text);
        let (kind, body) = scalars.body.unwrap_or((0, [0; 2]));
        self.out.body.extend_from_slice(&body);
        if kind != 4 || !self.out.body_kind.is_empty() {
            self.out.body_kind.resize(number, 4);
            self.out.body_kind.push(kind);
        }
        self.out.trace.extend_from_slice(&scalars.trace);
        self.out.attribute_end.push(self.out.kind.len() as u32);
        self.input.push(input);
        self.verdicts.push(0);
    }

    #[inline(always)]
    fn value(&mut self, given: &Columns, token: &Token<'_>) -> (u8, [u32; 2]) {
        let bits = |bits: u64| [bits as u32, (bits >> 32) as u32];
        match token {
            Token::Text(text) => (4, self.span(given, text.as_bytes())),
            Token::Int(number, _) => (2, bits(*number as u64)),
            Token::Double(number) => (3, bits(number.to_bits())),
            Token::Bool(flag) => (1, [u32::from(*flag), 0]),
            Token::Null => (0, [0, 0]),
            Token::Json(json) => (6, self.span(given, json.as_bytes())),
        }
    }

    /// Whether the record had it.
    #[inline(never)]
    fn replace(
        &mut self,
        given: &Columns,
        first: usize,
        key: [u32; 2],
        kind: u8,
        value: [u32; 2],
    ) -> bool {
        let read = |[start, length]: [u32; 2]| {
            let (start, length) = (start as usize, length as usize);
            match start.checked_sub(given.text.len()) {
                Some(start) => &self.out.text[start..start + length],
                None => &given.text[start..start + length],
            }
        };
        let same = |at: &usize| {
            let span = [self.out.key[2 * at], self.out.key[2 * at + 1]];
            self.out.kind[*at] & 64 == kind & 64 && read(span) == read(key)
        };
        let Some(at) = (first..self.out.kind.len()).find(same) else {
            return false;
        };
        self.out.kind[at] = kind;
        self.out.value[2 * at..2 * at + 2].copy_from_slice(&value);
        true
    }

    #[inline(always)]
    fn attribute(&mut self, key: [u32; 2], kind: u8, value: [u32; 2]) {
        self.out.key.extend_from_slice(&key);
        self.out.kind.push(kind);
        self.out.value.extend_from_slice(&value);
    }

    #[inline(always)]
    fn span(&mut self, given: &Columns, text: &[u8]) -> [u32; 2] {
        let at = (text.as_ptr() as usize).wrapping_sub(given.text.as_ptr() as usize);
        if at < given.text.len() {
            [at as u32, text.len() as u32]
        } else {
            self.copy(given, text)
        }
    }

    #[inline(never)]
    fn copy(&mut self, given: &Columns, text: &[u8]) -> [u32; 2] {
        let at = given.text.len() + self.out.text.len();
        self.out.text.extend_from_slice(text);
        [at as u32, text.len() as u32]
    }

    fn next(&self, given: &Columns) -> Columns {
        let mut columns = self.out.clone();
        columns.text = [&given.text[..], &self.out.text].concat();
        columns
    }
}

impl Scalars {
    /// Whether the key may have been there before; from now on it has.
    #[inline(always)]
    fn again(&mut self, key: &[u8], flag: u8) -> bool {
        let hash = match key {
            [] => 0,
            [only] => usize::from(*only),
            [first, .., last] => key.len() + usize::from(*first) * 5 + usize::from(*last) * 11,
        };
        let bit = 1 << ((hash ^ usize::from(flag >> 1)) & 63);
        let again = self.seen & bit != 0;
        self.seen |= bit;
        again
    }
}

/// Lines as services write them, the same on every machine.
fn lines() -> Vec<String> {
    const SERVICES: [&str; 4] = ["checkout", "payment", "inventory", "reviews"];
    const LEVELS: [&str; 5] = ["INFO", "INFO", "DEBUG", "WARN", "ERROR"];
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut random = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let line = |i: usize| {
        let (service, pod, trace) = (
            SERVICES[i % 4],
            random() as u16,
            [random(), random(), random()],
        );
        format!(
            r#"{{"ts":"2026-11-21T03:{:02}:{:02}.{:03}Z","level":"{}","service":"{service}","pod":"{service}-5d9f7c{pod:04x}-0f3de","ns":"shop","trace_id":"{:016x}{:016x}","span_id":"{:016x}","user":"u-{:06}","latency_ms":{},"msg":"payment provider timed out, retrying (attempt {})"}}"#,
            i / 60 % 60,
            i % 60,
            i % 1_000,
            LEVELS[i % 5],
            trace[0],
            trace[1],
            trace[2],
            i * 37 % 1_000_000,
            i * 7 % 900,
            i % 5,
        )
    };
    (0..LINES).map(line).collect()
}
