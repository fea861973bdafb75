//! Conditions: made of what is written once, asked of the records that the index names.

use crate::atom::{Anchors, Atom, OneOf, Test};
use crate::config::{Constant, When};
use crate::field::{Field, Fields, Seen, Texts};
use crate::hash::Fixed;
use crate::literals;
use crate::problems::Problems;
use crate::severity;
use memchr::memmem::Finder;
use regex::RegexBuilder;
use std::collections::HashMap;
use std::hash::BuildHasherDefault;

/// The largest program that a pattern may be compiled to, and the largest cache that it may use, in bytes.
const COMPILED_BYTES_MAX: usize = 1 << 20;
/// The patterns of all rules together.
const PATTERNS_MAX: usize = 1_000;
/// Values of one `one_of`.
const VALUES_MAX: usize = 1_000;
/// Bytes of a text to compare with, and of a pattern.
const TEXT_BYTES_MAX: usize = 4_096;
/// Different fields of all rules together.
const FIELDS_MAX: usize = 4_096;
/// Conditions within conditions.
const DEPTH_MAX: usize = 16;

/// A condition on a record.
#[derive(Debug, Clone)]
pub enum Condition {
    /// All of these hold.
    All(Vec<Condition>),
    /// One of these holds.
    Any(Vec<Condition>),
    /// This does not hold.
    Not(Box<Condition>),
    /// This atom holds.
    Atom(usize),
}

/// What conditions are made of: fields and atoms, each once.
#[derive(Debug, Default)]
pub struct Atoms {
    /// The fields.
    pub fields: Fields,
    /// The atoms.
    pub atoms: Vec<Atom>,
    /// How many conditions ask each of them.
    asked: Vec<u32>,
    /// Atoms by what was written.
    known: HashMap<String, usize, BuildHasherDefault<Fixed>>,
    patterns: usize,
}

/// The answers of costly atoms that more than one condition asks, for one record.
#[derive(Debug, Default)]
pub struct Answers {
    record: u64,
    /// By atom: the record that it was asked of last, twice its number, plus one where it held.
    last: Vec<u64>,
}

// === impl Condition ===

impl Condition {
    /// Whether it holds.
    #[inline]
    pub fn holds(
        &self,
        atoms: &Atoms,
        seen: &Seen<'_>,
        texts: &mut Texts,
        answers: &mut Answers,
    ) -> bool {
        match self {
            Condition::Atom(atom) => atoms.holds(*atom, seen, texts, answers),
            Condition::All(parts) => parts
                .iter()
                .all(|part| part.holds(atoms, seen, texts, answers)),
            Condition::Any(parts) => parts
                .iter()
                .any(|part| part.holds(atoms, seen, texts, answers)),
            Condition::Not(part) => !part.holds(atoms, seen, texts, answers),
        }
    }

    /// Of which it holds only if at least one is so: the rarest that is found.
    pub fn anchors(&self, atoms: &Atoms) -> Option<Anchors> {
        match self {
            Condition::Atom(atom) => atoms.atoms[*atom].anchors(),
            Condition::All(parts) => {
                let anchors = parts.iter().filter_map(|part| part.anchors(atoms));
                let mut rarest = anchors.min_by(|a, b| a.chance.total_cmp(&b.chance))?;
                // The others must be asked still.
                rarest
                    .any_of
                    .iter_mut()
                    .for_each(|anchor| anchor.exact &= parts.len() == 1);
                Some(rarest)
            }
            Condition::Any(parts) => {
                let mut all = Anchors {
                    any_of: Vec::new(),
                    chance: 0.0,
                };
                for part in parts {
                    let anchors = part.anchors(atoms)?;
                    all.any_of.extend(anchors.any_of);
                    all.chance += anchors.chance;
                }
                Some(all)
            }
            Condition::Not(_) => None,
        }
    }

    fn cost(&self, atoms: &Atoms) -> u32 {
        match self {
            Condition::Atom(atom) => atoms.atoms[*atom].cost(),
            Condition::All(parts) | Condition::Any(parts) => parts
                .iter()
                .map(|part| part.cost(atoms))
                .fold(1, u32::saturating_add),
            Condition::Not(part) => part.cost(atoms),
        }
    }
}

// === impl Answers ===

impl Answers {
    /// The next record.
    #[inline]
    pub fn next(&mut self, atoms: &Atoms) {
        self.record += 1;
        if self.last.len() != atoms.atoms.len() {
            self.last.resize(atoms.atoms.len(), 0);
        }
    }
}

// === impl Atoms ===

impl Atoms {
    #[inline]
    fn holds(
        &self,
        atom: usize,
        seen: &Seen<'_>,
        texts: &mut Texts,
        answers: &mut Answers,
    ) -> bool {
        let asked = &self.atoms[atom];
        if self.asked[atom] < 2 || !asked.is_costly() {
            return asked.holds(seen, texts);
        }
        if answers.last[atom] >> 1 != answers.record {
            answers.last[atom] = answers.record << 1 | u64::from(asked.holds(seen, texts));
        }
        answers.last[atom] & 1 == 1
    }

