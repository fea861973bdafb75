//! The text of the last records, and what a new record costs given them.
//!
//! The code is LZ4-like and greedy: a byte that is found nowhere costs one byte, a stretch that is found costs three,
//! however long. Places are looked up by the four bytes at the beginning of a word, and by whole records; of several
//! the last one counts. Two codes are made of each record at once: the one may point to the window and to the hop so far, the
//! other to the hop alone. A stretch that reaches the end of a record may go on in the next one, at no cost.
//!
//! Which places are remembered depends on the text alone. So the tables are not saved: they are made again from it.

use crate::normal::{self, RECORD_BYTES_MAX, SLACK};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};
use std::collections::VecDeque;
use tidegate_sdk::find::Lanes;

/// Bytes of text that are kept of the records before a hop; of more, the oldest records leave first.
pub const WINDOW_BYTES_MAX: usize = 48 << 10;
/// Bytes of text that are kept while a hop comes in. When it would be more, the oldest records leave, down to
/// [`WINDOW_BYTES_MAX`]. A place and one fit 16 bits.
pub const TEXT_BYTES_MAX: usize = (1 << 16) - 1;
/// What a stretch costs that is found.
pub const MATCH_BYTES: u32 = 3;
/// The shortest stretch that is looked for.
pub const MATCH_MIN: usize = 4;
/// A record's text and its line end.
const LINE_BYTES_MAX: usize = RECORD_BYTES_MAX + 1;
const WORD_BITS: u32 = 12;
const LINE_BITS: u32 = 10;
/// Text grows from here on.
const TEXT_BYTES_FIRST: usize = 4 << 10;

/// The text of the last records.
#[derive(Debug, Default)]
pub struct Window {
    // Longer than what is used of it, by `SLACK` at least.
    text: Vec<u8>,
    used: usize,
    /// Bytes of each record, its line end counted.
    lengths: VecDeque<u16>,
    /// Where the hop begins; 0 where its beginning has left.
    hop_from: usize,
    // Where the stretches that reached the end of the last record may go on.
    given_goes_on: Option<u16>,
    alone_goes_on: Option<u16>,
    // By hash: the last such place plus one, 0 for none.
    words: Vec<u16>,
    lines: Vec<u16>,
}

/// What a record costs, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cost {
    /// Its text as it is, with its line end.
    pub bytes: u32,
    /// Given the window and the hop so far.
    pub given: u32,
    /// Given the hop so far alone.
    pub alone: u32,
}

/// A code of a record in the making.
struct Code {
    /// What it points to lies there or later.
    floor: usize,
    from: usize,
    /// Up to here it is coded.
    coded: usize,
    /// Where the last stretch that was found ends in the text before.
    source: usize,
    cost: usize,
}

// === impl Window ===

impl Window {
    /// A record joins.
    #[inline]
    pub fn add(&mut self, body: &[u8]) -> Cost {
        self.make_room();
        let from = self.used;
        let end = normal::append(body, &mut self.text, from);
        self.text[end] = b'\n';
        let end = end + 1;
        self.used = end;
        self.lengths.push_back((end - from) as u16);
        self.code(from, end)
    }

    /// A new hop begins: of the records so far, so many are its window. Gives how many there are.
    pub fn begin_hop(&mut self, window: usize) -> usize {
        self.keep(window, WINDOW_BYTES_MAX);
        self.hop_from = self.used;
        self.alone_goes_on = None;
        self.lengths.len()
    }

    /// The normalised text of the last record, without its line end.
    pub fn last(&self) -> &[u8] {
        let length = self.lengths.back().map_or(1, |length| usize::from(*length));
        &self.text[(self.used - length)..self.used - 1]
    }

    #[cfg(test)]
    pub(crate) fn text_bytes(&self) -> usize {
        self.text.len()
    }

    /// What it holds in all.
    #[cfg(test)]
    pub(crate) fn held_bytes(&self) -> usize {
        let two = self.lengths.capacity() + self.words.capacity() + self.lines.capacity();
        self.text.capacity() + 2 * two
    }

    #[inline]
    fn make_room(&mut self) {
        if self.used + LINE_BYTES_MAX + SLACK > self.text.len() {
            self.grow();
        }
    }

    #[cold]
    fn grow(&mut self) {
        if self.words.is_empty() {
            self.words = vec![0; 1 << WORD_BITS];
            self.lines = vec![0; 1 << LINE_BITS];
        }
        if self.used + LINE_BYTES_MAX > TEXT_BYTES_MAX {
            self.keep(usize::MAX, WINDOW_BYTES_MAX);
        }
        let wanted = (self.used + LINE_BYTES_MAX).next_power_of_two();
        let size = wanted.clamp(TEXT_BYTES_FIRST, TEXT_BYTES_MAX) + SLACK;
        if size > self.text.len() {
            self.text.reserve_exact(size - self.text.len());
            self.text.resize(size, 0);
        }
    }

