//! What is around an event: `{"type":"log","data":{...},"timestamp":"...","source":"..."}`.

use crate::config::Dropped;
use tidegate_sdk::NewRecord;
use tidegate_sdk::json::{Scan, Scanned, Token};

/// What an object is.
pub(crate) enum Event<'l> {
    /// A log, and what is known of it; each as it was written.
    Log(Log<'l>),
    /// An event of this type, by its number among those that are dropped.
    Dropped(usize),
    /// No envelope, or one of a type that is not named.
    Foreign,
}

/// The values of a log's envelope.
#[derive(Default)]
pub(crate) struct Log<'l> {
    pub(crate) data: &'l str,
    pub(crate) time: Option<&'l str>,
    pub(crate) source: Option<&'l str>,
    pub(crate) resource: Option<&'l str>,
}

/// How an object begins, as far as it has been read.
#[derive(Default)]
pub(crate) struct Begun {
    /// Whether there was a type or data.
    marked: bool,
    /// Whether there was a key that no envelope has.
    foreign: bool,
}

/// Of which type an event is.
#[derive(Clone, Copy)]
enum Kind {
    Log,
    Dropped(usize),
}

/// Reads the envelope; keys that it does not have become attributes of the record at once.
pub(crate) fn read<'l>(
    text: &'l str,
    scan: &mut Scan<'l>,
    dropped: &[Dropped],
    record: &mut NewRecord<'_>,
    begun: &mut Begun,
) -> Scanned<Event<'l>> {
    // Where a key or a text had escapes, this is what it says; mostly they stay empty and are not allocated.
    let (mut key_said, mut text_said) = (String::new(), String::new());
    let (mut kind, mut log) = (None, Log::default());
    scan.open()?;
    while let Some(key) = scan.key(&mut key_said)? {
        let known = matches!(key, "type" | "data" | "timestamp" | "source" | "resource");
        begun.marked |= matches!(key, "type" | "data");
        begun.foreign |= !known;
        let from = scan.at();
        let token = scan.value(&mut text_said)?;
        let written = &text[from..scan.at()];
        match (key, token) {
            ("type", Token::Text(name)) => match Kind::of(name, dropped) {
                Some(of) => kind = Some(of),
                None => return Ok(Event::Foreign),
            },
            ("data", Token::Json(_)) if written.starts_with('{') => log.data = written,
            ("type" | "data", _) => return Ok(Event::Foreign),
            ("timestamp", _) => log.time = Some(written),
            ("source", _) => log.source = Some(written),
            ("resource", _) => log.resource = Some(written),
            (key, token) => {
                record.attr(key, token.value());
            }
        }
    }
    scan.close()?;
    Ok(match kind {
        Some(_) if log.data.is_empty() => Event::Foreign,
        Some(Kind::Log) => Event::Log(log),
        Some(Kind::Dropped(number)) => Event::Dropped(number),
        None => Event::Foreign,
    })
}

// === impl Kind ===

impl Kind {
    #[inline]
    fn of(name: &str, dropped: &[Dropped]) -> Option<Self> {
        if name == "log" {
            return Some(Kind::Log);
        }
        let number = dropped.iter().position(|dropped| dropped.kind == name);
        number.map(Kind::Dropped)
    }
}

// === impl Begun ===

impl Begun {
    /// Whether this can only have been an envelope, as far as it goes.
    pub(crate) fn is_envelope(&self) -> bool {
        self.marked && !self.foreign
    }
}
