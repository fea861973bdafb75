//! Which rules a record may match, found without asking each rule.

use crate::atom::{Anchor, Need};
use crate::field::{Seen, Texts};
use crate::number;
use crate::severity::NUMBER_MAX;
use aho_corasick::automaton::Automaton;
use aho_corasick::{Anchored, dfa, nfa::contiguous};
use hashbrown::HashTable;
use memchr::memmem::Finder;
use tidegate_sdk::find;

/// Up to so many literals of a field are looked for one by one, which is faster than an automaton.
const FEW_LITERALS: usize = 6;
/// Up to so many bytes of literals a faster and larger automaton is made: about 1 MiB at most.
const DFA_BYTES_MAX: usize = 4_096;
/// Up to so many texts are compared one by one.
const FEW_TEXTS: usize = 4;
/// More beginnings than this that begin with one byte are looked for as literals.
const PREFIXES_MAX: usize = 64;

/// The rules by what must be so for them to match.
#[derive(Debug, Default)]
pub struct Index {
    views: Vec<View>,
    /// By severity.
    severity: Option<Box<[Vec<Posting>; NUMBER_MAX as usize + 1]>>,
    /// Rules that must be asked of every record.
    always: Vec<Posting>,
}

/// A rule, and whether it matches without further questions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Posting {
    rule: u32,
    exact: bool,
}

/// The rules that a record may match, each once.
#[derive(Debug, Default)]
pub struct Candidates {
    record: u64,
    /// By rule: the record that it was a candidate of last, twice its number, plus one where it matches for sure.
    last: Vec<u64>,
    /// The rules.
    pub rules: Vec<u32>,
}

/// One field, as it is or with small letters.
#[derive(Debug)]
struct View {
    slot: usize,
    lower: bool,
    texts: ByText,
    /// By their first byte, in order.
    prefixes: Vec<(Box<[u8]>, Vec<Posting>)>,
    literals: Literals,
    same: Vec<(f64, Vec<Posting>)>,
    at_least: Vec<(f64, Vec<Posting>)>,
    at_most: Vec<(f64, Vec<Posting>)>,
    exists: Vec<Posting>,
    has_texts: bool,
    has_numbers: bool,
}

#[derive(Debug)]
enum ByText {
    Few(Vec<(Box<str>, Vec<Posting>)>),
    Many(HashTable<(Box<str>, Vec<Posting>)>),
}

