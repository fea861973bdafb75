//! `tidegate pipe`: a pipeline over standard input, without Kafka; the quick way to try a plugin.
//!
//! Each line is a raw record. What comes out goes to standard output, alerts and anomalies among it; what is dropped, refused or routed, what
//! plugins log, and a summary at the end go to standard error. When nobody reads on, it ends.

use crate::app;
use crate::config::units::Time;
use crate::config::{self, Loaded, PipelineSettings};
use crate::encode::{JsonOptions, json, text};
use crate::guests::{Answer, CONTRACT_VERSION, Engine, PluginSettings};
use crate::model::{Partition, RawRecord, RawRecords};
use crate::telemetry::{self, Registry};
use std::fmt;
use std::io::{self, BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

/// Lines of one batch.
const BATCH_LINES: usize = 1_000;
/// Bytes of one batch; a longer line is a batch of its own.
const BATCH_BYTES: usize = 1 << 20;
/// The longest line that is read.
const LINE_BYTES_MAX: u64 = 64 << 20;

/// Run a pipeline over standard input, without Kafka.
///
/// Each line is a record of topic `stdin`, partition 0; its offset is the number of the line, from 0. Records go to
/// standard output, each on a line, whatever their route; alerts and anomalies follow the batch they came with (at most
/// 1,000 lines), as JSON (`{"type":"alert",...}`), as Kafka outputs write them. What time alone would raise or end is not told. Standard error says of each line that was dropped or
/// refused by whom and why, and sums up, with what was raised and not told (`findings.repeat_interval`,
/// `max_per_minute`), and what plugins counted.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// The configuration.
    #[arg(short, long, value_name = "FILE", env = "TIDEGATE_CONFIG")]
    config: PathBuf,
    /// Which pipeline; the only one where there is one.
    #[arg(long, value_name = "NAME")]
    pipeline: Option<String>,
    /// The form of what comes out.
    #[arg(long, value_enum, default_value = "otlp-json")]
    format: Form,
    /// Exit with 1 if any line was refused.
    #[arg(long)]
    strict: bool,
    /// The least that is logged, by the gateway and by plugins.
    #[arg(long, value_name = "LEVEL", default_value = "warn")]
    log_level: tracing::Level,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Form {
    /// One OTLP JSON log record a line. A record cannot say its route: standard error does (`line 3 routed to audit`).
    OtlpJson,
    /// One line for people; a record that a plugin routed ends in ` -> ROUTE`.
    Text,
}

/// What became of the lines.
#[derive(Debug, Default)]
struct Summary {
    lines: u64,
    records: u64,
    dropped: u64,
    refused: u64,
    // Only where the pipeline detects or scores.
    findings: Option<Findings>,
}

#[derive(Debug, Default)]
struct Findings {
    alerts: u64,
    anomalies: u64,
}

/// A batch and what the pipeline made of it.
struct Made<'a> {
    batch: &'a RawRecords,
    answer: &'a Answer,
    /// The names of the pipeline's routes, in their order.
    routes: &'a [&'a str],
}

/// Runs it. 0: all went well, or nobody read on; 1: something was refused and `--strict` was given; 2: it could not run.
pub fn run(args: Args) -> ExitCode {
    match pipe(&args) {
        Ok(summary) if args.strict && summary.refused > 0 => ExitCode::FAILURE,
        Ok(_) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("tidegate: {error:#}");
            ExitCode::from(2)
        }
    }
}

