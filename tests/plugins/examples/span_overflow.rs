//! Returns a span whose end is beyond all numbers.

use tidegate_test_plugins::answer::Parsed;

fn misbehave(answer: &mut Parsed, record: usize) {
    answer.records.body[2 * record] = u32::MAX;
    answer.records.body[2 * record + 1] = u32::MAX;
}

tidegate_test_plugins::parser!(misbehave);
