//! `tidegate pipe`: a pipeline over standard input, without Kafka; the quick way to try a plugin.
//!
//! Each line is a raw record. What comes out goes to standard output; what is dropped or refused, with the
//! reason, and a summary at the end go to standard error.

use crate::app;
use crate::config::{self, Loaded, PipelineSettings};
use crate::encode::{JsonOptions, json, text};
use crate::guests::{Answer, CONTRACT_VERSION, Engine};
use crate::model::{Facts, Partition, RawRecord, RawRecords};
use crate::telemetry::Registry;
use std::io::{self, BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

/// Lines of one batch.
const BATCH_LINES: usize = 1_000;
/// Bytes of one batch; a longer line is a batch of its own.
const BATCH_BYTES: usize = 1 << 20;
/// The longest line that is read.
const LINE_BYTES_MAX: u64 = 64 << 20;

/// Run a pipeline over standard input, without Kafka.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// The configuration.
    #[arg(short, long, value_name = "FILE")]
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
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Form {
    /// One OTLP JSON log record a line.
    OtlpJson,
    /// One line for people.
    Text,
}

/// What became of the lines.
#[derive(Debug, Default)]
struct Summary {
    lines: u64,
    records: u64,
    dropped: u64,
    refused: u64,
}

/// Runs it. 0: all went well; 1: something was refused and `--strict` was given; 2: it could not run.
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
    let loaded = config::load(&args.config).map_err(super::problems)?;
    let settings = choose(&loaded, args.pipeline.as_deref())?;
    let engine = Engine::new(loaded.settings.cache.as_deref())?;
    let plugins = app::load_plugins(&engine, &loaded).map_err(super::problems)?;
    let mut chain = app::chain(settings, &plugins, &registry())?;
    let facts = Facts {
        wanted: Vec::new(),
        group: "".into(),
    };
    let mut input = BufReader::new(io::stdin());
    let mut out = io::BufWriter::new(io::stdout().lock());
    let mut summary = Summary::default();
    while let Some(batch) = read(&mut input, summary.lines)? {
        let answer = chain.run(&batch, facts.columns(&batch))?;
        write(args.format, &batch, &answer, &mut out)?;
        out.flush()?;
        tell(&batch, &answer, &mut summary);
    }
    let Summary {
        lines,
        records,
        dropped,
        refused,
    } = summary;
    eprintln!(
        "{lines} lines in, {records} records out, {dropped} lines dropped, {refused} refused"
    );
    Ok(summary)
}

/// Figures that nobody asks for.
fn registry() -> Registry {
    Registry::new(env!("CARGO_PKG_VERSION"), &[CONTRACT_VERSION])
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

fn write(form: Form, batch: &RawRecords, answer: &Answer, out: &mut impl Write) -> io::Result<()> {
    let mut line = Vec::new();
    for record in 0..answer.columns.len() {
        line.clear();
        match form {
            Form::Text => text::line(&answer.columns, record, &mut line),
            Form::OtlpJson => {
                let input = answer.input.get(record).map_or(0, |i| *i as usize);
                let observed_ms = batch.timestamp_ms.get(input).copied();
                json::line(
                    &answer.columns,
                    record,
                    JsonOptions { observed_ms },
                    &mut line,
                );
            }
        }
        line.push(b'\n');
        out.write_all(&line)?;
    }
    Ok(())
}

/// Says what was left out or refused and why, and adds up.
fn tell(batch: &RawRecords, answer: &Answer, summary: &mut Summary) {
    for dropped in &answer.drops {
        let line = summary.lines + u64::from(dropped.input) + 1;
        let reason = dropped.reason.as_deref().unwrap_or("no reason given");
        eprintln!("line {line} dropped by {}: {reason}", dropped.by);
    }
    for (input, dead) in &answer.dead {
        let line = summary.lines + u64::from(*input) + 1;
        eprintln!(
            "line {line} refused by {} {}: {}",
            dead.by, dead.version, dead.reason
        );
    }
    summary.lines += batch.len() as u64;
    summary.records += answer.columns.len() as u64;
    summary.dropped += answer.dropped as u64;
    summary.refused += answer.dead.len() as u64;
}
