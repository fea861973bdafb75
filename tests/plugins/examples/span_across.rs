//! Returns a span that begins in the given text and ends in the returned one.

use tidegate_test_plugins::answer::Parsed;

fn misbehave(answer: &mut Parsed, record: usize) {
    answer.write(b"more");
    answer.records.body[2 * record] = answer.given - 1;
    answer.records.body[2 * record + 1] = 3;
}

tidegate_test_plugins::parser!(misbehave);
