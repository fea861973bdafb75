//! Plugins that misbehave, one a file under `examples/`, and what they share: the contract's columns and
//! its canonical ABI by hand, because the SDK would not let them break a rule.
//!
//! Each is honest but for records whose body contains [`MARK`]: there it does what its file is named for.
//! A parser emits each record with its body, an enricher changes nothing.

pub mod answer;
#[cfg(target_arch = "wasm32")]
pub mod raw;

/// What marks the records at which a plugin misbehaves.
pub const MARK: &[u8] = b"POISON";

/// Writes to the gateway's log, as an information.
pub fn log(message: &str) {
    #[cfg(target_arch = "wasm32")]
    raw::log(message);
    #[cfg(not(target_arch = "wasm32"))]
    let _ = message;
}

/// Exports a parser that calls a function with its honest answer and the number of a marked record.
#[macro_export]
macro_rules! parser {
    ($misbehave:path) => {
        #[cfg(not(target_arch = "wasm32"))]
        const _: fn(&mut $crate::answer::Parsed, usize) = $misbehave;
        #[cfg(target_arch = "wasm32")]
        const _: () = {
            #[unsafe(export_name = "tidegate:plugin/parser@0.1.0#parse")]
            unsafe extern "C" fn parse(
                given: *mut $crate::raw::ParseArguments,
            ) -> *const $crate::raw::Lists {
                // SAFETY: the gateway passes what it allocated for this call.
                unsafe { $crate::raw::parse(given, $misbehave) }
            }
            $crate::lifecycle!();
        };
    };
}

/// Exports an enricher that calls a function with its honest answer and the number of a marked record.
#[macro_export]
macro_rules! enricher {
    ($misbehave:path) => {
        #[cfg(not(target_arch = "wasm32"))]
        const _: fn(&mut $crate::answer::Edits, usize) = $misbehave;
        #[cfg(target_arch = "wasm32")]
        const _: () = {
            #[unsafe(export_name = "tidegate:plugin/enricher@0.1.0#enrich")]
            unsafe extern "C" fn enrich(
                given: *mut $crate::raw::EnrichArguments,
            ) -> *const $crate::raw::Lists {
                // SAFETY: the gateway passes what it allocated for this call.
                unsafe { $crate::raw::enrich(given, $misbehave) }
            }
            #[unsafe(export_name = "tidegate:plugin/memory@0.1.0#save")]
            extern "C" fn save(_shard: u32) -> *const $crate::raw::Lists {
                $crate::raw::nothing_saved()
            }
            #[unsafe(export_name = "tidegate:plugin/memory@0.1.0#restore")]
            extern "C" fn restore(
                _shard: u32,
                _at: *const u8,
                _len: usize,
            ) -> *const $crate::raw::Lists {
                $crate::raw::done()
            }
            #[unsafe(export_name = "tidegate:plugin/memory@0.1.0#forget")]
            extern "C" fn forget(_shard: u32) {}
            $crate::lifecycle!();
        };
    };
}

/// The exports that every plugin has.
#[macro_export]
macro_rules! lifecycle {
    () => {
        #[unsafe(export_name = "tidegate:plugin/lifecycle@0.1.0#describe")]
        extern "C" fn describe() -> *const $crate::raw::Lists {
            $crate::raw::describe(env!("CARGO_CRATE_NAME"))
        }
        #[unsafe(export_name = "tidegate:plugin/lifecycle@0.1.0#configure")]
        extern "C" fn configure(_at: *const u8, _len: usize) -> *const $crate::raw::Lists {
            $crate::raw::done()
        }
        #[unsafe(export_name = "cabi_realloc")]
        unsafe extern "C" fn realloc(
            old: *mut u8,
            old_len: usize,
            align: usize,
            len: usize,
        ) -> *mut u8 {
            // SAFETY: the gateway passes what it got here.
            unsafe { $crate::raw::realloc(old, old_len, align, len) }
        }
    };
}