fn pipe(args: &Args) -> anyhow::Result<Summary> {
    telemetry::init(args.log_level, telemetry::Format::Text)?;
    let loaded = config::load(&args.config).map_err(super::problems)?;
    let settings = choose(&loaded, args.pipeline.as_deref())?;
    let engine = Engine::new(loaded.settings.cache.as_deref())?;
    let plugins = app::load_plugins(&engine, &loaded).map_err(super::problems)?;
    // Nobody asks for its figures but the summary.
    let registry = Registry::new(env!("CARGO_PKG_VERSION"), &[CONTRACT_VERSION]);
    let mut chain = app::chain(settings, &plugins, &registry)?;
    let facts = &settings.from.facts;
    let routes: Vec<_> = settings.routes.iter().map(|(name, _)| &**name).collect();
    let mut input = BufReader::new(io::stdin());
    let mut out = io::BufWriter::new(io::stdout().lock());
    let mut err = io::stderr();
    let watches = !(settings.detect.is_empty() && settings.score.is_empty());
    let mut summary = Summary {
        findings: watches.then(Findings::default),
        ..Summary::default()
    };
    while let Some(batch) = read(&mut input, summary.lines)? {
        let answer = chain.run(&batch, facts.columns(&batch))?;
        let made = Made {
            batch: &batch,
            answer: &answer,
            routes: &routes,
        };
        let written = made
            .write(args.format, &mut out)
            .and_then(|()| out.flush())
            .and_then(|()| made.tell(args.format, summary.lines, &mut err));
        summary.add(&made);
        match written {
            // Who reads has read enough.
            Err(e) if e.kind() == io::ErrorKind::BrokenPipe => return Ok(summary),
            written => written?,
        }
    }
    // The records are out; what cannot be said of them is no failure.
    let _ = writeln!(err, "{summary}");
    for line in not_told(settings, &registry)
        .into_iter()
        .chain(counted(settings, &registry))
    {
        let _ = writeln!(err, "{line}");
    }
    Ok(summary)
}

/// A line for each plugin of which something was raised and not told.
fn not_told(settings: &PipelineSettings, registry: &Registry) -> Vec<String> {
    let fold = settings.fold;
    let plugins = settings.detect.iter().chain(&settings.score);
    let line = |plugin: &Arc<PluginSettings>| {
        let metrics = registry.plugin(&settings.name, &plugin.name);
        let (folded, suppressed) = (metrics.folded.get(), metrics.suppressed.get());
        let interval = Time::ms(fold.repeat_interval_ms);
        let again = format!("{folded} raised again within repeat_interval ({interval})");
        let many = format!(
            "{suppressed} beyond max_per_minute ({})",
            fold.per_minute_max
        );
        let why = [(folded, again), (suppressed, many)];
        let why: Vec<_> = why
            .into_iter()
            .filter_map(|(count, why)| (count > 0).then_some(why))
            .collect();
        (!why.is_empty()).then(|| format!("not told of {}: {}", plugin.name, why.join(", ")))
    };
    plugins.filter_map(line).collect()
}

/// A line for each plugin that counted something of its own: what came too late for a rule, for example.
fn counted(settings: &PipelineSettings, registry: &Registry) -> Vec<String> {
    let line = |plugin: &Arc<PluginSettings>| {
        let counts = registry.plugin(&settings.name, &plugin.name).own.list();
        let counts: Vec<_> = counts
            .iter()
            .map(|(name, count)| format!("{name} {count}"))
            .collect();
        (!counts.is_empty()).then(|| format!("counted by {}: {}", plugin.name, counts.join(", ")))
    };
    settings.plugins().filter_map(line).collect()
}

fn choose<'l>(loaded: &'l Loaded, name: Option<&str>) -> anyhow::Result<&'l PipelineSettings> {
    let pipelines = &loaded.settings.pipelines;
    let names = || {
        pipelines
            .iter()
            .map(|p| p.name.as_str())
            .collect::<Vec<_>>()
            .join(", ")
    };
    match (name, pipelines.as_slice()) {
        (None, [only]) => Ok(only),
        (None, _) => anyhow::bail!("--pipeline must say which of {} to run", names()),
        (Some(name), _) => pipelines
            .iter()
            .find(|p| p.name == name)
            .ok_or_else(|| anyhow::anyhow!("--pipeline is {name}, but there is only {}", names())),
    }
}

