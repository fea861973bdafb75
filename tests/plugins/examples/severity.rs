//! Returns a severity that OpenTelemetry does not know.

use tidegate_test_plugins::answer::Parsed;

fn misbehave(answer: &mut Parsed, record: usize) {
    answer.records.severity[record] = 25;
}

tidegate_test_plugins::parser!(misbehave);
