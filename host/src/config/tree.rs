//! A YAML file as a tree in which every node knows its line, and every text how it was written.
//!
//! Pure but for reading the file. It promises that a hostile file ends in a problem: length, nesting,
//! nodes and aliases are bounded.

use super::problem::{Field, Problem, Step, field};
use super::units::Size;
use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use serde_saphyr::budget::BudgetBreach;
use serde_saphyr::{Error, Location, Spanned};
use std::fmt;
use std::io::Read;
use std::path::Path;

/// Of the configuration: people write it by hand.
pub const CONFIGURATION: Bounds = Bounds {
    bytes: 1 << 20,
    nodes: 50_000,
    remedy: "put the rules into a plugin's config_file, which may have 16MiB and 1000000 values",
};
/// Of a plugin's `config_file`, which programs may write: room for the 10,000 rules that `detect-rules` takes, with 100
/// values and 1,600 bytes each. A value takes some 165 bytes of memory, so that a hostile file ends at 165 MB.
pub const PLUGIN_FILE: Bounds = Bounds {
    bytes: 16 << 20,
    nodes: 1_000_000,
    remedy: "share them out over the files of several plugins",
};
/// The deepest nesting, in levels.
const DEPTH_MAX: usize = 48;
/// The most aliases of a file.
const ALIASES_MAX: usize = 1_000;

/// How much a file may hold.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Its length, in bytes.
    pub bytes: u64,
    /// Its values, keys among them, aliases followed.
    pub nodes: usize,
    /// What to do about one that holds more.
    pub remedy: &'static str,
}

/// One node of the file.
#[derive(Clone, Debug)]
pub struct Node {
    /// Its line, from 1.
    pub line: u64,
    /// Its column in characters, from 1.
    pub column: u64,
    /// What it is.
    pub data: Data,
}

/// What a node is.
#[derive(Clone, Debug)]
pub enum Data {
    /// A text.
    Text {
        /// What it means: `${...}` are replaced.
        meant: String,
        /// As it stands in the file, where that differs: what it means may be a secret.
        written: Option<String>,
    },
    /// Nothing, a switch or a number.
    Plain(Value),
    /// A list.
    List(Vec<Node>),
    /// Keys and values, in the order of the file.
    Map(Vec<(Key, Node)>),
}

/// A key and where it stands.
#[derive(Clone, Debug)]
pub struct Key {
    /// Its text.
    pub name: String,
    /// Its line, from 1.
    pub line: u64,
    /// Its column in characters, from 1.
    pub column: u64,
}

/// Reads a text file of at most so many bytes.
///
/// # Errors
/// A phrase that continues `the file ...`.
pub fn read(path: &Path, bounds: Bounds) -> Result<String, String> {
    let file = std::fs::File::open(path).map_err(|e| format!("cannot be read: {e}"))?;
    let mut bytes = Vec::new();
    file.take(bounds.bytes + 1)
        .read_to_end(&mut bytes)
        .map_err(|e| format!("cannot be read: {e}"))?;
    if bytes.len() as u64 > bounds.bytes {
        return Err(bounds.too_long());
    }
    String::from_utf8(bytes).map_err(|_| "must be UTF-8".to_owned())
}

/// Parses the text of `file`.
///
/// # Errors
/// The first thing that is no YAML, with its line: what follows it cannot be read.
pub fn parse(file: &Path, text: &str, bounds: Bounds) -> Result<Node, Box<Problem>> {
    if text.len() as u64 > bounds.bytes {
        return Err(Box::new(Problem::of_file(file, bounds.too_long())));
    }
    serde_saphyr::from_str_with_options::<Node>(text, bounds.options()).map_err(|e| {
        let at = e.location().unwrap_or(Location::UNKNOWN);
        Box::new(Problem {
            line: at.line(),
            column: at.column(),
            ..Problem::of_file(file, bounds.fault(e.without_snippet()))
        })
    })
}

