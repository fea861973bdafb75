//! `${NAME}`, `${env:NAME}` and `${file:PATH}` in texts; `$${` stands for `${`.
//!
//! It works on texts of the parsed tree, so what is put in can never change the structure. It may be a
//! secret: the node keeps what was written too, and that is the value that problems show.

use super::problem::{Field, Problem};
use super::tree::{self, Bounds, Data, Node};
use std::path::Path;

/// Of what `${file:...}` reads, which is text.
const SECRET: Bounds = Bounds {
    bytes: 64 << 10,
    nodes: 0,
    remedy: "",
};
/// The longest text after replacing, in bytes.
const TEXT_BYTES_MAX: usize = 1 << 20;

/// Where the values come from.
pub struct Sources<'a> {
    /// The environment.
    pub env: &'a dyn Fn(&str) -> Option<String>,
    /// What relative paths are relative to: the folder of the configuration.
    pub folder: &'a Path,
}

/// Replaces all references of the tree.
pub fn expand(root: &mut Node, file: &Path, sources: &Sources<'_>) -> Vec<Problem> {
    let mut problems = Vec::new();
    root.texts(&Field::default(), &mut |field, node| {
        let Data::Text { meant, written } = &mut node.data else {
            return;
        };
        if !meant.contains("${") {
            return;
        }
        match text(meant, sources) {
            Ok(new) => *written = Some(std::mem::replace(meant, new)),
            Err((rule, remedy)) => problems.push(Problem {
                file: file.to_owned(),
                line: node.line,
                column: node.column,
                field: field.clone(),
                value: node.shown(),
                rule,
                remedy,
            }),
        }
    });
    problems
}

/// A rule that is broken, and its remedy.
type Broken = (String, String);

fn text(written: &str, sources: &Sources<'_>) -> Result<String, Broken> {
    let mut out = String::new();
    let mut rest = written;
    while let Some((before, after)) = rest.split_once("${") {
        if let Some(before) = before.strip_suffix('$') {
            out.push_str(before);
            out.push_str("${");
            rest = after;
            continue;
        }
        let (reference, after) = after.split_once('}').ok_or_else(not_closed)?;
        out.push_str(before);
        out.push_str(&resolve(reference, sources)?);
        rest = after;
        if out.len() > TEXT_BYTES_MAX {
            let rule = format!("must be at most {TEXT_BYTES_MAX} bytes long when replaced");
            return Err((rule, String::new()));
        }
    }
    out.push_str(rest);
    Ok(out)
}

fn not_closed() -> Broken {
    (
        "opens ${ and never closes it".to_owned(),
        "add }, or write $${ where ${ itself is meant".to_owned(),
    )
}

fn resolve(reference: &str, sources: &Sources<'_>) -> Result<String, Broken> {
    if let Some(path) = reference.strip_prefix("file:") {
        return secret(&sources.folder.join(path));
    }
    let name = reference.strip_prefix("env:").unwrap_or(reference);
    if !is_variable(name) {
        return Err((
            format!("${{{reference}}} is no reference"),
            format!(
                "write $${{{reference}}} where that text is meant, ${{NAME}} for a variable, ${{file:PATH}} for a file"
            ),
        ));
    }
    (sources.env)(name).ok_or_else(|| {
        (
            format!("the environment variable {name} is not set"),
            format!("set {name}"),
        )
    })
}

fn is_variable(name: &str) -> bool {
    let letter = |b: u8| b.is_ascii_alphabetic() || b == b'_';
    name.bytes().next().is_some_and(letter) && name.bytes().all(|b| letter(b) || b.is_ascii_digit())
}

/// The content of a file without the line end that editors add.
fn secret(path: &Path) -> Result<String, Broken> {
    let broken = |rule| (format!("the file {} {rule}", path.display()), String::new());
    let mut text = tree::read(path, SECRET).map_err(broken)?;
    if text.ends_with('\n') {
        text.pop();
        if text.ends_with('\r') {
            text.pop();
        }
    }
    Ok(text)
}
