//! A stream as a cluster's agents write it: services that log JSON, others that log plain text, both
//! bare or inside the container runtime's own format; a few broken, a few with secrets, health checks.
//!
//! What each line means is told for the shipped pipeline (`configs/demo.yaml`).

use super::lines::{Event, Events, rfc3339};
use std::collections::BTreeMap;

/// A line and what the shipped pipeline must make of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// The Kafka value.
    pub value: Vec<u8>,
    /// The Kafka key.
    pub key: Option<String>,
    /// What becomes of it.
    pub meant: Meant,
}

/// What becomes of a line.
#[derive(Clone, Debug, PartialEq)]
pub enum Meant {
    /// It is delivered as this record.
    Delivered(Box<Expected>),
    /// It is left out on purpose.
    Dropped,
    /// It goes to the dead letters.
    DeadLettered,
}

/// A record as it must arrive, without the Kafka facts.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Expected {
    /// Unix time in nanoseconds, 0 where unknown.
    pub time_unix_nano: u64,
    /// OTLP SeverityNumber.
    pub severity: u8,
    /// The severity as written.
    pub severity_text: String,
    /// The body; bytes where it is not text.
    pub body: Vec<u8>,
    /// Attributes of the record.
    pub attributes: BTreeMap<String, Value>,
    /// Attributes of the resource.
    pub resource: BTreeMap<String, Value>,
    /// 32 hex digits, or empty.
    pub trace_id: String,
    /// 16 hex digits, or empty.
    pub span_id: String,
    /// How many secrets were taken out.
    pub redacted: u32,
}

/// A value of an attribute.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Text.
    Text(String),
    /// An integer.
    Integer(i64),
}

/// An endless mixed stream, seeded.
#[derive(Clone, Debug)]
pub struct Mixed {
    events: Events,
}

/// How the application's line travels.
#[derive(Clone, Copy)]
enum Wrapping {
    Bare,
    Cri,
    Docker,
}

impl Mixed {
    /// A stream that begins at `start_ms`.
    pub fn new(seed: u64, start_ms: u64) -> Self {
        Mixed {
            events: Events::new(seed, start_ms),
        }
    }

    /// Sets the clock, Unix milliseconds.
    pub fn set_time(&mut self, time_ms: u64) {
        self.events.set_time(time_ms);
    }

    /// The next line.
    pub fn line(&mut self) -> Line {
        let mut event = self.events.event();
        let key = Some(event.service.to_owned());
        let secret = self.secret(&mut event);
        let wrapping = match self.events.below(100) {
            0..60 => Wrapping::Bare,
            60..85 => Wrapping::Cri,
            _ => Wrapping::Docker,
        };
        let (value, meant) = match self.events.below(1000) {
            0..10 => (self.cut(&event), Meant::DeadLettered),
            10..40 => (health_check(&mut event).into_bytes(), Meant::Dropped),
            40..45 => binary(&event, &secret),
            45..700 => self.wrapped(
                wrapping,
                &event,
                event.json(),
                json_meaning(&event, &secret),
            ),
            _ => {
                let line = plain(&event);
                let meaning = plain_meaning(&event, &line, &secret);
                self.wrapped(wrapping, &event, line, meaning)
            }
        };
        Line { value, key, meant }
    }

    /// Puts a secret into one message of 25.
    fn secret(&mut self, event: &mut Event) -> Option<Secret> {
        let secret = match self.events.below(100) {
            0 => Secret {
                text: "4111 1111 1111 1111".into(),
                replaced_by: "<card>",
            },
            1 => Secret {
                text: format!("jane.doe{}@example.org", event.latency_ms),
                replaced_by: "<email>",
            },
            2 => Secret {
                text: format!("10.{}.7.17", event.latency_ms % 256),
                replaced_by: "<ip>",
            },
            3 => Secret {
                text: "5500-0055-5555-5559".into(),
                replaced_by: "<card>",
            },
            _ => return None,
        };
        event.message = format!("request of {} was refused", secret.text);
        Some(secret)
    }

    /// A JSON line that ends too early, as when a disk was full.
    fn cut(&mut self, event: &Event) -> Vec<u8> {
        let mut line = event.json().into_bytes();
        let keep = 20 + self.events.below(200) as usize;
        line.truncate(keep.min(line.len() - 1));
        line
    }

