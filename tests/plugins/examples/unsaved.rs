//! An enricher that changes nothing, and panics when it is to save a partition of which it has seen a `POISON`.

use serde::{Deserialize, Serialize, Serializer};
use tidegate_sdk::{ConfigError, Edit, Enricher, Memory, Plugin, Record};

/// None.
#[derive(Default, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {}

/// The enricher.
pub struct Unsaved;

/// Records so far, and whether they can be saved.
#[derive(Default, Serialize, Deserialize)]
pub struct Seen {
    records: u64,
    #[serde(serialize_with = "never", deserialize_with = "bool::deserialize")]
    is_poisoned: bool,
}

fn never<S: Serializer>(is_poisoned: &bool, serializer: S) -> Result<S::Ok, S::Error> {
    assert!(!is_poisoned, "told not to be saved");
    serializer.serialize_bool(false)
}

impl Memory for Seen {}

impl Plugin for Unsaved {
    type Config = Config;

    fn configure(_: Config) -> Result<Self, ConfigError> {
        Ok(Unsaved)
    }
}

impl Enricher for Unsaved {
    type Memory = Seen;

    fn enrich(&self, seen: &mut Seen, record: Record<'_>, _now: u64, _edit: &mut Edit<'_>) {
        seen.records += 1;
        seen.is_poisoned |= record.body().contains("POISON");
    }
}

tidegate_sdk::export!(enricher Unsaved, "Cannot be saved once it has seen poison.");
