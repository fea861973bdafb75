//! The macro that makes a plugin of a type.

/// Exports a plugin: `export!(parser Json, "One sentence.");`, or `enricher`, `detector`, `scorer`. Name and version are those of its Cargo.toml.
///
/// Outside Wasm it exports nothing, so that the same crate is tested natively. Of one crate only one type can be exported; a
/// crate that is used as a library of another plugin must not export (leave the macro to the last one).
#[macro_export]
macro_rules! export {
    (parser $plugin:ty, $summary:literal) => {
        $crate::export!(@guest $plugin, $crate::raw::Parsing<$plugin>, $summary, {
            #[unsafe(export_name = "tidegate:plugin/parser@0.1.0#parse")]
            unsafe extern "C" fn parse(arguments: *mut raw::ParseArguments) -> *const raw::ParsedArea {
                // SAFETY: called by the gateway, with the arguments of `parse`.
                GUEST.with_borrow_mut(|guest| unsafe { guest.parse(arguments) })
            }
        });
    };
    (enricher $plugin:ty, $summary:literal) => {
        $crate::export!(@guest $plugin, $crate::raw::Enriching<$plugin>, $summary, {
            #[unsafe(export_name = "tidegate:plugin/enricher@0.1.0#enrich")]
            unsafe extern "C" fn enrich(arguments: *mut raw::EnrichArguments) -> *const raw::EditsArea {
                // SAFETY: called by the gateway, with the arguments of `enrich`.
                GUEST.with_borrow_mut(|guest| unsafe { guest.enrich(arguments) })
            }
            $crate::export!(@memory);
        });
    };
    (detector $plugin:ty, $summary:literal) => {
        $crate::export!(@guest $plugin, $crate::raw::Detecting<$plugin>, $summary, {
            #[unsafe(export_name = "tidegate:plugin/detector@0.1.0#detect")]
            unsafe extern "C" fn detect(arguments: *mut raw::SeenArguments) -> *const raw::AlertsArea {
                // SAFETY: called by the gateway, with the arguments of `detect`.
                GUEST.with_borrow_mut(|guest| unsafe { guest.detect(arguments) })
            }
            #[unsafe(export_name = "tidegate:plugin/detector@0.1.0#tick")]
            extern "C" fn tick(shard: u32, now: u64) -> *const raw::AlertsArea {
                GUEST.with_borrow_mut(|guest| guest.tick(shard, now))
            }
            $crate::export!(@memory);
        });
    };
    (scorer $plugin:ty, $summary:literal) => {
        $crate::export!(@guest $plugin, $crate::raw::Scoring<$plugin>, $summary, {
            #[unsafe(export_name = "tidegate:plugin/scorer@0.1.0#score")]
            unsafe extern "C" fn score(arguments: *mut raw::SeenArguments) -> *const raw::ScoresArea {
                // SAFETY: called by the gateway, with the arguments of `score`.
                GUEST.with_borrow_mut(|guest| unsafe { guest.score(arguments) })
            }
            #[unsafe(export_name = "tidegate:plugin/scorer@0.1.0#tick")]
            extern "C" fn tick(shard: u32, now: u64) -> *const raw::AnomaliesArea {
                GUEST.with_borrow_mut(|guest| guest.tick(shard, now))
            }
            $crate::export!(@memory);
        });
    };
    (@memory) => {
        #[unsafe(export_name = "tidegate:plugin/memory@0.1.0#save")]
        extern "C" fn save(shard: u32) -> *const raw::SavedArea {
            GUEST.with_borrow_mut(|guest| guest.memory.save(shard))
        }
        #[unsafe(export_name = "tidegate:plugin/memory@0.1.0#restore")]
        unsafe extern "C" fn restore(shard: u32, at: *const u8, len: usize) -> *const raw::RestoredArea {
            // SAFETY: called by the gateway, with the arguments of `restore`.
            GUEST.with_borrow_mut(|guest| unsafe { guest.memory.restore(shard, at, len) })
        }
        #[unsafe(export_name = "tidegate:plugin/memory@0.1.0#forget")]
        extern "C" fn forget(shard: u32) {
            GUEST.with_borrow_mut(|guest| guest.memory.forget(shard));
        }
    };
    (@guest $plugin:ty, $guest:ty, $summary:literal, { $($kind:tt)* }) => {
        #[cfg(target_arch = "wasm32")]
        const _: () = {
            use $crate::raw;
            // A component instance has one thread and one call at a time.
            ::std::thread_local! {
                static GUEST: ::std::cell::RefCell<$guest> = const { ::std::cell::RefCell::new(<$guest>::new()) };
            }
            #[unsafe(export_name = "cabi_realloc")]
            unsafe extern "C" fn realloc(old: *mut u8, old_len: usize, align: usize, new_len: usize) -> *mut u8 {
                // SAFETY: called by the gateway, with what it got here.
                unsafe { raw::realloc(old, old_len, align, new_len) }
            }
            #[unsafe(export_name = "tidegate:plugin/lifecycle@0.1.0#describe")]
            extern "C" fn describe() -> *const raw::DescriptionArea {
                let (name, version) = (env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"));
                GUEST.with_borrow_mut(|guest| guest.lifecycle.describe(name, version, $summary))
            }
            #[unsafe(export_name = "tidegate:plugin/lifecycle@0.1.0#configure")]
            unsafe extern "C" fn configure(at: *const u8, len: usize) -> *const raw::ConfiguredArea {
                // SAFETY: called by the gateway, with the argument of `configure`.
                GUEST.with_borrow_mut(|guest| unsafe { guest.lifecycle.configure(at, len) })
            }
            $($kind)*
        };
    };
}
