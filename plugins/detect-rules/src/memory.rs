//! What is remembered of a shard: its clock, and by rule the groups with what is counted of them.

mod saved;

use crate::counts::{Counts, Matched};
use crate::rule::{Rule, Said, Watch};
use crate::window::Change;
use hashbrown::HashTable;
use saved::Saved;
use serde::{Deserialize, Serialize};
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use tidegate_sdk::{Memory, Moment, Raise};

/// What is saved of a shard may have so many bytes.
const SAVED_BYTES_MAX: usize = 1 << 20;
/// Bytes that are saved besides groups: of the shard, and of a rule.
const SHARD_BYTES: usize = 64;
const RULE_BYTES: usize = 24;
/// Bytes of a group that is saved, besides its key and what it counts.
const GROUP_BYTES: usize = 64;
/// Of too many groups one in so many is forgotten at once, those that matched longest ago.
const FORGET_ONE_IN: usize = 16;
/// A record may say that it is so far ahead of the shard's clock, in milliseconds; one that says more has the clock's time.
const AHEAD_MAX_MS: u64 = 60_000;

/// The matches of so many rules, the first ones, are counted: the gateway keeps 64 names.
const MATCHED_TOLD_MAX: usize = 32;

/// All that is remembered of a shard.
#[derive(Debug, Default, Deserialize)]
#[serde(from = "Saved")]
pub struct Remembered {
    clock: Clock,
    /// Records that rules have counted, each by each: their order.
    counted: u64,
    rules: Vec<RuleMemory>,
    run: Run,
}

/// The shard's time, by its records.
#[derive(Debug, Default, Clone, Copy, Serialize, Deserialize)]
struct Clock {
    /// The latest time of a record, Unix milliseconds; 0 before the first.
    latest: u64,
    /// What the shard's clock said when that came.
    came: u64,
}

#[derive(Debug, Default)]
struct RuleMemory {
    id: u64,
    /// When it began to watch, Unix milliseconds; 0: not yet, or nobody asks.
    began: u64,
    groups: Vec<Option<Group>>,
    free: Vec<u32>,
    /// Groups by the hash of their key.
    by_key: HashTable<u32>,
}

/// A group of records that a rule counts together.
#[derive(Debug, Serialize, Deserialize)]
struct Group {
    key: String,
    /// Which it is: `Remembered::counted` when it was made.
    born: u64,
    /// `Remembered::counted` when a record matched last.
    touched: u64,
    counts: Counts,
    /// The time for which the group is in `Run::due`; never later than it is due. `u64::MAX`: it is not there.
    #[serde(skip)]
    due: u64,
    #[serde(skip)]
    bytes: usize,
}

/// What follows from the rest.
#[derive(Debug, Default)]
struct Run {
    /// The configuration that all this is arranged for.
    arranged: u64,
    bytes: usize,
    groups: usize,
    /// What becomes due: its time at the earliest, the rule, the group by birth and place.
    due: BinaryHeap<Reverse<(u64, u32, u64, u32)>>,
    /// Rules that begin to watch with the next record.
    waiting: Vec<u32>,
}

/// What the plugin's rules are.
#[derive(Debug)]
pub struct Plan {
    /// The rules.
    pub rules: Vec<Rule>,
    /// A hash of all rules and bounds; not 0.
    pub token: u64,
    /// How late a record may be, milliseconds.
    pub lateness_ms: u64,
    /// Groups of one rule.
    pub groups_max: usize,
}

/// What is told to the gateway's counters, once a call.
#[derive(Debug, Default)]
pub struct Told {
    /// Records that came too late.
    pub late: u64,
    /// Records whose time is ahead of the clock.
    pub ahead: u64,
    /// By rule, the first ones: the counter's name, and records that it matched.
    pub matched: Vec<(String, Option<u64>)>,
    /// Whether anything has been told.
    pub is_begun: bool,
    /// By rule: groups that were forgotten for others.
    pub evicted: HashMap<u32, u64, std::hash::BuildHasherDefault<crate::hash::Fixed>>,
}

impl Memory for Remembered {}

impl Told {
    /// Nothing yet.
    pub fn new(rules: &[Rule]) -> Self {
        let told = rules.iter().take(MATCHED_TOLD_MAX);
        let told = told.map(|rule| (format!("matched.{}", rule.name), None));
        Told {
            matched: told.collect(),
            ..Told::default()
        }
    }
}

