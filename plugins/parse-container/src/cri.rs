//! `TIME STREAM TAGS LINE`: the format of the Kubernetes container runtime interface.

use crate::Line;
use tidegate_sdk::{Emit, Value, Verdict, find, formats};

/// Up to the stream it is this format or it is not; behind it, it is, and may be broken.
pub(crate) fn parse(body: Value<'_>, out: &mut Emit<'_>) -> Verdict {
    let bytes = match body {
        Value::Text(text) | Value::Json(text) => text.as_bytes(),
        Value::Bytes(bytes) => bytes,
        _ => return Verdict::NotMine,
    };
    // Most other lines end here.
    if !bytes.first().is_some_and(u8::is_ascii_digit) {
        return Verdict::NotMine;
    }
    let (time, from) = word(bytes, 0);
    let (stream, from) = word(bytes, from);
    let Some(time) = formats::rfc3339(time) else {
        return Verdict::NotMine;
    };
    if !matches!(stream, "stdout" | "stderr") {
        return Verdict::NotMine;
    }
    let (tags, from) = word(bytes, from);
    let partial = match tags.split(':').next() {
        Some("F") => false,
        Some("P") => true,
        _ => return Verdict::malformed("the tag behind the stream is neither F nor P"),
    };
    let body = match body {
        Value::Text(text) | Value::Json(text) => Value::Text(&text[from..]),
        _ => Value::Bytes(&bytes[from..]),
    };
    Line {
        time,
        stream,
        partial,
        attrs: None,
        body,
    }
    .emit(out)
}

/// The word that begins at `from` (nothing where it is not UTF-8), and where the next one begins.
fn word(bytes: &[u8], from: usize) -> (&str, usize) {
    let end = find::byte(bytes, from, b' ');
    (
        str::from_utf8(&bytes[from..end]).unwrap_or(""),
        bytes.len().min(end + 1),
    )
}
