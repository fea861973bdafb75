//! Returns a value with the reserved bit.

use tidegate_test_plugins::answer::Parsed;

fn misbehave(answer: &mut Parsed, record: usize) {
    let key = answer.write(b"key");
    answer.add_attribute(record, key, key);
    let at = answer.records.attribute_end[record] as usize - 1;
    answer.records.kind[at] = 128 + 4;
}

tidegate_test_plugins::parser!(misbehave);
