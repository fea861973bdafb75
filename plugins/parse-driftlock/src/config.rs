//! What a user can set, as written and as meant.

use schemars::JsonSchema;
use serde::Deserialize;
use tidegate_sdk::ConfigError;

/// What a user can set.
#[derive(Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The attribute of the resource that the envelope's source becomes.
    pub source: String,
    /// Types of events that are dropped on purpose. Events of a type that is neither `log` nor one of these are left to the
    /// next parser.
    pub drop: Vec<String>,
}

/// A type of events that is dropped.
pub(crate) struct Dropped {
    pub(crate) kind: String,
    /// What to tell of each.
    pub(crate) reason: String,
    /// What they are counted under.
    pub(crate) counter: String,
}

/// So many types at most: each has a counter.
const DROP_MAX: usize = 16;

/// Bytes of a type's name at most, for a counter is named for it.
const NAME_BYTES_MAX: usize = 48;

// === impl Config ===

impl Default for Config {
    fn default() -> Self {
        Config {
            source: "service.name".to_owned(),
            drop: vec!["metric".to_owned()],
        }
    }
}

// === impl Dropped ===

impl Dropped {
    pub(crate) fn all(kinds: Vec<String>) -> Result<Vec<Self>, ConfigError> {
        if kinds.len() > DROP_MAX {
            let why = format!("names {} types, more than {DROP_MAX}", kinds.len());
            return Err(ConfigError::field("/drop", why));
        }
        for (i, kind) in kinds.iter().enumerate() {
            let wrong = |why: String| Err(ConfigError::field(format!("/drop/{i}"), why));
            if kind == "log" {
                return wrong(
                    "is log: without logs there is nothing to do; name other types".into(),
                );
            }
            if !(1..=NAME_BYTES_MAX).contains(&kind.len()) {
                return wrong(format!(
                    "is {kind:?}, of {} bytes; a counter is named for it, so use 1 to {NAME_BYTES_MAX}",
                    kind.len()
                ));
            }
            if kinds[..i].contains(kind) {
                return wrong(format!("is {kind:?}, which is there already"));
            }
        }
        Ok(kinds.into_iter().map(Dropped::new).collect())
    }

    fn new(kind: String) -> Self {
        Dropped {
            reason: format!("{kind} event"),
            counter: format!("dropped.{kind}"),
            kind,
        }
    }
}
