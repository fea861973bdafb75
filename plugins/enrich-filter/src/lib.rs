//! Drops, routes or keeps records by conditions on their fields; the first rule that fits decides.
//!
//! [`config`] is the configuration as it is written, [`condition`] holds what is asked of a record,
//! [`value`] and [`severity`] what is asked of its fields.

mod condition;
mod config;
mod severity;
mod value;

pub use config::Config;

use condition::Condition;
use config::Then;
use tidegate_sdk::{Batch, ConfigError, Edit, Enricher, Nothing, Plugin, Record, host};

/// More rules than anybody should need.
const RULES_MAX: usize = 1_000;
/// Bytes of a rule's name: with `dropped.` before it the gateway takes it for a counter's (64).
const NAME_BYTES_MAX: usize = 48;

/// The plugin, configured.
pub struct Filter {
    rules: Vec<Rule>,
}

struct Rule {
    name: String,
    /// None fits every record.
    when: Option<Condition>,
    then: Then,
}

impl Plugin for Filter {
    type Config = Config;

    fn configure(config: Config) -> Result<Self, ConfigError> {
        if config.rules.len() > RULES_MAX {
            return Err(ConfigError::field(
                "/rules",
                format!("are more than {RULES_MAX}; join some with `any`"),
            ));
        }
        let mut rules: Vec<Rule> = Vec::with_capacity(config.rules.len());
        for (number, written) in config.rules.into_iter().enumerate() {
            let rule = Rule::new(&format!("/rules/{number}"), number, written)?;
            if rules.iter().any(|other| other.name == rule.name) {
                let message = format!(
                    "is {:?}, as that of another rule; give each a name of its own",
                    rule.name
                );
                return Err(ConfigError::field(format!("/rules/{number}/name"), message));
            }
            rules.push(rule);
        }
        Ok(Filter { rules })
    }
}

impl Rule {
    fn new(pointer: &str, number: usize, written: config::Rule) -> Result<Self, ConfigError> {
        let name = written
            .name
            .unwrap_or_else(|| format!("rule-{}", number + 1));
        if name.is_empty() {
            return Err(ConfigError::field(
                format!("{pointer}/name"),
                "is empty; name the rule, or leave it out",
            ));
        }
        if name.len() > NAME_BYTES_MAX {
            let message = format!(
                "is {name:?}, of {} bytes; a counter is named for it, so use at most {NAME_BYTES_MAX}",
                name.len()
            );
            return Err(ConfigError::field(format!("{pointer}/name"), message));
        }
        if written.then == Then::Route(String::new()) {
            return Err(ConfigError::field(
                format!("{pointer}/then/route"),
                "is empty; name a route",
            ));
        }
        let when = written
            .when
            .map(|when| Condition::new(&format!("{pointer}/when"), &when))
            .transpose()?;
        Ok(Rule {
            name,
            when,
            then: written.then,
        })
    }

    fn fits(&self, record: Record<'_>) -> bool {
        self.when.as_ref().is_none_or(|when| when.holds(record))
    }
}

impl Enricher for Filter {
    type Memory = Nothing;

    fn enrich(&self, _: &mut Nothing, record: Record<'_>, _now: u64, edit: &mut Edit<'_>) {
        let decided = self.decide(record, edit);
        self.report(&self.counts(decided));
    }

    /// The batch at once, so that its counts are told once.
    fn enrich_batch(&self, _: &mut Nothing, batch: Batch<'_>, _now: u64, edit: &mut Edit<'_>) {
        let mut counts = self.counts(None);
        for record in batch.records() {
            edit.begin(record.index());
            if let Some(rule) = self.decide(record, edit) {
                counts[rule] += 1;
            }
        }
        self.report(&counts);
    }
}

impl Filter {
    /// Does what the first rule that fits says; which one that is.
    #[inline]
    fn decide(&self, record: Record<'_>, edit: &mut Edit<'_>) -> Option<usize> {
        let number = self.rules.iter().position(|rule| rule.fits(record))?;
        let rule = &self.rules[number];
        match &rule.then {
            Then::Drop => edit.drop(rule.name.clone()),
            Then::Route(route) => edit.route(route),
            Then::Keep => {}
        }
        Some(number)
    }

    /// How often each rule has decided; one of them once, to begin with.
    fn counts(&self, decided: Option<usize>) -> Vec<u64> {
        (0..self.rules.len())
            .map(|rule| u64::from(decided == Some(rule)))
            .collect()
    }

    /// Adds to `dropped.RULE` and `routed.RULE`.
    fn report(&self, counts: &[u64]) {
        for (rule, count) in self
            .rules
            .iter()
            .zip(counts)
            .filter(|(_, count)| **count > 0)
        {
            match rule.then {
                Then::Drop => host::count(&format!("dropped.{}", rule.name), *count),
                Then::Route(_) => host::count(&format!("routed.{}", rule.name), *count),
                Then::Keep => {}
            }
        }
    }
}

tidegate_sdk::export!(
    enricher Filter,
    "Drops, routes or keeps records by conditions on their fields."
);

#[cfg(test)]
mod tests;
