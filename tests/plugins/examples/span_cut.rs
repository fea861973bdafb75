//! Returns a span that ends inside a character.

use tidegate_test_plugins::answer::Parsed;

fn misbehave(answer: &mut Parsed, record: usize) {
    let [start, length] = answer.write("é".as_bytes());
    answer.records.body[2 * record] = start;
    answer.records.body[2 * record + 1] = length - 1;
}

tidegate_test_plugins::parser!(misbehave);
