//! The whole detector against a simple model: lists of everything that ever matched, searched anew for every question.

use super::*;
use proptest::prelude::*;

const LATENESS: u64 = 5_000;

#[derive(Debug, Clone, Copy)]
enum Goal {
    Count(u64),
    Distinct(u64),
    Rate(f64, u64),
    Absence,
}

/// A record: the clock and its own time after the start, its group, its value, whether it matches, whether it has a time.
#[derive(Debug, Clone)]
struct Event {
    now: u64,
    at: u64,
    group: u8,
    value: u8,
    matches: bool,
}

/// When, of which group, whether it ended, since when, how many, with which evidence.
type Told = (u64, u8, bool, u64, u64, Vec<u32>);

struct Model {
    goal: Goal,
    within: u64,
    step: u64,
    steps: u64,
    latest: Option<(u64, u64)>,
    began: u64,
    groups: Vec<Group>,
    told: Vec<Told>,
}

struct Group {
    name: u8,
    // Step, value, position.
    all: Vec<(u64, u8, u32)>,
    head: u64,
    since: Option<u64>,
    peak: u64,
    end: Option<u64>,
    last: u64,
    last_position: Option<u32>,
    is_absent: bool,
}

impl Model {
    fn new(goal: Goal, within: u64) -> Self {
        let step = within.div_ceil(60);
        Model {
            goal,
            within,
            step,
            steps: within.div_ceil(step),
            latest: None,
            began: 0,
            groups: Vec::new(),
            told: Vec::new(),
        }
    }

    fn kept(&self) -> u64 {
        if matches!(self.goal, Goal::Rate(..)) {
            2 * self.steps
        } else {
            self.steps
        }
    }

    fn between(group: &Group, from: u64, to: u64) -> Vec<(u64, u8, u32)> {
        group
            .all
            .iter()
            .copied()
            .filter(|(step, ..)| (from..to).contains(step))
            .collect()
    }

    fn count(&self, group: &Group, boundary: u64) -> u64 {
        let mut within = Self::between(group, boundary - self.steps, boundary);
        if let Goal::Distinct(at_least) = self.goal {
            within.sort_by_key(|(_, value, _)| *value);
            within.dedup_by_key(|(_, value, _)| *value);
            return at_least.min(within.len() as u64);
        }
        within.len() as u64
    }

    fn holds(&self, group: &Group, boundary: u64) -> bool {
        let count = self.count(group, boundary);
        match self.goal {
            Goal::Count(at_least) | Goal::Distinct(at_least) => count >= at_least,
            Goal::Rate(times, min_count) => {
                let before = boundary - 2 * self.steps;
                let earlier = Self::between(group, before, before + self.steps).len();
                count >= min_count
                    && self.began / self.step <= before
                    && count as f64 >= times * earlier as f64
            }
            Goal::Absence => false,
        }
    }

    fn first_end(&self, group: &Group) -> u64 {
        (group.head + 1..)
            .find(|boundary| !self.holds(group, *boundary))
            .unwrap()
    }

    fn due(&self, group: &Group) -> Option<u64> {
        match (self.goal, group.since) {
            (Goal::Absence, _) => (!group.is_absent).then_some(group.last + self.within),
            (_, Some(_)) => Some(group.end.unwrap_or_else(|| self.first_end(group)) * self.step),
            (_, None) => Some((group.head + self.kept() + 1) * self.step),
        }
    }

    fn pass(&mut self, time: u64) {
        loop {
            let due = self
                .groups
                .iter()
                .enumerate()
                .filter_map(|(n, group)| Some((self.due(group)?, n)))
                .min();
            let Some((due, number)) = due.filter(|(due, _)| due + LATENESS <= time) else {
                return;
            };
            let group = &self.groups[number];
            if matches!(self.goal, Goal::Absence) {
                let evidence = group.last_position.into_iter().collect();
                self.told
                    .push((due, group.name, false, group.last, 0, evidence));
                self.groups[number].is_absent = true;
            } else if let Some(since) = group.since {
                let count = group.peak;
                self.told
                    .push((due, group.name, true, since, count, Vec::new()));
                self.groups[number].since = None;
                self.groups[number].end = None;
            } else {
                self.groups.remove(number);
            }
        }
    }

    fn idle(&mut self, now: u64) {
        if let Some((latest, came)) = self.latest {
            self.pass(latest + now.saturating_sub(came));
        }
    }

