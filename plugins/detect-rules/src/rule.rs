//! One rule, as it is meant, and the alerts that it raises.

use crate::condition::{Atoms, Condition};
use crate::config;
use crate::duration;
use crate::field::{Seen, Texts};
use crate::hash::hash;
use crate::problems::Problems;
use crate::template::{Place, Template};
use crate::window::{Goal, Shape};
use tidegate_sdk::{Alert, ConfigError, Level, Position};

/// Bytes of a rule's name: with `groups.evicted.` before it the gateway takes it for a counter's (64).
pub const NAME_BYTES_MAX: usize = 48;
/// The lengths that a window, or an absence, may have.
const WINDOW_MS: [u64; 2] = [1_000, 24 * 3_600_000];
/// Fields of `group_by`.
const GROUP_BY_MAX: usize = 8;
/// Labels that are written; those of `group_by` come on top.
const LABELS_MAX: usize = 16;
/// Bytes of a label's name.
const LABEL_NAME_BYTES_MAX: usize = 128;
/// Bytes of one value of `group_by`. A longer one is cut there and told apart by a hash.
const VALUE_BYTES_MAX: usize = 128;
/// Bytes of a fingerprint. A longer one is cut and told apart by a hash.
const FINGERPRINT_BYTES_MAX: usize = 256;
/// The largest number that a count may have to reach.
const COUNT_MAX: u32 = 1_000_000_000;
/// The largest number of different values.
const DISTINCT_MAX: u32 = 1_000;
/// Between the values of a group.
const SEPARATOR: char = '\u{1f}';

/// A rule.
#[derive(Debug)]
pub struct Rule {
    /// Its name.
    pub name: String,
    /// A hash of its name and of all that decides what it counts: what is remembered bears it.
    pub id: u64,
    /// What raises its alert.
    pub watch: Watch,
    /// The names and slots of the fields by whose values records are told apart.
    group_by: Vec<(String, usize)>,
    level: Level,
    labels: Vec<(String, Template)>,
    title: Template,
    /// The length of the window, or of the absence.
    within_ms: u64,
}

/// What raises a rule's alert.
#[derive(Debug)]
pub enum Watch {
    /// What a window holds; of this field the different values, where there is one.
    Window(Shape, Option<usize>),
    /// That nothing matches for so many milliseconds.
    Absence(u64),
}

/// What an alert says besides its rule.
#[derive(Debug, Default)]
pub struct Said<'a> {
    /// The group's key.
    pub key: &'a str,
    /// When it is raised, Unix milliseconds.
    pub at: u64,
    /// Since when it holds, Unix milliseconds.
    pub since: u64,
    /// How many there are.
    pub count: u64,
    /// The records that are evidence.
    pub evidence: Vec<Position>,
    /// Whether it no longer holds.
    pub resolved: bool,
}

impl Rule {
    /// Makes a rule of what is written at `pointer`, with its condition; none where it is wrong.
    pub fn new(
        pointer: &str,
        written: &config::Rule,
        atoms: &mut Atoms,
        problems: &mut Problems,
    ) -> Option<(Self, Option<Condition>)> {
        let before = problems.count();
        if written.name.is_empty() || written.name.len() > NAME_BYTES_MAX {
            let bytes = written.name.len();
            problems.add(
                &format!("{pointer}/name"),
                format!(
                    "has {bytes} bytes; a counter is named for it, so use 1 to {NAME_BYTES_MAX}"
                ),
            );
        }
        let condition = (written.when.as_ref())
            .and_then(|when| atoms.condition(&format!("{pointer}/when"), when, problems));
        let group_by = group_by(pointer, written, atoms, problems);
        let watch = watch(pointer, written, atoms, problems);
        let places = Places {
            group_by: &written.group_by,
            has_count: written.absent_for.is_none(),
        };
        let labels = labels(pointer, written, &places, problems);
        let title = written
            .title
            .clone()
            .unwrap_or_else(|| default_title(written));
        let title = problems.check(
            &format!("{pointer}/title"),
            Template::new(&title, |name| places.named(name)),
        );
        let (watch, within_ms) = watch?;
        let rule = Rule {
            name: written.name.clone(),
            id: id(written, within_ms),
            watch,
            group_by,
            level: match written.level {
                config::Level::Info => Level::Info,
                config::Level::Warning => Level::Warning,
                config::Level::Critical => Level::Critical,
            },
            labels,
            title: title?,
            within_ms,
        };
        (problems.count() == before).then_some((rule, condition))
    }

    /// Whether it has one group only.
    pub fn is_ungrouped(&self) -> bool {
        self.group_by.is_empty()
    }

    /// Whether it compares with the time before, and so must know when it began to watch.
    pub fn asks_when_it_began(&self) -> bool {
        matches!(&self.watch, Watch::Window(shape, _) if matches!(shape.goal, Goal::Rate { .. }))
    }