// === the clock ===

impl Remembered {
    /// A record comes: what is due before it is raised. Its time, or none where it is too late.
    #[inline]
    pub fn arrive(
        &mut self,
        plan: &Plan,
        time: Option<u64>,
        moment: Moment,
        told: &mut Told,
        raise: &mut Raise,
    ) -> Option<u64> {
        self.idle(plan, moment.now, raise);
        let mut at = time.unwrap_or(moment.now);
        if at > moment.now.saturating_add(AHEAD_MAX_MS) {
            told.ahead += 1;
            at = moment.now;
        }
        if at < self.clock.latest.saturating_sub(plan.lateness_ms) {
            told.late += 1;
            return None;
        }
        if at > self.clock.latest {
            self.clock = Clock {
                latest: at,
                came: moment.now,
            };
            self.pass(plan, at, raise);
        }
        if !self.run.waiting.is_empty() {
            self.begin(plan, at);
        }
        Some(at)
    }

    /// Time goes by: since the record with the latest time so much as on the shard's clock.
    #[inline]
    pub fn idle(&mut self, plan: &Plan, now: u64, raise: &mut Raise) {
        self.arrange(plan);
        let Clock { latest, came } = self.clock;
        if latest > 0 {
            self.pass(plan, latest.saturating_add(now.saturating_sub(came)), raise);
        }
    }

    /// What is due at `time`, less the allowed lateness, in the order of its deadlines.
    #[inline]
    fn pass(&mut self, plan: &Plan, time: u64, raise: &mut Raise) {
        let limit = time.saturating_sub(plan.lateness_ms);
        while let Some(Reverse((due, ..))) = self.run.due.peek()
            && *due <= limit
        {
            self.pass_next(plan, raise);
        }
    }

    fn pass_next(&mut self, plan: &Plan, raise: &mut Raise) {
        let Some(Reverse((due, number, born, place))) = self.run.due.pop() else {
            return;
        };
        let (rule, memory) = (
            &plan.rules[number as usize],
            &mut self.rules[number as usize],
        );
        let began = memory.began;
        let group = memory
            .groups
            .get_mut(place as usize)
            .and_then(Option::as_mut);
        let Some(group) = group.filter(|group| group.born == born && group.due == due) else {
            return;
        };
        let really = group.counts.due(rule, began);
        if really <= due {
            let Some(said) = group.counts.pass() else {
                self.remove(number as usize, place as usize);
                return;
            };
            raise.alert(rule.alert(Said {
                key: &group.key,
                at: due,
                ..said
            }));
        }
        group.due = group.counts.due(rule, began);
        if group.due < u64::MAX {
            self.run.due.push(Reverse((group.due, number, born, place)));
        }
    }

    /// Rules without groups that watch for absence, and those that compare with the time before, begin.
    #[cold]
    fn begin(&mut self, plan: &Plan, at: u64) {
        for number in std::mem::take(&mut self.run.waiting) {
            let number = number as usize;
            match plan.rules[number].watch {
                Watch::Window(..) => self.rules[number].began = at.max(1),
                Watch::Absence(_) => _ = self.make(plan, number, "", at),
            }
        }
    }
}

// === counting ===

impl Remembered {
    /// A record matches a rule.
    #[inline]
    pub fn matched(
        &mut self,
        plan: &Plan,
        matched: &Matched<'_>,
        told: &mut Told,
        raise: &mut Raise,
    ) {
        let number = matched.rule;
        let rule = &plan.rules[number];
        self.counted += 1;
        let place = match self.rules[number].find(matched.key) {
            Some(place) => place,
            None => {
                self.make_room(plan, number, told);
                self.make(plan, number, matched.key, matched.at)
            }
        };
        let memory = &mut self.rules[number];
        let began = memory.began;
        let Some(group) = &mut memory.groups[place] else {
            return;
        };
        group.touched = self.counted;
        let change = group.counts.record(rule, began, matched);
        let bytes = group.key.len() + GROUP_BYTES + group.counts.bytes(rule);
        self.run.bytes = self.run.bytes + bytes - group.bytes;
        group.bytes = bytes;
        let said = match change {
            Change::None | Change::Sooner => None,
            Change::Begins => Some(group.counts.begun(rule, matched.at)),
            Change::Returns(since) => Some(Said {
                at: matched.at,
                since,
                resolved: true,
                ..Said::default()
            }),
        };
        if let Some(said) = said {
            raise.alert(rule.alert(Said {
                key: &group.key,
                ..said
            }));
        }
        if change != Change::None {
            self.watch(rule, number, place);
        }
        if self.run.bytes > Self::bytes_max(plan) {
            self.forget_oldest(plan, told);
        }
    }

