//! What rules cost: `cargo run --profile guest -p detect-rules --example speed` (optimized as guests are) prints nanoseconds a
//! record, the least and the median of many stretches, for sets of rules over the same lines; with a word behind it, for the
//! sets whose name has it.

mod workload;

use std::time::Instant;

const ROUNDS: usize = 200;

fn main() {
    let wanted = std::env::args().nth(1).unwrap_or_default();
    println!("rules                                  | least | median ns a record | alerts");
    for (name, mut workload) in workload::all() {
        if !name.contains(&wanted) {
            continue;
        }
        workload.run();
        let mut times: Vec<f64> = (0..ROUNDS)
            .map(|_| {
                let start = Instant::now();
                workload.run();
                start.elapsed().as_secs_f64() * 1e9 / workload.records() as f64
            })
            .collect();
        times.sort_by(f64::total_cmp);
        println!(
            "{name:<38} | {:>5.0} | {:>6.0} | {}",
            times[0],
            times[ROUNDS / 2],
            workload.alerts()
        );
    }
}
