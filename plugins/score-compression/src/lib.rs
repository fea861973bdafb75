//! Scores how badly new records compress given the ones before them: what was never seen costs, what was seen does not.
//!
//! [`normal`] takes out of the text what differs every time, [`window`] holds it and says what a record costs, [`hop`] adds
//! up the records that are judged together.

mod config;
mod hop;
mod normal;
mod window;

pub use config::Config;

use hop::Hop;
use serde::{Deserialize, Serialize};
use tidegate_sdk::{
    Anomaly, ConfigError, Memory, Moment, Plugin, Position, Record, Scorer, Scores,
};
use window::Window;

/// A record may be dated so far ahead of its shard's clock, in milliseconds.
const AHEAD_MS_MAX: u64 = 60_000;
/// The names of the rules, and of what they are about: a shard has one stream.
const COMPRESSION: &str = "compression";
const NEW_TEXT: &str = "new-text";
const WINDOW_MIN: u32 = 64;
const WINDOW_MAX: u32 = 100_000;
const HOP_MIN: u32 = 64;
const HOP_MAX: u32 = 10_000;
const THRESHOLD_MIN: f32 = 0.01;
const TIMES_MIN: f32 = 1.1;
const TIMES_MAX: f32 = 100.0;
/// Above what is usual a score is unusual by at least so much, and by so many spreads.
const ABOVE_USUAL: f64 = 0.04;
const SPREADS: f64 = 6.0;
/// A record costs more than usual by at least so many bytes.
const ABOVE_USUAL_BYTES: f64 = 1.0;
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
    hops: hop::Past,
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
        if let Some(times) = config.times_usual
            && !(TIMES_MIN..=TIMES_MAX).contains(&times)
        {
            let message = format!(
                "is {times}, but must be from {TIMES_MIN} to {TIMES_MAX}; 1.5 is usual, null is never"
            );
            return Err(ConfigError::field("/times_usual", message));
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
                let ms = u64::from(time.seconds()) * 1000 + u64::from(time.nanos() / 1_000_000);
                // A record from the future counts when it came.
                if ms > moment.now + AHEAD_MS_MAX {
                    moment.now
                } else {
                    ms
                }
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
        let taught = past.seen >= self.config.window;
        let anomaly = if taught {
            let anomaly = self.compression(&past.hop, &past.hops);
            anomaly.or_else(|| self.new_text(&past.hop, &past.hops))
        } else {
            None
        };
        // The first hop is all new: nothing was before it.
        if past.seen > 0 {
            past.hops.add(&past.hop);
        }
        past.seen = self.config.window.min(past.seen + past.hop.records);
        past.hop = Hop::new(past.window.begin_hop(self.config.window as usize));
        anomaly.map(|anomaly| Anomaly { at, ..anomaly })
    }

    /// Whether little of the hop was seen before: its score is as high as is configured, and higher than is usual.
    fn compression(&self, hop: &Hop, past: &hop::Past) -> Option<Anomaly> {
        let (score, usual) = (hop.score(), past.score());
        let unusual = usual.map_or(0.0, |usual| {
            let above = ABOVE_USUAL.max(SPREADS * usual.spread);
            (usual.median + above).min(THRESHOLD_MAX)
        });
        let threshold = unusual.max(self.config.threshold.into());
        if score < threshold {
            return None;
        }
        let usually = usual.map_or(String::new(), |usual| {
            format!(" (usually {:.0} %)", usual.median * 100.0)
        });
        let explanation = format!(
            "{} records compress to {:.0} % of what they take alone{usually}: little of them was seen in the {} before",
            hop.records,
            score * 100.0,
            hop.window,
        );
        Some(anomaly(hop, COMPRESSION, score, threshold, explanation))
    }

    /// Whether the records cost so many times what is usual given the window. The score asks for a hop that is new through and
    /// through; this finds the new text among the usual one.
    fn new_text(&self, hop: &Hop, past: &hop::Past) -> Option<Anomaly> {
        let times = f64::from(self.config.times_usual?);
        let (cost, usual) = (hop.cost(), past.cost()?);
        let least = (usual.median * times).max(usual.median + SPREADS * usual.spread);
        if cost < least.max(usual.median + ABOVE_USUAL_BYTES) {
            return None;
        }
        let explanation = format!(
            "{} records cost {cost:.1} bytes each given the {} before, usually {:.1}: more of them is new",
            hop.records, hop.window, usual.median,
        );
        // How much of what they cost is more than usual.
        let (score, threshold) = (1.0 - usual.median / cost, 1.0 - 1.0 / times);
        Some(anomaly(hop, NEW_TEXT, score, threshold, explanation))
    }
}

/// An anomaly of a hop, not dated.
fn anomaly(hop: &Hop, rule: &str, score: f64, threshold: f64, explanation: String) -> Anomaly {
    let label = |name: &str, value: String| (name.to_owned(), value);
    Anomaly {
        rule: rule.into(),
        fingerprint: rule.into(),
        at: 0,
        evidence: hop.evidence(),
        score: score as f32,
        threshold: threshold as f32,
        explanation,
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
