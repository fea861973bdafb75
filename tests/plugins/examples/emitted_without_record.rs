//! Says emitted and returns no record.

use tidegate_test_plugins::answer::Parsed;

fn misbehave(answer: &mut Parsed, record: usize) {
    answer.take_back(record);
}

tidegate_test_plugins::parser!(misbehave);
