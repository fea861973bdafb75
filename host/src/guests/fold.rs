//! Which findings of a shard are told: not again what was told within the repeat interval, and not more than so
//! many a minute. Pure: time is that of the findings themselves, so that a replay tells what the live run told.

use super::watch::Raised;
use crate::model::FindingKind;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What was told is remembered of so many things; of more, the half that was told longest ago is forgotten.
const TOLD_MAX: usize = 4_096;
/// Bytes of their names together, in the same way.
const TOLD_BYTES_MAX: usize = 256 << 10;
/// A minute, in milliseconds.
const MINUTE_MS: u64 = 60_000;

/// When findings are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FoldSettings {
    /// Within so many milliseconds the same is not told again.
    pub repeat_interval_ms: u64,
    /// Findings of one plugin about one partition within a minute.
    pub per_minute_max: u32,
}

/// What has been told of a shard.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Fold {
    // By plugin, and fingerprint.
    told: BTreeMap<(String, String), Told>,
    bytes: usize,
    // By plugin: the minute, and how many in it.
    minutes: BTreeMap<String, (u64, u32)>,
    // By plugin: a checksum of the configuration under which it told that.
    configured: BTreeMap<String, u32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Told {
    at_ms: u64,
    is_over: bool,
}

/// What becomes of a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Telling {
    /// It goes out.
    Told,
    /// It says again what was told.
    Folded,
    /// There were too many.
    Suppressed,
}

impl Default for FoldSettings {
    fn default() -> Self {
        FoldSettings {
            repeat_interval_ms: 10 * MINUTE_MS,
            per_minute_max: 600,
        }
    }
}

impl Fold {
    /// Whether nothing has been told.
    pub(crate) fn is_empty(&self) -> bool {
        self.told.is_empty()
    }

    /// A plugin goes on under a configuration of this checksum. Under another one it may have forgotten what it had raised,
    /// and never tells the end: then what it had told and not ended is forgotten too, so that it is told when it comes
    /// again. How many that are.
    pub(crate) fn configure(&mut self, plugin: &str, checksum: u32) -> usize {
        let before = self.configured.insert(plugin.to_owned(), checksum);
        if before.is_none_or(|before| before == checksum) {
            return 0;
        }
        let all = self.told.len();
        self.told
            .retain(|(by, _), told| by != plugin || told.is_over);
        self.measure();
        all - self.told.len()
    }

    fn measure(&mut self) {
        self.bytes = self.told.keys().map(|(p, f)| p.len() + f.len()).sum();
    }

    /// Decides about a finding and its time, in Unix milliseconds, and remembers what is told.
    pub(crate) fn decide(
        &mut self,
        plugin: &str,
        (raised, at_ms): (&Raised, u64),
        settings: FoldSettings,
    ) -> Telling {
        let is_over = matches!(raised.kind, FindingKind::Alert { resolved: true, .. });
        let key = (plugin.to_owned(), raised.fingerprint.clone());
        let known = self.told.get(&key).copied();
        match known {
            Some(told) if told.is_over == is_over => {
                let again = told.at_ms.saturating_add(settings.repeat_interval_ms);
                if is_over || at_ms < again {
                    return Telling::Folded;
                }
            }
            // The end of what was told is told, whatever else there was.
            Some(_) if is_over => {
                self.note(key, at_ms, is_over);
                return Telling::Told;
            }
            _ => {}
        }
        if !self.has_room(plugin, at_ms, settings.per_minute_max) {
            return Telling::Suppressed;
        }
        self.note(key, at_ms, is_over);
        Telling::Told
    }

    fn has_room(&mut self, plugin: &str, at_ms: u64, max: u32) -> bool {
        let minute = at_ms / MINUTE_MS;
        let (current, count) = match self.minutes.get_mut(plugin) {
            Some(minute) => minute,
            None => self.minutes.entry(plugin.to_owned()).or_default(),
        };
        // What is dated earlier counts in the latest minute.
        if minute > *current {
            (*current, *count) = (minute, 0);
        }
        let room = *count < max;
        *count += u32::from(room);
        room
    }

