//! What a user can set, as written and as meant.

use schemars::JsonSchema;
use serde::Deserialize;
use tidegate_sdk::ConfigError;

/// What a user can set.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Which fields stand behind the size of the response.
    pub format: Format,
    /// Attributes for the fields behind those of the format, in their order; `-` leaves one out. A field is a word or
    /// stands in quotes. Fields that are not named here are not looked at.
    pub extra: Vec<String>,
}

/// Which fields stand behind the size of the response.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// Referer and user agent where something in quotes follows, else none.
    #[default]
    Auto,
    /// None.
    Common,
    /// Referer and user agent.
    Combined,
}

/// A field behind those of the format.
pub(crate) struct Extra {
    /// The attribute; empty where the field is left out.
    pub(crate) name: String,
    /// Whether it is a header, which OpenTelemetry keeps as a list.
    pub(crate) header: bool,
}

/// So many extra fields at most.
const EXTRA_MAX: usize = 32;

/// What begins the names of headers in OpenTelemetry's conventions.
const HEADERS: [&str; 2] = ["http.request.header.", "http.response.header."];

// === impl Extra ===

impl Extra {
    pub(crate) fn all(names: Vec<String>) -> Result<Vec<Self>, ConfigError> {
        if names.len() > EXTRA_MAX {
            return Err(ConfigError::field(
                "/extra",
                format!(
                    "names {} fields, more than {EXTRA_MAX}; name those up to the last that matters",
                    names.len()
                ),
            ));
        }
        for (i, name) in names.iter().enumerate() {
            let wrong = |why| Err(ConfigError::field(format!("/extra/{i}"), why));
            if name.is_empty() {
                return wrong("is empty; name an attribute, or write - to leave the field out");
            }
            if name != "-" && names[..i].contains(name) {
                return wrong("is there already; a record has each attribute once");
            }
        }
        Ok(names.into_iter().map(Extra::new).collect())
    }

    fn new(name: String) -> Self {
        Extra {
            header: HEADERS.iter().any(|begin| name.starts_with(begin)),
            name: if name == "-" { String::new() } else { name },
        }
    }
}
