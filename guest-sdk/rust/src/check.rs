//! The rules of `log-batch`, looked at one by one: for columns that are not the gateway's own word.

use crate::columns::{Columns, RESOURCE, TRACE_BYTES, kind};
use std::collections::HashSet;

/// Whether the columns keep every rule, their spans pointing into `given` and, behind it, their own text.
pub(crate) fn records(columns: &Columns, given: &[u8]) -> Result<(), String> {
    let records = columns.seconds.len();
    lengths(columns, records)?;
    if let Some(nanos) = columns.nanos.iter().find(|nanos| **nanos >= 1_000_000_000) {
        return Err(format!("{nanos} nanoseconds are more than a second"));
    }
    if let Some(severity) = columns.severity.iter().find(|severity| **severity > 24) {
        return Err(format!("severity {severity} is above 24"));
    }
    let texts = Texts {
        given,
        returned: &columns.text,
    };
    for record in 0..columns.severity_text.len() / 2 {
        texts.value(kind::TEXT, entry(&columns.severity_text, record))?;
    }
    for record in 0..records {
        let kind = columns.body_kind.get(record).copied().unwrap_or(kind::TEXT);
        texts.value(kind, entry(&columns.body, record))?;
    }
    attributes(columns, &texts)
}

fn lengths(columns: &Columns, records: usize) -> Result<(), String> {
    let attributes = columns.kind.len();
    let wanted = [
        ("nanos", columns.nanos.len(), records),
        ("severity", columns.severity.len(), records),
        ("body", columns.body.len(), 2 * records),
        ("attribute-end", columns.attribute_end.len(), records),
        ("key", columns.key.len(), 2 * attributes),
        ("value", columns.value.len(), 2 * attributes),
        (
            "severity-text",
            columns.severity_text.len(),
            optional(columns.severity_text.len(), 2 * records),
        ),
        (
            "body-kind",
            columns.body_kind.len(),
            optional(columns.body_kind.len(), records),
        ),
        (
            "trace",
            columns.trace.len(),
            optional(columns.trace.len(), TRACE_BYTES * records),
        ),
        (
            "attribute-end's last",
            columns.attributes_closed(),
            attributes,
        ),
    ];
    match wanted.iter().find(|(_, is, wanted)| is != wanted) {
        Some((name, is, wanted)) => Err(format!("{name} is {is} and not {wanted}")),
        None => Ok(()),
    }
}

fn optional(is: usize, full: usize) -> usize {
    if is == 0 { 0 } else { full }
}

fn entry(column: &[u32], entry: usize) -> [u32; 2] {
    [column[2 * entry], column[2 * entry + 1]]
}

fn attributes(columns: &Columns, texts: &Texts<'_>) -> Result<(), String> {
    let mut from = 0;
    for (record, end) in columns
        .attribute_end
        .iter()
        .map(|end| *end as usize)
        .enumerate()
    {
        if end < from || end > columns.kind.len() {
            return Err(format!("attributes of record {record} end at {end}"));
        }
        let mut seen = HashSet::new();
        for attribute in from..end {
            let kind = columns.kind[attribute];
            let key = texts.text(entry(&columns.key, attribute))?;
            texts.value(kind & !RESOURCE, entry(&columns.value, attribute))?;
            if !seen.insert((key, kind & RESOURCE)) {
                return Err(format!("record {record} has attribute {key:?} twice"));
            }
        }
        from = end;
    }
    Ok(())
}

/// The two texts that a span may point into.
pub(crate) struct Texts<'a> {
    pub(crate) given: &'a [u8],
    pub(crate) returned: &'a [u8],
}

impl<'a> Texts<'a> {
    /// The bytes of a span.
    pub(crate) fn bytes(&self, [start, len]: [u32; 2]) -> Result<&'a [u8], String> {
        let (at, len) = (start as usize, len as usize);
        let found = match at.checked_sub(self.given.len()) {
            _ if len == 0 && at <= self.given.len() + self.returned.len() => Some(&[][..]),
            None => self.given.get(at..at + len),
            Some(at) => self.returned.get(at..at + len),
        };
        found.ok_or_else(|| format!("the span of {len} bytes at {start} is outside"))
    }

    /// The text of a span.
    pub(crate) fn text(&self, span: [u32; 2]) -> Result<&'a str, String> {
        str::from_utf8(self.bytes(span)?).map_err(|e| format!("the span at {}: {e}", span[0]))
    }

    fn value(&self, kind: u8, pair: [u32; 2]) -> Result<(), String> {
        match kind {
            kind::TEXT | kind::JSON => self.text(pair).map(|_| ()),
            kind::BYTES => self.bytes(pair).map(|_| ()),
            kind::NULL..kind::TEXT => Ok(()),
            _ => Err(format!("there is no kind {kind}")),
        }
    }
}
