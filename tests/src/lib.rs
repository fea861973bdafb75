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
pub mod kafka;
pub mod memory;
pub mod pipeline;

use std::net::TcpListener;
use std::path::PathBuf;
use std::time::{Duration, Instant};

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

/// Asks every 50 ms until the answer is yes.
///
/// # Panics
///
/// When it is not within `limit`; the message names what was waited for.
pub async fn wait_for(what: &str, limit: Duration, mut ask: impl AsyncFnMut() -> bool) {
    let end = Instant::now() + limit;
    while !ask().await {
        assert!(
            Instant::now() < end,
            "{what} did not happen within {limit:?}"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
