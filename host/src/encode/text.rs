//! One record as one line for people.

use super::group;
use super::json;
use crate::model::{Columns, Kind, RESOURCE, bits};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// Writes a record as time, severity, body, `key=value` of each attribute, and after a bar those of the
/// resource; without a line end. What is unknown is `-`; what has spaces, quotes or control characters is
/// quoted as in JSON, so that a record is always one line.
pub fn line(columns: &Columns, record: usize, out: &mut Vec<u8>) {
    put(out, &time(columns, record));
    put(out, " ");
    put(out, &format!("{:<5}", severity(columns, record)));
    put(out, " ");
    body(columns, record, out);
    for i in columns.attributes(record) {
        if columns.kind.get(i).is_some_and(|k| k & RESOURCE == 0) {
            attribute(columns, i, out);
        }
    }
    for (n, i) in group::resource(columns, record).enumerate() {
        if n == 0 {
            put(out, " |");
        }
        attribute(columns, i, out);
    }
}

fn put(out: &mut Vec<u8>, text: &str) {
    out.extend_from_slice(text.as_bytes());
}

fn time(columns: &Columns, record: usize) -> String {
    let at = |column: &[u32]| column.get(record).copied().unwrap_or(0);
    let (seconds, nanos) = (at(&columns.seconds), at(&columns.nanos));
    if seconds == 0 && nanos == 0 {
        return "-".to_owned();
    }
    let nanos = i32::try_from(nanos).unwrap_or(0);
    jiff::Timestamp::new(i64::from(seconds), nanos)
        .map_or_else(|_| "-".to_owned(), |time| time.to_string())
}

fn severity(columns: &Columns, record: usize) -> String {
    let text = columns.bytes(&columns.severity_text, record);
    if !text.is_empty() {
        let mut quoted = Vec::new();
        word(text, &mut quoted);
        return String::from_utf8_lossy(&quoted).into_owned();
    }
    let name = match columns.severity.get(record) {
        Some(1..=4) => "TRACE",
        Some(5..=8) => "DEBUG",
        Some(9..=12) => "INFO",
        Some(13..=16) => "WARN",
        Some(17..=20) => "ERROR",
        Some(21..=24) => "FATAL",
        _ => "-",
    };
    name.to_owned()
}

fn body(columns: &Columns, record: usize, out: &mut Vec<u8>) {
    let kind = columns.body_kind(record);
    let span = columns.bytes(&columns.body, record);
    // Spaces are no reason to quote a message.
    match (kind, std::str::from_utf8(span)) {
        (Kind::Text, Ok(text)) if !text.is_empty() && !text.contains(char::is_control) => {
            put(out, text)
        }
        _ => value(columns, kind, &columns.body, record, out),
    }
}

fn attribute(columns: &Columns, i: usize, out: &mut Vec<u8>) {
    let kind = columns
        .kind
        .get(i)
        .and_then(|k| Kind::of(*k))
        .unwrap_or(Kind::Null);
    put(out, " ");
    word(columns.bytes(&columns.key, i), out);
    put(out, "=");
    value(columns, kind, &columns.value, i, out);
}

fn value(columns: &Columns, kind: Kind, column: &[u32], i: usize, out: &mut Vec<u8>) {
    let span = columns.bytes(column, i);
    let number = match column.get(2 * i..2 * i + 2) {
        Some(&[low, high]) => bits(low, high),
        _ => 0,
    };
    match kind {
        Kind::Null => put(out, "-"),
        Kind::Boolean => put(out, if number as u32 != 0 { "true" } else { "false" }),
        Kind::Integer => put(out, &(number as i64).to_string()),
        Kind::Double => put(out, &f64::from_bits(number).to_string()),
        Kind::Text => word(span, out),
        Kind::Bytes => put(out, &STANDARD.encode(span)),
        Kind::Json => json_text(span, out),
    }
}

/// JSON stands as it is, unless it has line ends or is not JSON's alphabet.
fn json_text(span: &[u8], out: &mut Vec<u8>) {
    match std::str::from_utf8(span) {
        Ok(text) if !text.is_empty() && !text.contains(char::is_control) => put(out, text),
        _ => json::string(out, span),
    }
}

fn word(bytes: &[u8], out: &mut Vec<u8>) {
    let is_special = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '"' | '=' | '|');
    match std::str::from_utf8(bytes) {
        Ok(text) if !text.is_empty() && !text.contains(is_special) => put(out, text),
        _ => json::string(out, bytes),
    }
}
