//! Access logs of nginx and Apache, in the common and the combined log format:
//! `203.0.113.7 - frank [10/Oct/2000:13:55:36 -0700] "GET /a?b=c HTTP/1.1" 200 2326 "https://example.com/" "curl/8.5.0"`.
//!
//! The line itself is the body; its fields become attributes by OpenTelemetry's conventions for HTTP.

mod config;
mod escape;
mod line;
mod request;

pub use config::{Config, Format};

use config::Extra;
use line::{Cursor, Field, Line, Refused};
use request::{Request, Target};
use tidegate_sdk::{
    Batch, ConfigError, Emit, Json, NewRecord, Parser, Plugin, Record, Severity, Value, Verdict,
    export,
};

/// The plugin.
pub struct ParseAccess {
    format: Format,
    extra: Vec<Extra>,
}

/// Texts that differ from what is in the line; kept between records for their memory alone.
#[derive(Default)]
struct Said {
    unescaped: Vec<u8>,
    list: String,
}

/// One line on its way into a record.
struct Writer<'w, 'l, 'e> {
    bytes: &'l [u8],
    /// The same, where it is UTF-8.
    text: Option<&'l str>,
    said: &'w mut Said,
    record: NewRecord<'e>,
}

export!(parser ParseAccess, "Access logs of nginx and Apache: common and combined log format.");

// === impl ParseAccess ===

impl Plugin for ParseAccess {
    type Config = Config;

    fn configure(config: Config) -> Result<Self, ConfigError> {
        Ok(ParseAccess {
            format: config.format,
            extra: Extra::all(config.extra)?,
        })
    }
}

impl Parser for ParseAccess {
    fn parse(&self, input: Record<'_>, out: &mut Emit<'_>) -> Verdict {
        self.line(input, out, &mut Said::default())
    }

    /// The batch at once, so that its lines share their memory.
    fn parse_batch(&self, batch: Batch<'_>, out: &mut Emit<'_>) {
        let mut said = Said::default();
        for record in batch.records() {
            out.begin(record.index());
            let verdict = self.line(record, out, &mut said);
            out.end(verdict);
        }
    }
}

impl ParseAccess {
    #[inline]
    fn line(&self, input: Record<'_>, out: &mut Emit<'_>, said: &mut Said) -> Verdict {
        let (bytes, text) = match input.body_value() {
            Value::Text(text) | Value::Json(text) => (text.as_bytes(), Some(text)),
            Value::Bytes(bytes) => (bytes, None),
            _ => return Verdict::NotMine,
        };
        let mut cursor = Cursor::new(bytes);
        let read = Line::read(&mut cursor, self.format).and_then(|line| {
            let mut writer = Writer {
                bytes,
                text,
                said,
                record: out.record(),
            };
            writer.record.body(input.body_value());
            writer.line(&line);
            writer.extra(&self.extra, &mut cursor)?;
            writer.record.emit();
            Ok(())
        });
        match read {
            Ok(()) => Verdict::Emitted,
            Err(Refused::NotMine) => Verdict::NotMine,
            Err(Refused::Malformed(what, at)) => Verdict::malformed(format!("{what} at byte {at}")),
        }
    }
}

// === impl Writer ===

impl<'l> Writer<'_, 'l, '_> {
    #[inline]
    fn line(&mut self, line: &Line) {
        self.record.time(line.time);
        self.record.severity(severity(line.status), "");
        if let Some(server) = line.server {
            self.host(server, ["server.address", "server.port"]);
        }
        self.host(line.client, ["client.address", "client.port"]);
        self.attr("user.name", line.user);
        self.request(Request::of(self.bytes, line.request));
        if let Some(status) = line.status {
            self.record.attr("http.response.status_code", status);
        }
        if let Some(size) = line.size {
            self.record.attr("http.response.body.size", size);
        }
        if let Some(referer) = line.referer {
            self.header("http.request.header.referer", referer);
        }
        if let Some(agent) = line.agent {
            self.attr("user_agent.original", agent);
        }
    }

