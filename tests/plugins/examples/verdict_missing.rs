//! Says nothing of some records.

use tidegate_test_plugins::answer::Parsed;

fn misbehave(answer: &mut Parsed, record: usize) {
    answer.take_back(record);
    answer.verdicts.pop();
}

tidegate_test_plugins::parser!(misbehave);
