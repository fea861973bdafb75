//! Joins an input to a record that is not there.

use tidegate_test_plugins::answer::Parsed;

fn misbehave(answer: &mut Parsed, record: usize) {
    answer.take_back(record);
    answer.verdicts[record] = 4;
    answer.joined.extend([record as u32, 1_000_000]);
}

tidegate_test_plugins::parser!(misbehave);
