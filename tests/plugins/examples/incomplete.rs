//! Says incomplete of what is offered for the last time.

use tidegate_test_plugins::answer::Parsed;

fn misbehave(answer: &mut Parsed, record: usize) {
    answer.take_back(record);
    answer.verdicts[record] = 5;
}

tidegate_test_plugins::parser!(misbehave);
