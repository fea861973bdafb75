//! Returns a key without a value.

use tidegate_test_plugins::answer::Parsed;

fn misbehave(answer: &mut Parsed, record: usize) {
    let key = answer.write(b"key");
    answer.add_attribute(record, key, key);
    answer.records.value.pop();
}

tidegate_test_plugins::parser!(misbehave);
