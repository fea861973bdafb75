//! Where things lie in the clone, and cargo.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

/// The root of the clone.
pub fn root() -> Result<PathBuf> {
    // Set by `cargo xtask`; the other is for a binary that was started by hand.
    let own =
        env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    let root = Path::new(&own)
        .parent()
        .context("xtask lies in no folder")?;
    root.canonicalize()
        .with_context(|| format!("{} is gone", root.display()))
}

/// Cargo, at the root of the clone.
pub fn cargo() -> Result<Command> {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(root()?);
    Ok(cargo)
}

/// The folder in which cargo keeps the sources of dependencies.
pub fn cargo_home() -> Option<PathBuf> {
    let home = || env::home_dir().map(|home| home.join(".cargo"));
    env::var_os("CARGO_HOME").map(PathBuf::from).or_else(home)
}

/// Where `guests` puts the plugins that the host embeds, as `NAME.wasm`.
pub fn plugins_folder() -> Result<PathBuf> {
    Ok(root()?.join("target/plugins"))
}

/// Where `guests` puts the plugins that misbehave, as `NAME.wasm`.
pub fn test_plugins_folder() -> Result<PathBuf> {
    Ok(root()?.join("target/test-plugins"))
}

/// Cargo's folder for guests. Each clone has its own: shared by two, cargo takes a stale guest as fresh; and shared
/// with the host, the two builds wait for each other.
pub fn guests_target_folder() -> Result<PathBuf> {
    Ok(root()?.join("target/guests"))
}
