//! What a plugin remembers, by shard.

use serde::{Deserialize, Serialize, de::DeserializeOwned};

#[cfg(test)]
mod tests;

/// What a plugin remembers of a shard (a partition of a pipeline), from call to call.
///
/// The gateway saves it every few seconds and when the partition goes elsewhere, and restores it after a restart, after a
/// rebalance, and into the fresh instance after a fault. What is saved is at most 1 MiB: bound what grows.
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
pub(crate) struct Shards<M>(Vec<(u32, Shard<M>)>);

/// What is kept of a shard.
#[derive(Default)]
pub(crate) struct Shard<M> {
    /// What the plugin remembers.
    pub(crate) memory: M,
    // The second of the shard's clock that has begun last, by Unix time; 0: none yet.
    second: u64,
}

impl Memory for Nothing {}

// === impl Shards ===

impl<M: Memory> Shards<M> {
    pub(crate) const fn new() -> Self {
        Shards(Vec::new())
    }

    /// A shard, its memory empty at first.
    #[inline]
    pub(crate) fn of(&mut self, shard: u32) -> &mut Shard<M> {
        let at = match self.0.binary_search_by_key(&shard, |known| known.0) {
            Ok(at) => at,
            Err(at) => {
                self.0.insert(at, (shard, Shard::default()));
                at
            }
        };
        &mut self.0[at].1
    }

    /// The layout's number, the second and the memory; empty where there is nothing to save.
    pub(crate) fn save(&self, shard: u32) -> Vec<u8> {
        match self.0.binary_search_by_key(&shard, |known| known.0) {
            Ok(at) if size_of::<M>() > 0 => {
                let Shard { memory, second } = &self.0[at].1;
                let mut saved = M::LAYOUT.to_le_bytes().to_vec();
                saved.extend_from_slice(&second.to_le_bytes());
                postcard::to_extend(memory, saved).unwrap_or_default()
            }
            _ => Vec::new(),
        }
    }

    /// Takes over what was saved.
    pub(crate) fn restore(&mut self, shard: u32, saved: &[u8]) -> Result<(), RestoreError> {
        let parts = saved
            .split_first_chunk()
            .and_then(|(layout, rest)| Some((layout, rest.split_first_chunk()?)));
        let Some((layout, (second, rest))) = parts else {
            return Err(RestoreError::Damaged(
                "shorter than its layout and its clock".into(),
            ));
        };
        let layout = u16::from_le_bytes(*layout);
        let memory = if layout == M::LAYOUT {
            match postcard::take_from_bytes(rest) {
                Ok((memory, [])) => memory,
                Ok((_, more)) => {
                    let how = format!("{} bytes are left over", more.len());
                    return Err(RestoreError::Damaged(how));
                }
                Err(error) => return Err(RestoreError::Damaged(error.to_string())),
            }
        } else {
            M::migrate(layout, rest).ok_or(RestoreError::UnknownLayout)?
        };
        *self.of(shard) = Shard {
            memory,
            second: u64::from_le_bytes(*second),
        };
        Ok(())
    }

    #[cfg_attr(
        not(target_arch = "wasm32"),
        allow(dead_code, reason = "the Wasm border alone uses it")
    )]
    pub(crate) fn forget(&mut self, shard: u32) {
        self.0.retain(|known| known.0 != shard);
    }
}

// === impl Shard ===

impl<M> Shard<M> {
    /// The beginning of the second that the clock, in Unix milliseconds, has entered, where it is a new one; the very
    /// first is none.
    #[inline]
    pub(crate) fn second_begins(&mut self, now: u64) -> Option<u64> {
        let second = now / 1000;
        if second <= self.second {
            return None;
        }
        let before = std::mem::replace(&mut self.second, second);
        (before > 0).then_some(second * 1000)
    }
}
