//! Sets a severity that OpenTelemetry does not know.

use tidegate_test_plugins::answer::Edits;

fn misbehave(answer: &mut Edits, record: usize) {
    answer.severity_record.push(record as u32);
    answer.severity.push(25);
    answer.severity_text.extend([0, 0]);
}

tidegate_test_plugins::enricher!(misbehave);
