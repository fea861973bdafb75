//! Edits, put to the records as the gateway does it.

use super::{batch, owned::OwnedRecord, owned::OwnedValue};
use crate::check::Texts;
use crate::columns::{Columns, RESOURCE, TRACE_BYTES, kind};
use crate::edit::EditColumns;
use crate::plugin::{self, Enricher};
use crate::value::{Severity, Timestamp};

/// What an enricher made of one record.
#[derive(Debug, Clone, PartialEq)]
pub enum EnrichedRecord {
    /// It goes on, changed or not, to the outputs of a route or the usual ones.
    Kept {
        /// What it is now.
        record: OwnedRecord,
        /// The route, if it was sent to one.
        route: Option<String>,
    },
    /// It is left out, and why.
    Dropped(String),
}

/// What an enricher without anything remembered makes of each record, at Unix time 0.
///
/// # Panics
/// If the columns that are given, or those of the answer, break a rule of the contract.
pub fn enrich<P: Enricher>(plugin: &P, given: &Columns) -> Vec<EnrichedRecord> {
    enrich_at(plugin, &mut P::Memory::default(), given, 0)
}

/// The same with what it remembers, and the clock in Unix milliseconds.
///
/// # Panics
/// As [`enrich`].
pub fn enrich_at<P: Enricher>(
    plugin: &P,
    memory: &mut P::Memory,
    given: &Columns,
    now: u64,
) -> Vec<EnrichedRecord> {
    let mut edits = EditColumns::new();
    plugin::enrich(plugin, memory, batch(given), now, &mut edits);
    match applied(given, &edits) {
        Ok(records) => records,
        Err(rule) => panic!("the answer breaks a rule: {rule}"),
    }
}

/// One attribute on its way: its place as given, its key, whether it is the resource's, its value.
struct Held {
    place: Option<u32>,
    key: String,
    resource: bool,
    value: OwnedValue,
}

/// A record on its way.
struct Work {
    record: OwnedRecord,
    attributes: Vec<Held>,
    route: Option<String>,
    dropped: Option<String>,
}

fn applied(given: &Columns, edits: &EditColumns) -> Result<Vec<EnrichedRecord>, String> {
    let texts = Texts {
        given: &given.text,
        returned: &edits.text.bytes,
    };
    let mut work: Vec<Work> = batch(given).records().map(Work::of).collect();
    remove(&mut work, edits, given.kind.len())?;
    set(&mut work, edits, &texts)?;
    facts(&mut work, edits, &texts)?;
    for (record, route) in edits.route_record.iter().zip(&edits.route) {
        let name = edits
            .routes
            .get(*route as usize)
            .ok_or("a route that is not there")?;
        at(&mut work, *record)?.route = Some(name.clone());
    }
    if !edits.drop.is_sorted_by(|a, b| a < b) {
        return Err("a record that is dropped twice".to_owned());
    }
    for record in &edits.drop {
        at(&mut work, *record)?.dropped = Some(String::new());
    }
    for reason in &edits.reasons {
        let why = at(&mut work, reason.input)?
            .dropped
            .as_mut()
            .filter(|why| why.is_empty())
            .ok_or("a reason for what is not dropped, or has one")?;
        why.clone_from(&reason.message);
    }
    Ok(work.into_iter().map(Work::done).collect())
}

fn at(work: &mut [Work], record: u32) -> Result<&mut Work, String> {
    work.get_mut(record as usize)
        .ok_or_else(|| format!("there is no record {record}"))
}

fn remove(work: &mut [Work], edits: &EditColumns, attributes: usize) -> Result<(), String> {
    if let Some(place) = edits
        .remove
        .iter()
        .find(|place| **place as usize >= attributes)
    {
        return Err(format!("there is no attribute at {place}"));
    }
    for work in work {
        work.attributes.retain(|held| {
            held.place
                .is_none_or(|place| !edits.remove.contains(&place))
        });
    }
    Ok(())
}