    /// Of the oldest records so many leave that there are at most so many records and bytes.
    fn keep(&mut self, records: usize, bytes: usize) {
        let mut gone = 0;
        while self.lengths.len() > records || self.used - gone > bytes {
            let length = self.lengths.pop_front();
            gone += length.map_or(self.used - gone, usize::from);
        }
        if gone == 0 {
            return;
        }
        self.text.copy_within(gone..self.used, 0);
        self.used -= gone;
        self.hop_from = self.hop_from.saturating_sub(gone);
        for goes_on in [&mut self.given_goes_on, &mut self.alone_goes_on] {
            *goes_on = goes_on.and_then(|place| place.checked_sub(gone as u16));
        }
        for table in [&mut self.words, &mut self.lines] {
            for place in table {
                *place = place.saturating_sub(gone as u16);
            }
        }
    }

    /// Codes a record, and remembers its places.
    #[inline]
    fn code(&mut self, from: usize, end: usize) -> Cost {
        let text = &self.text[..];
        let (Ok(words), Ok(lines)) = (
            <&mut [u16; 1 << WORD_BITS]>::try_from(&mut self.words[..]),
            <&mut [u16; 1 << LINE_BITS]>::try_from(&mut self.lines[..]),
        ) else {
            unreachable!("there is room, so there are tables")
        };
        let mut given = Code::new(0, from);
        let mut alone = Code::new(self.hop_from, from);
        let slot = &mut lines[line_hash(&text[from..end])];
        let line = std::mem::replace(slot, from as u16 + 1).checked_sub(1);
        let line = line
            .map(usize::from)
            .filter(|place| common(text, *place, from, end) == end - from);
        given.begin(text, self.given_goes_on, line, end);
        alone.begin(text, self.alone_goes_on, line, end);
        for_words(text, from, end, |at, four| {
            let slot = &mut words[word_hash(four)];
            let place = usize::from(std::mem::replace(slot, at as u16 + 1));
            let wanted =
                at == from || at >= given.coded || (at >= alone.coded && place > alone.floor);
            if wanted && place > 0 && read(text, place - 1) == four {
                let place = place - 1;
                let more = common(text, place + MATCH_MIN, at + MATCH_MIN, end);
                given.found(at, place, MATCH_MIN + more);
                alone.found(at, place, MATCH_MIN + more);
            }
        });
        self.given_goes_on = given.end(end);
        self.alone_goes_on = alone.end(end);
        Cost {
            bytes: (end - from) as u32,
            given: given.cost as u32,
            alone: alone.cost as u32,
        }
    }

    /// Makes the tables from the text.
    fn remember_all(&mut self) {
        self.grow();
        let mut from = 0;
        for length in &self.lengths {
            let end = from + usize::from(*length);
            self.lines[line_hash(&self.text[from..end])] = from as u16 + 1;
            for_words(&self.text, from, end, |at, four| {
                self.words[word_hash(four)] = at as u16 + 1;
            });
            from = end;
        }
    }
}

// === impl Code ===

impl Code {
    #[inline(always)]
    fn new(floor: usize, from: usize) -> Self {
        Code {
            floor,
            from,
            coded: from,
            source: 0,
            cost: 0,
        }
    }

    /// The record's beginning: where the last stretch goes on it costs nothing, and a record that came before costs as one
    /// stretch.
    #[inline(always)]
    fn begin(&mut self, text: &[u8], goes_on: Option<u16>, line: Option<usize>, end: usize) {
        let from = self.from;
        if let Some(place) = goes_on.map(usize::from) {
            let more = common(text, place, from, end);
            self.coded += more;
            self.source = place + more;
        }
        if let Some(place) = line
            && place >= self.floor
            && self.coded < end
        {
            self.coded = end;
            self.source = place + (end - from);
            self.cost = MATCH_BYTES as usize;
        }
    }

    /// What stands at `at` was found before, so many bytes of it.
    #[inline(always)]
    fn found(&mut self, at: usize, place: usize, bytes: usize) {
        // At the record's beginning it must be worth its cost where something goes on there.
        let better = at == self.from && bytes > self.coded - self.from + MATCH_BYTES as usize;
        if place >= self.floor && (at >= self.coded || better) {
            self.cost += at.saturating_sub(self.coded) + MATCH_BYTES as usize;
            self.coded = at + bytes;
            self.source = place + bytes;
        }
    }

    /// What is left was found nowhere. Gives where the next record may go on.
    #[inline(always)]
    fn end(&mut self, end: usize) -> Option<u16> {
        self.cost += end - self.coded;
        (self.coded == end && self.source > 0).then_some(self.source as u16)
    }
}

