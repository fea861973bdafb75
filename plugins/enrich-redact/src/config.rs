//! The configuration as it is written.

use crate::kinds::Kind;
use schemars::JsonSchema;
use serde::Deserialize;

/// Configuration of `enrich-redact`: what to look for, where, and what to write instead.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Whether to look at the body.
    pub body: bool,
    /// Which attributes to look at, those of the resource too: all, none, or those named.
    pub attributes: Attributes,
    /// Attributes that are left alone whatever `attributes` says.
    pub except: Vec<String>,
    /// What to look for.
    pub kinds: Vec<Kind>,
    /// What to write instead, by kind.
    pub replacements: Replacements,
    /// Own patterns. They are applied in this order, before the built-in kinds.
    #[schemars(length(max = 64))]
    pub patterns: Vec<OwnPattern>,
}

/// Which attributes to look at.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Attributes {
    /// All or none.
    These(These),
    /// Those of these names.
    Named(Vec<String>),
}

/// All or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum These {
    /// Every attribute.
    All,
    /// No attribute.
    None,
}

/// What to write instead, by kind.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Replacements {
    /// Instead of an e-mail address.
    pub email: String,
    /// Instead of a card number.
    pub card: String,
    /// Instead of an IP address.
    pub ip: String,
    /// Instead of a token.
    pub token: String,
    /// Instead of a secret.
    pub secret: String,
}

/// A regular expression and what to write instead of its matches.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OwnPattern {
    /// Its name, at most 48 bytes: matches are counted as `redacted.NAME`.
    #[schemars(length(min = 1, max = 48))]
    pub name: String,
    /// The regular expression, in the syntax of Rust's `regex` crate.
    pub regex: String,
    /// What to write instead, `<NAME>` where it is left out; `$1` and `${group}` stand for what a group
    /// matched, `$$` for a dollar sign.
    #[serde(default)]
    pub replacement: Option<String>,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            body: true,
            attributes: Attributes::These(These::All),
            except: Vec::new(),
            kinds: Kind::ALL.to_vec(),
            replacements: Replacements::default(),
            patterns: Vec::new(),
        }
    }
}

impl Default for Replacements {
    fn default() -> Self {
        let [email, card, ip, token, secret] = Kind::ALL.map(|kind| format!("<{}>", kind.name()));
        Replacements {
            email,
            card,
            ip,
            token,
            secret,
        }
    }
}
