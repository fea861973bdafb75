//! What the demo has seen, and how it shows it.

use crate::encode::findings::{ALERT, ANOMALY};
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io::{self, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// What redaction leaves in place of a secret in the demo's lines.
const REPLACED_BY: [&str; 3] = ["<card>", "<email>", "<ip>"];

/// Lanes are named after their pipeline.
const LANE_PREFIX: &str = "demo-";
/// Far more than the records of one partition that are in flight.
const RECENT_OFFSETS_MAX: usize = 100_000;
/// Of alerts and anomalies that came since the last line so many are shown, the newest.
const TOLD_MAX: usize = 8;

/// What producer and sink have seen. Nothing in it grows with time.
#[derive(Default)]
pub(super) struct Show(Mutex<Seen>);

#[derive(Default)]
struct Seen {
    produced: u64,
    delivered: u64,
    redacted: u64,
    repeated: u64,
    /// The newest offsets that arrived of each partition, at most [`RECENT_OFFSETS_MAX`]: a request holds
    /// its records by resource, so they do not come one by one.
    recent: BTreeMap<i64, BTreeSet<i64>>,
    /// The line that is followed, and where it was written.
    followed: Option<(i64, i64, Vec<u8>)>,
    /// Before and after, to be shown.
    pair: Option<(String, String)>,
    findings: Findings,
    /// Findings to be shown, at most [`TOLD_MAX`].
    told: VecDeque<String>,
}

/// How many alerts and anomalies arrived.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Findings {
    pub raised: u64,
    pub resolved: u64,
    pub anomalies: u64,
}

/// The numbers at one moment.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counts {
    pub produced: u64,
    pub delivered: u64,
    pub dropped: u64,
    pub dead_lettered: u64,
    pub redacted: u64,
    pub repeated: u64,
    pub findings: Findings,
    pub findings_in_kafka: u64,
}

/// The line that is printed each second.
pub(super) struct StatusLine {
    before: Counts,
    cpu: Duration,
    at: Instant,
}

// === impl Show ===

impl Show {
    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A record was acknowledged; `value` where it is to be followed.
    pub(super) fn wrote(&self, partition: i32, offset: i64, value: Option<Vec<u8>>) {
        let mut seen = self.seen();
        seen.produced += 1;
        if let Some(value) = value {
            seen.followed = Some((partition.into(), offset, value));
        }
    }

    /// A request arrived.
    pub(super) fn delivered(&self, request: &ExportLogsServiceRequest) {
        let mut seen = self.seen();
        for resource in &request.resource_logs {
            let of = resource
                .resource
                .as_ref()
                .map_or(&[][..], |r| &r.attributes);
            for record in resource.scope_logs.iter().flat_map(|s| &s.log_records) {
                match record.event_name.as_str() {
                    ALERT | ANOMALY => seen.finding(record),
                    _ => seen.record(record, of),
                }
            }
        }
    }

    pub(super) fn produced(&self) -> u64 {
        self.seen().produced
    }

    pub(super) fn delivered_count(&self) -> u64 {
        self.seen().delivered
    }

    pub(super) fn redacted(&self) -> u64 {
        self.seen().redacted
    }

    pub(super) fn repeated(&self) -> u64 {
        self.seen().repeated
    }

    pub(super) fn findings(&self) -> Findings {
        self.seen().findings
    }
}

impl Seen {
    /// An alert or an anomaly arrived: it is counted apart, for no record became it.
    fn finding(&mut self, record: &LogRecord) {
        let attribute = |name: &str| value(&record.attributes, name);
        let resolved = attribute("tidegate.alert.resolved") == Some(&Value::BoolValue(true));
        let (count, what) = match (record.event_name.as_str(), resolved) {
            (ANOMALY, _) => (&mut self.findings.anomalies, "anomaly: "),
            (_, true) => (&mut self.findings.resolved, "resolved:"),
            (_, false) => (&mut self.findings.raised, "alert:   "),
        };
        *count += 1;
        let words = |name: &str| match attribute(name) {
            Some(Value::StringValue(text)) => text.clone(),
            Some(Value::DoubleValue(number)) => format!("{number:.2}"),
            _ => String::new(),
        };
        let size = words("tidegate.alert.level") + &words("tidegate.anomaly.score");
        let mut line = format!(
            "{what} {size} \"{}\", rule {}",
            text(record.body.as_ref()),
            words("tidegate.rule")
        );
        if let Some(Value::ArrayValue(offsets)) = attribute("tidegate.evidence.offsets") {
            let first = text(offsets.values.first());
            let (topic, partition) = (
                words("messaging.destination.name"),
                words("messaging.destination.partition.id"),
            );
            line += &format!(", evidence {topic}/{partition}/{first}");
            if let more @ 1.. = offsets.values.len().saturating_sub(1) {
                line += &format!(" and {more} more");
            }
        }
        self.told.push_back(line);
        if self.told.len() > TOLD_MAX {
            self.told.pop_front();
        }
    }

    fn record(&mut self, record: &LogRecord, resource: &[KeyValue]) {
        let integer = |name: &str| match value(&record.attributes, name) {
            Some(Value::IntValue(i)) => *i,
            Some(Value::StringValue(s)) => s.parse().unwrap_or(-1),
            _ => -1,
        };
        let (partition, offset) = (
            integer("messaging.destination.partition.id"),
            integer("messaging.kafka.offset"),
        );
        let recent = self.recent.entry(partition).or_default();
        if !recent.insert(offset) {
            self.repeated += 1;
            return;
        }
        if recent.len() > RECENT_OFFSETS_MAX {
            recent.pop_first();
        }
        self.delivered += 1;
        let body = text(record.body.as_ref());
        self.redacted += u64::from(REPLACED_BY.iter().any(|r| body.contains(r)));
        if let Some((p, o, before)) = &self.followed
            && (*p, *o) == (partition, offset)
        {
            self.pair = Some((
                String::from_utf8_lossy(before).into_owned(),
                after(record, resource),
            ));
            self.followed = None;
        }
    }
}

