//! The stages of parsers: unwrapping containers, then parsing. Each parser gets what no earlier one took;
//! the answers are merged in the order of the input.

use super::answer::{self, Parsed, Size, verdict};
use super::check::{self, Given, Summary};
use super::clock::Clock;
use super::fault::{Fault, FaultKind};
use super::flow::{Fates, Flow};
use super::imports::cut;
use super::instance::Instance;
use super::runner::{Part, Run, Runner};
use super::splice::{self, Shift};
use super::{Broken, OnFault, OnMalformed};
use crate::model::Columns;
use std::time::Duration;

/// Bytes of a reason that go into a dead letter.
pub(crate) const REASON_BYTES_MAX: usize = 1 << 10;
/// Nobody has taken the record yet.
const NOBODY: u32 = u32::MAX;
/// The record has had its fate: dropped, joined or dead.
const SETTLED: u32 = u32::MAX - 1;

/// What becomes of a record that no parser takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Untaken {
    /// It goes on unchanged.
    Passes,
    /// It goes to the dead letters.
    IsDead,
}

/// An answer that passed the check.
struct Checked {
    parsed: Parsed,
    summary: Summary,
}

/// An answer, and which records of the stage it is about.
struct Piece {
    checked: Checked,
    /// A record given: its number in the stage; empty where all were given.
    records: Vec<u32>,
    /// The text that was given, where it was not the stage's.
    text: Option<Vec<u8>>,
}

/// The work of a stage.
struct Stage<'s> {
    flow: Flow,
    fates: &'s mut Fates,
    pieces: Vec<Piece>,
    /// A record of the flow: the piece that took it, or [`NOBODY`], or [`SETTLED`].
    taker: Vec<u32>,
    /// What parsers said of records that they did not take: the last one, by record.
    said: Vec<(u32, String)>,
    /// A parser that is left out for a while, and why.
    bypassed: Option<Broken>,
}

impl Size for Checked {
    fn size_bytes(&self) -> usize {
        self.parsed.size_bytes()
    }
}

/// Takes a batch through the parsers of a stage.
pub(crate) fn stage(
    runners: &mut [Runner],
    untaken: Untaken,
    mut flow: Flow,
    fates: &mut Fates,
    clock: &dyn Clock,
) -> Result<Flow, Broken> {
    if runners.is_empty() || flow.columns.is_empty() {
        return Ok(flow);
    }
    flow.tidy();
    let mut stage = Stage {
        taker: vec![NOBODY; flow.columns.len()],
        flow,
        fates,
        pieces: Vec::new(),
        said: Vec::new(),
        bypassed: None,
    };
    for runner in runners.iter_mut() {
        stage.offer(runner, clock)?;
    }
    if let (Untaken::IsDead, Some(last)) = (untaken, runners.last()) {
        stage.refuse_untaken(last)?;
    }
    Ok(stage.merge())
}

/// One call and its check.
fn call(instance: &mut Instance, given: Given<'_>, limit: Duration) -> Result<Checked, Fault> {
    let parsed = instance.parse(given.columns, limit)?;
    match check::parsed(given, &parsed) {
        Ok(summary) => Ok(Checked { parsed, summary }),
        Err(bad) => Err(Fault {
            kind: FaultKind::Answer,
            detail: bad.to_string(),
        }),
    }
}

