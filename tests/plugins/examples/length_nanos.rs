//! Returns a column that is too short.

use tidegate_test_plugins::answer::Parsed;

fn misbehave(answer: &mut Parsed, record: usize) {
    let _ = record;
    answer.records.nanos.pop();
}

tidegate_test_plugins::parser!(misbehave);
