//! What to tell the user: one sentence a problem, with file, line, field, value, rule and remedy.
//!
//! Pure data; nothing here reads or decides anything.

use std::fmt;
use std::path::{Path, PathBuf};

/// One thing that is wrong with a configuration. Its text reads
/// `FILE:LINE:COLUMN: FIELD is VALUE, but RULE; REMEDY`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The file as the user named it.
    pub file: PathBuf,
    /// The line, from 1; 0 where the file as a whole is meant.
    pub line: u64,
    /// The column in characters, from 1; 0 where the file as a whole is meant.
    pub column: u64,
    /// Where in the configuration; empty where the file as a whole is meant.
    pub field: Field,
    /// The value as it is written (never what a `${...}` stands for), where there is one.
    pub value: Option<String>,
    /// What is asked of it: `must be ...`.
    pub rule: String,
    /// What to do; may be empty.
    pub remedy: String,
}

/// A place in the configuration: `pipelines.shop.from.topics[0]`.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Field(pub Vec<Step>);

/// One step of a [`Field`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    /// To the value of a key.
    Key(String),
    /// To an item of a list, from 0.
    Index(usize),
}

/// A [`Field`] from its steps: `field!["pipelines", name, "from", "topics", 0]`.
macro_rules! field {
    ($($step:expr),* $(,)?) => {
        $crate::config::Field(vec![$($crate::config::Step::from($step)),*])
    };
}
pub(crate) use field;

// === impl Problem ===

impl Problem {
    /// The same, with what it is about: `rule errors`.
    #[must_use]
    pub fn about(mut self, item: Option<String>) -> Problem {
        if let Some(item) = item {
            let end = match self.remedy.is_empty() {
                true => &mut self.rule,
                false => &mut self.remedy,
            };
            end.push_str(&format!(" ({item})"));
        }
        self
    }

    /// A problem with a file as a whole.
    pub fn of_file(file: &Path, rule: impl Into<String>) -> Problem {
        Problem {
            file: file.to_owned(),
            line: 0,
            column: 0,
            field: Field::default(),
            value: None,
            rule: rule.into(),
            remedy: String::new(),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        if self.line > 0 {
            write!(f, ":{}:{}", self.line, self.column)?;
        }
        f.write_str(": ")?;
        if !self.field.0.is_empty() {
            write!(f, "{} ", self.field)?;
        }
        if let Some(value) = &self.value {
            write!(f, "is {value}, but ")?;
        }
        f.write_str(&self.rule)?;
        if !self.remedy.is_empty() {
            write!(f, "; {}", self.remedy)?;
        }
        Ok(())
    }
}

// === impl Field ===

impl Field {
    /// The place one step further.
    pub fn then(&self, step: impl Into<Step>) -> Field {
        let mut steps = self.0.clone();
        steps.push(step.into());
        Field(steps)
    }

    /// The place that contains this one; none for the root.
    pub fn parent(&self) -> Option<Field> {
        let (_, steps) = self.0.split_last()?;
        Some(Field(steps.to_vec()))
    }

    /// The key or index that the last step takes; empty for the root.
    pub fn last(&self) -> String {
        self.0.last().map(Step::to_string).unwrap_or_default()
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, step) in self.0.iter().enumerate() {
            match step {
                Step::Key(key) if i == 0 => f.write_str(key)?,
                Step::Key(key) => write!(f, ".{key}")?,
                Step::Index(index) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}

// === impl Step ===

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Step::Key(key) => f.write_str(key),
            Step::Index(index) => write!(f, "{index}"),
        }
    }
}

impl From<&str> for Step {
    fn from(key: &str) -> Step {
        Step::Key(key.to_owned())
    }
}

impl From<&String> for Step {
    fn from(key: &String) -> Step {
        Step::Key(key.clone())
    }
}

impl From<usize> for Step {
    fn from(index: usize) -> Step {
        Step::Index(index)
    }
}

/// Fewer bytes are no beginning of a word.
const BEGINNING_BYTES_MIN: usize = 3;

/// The one of `known` that the user most likely meant by `written`, if any is near: has few letters that are other
/// ones, or else is the only one that begins so.
pub(crate) fn nearest<'a>(
    written: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let limit = (written.chars().count() / 3).clamp(1, 3);
    let distance = |known: &str| strsim::damerau_levenshtein(written, known);
    let known: Vec<&str> = known.into_iter().collect();
    let near = known.iter().map(|k| (distance(k), *k));
    let near = near.filter(|(distance, _)| *distance <= limit).min();
    let mut begin = known
        .iter()
        .filter(|k| written.len() >= BEGINNING_BYTES_MIN && k.starts_with(written));
    match (near, begin.next(), begin.next()) {
        (Some((_, near)), ..) => Some(near),
        (None, Some(only), None) => Some(only),
        _ => None,
    }
}
