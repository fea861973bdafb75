//! Returns an attribute twice.

use tidegate_test_plugins::answer::Parsed;

fn misbehave(answer: &mut Parsed, record: usize) {
    let key = answer.write(b"key");
    answer.add_attribute(record, key, key);
    let again = answer.write(b"key");
    answer.add_attribute(record, again, key);
}

tidegate_test_plugins::parser!(misbehave);
