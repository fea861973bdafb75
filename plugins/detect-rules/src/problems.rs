//! What is wrong with a configuration: all of it at once.

use tidegate_sdk::ConfigError;

/// More problems than this are counted and not told.
const TOLD_MAX: usize = 50;

/// The problems that have been found, in order.
#[derive(Debug, Default)]
pub struct Problems {
    list: Vec<Problem>,
    /// The name of the rule that is looked at.
    rule: Option<String>,
}

#[derive(Debug)]
struct Problem {
    rule: Option<String>,
    pointer: String,
    message: String,
}

impl Problems {
    /// What is found from now on is about this rule.
    pub fn of_rule(&mut self, name: &str) {
        self.rule = Some(name.to_owned());
    }

    /// One more, at a JSON pointer.
    pub fn add(&mut self, pointer: &str, message: impl Into<String>) {
        self.list.push(Problem {
            rule: self.rule.clone(),
            pointer: pointer.to_owned(),
            message: message.into(),
        });
    }

    /// The value, or none and one more problem.
    pub fn check<T>(&mut self, pointer: &str, result: Result<T, impl Into<String>>) -> Option<T> {
        result.map_err(|message| self.add(pointer, message)).ok()
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.list.len()
    }

    /// Nothing, or all of them.
    ///
    /// # Errors
    /// If there are any.
    pub fn finish(self) -> Result<(), ConfigError> {
        let told = self.list.iter().take(TOLD_MAX);
        let Some(all) = told.map(Problem::told).reduce(ConfigError::and) else {
            return Ok(());
        };
        match self.list.len().saturating_sub(TOLD_MAX) {
            0 => Err(all),
            more => Err(all.and(ConfigError::field("/rules", format!("and {more} more")))),
        }
    }
}

impl Problem {
    fn told(&self) -> ConfigError {
        match &self.rule {
            Some(name) => {
                ConfigError::field(&self.pointer, format!("{} (rule {name})", self.message))
            }
            None => ConfigError::field(&self.pointer, &self.message),
        }
    }
}
