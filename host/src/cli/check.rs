//! `tidegate check`: every problem of a configuration at once, or one line that sums it up.

use crate::config::{self, Loaded, Problem};
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

/// Check a configuration without running it.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// The configuration.
    #[arg(
        short,
        long,
        value_name = "FILE",
        env = "TIDEGATE_CONFIG",
        required_unless_present = "schema"
    )]
    pub config: Option<PathBuf>,
    /// Print the JSON Schema of configurations instead.
    #[arg(long)]
    pub schema: bool,
}

/// Checks the file, and with `verify` what only shows when its plugins are loaded. 0: all is well; 1: there are
/// problems, on stderr.
pub fn run(args: Args, verify: impl FnOnce(&Loaded) -> Vec<Problem>) -> ExitCode {
    let (mut out, mut err) = (io::stdout().lock(), io::stderr().lock());
    match report(&args, verify, &mut out, &mut err) {
        Ok(true) => ExitCode::SUCCESS,
        // A reader that went away has read enough to know.
        Ok(false) | Err(_) => ExitCode::FAILURE,
    }
}

/// Writes the answer; whether all is well.
fn report(
    args: &Args,
    verify: impl FnOnce(&Loaded) -> Vec<Problem>,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> io::Result<bool> {
    let Some(path) = args.config.as_ref().filter(|_| !args.schema) else {
        writeln!(out, "{:#}", config::schema())?;
        return Ok(true);
    };
    let mut reading = config::read(path);
    let later = reading.sound.as_ref().map(verify);
    reading.add(later.unwrap_or_default());
    match reading.loaded() {
        Ok(loaded) => {
            writeln!(out, "{}: {}", path.display(), summary(&loaded.settings))?;
            Ok(true)
        }
        Err(problems) => {
            for problem in &problems {
                writeln!(err, "{problem}")?;
            }
            let n = problems.len();
            writeln!(err, "{}: {}", path.display(), number(n, "problem"))?;
            Ok(false)
        }
    }
}

fn summary(settings: &config::Settings) -> String {
    format!(
        "ok: {}, {}, {}{}",
        number(settings.pipelines.len(), "pipeline"),
        number(settings.plugins.len(), "plugin"),
        number(settings.outputs.len(), "output"),
        unused(&settings.unused),
    )
}

fn unused(names: &[String]) -> String {
    match names {
        [] => String::new(),
        names => format!("; in no pipeline: {}", names.join(", ")),
    }
}

fn number(n: usize, what: &str) -> String {
    let s = if n == 1 { "" } else { "s" };
    format!("{n} {what}{s}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(args: Args, verify: impl FnOnce(&Loaded) -> Vec<Problem>) -> (bool, String, String) {
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let ok = report(&args, verify, &mut out, &mut err).unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (ok, text(out), text(err))
    }

    fn args(path: &std::path::Path) -> Args {
        Args {
            config: Some(path.to_owned()),
            schema: false,
        }
    }

    fn minimal() -> PathBuf {
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../configs/minimal.yaml")
    }

    /// *Scenario:* a good file.
    /// *Guarantees:* one line on stdout, nothing on stderr.
    #[test]
    fn a_good_file_is_one_line() {
        let path = minimal();
        let (ok, out, err) = told(args(&path), |_| Vec::new());
        assert!(ok, "{err}");
        let line = format!("{}: ok: 1 pipeline, 1 plugin, 1 output\n", path.display());
        assert_eq!((out, err), (line, String::new()));
    }

    /// *Scenario:* a file with two problems, one that is not there, and a good one whose plugin is refused.
    /// *Guarantees:* every problem is a line on stderr, with their number, and the answer is no.
    #[test]
    fn problems_are_told_and_counted() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bad.yaml");
        let good = std::fs::read_to_string(minimal()).unwrap();
        std::fs::write(&path, good.replace("parse:", "prase:")).unwrap();
        let (ok, out, err) = told(args(&path), |_| Vec::new());
        assert!(!ok && out.is_empty());
        assert!(
            err.contains("prase is not a known key; did you mean parse?"),
            "{err}"
        );
        assert!(err.ends_with("bad.yaml: 2 problems\n"), "{err}");
        let (ok, _, err) = told(args(&folder.path().join("none.yaml")), |_| Vec::new());
        assert!(!ok && err.contains("cannot be read"), "{err}");
        let refuse = |loaded: &Loaded| {
            let at = config::field!["plugins", "json", "wasm"];
            vec![loaded.lines.problem(at, "must be built", "")]
        };
        let (ok, _, err) = told(args(&minimal()), refuse);
        let line =
            "minimal.yaml:8:17: plugins.json.wasm is builtin:parse-json, but must be built\n";
        assert!(!ok && err.contains(line), "{err}");
    }

    /// *Scenario:* `--schema`.
    /// *Guarantees:* it prints the schema that editors can use.
    #[test]
    fn the_schema_is_printed() {
        let args = Args {
            config: None,
            schema: true,
        };
        let (ok, out, _) = told(args, |_| Vec::new());
        let schema: serde_json::Value = serde_json::from_str(&out).unwrap();
        assert!(ok && schema["properties"]["pipelines"].is_object());
    }
}