    /// The slot of a field that is written at `pointer`.
    pub fn slot(&mut self, pointer: &str, written: &str, problems: &mut Problems) -> Option<usize> {
        let field = problems.check(pointer, Field::new(written))?;
        if self.fields.slots() >= FIELDS_MAX {
            problems.add(
                pointer,
                format!("is one field too many; use at most {FIELDS_MAX} in all rules"),
            );
            return None;
        }
        Some(self.fields.slot(field))
    }

    /// Makes a condition of what is written at `pointer`; none where it is wrong.
    pub fn condition(
        &mut self,
        pointer: &str,
        when: &When,
        problems: &mut Problems,
    ) -> Option<Condition> {
        self.nested(pointer, when, 0, problems)
    }

    fn nested(
        &mut self,
        pointer: &str,
        when: &When,
        depth: usize,
        problems: &mut Problems,
    ) -> Option<Condition> {
        if depth > DEPTH_MAX {
            problems.add(
                pointer,
                format!("is nested too deep; use at most {DEPTH_MAX} conditions within each other"),
            );
            return None;
        }
        let before = problems.count();
        let mut parts = self.tests(pointer, when, problems);
        for (name, list) in [("all", &when.all), ("any", &when.any)] {
            let Some(list) = list else { continue };
            let pointer = format!("{pointer}/{name}");
            if list.is_empty() {
                problems.add(&pointer, "has no conditions; name one, or leave it out");
            }
            let mut inner: Vec<Condition> = (list.iter().enumerate())
                .filter_map(|(n, when)| {
                    self.nested(&format!("{pointer}/{n}"), when, depth + 1, problems)
                })
                .collect();
            inner.sort_by_key(|part| part.cost(self));
            match name {
                "all" => parts.extend(inner),
                _ => parts.push(Condition::Any(inner)),
            }
        }
        if let Some(not) = &when.not {
            let inner = self.nested(&format!("{pointer}/not"), not, depth + 1, problems);
            parts.extend(inner.map(|inner| Condition::Not(Box::new(inner))));
        }
        if problems.count() > before {
            return None;
        }
        parts.sort_by_key(|part| part.cost(self));
        match parts.len() {
            0 => {
                problems.add(pointer, "says nothing, so it would fit every record; leave out `when` where that is meant");
                None
            }
            1 => parts.pop(),
            _ => Some(Condition::All(parts)),
        }
    }

    /// The tests of the field that `when` names.
    fn tests(&mut self, pointer: &str, when: &When, problems: &mut Problems) -> Vec<Condition> {
        let mut parts = Vec::new();
        let names_tests = when.names_tests();
        let Some(written) = &when.field else {
            if let Some(name) = names_tests.first() {
                problems.add(
                    &format!("{pointer}/{name}"),
                    "has no field to test; name it in `field`",
                );
            }
            return parts;
        };
        let at = format!("{pointer}/field");
        let Some(slot) = self.slot(&at, written, problems) else {
            return parts;
        };
        if names_tests.is_empty() {
            problems.add(
                &at,
                format!(
                    "is {written:?}, of which nothing is asked; use equals, exists or another test"
                ),
            );
        }
        if written == "severity" {
            if let Some(mask) = severity::allowed(pointer, when, problems) {
                parts.push(
                    self.atom(format!("{slot} severity {mask}"), slot, false, || {
                        Test::Severity(mask)
                    }),
                );
            }
            return parts;
        }
        if let Some(wanted) = when.exists {
            parts.push(
                self.atom(format!("{slot} exists {wanted}"), slot, false, || {
                    Test::Exists(wanted)
                }),
            );
        }
        self.values(pointer, slot, when, problems, &mut parts);
        self.numbers(pointer, slot, when, problems, &mut parts);
        self.texts(pointer, slot, when, problems, &mut parts);
        self.pattern(pointer, slot, when, problems, &mut parts);
        parts
    }

    fn values(
        &mut self,
        pointer: &str,
        slot: usize,
        when: &When,
        problems: &mut Problems,
        parts: &mut Vec<Condition>,
    ) {
        let equals = when
            .equals
            .as_ref()
            .map(|value| ("equals", std::slice::from_ref(value)));
        let one_of = when.one_of.as_ref().map(|values| ("one_of", &values[..]));
        for (name, values) in [equals, one_of].into_iter().flatten() {
            let pointer = format!("{pointer}/{name}");
            if values.is_empty() || values.len() > VALUES_MAX {
                problems.add(
                    &pointer,
                    format!("has {} values; use 1 to {VALUES_MAX}", values.len()),
                );
            }
            let mut made = OneOf::default();
            for value in values {
                match value {
                    Constant::Bool(flag) => made.texts.push(flag.to_string().into()),
                    Constant::Number(number) => made.numbers.push(*number),
                    Constant::Text(text) => {
                        made.texts
                            .extend(self.text(&pointer, text, when.ignore_case, problems))
                    }
                }
            }
            made.texts.sort();
            made.texts.dedup();
            let key = format!("{slot} {} {made:?}", when.ignore_case);
            parts.push(self.atom(key, slot, when.ignore_case, || Test::OneOf(made)));
        }
    }