impl Stage<'_> {
    /// Offers a parser what nobody took yet.
    fn offer(&mut self, runner: &mut Runner, clock: &dyn Clock) -> Result<(), Broken> {
        if self.taker.iter().all(|t| *t == NOBODY) {
            let batch = (&self.flow.columns, self.flow.encoding);
            match runner.run(clock, batch, None, &mut call)? {
                Run::Parts(parts) => self.take(runner, parts, &[], None),
                Run::Bypassed => self.bypass(runner),
            }
            return Ok(());
        }
        let pending: Vec<u32> = (0..self.taker.len() as u32)
            .filter(|r| self.taker.get(*r as usize) == Some(&NOBODY))
            .collect();
        if pending.is_empty() {
            return Ok(());
        }
        let records = pending.iter().map(|r| *r as usize);
        // Few records are not worth the text of the others.
        let few = 2 * pending.len() < self.taker.len();
        let given = match few {
            true => splice::copy(&self.flow.columns, records),
            false => splice::take(&self.flow.columns, records),
        };
        // A copy may bring together what was apart, so its text is looked at anew.
        let encoding = match few {
            true => check::Encoding::of(&given.text),
            false => self.flow.encoding,
        };
        match runner.run(clock, (&given, encoding), None, &mut call)? {
            Run::Parts(parts) => self.take(runner, parts, &pending, few.then_some(given.text)),
            Run::Bypassed => self.bypass(runner),
        }
        Ok(())
    }

    fn bypass(&mut self, runner: &Runner) {
        let reason = "is left out after too many faults, and no other parser takes its records";
        self.bypassed = Some(runner.broken(reason.to_owned()));
    }

    /// Takes over what a parser said. `given`: the records it was offered, empty for all; `text`: the text it was
    /// given, where it was not the stage's.
    fn take(
        &mut self,
        runner: &Runner,
        parts: Vec<Part<Checked>>,
        given: &[u32],
        text: Option<Vec<u8>>,
    ) {
        for part in parts {
            let whole = given.is_empty() && part.records.len() == self.taker.len();
            let records: Vec<u32> = match given {
                _ if whole => Vec::new(),
                [] => part.records.clone().map(|r| r as u32).collect(),
                given => given.get(part.records.clone()).unwrap_or(&[]).to_vec(),
            };
            match part.outcome {
                Ok(checked) => self.take_answer(
                    runner,
                    Piece {
                        checked,
                        records,
                        text: part.text.or_else(|| text.clone()),
                    },
                ),
                Err(fault) => {
                    let record = records.first().copied().unwrap_or(0);
                    self.take_culprit(runner, record, &fault);
                }
            }
        }
    }

    fn take_culprit(&mut self, runner: &Runner, record: u32, fault: &Fault) {
        match runner.on_fault() {
            OnFault::Skip => {
                runner.metrics().skipped.inc();
                self.said.push((record, fault.to_string()));
            }
            OnFault::DeadLetter => self.refuse(runner, record, fault.to_string()),
        }
    }

    fn take_answer(&mut self, runner: &Runner, piece: Piece) {
        let number = self.pieces.len() as u32;
        let metrics = runner.metrics();
        let counts = &piece.checked.summary.verdicts;
        metrics
            .records_out
            .inc_by(piece.checked.parsed.records.len() as u64);
        metrics
            .dropped
            .inc_by(counts[usize::from(verdict::DROPPED)] as u64);
        metrics
            .not_mine
            .inc_by(counts[usize::from(verdict::NOT_MINE)] as u64);
        metrics
            .malformed
            .inc_by(counts[usize::from(verdict::MALFORMED)] as u64);
        let offers_malformed = runner.on_malformed() == OnMalformed::NextParser;
        let whole = piece.records.is_empty();
        if whole && counts[usize::from(verdict::EMITTED)] == self.taker.len() {
            self.taker.fill(number);
        } else {
            for (local, said) in piece.checked.parsed.verdicts.iter().enumerate() {
                let record = piece.record(local as u32);
                let taker = match *said {
                    verdict::EMITTED => number,
                    verdict::NOT_MINE => NOBODY,
                    verdict::MALFORMED if offers_malformed => NOBODY,
                    _ => SETTLED,
                };
                if let Some(entry) = self.taker.get_mut(record as usize) {
                    *entry = taker;
                }
            }
            self.take_reasons(runner, &piece);
            self.take_joins(&piece);
        }
        self.pieces.push(piece);
    }

    /// What the parser called malformed, what it left out, and what it said of what was not its own.
    fn take_reasons(&mut self, runner: &Runner, piece: &Piece) {
        let parsed = &piece.checked.parsed;
        let reasons = answer::by_input(&parsed.reasons);
        for (local, said) in parsed.verdicts.iter().enumerate() {
            let local = local as u32;
            let (record, reason) = (piece.record(local), reasons.get(&local).copied());
            match *said {
                verdict::MALFORMED if runner.on_malformed() == OnMalformed::NextParser => {
                    let reason = reason.unwrap_or("malformed").to_owned();
                    self.said.push((record, reason));
                }
                verdict::MALFORMED => {
                    self.refuse(runner, record, reason.unwrap_or("malformed").to_owned());
                }
                verdict::DROPPED => {
                    let dropped = runner.dropped(self.raw(record), reason);
                    self.fates.drop(dropped);
                }
                verdict::NOT_MINE => {
                    self.said.extend(reason.map(|r| (record, r.to_owned())));
                }
                _ => {}
            }
        }
    }

    fn take_joins(&mut self, piece: &Piece) {
        let parsed = &piece.checked.parsed;
        for pair in parsed.joined.chunks_exact(2) {
            let &[input, record] = pair else { continue };
            if let Some(giver) = parsed.input.get(record as usize) {
                let raw = |local: u32| self.raw(piece.record(local));
                let (input, giver) = (raw(input), raw(*giver));
                self.fates.join(input, giver);
            }
        }
    }

    /// The raw record that a record of the stage came from.
    fn raw(&self, record: u32) -> u32 {
        self.flow.input.get(record as usize).copied().unwrap_or(0)
    }

    fn refuse(&mut self, runner: &Runner, record: u32, reason: String) {
        if let Some(taker) = self.taker.get_mut(record as usize) {
            *taker = SETTLED;
        }
        let reason = cut(&reason, REASON_BYTES_MAX).to_owned();
        let raw = self.raw(record);
        self.fates.refuse(raw, runner.reason(reason));
    }

    /// Unless a parser was left out that might have taken them: a broken plugin never sends a stream to the dead
    /// letters.
    fn refuse_untaken(&mut self, last: &Runner) -> Result<(), Broken> {
        if self.taker.contains(&NOBODY)
            && let Some(broken) = self.bypassed.take()
        {
            return Err(broken);
        }
        let mut said: std::collections::HashMap<u32, String> = self.said.drain(..).collect();
        for record in 0..self.taker.len() as u32 {
            if self.taker.get(record as usize) == Some(&NOBODY) {
                let reason = match said.remove(&record) {
                    Some(said) => format!("no parser took it; the last one said: {said}"),
                    None => "no parser took it".to_owned(),
                };
                self.refuse(last, record, reason);
            }
        }
        Ok(())
    }

    /// The records of all pieces, in the order of the input, with what their givers had.
    fn merge(mut self) -> Flow {
        let untaken = self.taker.contains(&NOBODY);
        let mut giving = self.pieces.iter_mut().filter(|p| !p.is_empty());
        let (one, more) = (giving.next(), giving.next().is_some());
        let (mut columns, given, mut covered) = match one {
            None if !untaken => return Flow::default(),
            Some(piece) if !untaken && !more && piece.text.is_none() => {
                let (columns, given) = piece.take_whole(&mut self.flow.columns.text);
                (columns, given, piece.checked.summary.covered)
            }
            _ => {
                let (mut columns, given) = self.interleave();
                let covered = splice::span_bytes(&mut columns);
                (columns, given, covered)
            }
        };
        let encodings = self.pieces.iter().map(Piece::encoding);
        let encoding = encodings.fold(self.flow.encoding, check::Encoding::and);
        self.flow.bequeath(&mut columns, &given, &mut covered);
        let was_parsed = |r: u32| self.flow.parsed.get(r as usize).copied().unwrap_or(false);
        let taken = |r: u32| self.taker.get(r as usize) != Some(&NOBODY);
        Flow {
            columns,
            encoding,
            covered,
            stale: self.flow.stale,
            input: given.iter().map(|r| self.raw(*r)).collect(),
            parsed: given.iter().map(|r| taken(*r) || was_parsed(*r)).collect(),
            route: Vec::new(),
        }
    }

    /// Copies records out of several pieces; those that nobody took as they are, without their attributes,
    /// which they inherit from themselves. A new record: the record of the stage that gave it.
    fn interleave(&mut self) -> (Columns, Vec<u32>) {
        let mut to = Columns {
            text: std::mem::take(&mut self.flow.columns.text),
            ..Columns::default()
        };
        let stage_bytes = to.text.len() as u32;
        let pieces = self.pieces.iter();
        let mut cursors: Vec<Cursor<'_>> = pieces
            .map(|piece| Cursor::new(piece, stage_bytes, &mut to.text))
            .collect();
        let mut given = Vec::new();
        for (record, taker) in self.taker.iter().enumerate() {
            match *taker {
                SETTLED => {}
                NOBODY => {
                    let from = &self.flow.columns;
                    splice::push_record(&mut to, from, record, false, |_, start, _| start);
                }
                piece => {
                    if let Some(cursor) = cursors.get_mut(piece as usize) {
                        cursor.push_records_of(record as u32, &mut to);
                    }
                }
            }
            given.resize(to.len(), record as u32);
        }
        (to, given)
    }
}

