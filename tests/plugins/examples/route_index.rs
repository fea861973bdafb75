//! Sends a record to a route that it did not name.

use tidegate_test_plugins::answer::Edits;

fn misbehave(answer: &mut Edits, record: usize) {
    answer.route_record.push(record as u32);
    answer.route.push(3);
}

tidegate_test_plugins::enricher!(misbehave);