    /// Puts the key of a record's group into `key`: the values of `group_by`.
    #[inline]
    pub fn key(&self, seen: &Seen<'_>, texts: &mut Texts, key: &mut String) {
        key.clear();
        for (number, (_, slot)) in self.group_by.iter().enumerate() {
            if number > 0 {
                key.push(SEPARATOR);
            }
            let text = seen.text(*slot, texts).unwrap_or_default();
            let is_plain = self.group_by.len() == 1 || !text.contains(SEPARATOR);
            if text.len() <= VALUE_BYTES_MAX && is_plain {
                key.push_str(text);
            } else {
                push_cut(key, &text.replace(SEPARATOR, "\u{fffd}"), VALUE_BYTES_MAX);
            }
        }
    }

    /// An alert of this rule.
    pub fn alert(&self, said: Said<'_>) -> Alert {
        let values: Vec<&str> = match self.group_by.len() {
            0 => Vec::new(),
            1 => vec![said.key],
            _ => said.key.split(SEPARATOR).collect(),
        };
        let fill = |place, out: &mut String| match place {
            Place::Rule => out.push_str(&self.name),
            Place::Count => out.push_str(&said.count.to_string()),
            Place::Within => out.push_str(&duration::show(self.within_ms)),
            Place::Group(number) => out.push_str(values.get(number).unwrap_or(&"")),
        };
        let own = self
            .labels
            .iter()
            .map(|(name, value)| (name.clone(), value.fill(fill)));
        let is_written = |name: &str| self.labels.iter().any(|(written, _)| written == name);
        let of_group = self
            .group_by
            .iter()
            .zip(&values)
            .filter(|((name, _), _)| !is_written(name));
        let of_group = of_group.map(|((name, _), value)| (name.clone(), (*value).to_owned()));
        Alert {
            rule: self.name.clone(),
            fingerprint: self.fingerprint(&values),
            level: self.level,
            title: self.title.fill(fill),
            labels: of_group.chain(own).collect(),
            at: said.at,
            since: said.since,
            evidence: said.evidence,
            resolved: said.resolved,
        }
    }

    /// `rule`, or `rule{field=value,...}`.
    fn fingerprint(&self, values: &[&str]) -> String {
        let mut fingerprint = self.name.clone();
        for (number, ((field, _), value)) in self.group_by.iter().zip(values).enumerate() {
            fingerprint.push(if number == 0 { '{' } else { ',' });
            fingerprint.push_str(field);
            fingerprint.push('=');
            let is_odd =
                |c: char| c.is_control() || matches!(c, ',' | '=' | '{' | '}' | '"' | '\\');
            if value.contains(is_odd) {
                fingerprint.push_str(&format!("{value:?}"));
            } else {
                fingerprint.push_str(value);
            }
        }
        if !self.group_by.is_empty() {
            fingerprint.push('}');
        }
        if fingerprint.len() <= FINGERPRINT_BYTES_MAX {
            return fingerprint;
        }
        let mut cut = String::new();
        push_cut(&mut cut, &fingerprint, FINGERPRINT_BYTES_MAX - HASH_BYTES);
        cut
    }
}

/// `~` and 16 hexadecimal digits.
const HASH_BYTES: usize = 17;

/// Puts a text there; where it is longer than `bytes_max`, its beginning and a hash of the whole.
fn push_cut(out: &mut String, text: &str, bytes_max: usize) {
    if text.len() <= bytes_max {
        out.push_str(text);
        return;
    }
    out.push_str(&text[..text.floor_char_boundary(bytes_max)]);
    out.push_str(&format!("~{:016x}", hash(text.as_bytes())));
}

fn group_by(
    pointer: &str,
    written: &config::Rule,
    atoms: &mut Atoms,
    problems: &mut Problems,
) -> Vec<(String, usize)> {
    let pointer = format!("{pointer}/group_by");
    if written.group_by.len() > GROUP_BY_MAX {
        problems.add(
            &pointer,
            format!(
                "names {} fields; use at most {GROUP_BY_MAX}",
                written.group_by.len()
            ),
        );
        return Vec::new();
    }
    let mut fields: Vec<(String, usize)> = Vec::new();
    for (number, name) in written.group_by.iter().enumerate() {
        let pointer = format!("{pointer}/{number}");
        let Some(slot) = atoms.slot(&pointer, name, problems) else {
            continue;
        };
        if fields.iter().any(|(_, known)| *known == slot) {
            problems.add(
                &pointer,
                format!("is {name:?}, which is named before; leave it out"),
            );
        }
        fields.push((name.clone(), slot));
    }
    fields
}

fn watch(
    pointer: &str,
    written: &config::Rule,
    atoms: &mut Atoms,
    problems: &mut Problems,
) -> Option<(Watch, u64)> {
    let ways = [
        written.count.is_some(),
        written.distinct.is_some(),
        written.rate.is_some(),
        written.absent_for.is_some(),
    ];
    let ways = ways.into_iter().filter(|is| *is).count();
    if ways != 1 {
        let message = match ways {
            0 => {
                "says nothing of when its alert is raised; name one of count, distinct, rate and absent_for"
            }
            _ => "says more than one of count, distinct, rate and absent_for; make a rule of each",
        };
        problems.add(pointer, message);
        return None;
    }
    let [least, most] = WINDOW_MS;
    if let Some(absent_for) = &written.absent_for {
        if written.within.is_some() {
            problems.add(
                &format!("{pointer}/within"),
                "does not go with absent_for, which is the time itself; leave it out",
            );
        }
        let length = duration::read(absent_for, least, most);
        let length = problems.check(&format!("{pointer}/absent_for"), length)?;
        return Some((Watch::Absence(length), length));
    }
    let goal = goal(pointer, written, atoms, problems);
    let Some(within) = &written.within else {
        problems.add(
            pointer,
            "has no within, the length of its window; write within: 60s, or another time",
        );
        return None;
    };
    let within = problems.check(
        &format!("{pointer}/within"),
        duration::read(within, least, most),
    )?;
    let (goal, slot) = goal?;
    Some((Watch::Window(Shape::new(within, goal), slot), within))
}

