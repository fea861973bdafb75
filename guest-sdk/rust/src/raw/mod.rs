//! Everything `unsafe`: the canonical ABI of `wit/` by hand, text that the gateway has checked, and vector loads.
//!
//! Without a generator the guests need no macro crate, and the buffers that answers are made in are kept from call to
//! call. Nothing here is for authors; the [`export!`](crate::export) macro is.

mod checked;
mod lanes;

#[cfg(target_arch = "wasm32")]
mod abi;
#[cfg(target_arch = "wasm32")]
mod detector;
#[cfg(target_arch = "wasm32")]
mod enricher;
#[cfg(target_arch = "wasm32")]
mod imports;
#[cfg(target_arch = "wasm32")]
mod lifecycle;
#[cfg(target_arch = "wasm32")]
mod memory;
#[cfg(target_arch = "wasm32")]
mod parser;
#[cfg(target_arch = "wasm32")]
mod scorer;

pub(crate) use checked::Checked;
pub use lanes::Lanes;

#[cfg(target_arch = "wasm32")]
pub use abi::{List, realloc};
#[cfg(target_arch = "wasm32")]
pub use detector::{AlertsArea, Detecting, SeenArguments};
#[cfg(target_arch = "wasm32")]
pub use enricher::{EditsArea, EnrichArguments, Enriching};
#[cfg(target_arch = "wasm32")]
pub(crate) use imports::{count, log};
#[cfg(target_arch = "wasm32")]
pub use lifecycle::{ConfiguredArea, DescriptionArea, Lifecycle};
#[cfg(target_arch = "wasm32")]
pub use memory::{RestoredArea, SavedArea};
#[cfg(target_arch = "wasm32")]
pub use parser::{ParseArguments, ParsedArea, Parsing};
#[cfg(target_arch = "wasm32")]
pub use scorer::{AnomaliesArea, ScoresArea, Scoring};
