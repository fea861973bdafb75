//! Go: the one on the PATH where it is new enough, else a pinned one that the old one fetches.
//!
//! Debian 12 packages Go 1.19, which can neither build the Collector nor fetch a newer Go by itself, as Go has done
//! since 1.21. What it can do is download modules, checksums verified, and newer Gos are published as one.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::cache::Entry;
use crate::versions::{GO, GO_MIN, GO_MIN_FETCHING};
use crate::{files, process, say};

/// True when the Go on the PATH builds the Collector, or can fetch one that does.
pub fn is_usable() -> bool {
    on_path().is_some_and(|version| version >= GO_MIN_FETCHING)
}

/// A command of a Go that builds the Collector; fetches one into the cache where the one on the PATH is too old.
pub fn command() -> Result<Command> {
    if on_path().is_some_and(|version| version >= GO_MIN) {
        return Ok(Command::new("go"));
    }
    let mut go = Command::new(fetch()?.join("bin/go"));
    // A GOROOT that is set is the old one's.
    go.env_remove("GOROOT").env("GOTOOLCHAIN", "local");
    Ok(go)
}

fn on_path() -> Option<(u32, u32)> {
    version(&process::probe(Command::new("go").arg("version"))?)
}

/// The folder of Go [`GO`] in the cache, with `bin` in it.
fn fetch() -> Result<PathBuf> {
    let module = module(std::env::consts::ARCH)?;
    if stays_with_its_version() {
        bail!(
            "Go on the PATH is older than {}.{}, and GOTOOLCHAIN says that no other may be fetched: \
             put a newer Go on the PATH, or let GOTOOLCHAIN be `auto`",
            GO_MIN.0,
            GO_MIN.1
        );
    }
    let entry = Entry {
        name: format!("go-{GO}"),
        made_from: module.clone().into_bytes(),
    };
    let folder = entry.get(|folder| {
        let what = format!("fetching Go {GO}: the one on the PATH is too old for the Collector");
        say::timed(&what, || {
            let modules = folder.join("modules");
            let mut download = Command::new("go");
            download.args(["mod", "download", "-json", &module]);
            // In a folder without a go.mod. Writable, so that it can be moved and removed.
            download
                .current_dir(folder)
                .env("GOMODCACHE", &modules)
                .env("GOFLAGS", "-modcacherw");
            let answer = process::text(&mut download).with_context(|| {
                format!(
                    "cannot fetch Go {GO}; put Go {}.{} or newer on the PATH",
                    GO_MIN.0, GO_MIN.1
                )
            })?;
            let answer: Value = serde_json::from_str(&answer).context("Go answered no JSON")?;
            let unpacked = answer["Dir"]
                .as_str()
                .context("Go did not say where it put the module")?;
            fs::rename(unpacked, folder.join("go")).context("cannot move the module of Go")?;
            files::remove_folder(&modules)?;
            make_runnable(&folder.join("go"))
        })
    })?;
    Ok(folder.join("go"))
}

/// The module that holds Go [`GO`] for Linux on this kind of processor, as Rust names it.
fn module(arch: &str) -> Result<String> {
    let arch = match arch {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => bail!(
            "the Collector needs Go {}.{} or newer, and none is pinned for {other}: put one on the PATH",
            GO_MIN.0,
            GO_MIN.1
        ),
    };
    Ok(format!("golang.org/toolchain@v0.0.1-go{GO}.linux-{arch}"))
}

/// True when the user told Go not to fetch other versions of itself. A Go before 1.21 does not know of that setting,
/// so we look where a newer one would.
fn stays_with_its_version() -> bool {
    let variable = std::env::var("GOTOOLCHAIN").ok();
    let kept = || {
        let file = process::probe(Command::new("go").args(["env", "GOENV"]))?;
        kept_toolchain(&fs::read_to_string(file.trim()).ok()?)
    };
    let choice = variable.filter(|value| !value.is_empty()).or_else(kept);
    choice.is_some_and(|choice| forbids_fetching(&choice))
}

/// `text` is Go's own file of settings: `NAME=value` lines.
fn kept_toolchain(text: &str) -> Option<String> {
    let value = |line: &str| line.strip_prefix("GOTOOLCHAIN=").map(String::from);
    text.lines().find_map(value)
}

fn forbids_fetching(choice: &str) -> bool {
    choice == "local" || choice == "path" || choice.ends_with("+path")
}

