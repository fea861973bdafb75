//! Where something stands that is to be replaced.
//!
//! Nearly all text holds nothing, so the question "could anything begin here?" decides the cost. It is
//! asked of sixteen bytes at once ([`candidates`]); only where the answer is yes does a recognizer of
//! [`crate::kinds`] look closely.

use crate::kinds::{Kind, card, email, ip, secret, token};
use std::ops::Range;
use tidegate_sdk::find::Lanes;

/// Bytes that are looked at together.
const WINDOW: usize = 16;
/// How far windows are apart: the longest pattern of `candidates` has five bytes (`e.r.r`), and must lie
/// wholly in one window.
const STRIDE: usize = WINDOW - 4;
/// The bits of a window's places that the next window does not look at again.
const STRIDE_BITS: u32 = (1 << STRIDE) - 1;

/// One thing found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hit {
    /// The bytes to replace.
    pub range: Range<usize>,
    /// What they are.
    pub kind: Kind,
}

/// Finds the kinds that it was made for.
#[derive(Debug, Clone, Copy)]
pub struct Finder {
    wanted: u8,
}

impl Finder {
    /// A finder of these kinds.
    pub fn new(kinds: &[Kind]) -> Self {
        Finder {
            wanted: kinds.iter().fold(0, |wanted, kind| wanted | bit(*kind)),
        }
    }

    /// Whether it looks for this kind.
    #[inline]
    pub fn wants(self, kind: Kind) -> bool {
        self.wanted & bit(kind) != 0
    }

    /// The first hit that begins at `from` or later. What stands before `from` is context only.
    #[inline]
    pub fn first(self, text: &[u8], from: usize) -> Option<Hit> {
        let mut at = from;
        while let Some(window) = text.get(at..).and_then(|rest| rest.first_chunk()) {
            let places = candidates(window, text.len() - at) & STRIDE_BITS;
            if places != 0
                && let Some(hit) = self.look(text, from, at, places)
            {
                return Some(hit);
            }
            at += STRIDE;
        }
        self.last(text, from, at)
    }

    /// The same in what is left at `at`, less than a window.
    #[inline]
    fn last(self, text: &[u8], from: usize, at: usize) -> Option<Hit> {
        let rest = text.get(at..)?;
        let (at, places) = match text.last_chunk() {
            // A window that ends with the text: what it has of the windows before it was looked at.
            Some(window) => {
                let seen = WINDOW - rest.len();
                (at - seen, candidates(window, WINDOW) >> seen << seen)
            }
            None => (at, candidates(&padded(rest), rest.len())),
        };
        if places == 0 {
            None
        } else {
            self.look(text, from, at, places)
        }
    }

    /// Looks closely at the places of the window at `at`.
    #[cold]
    #[inline(never)]
    fn look(self, text: &[u8], from: usize, at: usize, mut places: u32) -> Option<Hit> {
        while places != 0 {
            let place = at + places.trailing_zeros() as usize;
            places &= places - 1;
            if let Some(hit) = self.look_at(text, from, place) {
                return Some(hit);
            }
        }
        None
    }

    fn look_at(self, text: &[u8], from: usize, at: usize) -> Option<Hit> {
        let hit = |kind, find: fn(&[u8], usize, usize) -> Option<Range<usize>>| {
            if !self.wants(kind) {
                return None;
            }
            find(text, from, at).map(|range| Hit { range, kind })
        };
        match (text[at], text.get(at + 1)) {
            (b'@', _) => hit(Kind::Email, email::find),
            (b'=', _) => hit(Kind::Secret, secret::find),
            (b':', _) => hit(Kind::Secret, secret::find).or_else(|| hit(Kind::Ip, ip::find_v6)),
            (b'J', _) => hit(Kind::Token, token::find_web_token),
            (b'e', _) => hit(Kind::Token, token::find_bearer),
            (_, Some(b'.')) => hit(Kind::Ip, ip::find_v4),
            _ => hit(Kind::Card, card::find),
        }
    }
}

fn bit(kind: Kind) -> u8 {
    1 << kind as u8
}

/// The places of a window where a look is worth it: `@`, `=`, `:` and `J` by themselves; the digit before
/// the dot of a dotted number; the first `e` of "bearer"; the first of four digits, where the text has
/// `room` bytes from the window's begin on and a card number fits in what follows.
#[inline(always)]
fn candidates(window: &[u8; WINDOW], room: usize) -> u32 {
    let lanes = Lanes::load(window);
    let (e, r) = (lanes.eq(b'e').mask(), lanes.eq(b'r').mask());
    let (digit, dot) = (lanes.digits().mask(), lanes.eq(b'.').mask());
    let marks = lanes
        .eq(b'@')
        .or(lanes.eq(b'='))
        .or(lanes.eq(b':'))
        .or(lanes.eq(b'J'));
    let two = digit & digit >> 1;
    let four = two & two >> 2;
    let places_for_cards = (room + 1).saturating_sub(card::DIGITS_MIN).min(WINDOW);
    let cards = four & !(four << 1) & ((1 << places_for_cards) - 1);
    marks.mask() | e & r >> 2 & r >> 4 | digit & dot >> 1 & digit >> 2 | cards
}

/// Fewer than sixteen bytes with zeros behind them, by two loads that overlap: in Wasm a copy of a length
/// that is not constant is a call.
#[inline(always)]
fn padded(bytes: &[u8]) -> [u8; WINDOW] {
    let len = bytes.len();
    let word8 = |at: usize| {
        bytes[at..]
            .first_chunk()
            .map_or(0, |word| u64::from_le_bytes(*word))
    };
    let word4 = |at: usize| {
        bytes[at..]
            .first_chunk()
            .map_or(0, |word| u64::from(u32::from_le_bytes(*word)))
    };
    let byte = |at: usize| u64::from(bytes[at]) << (8 * at);
    let (low, high) = match len {
        0 => (0, 0),
        1..4 => (byte(0) | byte(len / 2) | byte(len - 1), 0),
        4..8 => (word4(0) | word4(len - 4) << (8 * (len - 4)), 0),
        8 => (word8(0), 0),
        _ => (word8(0), word8(len - 8) >> (8 * (WINDOW - len))),
    };
    (u128::from(low) | u128::from(high) << 64).to_le_bytes()
}

#[cfg(test)]
mod tests;
