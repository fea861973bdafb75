//! Sets a body outside both texts.

use tidegate_test_plugins::answer::Edits;

fn misbehave(answer: &mut Edits, record: usize) {
    answer.body_record.push(record as u32);
    answer.body_kind.push(4);
    answer.body.extend([answer.given, 1]);
}

tidegate_test_plugins::enricher!(misbehave);
