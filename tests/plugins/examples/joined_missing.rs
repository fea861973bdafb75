//! Says joined and not to what.

use tidegate_test_plugins::answer::Parsed;

fn misbehave(answer: &mut Parsed, record: usize) {
    answer.take_back(record);
    answer.verdicts[record] = 4;
}

tidegate_test_plugins::parser!(misbehave);
