//! From the bytes of a line to its fields: `[HOST:PORT ]CLIENT IDENT USER [TIME] "REQUEST" STATUS SIZE[ "REFERER" "AGENT"][ ...]`.

use crate::config::Format;
use tidegate_sdk::{Timestamp, find, formats};

/// A field, by its place in the line; without its quotes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Field {
    pub(crate) from: usize,
    pub(crate) to: usize,
    /// Whether it has backslashes.
    pub(crate) escaped: bool,
}

/// The fields of a line.
#[derive(Debug)]
pub(crate) struct Line {
    /// The virtual host, where the line begins with one.
    pub(crate) server: Option<Field>,
    pub(crate) client: Field,
    pub(crate) user: Field,
    pub(crate) time: Timestamp,
    pub(crate) request: Field,
    pub(crate) status: Option<u16>,
    pub(crate) size: Option<i64>,
    pub(crate) referer: Option<Field>,
    pub(crate) agent: Option<Field>,
}

/// Why a line gives no record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    /// It is something else.
    NotMine,
    /// It begins as an access line does, and this is wrong at this byte.
    Malformed(&'static str, usize),
}

/// How far the bytes of a line have been read.
pub(crate) struct Cursor<'l> {
    bytes: &'l [u8],
    at: usize,
}

/// What stands before the request.
struct Head {
    server: Option<Field>,
    client: Field,
    user: Field,
    time: Timestamp,
}

/// What stands behind an opening bracket.
enum Bracket {
    /// A time.
    Time(Timestamp),
    /// What is written as a time is, and is none.
    NoTime,
    /// The line ends within what is written as a time is.
    Cut,
    /// Something else.
    Other,
}

/// A time and its closing bracket: 0 for a digit, A for a letter, + for either sign.
const SHAPE: &[u8; 27] = b"00/AAA/0000:00:00:00 +0000]";

/// Day and month: from here on nobody doubts that a time was cut.
const SHAPE_MIN: usize = 7;

/// More digits than this a size does not have: they fit 64 bits.
const SIZE_DIGITS_MAX: usize = 18;

// === impl Line ===

impl Line {
    /// The fields up to those of the format; the cursor stands before the first field behind them.
    pub(crate) fn read(cursor: &mut Cursor<'_>, format: Format) -> Result<Self, Refused> {
        let head = cursor.head()?;
        let request = cursor.quoted("the line ends in the request")?;
        cursor.blank("no blank behind the request")?;
        let status = cursor.status()?;
        cursor.blank("no size behind the status")?;
        let size = cursor.size()?;
        let (referer, agent) = cursor.referer_and_agent(format)?;
        Ok(Line {
            server: head.server,
            client: head.client,
            user: head.user,
            time: head.time,
            request,
            status,
            size,
            referer,
            agent,
        })
    }
}

// === impl Cursor ===

impl<'l> Cursor<'l> {
    /// At the beginning of a line; blanks and carriage returns at its end do not count.
    pub(crate) fn new(line: &'l [u8]) -> Self {
        Cursor {
            bytes: line.trim_ascii_end(),
            at: 0,
        }
    }

    /// The next of the fields that follow, be it a word or in quotes; none at the end of the line.
    pub(crate) fn extra(&mut self) -> Result<Option<Field>, Refused> {
        if self.at >= self.bytes.len() {
            return Ok(None);
        }
        self.at += 1;
        if self.bytes.get(self.at) == Some(&b'"') {
            self.at += 1;
            let field = self.quoted("the line ends in a field in quotes")?;
            return self.separated().map(|()| Some(field));
        }
        let from = self.at;
        self.at = find::byte(self.bytes, from, b' ');
        Ok(Some(self.field(from, self.at)))
    }

