//! The rules of a parser's answer.

use super::super::answer::{Parsed, Size, verdict};
use super::super::attributes::Attribute;
use super::texts::{Encoding, Texts};
use super::{BadAnswer, Given, below, columns, length, reasons, size};

/// Verdicts end before it.
const VERDICTS: u8 = verdict::INCOMPLETE + 1;

/// What a good answer says, counted while it was checked.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Summary {
    /// How many inputs got each verdict, by its number.
    pub verdicts: [usize; VERDICTS as usize],
    /// Bytes under all spans of the answer; shared ones counted each time.
    pub covered: u64,
    /// Of the returned text.
    pub encoding: Encoding,
}

/// Checks a parser's answer.
///
/// # Errors
/// The first rule that is broken.
pub(crate) fn parsed(given: Given<'_>, answer: &Parsed) -> Result<Summary, BadAnswer> {
    size(given, answer.size_bytes())?;
    let inputs = given.columns.len();
    let verdicts = count_verdicts(&answer.verdicts, inputs)?;
    let mut texts = Texts::new(given, &answer.records.text);
    columns::columns(&answer.records, &mut texts)?;
    givers(answer, verdicts[usize::from(verdict::EMITTED)])?;
    inherited(given, answer, verdicts[usize::from(verdict::EMITTED)])?;
    joined(answer, verdicts[usize::from(verdict::JOINED)])?;
    reasons(&answer.reasons, inputs)?;
    Ok(Summary {
        verdicts,
        covered: texts.covered(),
        encoding: texts.own_encoding(),
    })
}

fn count_verdicts(verdicts: &[u8], inputs: usize) -> Result<[usize; VERDICTS as usize], BadAnswer> {
    length("verdicts", verdicts.len(), inputs)?;
    below("verdicts", verdicts, VERDICTS, ", the number of verdicts")?;
    let mut counts = [0; VERDICTS as usize];
    for v in verdicts {
        if let Some(count) = counts.get_mut(usize::from(*v)) {
            *count += 1;
        }
    }
    if counts[usize::from(verdict::INCOMPLETE)] > 0 {
        let index = verdicts.iter().position(|v| *v == verdict::INCOMPLETE);
        return Err(BadAnswer {
            field: "verdicts",
            index,
            rule: "is incomplete, but every record is offered for the last time".into(),
        });
    }
    Ok(counts)
}

fn verdict_of(answer: &Parsed, input: u32) -> Option<u8> {
    answer.verdicts.get(input as usize).copied()
}

/// `input` never decreases, names emitted ones only, and all of them.
fn givers(answer: &Parsed, emitted: usize) -> Result<(), BadAnswer> {
    length("input", answer.input.len(), answer.records.len())?;
    let mut named = 0;
    let mut before = None;
    for (i, input) in answer.input.iter().enumerate() {
        if before == Some(*input) {
            continue;
        }
        if before.is_some_and(|b| *input < b) {
            let rule = format!("is {input}, which is less than the one before it");
            return Err(BadAnswer::at("input", i, rule));
        }
        if verdict_of(answer, *input) != Some(verdict::EMITTED) {
            let rule = format!("names record {input}, whose verdict is not emitted");
            return Err(BadAnswer::at("input", i, rule));
        }
        before = Some(*input);
        named += 1;
    }
    if named == emitted {
        return Ok(());
    }
    Err(without_record(answer))
}

/// Records inherit their givers' attributes: where a giver gives several, all of that keeps the limit too.
fn inherited(given: Given<'_>, answer: &Parsed, givers: usize) -> Result<(), BadAnswer> {
    // An attribute's columns.
    const COLUMNS: u64 = 17;
    if answer.input.len() == givers {
        return Ok(());
    }
    let columns = given.columns;
    let cost = |giver: u32| -> u64 {
        let attributes = columns.attributes(giver as usize);
        let each = attributes.filter_map(|a| {
            Attribute::of(&columns.key, &columns.kind, &columns.value, a).map(|a| a.span_bytes())
        });
        each.map(|spans| spans + COLUMNS).sum()
    };
    let groups = answer.input.chunk_by(|a, b| a == b);
    let sum = groups.fold(0_u64, |sum, records| {
        let each = records.first().map_or(0, |giver| cost(*giver));
        sum.saturating_add(each.saturating_mul(records.len() as u64))
    });
    if sum <= given.bytes_max as u64 {
        return Ok(());
    }
    let max = given.bytes_max;
    let rule = format!(
        "makes records inherit {sum} bytes of attributes, more than max_batch_text ({max} bytes)"
    );
    Err(BadAnswer::whole("input", rule))
}

#[cold]
fn without_record(answer: &Parsed) -> BadAnswer {
    let lonely = answer.verdicts.iter().enumerate().position(|(i, v)| {
        *v == verdict::EMITTED && answer.input.binary_search(&(i as u32)).is_err()
    });
    BadAnswer {
        field: "verdicts",
        index: lonely,
        rule: "is emitted, but no record names it in input".into(),
    }
}

/// Pairs of a joined input and a new record, in the order of the input, one for each joined input.
fn joined(answer: &Parsed, expected: usize) -> Result<(), BadAnswer> {
    length("joined", answer.joined.len(), 2 * expected)?;
    let mut before = None;
    for (i, pair) in answer.joined.chunks_exact(2).enumerate() {
        let &[input, record] = pair else { continue };
        if verdict_of(answer, input) != Some(verdict::JOINED) {
            let rule = format!("names record {input}, whose verdict is not joined");
            return Err(BadAnswer::at("joined", 2 * i, rule));
        }
        if before.is_some_and(|b| input <= b) {
            let rule = format!("is {input}, which is not above the one before it");
            return Err(BadAnswer::at("joined", 2 * i, rule));
        }
        let records = answer.records.len();
        if record as usize >= records {
            let rule = format!("is new record {record} of {records}");
            return Err(BadAnswer::at("joined", 2 * i + 1, rule));
        }
        before = Some(input);
    }
    Ok(())
}
