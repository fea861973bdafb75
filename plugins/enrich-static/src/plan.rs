//! From steps to a plan: what each attribute will be, worked out once.
//!
//! The steps are run on names instead of records. Each name begins as "itself"; a step that may or may
//! not find its attribute makes a list of what comes first where it is there. What is left at the end
//! says, for each name that a step touched, where its value comes from, so that a record costs one look
//! at each name instead of four passes, and swapping two names needs no third.

use crate::config::{Changes, Config, Constant, Target};
use std::collections::BTreeMap;
use tidegate_sdk::ConfigError;

/// The most names that a plan may touch.
const NAMES_MAX: usize = 1_000;

/// An attribute: whether it is the resource's, and its name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Name {
    /// Whether it describes the resource.
    pub resource: bool,
    /// Its name.
    pub key: String,
}

/// Where a value may come from.
#[derive(Debug, Clone, PartialEq)]
pub enum Source {
    /// The attribute of this name, as the record came.
    Attribute(Name),
    /// The configuration.
    Constant(Constant),
}

/// What becomes of one attribute: the first source that the record has; gone where it has none.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// The attribute.
    pub name: Name,
    /// Where its value comes from, best first. Nothing for one that is removed in any case.
    pub sources: Vec<Source>,
}

/// Works out the plan.
///
/// # Errors
/// Names that are empty, two changes of one step with the same target, and too many names.
pub fn plan(config: &Config) -> Result<Vec<Change>, ConfigError> {
    let mut state = State::default();
    let levels = [
        ("/attributes", false, &config.attributes),
        ("/resource", true, &config.resource),
    ];
    state.copy(&moves(&levels, "copy", |changes| &changes.copy)?, false);
    state.copy(&moves(&levels, "rename", |changes| &changes.rename)?, true);
    for (level, resource, changes) in levels {
        for (number, key) in changes.remove.iter().enumerate() {
            state.set(
                name(&format!("{level}/remove/{number}"), resource, key)?,
                Vec::new(),
            );
        }
    }
    for (level, resource, changes) in levels {
        for (key, value) in &changes.set {
            let name = name(
                &format!("{level}/set/{}", ConfigError::escaped(key)),
                resource,
                key,
            )?;
            let mut sources = if changes.overwrite {
                Vec::new()
            } else {
                state.sources(&name)
            };
            sources.push(Source::Constant(value.clone()));
            state.set(name, sources);
        }
    }
    state.finish()
}

/// One copy or rename: from, to.
type Move = (Name, Name);
/// One level: its pointer, whether it is the resource's, its changes.
type Level<'a> = (&'static str, bool, &'a Changes);

/// The moves of one step, on both levels.
fn moves(
    levels: &[Level<'_>; 2],
    step: &str,
    of: impl Fn(&Changes) -> &BTreeMap<String, Target>,
) -> Result<Vec<Move>, ConfigError> {
    let mut moves: Vec<Move> = Vec::new();
    for (level, resource, changes) in levels {
        for (from, to) in of(changes) {
            let pointer = format!("{level}/{step}/{}", ConfigError::escaped(from));
            let from = name(&pointer, *resource, from)?;
            let to = target(&pointer, *resource, to)?;
            if moves.iter().any(|(_, other)| *other == to) {
                let message = format!(
                    "has the same target as another {step}, {:?}; only one can win",
                    to.key
                );
                return Err(ConfigError::field(pointer, message));
            }
            moves.push((from, to));
        }
    }
    Ok(moves)
}

fn target(pointer: &str, resource: bool, target: &Target) -> Result<Name, ConfigError> {
    match target {
        Target::Name(key) => name(pointer, resource, key),
        Target::Resource(target) => name(&format!("{pointer}/resource"), true, &target.resource),
        Target::Attribute(target) => {
            name(&format!("{pointer}/attribute"), false, &target.attribute)
        }
    }
}

fn name(pointer: &str, resource: bool, key: &str) -> Result<Name, ConfigError> {
    if key.is_empty() {
        return Err(ConfigError::field(
            pointer,
            "is an empty name; name an attribute",
        ));
    }
    Ok(Name {
        resource,
        key: key.into(),
    })
}

/// What each name that was touched is after the steps so far.
#[derive(Default, Clone)]
struct State(BTreeMap<Name, Vec<Source>>);

impl State {
    fn sources(&self, name: &Name) -> Vec<Source> {
        self.0
            .get(name)
            .cloned()
            .unwrap_or_else(|| vec![Source::Attribute(name.clone())])
    }

    fn set(&mut self, name: Name, sources: Vec<Source>) {
        self.0.insert(name, sources);
    }

    /// All moves of a step at once: what is moved is what was there before the step.
    fn copy(&mut self, moves: &[Move], and_remove: bool) {
        let before = self.clone();
        if and_remove {
            for (from, _) in moves {
                self.set(from.clone(), Vec::new());
            }
        }
        for (from, to) in moves {
            let mut sources = before.sources(from);
            sources.extend(self.sources(to));
            self.set(to.clone(), sources);
        }
    }

    fn finish(self) -> Result<Vec<Change>, ConfigError> {
        if self.0.len() > NAMES_MAX {
            return Err(ConfigError::other(format!(
                "more than {NAMES_MAX} attributes are changed; use fewer"
            )));
        }
        let changes = self
            .0
            .into_iter()
            .map(|(name, sources)| Change { name, sources });
        // What stays itself where it is there, and has no other source, is no change.
        Ok(changes
            .filter(|change| change.sources != [Source::Attribute(change.name.clone())])
            .collect())
    }
}

#[cfg(test)]
mod tests;
