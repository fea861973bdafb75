//! From the values of a log event to a record.

use crate::envelope::Log;
use tidegate_sdk::json::{Scan, Scanned, Token};
use tidegate_sdk::{NewRecord, Severity, Timestamp, formats};

/// What the data of a log says, each value as it was written; of a key that comes again the last one.
#[derive(Default)]
struct Data<'l> {
    time: Option<&'l str>,
    severity: Option<&'l str>,
    number: Option<&'l str>,
    flags: Option<&'l str>,
    trace_id: Option<&'l str>,
    span_id: Option<&'l str>,
    attributes: Option<&'l str>,
    resource: Option<&'l str>,
}

/// One event on its way into a record.
struct Writer<'w, 'e> {
    record: &'w mut NewRecord<'e>,
    said: String,
}

/// What a value says of the time.
#[derive(Clone, Copy)]
enum Time {
    Known(Timestamp),
    /// There is none.
    Missing,
    /// It is something else.
    Unreadable,
}

/// How programs write that they know no time: the beginnings of Unix's and of Go's.
const NO_TIMES: [&str; 3] = ["", "1970-01-01T00:00:00Z", "0001-01-01T00:00:00Z"];

/// Puts an event into the record.
pub(crate) fn write(log: &Log<'_>, source: &str, record: &mut NewRecord<'_>) -> Scanned<()> {
    let data = Data::read(log.data, record)?;
    let mut writer = Writer {
        record,
        said: String::new(),
    };
    writer.source(log.source, source);
    writer.resource(log.resource)?;
    writer.resource(data.resource)?;
    writer.times(log.time, data.time);
    writer.severity(data.severity, data.number);
    writer.flags(data.flags);
    let trace_id = writer.id("trace_id", data.trace_id);
    let span_id = writer.id("span_id", data.span_id);
    if let Some(id) = trace_id {
        writer.record.trace_id(id);
    }
    if let Some(id) = span_id {
        writer.record.span_id(id);
    }
    writer.attributes(data.attributes, trace_id.is_some(), span_id.is_some())
}

// === impl Data ===

impl<'l> Data<'l> {
    /// The body, and keys that data does not have, go into the record at once.
    fn read(text: &'l str, record: &mut NewRecord<'_>) -> Scanned<Self> {
        let mut data = Data::default();
        let (mut key_said, mut text_said) = (String::new(), String::new());
        let mut scan = Scan::new(text);
        scan.open()?;
        while let Some(key) = scan.key(&mut key_said)? {
            let from = scan.at();
            let token = scan.value(&mut text_said)?;
            let place = match key {
                "timestamp" => &mut data.time,
                "severity" => &mut data.severity,
                "severity_number" => &mut data.number,
                "flags" => &mut data.flags,
                "trace_id" => &mut data.trace_id,
                "span_id" => &mut data.span_id,
                "attributes" => &mut data.attributes,
                "resource" => &mut data.resource,
                "body" => {
                    record.body(token.value());
                    continue;
                }
                key => {
                    record.attr(key, token.value());
                    continue;
                }
            };
            *place = Some(&text[from..scan.at()]);
        }
        scan.close()?;
        Ok(data)
    }
}

// === impl Writer ===

impl Writer<'_, '_> {
    fn source(&mut self, written: Option<&str>, name: &str) {
        match value(written, &mut self.said) {
            Token::Null | Token::Text("") => {}
            token @ Token::Text(_) => {
                self.record.resource(name, token.value());
            }
            token => {
                self.record.attr("source", token.value());
            }
        }
    }

    fn resource(&mut self, written: Option<&str>) -> Scanned<()> {
        let Some(text) = written.filter(|text| text.starts_with('{')) else {
            self.keep("resource", written);
            return Ok(());
        };
        let mut key_said = String::new();
        let mut scan = Scan::new(text);
        scan.open()?;
        while let Some(key) = scan.key(&mut key_said)? {
            let token = scan.value(&mut self.said)?;
            self.record.resource(key, token.value());
        }
        Ok(())
    }

