//! Returns more than it may.

use tidegate_test_plugins::answer::Parsed;

fn misbehave(answer: &mut Parsed, record: usize) {
    let _ = record;
    answer.records.text = vec![b'x'; 3 << 20];
}

tidegate_test_plugins::parser!(misbehave);
