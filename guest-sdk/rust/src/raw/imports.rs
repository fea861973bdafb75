//! What the gateway offers: `tidegate:plugin/host`.

use crate::host::LogLevel;

mod host {
    #[link(wasm_import_module = "tidegate:plugin/host@0.1.0")]
    unsafe extern "C" {
        pub(super) fn log(level: i32, message: *const u8, message_len: usize);
        pub(super) fn count(name: *const u8, name_len: usize, amount: i64);
    }
}

pub(crate) fn log(level: LogLevel, message: &str) {
    // SAFETY: the gateway reads the text before it returns, and keeps nothing of it.
    unsafe { host::log(level as i32, message.as_ptr(), message.len()) }
}

pub(crate) fn count(name: &str, amount: u64) {
    // SAFETY: as above.
    unsafe { host::count(name.as_ptr(), name.len(), amount as i64) }
}
