//! Sets an attribute without a value.

use tidegate_test_plugins::answer::Edits;

fn misbehave(answer: &mut Edits, record: usize) {
    let _ = record;
    answer.set_record.push(0);
}

tidegate_test_plugins::enricher!(misbehave);