    fn note(&mut self, key: (String, String), at_ms: u64, is_over: bool) {
        let bytes = key.0.len() + key.1.len();
        if self.told.insert(key, Told { at_ms, is_over }).is_none() {
            self.bytes += bytes;
        }
        if self.told.len() > TOLD_MAX || self.bytes > TOLD_BYTES_MAX {
            let mut times: Vec<u64> = self.told.values().map(|told| told.at_ms).collect();
            times.sort_unstable();
            let middle = times.get(times.len() / 2).copied().unwrap_or(0);
            let mut left_of_middle = times.len() / 2;
            // Those of the middle's own moment only as many as it takes.
            self.told.retain(|_, told| {
                let goes = told.at_ms <= middle && left_of_middle > 0;
                left_of_middle -= usize::from(goes);
                !goes
            });
            self.measure();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Level;
    use proptest::prelude::*;

    const SETTINGS: FoldSettings = FoldSettings {
        repeat_interval_ms: 10 * MINUTE_MS,
        per_minute_max: 5,
    };

    fn raised(fingerprint: &str, at_ms: u64, resolved: bool) -> Raised {
        Raised {
            rule: "r".into(),
            fingerprint: fingerprint.into(),
            at_ms,
            labels: Vec::new(),
            evidence: Vec::new(),
            kind: FindingKind::Alert {
                level: Level::Info,
                title: String::new(),
                since_ms: at_ms,
                resolved,
            },
        }
    }

    /// *Scenario:* one alert fires again and again, ends twice, fires again.
    /// *Guarantees:* it is told once an interval, its end once, and its new beginning at once.
    #[test]
    fn what_was_told_is_folded() {
        let mut fold = Fold::default();
        let mut decide = |minute: u64, resolved| {
            let at_ms = minute * MINUTE_MS;
            fold.decide("p", (&raised("f", at_ms, resolved), at_ms), SETTINGS)
        };
        use Telling::{Folded, Told};
        assert_eq!(decide(1, false), Told);
        assert_eq!(decide(10, false), Folded);
        assert_eq!(decide(11, false), Told);
        assert_eq!(decide(12, true), Told);
        assert_eq!(decide(12, true), Folded);
        assert_eq!(decide(12, false), Told);
    }

    /// *Scenario:* a plugin has told an open alert and one that is over, another plugin an open one; then the first goes on as
    /// it was configured, and then otherwise.
    /// *Guarantees:* only then, and only its open one, is told again at once.
    #[test]
    fn another_configuration_begins_anew() {
        let mut fold = Fold::default();
        let mut minute = 0;
        let mut decide = |fold: &mut Fold, plugin: &str, name: &str, resolved| {
            minute += 1;
            let at_ms = minute * 1_000;
            fold.decide(plugin, (&raised(name, at_ms, resolved), at_ms), SETTINGS)
        };
        use Telling::{Folded, Told};
        assert_eq!((fold.configure("p", 1), fold.configure("q", 1)), (0, 0));
        for (plugin, name, resolved) in [
            ("p", "open", false),
            ("p", "over", false),
            ("p", "over", true),
            ("q", "open", false),
        ] {
            assert_eq!(decide(&mut fold, plugin, name, resolved), Told);
        }
        assert_eq!(fold.configure("p", 1), 0);
        assert_eq!(decide(&mut fold, "p", "open", false), Folded);
        assert_eq!(fold.configure("p", 2), 1);
        assert_eq!(decide(&mut fold, "p", "open", false), Told);
        assert_eq!(decide(&mut fold, "p", "over", true), Folded);
        assert_eq!(decide(&mut fold, "q", "open", false), Folded);
    }

    /// *Scenario:* one alert is raised again a millisecond before the repeat interval has passed since it was told, when it
    /// has, and once more right after; then one that is dated before all of them, and the same of another plugin.
    /// *Guarantees:* it is told again exactly when the interval has passed, by the findings' own time; what was folded does
    /// not put that off; an interval of nothing folds nothing.
    #[test]
    fn the_interval_ends_at_its_end() {
        const BEGIN_MS: u64 = 1_700_000_000_123;
        let settings = FoldSettings::default();
        let interval = settings.repeat_interval_ms;
        let mut fold = Fold::default();
        let mut decide = |plugin: &str, at_ms: u64| {
            fold.decide(plugin, (&raised("f", at_ms, false), at_ms), settings)
        };
        use Telling::{Folded, Told};
        assert_eq!(decide("p", BEGIN_MS), Told);
        assert_eq!(decide("p", BEGIN_MS + interval / 2), Folded);
        assert_eq!(decide("p", BEGIN_MS + interval - 1), Folded);
        assert_eq!(decide("p", BEGIN_MS + interval), Told);
        assert_eq!(decide("p", BEGIN_MS + interval + 1), Folded);
        assert_eq!(decide("p", BEGIN_MS - 1), Folded);
        assert_eq!(decide("p", BEGIN_MS + 2 * interval), Told);
        assert_eq!(decide("q", BEGIN_MS), Told);
        let always = FoldSettings {
            repeat_interval_ms: 0,
            ..settings
        };
        let mut fold = Fold::default();
        let again = raised("f", BEGIN_MS, false);
        assert!((0..3).all(|_| fold.decide("p", (&again, BEGIN_MS), always) == Told));
    }

    /// *Scenario:* many different alerts within a minute, the ends of those told, and a later minute.
    /// *Guarantees:* so many are told as the limit says; ends of what was told do not count; the next minute has room
    /// again; another plugin has room of its own.
    #[test]
    fn a_flood_is_cut() {
        let mut fold = Fold::default();
        let tell = |fold: &mut Fold, plugin: &str, minute: u64, resolved| {
            let each = (0..20).map(|n| raised(&n.to_string(), minute * MINUTE_MS, resolved));
            each.filter(|r| fold.decide(plugin, (r, r.at_ms), SETTINGS) == Telling::Told)
                .count()
        };
        assert_eq!(tell(&mut fold, "p", 7, false), 5);
        assert_eq!(tell(&mut fold, "q", 7, false), 5);
        assert_eq!(tell(&mut fold, "p", 7, true), 5);
        // Five were told, and five of the others' ends find room.
        assert_eq!(tell(&mut fold, "p", 8, true), 5);
    }

    proptest! {
        /// *Scenario:* floods of fingerprints of any length.
        /// *Guarantees:* what is remembered stays within its bounds, and the one told last is never forgotten.
        #[test]
        fn what_is_remembered_is_bounded(lengths in proptest::collection::vec(1usize..200, 1..9_000)) {
            let settings = FoldSettings { repeat_interval_ms: u64::MAX, per_minute_max: u32::MAX };
            let mut fold = Fold::default();
            for (n, length) in lengths.iter().enumerate() {
                let finding = raised(&format!("{n:0length$}"), n as u64, false);
                prop_assert_eq!(fold.decide("p", (&finding, finding.at_ms), settings), Telling::Told);
                prop_assert_eq!(fold.decide("p", (&finding, finding.at_ms), settings), Telling::Folded);
            }
            prop_assert!(fold.told.len() <= TOLD_MAX && fold.bytes <= TOLD_BYTES_MAX);
            let bytes: usize = fold.told.keys().map(|(p, f)| p.len() + f.len()).sum();
            prop_assert_eq!(bytes, fold.bytes);
        }
    }
}
