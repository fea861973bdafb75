//! Calls itself without an end.

use tidegate_test_plugins::answer::Parsed;

fn misbehave(answer: &mut Parsed, record: usize) {
    let depth = descend(record as u64);
    answer.records.seconds[record] = depth as u32;
}

#[allow(unconditional_recursion, reason = "this is how it misbehaves")]
#[inline(never)]
fn descend(depth: u64) -> u64 {
    let here = std::hint::black_box([depth; 64]);
    descend(depth + 1) + here[63]
}

tidegate_test_plugins::parser!(misbehave);
