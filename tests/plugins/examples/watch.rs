//! A detector that counts records by the first word of their body, and misbehaves as they tell it to.
//!
//! - `WORD ...`: counted; every so many of one word raise an alert, with all of them as evidence;
//! - `POISON`: panics;
//! - `AHEAD`: an alert whose evidence has not come yet;
//! - `DATED MS`: an alert, always the same, that says it is of so many milliseconds later;
//! - `LARGE`: remembers more than may be saved;
//! - `NOISE`: remembers nearly as much as may be saved, of which nothing can be compressed;
//! - `TRAPS`, `LOOPS`: from now on what it saves makes whoever restores it panic, or never end;
//! - `UNSAVED`, `HANGS`: from now on it panics when it saves, or never ends.
//!
//! When nothing has come for five seconds it says so once.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::collections::BTreeMap;
use tidegate_sdk::{
    Alert, ConfigError, Detector, Level, Memory, Moment, Plugin, Position, Raise, Record,
};

const SILENCE_MS: u64 = 5_000;

/// When it raises alerts.
#[derive(Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// How many records of one word raise an alert.
    every: usize,
}

impl Default for Config {
    fn default() -> Self {
        Config { every: 3 }
    }
}

/// The detector.
pub struct Watch(Config);

/// What it remembers.
#[derive(Default, Serialize, Deserialize)]
pub struct Words {
    counts: BTreeMap<String, u64>,
    evidence: BTreeMap<String, Vec<Position>>,
    last: u64,
    is_silent: bool,
    ballast: Vec<u8>,
    trick: Trick,
}

/// What saving or restoring does besides.
#[derive(Default, Clone, Copy, PartialEq)]
enum Trick {
    #[default]
    None,
    Traps,
    Loops,
    Unsaved,
    Hangs,
}

impl Serialize for Trick {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        assert!(*self != Trick::Unsaved, "told not to be saved");
        if *self == Trick::Hangs {
            loop {
                std::hint::black_box(());
            }
        }
        serializer.serialize_u8(*self as u8)
    }
}

impl<'de> Deserialize<'de> for Trick {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match u8::deserialize(deserializer)? {
            1 => panic!("told to trap when restored"),
            2 => loop {
                std::hint::black_box(());
            },
            _ => Ok(Trick::None),
        }
    }
}

impl Memory for Words {}

impl Plugin for Watch {
    type Config = Config;

    fn configure(config: Config) -> Result<Self, ConfigError> {
        Ok(Watch(config))
    }
}

impl Detector for Watch {
    type Memory = Words;

    fn detect(&self, words: &mut Words, record: Record<'_>, moment: Moment, raise: &mut Raise) {
        let word = record.body().split(' ').next().unwrap_or_default();
        words.last = moment.now;
        words.is_silent = false;
        let mut evidence = match word {
            "POISON" => panic!("told to"),
            "LARGE" => {
                words.ballast = vec![7; 2 << 20];
                return;
            }
            "NOISE" => {
                let mut noise = 1_u64;
                words.ballast.resize_with(1_000_000, || {
                    noise ^= noise << 13;
                    noise ^= noise >> 7;
                    noise ^= noise << 17;
                    noise as u8
                });
                return;
            }
            "TRAPS" => return words.trick = Trick::Traps,
            "LOOPS" => return words.trick = Trick::Loops,
            "UNSAVED" => return words.trick = Trick::Unsaved,
            "HANGS" => return words.trick = Trick::Hangs,
            "DATED" => return raise.alert(dated(record.body(), moment)),
            "AHEAD" => vec![Position(moment.position.0 + 1_000)],
            _ => words.evidence.remove(word).unwrap_or_default(),
        };
        let count = words.counts.entry(word.to_owned()).or_default();
        *count += 1;
        evidence.push(moment.position);
        if evidence.len() < self.0.every {
            words.evidence.insert(word.to_owned(), evidence);
            return;
        }
        raise.alert(Alert {
            rule: "often".to_owned(),
            fingerprint: format!("{word}/{count}"),
            level: Level::Critical,
            title: format!("{word} came {count} times"),
            labels: vec![("word".to_owned(), word.to_owned())],
            at: moment.now,
            since: moment.now,
            evidence,
            resolved: false,
        });
    }

    fn tick(&self, words: &mut Words, now: u64, raise: &mut Raise) {
        let due = words.last + SILENCE_MS;
        if words.last > 0 && now >= due && !words.is_silent {
            words.is_silent = true;
            raise.alert(Alert {
                rule: "silent".to_owned(),
                fingerprint: format!("silent/{due}"),
                title: "nothing came".to_owned(),
                at: due,
                since: words.last,
                ..Alert::default()
            });
        }
    }
}

/// Says of itself that it is of later.
fn dated(body: &str, moment: Moment) -> Alert {
    let later = body.split(' ').nth(1).and_then(|ms| ms.parse::<u64>().ok());
    Alert {
        rule: "dated".to_owned(),
        fingerprint: "dated".to_owned(),
        title: "dated".to_owned(),
        at: moment.now + later.unwrap_or(0),
        since: moment.now,
        ..Alert::default()
    }
}

tidegate_sdk::export!(detector Watch, "Counts words, and does what they say.");
