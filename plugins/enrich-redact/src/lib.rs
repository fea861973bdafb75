//! Replaces what must not leave the house: e-mail addresses, card numbers, IP addresses, tokens, secrets,
//! and what own patterns match, in bodies and attributes.
//!
//! [`finder`] sees where something could stand, sixteen bytes at a time; [`kinds`] look closely;
//! [`redactor`] replaces; [`json`] keeps JSON JSON; [`pattern`] holds own regular expressions.

mod config;
mod counts;
mod finder;
mod json;
mod kinds;
mod pattern;
mod redactor;

pub use config::Config;

use config::{Attributes, OwnPattern, These};
use counts::Counts;
use pattern::Pattern;
use redactor::{Redacted, Redactor};
use tidegate_sdk::{Attribute, Batch, ConfigError, Edit, Enricher, Json, Nothing, Plugin, Record};

/// More own patterns than anybody needs.
const PATTERNS_MAX: usize = 64;
/// Bytes of a pattern's name: with `redacted.` before it the gateway takes it for a counter's (64).
const NAME_BYTES_MAX: usize = 48;

/// The plugin, configured.
pub struct Redact {
    redactor: Redactor,
    body: bool,
    attributes: Attributes,
    except: Vec<String>,
}

impl Plugin for Redact {
    type Config = Config;

    fn configure(config: Config) -> Result<Self, ConfigError> {
        let patterns = patterns(&config.patterns)?;
        if config.kinds.is_empty() && patterns.is_empty() {
            let message = "names no kind, and there are no patterns; leave it out for all kinds";
            return Err(ConfigError::field("/kinds", message));
        }
        let texts = config.replacements;
        let replacements = [texts.email, texts.card, texts.ip, texts.token, texts.secret];
        Ok(Redact {
            redactor: Redactor::new(&config.kinds, replacements, patterns),
            body: config.body,
            attributes: config.attributes,
            except: config.except,
        })
    }
}

fn patterns(written: &[OwnPattern]) -> Result<Vec<Pattern>, ConfigError> {
    if written.len() > PATTERNS_MAX {
        return Err(ConfigError::field(
            "/patterns",
            format!("are more than {PATTERNS_MAX}; join some with `|`"),
        ));
    }
    let compile = |(number, own): (usize, &OwnPattern)| {
        let invalid = |field: &str, error: String| {
            ConfigError::field(format!("/patterns/{number}/{field}"), error)
        };
        if own.name.is_empty() {
            return Err(invalid(
                "name",
                "is empty; name the pattern, its matches are counted under it".into(),
            ));
        }
        if own.name.len() > NAME_BYTES_MAX {
            let message = format!(
                "is {:?}, of {} bytes; matches are counted under it, so use at most {NAME_BYTES_MAX}",
                own.name,
                own.name.len()
            );
            return Err(invalid("name", message));
        }
        let replacement = own
            .replacement
            .clone()
            .unwrap_or_else(|| format!("<{}>", own.name));
        Pattern::new(&own.name, &own.regex, &replacement).map_err(|error| invalid("regex", error))
    };
    written.iter().enumerate().map(compile).collect()
}

impl Enricher for Redact {
    type Memory = Nothing;

    fn enrich(&self, _: &mut Nothing, record: Record<'_>, _now: u64, edit: &mut Edit<'_>) {
        let mut counts = Counts::default();
        self.redact(record, edit, &mut counts);
        counts.report(self.redactor.patterns());
    }

    /// The batch at once, so that its counts are told once.
    fn enrich_batch(&self, _: &mut Nothing, batch: Batch<'_>, _now: u64, edit: &mut Edit<'_>) {
        let mut counts = Counts::default();
        for record in batch.records() {
            edit.begin(record.index());
            self.redact(record, edit, &mut counts);
        }
        counts.report(self.redactor.patterns());
    }
}

impl Redact {
    #[inline]
    fn redact(&self, record: Record<'_>, edit: &mut Edit<'_>, counts: &mut Counts) {
        if self.body
            && let Some(redacted) = self.redactor.value(record.body_value(), counts)
        {
            match redacted {
                Redacted::Text(text) => edit.body(&text),
                Redacted::Bytes(bytes) => edit.body(&*bytes),
                Redacted::Json(text) => edit.body(Json(&text)),
            }
        }
        for attribute in record.attributes() {
            if self.looks_at(attribute.key)
                && let Some(redacted) =
                    self.redactor
                        .attribute(attribute.key, attribute.value, counts)
            {
                replace(edit, &attribute, redacted);
            }
        }
    }

    /// Whether the attributes of this name are looked at.
    #[inline]
    fn looks_at(&self, key: &str) -> bool {
        let wanted = match &self.attributes {
            Attributes::These(These::All) => true,
            Attributes::These(These::None) => false,
            Attributes::Named(names) => names.iter().any(|name| name == key),
        };
        wanted && (self.except.is_empty() || !self.except.iter().any(|name| name == key))
    }
}

#[cold]
fn replace(edit: &mut Edit<'_>, attribute: &Attribute<'_>, redacted: Redacted) {
    match redacted {
        Redacted::Text(text) => edit.replace(attribute, &text),
        Redacted::Bytes(bytes) => edit.replace(attribute, &*bytes),
        Redacted::Json(text) => edit.replace(attribute, Json(&text)),
    }
}

tidegate_sdk::export!(
    enricher Redact,
    "Replaces e-mail and IP addresses, card numbers, tokens, secrets, and what own patterns match."
);

#[cfg(test)]
mod tests;
