//! Says a verdict that nobody knows.

use tidegate_test_plugins::answer::Parsed;

fn misbehave(answer: &mut Parsed, record: usize) {
    answer.take_back(record);
    answer.verdicts[record] = 6;
}

tidegate_test_plugins::parser!(misbehave);