    #[inline]
    fn request(&mut self, request: Request) {
        let (method, target, version) = match request {
            Request::Http {
                method,
                target,
                version,
            } => (method, target, version),
            Request::Other(whole) => {
                // As it was written: what is no text stays readable.
                if whole.from < whole.to {
                    self.record.attr("url.original", self.value(whole));
                }
                return;
            }
        };
        if request::is_known(&self.bytes[method.from..method.to]) {
            self.record.attr("http.request.method", self.value(method));
        } else {
            self.record.attr("http.request.method", "_OTHER");
            self.record
                .attr("http.request.method_original", self.value(method));
        }
        match target {
            Target::Path(path, query) => {
                self.attr("url.path", path);
                if let Some(query) = query {
                    self.attr("url.query", query);
                }
            }
            Target::Other(whole) => self.attr("url.original", whole),
        }
        if let Some(version) = version {
            self.record.attr("network.protocol.name", "http");
            self.record
                .attr("network.protocol.version", self.value(version));
        }
    }

    /// The fields behind, as many as have a name.
    #[inline]
    fn extra(&mut self, names: &[Extra], cursor: &mut Cursor<'_>) -> Result<(), Refused> {
        for Extra { name, header } in names {
            let Some(field) = cursor.extra()? else { break };
            match self.number(field) {
                _ if name.is_empty() => {}
                _ if *header => self.header(name, field),
                Some(number) => {
                    self.record.attr(name, number);
                }
                None => self.attr(name, field),
            }
        }
        Ok(())
    }

    /// A host and, where one is behind it, its port.
    #[inline]
    fn host(&mut self, host: Field, [address, port]: [&str; 2]) {
        let Some((colon, number)) = line::port(&self.bytes[host.from..host.to]) else {
            return self.attr(address, host);
        };
        let to = host.from + colon;
        self.attr(address, Field { to, ..host });
        self.record.attr(port, number);
    }

    /// An attribute, unless the field says that there is none.
    #[inline]
    fn attr(&mut self, name: &str, field: Field) {
        if self.is_absent(field) {
            return;
        }
        let raw = &self.bytes[field.from..field.to];
        let unescaped = if field.escaped {
            escape::unescaped(raw, &mut self.said.unescaped)
        } else {
            None
        };
        match unescaped {
            Some(text) => self.record.attr(name, text),
            None => self.record.attr(name, self.value(field)),
        };
    }

    /// A header: the conventions keep them as lists.
    #[inline]
    fn header(&mut self, name: &str, field: Field) {
        if self.is_absent(field) {
            return;
        }
        let raw = &self.bytes[field.from..field.to];
        let Said { unescaped, list } = &mut *self.said;
        let text = if field.escaped {
            escape::unescaped(raw, unescaped)
        } else {
            None
        };
        match text.or_else(|| str::from_utf8(raw).ok()) {
            Some(text) => self.record.attr(name, Json(escape::list(text, list))),
            None => self.record.attr(name, raw),
        };
    }

    /// A minus, or nothing at all.
    #[inline]
    fn is_absent(&self, field: Field) -> bool {
        matches!(self.bytes[field.from..field.to], [] | [b'-'])
    }

    /// A field as it was written, where it lies: nothing is copied.
    #[inline]
    fn value(&self, field: Field) -> Value<'l> {
        let raw = &self.bytes[field.from..field.to];
        match self.text {
            Some(text) => Value::Text(text.get(field.from..field.to).unwrap_or_default()),
            None => str::from_utf8(raw).map_or(Value::Bytes(raw), Value::Text),
        }
    }

    /// A number, where the field is one that stands without quotes.
    fn number(&self, field: Field) -> Option<Value<'l>> {
        let raw = &self.bytes[field.from..field.to];
        let quoted = self.bytes.get(field.to) == Some(&b'"');
        if quoted || !raw.iter().all(|b| b.is_ascii_digit() || *b == b'.') {
            return None;
        }
        let text = str::from_utf8(raw).ok()?;
        let whole = text.parse().ok().map(Value::Int);
        let double = || text.parse().ok().filter(|number: &f64| number.is_finite());
        whole.or_else(|| double().map(Value::Double))
    }
}

/// The server's fault, the client's, or none.
#[inline]
fn severity(status: Option<u16>) -> Severity {
    match status {
        Some(500..=599) => Severity::ERROR,
        Some(400..=499) => Severity::WARN,
        _ => Severity::INFO,
    }
}

#[cfg(test)]
mod tests;
