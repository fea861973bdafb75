//! What scoring costs: `cargo run --profile guest -p score-compression --example cost` (optimized as guests are) prints
//! nanoseconds a record: the median of calls of 1,000 records, and the quartiles.

use score_compression::Compression;
use std::time::Instant;
use tidegate_sdk::testing::{self, OwnedRecord};
use tidegate_sdk::{Columns, Moment, Plugin, Position, Scorer, Scores};

const CALLS: usize = 60;
const RECORDS: usize = 1_000;
const ROUNDS: usize = 5;

fn main() {
    let plugin = Compression::configure(score_compression::Config::default())
        .expect("the defaults are valid");
    for (name, line) in [
        ("ordinary logs", ordinary as fn(&mut u64) -> String),
        ("text that never recurs", never),
    ] {
        let mut state = 0x9E37_79B9_7F4A_7C15_u64;
        let mut bytes = 0;
        let mut call = |_| {
            let lines: Vec<OwnedRecord> = (0..RECORDS)
                .map(|_| OwnedRecord::new(line(&mut state)))
                .collect();
            let columns = testing::columns(&lines);
            bytes += columns.text.len();
            columns
        };
        let calls: Vec<Columns> = (0..CALLS).map(&mut call).collect();
        let [low, median, high] = quartiles(measure(&plugin, &calls));
        println!(
            "{name}: {} bytes a record; {median:.0} ns a record ({low:.0} to {high:.0})",
            bytes / CALLS / RECORDS
        );
    }
}

/// Nanoseconds a record, of each call but those of the first round.
fn measure(plugin: &Compression, calls: &[Columns]) -> Vec<f64> {
    let mut past = <Compression as Scorer>::Memory::default();
    let mut times = Vec::new();
    for round in 0..ROUNDS {
        for columns in calls {
            let batch = testing::batch(columns);
            let mut scores = Scores::default();
            let start = Instant::now();
            for (record, position) in batch.records().zip(0..) {
                let moment = Moment {
                    position: Position(position),
                    now: 1_000,
                };
                std::hint::black_box(plugin.score(&mut past, record, moment, &mut scores));
            }
            if round > 0 {
                times.push(start.elapsed().as_secs_f64() * 1e9 / RECORDS as f64);
            }
        }
    }
    times
}

fn quartiles(mut times: Vec<f64>) -> [f64; 3] {
    times.sort_by(f64::total_cmp);
    [1, 2, 3].map(|quarter| times[times.len() * quarter / 4])
}

fn random(state: &mut u64) -> usize {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    (*state >> 33) as usize
}

fn ordinary(state: &mut u64) -> String {
    let mut number = |most: usize| random(state) % most;
    let route = ["orders", "cart", "users", "items"][number(4)];
    match number(5) {
        0 => format!(
            "INFO  [http-nio-8080-exec-{}] c.s.orders.OrderController - order {} accepted for u-{} in {} ms",
            number(20),
            number(99_999),
            number(9_999),
            number(900)
        ),
        1 => format!(
            "DEBUG [http-nio-8080-exec-{}] c.s.cart.CartRepository - cart {} read in {} ms",
            number(20),
            number(9_999),
            number(90)
        ),
        2 => format!(
            "WARN  [exec-{}] c.s.payment.PaymentClient - provider timed out after {} ms, attempt {}",
            number(20),
            number(9_000),
            number(5)
        ),
        3 => format!(
            "{}.{}.1.{} - - \"GET /api/{route}/{} HTTP/1.1\" 200 {}",
            number(255),
            number(255),
            number(255),
            number(9_999),
            number(9_999)
        ),
        _ => format!(
            "INFO  [kafka-{}] consumer.KafkaConsumer - committed {} of {route}-{} trace {:x}",
            number(4),
            number(1 << 30),
            number(12),
            number(1 << 30)
        ),
    }
}

fn never(state: &mut u64) -> String {
    let word = |state: &mut u64| -> String {
        let letters = 5 + random(state) % 5;
        (0..letters)
            .map(|_| char::from(b'a' + (random(state) % 26) as u8))
            .collect()
    };
    let words: Vec<String> = (0..10).map(|_| word(state)).collect();
    words.join(" ")
}
