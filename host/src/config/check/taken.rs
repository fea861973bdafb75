//! Whether an expression takes any topic at all: one that fits only what is left out would be silent for ever.
//!
//! Decided without knowing the topics that exist: the automaton of the expression and that of all that is left out
//! walk together over every text that can be a topic's name.

use super::Checker;
use super::topics::Written;
use crate::config::problem::Field;
use regex::Regex;
use regex_automata::hybrid::dfa::{Cache, DFA};
use regex_automata::hybrid::{CacheError, LazyStateID};
use regex_automata::{Input, MatchKind};
use std::collections::{BTreeSet, HashSet};

/// What no expression ever takes: topics of Kafka itself, and what is no name.
const NEVER: [&str; 2] = ["^__", r"^\.\.?$"];
/// Pairs of states that are looked at; an expression that needs more is taken to fit something.
const PAIRS_MAX: usize = 20_000;
/// Memory of an automaton, in bytes.
const STATES_BYTES_MAX: usize = 8 << 20;

/// An automaton that is made as it is walked.
struct Automaton {
    dfa: DFA,
    cache: Cache,
}

impl Checker<'_> {
    /// Reports an expression that could never take a topic beside what is left out for it.
    pub(super) fn takes_something(
        &mut self,
        at: Field,
        pattern: &Regex,
        exclude: &[Regex],
        written: &[Written],
    ) {
        let exclude: Vec<&str> = exclude.iter().map(Regex::as_str).collect();
        if takes_any(pattern.as_str(), &exclude) {
            return;
        }
        let ours = written.iter().map(Written::topic);
        let ours: BTreeSet<&str> = ours.filter(|topic| pattern.is_match(topic)).collect();
        let ours = Vec::from_iter(ours).join(", ");
        let (rule, remedy) = if !ours.is_empty() {
            let remedy = "read other topics; what another pipeline writes to an output is read by name, without ^";
            let rule = format!(
                "takes no topic: expressions leave out what the gateway writes, and it fits {ours} only"
            );
            (rule, remedy)
        } else if takes_any(pattern.as_str(), &[]) {
            let rule = "takes no topic: exclude_topics leaves out all that it fits";
            (rule.to_owned(), "take one of the two out")
        } else {
            let rule = "takes no topic: it fits no name that a topic can have";
            let remedy = "names are letters, digits, ., _ and -, and those that begin with __ are Kafka's own";
            (rule.to_owned(), remedy)
        };
        self.wrong(at, pattern.as_str(), rule, remedy);
    }
}

/// Whether there is a name that `pattern` fits and none of `exclude` does; yes where that is too hard to say.
fn takes_any(pattern: &str, exclude: &[&str]) -> bool {
    let exclude = [&NEVER, exclude].concat();
    let automatons = Automaton::new(&[pattern]).zip(Automaton::new(&exclude));
    let Some((mut fits, mut out)) = automatons else {
        return true;
    };
    walk(&mut fits, &mut out).unwrap_or(true)
}

