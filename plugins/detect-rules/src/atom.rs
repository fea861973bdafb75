//! One question about one field, and what lets many such questions be asked at once.

use crate::config::Number;
use crate::field::{Seen, Texts};
use crate::literals::Required;
use crate::number;
use crate::severity::Mask;
use memchr::memmem::Finder;
use regex::Regex;
use std::cmp::Ordering;

/// One question about one field. Of a field that is not there only `Exists(false)` holds.
#[derive(Debug)]
pub struct Atom {
    /// The slot of the field.
    pub slot: usize,
    /// Whether its text is looked at with small letters; the constants have small letters then.
    pub lower: bool,
    /// The question.
    pub test: Test,
}

/// A question.
#[derive(Debug)]
pub enum Test {
    /// Whether it is there.
    Exists(bool),
    /// Whether the severity is one of these.
    Severity(Mask),
    /// Whether it is one of these.
    OneOf(OneOf),
    /// How it compares to a number.
    Number(Comparison, Number),
    /// Whether its text begins with this.
    Prefix(Box<str>),
    /// Whether its text ends with this.
    Suffix(Box<str>),
    /// Whether its text contains this.
    Contains(Box<Finder<'static>>),
    /// Whether this matches in its text.
    Regex(Box<Regex>, Option<Required>),
}

/// Values of which it must be one.
#[derive(Debug, Default)]
pub struct OneOf {
    /// In order.
    pub texts: Vec<Box<str>>,
    /// Compared as numbers.
    pub numbers: Vec<Number>,
}

/// A comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// Not below.
    AtLeast,
    /// Above.
    Greater,
    /// Not above.
    AtMost,
    /// Below.
    Less,
}

/// What must be so of a field for an atom to hold: an entry of the index.
#[derive(Debug, Clone)]
pub struct Anchor {
    /// The slot of the field.
    pub slot: usize,
    /// Whether its text is looked at with small letters.
    pub lower: bool,
    /// What must be so.
    pub need: Need,
    /// Whether the atom holds wherever this is so.
    pub exact: bool,
}

/// What must be so.
#[derive(Debug, Clone)]
pub enum Need {
    /// Its text is this.
    Is(Box<str>),
    /// It is this number.
    Same(f64),
    /// Its text begins with this.
    Prefix(Vec<u8>),
    /// Its text contains this.
    Literal(Vec<u8>),
    /// It is no smaller number.
    AtLeast(f64),
    /// It is no larger number.
    AtMost(f64),
    /// The severity is one of these.
    Severity(Mask),
    /// It is there.
    Exists,
}

/// Of which an atom, or a condition, holds only if at least one is so; with a guess how often that is.
#[derive(Debug, Clone)]
pub struct Anchors {
    /// Not empty.
    pub any_of: Vec<Anchor>,
    /// From 0, never, to 1, always, and above: of how many of the records it is so.
    pub chance: f32,
}

// === impl Atom ===

impl Atom {
    /// Whether it holds.
    #[inline]
    pub fn holds(&self, seen: &Seen<'_>, texts: &mut Texts) -> bool {
        match &self.test {
            Test::Exists(wanted) => seen.has(self.slot) == *wanted,
            Test::Severity(mask) => mask >> seen.severity() & 1 == 1,
            Test::Number(comparison, limit) => seen
                .value(self.slot)
                .and_then(number::of)
                .and_then(|number| number::compare(number, *limit))
                .is_some_and(|order| comparison.holds(order)),
            Test::OneOf(values) => self.is_one_of(values, seen, texts),
            Test::Prefix(prefix) => self.asks(seen, texts, |text| text.starts_with(&**prefix)),
            Test::Suffix(suffix) => self.asks(seen, texts, |text| text.ends_with(&**suffix)),
            Test::Contains(part) => {
                self.asks(seen, texts, |text| part.find(text.as_bytes()).is_some())
            }
            Test::Regex(regex, _) => self.asks(seen, texts, |text| regex.is_match(text)),
        }
    }

    /// Whether it is worth while to remember its answer for a record.
    pub fn is_costly(&self) -> bool {
        matches!(self.test, Test::Contains(_) | Test::Regex(..))
    }

    /// How costly it is, to ask what is cheap first.
    pub fn cost(&self) -> u32 {
        match &self.test {
            Test::Exists(_) | Test::Severity(_) => 0,
            Test::Number(..) | Test::OneOf(_) => 1,
            Test::Prefix(_) | Test::Suffix(_) => 2,
            Test::Contains(_) => 8,
            Test::Regex(..) => 64,
        }
    }

    #[inline]
    fn asks(&self, seen: &Seen<'_>, texts: &mut Texts, question: impl Fn(&str) -> bool) -> bool {
        let text = if self.lower {
            seen.lower(self.slot, texts)
        } else {
            seen.text(self.slot, texts)
        };
        text.is_some_and(question)
    }

