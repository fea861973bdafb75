//! Where a plugin's bytes come from: inside the binary, or a file.

use super::Source;
use super::load::LoadError;
use std::borrow::Cow;
use std::path::Path;

/// Bytes of a plugin's file. Language runtimes bring some tens of megabytes.
const PLUGIN_BYTES_MAX: u64 = 256 << 20;

/// The shipped plugins: name and bytes, sorted by name. Empty in a binary that was built without them.
static BUILTINS: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/builtins.rs"));

/// The shipped plugins: name and bytes, sorted by name. Empty in a binary that was built without them.
pub fn builtins() -> &'static [(&'static str, &'static [u8])] {
    BUILTINS
}

pub(crate) fn read(source: &Source) -> Result<Cow<'static, [u8]>, LoadError> {
    match source {
        Source::Builtin(name) => builtin(name, BUILTINS).map(Cow::Borrowed),
        Source::File(path) => file(path).map(Cow::Owned),
    }
}

fn builtin(
    name: &str,
    all: &'static [(&'static str, &'static [u8])],
) -> Result<&'static [u8], LoadError> {
    if all.is_empty() {
        return Err(LoadError::NoBuiltins { name: name.into() });
    }
    let found = all.iter().find(|(n, _)| *n == name);
    found.map(|(_, bytes)| *bytes).ok_or_else(|| {
        let known: Vec<_> = all.iter().map(|(n, _)| *n).collect();
        LoadError::UnknownBuiltin {
            name: name.into(),
            known: known.join(", "),
        }
    })
}

fn file(path: &Path) -> Result<Vec<u8>, LoadError> {
    let failed = |reason: String| LoadError::Read {
        path: path.to_owned(),
        reason,
    };
    let size = std::fs::metadata(path)
        .map_err(|e| failed(e.to_string()))?
        .len();
    if size > PLUGIN_BYTES_MAX {
        return Err(failed(format!(
            "{size} bytes are more than the limit of {PLUGIN_BYTES_MAX}"
        )));
    }
    std::fs::read(path).map_err(|e| failed(e.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// *Scenario:* a shipped plugin is asked for: there, unknown, and in a binary without any.
    /// *Guarantees:* the bytes, the names that are known, and how to build with plugins.
    #[test]
    fn a_missing_builtin_says_what_to_do() {
        static ALL: &[(&str, &[u8])] = &[("parse-json", b"x"), ("parse-plain", b"y")];
        assert_eq!(builtin("parse-plain", ALL).unwrap(), b"y");
        let unknown = builtin("parse-xml", ALL).unwrap_err().to_string();
        assert!(unknown.contains("parse-json, parse-plain"), "{unknown}");
        let none = builtin("parse-json", &[]).unwrap_err().to_string();
        assert!(none.contains("cargo xtask guests"), "{none}");
    }
}