impl Piece {
    fn is_empty(&self) -> bool {
        self.checked.parsed.records.is_empty()
    }

    /// The stage's number of a record that was given.
    fn record(&self, local: u32) -> u32 {
        match self.records.as_slice() {
            [] => local,
            records => records.get(local as usize).copied().unwrap_or(0),
        }
    }

    /// Of what it adds to the stage's text.
    fn encoding(&self) -> check::Encoding {
        let text = self.text.as_deref().map(check::Encoding::of);
        self.checked.summary.encoding.and(text.unwrap_or_default())
    }

    /// All records as they are, over the stage's text and this one's, without copying a record.
    fn take_whole(&mut self, text: &mut Vec<u8>) -> (Columns, Vec<u32>) {
        let parsed = &mut self.checked.parsed;
        let mut columns = std::mem::take(&mut parsed.records);
        let mut joined = std::mem::take(text);
        joined.extend_from_slice(&columns.text);
        columns.text = joined;
        let mut given = std::mem::take(&mut parsed.input);
        if !self.records.is_empty() {
            given
                .iter_mut()
                .for_each(|local| *local = self.record(*local));
        }
        (columns, given)
    }
}

/// The records of a piece that have not been copied yet.
struct Cursor<'p> {
    piece: &'p Piece,
    next: usize,
    shift: Shift,
}

impl<'p> Cursor<'p> {
    /// Appends the piece's texts to the merged one, which begins with the stage's `stage_bytes`.
    fn new(piece: &'p Piece, stage_bytes: u32, text: &mut Vec<u8>) -> Cursor<'p> {
        let mut append = |bytes: &[u8]| {
            let at = text.len() as u32;
            text.extend_from_slice(bytes);
            at
        };
        let given = piece.text.as_deref();
        let shift = Shift {
            border: given.map_or(stage_bytes, |text| text.len() as u32),
            given_at: given.map_or(0, &mut append),
            own_at: append(&piece.checked.parsed.records.text),
        };
        Cursor {
            piece,
            next: 0,
            shift,
        }
    }

    /// Copies what the piece made of a record of the stage, all before it having been copied.
    fn push_records_of(&mut self, record: u32, to: &mut Columns) {
        let parsed = &self.piece.checked.parsed;
        while let Some(local) = parsed.input.get(self.next) {
            if self.piece.record(*local) != record {
                return;
            }
            let shift = self.shift;
            splice::push_record(to, &parsed.records, self.next, true, |_, start, _| {
                shift.of(start)
            });
            self.next += 1;
        }
    }
}

#[cfg(test)]
mod tests;
