//! Pipelines as meant: what each reads, which plugins it runs, where its results go.

use super::topics::{self, Topics, same_cluster};
use super::{ByName, Checker, bounds};
use crate::config::defaults::METADATA_INTERVAL;
use crate::config::file::{Attribute, Batch, DeadLetters, File, From, Isolation, Pipeline, Start};
use crate::config::forms::{START_REMEDY, START_RULE};
use crate::config::problem::{Field, field};
use crate::config::units::{Size, Time};
use crate::config::{OutputSettings, PipelineSettings};
use crate::guests::{FoldSettings, PluginSettings};
use crate::kafka::ClusterSettings;
use crate::model::{Fact, Facts};
use crate::settle::MemorySettings;
use crate::{intake, settle};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// How long the group waits for a sign of life; brokers allow 6 s to 30 min unless told otherwise.
const SESSION: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(1800));
/// How often a sign of life is given, and how often offsets are committed.
const OFTEN: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(600));
/// The handling of a rebalance.
const POLL: (Duration, Duration) = (Duration::from_secs(1), bounds::DAY);
/// A wait for more records.
const LINGER: (Duration, Duration) = (Duration::ZERO, Duration::from_secs(60));
/// When the same finding is told again.
const REPEAT: (Duration, Duration) = (Duration::ZERO, Duration::from_secs(30 * 86_400));
/// How often memory is saved.
const SAVE: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(3600));
/// Texts of a batch: at most what fits into the largest `limits.batch_text` as often as it must.
const BATCH_BYTES: (Size, Size) = (Size::kib(1), Size::mib(64));
/// How often a full batch must fit into what a plugin may be given and return, and into its memory: the text that
/// it is given, the columns of that, and its answer's text and columns.
const BATCHES_FIT: u64 = 4;
/// Memory in flight.
const IN_FLIGHT: (Size, Size) = (Size::kib(64), Size::mib(1 << 20));
/// Kafka counts the bytes of a fetch in 31 bits.
const FETCH: (Size, Size) = (Size::kib(1), Size::mib(2047));

/// What pipelines may refer to.
struct Known<'a> {
    clusters: &'a ByName<ClusterSettings>,
    plugins: &'a ByName<Arc<PluginSettings>>,
    outputs: &'a ByName<Arc<OutputSettings>>,
}

