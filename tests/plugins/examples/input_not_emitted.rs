//! Returns a record of an input that it calls dropped.

use tidegate_test_plugins::answer::Parsed;

fn misbehave(answer: &mut Parsed, record: usize) {
    answer.verdicts[record] = 1;
}

tidegate_test_plugins::parser!(misbehave);
