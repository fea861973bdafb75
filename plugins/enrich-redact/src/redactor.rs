//! Text in, redacted text out. Nothing is allocated where nothing is found.

use crate::counts::Counts;
use crate::finder::{Finder, Hit};
use crate::json;
use crate::kinds::{Kind, card, secret};
use crate::pattern::Pattern;
use tidegate_sdk::Value;

/// What to look for and what to write instead.
pub struct Redactor {
    finder: Finder,
    /// A kind: what is written instead, in the order of [`Kind::ALL`].
    replacements: [String; Kind::ALL.len()],
    patterns: Vec<Pattern>,
}

/// A value that takes another's place.
#[derive(Debug, PartialEq)]
pub enum Redacted {
    /// Text.
    Text(String),
    /// Bytes that are not text.
    Bytes(Vec<u8>),
    /// JSON.
    Json(String),
}

impl Redactor {
    /// A redactor of these kinds, with what is written instead of each (in the order of [`Kind::ALL`]).
    pub fn new(
        kinds: &[Kind],
        replacements: [String; Kind::ALL.len()],
        patterns: Vec<Pattern>,
    ) -> Self {
        Redactor {
            finder: Finder::new(kinds),
            replacements,
            patterns,
        }
    }

    /// Its own patterns.
    pub fn patterns(&self) -> &[Pattern] {
        &self.patterns
    }

    /// What is written instead of a kind.
    pub fn replacement(&self, kind: Kind) -> &str {
        &self.replacements[kind as usize]
    }

    /// A value of any type; none where it may stay as it is.
    #[inline]
    pub fn value(&self, value: Value<'_>, counts: &mut Counts) -> Option<Redacted> {
        match value {
            Value::Text(text) => self.text(text, counts).map(Redacted::Text),
            Value::Json(text) => self.json(text, false, counts),
            Value::Int(number) => self.number(number, counts).map(Redacted::Text),
            Value::Bytes(bytes) => self.bytes(bytes, counts).map(Redacted::Bytes),
            Value::Null | Value::Bool(_) | Value::Double(_) => None,
        }
    }

    /// The value of an attribute, whose name may tell that it is a secret.
    #[inline]
    pub fn attribute(&self, key: &str, value: Value<'_>, counts: &mut Counts) -> Option<Redacted> {
        if self.is_secret(key) {
            self.secret(value, counts)
        } else {
            self.value(value, counts)
        }
    }

    /// Whether this name is a secret's, and secrets are looked for.
    #[inline]
    pub fn is_secret(&self, name: &str) -> bool {
        secret::is_name(name.as_bytes()) && self.finder.wants(Kind::Secret)
    }

    /// Text.
    #[inline]
    pub fn text(&self, text: &str, counts: &mut Counts) -> Option<String> {
        if !self.patterns.is_empty() {
            return self.text_by_patterns(text, counts);
        }
        self.bytes(text.as_bytes(), counts).map(into_text)
    }

    /// A whole number: the replacement where it is a card number.
    pub fn number(&self, number: i64, counts: &mut Counts) -> Option<String> {
        (self.finder.wants(Kind::Card) && card::is_number(number))
            .then(|| self.instead(Kind::Card, counts))
    }

    /// What is written instead of a kind, counted.
    pub fn instead(&self, kind: Kind, counts: &mut Counts) -> String {
        counts.add(kind);
        self.replacement(kind).to_owned()
    }

    /// JSON stays JSON; what claims to be and is not is text.
    fn json(&self, text: &str, is_secret: bool, counts: &mut Counts) -> Option<Redacted> {
        let mut found = Counts::default();
        match json::redact(self, text, is_secret, &mut found) {
            Ok(redacted) => {
                counts.take(found);
                redacted.map(Redacted::Json)
            }
            Err(json::NotJson) if is_secret => {
                Some(Redacted::Text(self.instead(Kind::Secret, counts)))
            }
            Err(json::NotJson) => self.text(text, counts).map(Redacted::Text),
        }
    }

    /// The value of a secret: all of it goes, but for the truth, nothing and the empty text.
    #[cold]
    fn secret(&self, value: Value<'_>, counts: &mut Counts) -> Option<Redacted> {
        let keep = match value {
            Value::Json(text) => return self.json(text, true, counts),
            Value::Text(text) => text.is_empty() || text == self.replacement(Kind::Secret),
            Value::Bytes(bytes) => bytes.is_empty(),
            Value::Int(_) | Value::Double(_) => false,
            Value::Null | Value::Bool(_) => true,
        };
        (!keep).then(|| Redacted::Text(self.instead(Kind::Secret, counts)))
    }

    /// Own patterns first, then the kinds in what they left.
    fn text_by_patterns(&self, text: &str, counts: &mut Counts) -> Option<String> {
        let mut redacted = None;
        for (number, pattern) in self.patterns.iter().enumerate() {
            if let Some((replaced, count)) = pattern.replace(redacted.as_deref().unwrap_or(text)) {
                counts.add_pattern(number, count);
                redacted = Some(replaced);
            }
        }
        let rest = redacted.as_deref().unwrap_or(text);
        let replaced = self.bytes(rest.as_bytes(), counts).map(into_text);
        replaced.or(redacted)
    }

    #[inline]
    fn bytes(&self, bytes: &[u8], counts: &mut Counts) -> Option<Vec<u8>> {
        let hit = self.finder.first(bytes, 0)?;
        self.replace(bytes, hit, counts)
    }

    /// The text with the first hit and all behind it replaced, but for those that were replaced before
    /// (`password=<secret>`); none where nothing is left to replace.
    #[cold]
    fn replace(&self, text: &[u8], first: Hit, counts: &mut Counts) -> Option<Vec<u8>> {
        let (mut out, mut copied) = (Vec::with_capacity(text.len()), 0);
        let mut next = Some(first);
        while let Some(Hit { range, kind }) = next {
            next = self.finder.first(text, range.end);
            let instead = self.replacement(kind).as_bytes();
            if text[range.clone()] != *instead {
                counts.add(kind);
                out.extend_from_slice(&text[copied..range.start]);
                out.extend_from_slice(instead);
                copied = range.end;
            }
        }
        out.extend_from_slice(&text[copied..]);
        (copied > 0).then_some(out)
    }
}

/// What is left of text when whole characters were replaced, which hits are.
fn into_text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes)
        .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

#[cfg(test)]
pub mod tests;
