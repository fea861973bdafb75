//! Runs plugins without Wasm, through the same columns and under the same rules.
//!
//! The example of the crate shows how a parser is tested.

mod apply;
mod owned;
mod stream;

pub use apply::{EnrichedRecord, enrich, enrich_at};
pub use owned::{OwnedRecord, OwnedValue};
pub use stream::{Scored, Stream, columns, detected, scored};

use crate::batch::Batch;
use crate::check;
use crate::columns::{Columns, kind};
use crate::parsed::{Parsed, verdict};
use crate::plugin::{self, ConfigError, Parser, Plugin};
use std::cell::RefCell;
use std::collections::BTreeMap;

/// What a parser said of one line.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// `emitted`, `dropped`, `not-mine`, `malformed` or `joined`.
    pub verdict: &'static str,
    /// What there is to say, or nothing.
    pub reason: String,
    /// The records that it gave.
    pub records: Vec<OwnedRecord>,
}

thread_local! {
    static COUNTS: RefCell<BTreeMap<String, u64>> = const { RefCell::new(BTreeMap::new()) };
}

#[cfg(not(target_arch = "wasm32"))]
pub(crate) fn count(name: &str, amount: u64) {
    COUNTS.with_borrow_mut(|counts| *counts.entry(name.to_owned()).or_default() += amount);
}

/// What [`host::count`](crate::host::count) has counted in this thread.
pub fn counted(name: &str) -> u64 {
    COUNTS.with_borrow(|counts| counts.get(name).copied().unwrap_or(0))
}

/// A plugin from its configuration as JSON, as the gateway makes one.
///
/// # Errors
/// What the plugin says is wrong with it.
pub fn plugin<P: Plugin>(config: &str) -> Result<P, ConfigError> {
    plugin::configured(config)
}

/// The JSON Schema that the plugin describes.
pub fn config_schema<P: Plugin>() -> String {
    plugin::config_schema::<P>()
}

/// Lines as the gateway gives them to a parser: each the body of a raw record, bytes where it is not UTF-8.
pub fn raw<L: AsRef<[u8]>>(lines: impl IntoIterator<Item = L>) -> Columns {
    let mut columns = Columns::default();
    for line in lines {
        let line = line.as_ref();
        columns
            .body
            .extend_from_slice(&[columns.text.len() as u32, line.len() as u32]);
        columns.text.extend_from_slice(line);
        columns.seconds.push(0);
        columns.nanos.push(0);
        columns.severity.push(0);
        columns.attribute_end.push(0);
        columns.body_kind.push(if str::from_utf8(line).is_ok() {
            kind::TEXT
        } else {
            kind::BYTES
        });
    }
    if columns.body_kind.iter().all(|kind| *kind == kind::TEXT) {
        columns.body_kind.clear();
    }
    columns
}

/// One call of a parser, into an answer that may be used again.
///
/// # Panics
/// If the columns that are given break a rule of `log-batch`.
pub fn parse_into<P: Parser>(plugin: &P, given: &Columns, out: &mut Parsed) {
    parse_batch_into(plugin, batch(given), out);
}

/// The same over columns that have been looked at already: nothing else costs time, for measuring.
pub fn parse_batch_into<P: Parser>(plugin: &P, batch: Batch<'_>, out: &mut Parsed) {
    plugin::parse(plugin, batch, batch.len() as u32, out);
}

/// One call of a parser.
///
/// # Panics
/// If the columns that are given, or those of the answer, break a rule of the contract.
pub fn parse<P: Parser>(plugin: &P, given: &Columns) -> Parsed {
    let mut out = Parsed::new();
    parse_into(plugin, given, &mut out);
    if let Err(rule) = check_parsed(given, &out) {
        panic!("the answer breaks a rule: {rule}");
    }
    out
}

/// What the next stage gets: the records with both texts, one after the other.
pub fn next(given: &Columns, parsed: &Parsed) -> Columns {
    let mut columns = parsed.records.clone();
    columns.text = [&given.text[..], &parsed.text.bytes].concat();
    columns
}

