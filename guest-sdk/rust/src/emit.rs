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
    /// The input record at hand.
    input: usize,
    /// How many records there were before it.
    before: usize,
    last: usize,
}

impl<'a> Emit<'a> {
    /// Begins an answer about `batch`, of which the first `last` records are offered for the last time.
    pub(crate) fn new(batch: Batch<'a>, last: u32, out: &'a mut Parsed) -> Self {
        out.start(batch.len());
        Emit {
            out,
            given: Given(batch.text()),
            input: 0,
            before: 0,
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

    /// For batch-level parsers: what follows is about this input record. Every record must have its turn, in order.
    #[inline]
    pub fn begin(&mut self, input: usize) {
        // One that was passed over must not shift the verdicts of all that follow.
        while self.out.verdicts.len() < input {
            self.skipped();
        }
        self.input = input;
        self.before = self.out.input.len();
    }

    /// For batch-level parsers: the verdict on the input record at hand, once.
    #[inline]
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
    }

    /// Whatever had no turn gets its verdict.
    pub(crate) fn finish(mut self, inputs: usize) {
        self.forget_unfinished();
        self.begin(inputs);
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

    #[cold]
    fn skipped(&mut self) {
        self.input = self.out.verdicts.len();
        self.before = self.out.input.len();
        self.refuse(Verdict::Malformed(Cow::from("the plugin passed it over")));
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