fn goal(
    pointer: &str,
    written: &config::Rule,
    atoms: &mut Atoms,
    problems: &mut Problems,
) -> Option<(Goal, Option<usize>)> {
    let mut number = |field: &str, number: u32, most: u32| {
        if !(1..=most).contains(&number) {
            problems.add(
                &format!("{pointer}/{field}"),
                format!("is {number}; use 1 to {most}"),
            );
        }
    };
    if let Some(count) = &written.count {
        number("count/at_least", count.at_least, COUNT_MAX);
        return Some((Goal::Count(count.at_least.into()), None));
    }
    if let Some(distinct) = &written.distinct {
        number("distinct/at_least", distinct.at_least, DISTINCT_MAX);
        let slot = atoms.slot(
            &format!("{pointer}/distinct/field"),
            &distinct.field,
            problems,
        )?;
        return Some((Goal::Distinct(distinct.at_least as usize), Some(slot)));
    }
    let rate = written.rate.as_ref()?;
    number("rate/min_count", rate.min_count, COUNT_MAX);
    if !(rate.at_least > 1.0 && rate.at_least <= 1e6) {
        let message = format!(
            "is {}; use a multiple above 1, up to 1000000",
            rate.at_least
        );
        problems.add(&format!("{pointer}/rate/at_least"), message);
    }
    let goal = Goal::Rate {
        times: rate.at_least,
        min_count: rate.min_count.into(),
    };
    Some((goal, None))
}

/// What a template of this rule may name.
struct Places<'a> {
    group_by: &'a [String],
    has_count: bool,
}

impl Places<'_> {
    fn named(&self, name: &str) -> Result<Place, String> {
        match name {
            "rule" => Ok(Place::Rule),
            "within" => Ok(Place::Within),
            "count" if self.has_count => Ok(Place::Count),
            "count" => Err("names {count}, but an absence counts nothing; leave it out".into()),
            _ => match self.group_by.iter().position(|field| field == name) {
                Some(number) => Ok(Place::Group(number)),
                None => Err(format!(
                    "names {{{name}}}, which is not in group_by; add it there, or use {{rule}}, {{count}} or {{within}}"
                )),
            },
        }
    }
}

fn labels(
    pointer: &str,
    written: &config::Rule,
    places: &Places<'_>,
    problems: &mut Problems,
) -> Vec<(String, Template)> {
    let pointer = format!("{pointer}/labels");
    if written.labels.len() > LABELS_MAX {
        problems.add(
            &pointer,
            format!("are {}; use at most {LABELS_MAX}", written.labels.len()),
        );
        return Vec::new();
    }
    let mut labels = Vec::new();
    for (name, value) in &written.labels {
        let pointer = format!("{pointer}/{}", ConfigError::escaped(name));
        if name.is_empty() || name.len() > LABEL_NAME_BYTES_MAX {
            problems.add(
                &pointer,
                format!(
                    "has a name of {} bytes; use 1 to {LABEL_NAME_BYTES_MAX}",
                    name.len()
                ),
            );
        }
        let value = problems.check(&pointer, Template::new(value, |name| places.named(name)));
        labels.extend(value.map(|value| (name.clone(), value)));
    }
    labels
}

fn default_title(written: &config::Rule) -> String {
    let what = if written.absent_for.is_some() {
        "{rule}: nothing for {within}"
    } else if written.distinct.is_some() {
        "{rule}: {count} different values within {within}"
    } else {
        "{rule}: {count} within {within}"
    };
    // A name with a brace in it cannot be a place; the labels tell it.
    let fields = written
        .group_by
        .iter()
        .filter(|field| !field.contains(['{', '}']));
    let fields: Vec<String> = fields.map(|field| format!("{field} {{{field}}}")).collect();
    match fields.is_empty() {
        true => what.into(),
        false => format!("{what}, {}", fields.join(", ")),
    }
}

/// The hash of a rule's name and of what decides what it counts: not of what its alerts look like.
fn id(written: &config::Rule, within_ms: u64) -> u64 {
    let counted = serde_json::json!({
        "name": written.name,
        "when": written.when,
        "group_by": written.group_by,
        "count": written.count,
        "distinct": written.distinct,
        "rate": written.rate,
        "is_absence": written.absent_for.is_some(),
        "within_ms": within_ms,
    });
    hash(counted.to_string().as_bytes())
}