/// What a parser says of each line, in one call.
///
/// A parser remembers nothing, so the same must come of it line by line, which this looks at.
///
/// # Panics
/// If an answer breaks a rule of the contract, or depends on where the batch was cut.
pub fn parse_lines<P: Parser, L: AsRef<[u8]>>(
    plugin: &P,
    lines: impl IntoIterator<Item = L>,
) -> Vec<Answer> {
    let lines: Vec<L> = lines.into_iter().collect();
    let whole = answers(plugin, &raw(&lines));
    for (line, together) in lines.iter().zip(&whole) {
        // A joined line depends on others by its nature.
        if together.verdict != "joined" {
            let alone = answers(plugin, &raw([line]));
            assert_eq!(
                &alone[0], together,
                "the answer depends on where the batch was cut"
            );
        }
    }
    whole
}

fn answers<P: Parser>(plugin: &P, given: &Columns) -> Vec<Answer> {
    let parsed = parse(plugin, given);
    let after = next(given, &parsed);
    let mut answers: Vec<Answer> = parsed
        .verdicts
        .iter()
        .map(|verdict| Answer::of(*verdict))
        .collect();
    for (record, input) in batch(&after).records().zip(&parsed.input) {
        answers[*input as usize]
            .records
            .push(OwnedRecord::of(record));
    }
    for reason in &parsed.reasons {
        answers[reason.input as usize]
            .reason
            .clone_from(&reason.message);
    }
    answers
}

/// A view of columns.
///
/// # Panics
/// If they break a rule of `log-batch`.
pub fn batch(columns: &Columns) -> Batch<'_> {
    match Batch::new(columns) {
        Ok(batch) => batch,
        Err(rule) => panic!("the columns break a rule: {rule}"),
    }
}

fn check_parsed(given: &Columns, parsed: &Parsed) -> Result<(), String> {
    let mut records = parsed.records.clone();
    records.text.clone_from(&parsed.text.bytes);
    check::records(&records, &given.text)?;
    let rules = [
        (
            "a verdict for every input",
            parsed.verdicts.len() == given.len(),
        ),
        (
            "an input for every record",
            parsed.input.len() == records.len(),
        ),
        ("inputs in their order", parsed.input.is_sorted()),
        (
            "one reason an input",
            parsed
                .reasons
                .windows(2)
                .all(|pair| pair[0].input < pair[1].input),
        ),
        (
            "joined inputs in pairs",
            parsed.joined.len().is_multiple_of(2),
        ),
    ];
    if let Some((rule, _)) = rules.iter().find(|(_, kept)| !kept) {
        return Err((*rule).to_owned());
    }
    check_joined(parsed)?;
    for (input, verdict) in parsed.verdicts.iter().enumerate() {
        let records = parsed.input.binary_search(&(input as u32)).is_ok();
        if records != (*verdict == verdict::EMITTED) {
            return Err(format!(
                "verdict {verdict} for input {input} does not fit its records"
            ));
        }
    }
    Ok(())
}

/// One pair for each joined input, in their order, with a record that is there.
fn check_joined(parsed: &Parsed) -> Result<(), String> {
    let pairs = parsed.joined.as_chunks::<2>().0;
    let wanted = (0..).zip(&parsed.verdicts);
    let wanted = wanted.filter(|(_, verdict)| **verdict == verdict::JOINED);
    if !pairs
        .iter()
        .map(|pair| pair[0])
        .eq(wanted.map(|(input, _)| input))
    {
        return Err("joined inputs are not those whose verdict it is".to_owned());
    }
    match pairs
        .iter()
        .find(|pair| pair[1] as usize >= parsed.input.len())
    {
        Some(pair) => Err(format!("input {} is joined to no record", pair[0])),
        None => Ok(()),
    }
}

// === impl Answer ===

impl Answer {
    fn of(number: u8) -> Self {
        let verdict = match number {
            verdict::EMITTED => "emitted",
            verdict::DROPPED => "dropped",
            verdict::NOT_MINE => "not-mine",
            verdict::MALFORMED => "malformed",
            _ => "joined",
        };
        Answer {
            verdict,
            reason: String::new(),
            records: Vec::new(),
        }
    }
}
