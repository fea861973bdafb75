//! Scores how far the records a minute of a group are from their usual number, by the group's own last minutes.
//!
//! [`key`] says which group a record is of, [`groups`] finds it, [`group`] counts and judges, [`shard`] knows when a minute
//! is over.

mod config;
mod group;
mod groups;
mod key;
mod shard;

pub use config::Config;

use group::{Kind, MINUTES_MIN, Rules, Unusual};
use key::{Field, Part, Seen};
use shard::{MINUTE_MS, Shard};
use tidegate_sdk::{Anomaly, ConfigError, Memory, Moment, Plugin, Record, Scorer, Scores, host};

const FIELDS_MAX: usize = 4;
const MINUTES_MAX: u32 = 240;
const THRESHOLD_MIN: f32 = 0.1;
const THRESHOLD_MAX: f32 = 0.99;
const LATENESS_S_MAX: u32 = 300;
const GROUPS_MAX: u32 = 5_000;
/// What is saved of a shard is at most 1 MiB: what a group takes at most besides its last minutes, what one of these takes, and
/// what all may take together.
const GROUP_BYTES_MAX: u32 = 500;
const MINUTE_BYTES_MAX: u32 = 5;
const SAVED_BYTES_MAX: u32 = 1_000_000;

/// The plugin, configured.
pub struct Rate {
    fields: Vec<Field>,
    rules: Rules,
    lateness_ms: u64,
    max_groups: usize,
}

impl Memory for Shard {}

impl Plugin for Rate {
    type Config = Config;

    fn configure(config: Config) -> Result<Self, ConfigError> {
        for (field, value, min, max) in [
            ("/minutes", config.minutes, MINUTES_MIN as u32, MINUTES_MAX),
            ("/min_count", config.min_count, 1, u32::MAX),
            ("/silence_min", config.silence_min, 1, u32::MAX),
            ("/lateness_s", config.lateness_s, 0, LATENESS_S_MAX),
            ("/max_groups", config.max_groups, 1, GROUPS_MAX),
        ] {
            if !(min..=max).contains(&value) {
                let message = format!("is {value}, but must be from {min} to {max}");
                return Err(ConfigError::field(field, message));
            }
        }
        if !(THRESHOLD_MIN..=THRESHOLD_MAX).contains(&config.threshold) {
            let message = format!(
                "is {}, but must be from {THRESHOLD_MIN} to {THRESHOLD_MAX}; 0.75 is usual",
                config.threshold
            );
            return Err(ConfigError::field("/threshold", message));
        }
        let each = GROUP_BYTES_MAX + MINUTE_BYTES_MAX * config.minutes;
        if config.max_groups * each > SAVED_BYTES_MAX {
            let message = format!(
                "is {}, but with {} minutes must be at most {}; lower it, or minutes",
                config.max_groups,
                config.minutes,
                SAVED_BYTES_MAX / each
            );
            return Err(ConfigError::field("/max_groups", message));
        }
        Ok(Rate {
            fields: fields(&config.group_by)?,
            rules: Rules {
                threshold: config.threshold.into(),
                min_count: config.min_count,
                silence_min: config.silence_min,
                minutes: config.minutes as usize,
            },
            lateness_ms: u64::from(config.lateness_s) * 1000,
            max_groups: config.max_groups as usize,
        })
    }
}

fn fields(written: &[String]) -> Result<Vec<Field>, ConfigError> {
    if written.len() > FIELDS_MAX {
        let message = format!(
            "has {} fields, but must have at most {FIELDS_MAX}",
            written.len()
        );
        return Err(ConfigError::field("/group_by", message));
    }
    let parse = |(number, name): (usize, &String)| {
        Field::parse(name).ok_or_else(|| {
            let message =
                format!("is {name:?}, but must be severity, resource.NAME or attributes.NAME");
            ConfigError::field(format!("/group_by/{number}"), message)
        })
    };
    written.iter().enumerate().map(parse).collect()
}

impl Scorer for Rate {
    type Memory = Shard;

    #[inline]
    fn score(
        &self,
        shard: &mut Shard,
        record: Record<'_>,
        moment: Moment,
        scores: &mut Scores,
    ) -> Option<f32> {
        self.record(shard, record, moment, |anomaly| scores.anomaly(anomaly));
        // A record has no score of its own: its number is unusual, not the record.
        None
    }

    fn tick(&self, shard: &mut Shard, now: u64, scores: &mut Scores) {
        if let Some(due) = shard.tick(now, self.lateness_ms) {
            self.close_until(shard, due, &mut |anomaly| scores.anomaly(anomaly));
        }
    }
}

