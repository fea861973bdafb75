//! What a plugin of a lane remembers: the last saved copy of each shard's memory, for fresh instances and snapshots.
//!
//! Used by the lane's thread alone. Promises that a shard's memory is what was saved last and all that the
//! instance has seen since, or that it is said what was lost. Holds at most [`SAVED_BYTES_MAX`] a shard.

use super::fault::Fault;
use super::instance::{Instance, NotRestored};
use std::collections::HashMap;
use std::time::Duration;

/// Bytes that a plugin may save of one shard.
pub(crate) const SAVED_BYTES_MAX: usize = 1 << 20;

/// The memories of one plugin, by shard.
#[derive(Debug, Default)]
pub(crate) struct Remembered {
    shards: HashMap<u32, Kept>,
}

/// Of one shard.
#[derive(Debug, Default)]
struct Kept {
    // What was saved last, compressed: there may be many, and they are seldom needed. Empty: nothing.
    saved: Vec<u8>,
    // Whether the instance has it.
    is_loaded: bool,
    // Whether the instance has seen anything since it was saved.
    is_behind: bool,
}

/// A shard's memory could not be made ready; it is empty now.
#[derive(Debug, PartialEq)]
pub(crate) struct Emptied {
    pub why: NotRestored,
    /// Whether the instance broke and must not be called again.
    pub is_broken: bool,
}

/// A shard's memory could not be saved; what was saved before still stands.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub(crate) enum NotSaved {
    /// It is too large.
    #[error("{0} bytes, but a shard's memory must be at most {SAVED_BYTES_MAX} bytes")]
    TooLarge(usize),
    /// The plugin broke.
    #[error("the plugin broke at it: {0}")]
    Fault(Fault),
}

impl Remembered {
    /// Gives the instance what it must know before it is called for a shard.
    pub(crate) fn load(
        &mut self,
        instance: &mut Instance,
        shard: u32,
        limit: Duration,
    ) -> Result<(), Emptied> {
        let kept = self.shards.entry(shard).or_default();
        if kept.is_loaded {
            return Ok(());
        }
        kept.is_loaded = true;
        if kept.saved.is_empty() {
            return Ok(());
        }
        let restored = instance.restore(shard, &decompressed(&kept.saved), limit);
        restored.map_err(|why| {
            let is_broken = matches!(why, NotRestored::Fault(_));
            *kept = Kept {
                // An instance that is to come has nothing to load either.
                is_loaded: !is_broken,
                ..Kept::default()
            };
            Emptied { why, is_broken }
        })
    }

    /// The instance was called for a shard.
    pub(crate) fn called(&mut self, shard: u32) {
        if let Some(kept) = self.shards.get_mut(&shard) {
            kept.is_behind = true;
        }
    }

    /// The instance is gone: how many shards lose what it has seen since they were saved.
    pub(crate) fn instance_gone(&mut self) -> usize {
        let mut lost = 0;
        for kept in self.shards.values_mut() {
            lost += usize::from(kept.is_loaded && kept.is_behind);
            (kept.is_loaded, kept.is_behind) = (false, false);
        }
        lost
    }

    /// Has the instance save a shard, if it has seen anything since the last time.
    pub(crate) fn save(
        &mut self,
        instance: &mut Instance,
        shard: u32,
        limit: Duration,
    ) -> Result<(), NotSaved> {
        let Some(kept) = self.shards.get_mut(&shard) else {
            return Ok(());
        };
        if !kept.is_loaded || !kept.is_behind {
            return Ok(());
        }
        let saved = instance.save(shard, limit).map_err(NotSaved::Fault)?;
        if saved.len() > SAVED_BYTES_MAX {
            return Err(NotSaved::TooLarge(saved.len()));
        }
        kept.saved = compressed(&saved);
        kept.is_behind = false;
        Ok(())
    }

    /// What was saved last; empty: nothing.
    pub(crate) fn saved(&self, shard: u32) -> Vec<u8> {
        let kept = self.shards.get(&shard);
        kept.map_or_else(Vec::new, |kept| decompressed(&kept.saved))
    }

    /// A shard begins with what was saved of it elsewhere.
    pub(crate) fn begin(&mut self, shard: u32, saved: &[u8]) {
        let kept = Kept {
            saved: compressed(saved),
            ..Kept::default()
        };
        self.shards.insert(shard, kept);
    }

    /// The shard has gone elsewhere. Whether an instance has to be told.
    pub(crate) fn forget(&mut self, shard: u32) -> bool {
        self.shards
            .remove(&shard)
            .is_some_and(|kept| kept.is_loaded)
    }
}

fn compressed(saved: &[u8]) -> Vec<u8> {
    match saved {
        [] => Vec::new(),
        saved => lz4_flex::block::compress_prepend_size(saved),
    }
}

fn decompressed(kept: &[u8]) -> Vec<u8> {
    match kept {
        [] => Vec::new(),
        // It was compressed here, so it is whole; if it were not, the plugin would be given nothing.
        kept => lz4_flex::block::decompress_size_prepended(kept).unwrap_or_default(),
    }
}
