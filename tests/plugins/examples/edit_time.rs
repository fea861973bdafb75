//! Sets nanoseconds that make a second.

use tidegate_test_plugins::answer::Edits;

fn misbehave(answer: &mut Edits, record: usize) {
    answer.time_record.push(record as u32);
    answer.time_seconds.push(1);
    answer.time_nanos.push(1_000_000_000);
}

tidegate_test_plugins::enricher!(misbehave);