    /// Sees to it that the group comes up no later than it is due.
    fn watch(&mut self, rule: &Rule, number: usize, place: usize) {
        let memory = &mut self.rules[number];
        let Some(group) = &mut memory.groups[place] else {
            return;
        };
        let due = group.counts.due(rule, memory.began);
        if due < group.due {
            group.due = due;
            self.run
                .due
                .push(Reverse((due, number as u32, group.born, place as u32)));
            self.drop_stale();
        }
    }

    /// Entries of groups that are gone, or come up earlier, must not pile up.
    fn drop_stale(&mut self) {
        if self.run.due.len() > 2 * self.run.groups + 64 {
            let rules = &self.rules;
            self.run.due.retain(|Reverse((due, rule, born, place))| {
                let group = rules[*rule as usize].groups.get(*place as usize);
                group
                    .and_then(Option::as_ref)
                    .is_some_and(|group| group.born == *born && group.due == *due)
            });
        }
    }

    fn make(&mut self, plan: &Plan, number: usize, key: &str, at: u64) -> usize {
        let rule = &plan.rules[number];
        let counts = Counts::new(rule, at);
        // What is counted first is later than what is made: every birth is another.
        self.counted += 1;
        let group = Group {
            key: key.to_owned(),
            born: self.counted,
            touched: self.counted,
            counts,
            due: u64::MAX,
            bytes: 0,
        };
        let place = self.rules[number].put(group);
        self.enter(rule, number, place, Some(at));
        self.drop_stale();
        place
    }

    /// A group that is put there is counted and watched; an empty one from the time of its first record on.
    fn enter(&mut self, rule: &Rule, number: usize, place: usize, at: Option<u64>) {
        let memory = &mut self.rules[number];
        let Some(group) = &mut memory.groups[place] else {
            return;
        };
        group.bytes = group.key.len() + GROUP_BYTES + group.counts.bytes(rule);
        group.due = match (at, &group.counts) {
            (Some(at), Counts::Window(_)) => at,
            _ => group.counts.due(rule, memory.began),
        };
        self.run.bytes += group.bytes;
        self.run.groups += 1;
        if group.due < u64::MAX {
            self.run.due.push(Reverse((
                group.due,
                number as u32,
                group.born,
                place as u32,
            )));
        }
    }

    fn remove(&mut self, number: usize, place: usize) {
        let memory = &mut self.rules[number];
        if let Some(group) = memory.take(place) {
            self.run.bytes -= group.bytes;
            self.run.groups -= 1;
        }
    }
}

// === bounds ===

impl Remembered {
    /// The bytes that its groups have at most when they are saved.
    #[cfg(test)]
    pub fn bytes(&self) -> usize {
        self.run.bytes
    }

    fn bytes_max(plan: &Plan) -> usize {
        SAVED_BYTES_MAX - SHARD_BYTES - RULE_BYTES * plan.rules.len()
    }

    /// Where a rule has as many groups as it may, those that matched longest ago are forgotten.
    fn make_room(&mut self, plan: &Plan, number: usize, told: &mut Told) {
        let memory = &self.rules[number];
        if memory.groups.len() - memory.free.len() >= plan.groups_max {
            let groups = memory.touched(number as u32).collect();
            self.forget(plan, groups, told);
        }
    }

    /// Of all groups those that matched longest ago are forgotten.
    #[cold]
    fn forget_oldest(&mut self, plan: &Plan, told: &mut Told) {
        while self.run.bytes > Self::bytes_max(plan) {
            let groups = (self.rules.iter().enumerate())
                .flat_map(|(number, memory)| memory.touched(number as u32))
                .collect();
            self.forget(plan, groups, told);
        }
    }

