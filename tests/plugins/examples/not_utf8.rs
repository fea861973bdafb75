//! Returns text that is no UTF-8.

use tidegate_test_plugins::answer::Parsed;

fn misbehave(answer: &mut Parsed, record: usize) {
    let span = answer.write(&[0xff, 0xfe]);
    answer.records.body[2 * record..2 * record + 2].copy_from_slice(&span);
}

tidegate_test_plugins::parser!(misbehave);
