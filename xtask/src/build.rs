//! `cargo build`, and what it says it built.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::{process, project};

/// A target of a crate that cargo built or found fresh.
#[derive(Debug, PartialEq, Eq)]
pub struct Artifact {
    /// The target's name as its crate wrote it: of a library, with underscores.
    pub target: String,
    /// `lib`, `cdylib`, `bin`, `example` and so on.
    pub kinds: Vec<String>,
    /// The folder of the crate's Cargo.toml.
    pub folder: PathBuf,
    /// The WebAssembly file, if it made one.
    pub wasm: Option<PathBuf>,
    /// The program, if it made one; not test programs.
    pub program: Option<PathBuf>,
}

/// `cargo SUBCOMMAND`, where that builds: to be completed and given to [`run`].
pub fn cargo(subcommand: &str) -> Result<Command> {
    let mut cargo = project::cargo()?;
    cargo.args([subcommand, "--message-format=json-render-diagnostics"]);
    Ok(cargo)
}

/// Runs what [`cargo`] began.
pub fn run(cargo: &mut Command) -> Result<Vec<Artifact>> {
    let messages = process::text(cargo).context("the build failed, see above")?;
    Ok(messages.lines().filter_map(artifact).collect())
}

/// Builds the host in the one profile there is and returns the program `tidegate`.
pub fn tidegate() -> Result<PathBuf> {
    let arguments = ["--release", "--package", "tidegate", "--bin", "tidegate"];
    program(&run(cargo("build")?.args(arguments))?, "tidegate")
}

/// The program of that name among what was built.
pub fn program(built: &[Artifact], name: &str) -> Result<PathBuf> {
    let program = built
        .iter()
        .find(|artifact| artifact.target == name && artifact.program.is_some());
    program
        .and_then(|artifact| artifact.program.clone())
        .with_context(|| format!("no program `{name}` was built"))
}

/// Reads one line of cargo's messages; nothing if it is about something else.
fn artifact(line: &str) -> Option<Artifact> {
    let message: Value = serde_json::from_str(line).ok()?;
    if message["reason"] != "compiler-artifact" {
        return None;
    }
    let strings = |value: &Value| -> Vec<String> {
        value
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .map(String::from)
            .collect()
    };
    let files = strings(&message["filenames"]);
    let wasm = files
        .iter()
        .map(PathBuf::from)
        .find(|file| file.extension() == Some(OsStr::new("wasm")));
    let is_test = message["profile"]["test"] == true;
    Some(Artifact {
        target: message["target"]["name"].as_str()?.into(),
        kinds: strings(&message["target"]["kind"]),
        folder: Path::new(message["manifest_path"].as_str()?)
            .parent()?
            .into(),
        wasm,
        program: message["executable"]
            .as_str()
            .filter(|_| !is_test)
            .map(PathBuf::from),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// *Scenario:* lines as cargo prints them: a plugin, a program, its test program, and one that is no artifact.
    /// *Guarantees:* files and names are found, and a test program is never taken for the program.
    #[test]
    fn messages_of_cargo_are_read() {
        let plugin = r#"{"reason":"compiler-artifact","manifest_path":"/c/plugins/parse-json/Cargo.toml",
            "target":{"kind":["cdylib","rlib"],"name":"parse_json"},"profile":{"test":false},
            "filenames":["/t/parse_json.wasm","/t/libparse_json.rlib"],"executable":null,"fresh":true}"#;
        let plugin = artifact(plugin).unwrap();
        assert_eq!(plugin.target, "parse_json");
        assert_eq!(plugin.kinds, ["cdylib", "rlib"]);
        assert_eq!(plugin.folder, Path::new("/c/plugins/parse-json"));
        assert_eq!(
            plugin.wasm.as_deref(),
            Some(Path::new("/t/parse_json.wasm"))
        );

        let host = |test: bool| {
            let line = r#"{"reason":"compiler-artifact","manifest_path":"/c/host/Cargo.toml",
                "target":{"kind":["bin"],"name":"tidegate"},"profile":{"test":TEST},
                "filenames":["/t/tidegate"],"executable":"/t/tidegate"}"#;
            artifact(&line.replace("TEST", &test.to_string())).unwrap()
        };
        assert_eq!(
            program(&[host(true), host(false)], "tidegate").unwrap(),
            Path::new("/t/tidegate")
        );
        assert!(program(&[host(true)], "tidegate").is_err());
        assert_eq!(
            artifact(r#"{"reason":"build-finished","success":true}"#),
            None
        );
        assert_eq!(artifact("no json"), None);
    }
}
