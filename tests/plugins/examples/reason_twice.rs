//! Gives two reasons for one record.

use tidegate_test_plugins::answer::Parsed;

fn misbehave(answer: &mut Parsed, record: usize) {
    answer.reasons.push((record as u32, "one".into()));
    answer.reasons.push((record as u32, "two".into()));
}

tidegate_test_plugins::parser!(misbehave);
