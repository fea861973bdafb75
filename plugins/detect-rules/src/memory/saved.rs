//! How it is saved: without what follows from the rest, and without rules that have nothing to remember.

use super::{Clock, Group, Remembered, RuleMemory, Run};
use serde::{Deserialize, Serialize, Serializer};

/// What is saved, as it is read.
#[derive(Deserialize)]
pub(super) struct Saved {
    clock: Clock,
    counted: u64,
    rules: Vec<SavedRule>,
}

#[derive(Deserialize)]
struct SavedRule {
    id: u64,
    began: u64,
    groups: Vec<Group>,
}

/// The same, as it is written: rules with nothing to remember are left out.
#[derive(Serialize)]
#[serde(rename = "Saved")]
struct Saving<'a> {
    clock: Clock,
    counted: u64,
    rules: Vec<SavingRule<'a>>,
}

#[derive(Serialize)]
struct SavingRule<'a> {
    id: u64,
    began: u64,
    groups: Vec<&'a Group>,
}

impl Serialize for Remembered {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let worth = self
            .rules
            .iter()
            .filter(|rule| rule.began > 0 || rule.groups.len() > rule.free.len());
        let saving = worth.map(|rule| SavingRule {
            id: rule.id,
            began: rule.began,
            groups: rule.groups.iter().flatten().collect(),
        });
        let saving = Saving {
            clock: self.clock,
            counted: self.counted,
            rules: saving.collect(),
        };
        saving.serialize(serializer)
    }
}

impl From<Saved> for Remembered {
    fn from(saved: Saved) -> Self {
        let rule = |saved: SavedRule| RuleMemory {
            id: saved.id,
            began: saved.began,
            groups: saved.groups.into_iter().map(Some).collect(),
            ..RuleMemory::default()
        };
        Remembered {
            clock: saved.clock,
            counted: saved.counted,
            rules: saved.rules.into_iter().map(rule).collect(),
            run: Run::default(),
        }
    }
}