impl Rate {
    /// One more record of the shard.
    #[inline]
    fn record(
        &self,
        shard: &mut Shard,
        record: Record<'_>,
        moment: Moment,
        mut raise: impl FnMut(Anomaly),
    ) {
        let time = record
            .time()
            .map(|time| u64::from(time.seconds()) * 1000 + u64::from(time.nanos() / 1_000_000));
        let time = shard.time_of(time, moment.now);
        if let Some(due) = shard.seen(time, moment.now, self.lateness_ms) {
            self.close_until(shard, due, &mut raise);
        }
        let minute = time / MINUTE_MS;
        if minute < shard.open_from {
            shard.late += 1;
            return;
        }
        let mut seen = [Seen::Missing; FIELDS_MAX];
        for (seen, field) in seen.iter_mut().zip(&self.fields) {
            *seen = field.of(record);
        }
        let seen = &seen[..self.fields.len()];
        if shard.groups.find(seen).is_none() {
            self.add_group(shard, seen);
        }
        shard.records += 1;
        let Some(group) = shard.groups.find(seen) else {
            return;
        };
        group.seen = shard.records;
        if group.add(minute, moment.position)
            && let Some(unusual) = group.burst(minute, &self.rules)
        {
            raise(self.anomaly(&group.parts, unusual, time));
        }
    }

    #[cold]
    fn add_group(&self, shard: &mut Shard, seen: &[Seen<'_>]) {
        let minutes = shard.minutes_known(self.rules.minutes);
        let gone = shard
            .groups
            .add(seen, minutes, &self.rules, self.max_groups);
        if gone > 0 {
            shard.crowded(self.rules.minutes);
            host::count("groups_gone", gone as u64);
        }
    }

    /// All minutes up to this one, and without it, are over.
    #[cold]
    fn close_until(&self, shard: &mut Shard, due: u64, raise: &mut impl FnMut(Anomaly)) {
        let late = std::mem::take(&mut shard.late);
        if late > 0 {
            host::count("late", late);
        }
        while shard.open_from < due {
            if shard.groups.is_empty() {
                shard.open_from = due;
                return;
            }
            let minute = shard.open_from;
            shard.open_from += 1;
            // The shard's first minute has not been seen from its beginning.
            if minute < shard.full_from {
                shard
                    .groups
                    .iter_mut()
                    .for_each(|group| group.forget(minute));
                continue;
            }
            let at = (minute + 1) * MINUTE_MS;
            for group in shard.groups.iter_mut() {
                if let Some(unusual) = group.close(minute, &self.rules) {
                    raise(self.anomaly(&group.parts, unusual, at));
                }
            }
            let minutes = self.rules.minutes as u64;
            shard
                .groups
                .retain(|group| group.last_minute.saturating_add(minutes) > minute);
        }
    }

    fn anomaly(&self, parts: &[Part], unusual: Unusual, at: u64) -> Anomaly {
        let (rule, usual) = (unusual.kind.name(), unusual.usual);
        let group = group_name(parts);
        let from = unusual.minute % (24 * 60);
        let count = match (unusual.count, unusual.so_far) {
            (0, _) => "no record".to_owned(),
            (count, true) => format!("{count} records so far"),
            (count, false) => format!("{count} records"),
        };
        let explanation = format!(
            "{group}: {count} in the minute from {:02}:{:02} UTC, usually {} (median of {} minutes, spread {})",
            from / 60,
            from % 60,
            short(usual.median),
            usual.minutes,
            short(usual.spread),
        );
        let label = |name: &str, value: String| (name.to_owned(), value);
        Anomaly {
            rule: rule.into(),
            fingerprint: format!("{rule} {group}"),
            at,
            evidence: unusual.evidence,
            score: unusual.score as f32,
            threshold: unusual.threshold as f32,
            explanation,
            labels: vec![
                label("group", group),
                label("count", unusual.count.to_string()),
                label("usual", short(usual.median)),
                label("spread", short(usual.spread)),
            ],
        }
    }
}

fn group_name(parts: &[Part]) -> String {
    if parts.is_empty() {
        return "all".into();
    }
    let parts: Vec<String> = parts.iter().map(Part::to_string).collect();
    parts.join("/")
}

/// A number with one digit after its point, or none where that is 0.
fn short(number: f64) -> String {
    let text = format!("{number:.1}");
    text.strip_suffix(".0").map(str::to_owned).unwrap_or(text)
}

// === impl Kind ===

impl Kind {
    /// The rule's name.
    fn name(self) -> &'static str {
        match self {
            Kind::Burst => "rate-burst",
            Kind::Drop => "rate-drop",
            Kind::Silence => "rate-silence",
        }
    }
}

tidegate_sdk::export!(
    scorer Rate,
    "Scores how far the records a minute of a group are from their usual number."
);

#[cfg(test)]
mod tests;
