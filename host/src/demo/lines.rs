//! Log lines as services write them, seeded, each with what it means.
//!
//! The meaning is made first and the line is written from it, so that a test can compare what arrives
//! with what was meant without ever parsing the line again.

use std::fmt::Write as _;

const SERVICES: [&str; 12] = [
    "checkout",
    "payment",
    "catalog",
    "gateway",
    "search",
    "cart",
    "shipping",
    "inventory",
    "accounts",
    "mailer",
    "pricing",
    "reviews",
];
const NAMESPACES: [&str; 3] = ["shop", "core", "ops"];

/// What an application says, before any format is put around it.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// Unix time in milliseconds.
    pub time_ms: u64,
    /// The level as written.
    pub level: &'static str,
    /// Its OTLP SeverityNumber.
    pub severity: u8,
    /// Which service.
    pub service: &'static str,
    /// Which pod of it.
    pub pod: String,
    /// Its namespace.
    pub namespace: &'static str,
    /// 32 hex digits.
    pub trace_id: String,
    /// 16 hex digits.
    pub span_id: String,
    /// Who asked.
    pub user: String,
    /// How long it took.
    pub latency_ms: i64,
    /// What happened.
    pub message: String,
}

impl Event {
    /// The event as one JSON object: the benchmarks' line, 278 bytes on average.
    pub fn json(&self) -> String {
        let mut line = String::with_capacity(320);
        // Writing to a String does not fail.
        let _ = write!(
            line,
            r#"{{"ts":"{}","level":"{}","service":"{}","pod":"{}","ns":"{}","trace_id":"{}","span_id":"{}","user":"{}","latency_ms":{},"msg":"{}"}}"#,
            rfc3339(self.time_ms, 3),
            self.level,
            self.service,
            self.pod,
            self.namespace,
            self.trace_id,
            self.span_id,
            self.user,
            self.latency_ms,
            self.message
        );
        line
    }
}

/// A seeded source of events: the same seed gives the same events on every machine.
#[derive(Clone, Debug)]
pub struct Events {
    random: fastrand::Rng,
    time_ms: u64,
}

impl Events {
    /// Events from `start_ms` on, 0 to 2 ms apart.
    pub fn new(seed: u64, start_ms: u64) -> Self {
        Events {
            random: fastrand::Rng::with_seed(seed),
            time_ms: start_ms,
        }
    }

    /// Sets the clock, Unix milliseconds: for lines that are written as time goes.
    pub fn set_time(&mut self, time_ms: u64) {
        self.time_ms = time_ms;
    }

    /// The next event.
    pub fn event(&mut self) -> Event {
        let random = &mut self.random;
        self.time_ms += random.u64(0..3);
        let service = random.usize(0..SERVICES.len());
        let pod = random.usize(0..8);
        let (level, severity) = match random.u8(0..100) {
            0..60 => ("INFO", 9),
            60..75 => ("DEBUG", 5),
            75..90 => ("WARN", 13),
            _ => ("ERROR", 17),
        };
        Event {
            time_ms: self.time_ms,
            level,
            severity,
            service: SERVICES[service],
            pod: format!(
                "{}-5d9f7c{:04x}-{:05x}",
                SERVICES[service],
                service * 8 + pod,
                service * 77 + 5
            ),
            namespace: NAMESPACES[random.usize(0..NAMESPACES.len())],
            trace_id: format!("{:016x}{:016x}", random.u64(1..), random.u64(..)),
            span_id: format!("{:016x}", random.u64(1..)),
            user: format!("u-{:06}", random.u32(0..1_000_000)),
            latency_ms: random.i64(0..900),
            message: message(random),
        }
    }

    /// A number below `limit`, from the same source.
    pub fn below(&mut self, limit: u32) -> u32 {
        self.random.u32(0..limit.max(1))
    }
}

/// Eight messages of 45 to 55 bytes with a number in each.
fn message(random: &mut fastrand::Rng) -> String {
    let n = random.u32(0..1000);
    match random.u8(0..8) {
        0 => format!(
            "payment provider timed out, retrying (attempt {})",
            1 + n % 5
        ),
        1 => format!(
            "order {} accepted and sent on to the warehouse",
            100_000 + n * 7
        ),
        2 => format!("cache miss for product {n}, reading from the store"),
        3 => format!(
            "connection pool has {} of 64 connections in use now",
            n % 64
        ),
        4 => format!("user session refreshed, expires in {} seconds time", n * 3),
        5 => format!("inventory of item {n} is below its reorder level"),
        6 => format!("request to shipping took {} ms, slower than agreed", n * 2),
        _ => format!("nightly job step {} finished without any problems", n % 40),
    }
}

/// Unix milliseconds as RFC 3339 in UTC with that many digits of a second.
pub fn rfc3339(time_ms: u64, digits: usize) -> String {
    let time = jiff::Timestamp::from_millisecond(i64::try_from(time_ms).unwrap_or(0));
    let time = time.unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    format!("{time:.digits$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// *Scenario:* ten thousand lines of one seed, twice.
    /// *Guarantees:* the same lines each time, 278 bytes on average to within 3.
    #[test]
    fn lines_are_reproducible_and_of_the_documented_size() {
        let lines = |seed| {
            let mut events = Events::new(seed, 1_795_230_765_123);
            (0..10_000)
                .map(|_| events.event().json())
                .collect::<Vec<_>>()
        };
        let first = lines(7);
        assert_eq!(first, lines(7));
        let bytes = first.iter().map(String::len).sum::<usize>() / first.len();
        assert!((275..=281).contains(&bytes), "{bytes} bytes a line");
        assert!(
            first[0].starts_with(r#"{"ts":"2026-11-21T"#),
            "{}",
            first[0]
        );
    }
}
