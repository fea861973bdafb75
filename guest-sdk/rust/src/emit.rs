//! Where a parser puts its records.

use crate::batch::Batch;
use crate::new_record::NewRecord;
use crate::parsed::{Parsed, Reason, Verdict, verdict};
use crate::text::Given;
use std::borrow::Cow;

/// Where a parser puts its records: begin one with [`record`](Self::record), say what is known, emit it.
pub struct Emit<'a> {
    out: &'a mut Parsed,
    given: Given<'a>,
    /// How many input records there are.
    inputs: usize,
    /// The input record at hand.
    input: usize,
    /// How many records there were before it.
    before: usize,
    /// How many there were when verdicts and records last fitted each other.
    settled: usize,
    last: usize,
}

impl<'a> Emit<'a> {
    /// Begins an answer about `batch`, of which the first `last` records are offered for the last time.
    pub(crate) fn new(batch: Batch<'a>, last: u32, out: &'a mut Parsed) -> Self {
        out.start(batch.len());
        Emit {
            out,
            given: Given(batch.text()),
            inputs: batch.len(),
            input: 0,
            before: 0,
            settled: 0,
            last: last as usize,
        }
    }

    /// A new record of the input record at hand. One that is not emitted is forgotten.
    #[inline(always)]
    pub fn record(&mut self) -> NewRecord<'_> {
        self.forget_unfinished();
        NewRecord::new(self.out, self.given, self.input as u32)
    }

    /// For batch-level parsers: whether the input record at hand is offered for the last time.
    pub fn is_last_offer(&self) -> bool {
        self.input < self.last
    }

    /// For batch-level parsers: what follows is about this input record. Every record must have its turn, in order; one
    /// without its [`end`](Self::end) is emitted where it gave records, and malformed where it did not.
    ///
    /// # Panics
    /// If there is no such record, or it has its verdict already.
    #[inline]
    #[track_caller]
    pub fn begin(&mut self, input: usize) {
        let verdicts = self.out.verdicts.len();
        assert!(
            (verdicts..self.inputs).contains(&input),
            "input record {input} of {} cannot begin: {verdicts} have their verdict",
            self.inputs
        );
        if verdicts != input || self.out.input.len() != self.settled {
            self.settle(input);
        }
        if input != self.input {
            self.input = input;
            self.before = self.settled;
        }
    }

    /// For batch-level parsers: the verdict on the input record at hand.
    ///
    /// # Panics
    /// If it has one already.
    #[inline]
    #[track_caller]
    pub fn end(&mut self, verdict: Verdict) {
        assert!(
            self.out.verdicts.len() == self.input,
            "input record {} has two verdicts",
            self.input
        );
        self.forget_unfinished();
        if matches!(verdict, Verdict::Emitted) && self.out.input.len() > self.before {
            self.out.verdicts.push(verdict::EMITTED);
        } else {
            self.refuse(verdict);
        }
        self.settled = self.out.input.len();
    }

    /// Whatever has no verdict gets one.
    pub(crate) fn finish(mut self) {
        self.forget_unfinished();
        self.settle(self.inputs);
    }

    /// Makes records and verdicts fit each other for all input records before `next`: the gateway would refuse the whole
    /// answer.
    #[cold]
    #[inline(never)]
    fn settle(&mut self, next: usize) {
        match self.out.verdicts.get(self.input) {
            None if self.input < next && self.out.input.len() > self.before => {
                self.out.verdicts.push(verdict::EMITTED);
            }
            // Records that came behind the verdict.
            Some(verdict) if *verdict != verdict::EMITTED => self.cut_back(),
            _ => {}
        }
        // One that was passed over must not shift the verdicts of all that follow.
        while self.out.verdicts.len() < next {
            self.input = self.out.verdicts.len();
            self.before = self.out.input.len();
            self.refuse(Verdict::Malformed(Cow::from("the plugin passed it over")));
        }
        self.settled = self.out.input.len();
    }

    #[inline(never)]
    fn refuse(&mut self, verdict: Verdict) {
        self.cut_back();
        let (number, why) = match verdict {
            Verdict::Emitted => (
                verdict::MALFORMED,
                Cow::from("the plugin said that it emitted a record and did not"),
            ),
            Verdict::Dropped(why) => (verdict::DROPPED, why),
            Verdict::NotMine => (verdict::NOT_MINE, Cow::from("")),
            Verdict::Malformed(how) => (verdict::MALFORMED, how),
            Verdict::Joined(record) if (record as usize) < self.before => {
                self.out
                    .joined
                    .extend_from_slice(&[self.input as u32, record]);
                (verdict::JOINED, Cow::from(""))
            }
            Verdict::Joined(_) => (
                verdict::MALFORMED,
                Cow::from("the plugin joined it to a record that is not there"),
            ),
        };
        self.out.verdicts.push(number);
        if !why.is_empty() {
            self.out.reasons.push(Reason {
                input: self.input as u32,
                message: why.into_owned(),
            });
        }
    }

    /// Nothing of a refused record stays.
    fn cut_back(&mut self) {
        self.out.records.truncate(self.before);
        self.out.input.truncate(self.before);
    }

    #[inline]
    fn forget_unfinished(&mut self) {
        let closed = self.out.records.attributes_closed();
        if self.out.records.kind.len() != closed {
            self.out.records.truncate_attributes(closed);
        }
    }
}

#[cfg(test)]
mod tests;