#[derive(Debug)]
enum Literals {
    Few(Vec<(Finder<'static>, Vec<Posting>)>),
    Fast(dfa::DFA, Vec<Vec<Posting>>),
    Many(contiguous::NFA, Vec<Vec<Posting>>),
}

// === impl Candidates ===

impl Candidates {
    /// The next record.
    #[inline]
    fn next(&mut self, rules: usize) {
        self.record += 1;
        self.rules.clear();
        if self.last.len() != rules {
            self.last.resize(rules, 0);
        }
    }

    #[inline]
    fn add(&mut self, postings: &[Posting]) {
        for posting in postings {
            let last = &mut self.last[posting.rule as usize];
            if *last >> 1 != self.record {
                *last = self.record << 1;
                self.rules.push(posting.rule);
            }
            *last |= u64::from(posting.exact);
        }
    }

    /// Whether a candidate matches without further questions.
    #[inline]
    pub fn is_sure(&self, rule: u32) -> bool {
        self.last[rule as usize] & 1 == 1
    }
}

// === impl Index ===

impl Index {
    /// Adds a rule that matches only where one of `anchors` is so; none: it must be asked always.
    pub fn add(
        &mut self,
        rule: usize,
        anchors: Option<Vec<Anchor>>,
        building: &mut Vec<(Anchor, u32)>,
    ) {
        let rule = rule as u32;
        match anchors {
            None => self.always.push(Posting { rule, exact: false }),
            Some(anchors) => building.extend(anchors.into_iter().map(|anchor| (anchor, rule))),
        }
    }

    /// Adds a rule that matches every record.
    pub fn add_all(&mut self, rule: usize) {
        let rule = rule as u32;
        self.always.push(Posting { rule, exact: true });
    }

    /// All rules have been added.
    pub fn build(&mut self, mut building: Vec<(Anchor, u32)>) -> Result<(), String> {
        building.sort_by_key(|(anchor, rule)| (anchor.slot, anchor.lower, *rule));
        let of_one_view =
            |a: &(Anchor, u32), b: &(Anchor, u32)| (a.0.slot, a.0.lower) == (b.0.slot, b.0.lower);
        for anchors in building.chunk_by(of_one_view) {
            let mut parts = Parts::default();
            for (anchor, rule) in anchors {
                let posting = Posting {
                    rule: *rule,
                    exact: anchor.exact,
                };
                match &anchor.need {
                    Need::Severity(mask) => {
                        let by_severity = self.severity.get_or_insert_default();
                        for (number, postings) in by_severity.iter_mut().enumerate() {
                            if mask >> number & 1 == 1 {
                                postings.push(posting);
                            }
                        }
                    }
                    need => parts.add(need, posting),
                }
            }
            let (slot, lower) = (anchors[0].0.slot, anchors[0].0.lower);
            self.views.extend(parts.view(slot, lower)?);
        }
        Ok(())
    }

    /// Finds the rules that a record may match.
    #[inline]
    pub fn find(&self, rules: usize, seen: &Seen<'_>, texts: &mut Texts, found: &mut Candidates) {
        found.next(rules);
        found.add(&self.always);
        if let Some(by_severity) = &self.severity {
            found.add(&by_severity[usize::from(seen.severity())]);
        }
        for view in &self.views {
            view.find(seen, texts, found);
        }
    }
}

// === building ===

/// What is asked of a view, before it is made.
#[derive(Default)]
struct Parts {
    texts: Vec<(Box<str>, Posting)>,
    prefixes: Vec<(Vec<u8>, Posting)>,
    literals: Vec<(Vec<u8>, Posting)>,
    same: Vec<(f64, Posting)>,
    at_least: Vec<(f64, Posting)>,
    at_most: Vec<(f64, Posting)>,
    exists: Vec<Posting>,
}

impl Parts {
    fn add(&mut self, need: &Need, posting: Posting) {
        match need {
            Need::Is(text) => self.texts.push((text.clone(), posting)),
            Need::Prefix(text) => self.prefixes.push((text.clone(), posting)),
            Need::Literal(text) => self.literals.push((text.clone(), posting)),
            Need::Same(number) => self.same.push((*number, posting)),
            Need::AtLeast(number) => self.at_least.push((*number, posting)),
            Need::AtMost(number) => self.at_most.push((*number, posting)),
            Need::Exists => self.exists.push(posting),
            Need::Severity(_) => {}
        }
    }

    fn view(mut self, slot: usize, lower: bool) -> Result<Option<View>, String> {
        // A literal anywhere is less than a beginning: the rule must be asked.
        let anywhere = |posting: Posting| Posting {
            exact: false,
            ..posting
        };
        if self.prefixes.len() > PREFIXES_MAX {
            let more = self
                .prefixes
                .drain(..)
                .map(|(text, posting)| (text, anywhere(posting)));
            self.literals.extend(more);
        }
        let view = View {
            slot,
            lower,
            has_texts: !(self.texts.is_empty()
                && self.prefixes.is_empty()
                && self.literals.is_empty()),
            has_numbers: !(self.same.is_empty()
                && self.at_least.is_empty()
                && self.at_most.is_empty()),
            texts: ByText::new(grouped(self.texts)),
            prefixes: grouped(self.prefixes)
                .into_iter()
                .map(|(text, postings)| (text.into(), postings))
                .collect(),
            literals: Literals::new(grouped(self.literals))?,
            same: by_number(self.same),
            at_least: by_number(self.at_least),
            at_most: by_number(self.at_most),
            exists: self.exists,
        };
        let asks = view.has_texts || view.has_numbers || !view.exists.is_empty();
        Ok(asks.then_some(view))
    }
}

/// Each text once, in order, with the rules that it is for.
fn grouped<T: Ord>(mut texts: Vec<(T, Posting)>) -> Vec<(T, Vec<Posting>)> {
    texts.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.rule.cmp(&b.1.rule)));
    let mut grouped: Vec<(T, Vec<Posting>)> = Vec::new();
    for (text, posting) in texts {
        match grouped.last_mut() {
            Some((last, postings)) if *last == text => postings.push(posting),
            _ => grouped.push((text, vec![posting])),
        }
    }
    grouped
}

fn by_number(mut numbers: Vec<(f64, Posting)>) -> Vec<(f64, Vec<Posting>)> {
    numbers.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.rule.cmp(&b.1.rule)));
    let mut grouped: Vec<(f64, Vec<Posting>)> = Vec::new();
    for (number, posting) in numbers {
        match grouped.last_mut() {
            Some((last, postings)) if *last == number => postings.push(posting),
            _ => grouped.push((number, vec![posting])),
        }
    }
    grouped
}

