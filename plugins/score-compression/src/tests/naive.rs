//! The same code, slowly: no tables, no state but the text.

use super::normalised;
use crate::normal::RECORD_BYTES_MAX;
use crate::window::{
    Cost, MATCH_BYTES, MATCH_MIN, TEXT_BYTES_MAX, WINDOW_BYTES_MAX, Window, line_hash, word_hash,
};
use proptest::prelude::*;

#[derive(Default)]
struct Naive {
    text: Vec<u8>,
    /// Where each record begins that is kept.
    starts: Vec<usize>,
    hop_from: usize,
    // Where the last stretch goes on, given the window and alone.
    goes_on: [Option<usize>; 2],
}

impl Naive {
    fn kept_from(&self) -> usize {
        self.starts.first().copied().unwrap_or(self.text.len())
    }

    fn keep(&mut self, records: usize, bytes: usize) {
        while self.starts.len() > records || self.text.len() - self.kept_from() > bytes {
            self.starts.remove(0);
        }
        let kept = self.kept_from();
        self.hop_from = self.hop_from.max(kept);
        self.goes_on = self
            .goes_on
            .map(|place| place.filter(|place| *place >= kept));
    }

    fn begin_hop(&mut self, window: usize) {
        self.keep(window, WINDOW_BYTES_MAX);
        self.hop_from = self.text.len();
        self.goes_on[1] = None;
    }

    fn add(&mut self, body: &[u8]) -> Cost {
        if self.text.len() - self.kept_from() + RECORD_BYTES_MAX + 1 > TEXT_BYTES_MAX {
            self.keep(usize::MAX, WINDOW_BYTES_MAX);
        }
        let from = self.text.len();
        self.text.extend(normalised(body));
        self.text.push(b'\n');
        self.starts.push(from);
        let (given, given_goes_on) = self.code(from, self.kept_from(), self.goes_on[0]);
        let (alone, alone_goes_on) = self.code(from, self.hop_from, self.goes_on[1]);
        self.goes_on = [given_goes_on, alone_goes_on];
        Cost {
            bytes: (self.text.len() - from) as u32,
            given: given as u32,
            alone: alone as u32,
        }
    }

    fn common(&self, place: usize, at: usize) -> usize {
        let pairs = self.text[at..].iter().zip(&self.text[place..]);
        pairs.take_while(|(one, other)| one == other).count()
    }

    fn is_begin(&self, at: usize) -> bool {
        let parts = |byte: u8| byte < b'0' || byte == b'=' || byte == b':';
        self.starts.contains(&at) || parts(self.text[at - 1]) && !parts(self.text[at])
    }

    /// The end of the record that a place is in.
    fn end_of(&self, at: usize) -> usize {
        let next = self.starts.iter().find(|start| **start > at);
        next.copied().unwrap_or(self.text.len())
    }

    fn four(&self, at: usize) -> u32 {
        u32::from_le_bytes(self.text[at..at + 4].try_into().unwrap())
    }

    /// The last place before with the same hash, if it has the same four bytes.
    fn last_word(&self, at: usize) -> Option<usize> {
        let wanted = self.four(at);
        let is_place =
            |place: &usize| self.is_begin(*place) && place + MATCH_MIN <= self.end_of(*place);
        let same_hash = |place: &usize| word_hash(self.four(*place)) == word_hash(wanted);
        let last = (self.kept_from()..at)
            .rev()
            .filter(same_hash)
            .find(is_place)?;
        (self.four(last) == wanted).then_some(last)
    }

    /// The last record before with the same hash, if it is the same.
    fn last_line(&self, from: usize) -> Option<usize> {
        let line = |start: usize| &self.text[start..self.end_of(start)];
        let mut earlier = self.starts.iter().rev().filter(|start| **start < from);
        let last = earlier.find(|start| line_hash(line(**start)) == line_hash(line(from)))?;
        (line(*last) == line(from)).then_some(*last)
    }

    fn code(&self, from: usize, floor: usize, goes_on: Option<usize>) -> (usize, Option<usize>) {
        let (mut at, end) = (from, self.text.len());
        let paid = MATCH_BYTES as usize;
        let mut cost = 0;
        let mut source = None;
        // What may stand at the record's beginning: the longest for its price.
        let free = goes_on.map_or(0, |place| self.common(place, from));
        let line = self.last_line(from).filter(|place| *place >= floor);
        let word = (end - from >= MATCH_MIN)
            .then(|| self.last_word(from))
            .flatten();
        let word = word
            .filter(|place| *place >= floor)
            .map(|place| (place, self.common(place, from)));
        if free == end - from
            || free > 0 && line.is_none() && word.is_none_or(|(_, bytes)| bytes <= free + paid)
        {
            source = goes_on.map(|place| place + free);
            at += free;
        } else if let Some(place) = line {
            (source, at, cost) = (Some(place + end - from), end, paid);
        } else if let Some((place, bytes)) = word {
            (source, at, cost) = (Some(place + bytes), from + bytes, paid);
        }
        while at < end {
            let found = (at + MATCH_MIN <= end && at > from && self.is_begin(at))
                .then(|| self.last_word(at))
                .flatten()
                .filter(|place| *place >= floor);
            if let Some(place) = found {
                let bytes = self.common(place, at);
                source = Some(place + bytes);
                at += bytes;
                cost += paid;
            } else {
                source = None;
                at += 1;
                cost += 1;
            }
        }
        (cost, source)
    }
}

fn check(records: &[Vec<u8>], hop: usize, window: usize) -> Result<(), TestCaseError> {
    let (mut fast, mut slow) = (Window::default(), Naive::default());
    for (n, record) in records.iter().enumerate() {
        if n % hop == 0 {
            fast.begin_hop(window);
            slow.begin_hop(window);
        }
        prop_assert_eq!(fast.add(record), slow.add(record), "record {}", n);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]
    /// *Scenario:* records of few words, so that much comes again, in short hops.
    /// *Guarantees:* each costs exactly what the slow code says, given the window and alone.
    #[test]
    fn costs_are_those_of_the_slow_code(
        records in proptest::collection::vec("((GET|POST|user|user=alice|a|accepted|accept|é|x:y|id) ?){0,6}(, (ok|over and out))?", 1..60),
        hop in 1_usize..20,
        window in 0_usize..30,
    ) {
        let records: Vec<Vec<u8>> = records.into_iter().map(String::into_bytes).collect();
        check(&records, hop, window)?;
    }
}

/// *Scenario:* long lines of few and long words, more than the text that is kept.
/// *Guarantees:* costs are those of the slow code while the oldest records leave, amid a hop too.
#[test]
fn costs_are_those_of_the_slow_code_while_records_leave() {
    let word = |n: usize| {
        char::from(b'a' + (n % 26) as u8)
            .to_string()
            .repeat(30 + n % 37)
    };
    let record = |n: usize| {
        let words: Vec<String> = (0..9).map(|part| word(n * n / 7 + part * n)).collect();
        words.join(" ").into_bytes()
    };
    let records: Vec<Vec<u8>> = (0..330).map(record).collect();
    check(&records, 230, 1_000).unwrap();
}
