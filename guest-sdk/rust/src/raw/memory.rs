//! `tidegate:plugin/memory`.

use super::abi::List;
use crate::memory::{Memory, RestoreError, Shards};

/// The memories of an instance, and what it said last.
pub struct Remembering<M> {
    pub(super) shards: Shards<M>,
    saved: Vec<u8>,
    damage: String,
    saved_area: SavedArea,
    restored_area: RestoredArea,
}

/// `list<u8>`.
#[repr(transparent)]
pub struct SavedArea(List);

/// `result<_, restore-error>`.
#[repr(C)]
pub struct RestoredArea {
    failed: u32,
    case: u32,
    text: List,
}

// === impl Remembering ===

impl<M: Memory> Remembering<M> {
    pub(super) const fn new() -> Self {
        Remembering {
            shards: Shards::new(),
            saved: Vec::new(),
            damage: String::new(),
            saved_area: SavedArea(List::EMPTY),
            restored_area: RestoredArea {
                failed: 0,
                case: 0,
                text: List::EMPTY,
            },
        }
    }

    /// `save`.
    pub fn save(&mut self, shard: u32) -> *const SavedArea {
        self.saved = self.shards.save(shard);
        self.saved_area = SavedArea(List::of(&self.saved));
        &self.saved_area
    }

    /// `restore`.
    ///
    /// # Safety
    /// The last two arguments are a list of bytes that the gateway passes.
    pub unsafe fn restore(&mut self, shard: u32, at: *const u8, len: usize) -> *const RestoredArea {
        // SAFETY: the caller's.
        let saved: Vec<u8> = unsafe { List::passed(at, len).into_vec() };
        let (failed, case) = match self.shards.restore(shard, &saved) {
            Ok(()) => (0, 0),
            Err(RestoreError::UnknownLayout) => (1, 0),
            Err(RestoreError::Damaged(how)) => {
                self.damage = how;
                (1, 1)
            }
        };
        self.restored_area = RestoredArea {
            failed,
            case,
            text: List::text(&self.damage),
        };
        &self.restored_area
    }

    /// `forget`.
    pub fn forget(&mut self, shard: u32) {
        self.shards.forget(shard);
    }
}
