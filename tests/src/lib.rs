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

use std::net::TcpListener;
use std::path::PathBuf;
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

/// A loopback port that was free a moment ago.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("its address").port()
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
