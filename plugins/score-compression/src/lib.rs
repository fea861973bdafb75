//! Scores how badly new records compress given the ones before them: what was never seen costs, what was seen does not.
//!
//! [`normal`] takes out of the text what differs every time, [`window`] holds it and says what a record costs, [`hop`] adds
//! up the records that are judged together.

mod config;
mod hop;
mod normal;
mod window;

pub use config::Config;

use hop::{Hop, Usual};
use serde::{Deserialize, Serialize};
use tidegate_sdk::{
    Anomaly, ConfigError, Memory, Moment, Plugin, Position, Record, Scorer, Scores,
};
use window::Window;

/// The name of the one rule, and of what it is about: a shard has one stream.
const RULE: &str = "compression";
const WINDOW_MIN: u32 = 64;
const WINDOW_MAX: u32 = 100_000;
const HOP_MIN: u32 = 64;
const HOP_MAX: u32 = 10_000;
const THRESHOLD_MIN: f32 = 0.01;
/// Above what is usual a score is unusual by at least so much, and by so many spreads.
const ABOVE_USUAL: f64 = 0.04;
const SPREADS: f64 = 6.0;
/// However high the usual score is, above this one a hop is unusual.
const THRESHOLD_MAX: f64 = 0.995;

/// The plugin, configured.
pub struct Compression {
    config: Config,
}

/// What is remembered of a shard.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Past {
    window: Window,
    hop: Hop,
    usual: Usual,
    /// Records before the hop; counted up to the configured window.
    seen: u32,
}

impl Memory for Past {}

impl Plugin for Compression {
    type Config = Config;

    fn configure(config: Config) -> Result<Self, ConfigError> {
        for (field, value, min, max) in [
            ("/window", config.window, WINDOW_MIN, WINDOW_MAX),
            ("/hop", config.hop, HOP_MIN, HOP_MAX),
        ] {
            if !(min..=max).contains(&value) {
                let message = format!("is {value}, but must be from {min} to {max} records");
                return Err(ConfigError::field(field, message));
            }
        }
        if !(THRESHOLD_MIN..=1.0).contains(&config.threshold) {
            let message = format!(
                "is {}, but must be from {THRESHOLD_MIN} to 1; 0.9 is usual",
                config.threshold
            );
            return Err(ConfigError::field("/threshold", message));
        }
        if let Some(above) = config.above_usual
            && !(ABOVE_USUAL as f32..=1.0).contains(&above)
        {
            let message = format!(
                "is {above}, but must be from {ABOVE_USUAL} to 1; 0.1 is a good choice, or leave it out"
            );
            return Err(ConfigError::field("/above_usual", message));
        }
        Ok(Compression { config })
    }
}

impl Scorer for Compression {
    type Memory = Past;

    #[inline]
    fn score(
        &self,
        past: &mut Past,
        record: Record<'_>,
        moment: Moment,
        scores: &mut Scores,
    ) -> Option<f32> {
        let score = self.add(past, record.body_bytes(), moment.position);
        if past.hop.records >= self.config.hop {
            let at = record.time().map_or(moment.now, |time| {
                u64::from(time.seconds()) * 1000 + u64::from(time.nanos() / 1_000_000)
            });
            if let Some(anomaly) = self.judge(past, at) {
                scores.anomaly(anomaly);
            }
        }
        score
    }
}

impl Compression {
    /// One more record of the shard; its own score.
    #[inline]
    pub fn add(&self, past: &mut Past, body: &[u8], position: Position) -> Option<f32> {
        let cost = past.window.add(body);
        let window = &past.window;
        past.hop.add(position, cost, || window.last());
        let scored = self.config.score_records && past.seen >= self.config.window;
        scored.then(|| cost.given as f32 / cost.bytes as f32)
    }

    /// The hop is complete, at `at` in Unix milliseconds: its anomaly, where it is one, and the next hop begins.
    #[inline(never)]
    pub fn judge(&self, past: &mut Past, at: u64) -> Option<Anomaly> {
        let score = past.hop.score();
        let usual = past.usual.median_and_spread();
        let threshold = self.threshold(usual);
        let taught = past.seen >= self.config.window;
        let anomaly = (taught && score >= threshold)
            .then(|| anomaly(&past.hop, usual.map(|usual| usual.0), threshold, at));
        // The first hop is all new: nothing was before it.
        if past.seen > 0 {
            past.usual.add(score);
        }
        past.seen = self.config.window.min(past.seen + past.hop.records);
        past.hop = Hop::new(past.window.begin_hop(self.config.window as usize));
        anomaly
    }

    /// From which score on a hop is an anomaly, by what is usual (the median, and how far scores are from it).
    ///
    /// The configured threshold or less where `above_usual` says so, but always clearly above what is usual.
    fn threshold(&self, usual: Option<(f64, f64)>) -> f64 {
        let configured = f64::from(self.config.threshold);
        let Some((median, spread)) = usual else {
            return configured;
        };
        let above = |least: f64| (median + least.max(SPREADS * spread)).min(THRESHOLD_MAX);
        let chosen = self
            .config
            .above_usual
            .map_or(configured, |least| configured.min(above(least.into())));
        chosen.max(above(ABOVE_USUAL))
    }
}

fn anomaly(hop: &Hop, usual: Option<f64>, threshold: f64, at: u64) -> Anomaly {
    let percent = |part: f64| format!("{:.0} %", part * 100.0);
    let score = hop.score();
    let usually = usual.map_or(String::new(), |usual| {
        format!(" (usually {})", percent(usual))
    });
    let label = |name: &str, value: String| (name.to_owned(), value);
    Anomaly {
        rule: RULE.into(),
        fingerprint: RULE.into(),
        at,
        evidence: hop.evidence(),
        score: score as f32,
        threshold: threshold as f32,
        explanation: format!(
            "{} records compress to {} of what they take alone{usually}: little of them was seen in the {} before",
            hop.records,
            percent(score),
            hop.window,
        ),
        labels: vec![
            label("records", hop.records.to_string()),
            label("bytes", hop.bytes.to_string()),
            label("bytes_alone", hop.alone.to_string()),
            label("bytes_given_window", hop.given.to_string()),
            label("worst", hop.excerpt().to_owned()),
        ],
    }
}

tidegate_sdk::export!(
    scorer Compression,
    "Scores how badly new records compress given the ones before them."
);

#[cfg(test)]
mod tests;