/// Whether a short text is that text without quotes too, rather than a number, a switch, nothing or a mistake.
fn is_text_unquoted(text: &str) -> bool {
    // More values than these few make it no text anyway.
    let bounds = Bounds {
        bytes: text.len() as u64,
        nodes: 16,
        remedy: "",
    };
    let node = serde_saphyr::from_str_with_options::<Node>(text, bounds.options());
    node.is_ok_and(|node| matches!(node.data, Data::Text { .. }))
}

// === impl Bounds ===

impl Bounds {
    fn options(self) -> serde_saphyr::Options {
        serde_saphyr::options! {
            budget: serde_saphyr::budget! {
                max_depth: DEPTH_MAX,
                max_nodes: self.nodes,
                // Begin and end of a list or map are two.
                max_events: 2 * self.nodes,
                max_aliases: ALIASES_MAX,
                max_documents: 1,
            },
            alias_limits: serde_saphyr::alias_limits! {
                max_total_replayed_events: self.nodes,
            },
            strict_booleans: true,
            with_snippet: false,
        }
    }

    /// A library's error in words for those who write the file.
    fn fault(self, error: &Error) -> String {
        match error {
            Error::DuplicateMappingKey { key, .. } => {
                format!("has the key {} twice", key.as_deref().unwrap_or_default())
            }
            Error::Budget { breach, .. } => match breach {
                BudgetBreach::Depth { .. } => {
                    format!("must be nested at most {DEPTH_MAX} levels deep")
                }
                BudgetBreach::Documents { .. } => "must hold one document only".to_owned(),
                BudgetBreach::Nodes { .. } | BudgetBreach::Events { .. } => self.too_many(),
                _ => self.too_many_aliases(),
            },
            Error::AliasReplayLimitExceeded { .. }
            | Error::AliasExpansionLimitExceeded { .. }
            | Error::AliasReplayStackDepthExceeded { .. } => self.too_many_aliases(),
            Error::AliasError { error, .. } => self.fault(error),
            other => {
                let text = other.render();
                let first = text.lines().next().unwrap_or_default();
                let text = first.split(" at line ").next().unwrap_or_default();
                // What it is mostly: a text with signs of YAML, or backslashes between double quotes.
                let then = match text.contains("did not find expected") || text.contains("escape") {
                    true => {
                        "; put a text that begins with { or [, or has \": \" or a backslash in it, into single quotes"
                    }
                    false => "",
                };
                format!("is not readable as YAML: {text}{then}")
            }
        }
    }

    fn too_long(self) -> String {
        format!("must be at most {} long{}", Size(self.bytes), self.then())
    }

    fn too_many(self) -> String {
        let (nodes, then) = (self.nodes, self.then());
        format!("must have at most {nodes} values, keys among them{then}")
    }

    fn too_many_aliases(self) -> String {
        let nodes = self.nodes;
        format!(
            "must have at most {ALIASES_MAX} aliases, and at most {nodes} values once they are followed"
        )
    }

    fn then(self) -> String {
        match self.remedy {
            "" => String::new(),
            remedy => format!("; {remedy}"),
        }
    }
}

// === impl Node ===

impl Node {
    /// A node that stands nowhere and says nothing.
    pub fn nothing() -> Node {
        Node {
            line: 0,
            column: 0,
            data: Data::Plain(Value::Null),
        }
    }

    /// `message` with what was put in for `${...}` taken out again.
    pub fn without_secrets(&self, message: &str) -> String {
        match &self.data {
            Data::Text {
                meant,
                written: Some(w),
            } if !meant.is_empty() => message.replace(meant, w),
            Data::Text { .. } | Data::Plain(_) => message.to_owned(),
            Data::List(items) => items
                .iter()
                .fold(message.to_owned(), |m, item| item.without_secrets(&m)),
            Data::Map(entries) => entries.iter().fold(message.to_owned(), |m, (_, value)| {
                value.without_secrets(&m)
            }),
        }
    }

