//! Finding a Rust compiler for `wasm32-unknown-unknown`, or bringing one.
//!
//! A toolchain rarely comes with that target's standard library. `rustup` adds it where it manages the toolchain; else
//! Debian's second compiler, which comes with the sources of the standard library, does the work.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::install::Setup;
use crate::{process, say};

/// What guests are compiled for.
pub const TARGET: &str = "wasm32-unknown-unknown";

const DEBIAN_RUSTC: &str = "/usr/bin/rustc";
const DEBIAN_PACKAGES: [&str; 2] = ["rustc-web", "rust-web-src"];
/// It fails within seconds where it cannot; a network that swallows packets is what takes longer.
const RUSTUP_LIMIT: Duration = Duration::from_secs(120);

/// How guests are compiled.
#[derive(Debug)]
pub enum GuestCompiler {
    /// The toolchain that builds the host has the target.
    Toolchain,
    /// Another compiler builds the standard library too, from the sources it came with.
    WithSources { rustc: PathBuf, linker: PathBuf },
}

impl GuestCompiler {
    /// Makes `cargo build` use it. Set by environment, because a configuration file would also hold for tests.
    pub fn apply(&self, cargo: &mut Command) {
        cargo.args(["--target", TARGET]);
        let Self::WithSources { rustc, linker } = self else {
            return;
        };
        cargo.args(["-Zbuild-std=std,panic_abort"]);
        cargo.env("RUSTC", rustc).env("RUSTC_BOOTSTRAP", "1");
        cargo.env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", linker);
        // Set by `cargo xtask` for the other compiler.
        cargo.env_remove("LD_LIBRARY_PATH");
    }
}

/// Finds one, or brings one.
pub fn find(setup: &Setup) -> Result<GuestCompiler> {
    if toolchain_has_target()? || add_target(setup)? {
        return Ok(GuestCompiler::Toolchain);
    }
    if second_compiler()?.is_none() {
        setup
            .apt("missing: a Rust compiler for WebAssembly", &DEBIAN_PACKAGES)
            .with_context(remedy)?;
    }
    let Some(compiler) = second_compiler()? else {
        bail!(remedy())
    };
    say::note(
        "the guests are compiled by Debian's second Rust compiler, their standard library too",
    );
    Ok(compiler)
}

fn remedy() -> String {
    format!("no Rust compiler for {TARGET}: run `rustup target add {TARGET}`, then this again")
}

fn rustc() -> Command {
    Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()))
}

fn toolchain_has_target() -> Result<bool> {
    let folder = process::text(rustc().args(["--print", "target-libdir", "--target", TARGET]))?;
    Ok(Path::new(folder.trim()).is_dir())
}

/// False where there is no rustup or it cannot.
fn add_target(setup: &Setup) -> Result<bool> {
    let mut add = Command::new("rustup");
    if process::probe(Command::new("rustup").arg("--version")).is_none() {
        return Ok(false);
    }
    add.args(["target", "add", TARGET]);
    let mut plan = vec![process::line(&add)];
    if second_compiler()?.is_none() {
        plan.push(format!(
            "or, if that cannot: apt-get install {}",
            DEBIAN_PACKAGES.join(" ")
        ));
    }
    setup.agree("missing: the standard library for WebAssembly", &plan)?;
    match say::timed("adding it by rustup", || {
        process::run_within(&mut add, RUSTUP_LIMIT)
    }) {
        Ok(()) => toolchain_has_target(),
        Err(error) => {
            say::note(&format!("rustup cannot: {error:#}"));
            Ok(false)
        }
    }
}

/// Debian's compiler with the sources of the standard library, and the toolchain's linker.
fn second_compiler() -> Result<Option<GuestCompiler>> {
    let rustc_path = PathBuf::from(DEBIAN_RUSTC);
    let Some(sysroot) = process::probe(Command::new(&rustc_path).args(["--print", "sysroot"]))
    else {
        return Ok(None);
    };
    if !Path::new(sysroot.trim())
        .join("lib/rustlib/src/rust/library")
        .is_dir()
    {
        return Ok(None);
    }
    let sysroot = process::text(rustc().args(["--print", "sysroot"]))?;
    let host = process::text(rustc().args(["--print", "host-tuple"]))?;
    let folder = Path::new(sysroot.trim())
        .join("lib/rustlib")
        .join(host.trim());
    let linker = folder.join("bin/rust-lld");
    Ok(linker.exists().then_some(GuestCompiler::WithSources {
        rustc: rustc_path,
        linker,
    }))
}
