//! What the tests on real parts share: Apache Kafka, the OpenTelemetry Collector and the gateway as
//! processes of their own, and the comparison of what arrived with what was meant.
//!
//! Every process is started through [`guard::Guard`], so that none outlives the tests, even when the
//! tests are killed.
#![allow(clippy::missing_panics_doc)]

pub mod collector;
pub mod expect;
pub mod gateway;
pub mod guard;
pub mod incidents;
pub mod kafka;
pub mod memory;
pub mod pipeline;
pub mod plugins;

use std::fs::File;
use std::net::TcpListener;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Mutex;
use std::time::Duration;

/// The folder with what xtask fetched and built: `$TIDEGATE_CACHE`, or `tidegate` in the user's cache.
pub fn cache() -> PathBuf {
    let from = |name: &str| {
        std::env::var_os(name)
            .filter(|v| !v.is_empty())
            .map(PathBuf::from)
    };
    from("TIDEGATE_CACHE")
        .or_else(|| from("XDG_CACHE_HOME").map(|d| d.join("tidegate")))
        .or_else(|| from("HOME").map(|d| d.join(".cache/tidegate")))
        .expect("HOME, XDG_CACHE_HOME or TIDEGATE_CACHE says where the tools are")
}

/// Below the ports that systems give to connections that go out: none of these ends up there while a server is away.
const PORTS: Range<u16> = 20_000..32_000;

/// A loopback port that is free, and that no other test takes while this process runs, though nobody listens there.
pub fn free_port() -> u16 {
    static TAKEN: Mutex<Vec<File>> = Mutex::new(Vec::new());
    let folder = std::env::temp_dir().join("tidegate-test-ports");
    std::fs::create_dir_all(&folder).expect("a folder");
    loop {
        let port = fastrand::u16(PORTS);
        let lock = File::create(folder.join(port.to_string())).expect("a file to lock");
        if lock.try_lock().is_ok() && TcpListener::bind(("127.0.0.1", port)).is_ok() {
            TAKEN.lock().expect("no panic").push(lock);
            return port;
        }
    }
}

/// How often a test asks whether something is so.
pub const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// Asks until the answer is yes.
///
/// # Panics
///
/// When it is not within `limit`; the message names what was waited for.
pub async fn wait_for(what: &str, limit: Duration, ask: impl AsyncFnMut() -> bool) {
    wait_for_or_tell(what, limit, ask, String::new).await;
}

/// As [`wait_for`]; `tell` adds to the message what may say why, a log for example.
///
/// # Panics
///
/// When it is not within `limit`.
pub async fn wait_for_or_tell(
    what: &str,
    limit: Duration,
    mut ask: impl AsyncFnMut() -> bool,
    tell: impl Fn() -> String,
) {
    let asking = async {
        let mut again = tokio::time::interval(LOOK_AGAIN);
        while !ask().await {
            again.tick().await;
        }
    };
    if tokio::time::timeout(limit, asking).await.is_err() {
        panic!("{what} did not happen within {limit:?}\n{}", tell());
    }
}