    fn record(&mut self, position: u32, event: &Event, grouped: bool) {
        let (now, at) = (START + event.now, START + event.at);
        self.idle(now);
        let at = if at > now + 60_000 { now } else { at };
        let latest = self.latest.map_or(0, |(latest, _)| latest);
        if at + LATENESS < latest {
            return;
        }
        if at > latest {
            self.latest = Some((at, now));
            self.pass(at);
        }
        if self.began == 0 {
            self.began = at;
            if matches!(self.goal, Goal::Absence) && !grouped {
                self.group(0, at);
            }
        }
        if event.matches {
            self.matched(
                position,
                at,
                if grouped { event.group } else { 0 },
                event.value,
            );
        }
    }

    fn group(&mut self, name: u8, at: u64) -> usize {
        if let Some(known) = self.groups.iter().position(|group| group.name == name) {
            return known;
        }
        self.groups.push(Group {
            name,
            all: Vec::new(),
            head: at / self.step,
            since: None,
            peak: 0,
            end: None,
            last: at,
            last_position: None,
            is_absent: false,
        });
        self.groups.len() - 1
    }

    fn matched(&mut self, position: u32, at: u64, name: u8, value: u8) {
        let number = self.group(name, at);
        let step = at / self.step;
        let mut group = self.groups.swap_remove(number);
        if matches!(self.goal, Goal::Absence) {
            if group.last_position.is_none() || at >= group.last {
                group.last_position = Some(position);
            }
            if std::mem::take(&mut group.is_absent) {
                self.told.push((at, name, true, group.last, 0, Vec::new()));
            }
            group.last = group.last.max(at);
        } else if step + self.kept() > group.head {
            let went_on = group.since.is_some() && group.end.is_none();
            let end = (step > group.head && went_on).then(|| self.first_end(&group));
            group.head = group.head.max(step);
            group.all.push((step, value, position));
            let holds = self.holds(&group, group.head + 1);
            match group.since {
                None if holds => self.begins(&mut group, at),
                Some(_) if holds => {
                    group.end = None;
                    group.peak = group.peak.max(self.count(&group, group.head + 1));
                }
                Some(_) if group.end.is_none() => {
                    group.end = Some(end.unwrap_or(u64::MAX).min(group.head + 1))
                }
                _ => {}
            }
        }
        // Groups keep the order of their birth.
        self.groups.push(group);
        let last = self.groups.len() - 1;
        self.groups.swap(number, last);
    }

    fn begins(&mut self, group: &mut Group, at: u64) {
        let from = group.head + 1 - self.steps;
        let within = Self::between(group, from, group.head + 1);
        let mut evidence: Vec<u32> = group
            .all
            .iter()
            .rev()
            .take(16)
            .filter(|(step, ..)| *step >= from)
            .map(|(.., position)| *position)
            .collect();
        evidence.reverse();
        let mut oldest: Vec<u64> = within.iter().map(|(step, ..)| *step).collect();
        if let Goal::Distinct(at_least) = self.goal {
            // The last time of each value, of which so many as are asked for matter.
            let values: std::collections::BTreeSet<u8> =
                within.iter().map(|(_, value, _)| *value).collect();
            let last = |value: &u8| {
                within
                    .iter()
                    .filter(|(_, known, _)| known == value)
                    .map(|(step, ..)| *step)
                    .max()
                    .unwrap()
            };
            oldest = values.iter().map(last).collect();
            oldest.sort_unstable_by(|a, b| b.cmp(a));
            oldest.truncate(at_least as usize);
        }
        let since = oldest.into_iter().min().unwrap() * self.step;
        group.since = Some(since);
        group.peak = self.count(group, group.head + 1);
        self.told.push((
            at,
            group.name,
            false,
            since,
            self.count(group, group.head + 1),
            evidence,
        ));
    }
}

fn rule_of(goal: Goal, within: u64, grouped: bool) -> Json {
    let within_text = format!("{within}ms");
    let mut rule = json!({"name": "r", "when": {"field": "body", "equals": "match"}});
    match goal {
        Goal::Count(at_least) => rule["count"] = json!({ "at_least": at_least }),
        Goal::Distinct(at_least) => {
            rule["distinct"] = json!({"field": "value", "at_least": at_least})
        }
        Goal::Rate(times, min_count) => {
            rule["rate"] = json!({"at_least": times, "min_count": min_count})
        }
        Goal::Absence => {}
    }
    match goal {
        Goal::Absence => rule["absent_for"] = json!(within_text),
        _ => {
            rule["within"] = json!(within_text);
            rule["title"] = json!("{count}");
        }
    }
    if grouped {
        rule["group_by"] = json!(["group"]);
    }
    json!({"rules": [rule], "allowed_lateness": format!("{LATENESS}ms")})
}

