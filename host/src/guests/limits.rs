//! What an instance may use: the state of its store, which counts memory and refuses more than was granted.
//!
//! One a plugin instance, used by its lane's thread alone. Time is bounded by epochs (see `engine`).

use super::imports::Imports;
use wasmtime::ResourceLimiter;

/// Core instances a component may be made of. Language runtimes bring some dozens.
const INSTANCES_MAX: usize = 128;
/// Tables of one instance.
const TABLES_MAX: usize = 64;
/// Linear memories of one instance.
const MEMORIES_MAX: usize = 32;
/// Entries of one table.
const TABLE_ENTRIES_MAX: usize = 1 << 20;

/// The data of a plugin's store.
pub(crate) struct State {
    /// What the plugin may ask of the gateway.
    pub imports: Imports,
    memory_bytes: usize,
    memory_bytes_max: usize,
    refused: bool,
}

impl State {
    /// Nothing used yet.
    pub(crate) fn new(imports: Imports, memory_bytes_max: usize) -> State {
        State {
            imports,
            memory_bytes: 0,
            memory_bytes_max,
            refused: false,
        }
    }

    /// A new call begins.
    pub(crate) fn begin_call(&mut self) {
        self.refused = false;
        self.imports.begin_call();
    }

    /// Whether memory was asked for beyond the limit since the call began.
    pub(crate) fn was_refused_memory(&self) -> bool {
        self.refused
    }
}

impl ResourceLimiter for State {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let grown = self
            .memory_bytes
            .checked_add(desired.saturating_sub(current))
            .filter(|bytes| *bytes <= self.memory_bytes_max);
        match grown {
            Some(bytes) => self.memory_bytes = bytes,
            None => self.refused = true,
        }
        Ok(grown.is_some())
    }

    fn table_growing(
        &mut self,
        _current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let granted = desired <= TABLE_ENTRIES_MAX;
        self.refused |= !granted;
        Ok(granted)
    }

    fn instances(&self) -> usize {
        INSTANCES_MAX
    }

    fn tables(&self) -> usize {
        TABLES_MAX
    }

    fn memories(&self) -> usize {
        MEMORIES_MAX
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// *Scenario:* memory grows up to the limit, then one page more is asked for.
    /// *Guarantees:* the limit is for the sum of all memories, a refusal is remembered until the next call,
    /// and what was granted stays counted.
    #[test]
    fn memory_is_granted_up_to_the_limit() {
        const PAGE: usize = 64 << 10;
        let mut state = State::new(Imports::for_tests(), 4 * PAGE);
        assert!(state.memory_growing(0, 3 * PAGE, None).unwrap());
        assert!(state.memory_growing(0, PAGE, None).unwrap());
        assert!(!state.was_refused_memory());
        assert!(!state.memory_growing(3 * PAGE, 4 * PAGE, None).unwrap());
        assert!(state.was_refused_memory());
        assert_eq!(state.memory_bytes, 4 * PAGE);
        state.begin_call();
        assert!(!state.was_refused_memory());
        assert!(!state.memory_growing(0, usize::MAX, None).unwrap());
    }
}