fn set(work: &mut [Work], edits: &EditColumns, texts: &Texts<'_>) -> Result<(), String> {
    for (edit, record) in edits.set_record.iter().enumerate() {
        let key = texts.text(pair(&edits.set_key, edit)?)?;
        let number = *edits.set_kind.get(edit).ok_or("set-kind is too short")?;
        let value = value(number & !RESOURCE, pair(&edits.set_value, edit)?, texts)?;
        let resource = number & RESOURCE != 0;
        let attributes = &mut at(work, *record)?.attributes;
        match attributes
            .iter_mut()
            .find(|held| held.key == key && held.resource == resource)
        {
            Some(held) => held.value = value,
            None => attributes.push(Held {
                place: None,
                key: key.to_owned(),
                resource,
                value,
            }),
        }
    }
    Ok(())
}

/// Body, time, severity and trace.
fn facts(work: &mut [Work], edits: &EditColumns, texts: &Texts<'_>) -> Result<(), String> {
    for (edit, record) in edits.body_record.iter().enumerate() {
        let kind = *edits.body_kind.get(edit).ok_or("body-kind is too short")?;
        at(work, *record)?.record.body = value(kind, pair(&edits.body, edit)?, texts)?;
    }
    for ((record, seconds), nanos) in edits
        .time_record
        .iter()
        .zip(&edits.time_seconds)
        .zip(&edits.time_nanos)
    {
        at(work, *record)?.record.time = Timestamp::new(i64::from(*seconds), *nanos);
    }
    for (edit, record) in edits.severity_record.iter().enumerate() {
        let number = *edits.severity.get(edit).ok_or("severity is too short")?;
        let record = &mut at(work, *record)?.record;
        record.severity = Severity::new(number).ok_or("a severity above 24")?;
        record.severity_text = texts.text(pair(&edits.severity_text, edit)?)?.to_owned();
    }
    for (record, trace) in edits
        .trace_record
        .iter()
        .zip(edits.trace.as_chunks::<TRACE_BYTES>().0)
    {
        let to = &mut at(work, *record)?.record.trace;
        to.trace_id.copy_from_slice(&trace[..16]);
        to.span_id.copy_from_slice(&trace[16..24]);
        to.flags = trace[24];
    }
    Ok(())
}

fn pair(column: &[u32], entry: usize) -> Result<[u32; 2], String> {
    column
        .as_chunks()
        .0
        .get(entry)
        .copied()
        .ok_or_else(|| "a column of spans is too short".to_owned())
}

fn value(number: u8, pair: [u32; 2], texts: &Texts<'_>) -> Result<OwnedValue, String> {
    let bits = u64::from(pair[0]) | u64::from(pair[1]) << 32;
    Ok(match number {
        kind::NULL => OwnedValue::Null,
        kind::BOOLEAN => OwnedValue::Bool(bits != 0),
        kind::INTEGER => OwnedValue::Int(bits as i64),
        kind::DOUBLE => OwnedValue::Double(f64::from_bits(bits)),
        kind::TEXT => OwnedValue::Text(texts.text(pair)?.to_owned()),
        kind::BYTES => OwnedValue::Bytes(texts.bytes(pair)?.to_owned()),
        kind::JSON => OwnedValue::Json(texts.text(pair)?.to_owned()),
        _ => return Err(format!("there is no kind {number}")),
    })
}

// === impl Work ===

impl Work {
    fn of(record: crate::batch::Record<'_>) -> Self {
        let attributes = record.attributes().map(|attribute| Held {
            place: Some(attribute.place as u32),
            key: attribute.key.to_owned(),
            resource: attribute.resource,
            value: attribute.value.into(),
        });
        Work {
            record: OwnedRecord::of(record),
            attributes: attributes.collect(),
            route: None,
            dropped: None,
        }
    }

    fn done(self) -> EnrichedRecord {
        if let Some(why) = self.dropped {
            return EnrichedRecord::Dropped(why);
        }
        let mut record = self.record;
        let (resource, attributes): (Vec<Held>, Vec<Held>) =
            self.attributes.into_iter().partition(|held| held.resource);
        record.attributes = attributes
            .into_iter()
            .map(|held| (held.key, held.value))
            .collect();
        record.resource = resource
            .into_iter()
            .map(|held| (held.key, held.value))
            .collect();
        EnrichedRecord::Kept {
            record,
            route: self.route,
        }
    }
}

// === impl EnrichedRecord ===

impl EnrichedRecord {
    /// The record, where it goes on.
    pub fn record(&self) -> Option<&OwnedRecord> {
        match self {
            EnrichedRecord::Kept { record, .. } => Some(record),
            EnrichedRecord::Dropped(_) => None,
        }
    }
}