impl Checker<'_> {
    pub(super) fn pipelines(
        &mut self,
        file: &File,
        clusters: &ByName<ClusterSettings>,
        plugins: &ByName<Arc<PluginSettings>>,
        outputs: &ByName<Arc<OutputSettings>>,
    ) -> Vec<PipelineSettings> {
        let known = Known {
            clusters,
            plugins,
            outputs,
        };
        self.own_groups(file, clusters);
        self.no_rounds(file, clusters);
        let each = file.pipelines.0.iter();
        each.map(|(name, p)| self.pipeline(file, name, p, &known))
            .collect()
    }

    /// Two pipelines in one group would each be given partitions of the other's topics.
    fn own_groups(&mut self, file: &File, clusters: &ByName<ClusterSettings>) {
        let mut taken: BTreeMap<&str, Vec<(&ClusterSettings, &str)>> = BTreeMap::new();
        for (name, p) in &file.pipelines.0 {
            let Some(cluster) = clusters.get(&p.from.cluster) else {
                continue;
            };
            let of_group = taken.entry(&p.from.group_id).or_default();
            let mut before = of_group.iter();
            let other = before.find(|(other, _)| same_cluster(cluster, other));
            if let Some((_, other)) = other {
                let rule = format!("pipelines.{other} has that group already");
                let remedy = format!("try tidegate-{name}");
                let at = field!["pipelines", name, "from", "group_id"];
                self.wrong(at, &p.from.group_id, rule, remedy);
            } else {
                of_group.push((cluster, name));
            }
        }
    }

    fn pipeline(
        &mut self,
        file: &File,
        name: &str,
        p: &Pipeline,
        known: &Known<'_>,
    ) -> PipelineSettings {
        let at = field!["pipelines", name];
        let plugins = |c: &mut Self, key: &str, names| {
            c.find_all(&at.then(key), "plugins", known.plugins, names)
        };
        let unwrap = plugins(self, "unwrap", &p.unwrap);
        let parse = plugins(self, "parse", &p.parse);
        let enrich = plugins(self, "enrich", &p.enrich);
        let detect = plugins(self, "detect", &p.detect);
        let score = plugins(self, "score", &p.score);
        let outputs = |c: &mut Self, key: &str, names| {
            c.find_all(&at.then("to").then(key), "outputs", known.outputs, names)
        };
        if p.to.records.is_empty() && p.to.alerts.is_empty() && p.to.anomalies.is_empty() {
            let remedy =
                "name an output; a pipeline that only looks names one under alerts or anomalies";
            self.wrong_all(at.then("to").then("records"), "must not be empty", remedy);
        }
        let to_records = outputs(self, "records", &p.to.records);
        let to_alerts = outputs(self, "alerts", &p.to.alerts);
        let to_anomalies = outputs(self, "anomalies", &p.to.anomalies);
        let routes = self.routes(&at.then("routes"), p, known);
        self.findings_are_heard(&at, p, known.plugins);
        let memory = self.memory(&at.then("memory"), (file, p), known);
        let from = intake::Settings {
            memory: memory.clone(),
            ..self.from(file, name, p, known)
        };
        self.batches_fit(name, p, [&unwrap, &parse, &enrich, &detect, &score]);
        let settle = settle::Settings {
            pipeline: name.to_owned(),
            commit_interval: self.time(at.then("commit_interval"), p.commit_interval, OFTEN),
            dead_letters: self.dead_letters(&at.then("dead_letters"), &p.dead_letters, known),
            memory,
        };
        PipelineSettings {
            name: name.to_owned(),
            from,
            unwrap,
            parse,
            enrich,
            detect,
            score,
            fold: FoldSettings {
                repeat_interval_ms: self
                    .time(
                        at.then("findings").then("repeat_interval"),
                        p.findings.repeat_interval,
                        REPEAT,
                    )
                    .as_millis() as u64,
                per_minute_max: p.findings.max_per_minute,
            },
            to_records,
            to_alerts,
            to_anomalies,
            routes,
            settle,
            lanes: p.lanes.map_or_else(cores, |n| n as usize),
        }
    }

    /// Where what plugins remember is kept.
    fn memory(
        &mut self,
        at: &Field,
        (file, p): (&File, &Pipeline),
        known: &Known<'_>,
    ) -> Option<MemorySettings> {
        let (memory, cluster, topic) = topics::memory_of(p)?;
        if memory.topic.is_some() {
            self.topic_name(at.then("topic"), &topic);
        }
        let interval = self.time(at.then("interval"), memory.interval, SAVE);
        let cluster = match &memory.cluster {
            Some(_) => self.find(at.then("cluster"), "kafka", known.clusters, cluster),
            // Where there is none of that name, it is told of `from`.
            None => known.clusters.get(cluster).cloned(),
        };
        let cluster = cluster.filter(|_| memory.keep)?;
        let written = topics::written_on(&cluster, file, known.clusters);
        if let Some(other) = written.iter().find_map(|w| w.other_writer(&topic)) {
            let rule = format!("{other} is the same, and compaction would delete there");
            self.wrong(at.then("topic"), &topic, rule, "name a topic of its own");
        }
        Some(MemorySettings {
            cluster: Box::new(cluster),
            topic,
            interval,
        })
    }

    fn routes(
        &mut self,
        at: &Field,
        p: &Pipeline,
        known: &Known<'_>,
    ) -> Vec<(String, Vec<Arc<OutputSettings>>)> {
        let mut routes = Vec::new();
        for (route, outputs) in &p.routes.0 {
            if outputs.is_empty() {
                let remedy = "name an output, or take the route out";
                self.wrong_all(at.then(route), "must not be empty", remedy);
            }
            let outputs = self.find_all(&at.then(route), "outputs", known.outputs, outputs);
            routes.push((route.clone(), outputs));
        }
        routes
    }

    fn dead_letters(
        &mut self,
        at: &Field,
        written: &DeadLetters,
        known: &Known<'_>,
    ) -> settle::DeadLetters {
        let DeadLetters::Topic(topic) = written else {
            return settle::DeadLetters::Discard;
        };
        self.topic_name(at.then("topic"), &topic.topic);
        let cluster = self.find(at.then("cluster"), "kafka", known.clusters, &topic.cluster);
        cluster.map_or(settle::DeadLetters::Discard, |cluster| {
            settle::DeadLetters::Topic {
                cluster: Box::new(cluster),
                topic: topic.topic.clone(),
            }
        })
    }

    /// A full batch and what a plugin usually makes of it must be something that each plugin may be given and
    /// return.
    fn batches_fit(&mut self, name: &str, p: &Pipeline, stages: [&[Arc<PluginSettings>]; 5]) {
        let plugins = || stages.iter().flat_map(|s| s.iter());
        let texts = plugins().map(|s| (s.limits.batch_text, &s.name, "batch_text"));
        let memories = plugins().map(|s| (s.limits.memory, &s.name, "memory"));
        for least in [texts.min(), memories.min()].into_iter().flatten() {
            let (limit, plugin, key) = least;
            let limit = Size(limit as u64);
            if p.from.batch.bytes.0.saturating_mul(BATCHES_FIT) > limit.0 {
                let at = field!["plugins", &**plugin, "limits", key];
                self.batch_does_not_fit(name, p.from.batch.bytes, (at, limit));
            }
        }
    }

    /// Reports it at the batch, unless only the limit was written.
    fn batch_does_not_fit(&mut self, pipeline: &str, bytes: Size, (limit, most): (Field, Size)) {
        let batch = field!["pipelines", pipeline, "from", "batch", "bytes"];
        let quarter = Size(most.0 / BATCHES_FIT);
        if self.root.get(&batch).is_some() || self.root.get(&limit).is_none() {
            let rule = format!(
                "must be at most a quarter of {limit} ({most}), for a plugin holds a batch and what it makes of it"
            );
            self.wrong(
                batch,
                bytes,
                rule,
                format!("try {quarter}, or raise the other"),
            );
        } else {
            let rule = format!(
                "is too little: {batch} ({bytes}) must be at most a quarter of it, for a plugin holds a batch and what it makes of it"
            );
            let enough = Size(bytes.0.saturating_mul(BATCHES_FIT));
            let remedy = format!("try {enough}, or leave it out");
            self.wrong(limit, most, rule, remedy);
        }
    }

    fn from(
        &mut self,
        file: &File,
        name: &str,
        p: &Pipeline,
        known: &Known<'_>,
    ) -> intake::Settings {
        let at = field!["pipelines", name, "from"];
        let from = &p.from;
        let cluster = self.find(at.then("cluster"), "kafka", known.clusters, &from.cluster);
        let cluster = cluster.unwrap_or_else(nowhere);
        let written = topics::written_on(&cluster, file, known.clusters);
        let Topics {
            names,
            patterns,
            exclude,
        } = self.topics(&at, (name, p), &written);
        let start = self.start(at.then("start"), &from.start);
        self.times_agree(&at, from);
        self.fetches_agree(&at, from);
        let watches = !(p.detect.is_empty() && p.score.is_empty());
        intake::Settings {
            pipeline: name.to_owned(),
            cluster,
            group_id: from.group_id.clone(),
            group_instance_id: from.group_instance_id.clone(),
            topics: names,
            topic_patterns: patterns,
            exclude_topics: exclude,
            start,
            read_committed: from.isolation == Isolation::ReadCommitted,
            session_timeout: self.time(at.then("session_timeout"), from.session_timeout, SESSION),
            heartbeat_interval: self.time(
                at.then("heartbeat_interval"),
                from.heartbeat_interval,
                OFTEN,
            ),
            max_poll_interval: self.time(
                at.then("max_poll_interval"),
                from.max_poll_interval,
                POLL,
            ),
            drain_timeout: from.drain_timeout.0.min(bounds::DAY),
            metadata_interval: METADATA_INTERVAL,
            max_partition_fetch_bytes: self.fetch(
                &at,
                "max_partition_fetch_bytes",
                from.max_partition_fetch_bytes,
            ),
            fetch_max_bytes: self.fetch(&at, "fetch_max_bytes", from.fetch_max_bytes),
            batch: self.batch(&at.then("batch"), &from.batch),
            max_in_flight_bytes: self
                .size(at.then("max_in_flight"), from.max_in_flight, IN_FLIGHT)
                .bytes(),
            facts: self.facts(&at.then("attributes"), from),
            memory: None,
            tick_after: watches.then_some(intake::QUIET),
            until_end: false,
        }
    }

    fn times_agree(&mut self, at: &Field, from: &From) {
        let poll = from.max_poll_interval;
        if from.drain_timeout.0.saturating_mul(4) >= poll.0 {
            let less = Time(Duration::from_millis(poll.0.as_millis() as u64 / 10));
            self.must_stay_under(
                (at.then("drain_timeout"), from.drain_timeout),
                (at.then("max_poll_interval"), poll),
                ("below a quarter of", less),
            );
        }
        let session = from.session_timeout;
        if from.heartbeat_interval.0.saturating_mul(3) > session.0 {
            let less = Time(Duration::from_millis(session.0.as_millis() as u64 / 5));
            self.must_stay_under(
                (at.then("heartbeat_interval"), from.heartbeat_interval),
                (at.then("session_timeout"), session),
                ("at most a third of", less),
            );
        }
    }

    fn fetches_agree(&mut self, at: &Field, from: &From) {
        if from.max_partition_fetch_bytes > from.fetch_max_bytes {
            self.must_stay_under(
                (
                    at.then("max_partition_fetch_bytes"),
                    from.max_partition_fetch_bytes,
                ),
                (at.then("fetch_max_bytes"), from.fetch_max_bytes),
                ("at most", from.fetch_max_bytes),
            );
        }
        // One batch on its way and one being filled: less would stand still.
        let bytes = from.batch.bytes;
        if bytes.0.saturating_mul(2) > from.max_in_flight.0 {
            self.must_stay_under(
                (at.then("batch").then("bytes"), bytes),
                (at.then("max_in_flight"), from.max_in_flight),
                ("at most half of", Size(from.max_in_flight.0 / 8)),
            );
        }
    }

    fn fetch(&mut self, at: &Field, key: &str, size: Size) -> u32 {
        let size = self.size(at.then(key), size, FETCH);
        u32::try_from(size.0).unwrap_or(u32::MAX)
    }

    fn batch(&mut self, at: &Field, batch: &Batch) -> intake::BatchLimits {
        intake::BatchLimits {
            records: batch.records as usize,
            bytes: self
                .size(at.then("bytes"), batch.bytes, BATCH_BYTES)
                .bytes(),
            linger: self.time(at.then("linger"), batch.linger, LINGER),
        }
    }

    fn start(&mut self, at: Field, start: &Start) -> intake::Start {
        let word = match start {
            Start::Milliseconds(ms) => return intake::Start::Timestamp(*ms),
            Start::Word(word) => word,
        };
        match (word.as_str(), word.parse::<jiff::Timestamp>()) {
            ("earliest", _) => return intake::Start::Earliest,
            ("latest", _) => return intake::Start::Latest,
            (_, Ok(time)) if time >= jiff::Timestamp::UNIX_EPOCH => {
                return intake::Start::Timestamp(time.as_millisecond());
            }
            _ => self.wrong(at, word, START_RULE, START_REMEDY),
        }
        intake::Start::Earliest
    }

    fn facts(&mut self, at: &Field, from: &From) -> Facts {
        let mut wanted = Vec::new();
        for (i, attribute) in from.attributes.iter().enumerate() {
            let fact = fact(*attribute);
            if wanted.contains(&fact) {
                self.wrong(at.then(i), "", "must not be named twice", "take one out");
            } else {
                wanted.push(fact);
            }
        }
        Facts {
            wanted,
            group: from.group_id.as_str().into(),
        }
    }
}

fn fact(attribute: Attribute) -> Fact {
    match attribute {
        Attribute::Topic => Fact::Topic,
        Attribute::Partition => Fact::Partition,
        Attribute::Offset => Fact::Offset,
        Attribute::Timestamp => Fact::Timestamp,
        Attribute::Key => Fact::Key,
        Attribute::Headers => Fact::Headers,
        Attribute::Size => Fact::Size,
        Attribute::ConsumerGroup => Fact::ConsumerGroup,
    }
}

/// What stands for a cluster that the file does not have.
fn nowhere() -> ClusterSettings {
    ClusterSettings {
        name: String::new(),
        brokers: Vec::new(),
        client_id: String::new(),
        request_timeout: Duration::ZERO,
        connect_timeout: Duration::ZERO,
    }
}

/// Threads for plugins where the file says nothing.
fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}
