//! `plugin build PATH`: one plugin crate, in this repository or anywhere else, to a `.wasm`.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::install::Setup;
use crate::{guest_compiler, guests, project, say};

/// The profile `guest` of our Cargo.toml, for crates of other workspaces.
const PROFILE: [&str; 8] = [
    "inherits='release'",
    "debug=false",
    "lto=true",
    "codegen-units=1",
    "panic='abort'",
    "strip=true",
    "incremental=false",
    "overflow-checks=false",
];

/// Builds the crate at `path` (its folder or its Cargo.toml), prints the `.wasm` on stdout and how to use it.
pub fn build(setup: &Setup, path: &Path) -> Result<()> {
    let manifest = manifest(path)?;
    let compiler = guest_compiler::find(setup)?;
    let ours = manifest.starts_with(project::root()?);
    let target_folder = target_folder(&manifest, ours)?;
    let mut selection = vec!["--manifest-path".into(), manifest.into_os_string()];
    if !ours {
        let lines = PROFILE.iter().map(|line| format!("profile.guest.{line}"));
        selection.extend(lines.flat_map(|line| ["--config".into(), line.into()]));
    }
    let wasm = say::timed(
        &format!("building {} for WebAssembly", path.display()),
        || guests::build_library(&compiler, &target_folder, &selection),
    )?;
    explain(&wasm)
}

fn manifest(path: &Path) -> Result<PathBuf> {
    let manifest = if path.is_dir() {
        path.join("Cargo.toml")
    } else {
        path.to_owned()
    };
    if !manifest.is_file() || manifest.file_name().is_none_or(|name| name != "Cargo.toml") {
        bail!(
            "{} is no crate: give the folder that holds the plugin's Cargo.toml",
            path.display()
        );
    }
    manifest
        .canonicalize()
        .with_context(|| format!("cannot read {}", manifest.display()))
}

fn target_folder(manifest: &Path, ours: bool) -> Result<PathBuf> {
    if ours {
        return project::guests_target_folder();
    }
    let folder = manifest
        .parent()
        .context("the manifest lies in no folder")?;
    Ok(folder.join("target/guests"))
}

fn explain(wasm: &Path) -> Result<()> {
    let kib = fs::metadata(wasm)?.len().div_ceil(1024);
    let stem = wasm.file_stem().unwrap_or_default().to_string_lossy();
    let name = stem.replace('_', "-");
    println!("{}", wasm.display());
    say::note(&format!("{kib} KiB; in the configuration:"));
    say::note("plugins:");
    say::note(&format!("  {name}: {{ wasm: {} }}", wasm.display()));
    say::note(&format!(
        "and `{name}` in the pipeline's stage for its kind (`parse`, `enrich`, `detect` or `score`: `[{name}]`)"
    ));
    Ok(())
}