    /// What the innermost item of a list on the way to `field` calls itself: `rule errors`, of
    /// `rules[1].within`. None where there is none with a `name`.
    pub fn item(&self, field: &Field) -> Option<String> {
        let (mut node, mut list, mut found) = (self, "item", None);
        for step in &field.0 {
            let Some(next) = node.step(step) else { break };
            match step {
                Step::Key(key) => list = key,
                Step::Index(_) => {
                    let one = list.strip_suffix('s').unwrap_or(list);
                    let name = next.get(&field!["name"]).and_then(Node::shown);
                    found = name.map(|name| format!("{one} {name}")).or(found);
                }
            }
            node = next;
        }
        found
    }

    /// The node at `field`, if the file has it.
    pub fn get(&self, field: &Field) -> Option<&Node> {
        field.0.iter().try_fold(self, |node, step| node.step(step))
    }

    fn step(&self, step: &Step) -> Option<&Node> {
        match (&self.data, step) {
            (Data::List(items), Step::Index(i)) => items.get(*i),
            (Data::Map(entries), Step::Key(k)) => {
                entries.iter().find(|(key, _)| key.name == *k).map(|e| &e.1)
            }
            _ => None,
        }
    }

    /// Line and column of the value at `field`; of the key where the value is a list or a map; of what
    /// is nearest above where the file has no such field.
    pub fn place(&self, field: &Field) -> (u64, u64) {
        match self.get(field) {
            Some(node) if !node.is_nothing() && !node.holds_others() => (node.line, node.column),
            _ => self.key_place(field),
        }
    }

    /// Line and column of the key that leads to `field`, else of what is nearest above it.
    pub fn key_place(&self, field: &Field) -> (u64, u64) {
        let mut node = self;
        let mut place = (self.line, self.column);
        for step in &field.0 {
            let Some(next) = node.step(step) else { break };
            place = node.key(step).unwrap_or((next.line, next.column));
            node = next;
        }
        place
    }

    fn key(&self, step: &Step) -> Option<(u64, u64)> {
        let (Data::Map(entries), Step::Key(name)) = (&self.data, step) else {
            return None;
        };
        let (key, _) = entries.iter().find(|(key, _)| key.name == *name)?;
        Some((key.line, key.column))
    }

    /// The place that a JSON pointer names; what the file does not have counts as keys.
    pub fn field(&self, pointer: &str) -> Field {
        let mut field = Field::default();
        let mut node = Some(self);
        for token in pointer.split('/').skip(1) {
            let key = token.replace("~1", "/").replace("~0", "~");
            let is_list = matches!(node.map(|n| &n.data), Some(Data::List(_)));
            let step = match key.parse::<usize>() {
                Ok(index) if is_list => Step::Index(index),
                _ => Step::Key(key),
            };
            node = node.and_then(|n| n.step(&step));
            field.0.push(step);
        }
        field
    }

    /// The keys of the map at `field`; none where there is no map.
    pub fn keys(&self, field: &Field) -> Vec<&str> {
        match self.get(field).map(|n| &n.data) {
            Some(Data::Map(entries)) => entries.iter().map(|(k, _)| k.name.as_str()).collect(),
            _ => Vec::new(),
        }
    }

    /// The value as the file has it, short, secrets not resolved; none for lists, maps and nothing. Text that would be
    /// something else without its quotes has them.
    pub fn shown(&self) -> Option<String> {
        const SHOWN_CHARS_MAX: usize = 80;
        let text = match &self.data {
            Data::Text { meant, written } => written.as_ref().unwrap_or(meant).clone(),
            Data::Plain(Value::Null) => return None,
            Data::Plain(value) => value.to_string(),
            Data::List(_) | Data::Map(_) => return None,
        };
        let mut short = String::new();
        for c in text.chars().take(SHOWN_CHARS_MAX) {
            match c {
                '"' | '\'' | '\\' => short.push(c),
                _ => short.extend(c.escape_debug()),
            }
        }
        let cut = text.chars().nth(SHOWN_CHARS_MAX).map_or("", |_| "...");
        let is_text = matches!(self.data, Data::Text { .. });
        match is_text && cut.is_empty() && !is_text_unquoted(&text) {
            true => Some(format!("\"{short}{cut}\"")),
            false => Some(format!("{short}{cut}")),
        }
    }

