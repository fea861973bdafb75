//! `tidegate:plugin/parser`.

use super::abi::{List, RawBatch, RawReason, take};
use super::lifecycle::Lifecycle;
use crate::batch::Batch;
use crate::parsed::Parsed;
use crate::plugin::{self, Parser};
use crate::raw::Checked;

/// One instance of a parser; its answers are made in memory that is kept from call to call.
pub struct Parsing<P> {
    /// What every plugin has.
    pub lifecycle: Lifecycle<P>,
    parsed: Parsed,
    reasons: Vec<RawReason>,
    area: ParsedArea,
}

/// What `parse` is passed.
#[repr(C)]
pub struct ParseArguments {
    batch: RawBatch,
    last: u32,
}

/// `parsed`.
#[repr(C)]
pub struct ParsedArea {
    records: RawBatch,
    input: List,
    verdicts: List,
    joined: List,
    reasons: List,
}

// === impl Parsing ===

impl<P: Parser> Parsing<P> {
    /// Not configured yet.
    #[allow(
        clippy::new_without_default,
        reason = "it must be const, for the thread-local; Default cannot be"
    )]
    pub const fn new() -> Self {
        Parsing {
            lifecycle: Lifecycle::new(),
            parsed: Parsed::new(),
            reasons: Vec::new(),
            area: ParsedArea {
                records: RawBatch::EMPTY,
                input: List::EMPTY,
                verdicts: List::EMPTY,
                joined: List::EMPTY,
                reasons: List::EMPTY,
            },
        }
    }

    /// `parse`.
    ///
    /// # Safety
    /// The argument is what the gateway passes to `parse`.
    pub unsafe fn parse(&mut self, arguments: *mut ParseArguments) -> *const ParsedArea {
        // SAFETY: the caller's.
        let ParseArguments { batch, last } = unsafe { take(arguments) };
        // SAFETY: the caller's.
        let columns = unsafe { batch.into_columns() };
        // SAFETY: the gateway promises that the columns keep the rules of `log-batch`.
        let batch = Batch::of(unsafe { Checked::assume(&columns) });
        plugin::parse(self.lifecycle.plugin(), batch, last, &mut self.parsed);
        self.reasons = RawReason::all(&self.parsed.reasons);
        self.area = ParsedArea {
            records: RawBatch::of(&self.parsed.records, &self.parsed.text.bytes),
            input: List::of(&self.parsed.input),
            verdicts: List::of(&self.parsed.verdicts),
            joined: List::of(&self.parsed.joined),
            reasons: List::of(&self.reasons),
        };
        &self.area
    }
}