    /// Up to the opening quote of the request, and over it. Only what has that far the form of an access line is one.
    #[inline]
    fn head(&mut self) -> Result<Head, Refused> {
        let bytes = self.bytes;
        let first = find::byte(bytes, 0, b' ');
        let second = find::byte(bytes, first + 1, b' ');
        // JSON ends here, and so do lines of one or two words.
        if matches!(bytes.first(), None | Some(b'{' | b' ')) || second <= first + 1 {
            return Err(Refused::NotMine);
        }
        // The third word is the user's name. It may be empty, and it may have blanks and brackets.
        let mut at = second + 2;
        loop {
            at = find::byte(bytes, at, b'[');
            if at >= bytes.len() {
                return Err(Refused::NotMine);
            }
            if bytes[at - 1] == b' ' {
                let behind = bytes.get(at + 1 + SHAPE.len()..).unwrap_or_default();
                match (Bracket::of(&bytes[at + 1..]), behind) {
                    (Bracket::Cut, _) => return self.cut("the line ends in the time"),
                    (Bracket::Time(_) | Bracket::NoTime, []) => {
                        return self.cut("the line ends behind the time");
                    }
                    (Bracket::Time(time), [b' ', b'"', ..]) => {
                        self.at = at + SHAPE.len() + 3;
                        return Ok(self.names(first, second, at - 1, time));
                    }
                    (Bracket::NoTime, [b' ', b'"', ..]) => {
                        return Err(Refused::Malformed("no such time", at + 1));
                    }
                    _ => {}
                }
            }
            at += 1;
        }
    }

    /// The words before the time; `first`, `second` and `end` are the blanks behind the first, the second and the last.
    #[inline]
    fn names(&self, first: usize, second: usize, end: usize, time: Timestamp) -> Head {
        let third = find::byte(&self.bytes[..end], second + 1, b' ');
        let is_server = third < end && self.is_server(first, second, third);
        let (server, client, user) = if is_server {
            (Some((0, first)), (first + 1, second), (third + 1, end))
        } else {
            (None, (0, first), (second + 1, end))
        };
        let field = |(from, to)| self.field(from, to);
        Head {
            server: server.map(field),
            client: field(client),
            user: field(user),
            time,
        }
    }

    /// Whether the first of four or more words is a virtual host rather than a client whose user's name has blanks: the
    /// next one is no absent identity, and either the one behind it is, or the first has a port.
    fn is_server(&self, first: usize, second: usize, third: usize) -> bool {
        &self.bytes[first + 1..second] != b"-"
            && (&self.bytes[second + 1..third] == b"-" || port(&self.bytes[..first]).is_some())
    }

    /// A field outside of quotes.
    fn field(&self, from: usize, to: usize) -> Field {
        let escaped = find::byte(&self.bytes[..to], from, b'\\') < to;
        Field { from, to, escaped }
    }

    /// Up to the closing quote, and over it; the opening quote is passed already.
    #[inline]
    fn quoted(&mut self, cut: &'static str) -> Result<Field, Refused> {
        let from = self.at;
        let mut escaped = false;
        loop {
            self.at = find::quote(self.bytes, self.at);
            match self.bytes.get(self.at) {
                Some(b'"') => break,
                Some(b'\\') => {
                    escaped = true;
                    self.at += 2;
                }
                // Some write control characters as they are.
                Some(_) => self.at += 1,
                None => return self.cut(cut),
            }
        }
        self.at += 1;
        Ok(Field {
            from,
            to: self.at - 1,
            escaped,
        })
    }

    #[inline]
    fn status(&mut self) -> Result<Option<u16>, Refused> {
        let from = self.at;
        match *self.word() {
            [b'-'] => Ok(None),
            [a @ b'0'..=b'9', b @ b'0'..=b'9', c @ b'0'..=b'9'] => {
                let digit = |digit: u8| u16::from(digit - b'0');
                let status = digit(a) * 100 + digit(b) * 10 + digit(c);
                // Servers write 000 where a request had no answer.
                Ok((status >= 100).then_some(status))
            }
            _ => Err(Refused::Malformed(
                "the status is neither three digits nor -",
                from,
            )),
        }
    }