    /// The time of the data counts; that of the envelope is not looked at where the data has one.
    fn times(&mut self, outer: Option<&str>, inner: Option<&str>) {
        let inner_time = self.time(inner);
        let outer_time = match inner_time {
            Time::Known(_) => Time::Missing,
            _ => self.time(outer),
        };
        for (time, written) in [(outer_time, outer), (inner_time, inner)] {
            match time {
                Time::Known(time) => {
                    self.record.time(time);
                }
                Time::Missing => {}
                Time::Unreadable => self.keep("timestamp", written),
            }
        }
    }

    fn time(&mut self, written: Option<&str>) -> Time {
        let time = match value(written, &mut self.said) {
            Token::Null | Token::Int(0, _) => return Time::Missing,
            Token::Text(none) if NO_TIMES.contains(&none) => return Time::Missing,
            Token::Text(text) => formats::rfc3339(text),
            Token::Int(number, _) => u64::try_from(number).ok().and_then(formats::epoch),
            Token::Double(number) => formats::epoch_fraction(number),
            _ => None,
        };
        time.map_or(Time::Unreadable, Time::Known)
    }

    /// The number counts; without one the name does, or the number that stands in its place.
    fn severity(&mut self, name: Option<&str>, number: Option<&str>) {
        let mut none = String::new();
        let numbered = match value(number, &mut none) {
            Token::Int(number, _) => severity(number),
            _ => None,
        };
        if numbered.is_none() {
            self.keep("severity_number", number);
        }
        let (named, text) = match value(name, &mut self.said) {
            Token::Text(name) => (Some(formats::severity(name)), name),
            Token::Int(number, written) => (severity(number), written),
            _ => (None, ""),
        };
        let known = numbered.filter(|severity| *severity != Severity::UNKNOWN);
        match named {
            Some(named) => self.record.severity(known.unwrap_or(named), text),
            None => self.record.severity(known.unwrap_or_default(), ""),
        };
        if named.is_none() {
            self.keep("severity", name);
        }
    }

    fn flags(&mut self, written: Option<&str>) {
        match value(written, &mut self.said) {
            Token::Int(0, _) => {}
            // The lowest byte is W3C's.
            Token::Int(flags @ 1..=0xffff_ffff, _) => {
                self.record.trace_flags((flags & 0xff) as u8);
            }
            _ => self.keep("flags", written),
        }
    }

    fn id<const N: usize>(&mut self, key: &str, written: Option<&str>) -> Option<[u8; N]> {
        let id = match value(written, &mut self.said) {
            Token::Text("") => return None,
            Token::Text(digits) => formats::hex(digits),
            _ => None,
        };
        if id.is_none() {
            self.keep(key, written);
        }
        id
    }

    /// Attributes of the record; a trace and a span among them are those of the record, unless the data has its own.
    fn attributes(&mut self, written: Option<&str>, traced: bool, spanned: bool) -> Scanned<()> {
        let Some(text) = written.filter(|text| text.starts_with('{')) else {
            self.keep("attributes", written);
            return Ok(());
        };
        let mut key_said = String::new();
        let mut scan = Scan::new(text);
        scan.open()?;
        while let Some(key) = scan.key(&mut key_said)? {
            let token = scan.value(&mut self.said)?;
            match (key, token) {
                ("trace_id", Token::Text(digits))
                    if !traced && let Some(id) = formats::hex(digits) =>
                {
                    self.record.trace_id(id);
                }
                ("span_id", Token::Text(digits))
                    if !spanned && let Some(id) = formats::hex(digits) =>
                {
                    self.record.span_id(id);
                }
                (key, token) => {
                    self.record.attr(key, token.value());
                }
            }
        }
        Ok(())
    }

    /// What cannot be read as what its key means stays an attribute; null is nothing.
    fn keep(&mut self, key: &str, written: Option<&str>) {
        match value(written, &mut self.said) {
            Token::Null => {}
            token => {
                self.record.attr(key, token.value());
            }
        }
    }
}

/// A value that was read before, so that it has no mistakes; nothing where it is not there.
fn value<'t>(written: Option<&'t str>, said: &'t mut String) -> Token<'t> {
    match written {
        Some(text) => Scan::new(text).value(said).unwrap_or(Token::Null),
        None => Token::Null,
    }
}

fn severity(number: i64) -> Option<Severity> {
    u8::try_from(number).ok().and_then(Severity::new)
}