    fn wrapped(
        &mut self,
        wrapping: Wrapping,
        event: &Event,
        line: String,
        mut meaning: Expected,
    ) -> (Vec<u8>, Meant) {
        let stream = if self.events.below(4) == 0 {
            "stderr"
        } else {
            "stdout"
        };
        let nanos = u64::from(self.events.below(1_000_000));
        let time_ms = event.time_ms + 3;
        let time = format!("{}{nanos:06}Z", rfc3339(time_ms, 3).trim_end_matches('Z'));
        let value = match wrapping {
            Wrapping::Bare => return (line.into_bytes(), Meant::Delivered(meaning.into())),
            Wrapping::Cri => format!("{time} {stream} F {line}"),
            Wrapping::Docker => {
                let log = serde_json::Value::from(format!("{line}\n"));
                format!(r#"{{"log":{log},"stream":"{stream}","time":"{time}"}}"#)
            }
        };
        meaning
            .attributes
            .insert("log.iostream".into(), Value::Text(stream.into()));
        if meaning.time_unix_nano == 0 {
            meaning.time_unix_nano = time_ms * 1_000_000 + nanos;
        }
        (value.into_bytes(), Meant::Delivered(meaning.into()))
    }
}

struct Secret {
    text: String,
    replaced_by: &'static str,
}

fn clean(text: &str, secret: &Option<Secret>) -> (Vec<u8>, u32) {
    match secret {
        Some(s) => (text.replace(&s.text, s.replaced_by).into_bytes(), 1),
        None => (text.as_bytes().to_vec(), 0),
    }
}

fn health_check(event: &mut Event) -> String {
    event.message = format!("GET /healthz 200 in {} ms", event.latency_ms % 5);
    event.json()
}

/// Bytes that are no text; what is text in them is cleaned all the same.
fn binary(event: &Event, secret: &Option<Secret>) -> (Vec<u8>, Meant) {
    let bytes = |text: &[u8]| [&[0xff, 0xfe, 0x00], text].concat();
    let (text, redacted) = clean(&event.message, secret);
    let expected = Expected {
        body: bytes(&text),
        resource: resource(None),
        redacted,
        ..Expected::default()
    };
    (
        bytes(event.message.as_bytes()),
        Meant::Delivered(expected.into()),
    )
}

fn plain(event: &Event) -> String {
    format!(
        "{} {} [{}] {}",
        rfc3339(event.time_ms, 3),
        event.level,
        event.pod,
        event.message
    )
}

fn resource(service: Option<&str>) -> BTreeMap<String, Value> {
    let text = |s: &str| Value::Text(s.to_owned());
    let mut resource = BTreeMap::from([("deployment.environment.name".to_owned(), text("demo"))]);
    if let Some(service) = service {
        resource.insert("service.name".to_owned(), text(service));
    }
    resource
}

fn plain_meaning(event: &Event, line: &str, secret: &Option<Secret>) -> Expected {
    let (body, redacted) = clean(line, secret);
    Expected {
        severity: event.severity,
        severity_text: event.level.to_owned(),
        body,
        resource: resource(None),
        redacted,
        ..Expected::default()
    }
}

fn json_meaning(event: &Event, secret: &Option<Secret>) -> Expected {
    let (body, redacted) = clean(&event.message, secret);
    let text = |s: &str| Value::Text(s.to_owned());
    Expected {
        time_unix_nano: event.time_ms * 1_000_000,
        severity: event.severity,
        severity_text: event.level.to_owned(),
        body,
        attributes: BTreeMap::from([
            ("k8s.pod.name".to_owned(), text(&event.pod)),
            ("k8s.namespace.name".to_owned(), text(event.namespace)),
            ("user".to_owned(), text(&event.user)),
            ("latency_ms".to_owned(), Value::Integer(event.latency_ms)),
        ]),
        resource: resource(Some(event.service)),
        trace_id: event.trace_id.clone(),
        span_id: event.span_id.clone(),
        redacted,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// *Scenario:* twenty thousand lines.
    /// *Guarantees:* every fate and every format occurs, so that the demo and the tests that count on
    /// them see them.
    #[test]
    fn every_fate_occurs() {
        let mut mixed = Mixed::new(1, 1_795_230_765_123);
        let lines: Vec<Line> = (0..20_000).map(|_| mixed.line()).collect();
        let count = |p: &dyn Fn(&Line) -> bool| lines.iter().filter(|l| p(l)).count();
        assert!(count(&|l| l.meant == Meant::Dropped) > 400);
        assert!(count(&|l| l.meant == Meant::DeadLettered) > 100);
        assert!(count(&|l| matches!(&l.meant, Meant::Delivered(e) if e.redacted > 0)) > 400);
        assert!(count(&|l| l.value.starts_with(b"{\"log\"")) > 2000);
        assert!(count(&|l| std::str::from_utf8(&l.value).is_err()) > 40);
    }
}