impl ByText {
    fn new(texts: Vec<(Box<str>, Vec<Posting>)>) -> Self {
        if texts.len() <= FEW_TEXTS {
            return ByText::Few(texts);
        }
        let hash = |entry: &(Box<str>, Vec<Posting>)| crate::hash::hash(entry.0.as_bytes());
        let mut table = HashTable::with_capacity(texts.len());
        for entry in texts {
            table.insert_unique(hash(&entry), entry, hash);
        }
        ByText::Many(table)
    }

    #[inline]
    fn find(&self, text: &str, found: &mut Candidates) {
        let is = |known: &str| find::equal(known.as_bytes(), text.as_bytes());
        match self {
            ByText::Few(texts) => {
                for (known, postings) in texts {
                    if is(known) {
                        found.add(postings);
                        return;
                    }
                }
            }
            ByText::Many(table) => {
                let hash = crate::hash::hash(text.as_bytes());
                if let Some((_, postings)) = table.find(hash, |entry| is(&entry.0)) {
                    found.add(postings);
                }
            }
        }
    }
}

impl Literals {
    fn new(literals: Vec<(Vec<u8>, Vec<Posting>)>) -> Result<Self, String> {
        if literals.len() <= FEW_LITERALS {
            let finder =
                |(literal, postings): (Vec<u8>, _)| (Finder::new(&literal).into_owned(), postings);
            return Ok(Literals::Few(literals.into_iter().map(finder).collect()));
        }
        let bytes: usize = literals.iter().map(|(literal, _)| literal.len()).sum();
        let (literals, postings): (Vec<_>, Vec<_>) = literals.into_iter().unzip();
        if bytes <= DFA_BYTES_MAX {
            let built = dfa::DFA::builder().prefilter(false).build(&literals);
            return built
                .map(|dfa| Literals::Fast(dfa, postings))
                .map_err(|e| e.to_string());
        }
        let built = contiguous::NFA::builder().prefilter(false).build(&literals);
        built
            .map(|nfa| Literals::Many(nfa, postings))
            .map_err(|e| e.to_string())
    }

    #[inline]
    fn find(&self, text: &[u8], found: &mut Candidates) {
        match self {
            Literals::Few(finders) => {
                for (finder, postings) in finders {
                    if finder.find(text).is_some() {
                        found.add(postings);
                    }
                }
            }
            Literals::Fast(automaton, postings) => walk(automaton, postings, text, found),
            Literals::Many(automaton, postings) => walk(automaton, postings, text, found),
        }
    }
}

/// Walks an automaton over a text: all literals that are in it, those within others too.
#[inline]
fn walk<A: Automaton>(
    automaton: &A,
    postings: &[Vec<Posting>],
    text: &[u8],
    found: &mut Candidates,
) {
    let Ok(mut state) = automaton.start_state(Anchored::No) else {
        return;
    };
    for byte in text {
        state = automaton.next_state(Anchored::No, state, *byte);
        if automaton.is_special(state) && automaton.is_match(state) {
            for number in 0..automaton.match_len(state) {
                found.add(&postings[automaton.match_pattern(state, number).as_usize()]);
            }
        }
    }
}

// === impl View ===

impl View {
    #[inline]
    fn find(&self, seen: &Seen<'_>, texts: &mut Texts, found: &mut Candidates) {
        if !seen.has(self.slot) {
            return;
        }
        found.add(&self.exists);
        if self.has_numbers
            && let Some(number) = seen.value(self.slot).and_then(number::of)
        {
            self.find_number(number::double(number), found);
        }
        if self.has_texts {
            let text = if self.lower {
                seen.lower(self.slot, texts)
            } else {
                seen.text(self.slot, texts)
            };
            if let Some(text) = text {
                self.texts.find(text, found);
                self.find_prefix(text.as_bytes(), found);
                self.literals.find(text.as_bytes(), found);
            }
        }
    }

    #[inline]
    fn find_prefix(&self, text: &[u8], found: &mut Candidates) {
        for (prefix, postings) in &self.prefixes {
            if text.starts_with(prefix) {
                found.add(postings);
            }
        }
    }

    #[inline]
    fn find_number(&self, number: f64, found: &mut Candidates) {
        for (limit, postings) in &self.at_least {
            if *limit > number {
                break;
            }
            found.add(postings);
        }
        for (limit, postings) in self.at_most.iter().rev() {
            if *limit < number {
                break;
            }
            found.add(postings);
        }
        if !self.same.is_empty() {
            let at = self.same.partition_point(|(known, _)| *known < number);
            if let Some((known, postings)) = self.same.get(at)
                && *known == number
            {
                found.add(postings);
            }
        }
    }
}
