//! What scoring costs: `cargo run --profile guest -p score-rate --example cost` (optimized as guests are) prints nanoseconds a
//! record: the median of calls of 1,000 records, and the quartiles.

use score_rate::Rate;
use std::time::Instant;
use tidegate_sdk::testing::{self, OwnedRecord};
use tidegate_sdk::{Columns, Moment, Plugin, Position, Scorer, Scores, Severity};

const CALLS: usize = 60;
const RECORDS: usize = 1_000;
const ROUNDS: usize = 5;

fn main() {
    let plugin = Rate::configure(score_rate::Config::default()).expect("the defaults are valid");
    for services in [4, 50, 5_000] {
        let calls: Vec<Columns> = (0..CALLS).map(|call| columns(call, services)).collect();
        let [low, median, high] = quartiles(measure(&plugin, &calls));
        println!("{services} services: {median:.0} ns a record ({low:.0} to {high:.0})");
    }
}

/// Nanoseconds a record, of each call but those of the first round.
fn measure(plugin: &Rate, calls: &[Columns]) -> Vec<f64> {
    let mut shard = <Rate as Scorer>::Memory::default();
    let mut times = Vec::new();
    let mut now = 1_800_000_000_000;
    for round in 0..ROUNDS {
        for columns in calls {
            let batch = testing::batch(columns);
            let mut scores = Scores::default();
            let start = Instant::now();
            for (record, position) in batch.records().zip(0..) {
                now += 1;
                let moment = Moment {
                    position: Position(position),
                    now,
                };
                std::hint::black_box(plugin.score(&mut shard, record, moment, &mut scores));
            }
            if round > 0 {
                times.push(start.elapsed().as_secs_f64() * 1e9 / RECORDS as f64);
            }
        }
    }
    times
}

fn columns(call: usize, services: usize) -> Columns {
    let record = |number: usize| {
        // The same on every machine, and in no order.
        let chance = (call * RECORDS + number).wrapping_mul(0x9E37_79B9) >> 7;
        let severity = [9, 9, 9, 13, 17][chance % 5];
        OwnedRecord::new("order accepted")
            .severity(Severity::new(severity).expect("a severity"))
            .with("user", "u-17")
            .with("latency_ms", 12_i64)
            .with_resource("host.name", "node-1")
            .with_resource(
                "service.name",
                format!("service-{}", chance / 5 % services).as_str(),
            )
    };
    let records: Vec<OwnedRecord> = (0..RECORDS).map(record).collect();
    testing::columns(&records)
}

fn quartiles(mut times: Vec<f64>) -> [f64; 3] {
    times.sort_by(f64::total_cmp);
    [1, 2, 3].map(|quarter| times[times.len() * quarter / 4])
}