    fn numbers(
        &mut self,
        pointer: &str,
        slot: usize,
        when: &When,
        problems: &mut Problems,
        parts: &mut Vec<Condition>,
    ) {
        for (name, limit, comparison) in when.limits() {
            let Some(limit) = limit else { continue };
            let Constant::Number(number) = *limit else {
                let message = format!(
                    "is {}; use a number (names are for the field severity)",
                    shown(limit)
                );
                problems.add(&format!("{pointer}/{name}"), message);
                continue;
            };
            let key = format!("{slot} {name} {number:?}");
            parts.push(self.atom(key, slot, false, || Test::Number(comparison, number)));
        }
    }

    fn texts(
        &mut self,
        pointer: &str,
        slot: usize,
        when: &When,
        problems: &mut Problems,
        parts: &mut Vec<Condition>,
    ) {
        let lower = when.ignore_case;
        for (name, text) in [
            ("contains", &when.contains),
            ("prefix", &when.prefix),
            ("suffix", &when.suffix),
        ] {
            let Some(text) = text else { continue };
            let pointer = format!("{pointer}/{name}");
            if text.is_empty() {
                problems.add(
                    &pointer,
                    "is empty, which fits every text; use exists: true where that is meant",
                );
            }
            let Some(text) = self.text(&pointer, text, lower, problems) else {
                continue;
            };
            let key = format!("{slot} {lower} {name} {text}");
            parts.push(self.atom(key, slot, lower, || match name {
                "contains" => Test::Contains(Box::new(Finder::new(text.as_bytes()).into_owned())),
                "prefix" => Test::Prefix(text),
                _ => Test::Suffix(text),
            }));
        }
    }

    fn pattern(
        &mut self,
        pointer: &str,
        slot: usize,
        when: &When,
        problems: &mut Problems,
        parts: &mut Vec<Condition>,
    ) {
        let Some(pattern) = &when.regex else { return };
        let pointer = format!("{pointer}/regex");
        let key = format!("{slot} {} regex {pattern}", when.ignore_case);
        if self.known.contains_key(&key) {
            parts.push(self.atom(key, slot, false, || Test::Exists(true)));
            return;
        }
        self.patterns += 1;
        if self.patterns == PATTERNS_MAX + 1 {
            problems.add(
                &pointer,
                format!("is one pattern too many; use at most {PATTERNS_MAX} in all rules"),
            );
        }
        if pattern.len() > TEXT_BYTES_MAX {
            problems.add(
                &pointer,
                format!("has {} bytes; use at most {TEXT_BYTES_MAX}", pattern.len()),
            );
        }
        if self.patterns > PATTERNS_MAX || pattern.len() > TEXT_BYTES_MAX {
            return;
        }
        let regex = RegexBuilder::new(pattern)
            .case_insensitive(when.ignore_case)
            .size_limit(COMPILED_BYTES_MAX)
            .dfa_size_limit(COMPILED_BYTES_MAX)
            .build();
        let fault = |error: regex::Error| literals::fault(pattern, when.ignore_case, &error);
        let Some(regex) = problems.check(&pointer, regex.map_err(fault)) else {
            return;
        };
        let required = literals::required(pattern, when.ignore_case);
        parts.push(self.atom(key, slot, false, || Test::Regex(Box::new(regex), required)));
    }

    /// A text to compare with, with small letters where case does not matter.
    fn text(
        &self,
        pointer: &str,
        text: &str,
        ignore_case: bool,
        problems: &mut Problems,
    ) -> Option<Box<str>> {
        if text.len() > TEXT_BYTES_MAX {
            problems.add(
                pointer,
                format!("has {} bytes; use at most {TEXT_BYTES_MAX}", text.len()),
            );
            return None;
        }
        let has_cases = |c: char| !c.is_ascii() && (c.is_lowercase() || c.is_uppercase());
        if ignore_case && text.chars().any(has_cases) {
            let message = format!(
                "is {text:?}, but ignore_case knows the letters A to Z only; use regex, which knows all, or leave out ignore_case"
            );
            problems.add(pointer, message);
            return None;
        }
        Some(match ignore_case {
            true => text.to_ascii_lowercase().into(),
            false => text.into(),
        })
    }

    fn atom(
        &mut self,
        key: String,
        slot: usize,
        lower: bool,
        test: impl FnOnce() -> Test,
    ) -> Condition {
        if let Some(known) = self.known.get(&key) {
            self.asked[*known] += 1;
            return Condition::Atom(*known);
        }
        let number = self.atoms.len();
        self.atoms.push(Atom {
            slot,
            lower,
            test: test(),
        });
        self.asked.push(1);
        self.known.insert(key, number);
        Condition::Atom(number)
    }
}

fn shown(constant: &Constant) -> String {
    match constant {
        Constant::Bool(flag) => flag.to_string(),
        Constant::Number(number) => format!("{number:?}"),
        Constant::Text(text) => format!("{text:?}"),
    }
}
