//! How much was replaced in one call, told to the gateway once at its end: a call across the border for
//! every record would cost more than the search.

use crate::kinds::Kind;
use crate::pattern::Pattern;
use tidegate_sdk::host;

/// Replacements of one call, by kind and by own pattern.
#[derive(Debug, Default)]
pub struct Counts {
    kinds: [u64; Kind::ALL.len()],
    patterns: Vec<u64>,
}

impl Counts {
    /// One more of this kind.
    pub fn add(&mut self, kind: Kind) {
        self.kinds[kind as usize] += 1;
    }

    /// More of the own pattern at this place of the configuration.
    pub fn add_pattern(&mut self, pattern: usize, amount: u64) {
        if self.patterns.len() <= pattern {
            self.patterns.resize(pattern + 1, 0);
        }
        self.patterns[pattern] += amount;
    }

    /// More of everything that `other` counted.
    pub fn take(&mut self, other: Counts) {
        for (mine, others) in self.kinds.iter_mut().zip(other.kinds) {
            *mine += others;
        }
        for (pattern, amount) in other.patterns.into_iter().enumerate() {
            self.add_pattern(pattern, amount);
        }
    }

    /// Adds to `redacted` and to `redacted.NAME` for each kind and pattern that was found.
    pub fn report(&self, patterns: &[Pattern]) {
        let kinds = Kind::ALL.iter().map(|kind| kind.name()).zip(&self.kinds);
        let own = patterns.iter().map(Pattern::name).zip(&self.patterns);
        let mut all = 0;
        for (name, amount) in kinds.chain(own).filter(|(_, amount)| **amount > 0) {
            host::count(&format!("redacted.{name}"), *amount);
            all += amount;
        }
        if all > 0 {
            host::count("redacted", all);
        }
    }
}