    fn forget(&mut self, plan: &Plan, mut groups: Vec<(u64, u32, u32)>, told: &mut Told) {
        let many = groups.len().div_ceil(FORGET_ONE_IN);
        groups.sort_unstable();
        for (_, number, place) in groups.into_iter().take(many) {
            self.remove(number as usize, place as usize);
            *told.evicted.entry(number).or_default() += 1;
            let rule = &plan.rules[number as usize];
            if rule.is_ungrouped() && matches!(rule.watch, Watch::Absence(_)) {
                self.run.waiting.push(number);
            }
        }
    }
}

// === arranging ===

impl Remembered {
    /// Brings what is remembered into the order of the rules; rules that are gone or changed are forgotten.
    #[inline]
    pub fn arrange(&mut self, plan: &Plan) {
        if self.run.arranged != plan.token {
            self.arrange_anew(plan);
        }
    }

    #[cold]
    fn arrange_anew(&mut self, plan: &Plan) {
        let mut old: HashMap<u64, RuleMemory, std::hash::BuildHasherDefault<crate::hash::Fixed>> =
            std::mem::take(&mut self.rules)
                .into_iter()
                .map(|rule| (rule.id, rule))
                .collect();
        self.run = Run {
            arranged: plan.token,
            ..Run::default()
        };
        for (number, rule) in plan.rules.iter().enumerate() {
            let memory = old
                .remove(&rule.id)
                .filter(|memory| memory.fits(rule))
                .unwrap_or_default();
            self.rules.push(RuleMemory {
                id: rule.id,
                began: memory.began,
                ..RuleMemory::default()
            });
            for group in memory.groups.into_iter().flatten() {
                let place = self.rules[number].put(group);
                self.enter(rule, number, place, None);
            }
            let waits = match rule.watch {
                Watch::Absence(_) => rule.is_ungrouped() && self.rules[number].groups.is_empty(),
                Watch::Window(..) => memory.began == 0 && rule.asks_when_it_began(),
            };
            self.run.waiting.extend(waits.then_some(number as u32));
        }
        let mut told = Told::default();
        for number in 0..plan.rules.len() {
            while self.rules[number].groups.len() - self.rules[number].free.len() > plan.groups_max
            {
                self.make_room(plan, number, &mut told);
            }
        }
        self.forget_oldest(plan, &mut told);
    }
}

impl RuleMemory {
    /// Whether its groups are of the kind that the rule counts.
    fn fits(&self, rule: &Rule) -> bool {
        let groups = self.groups.iter().flatten();
        groups
            .map(|group| &group.counts)
            .all(|counts| counts.fit(rule))
    }

    #[inline]
    fn find(&self, key: &str) -> Option<usize> {
        let is = |place: &u32| {
            self.groups[*place as usize]
                .as_ref()
                .is_some_and(|group| group.key == key)
        };
        let place = self.by_key.find(crate::hash::hash(key.as_bytes()), is)?;
        Some(*place as usize)
    }

    fn put(&mut self, group: Group) -> usize {
        let hash = crate::hash::hash(group.key.as_bytes());
        let place = self.free.pop().unwrap_or(self.groups.len() as u32);
        match self.groups.get_mut(place as usize) {
            Some(free) => *free = Some(group),
            None => self.groups.push(Some(group)),
        }
        let groups = &self.groups;
        let rehash = |place: &u32| {
            let group = groups[*place as usize].as_ref();
            group.map_or(0, |group| crate::hash::hash(group.key.as_bytes()))
        };
        self.by_key.insert_unique(hash, place, rehash);
        place as usize
    }

    fn take(&mut self, place: usize) -> Option<Group> {
        let group = self.groups.get_mut(place)?.take()?;
        let hash = crate::hash::hash(group.key.as_bytes());
        if let Ok(entry) = self
            .by_key
            .find_entry(hash, |known| *known as usize == place)
        {
            entry.remove();
        }
        self.free.push(place as u32);
        Some(group)
    }

    /// When each group matched last, and where it is.
    fn touched(&self, number: u32) -> impl Iterator<Item = (u64, u32, u32)> {
        let groups = self.groups.iter().enumerate();
        groups
            .filter_map(move |(place, group)| Some((group.as_ref()?.touched, number, place as u32)))
    }
}
