//! The canonical ABI of the contract by hand: lists as pointer and length, arguments and answers as structs.
//!
//! Answers are leaked: a test calls a plugin a few hundred times at most.

use crate::answer::{Batch, Edits, Parsed, marked};
use std::alloc::Layout;

#[link(wasm_import_module = "tidegate:plugin/host@0.1.0")]
unsafe extern "C" {
    #[link_name = "log"]
    fn host_log(level: i32, at: *const u8, len: usize);
}

/// A list or a string.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct List(*const u8, usize);

/// Lists in a row: how most answers lie in memory.
pub type Lists = List;

/// `log-batch`.
pub type RawBatch = [List; 13];

/// `reason`.
#[repr(C)]
struct RawReason(u32, List);

/// The arguments of `parse`.
#[repr(C)]
#[derive(Debug)]
pub struct ParseArguments {
    batch: RawBatch,
    last: u32,
}

/// The arguments of `enrich`.
#[repr(C)]
#[derive(Debug)]
pub struct EnrichArguments {
    shard: u32,
    batch: RawBatch,
    now: u64,
}

/// An empty list lies at an address too, and must be aligned there.
const NONE: List = List(std::ptr::without_provenance(8), 0);

impl List {
    fn of<T>(items: Vec<T>) -> List {
        let items = items.leak();
        match items.len() {
            0 => NONE,
            len => List(items.as_ptr().cast(), len),
        }
    }

    fn of_text(text: String) -> List {
        List::of(text.into_bytes())
    }

    /// # Safety
    /// It is a list of `T` that the gateway allocated.
    unsafe fn take<T>(self) -> Vec<T> {
        match self.1 {
            0 => Vec::new(),
            // SAFETY: the caller's.
            len => unsafe { Vec::from_raw_parts(self.0 as *mut T, len, len) },
        }
    }
}

/// # Safety
/// The gateway passes what it got here before.
pub unsafe fn realloc(old: *mut u8, old_len: usize, align: usize, len: usize) -> *mut u8 {
    if len == 0 {
        return align as *mut u8;
    }
    // SAFETY: the caller's.
    let new = unsafe {
        match old_len {
            0 => std::alloc::alloc(Layout::from_size_align_unchecked(len, align)),
            _ => std::alloc::realloc(old, Layout::from_size_align_unchecked(old_len, align), len),
        }
    };
    if new.is_null() {
        core::arch::wasm32::unreachable();
    }
    new
}

/// # Safety
/// It is what the gateway passed.
unsafe fn batch(raw: &RawBatch) -> Batch {
    // SAFETY: the caller's; the lists are in the contract's order.
    unsafe {
        Batch {
            text: raw[0].take(),
            seconds: raw[1].take(),
            nanos: raw[2].take(),
            severity: raw[3].take(),
            severity_text: raw[4].take(),
            body: raw[5].take(),
            body_kind: raw[6].take(),
            trace: raw[7].take(),
            attribute_end: raw[8].take(),
            key: raw[9].take(),
            kind: raw[10].take(),
            value: raw[11].take(),
        }
    }
}

fn reasons(reasons: Vec<(u32, String)>) -> List {
    let raw = |(input, message)| RawReason(input, List::of_text(message));
    List::of(reasons.into_iter().map(raw).collect())
}

/// # Safety
/// The gateway passes what it allocated for this call.
pub unsafe fn parse(given: *mut ParseArguments, misbehave: fn(&mut Parsed, usize)) -> *const Lists {
    // SAFETY: the caller's.
    let given = unsafe { given.read() };
    // SAFETY: the caller's.
    let batch = unsafe { batch(&given.batch) };
    let mut answer = Parsed::honest(&batch);
    for record in marked(&batch) {
        misbehave(&mut answer, record);
    }
    let c = answer.records;
    let lists = [
        List::of(c.text),
        List::of(c.seconds),
        List::of(c.nanos),
        List::of(c.severity),
        List::of(c.severity_text),
        List::of(c.body),
        List::of(c.body_kind),
        List::of(c.trace),
        List::of(c.attribute_end),
        List::of(c.key),
        List::of(c.kind),
        List::of(c.value),
        NONE,
        List::of(answer.input),
        List::of(answer.verdicts),
        List::of(answer.joined),
        reasons(answer.reasons),
    ];
    Box::leak(Box::new(lists)).as_ptr()
}

/// # Safety
/// The gateway passes what it allocated for this call.
pub unsafe fn enrich(
    given: *mut EnrichArguments,
    misbehave: fn(&mut Edits, usize),
) -> *const Lists {
    // SAFETY: the caller's.
    let given = unsafe { given.read() };
    // SAFETY: the caller's.
    let batch = unsafe { batch(&given.batch) };
    let mut e = Edits {
        given: batch.text.len() as u32,
        ..Edits::default()
    };
    for record in marked(&batch) {
        misbehave(&mut e, record);
    }
    let lists = [
        List::of(e.text),
        List::of(e.set_record),
        List::of(e.set_key),
        List::of(e.set_kind),
        List::of(e.set_value),
        List::of(e.remove),
        List::of(e.body_record),
        List::of(e.body_kind),
        List::of(e.body),
        List::of(e.time_record),
        List::of(e.time_seconds),
        List::of(e.time_nanos),
        List::of(e.severity_record),
        List::of(e.severity),
        List::of(e.severity_text),
        List::of(e.trace_record),
        List::of(e.trace),
        List::of(e.drop),
        reasons(e.reasons),
        List::of(e.route_record),
        List::of(e.route),
        List::of(e.routes.into_iter().map(List::of_text).collect::<Vec<_>>()),
        NONE,
    ];
    Box::leak(Box::new(lists)).as_ptr()
}

/// Name, version, summary and no schema.
pub fn describe(name: &str) -> *const Lists {
    let text = |t: &str| List::of_text(t.to_owned());
    let said = [text(name), text("0.0.1"), text("Misbehaves."), NONE];
    Box::leak(Box::new(said)).as_ptr()
}

/// A result without an error.
pub fn done() -> *const Lists {
    // The discriminant is the first byte: 0. The rest is not read.
    Box::leak(Box::new([List(std::ptr::null(), 0); 3])).as_ptr()
}

/// An empty list.
pub fn nothing_saved() -> *const Lists {
    Box::leak(Box::new([NONE])).as_ptr()
}

/// `host.log` at level info.
pub fn log(message: &str) {
    // SAFETY: the gateway reads the message during the call.
    unsafe { host_log(1, message.as_ptr(), message.len()) }
}
