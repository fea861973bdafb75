//! A parser's answer, owned.

use crate::columns::Columns;
use crate::text::NewText;
use std::borrow::Cow;

/// What became of an input record.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verdict {
    /// It gave one or more records.
    Emitted,
    /// It is left out on purpose, and why.
    Dropped(Cow<'static, str>),
    /// It is not of this plugin's format: the gateway offers it to the next parser.
    NotMine,
    /// It is of this plugin's format and broken, and how.
    Malformed(Cow<'static, str>),
    /// It went into this new record, which an earlier input record gave; the number is that of
    /// [`NewRecord::emit`](crate::NewRecord::emit).
    Joined(u32),
}

/// Why one input record was dropped, refused or malformed; for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    /// The input record.
    pub input: u32,
    /// What to tell.
    pub message: String,
}

/// The columns of `parsed`, owned.
#[derive(Debug, Clone)]
pub struct Parsed {
    pub(crate) records: Columns,
    pub(crate) text: NewText,
    pub(crate) input: Vec<u32>,
    pub(crate) verdicts: Vec<u8>,
    pub(crate) joined: Vec<u32>,
    pub(crate) reasons: Vec<Reason>,
}

/// Numbers of `verdict`.
pub(crate) mod verdict {
    pub(crate) const EMITTED: u8 = 0;
    pub(crate) const DROPPED: u8 = 1;
    pub(crate) const NOT_MINE: u8 = 2;
    pub(crate) const MALFORMED: u8 = 3;
    pub(crate) const JOINED: u8 = 4;
}

// === impl Verdict ===

impl Verdict {
    /// Dropped on purpose, and why.
    pub fn dropped(why: impl Into<Cow<'static, str>>) -> Self {
        Verdict::Dropped(why.into())
    }

    /// Broken, and how.
    pub fn malformed(how: impl Into<Cow<'static, str>>) -> Self {
        Verdict::Malformed(how.into())
    }
}

/// An error is how it is broken.
impl<E: Into<Cow<'static, str>>> From<Result<(), E>> for Verdict {
    #[inline]
    fn from(result: Result<(), E>) -> Self {
        match result {
            Ok(()) => Verdict::Emitted,
            Err(how) => Verdict::Malformed(how.into()),
        }
    }
}

// === impl Parsed ===

impl Parsed {
    /// An answer without anything in it yet.
    pub const fn new() -> Self {
        Parsed {
            records: Columns::new(),
            text: NewText::new(),
            input: Vec::new(),
            verdicts: Vec::new(),
            joined: Vec::new(),
            reasons: Vec::new(),
        }
    }

    /// The new records; their text is [`text`](Self::text), behind the text that was given.
    pub fn records(&self) -> &Columns {
        &self.records
    }

    /// The text that the answer brings along.
    pub fn text(&self) -> &[u8] {
        &self.text.bytes
    }

    /// A new record: the input record that gave it.
    pub fn input(&self) -> &[u32] {
        &self.input
    }

    /// An input record: its verdict, as a number.
    pub fn verdicts(&self) -> &[u8] {
        &self.verdicts
    }

    /// A joined input record, and the new record that it went into: pairs.
    pub fn joined(&self) -> &[u32] {
        &self.joined
    }

    /// What there is to say of input records.
    pub fn reasons(&self) -> &[Reason] {
        &self.reasons
    }

    pub(crate) fn start(&mut self, records: usize) {
        self.records.clear();
        self.records.reserve(records);
        self.text.clear();
        self.input.clear();
        self.verdicts.clear();
        self.joined.clear();
        self.reasons.clear();
    }
}

impl Default for Parsed {
    fn default() -> Self {
        Parsed::new()
    }
}
