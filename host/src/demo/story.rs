//! What the demo's producer writes: the mixed stream, the access log of a web server, and incidents by the clock, so
//! that every run of 20 s sees each kind of plugin at work.
//!
//! An incident is written at once and does not depend on the rate: nothing is left to luck.

use super::lines::Events;
use super::mixed::Mixed;
use std::time::Duration;

/// The incidents come again and again, this long after each other.
const PERIOD: Duration = Duration::from_secs(20);
/// When in a period each incident is.
const INCIDENTS: [(Duration, Incident); 3] = [
    (Duration::from_secs(4), Incident::Refused("payment")),
    (Duration::from_secs(8), Incident::Scan),
    (Duration::from_secs(11), Incident::Refused("checkout")),
];
/// Twice what the demo's rule asks for.
const REFUSED_LINES: usize = 40;
/// More than twice what the scorer judges together, so that it sees at least so many with nothing else between.
const SCAN_LINES: usize = 600;
/// The key of the web server's lines.
const WEB: &str = "web";

/// Something out of the ordinary.
#[derive(Clone, Copy, Debug)]
enum Incident {
    /// A service cannot reach its database for a moment.
    Refused(&'static str),
    /// Somebody looks for holes in the web server: no two of the paths are alike.
    Scan,
}

/// A line of the demo.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Line {
    pub(super) value: Vec<u8>,
    pub(super) key: String,
}

/// An endless stream with its incidents, seeded.
#[derive(Debug)]
pub(super) struct Story {
    mixed: Mixed,
    events: Events,
    random: fastrand::Rng,
    /// How many incidents there were.
    incidents: u32,
}

impl Story {
    /// A story that begins at `start_ms`, Unix milliseconds.
    pub(super) fn new(seed: u64, start_ms: u64) -> Self {
        Story {
            mixed: Mixed::new(seed, start_ms),
            events: Events::new(seed.wrapping_add(1), start_ms),
            random: fastrand::Rng::with_seed(seed.wrapping_add(2)),
            incidents: 0,
        }
    }

    /// The next ordinary line, of this moment.
    pub(super) fn line(&mut self, time_ms: u64) -> Line {
        if self.random.u8(0..10) == 0 {
            return self.visit(time_ms);
        }
        self.mixed.set_time(time_ms);
        let line = self.mixed.line();
        Line {
            value: line.value,
            key: line.key.unwrap_or_default(),
        }
    }

    /// The lines of the incidents that are due so long after the start and have not been told.
    pub(super) fn incidents(&mut self, since_start: Duration, time_ms: u64) -> Vec<Line> {
        let mut lines = Vec::new();
        while let Some(incident) = self.due(since_start) {
            self.incidents += 1;
            match incident {
                Incident::Refused(service) => {
                    lines.extend((0..REFUSED_LINES).map(|_| self.refused(service, time_ms)));
                }
                Incident::Scan => lines.extend((0..SCAN_LINES).map(|_| self.scan(time_ms))),
            }
        }
        lines
    }

    fn due(&self, since_start: Duration) -> Option<Incident> {
        let count = INCIDENTS.len() as u32;
        let (at, incident) = INCIDENTS.get((self.incidents % count) as usize)?;
        let at = PERIOD * (self.incidents / count) + *at;
        (at <= since_start).then_some(*incident)
    }

    fn refused(&mut self, service: &'static str, time_ms: u64) -> Line {
        self.events.set_time(time_ms);
        let mut event = self.events.event();
        (event.level, event.severity) = ("ERROR", 17);
        event.service = service;
        event.pod = format!("{service}-5d9f7c0008-0004d");
        event.message = format!(
            "connection refused by the database, giving up after {} ms",
            event.latency_ms
        );
        Line {
            value: event.json().into_bytes(),
            key: service.to_owned(),
        }
    }

    /// Somebody shops.
    fn visit(&mut self, time_ms: u64) -> Line {
        let random = &mut self.random;
        let n = random.u32(0..1000);
        let path = match random.u8(0..5) {
            0 => "/".to_owned(),
            1 => format!("/products/{n}"),
            2 => "/cart".to_owned(),
            3 => format!("/api/orders/{n}?full=1"),
            _ => format!("/search?q={n}"),
        };
        let status = match random.u8(0..50) {
            0 => 500,
            1..4 => 404,
            4..10 => 304,
            _ => 200,
        };
        let client = random.u8(1..255);
        self.access(time_ms, client, &path, status)
    }

    fn scan(&mut self, time_ms: u64) -> Line {
        let mut word =
            |letters: usize| -> String { (0..letters).map(|_| self.random.lowercase()).collect() };
        let path = format!(
            "/{}/{}.cgi?{}=../../{}",
            word(8),
            word(10),
            word(8),
            word(12)
        );
        self.access(time_ms, 66, &path, 404)
    }

    /// A line as nginx writes it, in the combined format.
    fn access(&mut self, time_ms: u64, client: u8, path: &str, status: u16) -> Line {
        let time = jiff::Timestamp::from_millisecond(i64::try_from(time_ms).unwrap_or(0));
        let time = time.unwrap_or(jiff::Timestamp::UNIX_EPOCH);
        let time = time.strftime("%d/%b/%Y:%H:%M:%S +0000");
        let size = self.random.u32(100..20_000);
        let value = format!(
            r#"203.0.113.{client} - - [{time}] "GET {path} HTTP/1.1" {status} {size} "-" "Mozilla/5.0 (X11; Linux x86_64)""#
        );
        Line {
            value: value.into_bytes(),
            key: WEB.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// *Scenario:* a producer that comes by every 50 ms, and one that stood still for 19 s.
    /// *Guarantees:* within 20 s each incident is written once and as a whole, and again in the next 20 s.
    #[test]
    fn every_incident_comes_in_time() {
        let told = |turns: &[u64]| {
            let mut story = Story::new(1, 0);
            let each = turns.iter().map(|ms| {
                let lines = story.incidents(Duration::from_millis(*ms), 1_795_230_765_123);
                lines.len()
            });
            each.filter(|lines| *lines > 0).collect::<Vec<_>>()
        };
        let steady: Vec<u64> = (0..400).map(|turn| turn * 50).collect();
        assert_eq!(told(&steady), [REFUSED_LINES, SCAN_LINES, REFUSED_LINES]);
        let all = 2 * REFUSED_LINES + SCAN_LINES;
        assert_eq!(told(&[0, 19_000, 19_050, 39_000]), [all, all]);
    }

    /// *Scenario:* ordinary lines of one moment.
    /// *Guarantees:* the access log is among them, and each line has a key to be placed by.
    #[test]
    fn ordinary_lines_are_keyed() {
        let mut story = Story::new(1, 0);
        let lines: Vec<Line> = (0..1_000).map(|_| story.line(1_795_230_765_123)).collect();
        assert!(lines.iter().all(|line| !line.key.is_empty()));
        let web = lines.iter().filter(|line| line.key == WEB);
        assert!((50..150).contains(&web.count()));
    }
}
