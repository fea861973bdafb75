//! Lists and records as the canonical ABI lays them out in memory.

use crate::columns::{Column, Columns};
use crate::parsed::Reason;
use std::alloc::Layout;

/// Pointer and length: a list or a string.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct List {
    at: *const u8,
    len: usize,
}

/// `log-batch`.
#[repr(C)]
pub(super) struct RawBatch {
    text: List,
    seconds: List,
    nanos: List,
    severity: List,
    severity_text: List,
    body: List,
    body_kind: List,
    trace: List,
    attribute_end: List,
    key: List,
    kind: List,
    value: List,
    more: List,
}

/// `reason`.
#[repr(C)]
pub(super) struct RawReason {
    input: u32,
    message: List,
}

/// `column`.
#[repr(C)]
struct RawColumn {
    name: List,
    values: List,
}

/// The canonical `realloc`: the gateway allocates here what it passes.
///
/// # Safety
/// `old` is null with `old_len` 0, or was returned from here for `old_len` bytes at this alignment, a power of two.
pub unsafe fn realloc(old: *mut u8, old_len: usize, align: usize, new_len: usize) -> *mut u8 {
    if new_len == 0 {
        return std::ptr::without_provenance_mut(align);
    }
    // SAFETY: the caller's; the new size is not 0. Sizes come from one 32-bit memory, so they do not overflow a layout.
    let new = unsafe {
        if old_len == 0 {
            std::alloc::alloc(Layout::from_size_align_unchecked(new_len, align))
        } else {
            std::alloc::realloc(
                old,
                Layout::from_size_align_unchecked(old_len, align),
                new_len,
            )
        }
    };
    if new.is_null() {
        core::arch::wasm32::unreachable();
    }
    new
}

/// Takes over the area that arguments were passed in.
///
/// # Safety
/// It was allocated by [`realloc`] for one `T`, holds one, and is not used again.
pub(super) unsafe fn take<T>(area: *mut T) -> T {
    // SAFETY: the caller's.
    unsafe {
        let value = area.read();
        std::alloc::dealloc(area.cast(), Layout::new::<T>());
        value
    }
}

// === impl List ===

impl List {
    /// Nothing, at an address that is aligned for whatever it is a list of: the gateway looks at that too.
    pub(super) const EMPTY: List = List {
        at: std::ptr::without_provenance(8),
        len: 0,
    };

    /// What lies elsewhere and stays there until the gateway has read it.
    pub(super) fn of<T>(items: &[T]) -> List {
        List {
            at: items.as_ptr().cast(),
            len: items.len(),
        }
    }

    pub(super) fn text(text: &str) -> List {
        List::of(text.as_bytes())
    }

    /// A list that is passed as two arguments.
    pub fn passed(at: *const u8, len: usize) -> List {
        List { at, len }
    }

    /// Takes the list over.
    ///
    /// # Safety
    /// It was allocated by [`realloc`] for `len` items of `T`, holds them, and is not used again.
    pub(super) unsafe fn into_vec<T>(self) -> Vec<T> {
        if self.len == 0 {
            return Vec::new();
        }
        // SAFETY: the caller's: `realloc` allocates as `Vec` does, and the length is the capacity.
        unsafe { Vec::from_raw_parts(self.at.cast_mut().cast(), self.len, self.len) }
    }

    /// The same for text; what is not UTF-8 is replaced.
    ///
    /// # Safety
    /// As for [`into_vec`](Self::into_vec) with bytes.
    pub(super) unsafe fn into_text(self) -> String {
        // SAFETY: the caller's.
        let bytes = unsafe { self.into_vec() };
        String::from_utf8(bytes)
            .unwrap_or_else(|e| String::from_utf8_lossy(e.as_bytes()).into_owned())
    }
}

// === impl RawBatch ===

impl RawBatch {
    /// No record.
    pub(super) const EMPTY: RawBatch = RawBatch {
        text: List::EMPTY,
        seconds: List::EMPTY,
        nanos: List::EMPTY,
        severity: List::EMPTY,
        severity_text: List::EMPTY,
        body: List::EMPTY,
        body_kind: List::EMPTY,
        trace: List::EMPTY,
        attribute_end: List::EMPTY,
        key: List::EMPTY,
        kind: List::EMPTY,
        value: List::EMPTY,
        more: List::EMPTY,
    };

    /// Takes the columns over.
    ///
    /// # Safety
    /// Each list is one of [`List::into_vec`]'s.
    pub(super) unsafe fn into_columns(self) -> Columns {
        // SAFETY: the caller's, with the types of `log-batch`.
        unsafe {
            Columns {
                text: self.text.into_vec(),
                seconds: self.seconds.into_vec(),
                nanos: self.nanos.into_vec(),
                severity: self.severity.into_vec(),
                severity_text: self.severity_text.into_vec(),
                body: self.body.into_vec(),
                body_kind: self.body_kind.into_vec(),
                trace: self.trace.into_vec(),
                attribute_end: self.attribute_end.into_vec(),
                key: self.key.into_vec(),
                kind: self.kind.into_vec(),
                value: self.value.into_vec(),
                more: self
                    .more
                    .into_vec::<RawColumn>()
                    .into_iter()
                    .map(|column| column.into_column())
                    .collect(),
            }
        }
    }

    /// The columns of an answer and its text, which stay where they are. It brings no further columns.
    pub(super) fn of(columns: &Columns, text: &[u8]) -> RawBatch {
        RawBatch {
            text: List::of(text),
            seconds: List::of(&columns.seconds),
            nanos: List::of(&columns.nanos),
            severity: List::of(&columns.severity),
            severity_text: List::of(&columns.severity_text),
            body: List::of(&columns.body),
            body_kind: List::of(&columns.body_kind),
            trace: List::of(&columns.trace),
            attribute_end: List::of(&columns.attribute_end),
            key: List::of(&columns.key),
            kind: List::of(&columns.kind),
            value: List::of(&columns.value),
            more: List::EMPTY,
        }
    }
}

// === impl RawColumn ===

impl RawColumn {
    /// # Safety
    /// As for [`List::into_vec`].
    unsafe fn into_column(self) -> Column {
        // SAFETY: the caller's, with the types of `column`.
        unsafe {
            Column {
                name: self.name.into_text(),
                values: self.values.into_vec(),
            }
        }
    }
}

// === impl RawReason ===

impl RawReason {
    pub(super) fn all(reasons: &[Reason]) -> Vec<RawReason> {
        reasons
            .iter()
            .map(|reason| RawReason {
                input: reason.input,
                message: List::text(&reason.message),
            })
            .collect()
    }
}
