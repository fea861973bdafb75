//! `tidegate:plugin/enricher`.

use super::abi::{List, RawBatch, RawReason, take};
use super::lifecycle::Lifecycle;
use super::memory::Remembering;
use crate::batch::Batch;
use crate::edit::EditColumns;
use crate::plugin::{self, Enricher};
use crate::raw::Checked;

/// One instance of an enricher; its answers are made in memory that is kept from call to call.
pub struct Enriching<P: Enricher> {
    /// What every plugin has.
    pub lifecycle: Lifecycle<P>,
    /// What it remembers.
    pub memory: Remembering<P::Memory>,
    edits: EditColumns,
    reasons: Vec<RawReason>,
    routes: Vec<List>,
    area: Option<EditsArea>,
}

/// What `enrich` is passed.
#[repr(C)]
pub struct EnrichArguments {
    shard: u32,
    batch: RawBatch,
    now: u64,
}

/// `edits`.
#[repr(C)]
pub struct EditsArea {
    text: List,
    set_record: List,
    set_key: List,
    set_kind: List,
    set_value: List,
    remove: List,
    body_record: List,
    body_kind: List,
    body: List,
    time_record: List,
    time_seconds: List,
    time_nanos: List,
    severity_record: List,
    severity: List,
    severity_text: List,
    trace_record: List,
    trace: List,
    drop: List,
    reasons: List,
    route_record: List,
    route: List,
    routes: List,
    more: List,
}

// === impl Enriching ===

impl<P: Enricher> Enriching<P> {
    /// Not configured yet.
    #[allow(
        clippy::new_without_default,
        reason = "it must be const, for the thread-local; Default cannot be"
    )]
    pub const fn new() -> Self {
        Enriching {
            lifecycle: Lifecycle::new(),
            memory: Remembering::new(),
            edits: EditColumns::new(),
            reasons: Vec::new(),
            routes: Vec::new(),
            area: None,
        }
    }

    /// `enrich`.
    ///
    /// # Safety
    /// The argument is what the gateway passes to `enrich`.
    pub unsafe fn enrich(&mut self, arguments: *mut EnrichArguments) -> *const EditsArea {
        // SAFETY: the caller's.
        let EnrichArguments { shard, batch, now } = unsafe { take(arguments) };
        // SAFETY: the caller's.
        let columns = unsafe { batch.into_columns() };
        // SAFETY: the gateway promises that the columns keep the rules of `log-batch`.
        let batch = Batch::of(unsafe { Checked::assume(&columns) });
        plugin::enrich(
            self.lifecycle.plugin(),
            &mut self.memory.shards.of(shard).memory,
            batch,
            now,
            &mut self.edits,
        );
        self.reasons = RawReason::all(&self.edits.reasons);
        self.routes = self
            .edits
            .routes
            .iter()
            .map(|route| List::text(route))
            .collect();
        self.area
            .insert(EditsArea::of(&self.edits, &self.reasons, &self.routes))
    }
}

// === impl EditsArea ===

impl EditsArea {
    fn of(edits: &EditColumns, reasons: &[RawReason], routes: &[List]) -> Self {
        EditsArea {
            text: List::of(&edits.text.bytes),
            set_record: List::of(&edits.set_record),
            set_key: List::of(&edits.set_key),
            set_kind: List::of(&edits.set_kind),
            set_value: List::of(&edits.set_value),
            remove: List::of(&edits.remove),
            body_record: List::of(&edits.body_record),
            body_kind: List::of(&edits.body_kind),
            body: List::of(&edits.body),
            time_record: List::of(&edits.time_record),
            time_seconds: List::of(&edits.time_seconds),
            time_nanos: List::of(&edits.time_nanos),
            severity_record: List::of(&edits.severity_record),
            severity: List::of(&edits.severity),
            severity_text: List::of(&edits.severity_text),
            trace_record: List::of(&edits.trace_record),
            trace: List::of(&edits.trace),
            drop: List::of(&edits.drop),
            reasons: List::of(reasons),
            route_record: List::of(&edits.route_record),
            route: List::of(&edits.route),
            routes: List::of(routes),
            more: List::EMPTY,
        }
    }
}