    #[inline]
    fn size(&mut self) -> Result<Option<i64>, Refused> {
        let from = self.at;
        let word = self.word();
        if word == b"-" {
            return Ok(None);
        }
        if !(1..=SIZE_DIGITS_MAX).contains(&word.len()) || !word.iter().all(u8::is_ascii_digit) {
            return Err(Refused::Malformed("the size is neither digits nor -", from));
        }
        let number = |number, digit: &u8| number * 10 + i64::from(digit - b'0');
        Ok(Some(word.iter().fold(0, number)))
    }

    #[inline]
    fn referer_and_agent(
        &mut self,
        format: Format,
    ) -> Result<(Option<Field>, Option<Field>), Refused> {
        let wanted = match format {
            Format::Auto => self.bytes[self.at..].starts_with(b" \""),
            Format::Common => false,
            Format::Combined => true,
        };
        if !wanted {
            return Ok((None, None));
        }
        self.opening("no referer in quotes behind the size")?;
        let referer = self.quoted("the line ends in the referer")?;
        self.opening("no user agent in quotes behind the referer")?;
        let agent = self.quoted("the line ends in the user agent")?;
        self.separated()?;
        Ok((Some(referer), Some(agent)))
    }

    /// What is up to the next blank or the end.
    #[inline]
    fn word(&mut self) -> &'l [u8] {
        let from = self.at;
        self.at = find::byte(self.bytes, from, b' ');
        &self.bytes[from..self.at]
    }

    #[inline]
    fn blank(&mut self, missing: &'static str) -> Result<(), Refused> {
        if self.bytes.get(self.at) != Some(&b' ') {
            return Err(Refused::Malformed(missing, self.at));
        }
        self.at += 1;
        Ok(())
    }

    /// A blank and a quote.
    #[inline]
    fn opening(&mut self, missing: &'static str) -> Result<(), Refused> {
        if !self.bytes[self.at..].starts_with(b" \"") {
            return Err(Refused::Malformed(missing, self.at));
        }
        self.at += 2;
        Ok(())
    }

    /// Behind a closing quote there is a blank or nothing.
    #[inline]
    fn separated(&self) -> Result<(), Refused> {
        match self.bytes.get(self.at) {
            None | Some(b' ') => Ok(()),
            Some(_) => Err(Refused::Malformed("text behind a closing quote", self.at)),
        }
    }

    fn cut<T>(&self, what: &'static str) -> Result<T, Refused> {
        Err(Refused::Malformed(what, self.bytes.len()))
    }
}

// === impl Bracket ===

impl Bracket {
    /// What stands behind an opening bracket.
    #[inline]
    fn of(bytes: &[u8]) -> Self {
        let time = match bytes.split_first_chunk::<26>() {
            Some((time, [b']', ..])) => str::from_utf8(time).ok().and_then(formats::clf),
            _ => None,
        };
        time.map_or_else(|| Bracket::shape(bytes), Bracket::Time)
    }

    #[inline(never)]
    fn shape(bytes: &[u8]) -> Self {
        let fits = |(byte, shape): (&u8, &u8)| match shape {
            b'0' => byte.is_ascii_digit(),
            b'A' => byte.is_ascii_alphabetic(),
            b'+' => matches!(byte, b'+' | b'-'),
            _ => byte == shape,
        };
        match bytes.len() {
            _ if !bytes.iter().zip(SHAPE).all(fits) => Bracket::Other,
            0..SHAPE_MIN => Bracket::Other,
            SHAPE_MIN..27 => Bracket::Cut,
            _ => Bracket::NoTime,
        }
    }
}

/// Where the colon stands in `NAME:PORT`, and the port; a bare IPv6 address has none.
pub(crate) fn port(host: &[u8]) -> Option<(usize, u16)> {
    let digits = host.iter().rev().take_while(|b| b.is_ascii_digit()).count();
    let (name, port) = host.split_at(host.len() - digits);
    let name = name.strip_suffix(b":")?;
    let bracketed = name.starts_with(b"[") && name.ends_with(b"]");
    if name.is_empty() || !bracketed && name.contains(&b':') {
        return None;
    }
    Some((name.len(), str::from_utf8(port).ok()?.parse().ok()?))
}
