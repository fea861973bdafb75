//! The configuration as it is written.

use schemars::JsonSchema;
use serde::Deserialize;

/// Configuration of `score-compression`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// How many records before a hop are what is known, as far as 48 KiB of their normalised text hold them. A shard's first
    /// so many records are not scored.
    #[schemars(range(min = 64, max = 100_000))]
    pub window: u32,
    /// How many records are judged together.
    #[schemars(range(min = 64, max = 10_000))]
    pub hop: u32,
    /// From which score on a hop is an anomaly, above 0 and at most 1. Where a shard's usual score is near it, more is asked for.
    #[schemars(range(min = 0.01, max = 1))]
    pub threshold: f32,
    /// A hop is an anomaly too, of the rule `new-text`, when its records cost so many times what is usual given the window,
    /// whatever its score; `null` for never.
    #[schemars(range(min = 1.1, max = 100))]
    pub times_usual: Option<f32>,
    /// Whether each record is given a score of its own too.
    pub score_records: bool,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            window: 1_024,
            hop: 256,
            threshold: 0.9,
            times_usual: Some(1.5),
            score_records: true,
        }
    }
}
