//! Write a Tidegate plugin one record at a time.
//!
//! Records cross between the gateway and a plugin as columns (see `wit/`); this crate shows them as records, and turns the
//! answers back into columns. Nothing is copied that is already in the input: a `&str` that lies in it goes back as two
//! numbers.
//!
//! - [`Parser`] turns the body of a record into records: it is given a [`Record`], puts what it finds into an [`Emit`], and
//!   says what became of it by a [`Verdict`].
//! - [`Enricher`] changes records, by an [`Edit`].
//! - [`Detector`] watches records and raises [`Alert`]s; [`Scorer`] says how unusual they are, and raises [`Anomaly`]s. Both
//!   remember, by shard, in a [`Memory`].
//! - [`Plugin`] is the configuration of them all. [`export!`] makes a plugin of it.
//! - [`host`] is what a plugin may ask of the gateway, [`formats`], [`json`] and [`find`] are what most parsers need, and
//!   [`testing`] runs plugins without Wasm, through the same columns.
//!
//! ```
//! use tidegate_sdk::{ConfigError, Emit, Parser, Plugin, Record, Verdict, schemars, serde};
//!
//! #[derive(serde::Deserialize, schemars::JsonSchema)]
//! #[serde(default, deny_unknown_fields, crate = "tidegate_sdk::serde")]
//! #[schemars(crate = "tidegate_sdk::schemars")]
//! struct Config {
//!     /// What stands between a key and its value.
//!     separator: char,
//! }
//!
//! impl Default for Config {
//!     fn default() -> Self {
//!         Config { separator: '=' }
//!     }
//! }
//!
//! struct KeyValue(Config);
//!
//! impl Plugin for KeyValue {
//!     type Config = Config;
//!
//!     fn configure(config: Config) -> Result<Self, ConfigError> {
//!         Ok(KeyValue(config))
//!     }
//! }
//!
//! impl Parser for KeyValue {
//!     fn parse(&self, input: Record<'_>, out: &mut Emit<'_>) -> Verdict {
//!         let Some((key, value)) = input.body().split_once(self.0.separator) else {
//!             return Verdict::NotMine;
//!         };
//!         let mut record = out.record();
//!         record.body(input.body()).attr(key, value);
//!         record.emit();
//!         Verdict::Emitted
//!     }
//! }
//!
//! tidegate_sdk::export!(parser KeyValue, "One key and its value a line.");
//!
//! # fn main() {
//! let plugin = tidegate_sdk::testing::plugin::<KeyValue>("{}").unwrap();
//! let answers = tidegate_sdk::testing::parse_lines(&plugin, ["colour=green", "plain"]);
//! assert_eq!(answers[0].records[0].attr("colour"), Some(&"green".into()));
//! assert_eq!(answers[1].verdict, "not-mine");
//! # }
//! ```
//!
//! A detector remembers, and is tested over a stream that is cut anywhere:
//!
//! ```
//! use std::collections::VecDeque;
//! use tidegate_sdk::testing::{self, OwnedRecord, Stream};
//! use tidegate_sdk::{
//!     Alert, ConfigError, Detector, Memory, Moment, Plugin, Position, Raise, Record, schemars, serde,
//! };
//!
//! #[derive(serde::Deserialize, schemars::JsonSchema)]
//! #[serde(deny_unknown_fields, crate = "tidegate_sdk::serde")]
//! #[schemars(crate = "tidegate_sdk::schemars")]
//! struct Config {
//!     /// So many within a minute raise an alert.
//!     at_least: usize,
//! }
//!
//! struct Logins(Config);
//!
//! #[derive(Default, serde::Serialize, serde::Deserialize)]
//! #[serde(crate = "tidegate_sdk::serde")]
//! struct Seen {
//!     // Never more than `at_least`.
//!     refused: VecDeque<(u64, Position)>,
//! }
//!
//! impl Memory for Seen {}
//!
//! impl Plugin for Logins {
//!     type Config = Config;
//!
//!     fn configure(config: Config) -> Result<Self, ConfigError> {
//!         Ok(Logins(config))
//!     }
//! }
//!
//! impl Detector for Logins {
//!     type Memory = Seen;
//!
//!     fn detect(&self, seen: &mut Seen, record: Record<'_>, moment: Moment, raise: &mut Raise) {
//!         if !record.body().contains("login refused") {
//!             return;
//!         }
//!         seen.refused.push_back((moment.now, moment.position));
//!         seen.refused.retain(|(at, _)| at + 60_000 > moment.now);
//!         if seen.refused.len() == self.0.at_least {
//!             raise.alert(Alert {
//!                 rule: "logins".into(),
//!                 fingerprint: "logins".into(),
//!                 title: format!("{} logins refused within a minute", self.0.at_least),
//!                 at: moment.now,
//!                 since: seen.refused[0].0,
//!                 evidence: seen.refused.drain(..).map(|(_, position)| position).collect(),
//!                 ..Alert::default()
//!             });
//!         }
//!     }
//! }
//!
//! tidegate_sdk::export!(detector Logins, "Alerts when logins are refused too often.");
//!
//! # fn main() {
//! let plugin = testing::plugin::<Logins>(r#"{"at_least": 2}"#).unwrap();
//! let mut stream = Stream::default();
//! for (now, line) in [(1_000, "login refused"), (2_000, "ok"), (3_000, "login refused")] {
//!     stream.push(now, OwnedRecord::new(line));
//! }
//! let alerts = testing::detected(&plugin, &stream, 100_000);
//! assert_eq!(alerts[0].evidence, [Position(0), Position(2)]);
//! # }
//! ```

#![deny(unsafe_code)]

mod arrivals;
mod batch;
mod check;
mod columns;
mod edit;
mod emit;
mod export;
pub mod find;
mod finding;
pub mod formats;
pub mod host;
pub mod json;
mod memory;
mod new_record;
mod parsed;
mod plugin;
#[doc(hidden)]
#[allow(
    unsafe_code,
    reason = "the only module with unsafe code: the canonical ABI by hand"
)]
pub mod raw;
pub mod testing;
mod text;
mod value;

pub use arrivals::Arrivals;
pub use batch::{Attribute, Attributes, Batch, Key, Record};
pub use columns::{Column, Columns, RESOURCE};
pub use edit::{Edit, EditColumns, TextWriter};
pub use emit::Emit;
pub use finding::{Alert, Anomaly, EVIDENCE_MAX, Level, Moment, Position, Raise, Scores};
pub use memory::{Memory, Nothing, RestoreError};
pub use new_record::NewRecord;
pub use parsed::{Parsed, Reason, Verdict};
pub use plugin::{ConfigError, Detector, Enricher, Parser, Plugin, Scorer};
pub use schemars;
pub use serde;
pub use value::{Json, Severity, Timestamp, TraceContext, Value};

#[cfg(test)]
mod tests;
