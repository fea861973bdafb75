//! Returns little text and points to it so often that the export would be huge.

use tidegate_test_plugins::answer::Parsed;

fn misbehave(answer: &mut Parsed, record: usize) {
    let span = answer.write(&[b'x'; 1 << 16]);
    for i in 0..64 {
        let key = answer.write(format!("k{i}").as_bytes());
        answer.add_attribute(record, key, span);
    }
}

tidegate_test_plugins::parser!(misbehave);
