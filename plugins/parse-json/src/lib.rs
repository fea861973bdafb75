//! JSON objects, one a record: known keys become time, severity, body, trace and resource, the others attributes.

mod config;
#[doc(hidden)]
pub mod roles;

pub use config::Config;

use roles::{Role, Roles, Taken};
use tidegate_sdk::json::{Scan, Scanned, Token};
use tidegate_sdk::{
    ConfigError, Emit, NewRecord, Parser, Plugin, Record, Severity, Value, Verdict, export, formats,
};

/// The plugin.
pub struct ParseJson {
    #[doc(hidden)]
    pub roles: Roles,
}

export!(parser ParseJson, "JSON objects, one a record.");

// === impl ParseJson ===

impl Plugin for ParseJson {
    type Config = Config;

    fn configure(config: Config) -> Result<Self, ConfigError> {
        Ok(ParseJson {
            roles: Roles::new(config)?,
        })
    }
}

impl Parser for ParseJson {
    fn parse(&self, input: Record<'_>, out: &mut Emit<'_>) -> Verdict {
        let text = match input.body_value() {
            Value::Text(text) | Value::Json(text) => text,
            Value::Bytes(bytes) if begins(bytes) => return not_utf8(bytes),
            _ => return Verdict::NotMine,
        };
        if !begins(text.as_bytes()) {
            return Verdict::NotMine;
        }
        let mut scan = Scan::new(text);
        match self.object(&mut scan, out.record()) {
            Ok(()) => Verdict::Emitted,
            Err(what) => Verdict::malformed(format!("{what} at byte {}", scan.at())),
        }
    }
}

impl ParseJson {
    fn object(&self, scan: &mut Scan<'_>, mut record: NewRecord<'_>) -> Scanned<()> {
        // Where a key or a text had escapes, this is what it says; mostly they stay empty and are not allocated.
        let (mut key_said, mut text_said) = (String::new(), String::new());
        let mut taken = Taken::default();
        scan.open()?;
        while let Some(key) = scan.key(&mut key_said)? {
            let token = scan.value(&mut text_said)?;
            match self.roles.of(key) {
                Some(known)
                    if taken.may(known) && meant(known.role, &token, &self.roles, &mut record) =>
                {
                    taken.by(known);
                }
                _ => {
                    record.attr(key, token.value());
                }
            }
        }
        scan.close()?;
        record.emit();
        Ok(())
    }
}

/// Puts a value where its key says; false where it is nothing that can stand there.
#[inline]
fn meant(role: Role, token: &Token<'_>, roles: &Roles, record: &mut NewRecord<'_>) -> bool {
    match (role, token) {
        (Role::Message, token) => record.body(token.value()),
        (Role::Level, Token::Text(name)) => record.severity(formats::severity(name), name),
        (Role::Level, Token::Int(number, written)) => match level_by_number(*number) {
            Some(severity) => record.severity(severity, written),
            None => return false,
        },
        (Role::Time, token) => match time(token) {
            Some(time) => record.time(time),
            None => return false,
        },
        (Role::TraceId, Token::Text(digits)) => match formats::hex(digits) {
            Some(id) => record.trace_id(id),
            None => return false,
        },
        (Role::SpanId, Token::Text(digits)) => match formats::hex(digits) {
            Some(id) => record.span_id(id),
            None => return false,
        },
        (Role::Resource(name), token) => record.resource(roles.resource(name), token.value()),
        _ => return false,
    };
    true
}

#[inline]
fn time(token: &Token<'_>) -> Option<tidegate_sdk::Timestamp> {
    match token {
        Token::Text(text) => formats::rfc3339(text),
        Token::Int(number, _) => formats::epoch(u64::try_from(*number).ok()?),
        Token::Double(number) => formats::epoch_fraction(*number),
        _ => None,
    }
}

/// The numbers of bunyan and pino, two widely used loggers.
fn level_by_number(number: i64) -> Option<Severity> {
    match number {
        10 => Some(Severity::TRACE),
        20 => Some(Severity::DEBUG),
        30 => Some(Severity::INFO),
        40 => Some(Severity::WARN),
        50 => Some(Severity::ERROR),
        60 => Some(Severity::FATAL),
        _ => None,
    }
}

#[inline]
fn begins(text: &[u8]) -> bool {
    text.first() == Some(&b'{') || text.trim_ascii_start().first() == Some(&b'{')
}

fn not_utf8(bytes: &[u8]) -> Verdict {
    let at = str::from_utf8(bytes).map_or_else(|e| e.valid_up_to(), |text| text.len());
    Verdict::malformed(format!("not UTF-8 at byte {at}"))
}

#[cfg(test)]
mod tests;
