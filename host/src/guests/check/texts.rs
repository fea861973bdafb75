//! Spans over the two texts of a call: the given one, and the one that the plugin returned.

use super::BadAnswer;
use crate::model::Kind;

/// How the bytes of a text may be read: known once for a text, so that a span needs a look at its ends only.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Encoding {
    /// Every cut is between characters.
    #[default]
    Ascii,
    /// Valid UTF-8: a span is valid where both its ends are between characters.
    Utf8,
    /// Some of it is no UTF-8: each span is looked at.
    Bytes,
}

impl Encoding {
    pub(crate) fn of(text: &[u8]) -> Encoding {
        if text.is_ascii() {
            Encoding::Ascii
        } else if std::str::from_utf8(text).is_ok() {
            Encoding::Utf8
        } else {
            Encoding::Bytes
        }
    }

    /// Of two texts, one after the other, when spans lie wholly in one of them.
    pub(crate) fn and(self, other: Encoding) -> Encoding {
        self.max(other)
    }
}

/// The two texts, and how much of them has been pointed to.
pub(crate) struct Texts<'a> {
    given: &'a [u8],
    own: &'a [u8],
    encoding: Encoding,
    own_encoding: Encoding,
    covered: u64,
    covered_max: u64,
}

/// Why a span is bad.
#[derive(Clone, Copy)]
enum Bad {
    Outside,
    NotUtf8,
    TooMuch,
}

impl<'a> Texts<'a> {
    pub(crate) fn new(given: super::Given<'a>, own: &'a [u8]) -> Texts<'a> {
        let own_encoding = Encoding::of(own);
        Texts {
            given: &given.columns.text,
            own,
            encoding: given.encoding.and(own_encoding),
            own_encoding,
            covered: 0,
            covered_max: given.bytes_max as u64,
        }
    }

    /// Bytes under all spans checked so far; shared ones counted each time.
    pub(crate) fn covered(&self) -> u64 {
        self.covered
    }

    /// Of the returned text.
    pub(crate) fn own_encoding(&self) -> Encoding {
        self.own_encoding
    }

    /// The bytes of a span; empty where it lies outside.
    #[inline]
    pub(crate) fn bytes(&self, start: u32, length: u32) -> &'a [u8] {
        let start = start as usize;
        let (text, start) = match start.checked_sub(self.given.len()) {
            Some(start) => (self.own, start),
            None => (self.given, start),
        };
        text.get(start..start.saturating_add(length as usize))
            .unwrap_or(&[])
    }

    /// A span column of text.
    pub(crate) fn spans(&mut self, field: &'static str, column: &[u32]) -> Result<(), BadAnswer> {
        for (i, span) in column.chunks_exact(2).enumerate() {
            let &[start, length] = span else { continue };
            if let Err(bad) = self.text(start, length) {
                return Err(self.bad(field, i, start, length, bad));
            }
        }
        Ok(())
    }

    /// Two numbers a value: spans where the kind says so. Kinds have been checked.
    pub(crate) fn values(
        &mut self,
        field: &'static str,
        column: &[u32],
        kinds: &[u8],
    ) -> Result<(), BadAnswer> {
        const BYTES: u8 = Kind::Bytes as u8;
        const TEXT: u8 = Kind::Text as u8;
        const JSON: u8 = Kind::Json as u8;
        for (i, (span, kind)) in column.chunks_exact(2).zip(kinds).enumerate() {
            let &[start, length] = span else { continue };
            let checked = match kind & !crate::model::RESOURCE {
                TEXT | JSON => self.text(start, length),
                BYTES => self.within(start, length),
                _ => Ok(()),
            };
            if let Err(bad) = checked {
                return Err(self.bad(field, i, start, length, bad));
            }
        }
        Ok(())
    }

    #[inline]
    fn text(&mut self, start: u32, length: u32) -> Result<(), Bad> {
        self.within(start, length)?;
        match self.encoding {
            Encoding::Ascii => Ok(()),
            _ => self.characters(start, length),
        }
    }

    #[inline]
    fn within(&mut self, start: u32, length: u32) -> Result<(), Bad> {
        let given = self.given.len() as u64;
        let end = u64::from(start) + u64::from(length);
        let bound = if u64::from(start) < given {
            given
        } else {
            given + self.own.len() as u64
        };
        self.covered += u64::from(length);
        if end > bound {
            Err(Bad::Outside)
        } else if self.covered > self.covered_max {
            Err(Bad::TooMuch)
        } else {
            Ok(())
        }
    }

    fn characters(&self, start: u32, length: u32) -> Result<(), Bad> {
        if length == 0 {
            return Ok(());
        }
        let good = match self.encoding {
            Encoding::Bytes => std::str::from_utf8(self.bytes(start, length)).is_ok(),
            _ => {
                let start = start as usize;
                let (text, start) = match start.checked_sub(self.given.len()) {
                    Some(start) => (self.own, start),
                    None => (self.given, start),
                };
                let between = |at: usize| text.get(at).is_none_or(|b| (*b as i8) >= -0x40);
                between(start) && between(start + length as usize)
            }
        };
        if good { Ok(()) } else { Err(Bad::NotUtf8) }
    }

    #[cold]
    fn bad(&self, field: &'static str, i: usize, start: u32, length: u32, bad: Bad) -> BadAnswer {
        let (given, own) = (self.given.len(), self.own.len());
        let rule = match bad {
            Bad::Outside => format!(
                "is the span {start}+{length}, which lies wholly in neither text ({given} bytes given, {own} returned)"
            ),
            Bad::NotUtf8 => format!("is the span {start}+{length}, which is not UTF-8 in itself"),
            Bad::TooMuch => format!(
                "brings what all spans point to above max_batch_text ({} bytes)",
                self.covered_max
            ),
        };
        BadAnswer::at(field, i, rule)
    }
}