fn told_by_plugin(config: &Json, events: &[Event], end: u64) -> Vec<Told> {
    let records = events.iter().map(|event| {
        let body = if event.matches { "match" } else { "other" };
        let record = OwnedRecord::new(body).at(START + event.at);
        (
            event.now,
            record
                .with("group", i64::from(event.group))
                .with("value", i64::from(event.value)),
        )
    });
    let alerts = raised(&plugin(config), records, end);
    let told = |alert: &Alert| {
        let group = alert
            .labels
            .first()
            .map_or(0, |(_, value)| value.parse().unwrap());
        let evidence = alert.evidence.iter().map(|position| position.0).collect();
        (
            alert.at,
            group,
            alert.resolved,
            alert.since,
            alert.title.parse().unwrap_or(0),
            evidence,
        )
    };
    alerts.iter().map(told).collect()
}

fn goal() -> impl Strategy<Value = Goal> {
    prop_oneof![
        3 => (1..8_u64).prop_map(Goal::Count),
        2 => (1..6_u64).prop_map(Goal::Distinct),
        2 => (1.5..4.0, 1..8_u64).prop_map(|(times, min_count)| Goal::Rate(times, min_count)),
        2 => Just(Goal::Absence),
    ]
}

/// Bursts and pauses; times that are early, late, much too late and far ahead.
fn events() -> impl Strategy<Value = Vec<Event>> {
    let gap = prop_oneof![6 => 0..300_u64, 3 => 300..4_000_u64, 1 => 4_000..90_000_u64];
    let shift = prop_oneof![6 => Just(0_i64), 3 => -6_000..1_000_i64, 1 => -40_000..80_000_i64];
    let event = (gap, shift, 0..3_u8, 0..8_u8, prop::bool::weighted(0.8));
    prop::collection::vec(event, 1..150).prop_map(|events| {
        let mut now = 100_000_u64;
        let event = |(gap, shift, group, value, matches): (u64, i64, u8, u8, bool)| {
            now += gap;
            Event {
                now,
                at: now.saturating_add_signed(shift),
                group,
                value,
                matches,
            }
        };
        events.into_iter().map(event).collect()
    })
}

/// What the plugin tells, and what the model does.
fn told_and_expected(
    goal: Goal,
    within: u64,
    grouped: bool,
    events: &[Event],
) -> (Vec<Told>, Vec<Told>) {
    let end = events.last().unwrap().now + 200_000;
    let mut model = Model::new(goal, within);
    for (position, event) in (0..).zip(events) {
        model.record(position, event, grouped);
    }
    model.idle(START + end / 1_000 * 1_000);
    (
        told_by_plugin(&rule_of(goal, within, grouped), events, end),
        model.told,
    )
}

/// *Scenario:* a rate holds; a record that comes late is counted in what will be the window before.
/// *Guarantees:* the end moves to an earlier boundary, also where nothing was saved and restored since.
#[test]
fn a_late_record_may_bring_the_end_forward() {
    let event = |now, at| Event {
        now,
        at,
        group: 0,
        value: 0,
        matches: now != 100_000,
    };
    let on_time = [100_000, 106_373, 106_665, 107_472, 107_558, 109_992].map(|at| event(at, at));
    let events: Vec<Event> = on_time
        .into_iter()
        .chain([event(111_373, 107_471)])
        .collect();
    let (told, expected) = told_and_expected(Goal::Rate(1.5, 1), 5_000, true, &events);
    assert_eq!(told, expected);
    assert!(told.iter().any(|(_, _, ended, ..)| *ended));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// *Scenario:* random streams with bursts, pauses, records out of order, too late and from the future, over rules of every
    /// kind; whole, cut anywhere, saved and restored, with ticks.
    /// *Guarantees:* exactly the alerts of the model: when, of what, since when, how many, with which evidence.
    #[test]
    fn windows_count_as_the_model_does(
        goal in goal(),
        within in prop::sample::select(vec![1_000_u64, 5_000, 6_100, 60_000]),
        grouped in any::<bool>(),
        events in events(),
    ) {
        let (told, expected) = told_and_expected(goal, within, grouped, &events);
        prop_assert_eq!(told, expected);
    }
}
