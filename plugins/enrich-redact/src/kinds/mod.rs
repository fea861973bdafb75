//! What can be found: one module a kind, each a pure function over bytes.
//!
//! A recognizer is asked at one place where something *could* stand (see [`crate::finder`]) and answers
//! with the range to replace, or nothing. It may look at all of `text` to judge what stands beside a
//! hit, but never takes bytes before `from`: those belong to an earlier hit.

pub mod card;
pub mod email;
pub mod ip;
pub mod secret;
mod text;
pub mod token;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A kind of text that is replaced.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// E-mail addresses.
    Email,
    /// Payment card numbers with a valid check digit.
    Card,
    /// IPv4 and IPv6 addresses.
    Ip,
    /// What follows `Bearer`, and JSON web tokens.
    Token,
    /// What follows `password=`, `api_key:` and the like, and attributes of such names.
    Secret,
}

impl Kind {
    /// Every kind, in the order of its number.
    pub const ALL: [Kind; 5] = [Kind::Email, Kind::Card, Kind::Ip, Kind::Token, Kind::Secret];

    /// Its name in the configuration.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Email => "email",
            Kind::Card => "card",
            Kind::Ip => "ip",
            Kind::Token => "token",
            Kind::Secret => "secret",
        }
    }
}
