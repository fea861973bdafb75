//! `tidegate:plugin/detector`, and what `tidegate:plugin/scorer` shares with it.

use super::abi::{List, RawBatch, take};
use super::lifecycle::Lifecycle;
use super::memory::Remembering;
use crate::arrivals;
use crate::batch::Batch;
use crate::columns::Columns;
use crate::finding::{Alert, Level, Raise};
use crate::plugin::{self, Detector};
use crate::raw::Checked;

/// One instance of a detector.
pub struct Detecting<P: Detector> {
    /// What every plugin has.
    pub lifecycle: Lifecycle<P>,
    /// What it remembers.
    pub memory: Remembering<P::Memory>,
    raise: Raise,
    labels: Vec<Vec<[List; 2]>>,
    alerts: Vec<RawAlert>,
    area: AlertsArea,
}

/// What `detect` and `score` are passed.
#[repr(C)]
pub struct SeenArguments {
    shard: u32,
    batch: RawBatch,
    position: List,
    clock: List,
}

/// The same, taken over.
pub(super) struct Seen {
    pub(super) shard: u32,
    columns: Columns,
    position: Vec<u32>,
    clock: Vec<u32>,
}

/// `list<alert>`.
#[repr(transparent)]
pub struct AlertsArea(List);

/// `alert`.
#[repr(C)]
struct RawAlert {
    rule: List,
    fingerprint: List,
    level: u8,
    title: List,
    labels: List,
    at: u64,
    since: u64,
    evidence: List,
    resolved: u8,
}

/// Labels of all findings, which stay where they are.
pub(super) fn all_labels<'a>(
    labels: impl Iterator<Item = &'a Vec<(String, String)>>,
) -> Vec<Vec<[List; 2]>> {
    labels
        .map(|labels| {
            let pair = |(key, value): &(String, String)| [List::text(key), List::text(value)];
            labels.iter().map(pair).collect()
        })
        .collect()
}

// === impl Detecting ===

impl<P: Detector> Detecting<P> {
    /// Not configured yet.
    #[allow(
        clippy::new_without_default,
        reason = "it must be const, for the thread-local; Default cannot be"
    )]
    pub const fn new() -> Self {
        Detecting {
            lifecycle: Lifecycle::new(),
            memory: Remembering::new(),
            raise: Raise::new(),
            labels: Vec::new(),
            alerts: Vec::new(),
            area: AlertsArea(List::EMPTY),
        }
    }

    /// `detect`.
    ///
    /// # Safety
    /// The argument is what the gateway passes to `detect`.
    pub unsafe fn detect(&mut self, arguments: *mut SeenArguments) -> *const AlertsArea {
        // SAFETY: the caller's.
        let seen = unsafe { Seen::take(arguments) };
        plugin::detect(
            self.lifecycle.plugin(),
            self.memory.shards.of(seen.shard),
            // SAFETY: the gateway promises that the columns keep the rules of `log-batch`.
            unsafe { seen.columns() },
            &mut self.raise,
        );
        self.answer()
    }

    /// `tick`.
    pub fn tick(&mut self, shard: u32, now: u64) -> *const AlertsArea {
        plugin::tick_detector(
            self.lifecycle.plugin(),
            self.memory.shards.of(shard),
            now,
            &mut self.raise,
        );
        self.answer()
    }

    fn answer(&mut self) -> *const AlertsArea {
        let alerts = &self.raise.alerts;
        self.labels = all_labels(alerts.iter().map(|alert| &alert.labels));
        let each = alerts.iter().zip(&self.labels);
        self.alerts = each
            .map(|(alert, labels)| RawAlert::of(alert, labels))
            .collect();
        self.area = AlertsArea(match self.alerts.as_slice() {
            [] => List::EMPTY,
            alerts => List::of(alerts),
        });
        &self.area
    }
}

// === impl Seen ===

impl Seen {
    /// # Safety
    /// The argument is what the gateway passes.
    pub(super) unsafe fn take(arguments: *mut SeenArguments) -> Seen {
        // SAFETY: the caller's, with the types of `detect` and `score`.
        unsafe {
            let SeenArguments {
                shard,
                batch,
                position,
                clock,
            } = take(arguments);
            Seen {
                shard,
                columns: batch.into_columns(),
                position: position.into_vec(),
                clock: clock.into_vec(),
            }
        }
    }

    /// # Safety
    /// The columns keep the rules of `log-batch`.
    pub(super) unsafe fn columns(&self) -> arrivals::Columns<'_> {
        // SAFETY: the caller's.
        let batch = Batch::of(unsafe { Checked::assume(&self.columns) });
        arrivals::Columns::new(batch, &self.position, &self.clock)
    }
}

// === impl RawAlert ===

impl RawAlert {
    fn of(alert: &Alert, labels: &[[List; 2]]) -> RawAlert {
        RawAlert {
            rule: List::text(&alert.rule),
            fingerprint: List::text(&alert.fingerprint),
            level: match alert.level {
                Level::Info => 0,
                Level::Warning => 1,
                Level::Critical => 2,
            },
            title: List::text(&alert.title),
            labels: List::of(labels),
            at: alert.at,
            since: alert.since,
            evidence: List::of(&alert.evidence),
            resolved: alert.resolved.into(),
        }
    }
}
