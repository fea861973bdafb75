//! cargo-deny: licences, banned crates and sources. Built once, kept in the cache.

use std::path::PathBuf;

use anyhow::Result;

use crate::cache::Entry;
use crate::versions::CARGO_DENY;
use crate::{process, project, say};

/// The program, in the cache; built from source when it is not there.
pub fn prepare() -> Result<PathBuf> {
    let entry = Entry {
        name: format!("cargo-deny-{CARGO_DENY}"),
        made_from: CARGO_DENY.into(),
    };
    let folder = entry.get(|folder| {
        say::timed(
            &format!("building cargo-deny {CARGO_DENY} (some minutes, once)"),
            || {
                let target = folder.join("target");
                let mut cargo = project::cargo()?;
                cargo
                    .args(["install", "--locked", "--quiet", "--root"])
                    .arg(folder);
                cargo.arg("--target-dir").arg(&target);
                cargo.arg(format!("cargo-deny@{CARGO_DENY}"));
                // It runs for a second or two a time: compiling it fast is worth more than its speed.
                // 59 s of CPU; at level 1 in the one unit that its profile says, 121 s (2026-11-21, 2 cores).
                cargo
                    .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "0")
                    .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16")
                    .env("CARGO_PROFILE_RELEASE_LTO", "off");
                process::quietly(&mut cargo)?;
                crate::files::remove_folder(&target)
            },
        )
    })?;
    Ok(folder.join("bin/cargo-deny"))
}

/// Checks the whole workspace by deny.toml. Advisories are a step of CI: their database changes by the day, and what
/// passed here should pass again tomorrow.
pub fn check() -> Result<()> {
    let mut deny = std::process::Command::new(prepare()?);
    deny.current_dir(project::root()?).args([
        "--workspace",
        "--locked",
        "check",
        "--hide-inclusion-graph",
        "bans",
        "licenses",
        "sources",
    ]);
    process::run(&mut deny)
}
