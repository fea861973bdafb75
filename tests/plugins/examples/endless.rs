//! Never ends.

use tidegate_test_plugins::answer::Parsed;

fn misbehave(answer: &mut Parsed, record: usize) {
    let _ = (answer, record);
    loop {
        std::hint::spin_loop();
    }
}

tidegate_test_plugins::parser!(misbehave);
