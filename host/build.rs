//! Embeds the shipped plugins: every `*.wasm` of `<workspace>/target/plugins`, or of `TIDEGATE_PLUGINS_DIR`.
//!
//! Plugins are built before the host (`cargo xtask guests`); a host built without them says so when one is asked for.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::{env, fs};

fn main() {
    println!("cargo::rerun-if-env-changed=TIDEGATE_PLUGINS_DIR");
    let folder = folder();
    // A watched path that is missing would have the host built again every time.
    let _ = fs::create_dir_all(&folder);
    println!("cargo::rerun-if-changed={}", folder.display());
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default()).join("builtins.rs");
    if let Err(e) = fs::write(&out, table(&plugins(&folder))) {
        println!("cargo::error=cannot write {}: {e}", out.display());
    }
}

fn folder() -> PathBuf {
    let host = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    let named = env::var_os("TIDEGATE_PLUGINS_DIR").filter(|d| !d.is_empty());
    match named {
        // Cargo runs this in the package's folder, the user meant the workspace's.
        Some(folder) => host.join("..").join(folder),
        None => host.join("../target/plugins"),
    }
}

/// Name and path of each plugin, sorted so that the binary is the same from any file system.
fn plugins(folder: &Path) -> Vec<(String, PathBuf)> {
    let files = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut plugins: Vec<_> = files
        .map(|f| f.path())
        .filter(|p| p.extension().is_some_and(|e| e == "wasm"))
        .filter_map(|p| Some((p.file_stem()?.to_str()?.to_owned(), p.canonicalize().ok()?)))
        .collect();
    plugins.sort();
    plugins
}

fn table(plugins: &[(String, PathBuf)]) -> String {
    let mut table = String::from("&[");
    for (name, path) in plugins {
        // Writing to a String cannot fail.
        let _ = write!(table, "({name:?}, include_bytes!({path:?}) as &[u8]),");
    }
    table + "]"
}
