//! Panics.

use tidegate_test_plugins::answer::Parsed;

fn misbehave(answer: &mut Parsed, record: usize) {
    let _ = answer;
    panic!("record {record} is poison");
}

tidegate_test_plugins::parser!(misbehave);