/// What a module's archive cannot keep: execute bits, and other files named go.mod than its own. Go does the same when
/// it fetches itself.
fn make_runnable(go: &Path) -> Result<()> {
    for folder in ["bin", "pkg/tool"] {
        each_file(&go.join(folder), &mut |path| {
            let mode = fs::metadata(path)?.permissions().mode();
            Ok(fs::set_permissions(
                path,
                fs::Permissions::from_mode(mode | 0o111),
            )?)
        })?;
    }
    each_file(go, &mut |path| {
        if path.file_name() == Some(OsStr::new("_go.mod")) {
            fs::rename(path, path.with_file_name("go.mod"))?;
        }
        Ok(())
    })
}

fn each_file(folder: &Path, work: &mut impl FnMut(&Path) -> Result<()>) -> Result<()> {
    let entries =
        fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    for entry in entries {
        let path = entry?.path();
        if path.is_dir() {
            each_file(&path, work)?;
        } else {
            work(&path).with_context(|| format!("cannot change {}", path.display()))?;
        }
    }
    Ok(())
}

/// `text` is what `go version` prints: `go version go1.26.8 linux/amd64`.
fn version(text: &str) -> Option<(u32, u32)> {
    let word = text.split_whitespace().nth(2)?.strip_prefix("go")?;
    let mut numbers = word.split('.').map(process::leading_number);
    Some((numbers.next()??, numbers.next()??))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::TemporaryFolder;

    /// *Scenario:* what old and new Gos say of themselves, and something else.
    /// *Guarantees:* the version is read, and Debian 12's Go is one that can fetch but not build.
    #[test]
    fn versions_are_read() {
        assert_eq!(version("go version go1.26.8 linux/amd64"), Some((1, 26)));
        assert_eq!(version("go version go1.21rc2 linux/amd64"), Some((1, 21)));
        assert_eq!(version("go version devel"), None);
        let debian = version("go version go1.19.8 linux/amd64").unwrap();
        assert!((GO_MIN_FETCHING..GO_MIN).contains(&debian));
    }

    /// *Scenario:* processors that are supported, and one that is not.
    /// *Guarantees:* Go's names for them are used; for the other the user is told what to do.
    #[test]
    fn the_module_is_that_of_the_machine() {
        let of = |arch| module(arch).unwrap();
        assert_eq!(
            of("x86_64"),
            format!("golang.org/toolchain@v0.0.1-go{GO}.linux-amd64")
        );
        assert_eq!(
            of("aarch64"),
            format!("golang.org/toolchain@v0.0.1-go{GO}.linux-arm64")
        );
        let problem = module("riscv64").unwrap_err().to_string();
        assert!(
            problem.contains("riscv64") && problem.contains("PATH"),
            "{problem}"
        );
    }

    /// *Scenario:* the choices that GOTOOLCHAIN knows, in Go's file of settings among others.
    /// *Guarantees:* a user who wants no other Go fetched gets none.
    #[test]
    fn the_users_choice_is_kept() {
        let kept = kept_toolchain("GOFLAGS=-x\nGOTOOLCHAIN=local\n").unwrap();
        assert!(forbids_fetching(&kept));
        assert_eq!(kept_toolchain("GOFLAGS=-x\n"), None);
        assert!(forbids_fetching("path") && forbids_fetching("go1.22.0+path"));
        assert!(!forbids_fetching("auto") && !forbids_fetching("local+auto"));
    }

    /// *Scenario:* a toolchain as it comes out of its archive: no execute bits, go.mod files under another name.
    /// *Guarantees:* programs can be run, other files cannot, and every go.mod has its name.
    #[test]
    fn an_unpacked_toolchain_becomes_runnable() {
        let folder = TemporaryFolder::new("go-test").unwrap();
        let go = folder.path();
        for name in [
            "bin/go",
            "pkg/tool/linux_amd64/link",
            "src/_go.mod",
            "src/a/b/_go.mod",
            "src/a.go",
        ] {
            files::write_if_changed(&go.join(name), b"").unwrap();
        }
        make_runnable(go).unwrap();
        let runnable =
            |name: &str| go.join(name).metadata().unwrap().permissions().mode() & 0o111 == 0o111;
        assert!(
            runnable("bin/go") && runnable("pkg/tool/linux_amd64/link") && !runnable("src/a.go")
        );
        assert!(go.join("src/go.mod").exists() && go.join("src/a/b/go.mod").exists());
        assert!(!go.join("src/_go.mod").exists());
    }
}
