//! Names an input that was not given.

use tidegate_test_plugins::answer::Parsed;

fn misbehave(answer: &mut Parsed, record: usize) {
    answer.input[record] = 1_000_000;
}

tidegate_test_plugins::parser!(misbehave);
