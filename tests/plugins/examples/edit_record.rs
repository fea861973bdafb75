//! Edits a record that is not there.

use tidegate_test_plugins::answer::Edits;

fn misbehave(answer: &mut Edits, record: usize) {
    let _ = record;
    answer.drop.push(1_000_000);
}

tidegate_test_plugins::enricher!(misbehave);
