//! What is downloaded or built once for all clones: a folder a part and version in the cache folder.
//!
//! An entry appears whole or not at all (built aside, then renamed). Two runs that need the same one do the work
//! once: the second waits for a file lock, which the system lifts when its holder dies.

use std::env;
use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::{files, say};

/// Beside what an entry is for, it holds what it was made from, under this name.
const MADE_FROM: &str = "made-from";

/// The cache folder: `TIDEGATE_CACHE`, or `tidegate` in the user's cache folder.
pub fn folder() -> Result<PathBuf> {
    folder_by(|name| {
        env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    })
    .context("no home folder is known; set TIDEGATE_CACHE to a folder that may be written")
    .and_then(|folder| std::path::absolute(folder).context("the current folder is gone"))
}

fn folder_by(variable: impl Fn(&str) -> Option<PathBuf>) -> Option<PathBuf> {
    let user = || {
        // The specification of XDG_CACHE_HOME says that a relative one is to be ignored.
        let named = variable("XDG_CACHE_HOME").filter(|path| path.is_absolute());
        named.or_else(|| Some(variable("HOME")?.join(".cache")))
    };
    variable("TIDEGATE_CACHE").or_else(|| Some(user()?.join("tidegate")))
}

/// One thing in the cache: its folder is `NAME`, and it is made anew when `made_from` (sources, versions) changes.
pub struct Entry {
    pub name: String,
    pub made_from: Vec<u8>,
}

impl Entry {
    /// True when it need not be made.
    pub fn is_made(&self) -> bool {
        folder().is_ok_and(|folder| self.is_made_in(&folder))
    }

    /// Its folder; `make` fills an empty one when it is not there.
    pub fn get(&self, make: impl FnOnce(&Path) -> Result<()>) -> Result<PathBuf> {
        self.get_in(&folder()?, make)
    }

    fn is_made_in(&self, cache: &Path) -> bool {
        fs::read(cache.join(&self.name).join(MADE_FROM)).is_ok_and(|from| from == self.made_from)
    }

    fn get_in(&self, cache: &Path, make: impl FnOnce(&Path) -> Result<()>) -> Result<PathBuf> {
        let entry = cache.join(&self.name);
        if self.is_made_in(cache) {
            return Ok(entry);
        }
        files::make_folder(cache)?;
        let _lock = self.lock(cache)?;
        if self.is_made_in(cache) {
            return Ok(entry);
        }
        // Under the lock, so what lies there is what a killed run left.
        let new = cache.join(format!(".{}.new", self.name));
        let old = cache.join(format!(".{}.old", self.name));
        files::remove_folder(&new)?;
        files::make_folder(&new)?;
        make(&new)?;
        fs::write(new.join(MADE_FROM), &self.made_from)
            .context("cannot write to the cache folder")?;
        files::remove_folder(&old)?;
        if entry.exists() {
            fs::rename(&entry, &old)
                .with_context(|| format!("cannot replace {}", entry.display()))?;
        }
        fs::rename(&new, &entry).with_context(|| format!("cannot make {}", entry.display()))?;
        files::remove_folder(&old)?;
        Ok(entry)
    }

    fn lock(&self, cache: &Path) -> Result<File> {
        let path = cache.join(format!(".{}.lock", self.name));
        let lock =
            File::create(&path).with_context(|| format!("cannot write {}", path.display()))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                say::note(&format!("waiting for another run that makes {}", self.name));
                lock.lock().context("cannot lock the cache folder")?;
            }
            Err(TryLockError::Error(error)) => {
                return Err(error).context("cannot lock the cache folder");
            }
        }
        Ok(lock)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::thread;

    use anyhow::bail;

    use super::*;
    use crate::files::TemporaryFolder;

    fn entry(made_from: &str) -> Entry {
        Entry {
            name: "part-1".into(),
            made_from: made_from.into(),
        }
    }

    fn fill(folder: &Path) -> Result<()> {
        Ok(fs::write(folder.join("file"), "filled")?)
    }

    /// *Scenario:* the variables of different machines.
    /// *Guarantees:* our own variable wins, a relative XDG_CACHE_HOME is ignored, and without a home there is no answer.
    #[test]
    fn the_folder_follows_the_environment() {
        let by = |pairs: &[(&str, &str)]| {
            folder_by(|name| Some(pairs.iter().find(|pair| pair.0 == name)?.1.into()))
        };
        let home = ("HOME", "/home/u");
        assert_eq!(by(&[home]), Some("/home/u/.cache/tidegate".into()));
        assert_eq!(
            by(&[home, ("XDG_CACHE_HOME", "/c")]),
            Some("/c/tidegate".into())
        );
        assert_eq!(
            by(&[home, ("XDG_CACHE_HOME", "c")]),
            Some("/home/u/.cache/tidegate".into())
        );
        assert_eq!(by(&[home, ("TIDEGATE_CACHE", "/t")]), Some("/t".into()));
        assert_eq!(by(&[]), None);
    }

    /// *Scenario:* an entry is asked for twice, then with other sources.
    /// *Guarantees:* it is made once for the same sources and anew, from an empty folder, for others.
    #[test]
    fn an_entry_is_made_when_its_sources_change() {
        let cache = TemporaryFolder::new("cache-change-test").unwrap();
        let path = entry("a").get_in(cache.path(), fill).unwrap();
        assert_eq!(path, cache.path().join("part-1"));
        entry("a")
            .get_in(cache.path(), |_| bail!("made twice"))
            .unwrap();
        entry("b").get_in(cache.path(), |_| Ok(())).unwrap();
        assert!(!path.join("file").exists());
        assert!(entry("b").is_made_in(cache.path()) && !entry("a").is_made_in(cache.path()));
    }

    /// *Scenario:* making fails half way, twice; the second time an older entry is there.
    /// *Guarantees:* a half-made entry is never seen, the older one stays, and the next run starts from an empty folder.
    #[test]
    fn a_half_made_entry_is_never_seen() {
        let cache = TemporaryFolder::new("cache-half-test").unwrap();
        let broken = |folder: &Path| {
            fill(folder)?;
            bail!("no network")
        };
        assert!(entry("a").get_in(cache.path(), broken).is_err());
        assert!(!cache.path().join("part-1").exists());
        let empty = |folder: &Path| {
            assert_eq!(fs::read_dir(folder)?.count(), 0);
            fill(folder)
        };
        entry("a").get_in(cache.path(), empty).unwrap();
        assert!(entry("b").get_in(cache.path(), broken).is_err());
        assert!(entry("a").is_made_in(cache.path()));
    }

    /// *Scenario:* four runs need the same entry at once.
    /// *Guarantees:* one makes it, and all see it whole.
    #[test]
    fn runs_at_once_do_the_work_once() {
        let cache = TemporaryFolder::new("cache-once-test").unwrap();
        let made = AtomicU32::new(0);
        let run = || {
            let make = |folder: &Path| {
                made.fetch_add(1, Ordering::Relaxed);
                fill(folder)
            };
            let path = entry("a").get_in(cache.path(), make).unwrap();
            assert_eq!(fs::read(path.join("file")).unwrap(), b"filled");
        };
        thread::scope(|scope| (0..4).for_each(|_| drop(scope.spawn(run))));
        assert_eq!(made.into_inner(), 1);
    }
}