/// Lines until a batch is full or no more are there at the moment; none at the end.
fn read(input: &mut BufReader<impl io::Read>, before: u64) -> io::Result<Option<RawRecords>> {
    let mut batch = RawRecords::new(Partition::new("stdin", 0));
    let mut line = Vec::new();
    while batch.len() < BATCH_LINES && batch.bytes.len() < BATCH_BYTES {
        line.clear();
        if io::Read::take(&mut *input, LINE_BYTES_MAX).read_until(b'\n', &mut line)? == 0 {
            break;
        }
        while matches!(line.last(), Some(b'\n' | b'\r')) {
            line.pop();
        }
        let offset = before as i64 + batch.len() as i64;
        batch.push(
            RawRecord {
                offset,
                timestamp_ms: now_ms(),
                key: None,
                value: Some(&line),
            },
            [],
        );
        // Somebody who types wants to see what becomes of a line.
        if input.buffer().is_empty() {
            break;
        }
    }
    Ok((!batch.is_empty()).then_some(batch))
}

fn now_ms() -> i64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

// === impl Made ===

impl Made<'_> {
    fn write(&self, form: Form, out: &mut impl Write) -> io::Result<()> {
        let mut line = Vec::new();
        for record in 0..self.answer.columns.len() {
            line.clear();
            match form {
                Form::Text => {
                    text::line(&self.answer.columns, record, &mut line);
                    if let Some(route) = self.route(record) {
                        write!(line, " -> {route}")?;
                    }
                }
                Form::OtlpJson => {
                    let observed_ms = self.batch.timestamp_ms.get(self.input(record)).copied();
                    json::line(
                        &self.answer.columns,
                        record,
                        JsonOptions { observed_ms },
                        &mut line,
                    );
                }
            }
            line.push(b'\n');
            out.write_all(&line)?;
        }
        for finding in &self.answer.findings {
            out.write_all(&finding.json())?;
            out.write_all(b"\n")?;
        }
        Ok(())
    }

    /// Says what was left out or refused and why, and of records that cannot say it where they were routed.
    /// `before`: lines of earlier batches.
    fn tell(&self, form: Form, before: u64, err: &mut impl Write) -> io::Result<()> {
        for dropped in &self.answer.drops {
            let line = before + u64::from(dropped.input) + 1;
            let reason = dropped.reason.as_deref().unwrap_or("no reason given");
            writeln!(err, "line {line} dropped by {}: {reason}", dropped.by)?;
        }
        for (input, dead) in &self.answer.dead {
            let line = before + u64::from(*input) + 1;
            let (by, version) = (&dead.by, &dead.version);
            writeln!(
                err,
                "line {line} refused by {by} {version}: {}",
                dead.reason
            )?;
        }
        let records = match form {
            Form::OtlpJson => 0..self.answer.columns.len(),
            Form::Text => 0..0,
        };
        for (record, route) in records.filter_map(|r| Some((r, self.route(r)?))) {
            let line = before + self.input(record) as u64 + 1;
            writeln!(err, "line {line} routed to {route}")?;
        }
        Ok(())
    }

    /// The number of the line in the batch that the record came from.
    fn input(&self, record: usize) -> usize {
        self.answer.input.get(record).map_or(0, |i| *i as usize)
    }

    /// The name of the route that a plugin chose for the record.
    fn route(&self, record: usize) -> Option<&str> {
        let number = self.answer.route.get(record)?.checked_sub(1)?;
        self.routes.get(number as usize).copied()
    }
}

// === impl Summary ===

impl Summary {
    fn add(&mut self, made: &Made<'_>) {
        self.lines += made.batch.len() as u64;
        self.records += made.answer.columns.len() as u64;
        self.dropped += made.answer.dropped as u64;
        self.refused += made.answer.dead.len() as u64;
        if let Some(findings) = &mut self.findings {
            let all = &made.answer.findings;
            let alerts = all.iter().filter(|finding| finding.is_alert()).count();
            findings.alerts += alerts as u64;
            findings.anomalies += (all.len() - alerts) as u64;
        }
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Summary {
            lines,
            records,
            dropped,
            refused,
            findings,
        } = self;
        write!(
            f,
            "{lines} lines in, {records} records out, {dropped} lines dropped, {refused} refused"
        )?;
        match findings {
            Some(Findings { alerts, anomalies }) => {
                write!(f, ", {alerts} alerts, {anomalies} anomalies")
            }
            None => Ok(()),
        }
    }
}
