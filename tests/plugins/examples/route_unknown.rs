//! Sends a record where the pipeline has no route.

use tidegate_test_plugins::answer::Edits;

fn misbehave(answer: &mut Edits, record: usize) {
    answer.route_record.push(record as u32);
    answer.route.push(0);
    answer.routes = vec!["nowhere".into()];
}

tidegate_test_plugins::enricher!(misbehave);
