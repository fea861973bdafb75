//! What is wrong with a configuration: all of it at once.

use tidegate_sdk::ConfigError;

/// More problems than this are counted and not told.
const TOLD_MAX: usize = 50;

/// The problems that have been found, in order.
#[derive(Debug, Default)]
pub struct Problems {
    list: Vec<ConfigError>,
}

impl Problems {
    /// One more, at a JSON pointer.
    pub fn add(&mut self, pointer: &str, message: impl Into<String>) {
        self.list.push(ConfigError::field(pointer, message.into()));
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
        let more = self.list.len().saturating_sub(TOLD_MAX);
        let told = self.list.into_iter().take(TOLD_MAX);
        match (told.reduce(ConfigError::and), more) {
            (None, _) => Ok(()),
            (Some(all), 0) => Err(all),
            (Some(all), more) => {
                let message = format!("has {more} more problems, told when these are mended");
                Err(all.and(ConfigError::field("/rules", message)))
            }
        }
    }
}
