//! Panics.

use tidegate_test_plugins::answer::Edits;

fn misbehave(answer: &mut Edits, record: usize) {
    let _ = answer;
    panic!("record {record} is poison");
}

tidegate_test_plugins::enricher!(misbehave);
