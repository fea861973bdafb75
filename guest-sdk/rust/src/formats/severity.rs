//! Levels by name.

use crate::value::Severity;

/// The severity of a level's usual names, in any case; unknown where it is none.
#[inline]
pub fn severity(name: &str) -> Severity {
    let Some(first) = name.as_bytes().first() else {
        return Severity::UNKNOWN;
    };
    let is = |names: &[&str]| names.iter().any(|known| name.eq_ignore_ascii_case(known));
    let number = match first | 0x20 {
        b'i' if is(&["info", "information", "informational"]) => 9,
        b'd' if is(&["debug"]) => 5,
        b'w' if is(&["warn", "warning"]) => 13,
        b'e' if is(&["error", "err"]) => 17,
        b'e' if is(&["emerg", "emergency"]) => 24,
        b't' if is(&["trace"]) => 1,
        b'v' if is(&["verbose"]) => 1,
        b'n' if is(&["notice"]) => 10,
        b'f' if is(&["fatal"]) => 21,
        b's' if is(&["severe"]) => 17,
        b'c' if is(&["critical", "crit"]) => 21,
        b'a' if is(&["alert"]) => 22,
        b'p' if is(&["panic"]) => 24,
        _ => 0,
    };
    Severity::new(number).unwrap_or_default()
}
