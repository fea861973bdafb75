//! Gives a reason for a record that is not there.

use tidegate_test_plugins::answer::Parsed;

fn misbehave(answer: &mut Parsed, record: usize) {
    let _ = record;
    answer.reasons.push((1_000_000, "nobody".into()));
}

tidegate_test_plugins::parser!(misbehave);
