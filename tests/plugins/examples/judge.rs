//! A scorer: records are as unusual as the number in their body says, and every tenth of a shard is an anomaly; `POISON`
//! panics.

use serde::{Deserialize, Serialize};
use tidegate_sdk::{Anomaly, ConfigError, Memory, Moment, Plugin, Record, Scorer, Scores};

const EVERY: u64 = 10;

/// None.
#[derive(Default, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {}

/// The scorer.
pub struct Judge;

/// Records so far.
#[derive(Default, Serialize, Deserialize)]
pub struct Count(u64);

impl Memory for Count {}

impl Plugin for Judge {
    type Config = Config;

    fn configure(_: Config) -> Result<Self, ConfigError> {
        Ok(Judge)
    }
}

impl Scorer for Judge {
    type Memory = Count;

    fn score(
        &self,
        count: &mut Count,
        record: Record<'_>,
        moment: Moment,
        scores: &mut Scores,
    ) -> Option<f32> {
        assert!(!record.body().contains("POISON"), "told to");
        count.0 += 1;
        if count.0.is_multiple_of(EVERY) {
            scores.anomaly(Anomaly {
                rule: "tenth".to_owned(),
                fingerprint: format!("tenth/{}", count.0),
                at: moment.now,
                evidence: vec![moment.position],
                score: 0.95,
                threshold: 0.9,
                explanation: format!("it is number {}", count.0),
                labels: Vec::new(),
            });
        }
        record.body().split(' ').find_map(|word| word.parse().ok())
    }
}

tidegate_sdk::export!(scorer Judge, "Believes what records say of themselves.");