fn value<'a>(attributes: &'a [KeyValue], name: &str) -> Option<&'a Value> {
    attributes
        .iter()
        .find(|a| a.key == name)?
        .value
        .as_ref()?
        .value
        .as_ref()
}

fn text(value: Option<&AnyValue>) -> String {
    match value.and_then(|v| v.value.as_ref()) {
        Some(Value::StringValue(s)) => s.clone(),
        Some(Value::IntValue(i)) => i.to_string(),
        Some(Value::BytesValue(b)) => format!("{} bytes", b.len()),
        Some(other) => format!("{other:?}"),
        None => String::new(),
    }
}

fn after(record: &LogRecord, resource: &[KeyValue]) -> String {
    let pairs = |attributes: &[KeyValue]| {
        let own = attributes
            .iter()
            .filter(|a| !a.key.starts_with("messaging."));
        own.map(|a| format!("{}={}", a.key, text(a.value.as_ref())))
            .collect::<Vec<_>>()
            .join(" ")
    };
    let (severity, body) = (&record.severity_text, text(record.body.as_ref()));
    format!(
        "{severity} \"{body}\" {} | resource {}",
        pairs(&record.attributes),
        pairs(resource)
    )
}

// === impl Counts ===

impl Counts {
    /// Records that have a fate.
    fn done(&self) -> u64 {
        self.delivered + self.dropped + self.dead_lettered
    }

    /// Whether every record produced has one fate.
    pub(super) fn balance(&self) -> bool {
        self.produced == self.done()
    }

    /// Writes the summary.
    pub(super) fn sum_up(&self, out: &mut impl Write) -> io::Result<()> {
        let Counts {
            produced,
            delivered,
            dropped,
            dead_lettered,
            redacted,
            repeated,
            findings,
            findings_in_kafka,
        } = self;
        writeln!(out, "\nproduced       {produced:>10}")?;
        writeln!(
            out,
            "delivered      {delivered:>10}   of these redacted {redacted}, delivered again {repeated}"
        )?;
        writeln!(out, "dropped        {dropped:>10}   health checks")?;
        writeln!(
            out,
            "dead-lettered  {dead_lettered:>10}   broken lines, in topic logs.demo.dead"
        )?;
        let Findings {
            raised,
            resolved,
            anomalies,
        } = findings;
        writeln!(
            out,
            "alerts         {raised:>10}   of these resolved {resolved}, by the plugin rules"
        )?;
        writeln!(
            out,
            "anomalies      {anomalies:>10}   by the plugin novelty; with the alerts, raised and resolved, {findings_in_kafka} in topic findings.demo"
        )?;
        let verdict = if self.balance() {
            "balanced: every record produced has one fate"
        } else {
            "NOT balanced"
        };
        writeln!(out, "{verdict}")
    }
}

// === impl StatusLine ===

impl StatusLine {
    pub(super) fn new() -> Self {
        StatusLine {
            before: Counts::default(),
            cpu: lanes_cpu(),
            at: Instant::now(),
        }
    }

    /// Writes what has changed since the last time, and a record before and after where there is one.
    pub(super) fn print(
        &mut self,
        now: &Counts,
        show: &Show,
        out: &mut impl Write,
    ) -> io::Result<()> {
        let cpu = lanes_cpu();
        let seconds = self.at.elapsed().as_secs_f64().max(0.001);
        let before = &self.before;
        let done = now.done() - before.done();
        let each = cpu.saturating_sub(self.cpu).as_secs_f64() * 1e6 / done.max(1) as f64;
        writeln!(
            out,
            "in {:>5.0}/s  out {:>5.0}/s  dropped {:>5}  dead-lettered {:>4}  redacted {:>5}  lag {:>5}  alerts {:>2}  anomalies {:>2}  {each:>5.1} us of CPU a record in the lanes",
            (now.produced - before.produced) as f64 / seconds,
            (now.delivered - before.delivered) as f64 / seconds,
            now.dropped,
            now.dead_lettered,
            now.redacted,
            now.produced.saturating_sub(now.done()),
            now.findings.raised,
            now.findings.anomalies,
        )?;
        let mut seen = show.seen();
        let (pair, told) = (seen.pair.take(), std::mem::take(&mut seen.told));
        drop(seen);
        if let Some((before, after)) = pair {
            writeln!(out, "  before: {before}\n  after:  {after}")?;
        }
        for finding in told {
            writeln!(out, "  {finding}")?;
        }
        *self = StatusLine {
            before: *now,
            cpu,
            at: Instant::now(),
        };
        Ok(())
    }
}

/// User and system time of the threads that run plugins and encode; broker, producer and sink of the demo are
/// in the same process and do not count. Zero where the system does not tell.
fn lanes_cpu() -> Duration {
    let threads = std::fs::read_dir("/proc/self/task")
        .into_iter()
        .flatten()
        .flatten();
    let of = |thread: std::fs::DirEntry| {
        let name = std::fs::read_to_string(thread.path().join("comm")).ok()?;
        let lane = name.starts_with(LANE_PREFIX);
        // Nanoseconds on a core: the first number of the file.
        let spent = std::fs::read_to_string(thread.path().join("schedstat"))
            .ok()
            .filter(|_| lane)?;
        Some(Duration::from_nanos(spent.split(' ').next()?.parse().ok()?))
    };
    threads.filter_map(of).sum()
}
