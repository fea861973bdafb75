//! Log events in the JSON envelope that DriftLock's collector publishes to Kafka (its topic `otlp-events`):
//! `{"type":"log","data":{"timestamp":"...","severity":"INFO","body":"...","attributes":{...}},"timestamp":"...","source":"..."}`.
//!
//! The data is an OTLP log record written as JSON, and becomes one again; events that are no logs are dropped and counted.

mod config;
mod envelope;
mod log;

pub use config::Config;

use config::Dropped;
use envelope::{Begun, Event};
use tidegate_sdk::json::{Scan, Scanned};
use tidegate_sdk::{
    Batch, ConfigError, Emit, Parser, Plugin, Record, Value, Verdict, export, host,
};

/// The plugin.
pub struct ParseDriftlock {
    source: String,
    dropped: Vec<Dropped>,
}

export!(parser ParseDriftlock, "Log events in the JSON envelope that DriftLock publishes.");

// === impl ParseDriftlock ===

impl Plugin for ParseDriftlock {
    type Config = Config;

    fn configure(config: Config) -> Result<Self, ConfigError> {
        if config.source.is_empty() {
            return Err(ConfigError::field(
                "/source",
                "is empty; name an attribute of the resource, such as service.name",
            ));
        }
        Ok(ParseDriftlock {
            source: config.source,
            dropped: Dropped::all(config.drop)?,
        })
    }
}

impl Parser for ParseDriftlock {
    fn parse(&self, input: Record<'_>, out: &mut Emit<'_>) -> Verdict {
        let mut counts = vec![0; self.dropped.len()];
        let verdict = self.event(input, out, &mut counts);
        self.report(&counts);
        verdict
    }

    /// The batch at once, so that its counts are told once.
    fn parse_batch(&self, batch: Batch<'_>, out: &mut Emit<'_>) {
        let mut counts = vec![0; self.dropped.len()];
        for record in batch.records() {
            out.begin(record.index());
            let verdict = self.event(record, out, &mut counts);
            out.end(verdict);
        }
        self.report(&counts);
    }
}

impl ParseDriftlock {
    #[inline]
    fn event(&self, input: Record<'_>, out: &mut Emit<'_>, counts: &mut [u64]) -> Verdict {
        match input.body_value() {
            Value::Text(text) | Value::Json(text) => self.text(text, out, counts),
            Value::Bytes(bytes) => self.bytes(bytes, out),
            _ => Verdict::NotMine,
        }
    }

    fn text(&self, text: &str, out: &mut Emit<'_>, counts: &mut [u64]) -> Verdict {
        let (mut scan, mut begun) = (Scan::new(text), Begun::default());
        match self.object(text, &mut scan, &mut begun, out) {
            Ok(Event::Log(_)) => Verdict::Emitted,
            Ok(Event::Dropped(number)) => {
                counts[number] += 1;
                Verdict::dropped(self.dropped[number].reason.clone())
            }
            Ok(Event::Foreign) => Verdict::NotMine,
            Err(what) if begun.is_envelope() => {
                Verdict::malformed(format!("{what} at byte {}", scan.at()))
            }
            Err(_) => Verdict::NotMine,
        }
    }

    /// JSON is text, so bytes are no envelope; but one whose text is one up to there is broken.
    #[cold]
    fn bytes(&self, bytes: &[u8], out: &mut Emit<'_>) -> Verdict {
        let at = str::from_utf8(bytes).map_or_else(|e| e.valid_up_to(), str::len);
        let text = str::from_utf8(&bytes[..at]).unwrap_or_default();
        let mut none = vec![0; self.dropped.len()];
        match self.text(text, out, &mut none) {
            Verdict::NotMine => Verdict::NotMine,
            _ => Verdict::malformed(format!("not UTF-8 at byte {at}")),
        }
    }

    fn object<'l>(
        &self,
        text: &'l str,
        scan: &mut Scan<'l>,
        begun: &mut Begun,
        out: &mut Emit<'_>,
    ) -> Scanned<Event<'l>> {
        let mut record = out.record();
        let event = envelope::read(text, scan, &self.dropped, &mut record, begun)?;
        if let Event::Log(log) = &event {
            log::write(log, &self.source, &mut record)?;
            record.emit();
        }
        Ok(event)
    }

    /// Adds what was dropped to `dropped.TYPE`.
    fn report(&self, counts: &[u64]) {
        let all = self.dropped.iter().zip(counts);
        for (dropped, count) in all.filter(|(_, count)| **count > 0) {
            host::count(&dropped.counter, *count);
        }
    }
}

#[cfg(test)]
mod tests;