/// Looks for a name that the first fits and the second does not.
fn walk(fits: &mut Automaton, out: &mut Automaton) -> Result<bool, CacheError> {
    let letters: Vec<u8> = (b'!'..=b'~')
        .filter(|b| b.is_ascii_alphanumeric() || b"._-".contains(b))
        .collect();
    // Without a state of `fits` it has fitted already, whatever follows.
    let (Some(a), Some(b)) = (fits.start(), out.start()) else {
        return Ok(true);
    };
    let mut seen = HashSet::from([(Some(a), b)]);
    let mut next = vec![(Some(a), b)];
    while let Some((a, b)) = next.pop() {
        for letter in &letters {
            let b = out.dfa.next_state(&mut out.cache, b, *letter)?;
            let a = match a {
                None => None,
                Some(a) => Some(fits.dfa.next_state(&mut fits.cache, a, *letter)?),
            };
            if b.is_match() || a.is_some_and(|a| a.is_dead()) {
                continue;
            }
            let a = a.filter(|a| !a.is_match());
            let is_fit = match a {
                None => true,
                Some(a) => fits.ends_well(a)?,
            };
            if is_fit && !out.ends_well(b)? {
                return Ok(true);
            }
            if seen.insert((a, b)) {
                next.push((a, b));
            }
            if seen.len() > PAIRS_MAX || b.is_quit() || a.is_some_and(|a| a.is_quit()) {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

// === impl Automaton ===

impl Automaton {
    /// Of several expressions together; none where they need too much.
    fn new(patterns: &[&str]) -> Option<Automaton> {
        let config = DFA::config()
            .match_kind(MatchKind::All)
            // Names are ASCII.
            .unicode_word_boundary(true)
            .cache_capacity(STATES_BYTES_MAX)
            .skip_cache_capacity_check(true)
            // States keep their numbers.
            .minimum_cache_clear_count(Some(0));
        let dfa = DFA::builder().configure(config).build_many(patterns).ok()?;
        let cache = dfa.create_cache();
        Some(Automaton { dfa, cache })
    }

    fn start(&mut self) -> Option<LazyStateID> {
        let input = Input::new("");
        self.dfa.start_state_forward(&mut self.cache, &input).ok()
    }

    /// Whether the name may end here.
    fn ends_well(&mut self, state: LazyStateID) -> Result<bool, CacheError> {
        let end = self.dfa.next_eoi_state(&mut self.cache, state)?;
        Ok(end.is_match())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// *Scenario:* expressions and what is left out beside them.
    /// *Guarantees:* those that fit something else are told from those that do not, to the character.
    #[test]
    fn what_is_left_is_found() {
        for (pattern, exclude, expected) in [
            ("^logs", &["^logs\\.dead$"][..], true),
            ("^logs$", &["^logs$"], false),
            ("^logs\\.(a|b)$", &["^logs\\.a$"], true),
            ("^logs\\.(a|b)$", &["^logs\\.a$", "^logs\\.b$"], false),
            ("^logs\\..*", &["^logs"], false),
            ("^logs", &["^logs\\..*"], true),
            ("^(?i)LOGS$", &["^logs$"], true),
            ("^__x", &[], false),
            ("^_x", &[], true),
            ("^a b$", &[], false),
            ("^$", &[], false),
            ("^\\.+$", &["^\\.\\.\\.+$"], false),
            ("^\\w+\\b-$", &["^[a-z]"], true),
            ("^[^a-z]*ä$", &[], false),
            ("^x{500}$", &["^x{499,501}$"], false),
            ("^.*[ab].{16}$", &["^.*[ac].{16}$"], true),
        ] {
            assert_eq!(
                takes_any(pattern, exclude),
                expected,
                "{pattern} {exclude:?}"
            );
        }
    }

    proptest! {
        /// *Scenario:* small expressions, and all short names.
        /// *Guarantees:* where one of the names shows that something is taken, it is said so; where all names that could be
        /// meant are short, nothing is said to be taken that is not.
        #[test]
        fn it_agrees_with_trying(pattern in "\\^[ab.]{0,3}(\\[ab\\]|a\\?|b)[ab]{0,2}\\$", out in "\\^[ab.]{0,3}[ab?]{0,2}\\$?") {
            prop_assume!(Regex::new(&out).is_ok());
            let (fits, leaves) = (Regex::new(&pattern).unwrap(), Regex::new(&out).unwrap());
            let letters = ["a", "b", ".", "-"];
            let mut names = vec![String::new()];
            let mut found = false;
            for _ in 0..6 {
                names = names.iter().flat_map(|n| letters.map(|l| format!("{n}{l}"))).collect();
                found |= names.iter().any(|n| n != "." && n != ".." && fits.is_match(n) && !leaves.is_match(n));
            }
            prop_assert_eq!(takes_any(&pattern, &[&out]), found, "{} {}", pattern, out);
        }
    }
}
