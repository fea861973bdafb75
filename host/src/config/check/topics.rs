//! Topics: names, expressions, and those that the gateway writes itself.

use super::{ByName, Checker};
use crate::config::file::{DeadLetters, File, Pipeline};
use crate::config::problem::Field;
use crate::kafka::ClusterSettings;
use regex::{Regex, RegexBuilder};

/// The longest topic name, in bytes: Kafka's rule.
const TOPIC_BYTES_MAX: usize = 249;
/// The most memory of one compiled expression, in bytes.
const REGEX_BYTES_MAX: usize = 1 << 20;

/// What a pipeline reads.
pub(super) struct Topics {
    /// Topics by name.
    pub(super) names: Vec<String>,
    /// Topics by expression.
    pub(super) patterns: Vec<Regex>,
    /// What expressions never take.
    pub(super) exclude: Vec<Regex>,
}

/// A topic that the gateway writes, and what it writes it for.
#[derive(Clone)]
pub(super) struct Written {
    topic: String,
    pipeline: String,
}

/// Whether two clusters are one: two names for one broker are.
pub(super) fn same_cluster(a: &ClusterSettings, b: &ClusterSettings) -> bool {
    a.name == b.name || a.brokers.iter().any(|broker| b.brokers.contains(broker))
}

/// Topics that the gateway writes on `cluster`.
pub(super) fn written_on(
    cluster: &ClusterSettings,
    file: &File,
    clusters: &ByName<ClusterSettings>,
) -> Vec<Written> {
    let same = |name| {
        clusters
            .get(name)
            .is_some_and(|other| same_cluster(cluster, other))
    };
    let each = file.pipelines.0.iter();
    each.filter_map(|(pipeline, p)| match &p.dead_letters {
        DeadLetters::Topic(t) if same(&t.cluster) => Some(Written {
            topic: t.topic.clone(),
            pipeline: pipeline.clone(),
        }),
        _ => None,
    })
    .collect()
}

impl Checker<'_> {
    pub(super) fn topics(&mut self, at: &Field, p: &Pipeline, written: &[Written]) -> Topics {
        let mut topics = Topics {
            names: Vec::new(),
            patterns: Vec::new(),
            exclude: Vec::new(),
        };
        let list = at.then("topics");
        for (i, topic) in p.from.topics.iter().enumerate() {
            if p.from.topics.iter().take(i).any(|t| t == topic) {
                let rule = "must not be named twice";
                self.wrong(list.then(i), topic, rule, "take one out");
            } else if topic.starts_with('^') {
                topics.patterns.extend(self.expression(list.then(i), topic));
            } else if self.topic_name(list.then(i), topic) {
                self.not_our_own(list.then(i), topic, written);
                topics.names.push(topic.clone());
            }
        }
        let list = at.then("exclude_topics");
        for (i, topic) in p.from.exclude_topics.iter().enumerate() {
            topics.exclude.extend(self.excluded(list.then(i), topic));
        }
        topics
            .exclude
            .extend(written.iter().filter_map(Written::expression));
        topics
    }

    /// Rule 11 of the ledger: what the gateway writes must not come in again.
    fn not_our_own(&mut self, at: Field, topic: &str, written: &[Written]) {
        if let Some(w) = written.iter().find(|w| w.topic == topic) {
            let rule = format!("pipelines.{}.dead_letters writes it", w.pipeline);
            let remedy = "read another topic, or write the dead letters elsewhere";
            self.wrong(at, topic, rule, remedy);
        }
    }

    fn excluded(&mut self, at: Field, topic: &str) -> Option<Regex> {
        if topic.starts_with('^') {
            return self.expression(at, topic);
        }
        self.topic_name(at, topic).then(|| whole(topic)).flatten()
    }

    fn expression(&mut self, at: Field, written: &str) -> Option<Regex> {
        match RegexBuilder::new(written)
            .size_limit(REGEX_BYTES_MAX)
            .build()
        {
            Ok(regex) => Some(regex),
            Err(e) => {
                let text = e.to_string();
                let why = text.lines().last().unwrap_or_default().trim();
                let why = why.strip_prefix("error: ").unwrap_or(why);
                let rule = format!("must be a regular expression: {why}");
                self.wrong(at, written, rule, "");
                None
            }
        }
    }

    /// Whether `topic` can be the name of a topic; reports it where not.
    pub(super) fn topic_name(&mut self, at: Field, topic: &str) -> bool {
        let letter = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
        let good = (1..=TOPIC_BYTES_MAX).contains(&topic.len())
            && topic.bytes().all(letter)
            && !matches!(topic, "." | "..");
        if !good {
            let rule = "must be a topic's name: 1 to 249 letters, digits, ., _ or -";
            let expression = topic.contains(['*', '^', '\\', '[', '(', '|']);
            let remedy = match expression {
                true => "begin it with ^ where a regular expression is meant",
                false => "",
            };
            self.wrong(at, topic, rule, remedy);
        }
        good
    }
}

fn whole(topic: &str) -> Option<Regex> {
    Regex::new(&format!("^{}$", regex::escape(topic))).ok()
}

// === impl Written ===

impl Written {
    fn expression(&self) -> Option<Regex> {
        whole(&self.topic)
    }
}
