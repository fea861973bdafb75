//! Copies, renames, removes and sets attributes of records and of the resources that wrote them.
//!
//! [`config`] is the configuration as it is written, `plan` works out what each attribute will be, and
//! this module does that to every record.

mod config;
mod plan;

pub use config::Config;

use config::Constant;
use plan::{Change, Name, Source, plan};
use tidegate_sdk::{Attribute, ConfigError, Edit, Enricher, Nothing, Plugin, Record, Value};

/// The plugin, configured.
pub struct Static {
    changes: Vec<Change>,
}

impl Plugin for Static {
    type Config = Config;

    fn configure(config: Config) -> Result<Self, ConfigError> {
        Ok(Static {
            changes: plan(&config)?,
        })
    }
}

impl Enricher for Static {
    type Memory = Nothing;

    #[inline]
    fn enrich(&self, _: &mut Nothing, record: Record<'_>, _now: u64, edit: &mut Edit<'_>) {
        for change in &self.changes {
            apply(change, record, edit);
        }
    }
}

/// Gives one attribute the first of its sources that the record has.
#[inline]
fn apply(change: &Change, record: Record<'_>, edit: &mut Edit<'_>) {
    for source in &change.sources {
        match source {
            Source::Constant(constant) => return set(&change.name, constant.value(), edit),
            Source::Attribute(name) => {
                if let Some(attribute) = find(record, name) {
                    if *name != change.name {
                        set(&change.name, attribute.value, edit);
                    }
                    return;
                }
            }
        }
    }
    if let Some(attribute) = find(record, &change.name) {
        edit.remove(attribute.place);
    }
}

#[inline]
fn find<'a>(record: Record<'a>, name: &Name) -> Option<Attribute<'a>> {
    if name.resource {
        record.resource_attribute(&name.key)
    } else {
        record.attribute(&name.key)
    }
}

#[inline]
fn set(name: &Name, value: Value<'_>, edit: &mut Edit<'_>) {
    if name.resource {
        edit.set_resource(&name.key, value)
    } else {
        edit.set(&name.key, value)
    }
}

impl Constant {
    /// The same as a value of an attribute.
    #[inline]
    fn value(&self) -> Value<'_> {
        match self {
            Constant::Bool(flag) => Value::Bool(*flag),
            Constant::Int(number) => Value::Int(*number),
            Constant::Double(number) => Value::Double(*number),
            Constant::Text(text) => Value::Text(text),
        }
    }
}

tidegate_sdk::export!(
    enricher Static,
    "Copies, renames, removes and sets attributes of records and resources."
);

#[cfg(test)]
mod tests;