    fn is_one_of(&self, values: &OneOf, seen: &Seen<'_>, texts: &mut Texts) -> bool {
        let is_number = !values.numbers.is_empty()
            && seen
                .value(self.slot)
                .and_then(number::of)
                .is_some_and(|number| {
                    let equal =
                        |other: &Number| number::compare(number, *other) == Some(Ordering::Equal);
                    values.numbers.iter().any(equal)
                });
        is_number
            || !values.texts.is_empty()
                && self.asks(seen, texts, |text| {
                    let found = values.texts.binary_search_by(|known| (**known).cmp(text));
                    found.is_ok()
                })
    }

    /// What must be so for it to hold; none where nothing that can be looked up must.
    pub fn anchors(&self) -> Option<Anchors> {
        let one = |need, exact, chance| Some(self.anchored(vec![(need, exact)], chance));
        match &self.test {
            Test::Exists(false) => None,
            Test::Exists(true) => one(Need::Exists, true, 0.6),
            Test::Severity(mask) => one(Need::Severity(*mask), true, severity_chance(*mask)),
            Test::OneOf(values) => Some(self.one_of(values)),
            Test::Number(comparison, limit) => {
                let limit = number::double(*limit);
                match comparison {
                    Comparison::AtLeast | Comparison::Greater => {
                        one(Need::AtLeast(limit), false, 0.3)
                    }
                    Comparison::AtMost | Comparison::Less => one(Need::AtMost(limit), false, 0.3),
                }
            }
            Test::Prefix(prefix) => one(
                Need::Prefix(prefix.as_bytes().into()),
                true,
                text_chance(prefix.len()),
            ),
            Test::Suffix(suffix) => one(
                Need::Literal(suffix.as_bytes().into()),
                false,
                text_chance(suffix.len()),
            ),
            Test::Contains(part) => one(
                Need::Literal(part.needle().into()),
                true,
                text_chance(part.needle().len()),
            ),
            Test::Regex(_, required) => Some(self.required(required.as_ref()?)),
        }
    }

    fn anchored(&self, needs: Vec<(Need, bool)>, chance: f32) -> Anchors {
        let anchor = |(need, exact)| Anchor {
            slot: self.slot,
            lower: self.lower,
            need,
            exact,
        };
        Anchors {
            any_of: needs.into_iter().map(anchor).collect(),
            chance,
        }
    }

    fn one_of(&self, values: &OneOf) -> Anchors {
        let texts = values
            .texts
            .iter()
            .map(|text| (Need::Is(text.clone()), true));
        let numbers = values
            .numbers
            .iter()
            .map(|number| (Need::Same(number::double(*number)), false));
        // True, false and short numbers have few other values beside them.
        let text_chances = values
            .texts
            .iter()
            .map(|text| if text.len() < 6 { 0.1 } else { 0.03 });
        let chance = text_chances.sum::<f32>() + 0.1 * values.numbers.len() as f32;
        self.anchored(texts.chain(numbers).collect(), chance)
    }

    fn required(&self, required: &Required) -> Anchors {
        let need = |literal: &Vec<u8>| match required.at_start {
            true => (Need::Prefix(literal.clone()), false),
            false => (Need::Literal(literal.clone()), false),
        };
        let chances = required
            .literals
            .iter()
            .map(|literal| text_chance(literal.len()));
        let chance = chances.sum();
        let mut anchors = self.anchored(required.literals.iter().map(need).collect(), chance);
        for anchor in &mut anchors.any_of {
            anchor.lower = required.lower;
        }
        anchors
    }
}

/// How often a text has a part of this length.
fn text_chance(len: usize) -> f32 {
    match len {
        0 => 1.0,
        1 => 0.8,
        2 => 0.4,
        3 => 0.2,
        4..8 => 0.06,
        _ => 0.02,
    }
}

fn severity_chance(mask: Mask) -> f32 {
    let any = |from: u32, to: u32| mask >> from & ((1 << (to - from)) - 1) != 0;
    let part = |is: bool, chance| if is { chance } else { 0.0 };
    part(any(0, 1), 0.2)
        + part(any(1, 9), 0.2)
        + part(any(9, 13), 0.5)
        + part(any(13, 17), 0.1)
        + part(any(17, 25), 0.05)
}

// === impl Comparison ===

impl Comparison {
    #[inline]
    fn holds(self, order: Ordering) -> bool {
        match self {
            Comparison::AtLeast => order != Ordering::Less,
            Comparison::Greater => order == Ordering::Greater,
            Comparison::AtMost => order != Ordering::Greater,
            Comparison::Less => order == Ordering::Less,
        }
    }
}
