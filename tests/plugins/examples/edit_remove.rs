//! Removes an attribute that is not there.

use tidegate_test_plugins::answer::Edits;

fn misbehave(answer: &mut Edits, record: usize) {
    let _ = record;
    answer.remove.push(1_000_000);
}

tidegate_test_plugins::enricher!(misbehave);
