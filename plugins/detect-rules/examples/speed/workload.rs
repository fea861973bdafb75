//! Lines as services write them, and rules over them; the same on every machine.

use detect_rules::{Remembered, Rules};
use serde_json::{Value as Json, json};
use tidegate_sdk::testing::{self, OwnedRecord};
use tidegate_sdk::{Batch, Moment, Position, Raise, Severity};

const RECORDS: usize = 4_000;
const BATCH: usize = 1_000;
const START: u64 = 1_800_000_000_000;

/// Rules, records, and what is remembered.
pub struct Workload {
    plugin: Rules,
    /// Looked at once, so that only the rules cost time.
    batches: Vec<Batch<'static>>,
    memory: Remembered,
    position: u32,
    /// Each round is later than the one before.
    now: u64,
    alerts: usize,
}

impl Workload {
    fn new(rules: &[Json]) -> Self {
        let config = json!({ "rules": rules }).to_string();
        let records: Vec<OwnedRecord> = (0..RECORDS).map(record).collect();
        Workload {
            plugin: testing::plugin(&config).expect("the rules are good"),
            batches: records
                .chunks(BATCH)
                .map(|records| testing::batch(Box::leak(Box::new(testing::columns(records)))))
                .collect(),
            memory: Remembered::default(),
            position: 0,
            now: START,
            alerts: 0,
        }
    }

    /// How many records a round has.
    pub fn records(&self) -> usize {
        RECORDS
    }

    /// How many alerts the last round raised.
    pub fn alerts(&self) -> usize {
        self.alerts
    }

    /// All records once; those of a round come within four seconds.
    pub fn run(&mut self) {
        let mut raise = Raise::default();
        for batch in &self.batches {
            let (position, now) = (self.position, self.now);
            let arrivals = batch.records().enumerate().map(|(number, record)| {
                let moment = Moment {
                    position: Position(position + number as u32),
                    now: now + number as u64,
                };
                (record, moment)
            });
            self.plugin
                .detect_all(&mut self.memory, arrivals, &mut raise);
            self.position += BATCH as u32;
            self.now += BATCH as u64;
        }
        self.alerts = format!("{raise:?}").matches("rule:").count();
    }
}

/// The sets of rules.
pub fn all() -> Vec<(&'static str, Workload)> {
    vec![
        ("none", Workload::new(&[])),
        ("ten, counted by service", Workload::new(&ten("60s"))),
        (
            "1,000: a service and a literal",
            Workload::new(&many(service_and_literal)),
        ),
        (
            "1,000: a value of their own",
            Workload::new(&many(
                |n| json!({"field": "user", "equals": format!("u-{n:06}")}),
            )),
        ),
        (
            "1,000: a pattern of their own",
            Workload::new(&many(
                |n| json!({"field": "body", "regex": format!("worker-{n} (stopped|died) after \\d+ s")}),
            )),
        ),
        (
            "1,000: severity and service",
            Workload::new(&many(severity_and_service)),
        ),
    ]
}

/// Five values of attributes, two literals, two limits, one pattern at the start.
fn ten(within: &str) -> Vec<Json> {
    let whens = [
        json!({"field": "http.route", "equals": "/orders/{id}"}),
        json!({"field": "http.method", "equals": "DELETE"}),
        json!({"field": "user", "equals": "u-000777"}),
        json!({"field": "resource.k8s.namespace.name", "equals": "billing"}),
        json!({"field": "error.type", "equals": "TimeoutException"}),
        json!({"field": "body", "contains": "connection reset"}),
        json!({"field": "body", "contains": "out of memory"}),
        json!({"field": "latency_ms", "greater": 850}),
        json!({"field": "status", "greater": 499}),
        json!({"field": "body", "regex": "^panic: .* at [a-z]+\\.rs:\\d+"}),
    ];
    let rule = |(n, when): (usize, &Json)| {
        json!({
            "name": format!("rule-{n}"), "when": when, "group_by": ["resource.service.name"],
            "count": {"at_least": 1_000_000}, "within": within,
        })
    };
    whens.iter().enumerate().map(rule).collect()
}

fn many(when: impl Fn(usize) -> Json) -> Vec<Json> {
    let rule = |n: usize| {
        json!({
            "name": format!("rule-{n}"), "when": when(n), "group_by": ["resource.service.name"],
            "count": {"at_least": 1_000_000}, "within": "60s",
        })
    };
    (0..1_000).map(rule).collect()
}

fn service_and_literal(n: usize) -> Json {
    json!({"all": [
        {"field": "resource.service.name", "equals": format!("service-{}", n % 50)},
        {"field": "body", "contains": format!("code E{n:04}")},
    ]})
}

fn severity_and_service(n: usize) -> Json {
    json!({"all": [
        {"field": "severity", "at_least": "error"},
        {"field": "resource.service.name", "equals": format!("service-{}", n % 50)},
        {"field": "latency_ms", "greater": 10_000 + n},
    ]})
}

fn record(n: usize) -> OwnedRecord {
    let n = n.wrapping_mul(2_654_435_761) % 1_000_000;
    let (service, latency) = (n % 50, (n / 7) % 900);
    let error = n.is_multiple_of(25);
    let body = format!(
        "payment provider {} answered in {latency} ms with code E{:04}, attempt {} of 5, order {n}",
        n % 9,
        n % 5_000,
        n % 5
    );
    let severity = if error {
        Severity::ERROR
    } else {
        Severity::INFO
    };
    OwnedRecord::new(body)
        .severity(severity)
        .with(
            "http.method",
            if n.is_multiple_of(3) { "POST" } else { "GET" },
        )
        .with(
            "http.route",
            if n.is_multiple_of(20) {
                "/orders/{id}"
            } else {
                "/healthz"
            },
        )
        .with("status", if error { 503 } else { 200 })
        .with("latency_ms", latency as i64)
        .with("user", &format!("u-{:06}", n % 20_000))
        .with("thread", "worker-7")
        .with_resource("service.name", &format!("service-{service}"))
        .with_resource("k8s.namespace.name", "shop")
        .with_resource(
            "k8s.pod.name",
            &format!("service-{service}-5d9f7c-{:05x}", n),
        )
}
