//! How xtask speaks: to stderr, before it does something and after, so that stdout is free for answers.

use std::time::{Duration, Instant};

use anyhow::Result;

/// Says what is about to happen.
pub fn doing(what: &str) {
    eprintln!("==> {what}");
}

/// Says something that needs no time.
pub fn note(what: &str) {
    eprintln!("    {what}");
}

/// Says what is about to happen, does it, and says how long it took.
pub fn timed<T>(what: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
    doing(what);
    let begin = Instant::now();
    let result = work();
    let word = if result.is_ok() { "done" } else { "failed" };
    note(&format!("{word} in {}", seconds(begin.elapsed())));
    result
}

/// A duration as people read it: `0.3 s`, `12.0 s`, `3 min 5 s`.
pub fn seconds(duration: Duration) -> String {
    let whole = duration.as_secs();
    if whole < 100 {
        format!("{:.1} s", duration.as_secs_f64())
    } else {
        format!("{} min {} s", whole / 60, whole % 60)
    }
}
