//! What a plugin remembers: `tidegate:plugin/memory`, the same for every kind that has one.

use super::{Exports, Instance, fault, wrong_kind};
use crate::guests::bindings::{detecting, enriching, scoring};
use crate::guests::fault::Fault;
use std::time::Duration;

/// Why a saved memory was not taken over.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub(crate) enum NotRestored {
    /// A layout that this version of the plugin does not read.
    #[error("this version of the plugin does not read its layout")]
    UnknownLayout,
    /// The plugin says that it is damaged.
    #[error("the plugin says that it is damaged: {0}")]
    Damaged(String),
    /// The plugin broke.
    #[error("the plugin broke at it: {0}")]
    Fault(Fault),
}

/// One call of the interface, whatever the world.
macro_rules! call {
    ($self:ident, $call:ident $(, $argument:expr)*) => {{
        let store = &mut $self.store;
        match &$self.exports {
            Exports::Parser(_) => return Err(wrong_kind("plugin with a memory").into()),
            Exports::Enricher(p) => p.tidegate_plugin_memory().$call(store $(, $argument)*),
            Exports::Detector(p) => p.tidegate_plugin_memory().$call(store $(, $argument)*),
            Exports::Scorer(p) => p.tidegate_plugin_memory().$call(store $(, $argument)*),
        }
    }};
}

impl Instance {
    /// All that it keeps of a shard; empty where there is nothing.
    pub(crate) fn save(&mut self, shard: u32, limit: Duration) -> Result<Vec<u8>, Fault> {
        self.begin(limit);
        let saved = call!(self, call_save, shard);
        saved.map_err(|e| fault(&mut self.store, &e))
    }

    /// Takes over what was saved. After a fault the instance must not be called again.
    pub(crate) fn restore(
        &mut self,
        shard: u32,
        saved: &[u8],
        limit: Duration,
    ) -> Result<(), NotRestored> {
        self.begin(limit);
        macro_rules! restored {
            ($plugin:expr, $world:ident) => {{
                use $world::exports::tidegate::plugin::memory::RestoreError as E;
                let memory = $plugin.tidegate_plugin_memory();
                let done = memory.call_restore(&mut self.store, shard, saved);
                done.map(|done| {
                    done.map_err(|e| match e {
                        E::UnknownLayout => NotRestored::UnknownLayout,
                        E::Damaged(how) => NotRestored::Damaged(how),
                    })
                })
            }};
        }
        let done = match &self.exports {
            Exports::Parser(_) => return Err(wrong_kind("plugin with a memory").into()),
            Exports::Enricher(p) => restored!(p, enriching),
            Exports::Detector(p) => restored!(p, detecting),
            Exports::Scorer(p) => restored!(p, scoring),
        };
        done.unwrap_or_else(|e| Err(fault(&mut self.store, &e).into()))
    }

    /// The shard has gone elsewhere.
    pub(crate) fn forget(&mut self, shard: u32, limit: Duration) -> Result<(), Fault> {
        self.begin(limit);
        let done = call!(self, call_forget, shard);
        done.map_err(|e| fault(&mut self.store, &e))
    }
}

impl From<Fault> for NotRestored {
    fn from(fault: Fault) -> Self {
        NotRestored::Fault(fault)
    }
}
