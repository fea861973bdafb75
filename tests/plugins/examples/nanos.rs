//! Returns nanoseconds that make a second.

use tidegate_test_plugins::answer::Parsed;

fn misbehave(answer: &mut Parsed, record: usize) {
    answer.records.nanos[record] = 1_000_000_000;
}

tidegate_test_plugins::parser!(misbehave);
