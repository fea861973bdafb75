//! Topics: names, expressions, and those that the gateway writes itself.

use super::{ByName, Checker};
use crate::config::defaults;
use crate::config::file::{DeadLetters, File, Memory, Pipeline};
use crate::config::pattern;
use crate::config::problem::Field;
use crate::kafka::ClusterSettings;
use regex::{Regex, RegexBuilder};
use std::collections::BTreeSet;

/// The longest topic name, in bytes: Kafka's rule.
const TOPIC_BYTES_MAX: usize = 249;
/// The most memory of one compiled expression, in bytes.
const REGEX_BYTES_MAX: usize = 1 << 20;

/// What the name of the topic for memories begins with, before the group's.
const MEMORY_TOPIC: &str = "tidegate-memory-";

/// What a pipeline reads.
pub(super) struct Topics {
    /// Topics by name.
    pub(super) names: Vec<String>,
    /// Topics by expression.
    pub(super) patterns: Vec<Regex>,
    /// What expressions never take.
    pub(super) exclude: Vec<Regex>,
}

/// A topic that the gateway writes on a cluster, and who writes it there.
#[derive(Clone)]
pub(super) struct Written {
    topic: String,
    by: By,
}

/// Who writes a topic.
#[derive(Clone)]
enum By {
    /// The dead letters of a pipeline.
    DeadLetters { pipeline: String },
    /// What the plugins of a pipeline remember.
    Memory { pipeline: String },
    /// An output of a pipeline.
    Output { output: String, pipeline: String },
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
    let mut written = Vec::new();
    for (pipeline, p) in &file.pipelines.0 {
        if let DeadLetters::Topic(t) = &p.dead_letters
            && same(&t.cluster)
        {
            let pipeline = pipeline.clone();
            let (topic, by) = (t.topic.clone(), By::DeadLetters { pipeline });
            written.push(Written { topic, by });
        }
        if let Some((memory, cluster, topic)) = memory_of(p)
            && memory.keep
            && same(cluster)
        {
            let pipeline = pipeline.clone();
            let by = By::Memory { pipeline };
            written.push(Written { topic, by });
        }
        let outputs: BTreeSet<&String> = outputs_of(p).collect();
        for output in outputs {
            let kafka = file.outputs.0.get(output).and_then(|o| o.kafka.as_ref());
            if let Some(kafka) = kafka.filter(|k| same(&k.cluster)) {
                let by = By::Output {
                    output: output.clone(),
                    pipeline: pipeline.clone(),
                };
                let topic = kafka.topic.clone();
                written.push(Written { topic, by });
            }
        }
    }
    written
}

/// Where what the plugins of a pipeline remember is kept, with the cluster's name and the topic's: usually only where
/// they detect or score.
pub(super) fn memory_of(p: &Pipeline) -> Option<(Memory, &String, String)> {
    let watches = !(p.detect.is_empty() && p.score.is_empty());
    let usual = || watches.then(defaults::memory);
    let memory = p.memory.clone().or_else(usual)?;
    let written = p.memory.as_ref().and_then(|m| m.cluster.as_ref());
    let topic = match &memory.topic {
        Some(topic) => topic.clone(),
        None => format!("{MEMORY_TOPIC}{}", p.from.group_id),
    };
    Some((memory, written.unwrap_or(&p.from.cluster), topic))
}

/// The outputs that a pipeline names, some of them several times.
fn outputs_of(p: &Pipeline) -> impl Iterator<Item = &String> {
    let routes = p.routes.0.values().flatten();
    let findings = p.to.alerts.iter().chain(&p.to.anomalies);
    p.to.records.iter().chain(routes).chain(findings)
}

impl Written {
    /// The field by which this topic is written for anything but what plugins remember.
    pub(super) fn other_writer(&self, of: &str) -> Option<String> {
        match &self.by {
            _ if self.topic != of => None,
            By::Memory { .. } => None,
            By::DeadLetters { pipeline } => {
                Some(format!("pipelines.{pipeline}.dead_letters.topic"))
            }
            By::Output { output, .. } => Some(format!("outputs.{output}.kafka.topic")),
        }
    }
}

impl Checker<'_> {
    pub(super) fn topics(
        &mut self,
        at: &Field,
        (name, p): (&str, &Pipeline),
        written: &[Written],
    ) -> Topics {
        let mut topics = Topics {
            names: Vec::new(),
            patterns: Vec::new(),
            exclude: Vec::new(),
        };
        let mut patterns = Vec::new();
        let list = at.then("topics");
        for (i, topic) in p.from.topics.iter().enumerate() {
            if p.from.topics.iter().take(i).any(|t| t == topic) {
                let rule = "must not be named twice";
                self.wrong(list.then(i), topic, rule, "take one out");
            } else if topic.starts_with('^') {
                let pattern = self.expression(list.then(i), topic);
                patterns.extend(pattern.map(|pattern| (list.then(i), pattern)));
            } else if self.topic_name(list.then(i), topic) {
                self.not_our_own(list.then(i), topic, name, written);
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
        for (at, pattern) in patterns {
            self.takes_something(at, &pattern, &topics.exclude, written);
            topics.patterns.push(pattern);
        }
        topics
    }

    /// Rule 11 of the ledger: what the gateway writes must not come in again, unless another pipeline reads it by
    /// name; that this does not go round is looked at for all pipelines together ([`Checker::no_rounds`]).
    fn not_our_own(&mut self, at: Field, topic: &str, reader: &str, written: &[Written]) {
        let of_topic = written.iter().filter(|w| w.topic == topic);
        for w in of_topic {
            match &w.by {
                By::DeadLetters { pipeline } => {
                    let rule = format!("pipelines.{pipeline}.dead_letters writes it");
                    let remedy = "read another topic, or write the dead letters elsewhere";
                    return self.wrong(at, topic, rule, remedy);
                }
                By::Memory { pipeline } => {
                    let rule = format!("pipelines.{pipeline}.memory is kept in it");
                    let remedy = "read another topic, or keep the memory elsewhere";
                    return self.wrong(at, topic, rule, remedy);
                }
                By::Output { output, pipeline } if pipeline == reader => {
                    let rule = format!("this pipeline writes it to outputs.{output}");
                    let remedy = "read another topic, or write the output elsewhere";
                    return self.wrong(at, topic, rule, remedy);
                }
                By::Output { .. } => {}
            }
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
                let why = e.to_string();
                let rule = pattern::rule(&why)
                    .unwrap_or_else(|| format!("must be a smaller regular expression: {why}"));
                let rule = pattern::with_text(rule, self.root.get(&at));
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
    /// The pipeline that writes this topic to an output.
    pub(super) fn writer_of(&self, topic: &str) -> Option<&str> {
        match &self.by {
            By::Output { pipeline, .. } if self.topic == topic => Some(pipeline),
            _ => None,
        }
    }

    /// Its name.
    pub(super) fn topic(&self) -> &str {
        &self.topic
    }

    fn expression(&self) -> Option<Regex> {
        whole(&self.topic)
    }
}
