//! Which topics a pipeline reads; pure.

use super::Settings;
use std::collections::{BTreeMap, BTreeSet};

/// Topics of Kafka itself, and of tools that follow its custom, begin so.
const INTERNAL: &str = "__";

/// The topics that are read, each with its number of partitions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subscription {
    /// By name.
    pub topics: BTreeMap<String, usize>,
}

/// How one subscription differs from the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Difference {
    /// Not at all.
    Same,
    /// There are more topics or partitions, and none less.
    Grown,
    /// Something is missing, which may be a broker that does not know all yet.
    Shrunk,
}

impl Subscription {
    /// How this one differs from the one before.
    pub fn difference(&self, before: &Subscription) -> Difference {
        let kept =
            |(name, count): (&String, &usize)| self.topics.get(name).is_some_and(|c| c >= count);
        if self == before {
            Difference::Same
        } else if before.topics.iter().all(kept) {
            Difference::Grown
        } else {
            Difference::Shrunk
        }
    }

    /// The names.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.topics.keys().map(String::as_str)
    }
}

/// The topics to read of those that exist. Names count as they are; patterns never match excluded topics, nor
/// internal ones.
pub fn choose<'a>(
    settings: &Settings,
    existing: impl Iterator<Item = &'a str>,
) -> BTreeSet<String> {
    existing
        .filter(|topic| is_named(settings, topic) || is_matched(settings, topic))
        .map(str::to_owned)
        .collect()
}

/// The topics that are named and do not exist.
pub fn missing<'a>(settings: &'a Settings, existing: &BTreeSet<String>) -> Vec<&'a str> {
    let names = settings.topics.iter().map(String::as_str);
    names.filter(|name| !existing.contains(*name)).collect()
}

fn is_named(settings: &Settings, topic: &str) -> bool {
    settings.topics.iter().any(|name| name == topic)
}

fn is_matched(settings: &Settings, topic: &str) -> bool {
    let any = |patterns: &[regex::Regex]| patterns.iter().any(|p| p.is_match(topic));
    !topic.starts_with(INTERNAL) && any(&settings.topic_patterns) && !any(&settings.exclude_topics)
}

#[cfg(test)]
mod tests;
