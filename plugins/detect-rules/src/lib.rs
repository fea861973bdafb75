//! Raises alerts by rules over windows of time: so many records of a kind, so many different values, more than before, none.
//!
//! As a record comes: [`memory`] tells its time and raises what was due before it, [`index`] finds the rules that it may
//! match, [`condition`] asks them, [`window`] counts it. As it is configured: [`config`] is what is written, [`rule`] what it
//! means, [`problems`] what is wrong with it.

pub mod atom;
pub mod condition;
pub mod config;
pub mod counts;
pub mod duration;
pub mod field;
mod hash;
pub mod index;
pub mod literals;
pub mod memory;
mod number;
pub mod problems;
pub mod rule;
pub mod severity;
pub mod template;
pub mod window;

pub use config::Config;
pub use memory::Remembered;

use condition::{Answers, Atoms, Condition};
use counts::Matched;
use field::{Seen, Texts};
use index::{Candidates, Index};
use memory::{Plan, Told};
use problems::Problems;
use rule::{Rule, Watch};
use std::cell::RefCell;
use std::collections::HashMap;
use std::hash::BuildHasherDefault;
use tidegate_sdk::{Arrivals, ConfigError, Detector, Moment, Plugin, Raise, Record, host};

/// More rules than anybody should need.
const RULES_MAX: usize = 10_000;
/// Groups of one rule.
const GROUPS_MAX: u32 = 10_000;
/// How late a record may be, milliseconds.
const LATENESS_MS_MAX: u64 = 3_600_000;

/// The plugin, configured.
pub struct Rules {
    plan: Plan,
    /// By rule; none fits every record.
    conditions: Vec<Option<Condition>>,
    atoms: Atoms,
    index: Index,
    scratch: RefCell<Scratch>,
}

/// What is used for every record anew, kept for its room.
#[derive(Default)]
struct Scratch {
    texts: Texts,
    found: Candidates,
    answers: Answers,
    key: String,
    told: Told,
}

impl Scratch {
    fn new(plan: &Plan) -> Self {
        Scratch {
            told: Told::new(&plan.rules),
            ..Scratch::default()
        }
    }
}

impl Plugin for Rules {
    type Config = Config;

    fn configure(config: Config) -> Result<Self, ConfigError> {
        let mut problems = Problems::default();
        let lateness = duration::read(&config.allowed_lateness, 0, LATENESS_MS_MAX);
        let lateness_ms = problems.check("/allowed_lateness", lateness);
        if !(1..=GROUPS_MAX).contains(&config.max_groups) {
            problems.add(
                "/max_groups",
                format!("is {}; use 1 to {GROUPS_MAX}", config.max_groups),
            );
        }
        if config.rules.is_empty() {
            problems.add(
                "/rules",
                "has no rule; write one, or take the plugin out of the pipelines".to_owned(),
            );
        }
        if config.rules.len() > RULES_MAX {
            let message = format!(
                "are {}; use at most {RULES_MAX}, or a second plugin",
                config.rules.len()
            );
            return Err(ConfigError::field("/rules", message));
        }
        let mut atoms = Atoms::default();
        let (mut rules, mut conditions) = (Vec::new(), Vec::new());
        let mut names: HashMap<&str, usize, BuildHasherDefault<hash::Fixed>> = HashMap::default();
        for (number, written) in config.rules.iter().enumerate() {
            let pointer = format!("/rules/{number}");
            let first = *names.entry(&written.name).or_insert(number);
            if first != number {
                let message = format!(
                    "is {:?}, as /rules/{first}/name already; give each rule a name of its own",
                    written.name
                );
                problems.add(&format!("{pointer}/name"), message);
            }
            if let Some((rule, condition)) = Rule::new(&pointer, written, &mut atoms, &mut problems)
            {
                rules.push(rule);
                conditions.push(condition);
            }
        }
        problems.finish()?;
        let index = indexed(&conditions, &atoms)?;
        let groups_max = config.max_groups as usize;
        let plan = Plan {
            token: token(&rules, groups_max),
            rules,
            lateness_ms: lateness_ms.unwrap_or(0),
            groups_max,
        };
        Ok(Rules {
            scratch: RefCell::new(Scratch::new(&plan)),
            plan,
            conditions,
            atoms,
            index,
        })
    }
}

/// What stands for the rules, their order and their bounds.
fn token(rules: &[Rule], groups_max: usize) -> u64 {
    let ids = rules.iter().flat_map(|rule| rule.id.to_le_bytes());
    let bytes: Vec<u8> = ids.chain(groups_max.to_le_bytes()).collect();
    hash::hash(&bytes).max(1)
}

