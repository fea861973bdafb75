//! Returns attribute ends that decrease.

use tidegate_test_plugins::answer::Parsed;

fn misbehave(answer: &mut Parsed, record: usize) {
    let key = answer.write(b"key");
    answer.add_attribute(record, key, key);
    answer.records.attribute_end[record] = 9;
}

tidegate_test_plugins::parser!(misbehave);
