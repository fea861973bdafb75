//! The configuration as it is written.

use schemars::JsonSchema;
use serde::Deserialize;

/// Configuration of `score-rate`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// What makes a group: `severity` (by class: TRACE, DEBUG, INFO, WARN, ERROR, FATAL), `resource.NAME` and `attributes.NAME`,
    /// at most four. Without any, all records of a shard are one group.
    #[schemars(length(max = 4))]
    pub group_by: Vec<String>,
    /// With how many of its last minutes a minute is compared.
    #[schemars(range(min = 10, max = 240))]
    pub minutes: u32,
    /// From which score on a number is an anomaly. The score of `z` spreads from the median is z / (z + 2): 0.75 are 6 spreads.
    #[schemars(range(min = 0.1, max = 0.99))]
    pub threshold: f32,
    /// Fewer records a minute are never too many.
    #[schemars(range(min = 1))]
    pub min_count: u32,
    /// A group that usually has at least so many records a minute is told of when it has none, or far too few.
    #[schemars(range(min = 1))]
    pub silence_min: u32,
    /// How many seconds after its end a minute is judged: records that come later are not counted.
    #[schemars(range(max = 300))]
    pub lateness_s: u32,
    /// How many groups a shard may have; of more, those seen least recently go.
    #[schemars(range(min = 1, max = 5000))]
    pub max_groups: u32,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            group_by: vec!["resource.service.name".into(), "severity".into()],
            minutes: 60,
            threshold: 0.75,
            min_count: 20,
            silence_min: 20,
            lateness_s: 10,
            max_groups: 1_000,
        }
    }
}
