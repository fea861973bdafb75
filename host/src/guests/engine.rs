//! The WebAssembly engine: one a process, its settings, its compiled-code cache, and the ticker that bounds time.
//!
//! Owns the ticker thread, which ends when the last handle of the engine is gone. Promises that an epoch
//! is never shorter than [`TICK`] of running time: after a freeze of the process, calls in flight lose one
//! tick, not the time of the freeze. Never compiles on a record's path.

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::time::Duration;
use wasmtime::{Cache, CacheConfig, Config, OptLevel};

/// The grain of time limits.
pub(crate) const TICK: Duration = Duration::from_millis(10);
/// Bytes of stack that guest code may use; a deeper recursion is a trap.
const WASM_STACK_BYTES_MAX: usize = 512 << 10;

/// A handle of the engine; clones share it.
#[derive(Clone)]
pub struct Engine {
    inner: wasmtime::Engine,
    // Dropping the last one ends the ticker.
    _ticker: Arc<Sender<()>>,
}

/// The engine could not be set up.
#[derive(Debug, thiserror::Error)]
#[error("cannot set up the WebAssembly engine: {0}")]
pub struct EngineError(String);

impl Engine {
    /// Sets the engine up. Compiled plugins are kept in `cache`, keyed by content, engine version, target and
    /// settings; a folder that cannot be used costs a warning and compile time, nothing else.
    ///
    /// # Errors
    /// The machine is not one that the compiler knows, or gives no thread.
    pub fn new(cache: Option<&Path>) -> Result<Engine, EngineError> {
        let mut config = config();
        config.cache(cache.and_then(open_cache));
        let inner =
            wasmtime::Engine::new(&config).map_err(|e| EngineError(super::chain_text(&e)))?;
        let ticker = spawn_ticker(&inner).map_err(|e| EngineError(e.to_string()))?;
        Ok(Engine {
            inner,
            _ticker: Arc::new(ticker),
        })
    }

    pub(crate) fn wasmtime(&self) -> &wasmtime::Engine {
        &self.inner
    }
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Engine")
    }
}

fn config() -> Config {
    let mut config = Config::new();
    config
        // Synchronous calls on threads of ours; the default makes each call three times as dear.
        .concurrency_support(false)
        .epoch_interruption(true)
        .max_wasm_stack(WASM_STACK_BYTES_MAX)
        .cranelift_opt_level(OptLevel::Speed)
        .wasm_simd(true)
        // The same answer on every machine.
        .relaxed_simd_deterministic(true);
    config
}

/// Within the cache folder: the engine clears away whatever it does not know in the folder that it is given, so it
/// gets one of its own.
const CACHE_FOLDER: &str = "wasmtime";

fn open_cache(folder: &Path) -> Option<Cache> {
    let open = || -> Result<Cache, String> {
        let folder = std::path::absolute(folder).map_err(|e| e.to_string())?;
        let folder = folder.join(CACHE_FOLDER);
        std::fs::create_dir_all(&folder).map_err(|e| e.to_string())?;
        let mut config = CacheConfig::new();
        config.with_directory(folder);
        Cache::new(config).map_err(|e| super::chain_text(&e))
    };
    open()
        .inspect_err(|reason| {
            tracing::warn!(folder = %folder.display(), %reason, "plugins are compiled anew at every start: the cache folder cannot be used");
        })
        .ok()
}

fn spawn_ticker(engine: &wasmtime::Engine) -> std::io::Result<Sender<()>> {
    let (alive, gone) = channel::<()>();
    let engine = engine.weak();
    std::thread::Builder::new()
        .name("tidegate-epochs".into())
        .spawn(move || {
            // One increment a wake-up, however late: a frozen process does not catch up.
            while let Err(RecvTimeoutError::Timeout) = gone.recv_timeout(TICK) {
                match engine.upgrade() {
                    Some(engine) => engine.increment_epoch(),
                    None => return,
                }
            }
        })?;
    Ok(alive)
}

/// Epochs that a call of that length may last; one more because the first may be cut short.
pub(crate) fn ticks(limit: Duration) -> u64 {
    let ticks = limit.as_nanos().div_ceil(TICK.as_nanos());
    u64::try_from(ticks)
        .unwrap_or(u64::MAX / 4)
        .min(u64::MAX / 4)
        + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    /// *Scenario:* an engine is set up and dropped.
    /// *Guarantees:* its ticker ends with it, and not before.
    #[test]
    fn the_ticker_lives_as_long_as_the_engine() {
        let engine = Engine::new(None).unwrap();
        let weak = engine.wasmtime().weak();
        let clone = engine.clone();
        drop(engine);
        assert!(weak.upgrade().is_some());
        drop(clone);
        let limit = std::time::Instant::now() + Duration::from_secs(10);
        while weak.upgrade().is_some() {
            assert!(std::time::Instant::now() < limit, "the ticker holds on");
            std::thread::yield_now();
        }
    }

    /// *Scenario:* the cache folder that is configured has files of somebody else's.
    /// *Guarantees:* the engine, which clears away whatever it does not know, is given a folder of its own.
    #[test]
    fn the_cache_has_a_folder_of_its_own() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("precious"), "mine").unwrap();
        let cache = open_cache(folder.path()).unwrap();
        assert_eq!(cache.directory(), &folder.path().join(CACHE_FOLDER));
        assert!(folder.path().join("precious").is_file());
    }

    /// *Scenario:* time limits around the grain.
    /// *Guarantees:* a call never gets less than its limit, and the sum never overflows.
    #[test]
    fn ticks_are_rounded_up() {
        assert_eq!(ticks(Duration::ZERO), 1);
        assert_eq!(ticks(Duration::from_millis(1)), 2);
        assert_eq!(ticks(Duration::from_millis(500)), 51);
        assert_eq!(ticks(Duration::MAX), u64::MAX / 4 + 1);
    }

    /// *Scenario:* the cache folder is a file.
    /// *Guarantees:* the engine works without it.
    #[test]
    fn an_unusable_cache_is_no_error() {
        let file = tempfile::NamedTempFile::new().unwrap();
        assert!(Engine::new(Some(file.path())).is_ok());
    }
}
