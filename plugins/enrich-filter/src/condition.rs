//! Conditions: made from the configuration once, asked of every record.

use crate::config::{SeverityTests, Tests, When};
use crate::severity::{self, SeverityTest};
use crate::value::Test;
use memchr::memmem::Finder;
use regex::RegexBuilder;
use tidegate_sdk::{ConfigError, Record, Value};

/// The largest program that a pattern may be compiled to, and the largest cache that it may use, in bytes.
const COMPILED_BYTES_MAX: usize = 1 << 20;

/// A condition on a record.
#[derive(Debug)]
pub enum Condition {
    /// All of these hold.
    All(Vec<Condition>),
    /// One of these holds.
    Any(Vec<Condition>),
    /// This does not hold.
    Not(Box<Condition>),
    /// The field passes all of these.
    Field(Field, Vec<Test>),
    /// The severity passes all of these.
    Severity(Vec<SeverityTest>),
}

/// A field of a record.
#[derive(Debug)]
pub enum Field {
    /// The body.
    Body,
    /// An attribute of the record.
    Attribute(String),
    /// An attribute of the resource.
    Resource(String),
}

impl Condition {
    /// Makes a condition of what is written at `pointer`.
    ///
    /// # Errors
    /// The field that is wrong.
    pub fn new(pointer: &str, when: &When) -> Result<Self, ConfigError> {
        let mut parts = Vec::new();
        if let Some(tests) = &when.severity {
            parts.push(Condition::Severity(severity_tests(
                &format!("{pointer}/severity"),
                tests,
            )?));
        }
        if let Some(written) = &when.body {
            parts.push(Condition::Field(
                Field::Body,
                tests(&format!("{pointer}/body"), written)?,
            ));
        }
        for (name, written) in &when.attributes {
            let tests = tests(
                &format!("{pointer}/attributes/{}", ConfigError::escaped(name)),
                written,
            )?;
            parts.push(Condition::Field(Field::Attribute(name.clone()), tests));
        }
        for (name, written) in &when.resource {
            let tests = tests(
                &format!("{pointer}/resource/{}", ConfigError::escaped(name)),
                written,
            )?;
            parts.push(Condition::Field(Field::Resource(name.clone()), tests));
        }
        if let Some(written) = &when.all {
            parts.push(Condition::All(conditions(
                &format!("{pointer}/all"),
                written,
            )?));
        }
        if let Some(written) = &when.any {
            parts.push(Condition::Any(conditions(
                &format!("{pointer}/any"),
                written,
            )?));
        }
        if let Some(written) = &when.not {
            parts.push(Condition::Not(Box::new(Condition::new(
                &format!("{pointer}/not"),
                written,
            )?)));
        }
        match parts.len() {
            0 => Err(ConfigError::field(
                pointer,
                "says nothing, so it would fit every record; leave out `when` where that is meant",
            )),
            1 => Ok(parts.remove(0)),
            _ => Ok(Condition::All(parts)),
        }
    }

    /// Whether it holds for a record.
    pub fn holds(&self, record: Record<'_>) -> bool {
        match self {
            Condition::All(parts) => parts.iter().all(|part| part.holds(record)),
            Condition::Any(parts) => parts.iter().any(|part| part.holds(record)),
            Condition::Not(part) => !part.holds(record),
            Condition::Severity(tests) => tests.iter().all(|test| test.holds(record.severity())),
            Condition::Field(field, tests) => {
                let value = field.of(record);
                tests.iter().all(|test| test.holds(value))
            }
        }
    }
}

impl Field {
    #[inline]
    fn of<'a>(&self, record: Record<'a>) -> Option<Value<'a>> {
        match self {
            Field::Body => Some(record.body_value())
                .filter(|body| !matches!(body, Value::Null | Value::Text(""))),
            Field::Attribute(name) => record.attr(name),
            Field::Resource(name) => record.resource(name),
        }
    }
}

fn conditions(pointer: &str, written: &[When]) -> Result<Vec<Condition>, ConfigError> {
    if written.is_empty() {
        return Err(ConfigError::field(
            pointer,
            "has no conditions; name one, or leave it out",
        ));
    }
    written
        .iter()
        .enumerate()
        .map(|(number, when)| Condition::new(&format!("{pointer}/{number}"), when))
        .collect()
}

fn tests(pointer: &str, written: &Tests) -> Result<Vec<Test>, ConfigError> {
    let regex = written.regex.as_ref().map(|pattern| {
        RegexBuilder::new(pattern)
            .size_limit(COMPILED_BYTES_MAX)
            .dfa_size_limit(COMPILED_BYTES_MAX)
            .build()
            .map_err(|error| ConfigError::field(format!("{pointer}/regex"), error))
    });
    // What is cheap comes first: often it decides.
    let tests: Vec<Test> = [
        written.exists.map(Test::Exists),
        written.equals.clone().map(Test::Equals),
        written.not_equals.clone().map(Test::NotEquals),
        written.greater.map(Test::Greater),
        written.less.map(Test::Less),
        written.starts_with.clone().map(Test::StartsWith),
        written
            .contains
            .as_ref()
            .map(|part| Test::Contains(Box::new(Finder::new(part).into_owned()))),
        regex.transpose()?.map(Test::Regex),
    ]
    .into_iter()
    .flatten()
    .collect();
    if tests.is_empty() {
        Err(no_test(pointer))
    } else {
        Ok(tests)
    }
}

fn severity_tests(
    pointer: &str,
    written: &SeverityTests,
) -> Result<Vec<SeverityTest>, ConfigError> {
    let mut tests: Vec<SeverityTest> = written
        .exists
        .map(SeverityTest::Exists)
        .into_iter()
        .collect();
    for (name, level, test) in [
        (
            "equals",
            &written.equals,
            SeverityTest::Equals as fn(_) -> _,
        ),
        ("not_equals", &written.not_equals, SeverityTest::NotEquals),
        ("greater", &written.greater, SeverityTest::Greater),
        ("less", &written.less, SeverityTest::Less),
    ] {
        if let Some(level) = level {
            let range = severity::range(level)
                .map_err(|error| ConfigError::field(format!("{pointer}/{name}"), error))?;
            tests.push(test(range));
        }
    }
    if tests.is_empty() {
        Err(no_test(pointer))
    } else {
        Ok(tests)
    }
}

fn no_test(pointer: &str) -> ConfigError {
    ConfigError::field(pointer, "asks nothing; use equals, exists or another test")
}