/// Calls with each place where a word begins, and with the four bytes there.
#[inline(always)]
fn for_words(text: &[u8], from: usize, end: usize, mut each: impl FnMut(usize, u32)) {
    // The record's own beginning is one, whatever stands there.
    let (mut base, mut carry, mut first) = (from, 1, 1);
    while base + MATCH_MIN <= end {
        let Some(chunk) = text[base..].first_chunk::<16>() else {
            return;
        };
        let lanes = Lanes::load(chunk);
        let parts = lanes.lt(b'0').or(lanes.eq(b'=')).or(lanes.eq(b':')).mask();
        let mut begins = (((parts << 1) | carry) & !parts | first) & 0xFFFF;
        carry = parts >> 15;
        first = 0;
        while begins != 0 {
            let at = base + begins.trailing_zeros() as usize;
            if at + MATCH_MIN > end {
                return;
            }
            each(at, read(text, at));
            begins &= begins - 1;
        }
        base += 16;
    }
}

#[inline(always)]
fn read(text: &[u8], at: usize) -> u32 {
    let four = text.get(at..).and_then(|rest| rest.first_chunk());
    four.map_or(0, |four| u32::from_le_bytes(*four))
}

#[inline(always)]
fn read8(text: &[u8], at: usize) -> u64 {
    let eight = text.get(at..).and_then(|rest| rest.first_chunk());
    eight.map_or(0, |eight| u64::from_le_bytes(*eight))
}

#[inline(always)]
pub(crate) fn word_hash(four: u32) -> usize {
    (four.wrapping_mul(0x9E37_79B1) >> (32 - WORD_BITS)) as usize
}

#[inline(always)]
pub(crate) fn line_hash(line: &[u8]) -> usize {
    const PRIME: u64 = 0x9E37_79B9_7F4A_7C15;
    let mut hash = line.len() as u64;
    let mut at = 0;
    while at + 8 <= line.len() {
        hash = (hash ^ read8(line, at)).wrapping_mul(PRIME).rotate_left(29);
        at += 8;
    }
    for byte in &line[at..] {
        hash = (hash ^ u64::from(*byte)).wrapping_mul(PRIME);
    }
    (hash.wrapping_mul(PRIME) >> (64 - LINE_BITS)) as usize
}

/// How many bytes from `place` and from `at`, which is later, are the same, up to `end`.
#[inline(always)]
fn common(text: &[u8], place: usize, at: usize, end: usize) -> usize {
    let most = end.saturating_sub(at);
    let mut same = 0;
    while same < most {
        // Beyond the end there is slack.
        let differ = read8(text, place + same) ^ read8(text, at + same);
        if differ != 0 {
            return most.min(same + differ.trailing_zeros() as usize / 8);
        }
        same += 8;
    }
    most
}

// === what is saved ===

#[derive(Serialize, Deserialize)]
struct Saved<'a> {
    #[serde(borrow)]
    text: Bytes<'a>,
    lengths: VecDeque<u16>,
    hop_from: u16,
    given_goes_on: Option<u16>,
    alone_goes_on: Option<u16>,
}

struct Bytes<'a>(&'a [u8]);

impl Serialize for Bytes<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_bytes(self.0)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Bytes<'a> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        <&[u8]>::deserialize(from).map(Bytes)
    }
}

impl Serialize for Window {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let saved = Saved {
            text: Bytes(&self.text[..self.used]),
            lengths: self.lengths.clone(),
            hop_from: self.hop_from as u16,
            given_goes_on: self.given_goes_on,
            alone_goes_on: self.alone_goes_on,
        };
        saved.serialize(to)
    }
}

impl<'de> Deserialize<'de> for Window {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let saved = Saved::deserialize(from)?;
        let used = saved.text.0.len();
        let lengths = saved.lengths.iter().map(|length| usize::from(*length));
        let places = [
            Some(saved.hop_from),
            saved.given_goes_on,
            saved.alone_goes_on,
        ];
        let fits = lengths.clone().sum::<usize>() == used
            && used <= TEXT_BYTES_MAX
            && lengths
                .clone()
                .all(|length| (1..=LINE_BYTES_MAX).contains(&length))
            && places
                .into_iter()
                .flatten()
                .all(|place| usize::from(place) <= used);
        if !fits {
            return Err(D::Error::custom("the text and its lengths do not fit"));
        }
        let mut window = Window {
            text: saved.text.0.to_vec(),
            used,
            lengths: saved.lengths,
            hop_from: saved.hop_from.into(),
            given_goes_on: saved.given_goes_on,
            alone_goes_on: saved.alone_goes_on,
            ..Window::default()
        };
        window.text.reserve_exact(SLACK);
        window.text.resize(used + SLACK, 0);
        window.remember_all();
        Ok(window)
    }
}
