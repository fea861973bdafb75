//! Returns a value without a key.

use tidegate_test_plugins::answer::Parsed;

fn misbehave(answer: &mut Parsed, record: usize) {
    answer.records.value.extend([record as u32, 0]);
}

tidegate_test_plugins::parser!(misbehave);
