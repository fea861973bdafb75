//! What a plugin may ask of the gateway. Outside Wasm, in tests, log lines go to stderr and counts are kept for
//! [`testing::counted`](crate::testing::counted).

/// How much a log line matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogLevel {
    /// For finding faults.
    Debug,
    /// Worth knowing.
    Info,
    /// Worth looking at.
    Warning,
    /// Something went wrong.
    Error,
}

/// Writes to the gateway's own log, with the plugin's name and version. The gateway limits the rate.
pub fn log(level: LogLevel, message: &str) {
    #[cfg(target_arch = "wasm32")]
    crate::raw::log(level, message);
    #[cfg(not(target_arch = "wasm32"))]
    eprintln!("{level:?} {message}");
}

/// Adds to a counter of the plugin's own, shown with the gateway's metrics. Cheap, but a call across the border: count a
/// batch, not each record, where it matters.
pub fn count(name: &str, amount: u64) {
    #[cfg(target_arch = "wasm32")]
    crate::raw::count(name, amount);
    #[cfg(not(target_arch = "wasm32"))]
    crate::testing::count(name, amount);
}
