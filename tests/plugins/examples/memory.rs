//! Eats memory.

use tidegate_test_plugins::answer::Parsed;

fn misbehave(answer: &mut Parsed, record: usize) {
    let _ = (answer, record);
    let mut eaten = Vec::new();
    loop {
        eaten.push(vec![1_u8; 1 << 20]);
    }
}

tidegate_test_plugins::parser!(misbehave);
