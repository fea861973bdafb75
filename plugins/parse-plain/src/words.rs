//! The first known word of a line.

use tidegate_sdk::Severity;

/// Words and what they mean.
pub(crate) struct Words {
    known: Vec<(Box<[u8]>, Severity)>,
    ignore_case: bool,
    /// A byte: whether a known word begins with it. Most words of a line end their search here.
    begins: [bool; 256],
    longest: usize,
}

// === impl Words ===

impl Words {
    pub(crate) fn new(ignore_case: bool) -> Self {
        Words {
            known: Vec::new(),
            ignore_case,
            begins: [false; 256],
            longest: 0,
        }
    }

    pub(crate) fn add(&mut self, word: &str, severity: Severity) -> Result<(), &'static str> {
        let Some(first) = word.bytes().next() else {
            return Err("a word must not be empty");
        };
        if !word.bytes().all(of_a_word) {
            return Err("a word has only letters, digits and underscores");
        }
        self.begins[usize::from(first)] = true;
        if self.ignore_case {
            self.begins[usize::from(first.to_ascii_lowercase())] = true;
            self.begins[usize::from(first.to_ascii_uppercase())] = true;
        }
        self.longest = self.longest.max(word.len());
        self.known.push((word.as_bytes().into(), severity));
        Ok(())
    }

    /// The first known word that begins in the first `search` bytes, and what it means.
    pub(crate) fn first<'l>(&self, line: &'l [u8], search: usize) -> Option<(Severity, &'l str)> {
        let mut at = 0;
        while at < line.len().min(search) {
            if !of_a_word(line[at]) {
                at += 1;
                continue;
            }
            let len = line[at..]
                .iter()
                .position(|byte| !of_a_word(*byte))
                .unwrap_or(line.len() - at);
            if let Some(severity) = self.of(&line[at..at + len]) {
                return Some((severity, str::from_utf8(&line[at..at + len]).unwrap_or("")));
            }
            at += len;
        }
        None
    }

    fn of(&self, word: &[u8]) -> Option<Severity> {
        if !self.begins[usize::from(word[0])] || word.len() > self.longest {
            return None;
        }
        let same = |known: &[u8]| {
            if self.ignore_case {
                known.eq_ignore_ascii_case(word)
            } else {
                known == word
            }
        };
        self.known
            .iter()
            .find(|(known, _)| same(known))
            .map(|(_, severity)| *severity)
    }
}

/// Bytes beyond ASCII are letters of some language (or no text at all).
fn of_a_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}