fn indexed(conditions: &[Option<Condition>], atoms: &Atoms) -> Result<Index, ConfigError> {
    let (mut index, mut building) = (Index::default(), Vec::new());
    for (rule, condition) in conditions.iter().enumerate() {
        match condition {
            None => index.add_all(rule),
            Some(condition) => {
                let anchors = condition.anchors(atoms);
                index.add(rule, anchors.map(|anchors| anchors.any_of), &mut building);
            }
        }
    }
    index.build(building).map_err(|error| {
        ConfigError::field("/rules", format!("cannot be searched together: {error}"))
    })?;
    Ok(index)
}

impl Detector for Rules {
    type Memory = Remembered;

    fn detect(
        &self,
        memory: &mut Remembered,
        record: Record<'_>,
        moment: Moment,
        raise: &mut Raise,
    ) {
        self.detect_all(memory, std::iter::once((record, moment)), raise);
    }

    /// Records together, so that what is counted is told once.
    fn detect_batch(&self, memory: &mut Remembered, arrivals: Arrivals<'_>, raise: &mut Raise) {
        self.detect_all(memory, arrivals, raise);
    }

    fn tick(&self, memory: &mut Remembered, now: u64, raise: &mut Raise) {
        memory.idle(&self.plan, now, raise);
    }
}

impl Rules {
    /// Looks at records in their order.
    #[inline]
    pub fn detect_all<'a>(
        &self,
        memory: &mut Remembered,
        arrivals: impl Iterator<Item = (Record<'a>, Moment)>,
        raise: &mut Raise,
    ) {
        let mut scratch = self.scratch.borrow_mut();
        let scratch = &mut *scratch;
        let mut seen = Seen::new(&self.atoms.fields);
        memory.arrange(&self.plan);
        for (record, moment) in arrivals {
            let time = record.time().map(|time| time.millis());
            let Some(at) = memory.arrive(&self.plan, time, moment, &mut scratch.told, raise) else {
                continue;
            };
            self.matching(record, &mut seen, scratch);
            for number in 0..scratch.found.rules.len() {
                let rule = scratch.found.rules[number] as usize;
                if let Some((_, count)) = scratch.told.matched.get_mut(rule) {
                    *count = Some(count.unwrap_or(0) + 1);
                }
                let Some(value) = self.value(rule, &seen, &mut scratch.texts) else {
                    continue;
                };
                self.plan.rules[rule].key(&seen, &mut scratch.texts, &mut scratch.key);
                let matched = Matched {
                    rule,
                    key: &scratch.key,
                    at,
                    position: moment.position,
                    value,
                };
                memory.matched(&self.plan, &matched, &mut scratch.told, raise);
            }
        }
        self.tell(&mut scratch.told);
    }

    /// Leaves the rules that a record matches in `scratch.found`, in their order.
    #[inline]
    fn matching<'a>(&self, record: Record<'a>, seen: &mut Seen<'a>, scratch: &mut Scratch) {
        let Scratch {
            texts,
            found,
            answers,
            ..
        } = scratch;
        seen.load(&self.atoms.fields, texts, record);
        self.index.find(self.conditions.len(), seen, texts, found);
        answers.next(&self.atoms);
        let mut rules = std::mem::take(&mut found.rules);
        rules.retain(|rule| {
            found.is_sure(*rule)
                || self.conditions[*rule as usize]
                    .as_ref()
                    .is_none_or(|condition| condition.holds(&self.atoms, seen, texts, answers))
        });
        rules.sort_unstable();
        found.rules = rules;
    }

    /// The hash of what a rule tells apart; none where the record lacks it.
    #[inline]
    fn value(&self, rule: usize, seen: &Seen<'_>, texts: &mut Texts) -> Option<u64> {
        match self.plan.rules[rule].watch {
            Watch::Window(_, Some(slot)) => Some(hash::hash(seen.text(slot, texts)?.as_bytes())),
            _ => Some(0),
        }
    }

    fn tell(&self, told: &mut Told) {
        for (name, count) in [
            ("records.late", &mut told.late),
            ("records.ahead", &mut told.ahead),
        ] {
            if *count > 0 {
                host::count(name, std::mem::take(count));
            }
        }
        for (name, count) in &mut told.matched {
            // The first time nothing is told too: so that a rule that never matches is seen.
            match count {
                None if told.is_begun => {}
                _ => host::count(name, count.take().unwrap_or(0)),
            }
        }
        told.is_begun = true;
        if told.evicted.is_empty() {
            return;
        }
        let mut evicted: Vec<(u32, u64)> = told.evicted.drain().collect();
        evicted.sort_unstable();
        for (rule, groups) in evicted {
            host::count(
                &format!("groups.evicted.{}", self.plan.rules[rule as usize].name),
                groups,
            );
        }
    }
}

tidegate_sdk::export!(
    detector Rules,
    "Raises alerts by rules over windows of time."
);

#[cfg(test)]
mod tests;
