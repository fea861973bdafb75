//! Building the plugins of this repository for WebAssembly: those that ship to `target/plugins`, where the host's
//! build takes them from, and those that misbehave, for the tests, to `target/test-plugins`.
//!
//! A file is written only when its bytes changed, so that the host is not built again for nothing.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::build::{self, Artifact};
use crate::guest_compiler::{self, GuestCompiler};
use crate::install::Setup;
use crate::{files, project, say};

/// The crate whose examples are the plugins that misbehave.
const TEST_PLUGINS: &str = "tidegate-test-plugins";

/// Builds the plugins that ship and those of the tests.
pub fn build_all(setup: &Setup) -> Result<()> {
    let compiler = guest_compiler::find(setup)?;
    say::timed("building the plugins for WebAssembly", || {
        shipped(&compiler)?;
        of_tests(&compiler)
    })
}

/// Builds the plugins that ship.
pub fn build_shipped(setup: &Setup) -> Result<()> {
    let compiler = guest_compiler::find(setup)?;
    say::timed("building the plugins for WebAssembly", || {
        shipped(&compiler)
    })
}

/// Builds one library crate, chosen by `selection` (`--package` or `--manifest-path`), to a `.wasm`.
///
/// By `cargo rustc`, because a library that is an `rlib` too would be left out of link-time optimisation. One crate
/// at a time, so that a plugin has the same bytes whether it is built alone or with the others.
pub fn build_library(
    compiler: &GuestCompiler,
    target_folder: &Path,
    selection: &[OsString],
) -> Result<PathBuf> {
    let mut cargo = cargo("rustc", compiler, target_folder)?;
    let built = build::run(
        cargo
            .args(["--lib", "--crate-type", "cdylib"])
            .args(selection),
    )?;
    let wasm = built.into_iter().rev().find_map(|artifact| artifact.wasm);
    wasm.context("cargo named no .wasm that it built")
}

/// Cargo for guests: profile, compiler, flags and folder, but not which crate.
fn cargo(subcommand: &str, compiler: &GuestCompiler, target_folder: &Path) -> Result<Command> {
    let mut cargo = build::cargo(subcommand)?;
    compiler.apply(&mut cargo);
    cargo
        .args(["--profile", "guest", "--target-dir"])
        .arg(target_folder);
    cargo.env("CARGO_ENCODED_RUSTFLAGS", flags()?);
    Ok(cargo)
}

/// One argument each, separated as CARGO_ENCODED_RUSTFLAGS wants it: paths may hold spaces.
fn flags() -> Result<OsString> {
    let mut flags = OsString::from("-Ctarget-feature=+simd128");
    // The default stack is 1 MiB: every instance would begin with it.
    flags.push("\x1f-Clink-arg=-zstack-size=131072");
    // The same bytes from any folder.
    let named = [
        (Some(project::root()?), "tidegate"),
        (project::cargo_home(), "cargo"),
    ];
    for (folder, name) in named {
        let Some(folder) = folder else { continue };
        flags.push("\x1f--remap-path-prefix=");
        flags.push(folder);
        flags.push("=");
        flags.push(name);
    }
    Ok(flags)
}

fn shipped(compiler: &GuestCompiler) -> Result<()> {
    let target_folder = project::guests_target_folder()?;
    let mut plugins = Vec::new();
    for name in shipped_names(&project::root()?.join("plugins"))? {
        let selection = ["--package".into(), OsString::from(&name)];
        plugins.push((name, build_library(compiler, &target_folder, &selection)?));
    }
    publish(plugins, &project::plugins_folder()?)
}

fn of_tests(compiler: &GuestCompiler) -> Result<()> {
    let mut cargo = cargo("build", compiler, &project::guests_target_folder()?)?;
    let built = build::run(cargo.args(["--package", TEST_PLUGINS, "--examples"]))?;
    let example = |artifact: Artifact| Some((artifact.target, artifact.wasm?));
    let plugins = built
        .into_iter()
        .filter(|artifact| artifact.kinds == ["example"])
        .filter_map(example);
    publish(plugins.collect(), &project::test_plugins_folder()?)
}

/// The folders in `plugins/`, which are named as their crates.
fn shipped_names(plugins: &Path) -> Result<BTreeSet<String>> {
    let mut names = BTreeSet::new();
    for entry in
        fs::read_dir(plugins).with_context(|| format!("cannot read {}", plugins.display()))?
    {
        let entry = entry?;
        if entry.path().join("Cargo.toml").is_file() {
            names.insert(entry.file_name().to_string_lossy().into_owned());
        }
    }
    Ok(names)
}

/// Makes `folder` hold these plugins and no others.
fn publish(plugins: Vec<(String, PathBuf)>, folder: &Path) -> Result<()> {
    files::make_folder(folder)?;
    let wanted: BTreeSet<_> = plugins
        .iter()
        .map(|(name, _)| format!("{name}.wasm"))
        .collect();
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if name.ends_with(".wasm") && !wanted.contains(&name) {
            fs::remove_file(folder.join(name))?;
        }
    }
    let count = plugins.len();
    let mut changed = 0;
    for (name, built) in plugins {
        let bytes = fs::read(&built).with_context(|| format!("cannot read {}", built.display()))?;
        if files::write_if_changed(&folder.join(format!("{name}.wasm")), &bytes)? {
            changed += 1;
            say::note(&format!("{name}: {} KiB", bytes.len().div_ceil(1024)));
        }
    }
    say::note(&format!(
        "{count} plugins in {}, {changed} of them changed",
        folder.display()
    ));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::TemporaryFolder;

    /// *Scenario:* three plugins are published, then one is gone and one has other bytes.
    /// *Guarantees:* the folder holds exactly the plugins of the last build: the host embeds what lies there.
    #[test]
    fn the_folder_holds_the_last_build() {
        let folder = TemporaryFolder::new("publish-test").unwrap();
        let source = |name: &str, bytes: &str| {
            let path = folder.path().join(name);
            fs::write(&path, bytes).unwrap();
            (name.to_string(), path)
        };
        let out = folder.path().join("out");
        publish(
            vec![source("a", "1"), source("b", "2"), source("c", "3")],
            &out,
        )
        .unwrap();
        publish(vec![source("a", "1"), source("c", "4")], &out).unwrap();
        assert_eq!(fs::read(out.join("a.wasm")).unwrap(), b"1");
        assert_eq!(fs::read(out.join("c.wasm")).unwrap(), b"4");
        assert_eq!(fs::read_dir(&out).unwrap().count(), 2);
    }

    /// *Scenario:* a folder of plugins with something else in it.
    /// *Guarantees:* crates are found, in order, and nothing else.
    #[test]
    fn plugins_are_the_folders_with_a_manifest() {
        let folder = TemporaryFolder::new("names-test").unwrap();
        for name in ["parse-b", "parse-a"] {
            files::write_if_changed(&folder.path().join(name).join("Cargo.toml"), b"").unwrap();
        }
        files::write_if_changed(&folder.path().join("README.md"), b"").unwrap();
        files::make_folder(&folder.path().join("target")).unwrap();
        let names = shipped_names(folder.path()).unwrap();
        assert_eq!(
            names.into_iter().collect::<Vec<_>>(),
            ["parse-a", "parse-b"]
        );
    }
}
