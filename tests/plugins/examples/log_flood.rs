//! Writes far more to the log than anybody reads; no fault.

use tidegate_test_plugins::answer::Parsed;

fn misbehave(answer: &mut Parsed, record: usize) {
    let _ = (answer, record);
    let message = "x".repeat(2_000);
    for _ in 0..10_000 {
        tidegate_test_plugins::log(&message);
    }
}

tidegate_test_plugins::parser!(misbehave);
