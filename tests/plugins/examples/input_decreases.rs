//! Returns records out of order.

use tidegate_test_plugins::answer::Parsed;

fn misbehave(answer: &mut Parsed, record: usize) {
    answer.take_back(record);
    let spare = answer.input.first().copied();
    let c = &mut answer.records;
    c.seconds.extend([1, 1]);
    c.nanos.extend([0, 0]);
    c.severity.extend([0, 0]);
    c.body.extend([0; 4]);
    c.body_kind = Vec::new();
    c.attribute_end.extend([0, 0]);
    answer
        .input
        .extend([record as u32, spare.unwrap_or(u32::MAX)]);
}

tidegate_test_plugins::parser!(misbehave);
