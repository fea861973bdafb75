//! What a plugin remembers, by shard.

use serde::{Deserialize, Serialize, de::DeserializeOwned};

/// What a plugin remembers of a shard (a partition of a pipeline), from call to call of one instance.
///
/// Today the gateway neither saves nor restores it: after a fault, after a restart and in another process every shard
/// starts empty. Plugins export all that is needed (serde, [`LAYOUT`](Self::LAYOUT), [`migrate`](Self::migrate)), so that
/// those built today will keep their memory once the gateway does, which comes with detectors and scorers.
pub trait Memory: Serialize + DeserializeOwned + Default + 'static {
    /// Raise it when the fields change.
    const LAYOUT: u16 = 1;

    /// What an older layout saved, if it can still be read.
    fn migrate(_layout: u16, _saved: &[u8]) -> Option<Self> {
        None
    }
}

/// Remembers nothing, saves nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Nothing;

/// Why what was saved could not be restored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RestoreError {
    /// Not a layout that this version reads.
    UnknownLayout,
    /// Damaged, and how.
    Damaged(String),
}

/// The memories by shard.
pub(crate) struct Shards<M>(Vec<(u32, M)>);

impl Memory for Nothing {}

// === impl Shards ===

#[cfg_attr(
    not(target_arch = "wasm32"),
    allow(dead_code, reason = "the Wasm border alone uses most of it")
)]
impl<M: Memory> Shards<M> {
    pub(crate) const fn new() -> Self {
        Shards(Vec::new())
    }

    /// The memory of a shard, empty at first.
    #[inline]
    pub(crate) fn of(&mut self, shard: u32) -> &mut M {
        let at = match self.0.binary_search_by_key(&shard, |known| known.0) {
            Ok(at) => at,
            Err(at) => {
                self.0.insert(at, (shard, M::default()));
                at
            }
        };
        &mut self.0[at].1
    }

    /// The layout's number and the memory; empty where there is nothing to save.
    pub(crate) fn save(&self, shard: u32) -> Vec<u8> {
        match self.0.binary_search_by_key(&shard, |known| known.0) {
            Ok(at) if size_of::<M>() > 0 => {
                postcard::to_extend(&self.0[at].1, M::LAYOUT.to_le_bytes().to_vec())
                    .unwrap_or_default()
            }
            _ => Vec::new(),
        }
    }

    /// Takes over what was saved.
    pub(crate) fn restore(&mut self, shard: u32, saved: &[u8]) -> Result<(), RestoreError> {
        let Some((layout, rest)) = saved.split_first_chunk() else {
            return Err(RestoreError::Damaged(
                "shorter than the number of its layout".into(),
            ));
        };
        let layout = u16::from_le_bytes(*layout);
        let memory = if layout == M::LAYOUT {
            postcard::from_bytes(rest).map_err(|e| RestoreError::Damaged(e.to_string()))?
        } else {
            M::migrate(layout, rest).ok_or(RestoreError::UnknownLayout)?
        };
        *self.of(shard) = memory;
        Ok(())
    }

    pub(crate) fn forget(&mut self, shard: u32) {
        self.0.retain(|known| known.0 != shard);
    }
}
