//! Own patterns: regular expressions of the configuration.

use regex::{Captures, Regex, RegexBuilder};

/// The largest program that a pattern may be compiled to, and the largest cache that it may use, in bytes.
const COMPILED_BYTES_MAX: usize = 1 << 20;

/// A pattern of the configuration, compiled.
#[derive(Debug)]
pub struct Pattern {
    name: String,
    regex: Regex,
    replacement: String,
}

impl Pattern {
    /// Compiles a pattern. `$1` and `${name}` in the replacement stand for what a group matched.
    ///
    /// # Errors
    /// What is wrong with `regex`.
    pub fn new(name: &str, regex: &str, replacement: &str) -> Result<Self, String> {
        let regex = RegexBuilder::new(regex)
            .size_limit(COMPILED_BYTES_MAX)
            .dfa_size_limit(COMPILED_BYTES_MAX)
            .build()
            .map_err(|error| error.to_string())?;
        if regex.is_match("") {
            return Err("matches the empty text, so it would match everywhere; ask for at least one character".into());
        }
        Ok(Pattern {
            name: name.into(),
            regex,
            replacement: replacement.into(),
        })
    }

    /// Its name in the configuration.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The text with every match replaced, and how many there were; none where there were none.
    pub fn replace(&self, text: &str) -> Option<(String, u64)> {
        // Nearly always there is none, and this asks without room for groups.
        if !self.regex.is_match(text) {
            return None;
        }
        let mut count = 0;
        let replace = |found: &Captures<'_>| {
            count += 1;
            let mut replacement = String::new();
            found.expand(&self.replacement, &mut replacement);
            replacement
        };
        let replaced = self.regex.replace_all(text, replace).into_owned();
        Some((replaced, count))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// *Scenario:* a pattern with a group stands twice in a text, and not at all in another.
    ///
    /// *Guarantees:* both are replaced with the group kept, and the other text is left alone.
    #[test]
    fn every_match_is_replaced() {
        let pattern = Pattern::new("order", r"(?i)(ord-)\d{4}", "${1}<order>").unwrap();
        assert_eq!(
            pattern.replace("ORD-1234, ord-5678"),
            Some(("ORD-<order>, ord-<order>".into(), 2))
        );
        assert_eq!(pattern.replace("ORD-12"), None);
    }

    /// *Scenario:* patterns that are broken, too large, or match nothing at all.
    ///
    /// *Guarantees:* each is refused with its own reason.
    #[test]
    fn unusable_patterns_are_refused() {
        for (regex, reason) in [
            ("(", "unclosed"),
            (r"\w{1000}{1000}", "size limit"),
            ("x*", "empty text"),
        ] {
            let error = Pattern::new("p", regex, "").unwrap_err();
            assert!(error.contains(reason), "{error}");
        }
    }
}