    /// Whether the file says nothing here: `key:`.
    pub fn is_nothing(&self) -> bool {
        matches!(self.data, Data::Plain(Value::Null))
    }

    fn holds_others(&self) -> bool {
        matches!(self.data, Data::List(_) | Data::Map(_))
    }

    /// The node as JSON.
    pub fn json(&self) -> Value {
        match &self.data {
            Data::Text { meant, .. } => Value::String(meant.clone()),
            Data::Plain(value) => value.clone(),
            Data::List(items) => items.iter().map(Node::json).collect(),
            Data::Map(entries) => {
                let entries = entries.iter().map(|(k, v)| (k.name.clone(), v.json()));
                Value::Object(entries.collect::<Map<_, _>>())
            }
        }
    }

    /// Calls `visit` with every text below and its place.
    pub fn texts(&mut self, field: &Field, visit: &mut dyn FnMut(&Field, &mut Node)) {
        match &mut self.data {
            Data::Text { .. } => visit(field, self),
            Data::Plain(_) => {}
            Data::List(items) => {
                for (i, item) in items.iter_mut().enumerate() {
                    item.texts(&field.then(i), visit);
                }
            }
            Data::Map(entries) => {
                for (key, value) in entries {
                    value.texts(&field.then(&key.name), visit);
                }
            }
        }
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Node, D::Error> {
        let node = Spanned::<Data>::deserialize(d)?;
        Ok(Node {
            line: node.referenced.line(),
            column: node.referenced.column(),
            data: node.value,
        })
    }
}

// === impl Data ===

impl<'de> Deserialize<'de> for Data {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Data, D::Error> {
        d.deserialize_any(DataVisitor)
    }
}

struct DataVisitor;

impl<'de> Visitor<'de> for DataVisitor {
    type Value = Data;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E: de::Error>(self) -> Result<Data, E> {
        Ok(Data::Plain(Value::Null))
    }

    fn visit_none<E: de::Error>(self) -> Result<Data, E> {
        self.visit_unit()
    }

    fn visit_some<D: Deserializer<'de>>(self, d: D) -> Result<Data, D::Error> {
        Data::deserialize(d)
    }

    fn visit_bool<E: de::Error>(self, v: bool) -> Result<Data, E> {
        Ok(Data::Plain(Value::Bool(v)))
    }

    fn visit_i64<E: de::Error>(self, v: i64) -> Result<Data, E> {
        Ok(Data::Plain(v.into()))
    }

    fn visit_u64<E: de::Error>(self, v: u64) -> Result<Data, E> {
        Ok(Data::Plain(v.into()))
    }

    fn visit_f64<E: de::Error>(self, v: f64) -> Result<Data, E> {
        match Number::from_f64(v) {
            Some(n) => Ok(Data::Plain(Value::Number(n))),
            None => Err(E::custom("a number must be finite")),
        }
    }

    fn visit_str<E: de::Error>(self, v: &str) -> Result<Data, E> {
        Ok(Data::Text {
            meant: v.to_owned(),
            written: None,
        })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Data, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = access.next_element::<Node>()? {
            items.push(item);
        }
        Ok(Data::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Data, A::Error> {
        let mut entries = Vec::new();
        while let Some((key, value)) = access.next_entry::<Spanned<String>, Node>()? {
            let key = Key {
                name: key.value,
                line: key.referenced.line(),
                column: key.referenced.column(),
            };
            entries.push((key, value));
        }
        Ok(Data::Map(entries))
    }
}
