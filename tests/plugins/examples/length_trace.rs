//! Returns a trace column of half a trace.

use tidegate_test_plugins::answer::Parsed;

fn misbehave(answer: &mut Parsed, record: usize) {
    let _ = record;
    answer.records.trace = vec![7; 12];
}

tidegate_test_plugins::parser!(misbehave);
