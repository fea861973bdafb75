//! Returns a span that ends outside both texts.

use tidegate_test_plugins::answer::Parsed;

fn misbehave(answer: &mut Parsed, record: usize) {
    answer.records.body[2 * record + 1] = 1 << 30;
}

tidegate_test_plugins::parser!(misbehave);
