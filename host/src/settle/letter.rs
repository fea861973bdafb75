//! What a dead letter looks like. Pure.
//!
//! A letter is the raw record as Kafka gave it, with headers of ours after its own. A record that was a dead
//! letter before and has been replayed brings such headers along: they are replaced, and its `attempt` goes
//! on counting. The letter of an alert or anomaly is its JSON.

use crate::kafka::producer::ProducerRecord;
use crate::model::{DeadReason, Finding, RawRecords};
use bytes::Bytes;

#[cfg(test)]
mod tests;

/// What the names of our headers start with.
pub const PREFIX: &str = "tidegate.";
/// The topic that the record was read from.
pub const TOPIC: &str = "tidegate.topic";
/// Its partition, as a decimal number.
pub const PARTITION: &str = "tidegate.partition";
/// Its offset, as a decimal number.
pub const OFFSET: &str = "tidegate.offset";
/// The plugin or output that refused it.
pub const PLUGIN: &str = "tidegate.plugin";
/// The plugin's version; absent for an output.
pub const VERSION: &str = "tidegate.version";
/// Why, in one sentence.
pub const REASON: &str = "tidegate.reason";
/// 1, or one more than the record said when it was read.
pub const ATTEMPT: &str = "tidegate.attempt";
/// `true` where the record, or a part of it, may have been delivered too; else absent.
pub const MAYBE_DELIVERED: &str = "tidegate.maybe-delivered";
/// The record's own timestamp in Unix milliseconds, where the letter could not keep it; else absent.
pub const TIMESTAMP: &str = "tidegate.timestamp";
/// Bytes of the record's key, value and headers. Its presence says that the letter is a stub without them.
pub const SIZE: &str = "tidegate.size";
/// `alert` or `anomaly` where the letter is one of these instead of a record; else absent. Topic, partition and
/// offset are then those of the first record that is evidence; without evidence there is no offset.
pub const FINDING: &str = "tidegate.finding";

/// The longest reason that is written, in bytes.
pub const REASON_BYTES_MAX: usize = 4096;

/// How much of the record a letter holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// All of it.
    Whole,
    /// All but its timestamp, which the topic refuses: that is a header instead.
    Undated,
    /// None of it: it is too large for the topic. Our headers say where it is.
    Stub,
}

/// The letter for one record of a batch; none where there is no such record.
pub fn letter(
    raw: &RawRecords,
    record: usize,
    reason: &DeadReason,
    form: Form,
) -> Option<ProducerRecord> {
    let offset = *raw.offset.get(record)?;
    let timestamp_ms = raw.timestamp_ms.get(record).copied().filter(|ms| *ms >= 0);
    let mut headers = match form {
        Form::Stub => Vec::new(),
        Form::Whole | Form::Undated => foreign_headers(raw, record),
    };
    headers.extend(own_headers(raw, record, offset, reason));
    if form == Form::Stub {
        headers.push(header(SIZE, size(raw, record).to_string()));
    }
    if let Some(ms) = timestamp_ms.filter(|_| form != Form::Whole) {
        headers.push(header(TIMESTAMP, ms.to_string()));
    }
    let copy = |bytes: Option<&[u8]>| bytes.map(Bytes::copy_from_slice);
    Some(ProducerRecord {
        // A stub with the key would be a tombstone: on a compacted topic it would delete.
        key: copy(raw.key(record)).filter(|_| form != Form::Stub),
        value: copy(raw.value(record)).filter(|_| form != Form::Stub),
        headers,
        timestamp_ms: timestamp_ms.filter(|_| form == Form::Whole),
    })
}

/// The letter for an alert or anomaly.
pub fn finding_letter(finding: &Finding, reason: &DeadReason, form: Form) -> ProducerRecord {
    let json = finding.json();
    let kind = if finding.is_alert() {
        "alert"
    } else {
        "anomaly"
    };
    let mut headers = vec![
        header(FINDING, kind.to_owned()),
        header(TOPIC, finding.partition.topic.to_string()),
        header(PARTITION, finding.partition.index.to_string()),
    ];
    if let Some(first) = finding.evidence.first() {
        headers.push(header(OFFSET, first.to_string()));
    }
    headers.extend(why(reason, 1));
    let timestamp_ms = i64::try_from(finding.at_ms).ok();
    if form != Form::Whole {
        headers.extend(timestamp_ms.map(|ms| header(TIMESTAMP, ms.to_string())));
    }
    let fingerprint = || Bytes::copy_from_slice(finding.fingerprint.as_bytes());
    let is_stub = form == Form::Stub;
    if is_stub {
        headers.push(header(SIZE, json.len().to_string()));
    }
    ProducerRecord {
        key: (!is_stub).then(fingerprint),
        value: (!is_stub).then(|| Bytes::from(json)),
        headers,
        timestamp_ms: timestamp_ms.filter(|_| form == Form::Whole),
    }
}

/// Bytes of a record's key, value and headers.
pub fn size(raw: &RawRecords, record: usize) -> usize {
    let length = |bytes: Option<&[u8]>| bytes.map_or(0, <[u8]>::len);
    let headers = raw.headers(record).map(|(n, v)| n.len() + length(v));
    length(raw.key(record)) + length(raw.value(record)) + headers.sum::<usize>()
}

fn own_headers(
    raw: &RawRecords,
    record: usize,
    offset: i64,
    reason: &DeadReason,
) -> Vec<(String, Option<Bytes>)> {
    let mut headers = vec![
        header(TOPIC, raw.partition.topic.to_string()),
        header(PARTITION, raw.partition.index.to_string()),
        header(OFFSET, offset.to_string()),
    ];
    headers.extend(why(reason, attempt(raw, record)));
    headers
}

fn why(reason: &DeadReason, attempt: u32) -> Vec<(String, Option<Bytes>)> {
    let mut headers = vec![
        header(PLUGIN, reason.by.to_string()),
        header(REASON, shortened(&reason.reason).to_owned()),
        header(ATTEMPT, attempt.to_string()),
    ];
    if !reason.version.is_empty() {
        headers.push(header(VERSION, reason.version.to_string()));
    }
    if reason.maybe_delivered {
        headers.push(header(MAYBE_DELIVERED, "true".to_owned()));
    }
    headers
}

fn header(name: &str, value: String) -> (String, Option<Bytes>) {
    (name.to_owned(), Some(Bytes::from(value)))
}

fn foreign_headers(raw: &RawRecords, record: usize) -> Vec<(String, Option<Bytes>)> {
    raw.headers(record)
        .filter(|(name, _)| !name.starts_with(PREFIX.as_bytes()))
        .map(|(name, value)| {
            let name = String::from_utf8_lossy(name).into_owned();
            (name, value.map(Bytes::copy_from_slice))
        })
        .collect()
}

/// Anybody can write the header: what is no number counts as none.
fn attempt(raw: &RawRecords, record: usize) -> u32 {
    let earlier = raw
        .headers(record)
        .filter(|(name, _)| *name == ATTEMPT.as_bytes())
        .filter_map(|(_, value)| std::str::from_utf8(value?).ok()?.parse::<u32>().ok())
        .max();
    earlier.unwrap_or(0).saturating_add(1)
}

fn shortened(reason: &str) -> &str {
    let end = reason.floor_char_boundary(REASON_BYTES_MAX);
    reason.get(..end).unwrap_or(reason)
}
