//! What is wrong with a configuration: all of it at once.

use tidegate_sdk::ConfigError;

/// More problems than this are counted and not told.
const TOLD_MAX: usize = 50;

/// The problems that have been found, in order.
#[derive(Debug, Default)]
pub struct Problems {
    list: Vec<Problem>,
    /// The rule that is looked at: its number and its name.
    rule: Option<(usize, String)>,
}

#[derive(Debug)]
struct Problem {
    rule: Option<(usize, String)>,
    pointer: String,
    message: String,
}

impl Problems {
    /// What is found from now on is about this rule.
    pub fn of_rule(&mut self, number: usize, name: &str) {
        self.rule = Some((number, name.to_owned()));
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

    /// Nothing, or all of them in one error that points to the first.
    ///
    /// # Errors
    /// If there are any.
    pub fn finish(self) -> Result<(), ConfigError> {
        match &self.list[..] {
            [] => Ok(()),
            [only] => Err(ConfigError::field(&only.pointer, only.alone())),
            [first, ..] => {
                let mut message = format!("and more are wrong, {} problems:", self.list.len());
                for problem in self.list.iter().take(TOLD_MAX) {
                    message.push('\n');
                    message.push_str(&problem.line());
                }
                if let Some(more) = self
                    .list
                    .len()
                    .checked_sub(TOLD_MAX)
                    .filter(|more| *more > 0)
                {
                    message.push_str(&format!("\nand {more} more"));
                }
                Err(ConfigError::field(&first.pointer, message))
            }
        }
    }
}

impl Problem {
    fn alone(&self) -> String {
        match &self.rule {
            Some((_, name)) => format!("{} (rule {name})", self.message),
            None => self.message.clone(),
        }
    }

    /// `rules/3 (order-errors): when/regex: what; remedy`
    fn line(&self) -> String {
        let pointer = self.pointer.trim_start_matches('/');
        let Some((number, name)) = &self.rule else {
            return format!("{pointer}: {}", self.message);
        };
        let rule = format!("rules/{number}");
        let field = pointer.strip_prefix(&rule).unwrap_or(pointer);
        let field = field.trim_start_matches('/');
        match field {
            "" => format!("{rule} ({name}): {}", self.message),
            _ => format!("{rule} ({name}): {field}: {}", self.message),
        }
    }
}
