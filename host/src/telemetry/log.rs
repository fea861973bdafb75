//! The gateway's own log: to stderr, times in RFC 3339, for people or as JSON.

use std::io::IsTerminal;
use tracing::{Level, Subscriber};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::util::SubscriberInitExt;

/// The environment variable that goes before the configured level: `debug`, `tidegate::intake=trace`.
pub const LOG_VARIABLE: &str = "TIDEGATE_LOG";

/// Libraries whose warnings are worth reading, and no more: they speak of their insides.
const QUIET: [&str; 7] = [
    "krafka",
    "h2",
    "hyper",
    "tonic",
    "tower",
    "wasmtime",
    "cranelift_codegen",
];

/// Warnings that tell nothing: that the classic group protocol, which is asked for, will be old one day; ten times a
/// second, that a topic is missing, which readiness tells.
const MUTE: &str = ",krafka::consumer::group::classic=error,krafka::metadata=error";

/// The form of a log line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// Why logging cannot begin.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The environment variable says nothing that can be followed.
    #[error(
        "{LOG_VARIABLE} is {value}, but must be a level or MODULE=LEVEL, separated by commas; try info"
    )]
    Filter {
        /// What it says.
        value: String,
    },
    /// Logging has begun already.
    #[error("logging has begun already")]
    Begun,
}

/// Begins logging for the whole process. [`LOG_VARIABLE`] goes before `level`.
///
/// # Errors
/// See [`LogError`].
pub fn init(level: Level, format: Format) -> Result<(), LogError> {
    let variable = std::env::var(LOG_VARIABLE).ok();
    let filter = filter(level, variable.as_deref())?;
    let colours = std::io::stderr().is_terminal();
    subscriber(filter, format, colours, std::io::stderr)
        .try_init()
        .map_err(|_| LogError::Begun)
}

fn filter(level: Level, variable: Option<&str>) -> Result<EnvFilter, LogError> {
    let quiet = level.min(Level::WARN);
    let mut directives = level.to_string();
    for library in QUIET {
        directives.push_str(&format!(",{library}={quiet}"));
    }
    directives.push_str(MUTE);
    // What comes later goes before.
    if let Some(variable) = variable.filter(|v| !v.trim().is_empty()) {
        directives.push_str(&format!(",{variable}"));
    }
    EnvFilter::try_new(directives).map_err(|_| LogError::Filter {
        value: variable.unwrap_or_default().to_owned(),
    })
}

fn subscriber<W>(
    filter: EnvFilter,
    format: Format,
    colours: bool,
    writer: W,
) -> Box<dyn Subscriber + Send + Sync>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        // Where nobody reads the log any more there is nowhere to say so either: the attempt would panic.
        .log_internal_errors(false)
        .with_writer(writer);
    match format {
        Format::Text => Box::new(builder.with_ansi(colours).finish()),
        Format::Json => Box::new(builder.json().flatten_event(true).finish()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl std::io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn logged(level: Level, variable: Option<&str>, format: Format) -> String {
        let lines = Lines::default();
        let writer = lines.clone();
        let filter = filter(level, variable).unwrap();
        let subscriber = subscriber(filter, format, false, move || writer.clone());
        tracing::subscriber::with_default(subscriber, || {
            tracing::info!(target: "tidegate::intake", topic = "logs", "assigned");
            tracing::debug!(target: "tidegate::intake", "polled");
            tracing::info!(target: "krafka::consumer", "inside");
            tracing::warn!(target: "krafka::consumer", "reset");
        });
        String::from_utf8(lines.0.lock().unwrap().clone()).unwrap()
    }

    /// *Scenario:* each level and variable, with events of ours and of the Kafka client.
    /// *Guarantees:* the client is heard from warnings on; the variable goes before the level, for one
    /// module and for all, and before the client's limit where it names it.
    #[test]
    fn the_filter_lets_through_what_was_asked_for() {
        let has = |text: &str| ["assigned", "polled", "inside", "reset"].map(|w| text.contains(w));
        let text = |level, variable| logged(level, variable, Format::Text);
        assert_eq!(has(&text(Level::INFO, None)), [true, false, false, true]);
        assert_eq!(has(&text(Level::ERROR, None)), [false; 4]);
        assert_eq!(
            has(&text(Level::ERROR, Some("debug"))),
            [true, true, false, false]
        );
        assert_eq!(
            has(&text(Level::WARN, Some("tidegate::intake=info"))),
            [true, false, false, true]
        );
        assert_eq!(
            has(&text(Level::INFO, Some("krafka=info"))),
            [true, false, true, true]
        );
        assert_eq!(
            has(&text(Level::INFO, Some(" "))),
            [true, false, false, true]
        );
    }

    /// *Scenario:* one event as JSON.
    /// *Guarantees:* one object a line with level, target, message, fields, and a time in RFC 3339.
    #[test]
    fn json_lines_are_objects() {
        let lines = logged(Level::INFO, Some("warn,tidegate=info"), Format::Json);
        let first = lines.lines().next().unwrap();
        let line: serde_json::Value = serde_json::from_str(first).unwrap();
        assert_eq!(line["level"], "INFO");
        assert_eq!(line["target"], "tidegate::intake");
        assert_eq!(line["message"], "assigned");
        assert_eq!(line["topic"], "logs");
        let time = line["timestamp"].as_str().unwrap();
        assert!(time.parse::<jiff::Timestamp>().is_ok(), "{time}");
    }

    /// *Scenario:* a variable that is no filter.
    /// *Guarantees:* the error names the variable, its value and the remedy.
    #[test]
    fn a_bad_variable_is_named() {
        let error = filter(Level::INFO, Some("tidegate=loud")).unwrap_err();
        let text = error.to_string();
        assert!(
            text.starts_with("TIDEGATE_LOG is tidegate=loud, but must be"),
            "{text}"
        );
    }
}
