//! Where things stand, for those who find problems later: plugins that are loaded, addresses that are bound.

use super::pattern;
use super::problem::{Field, Problem, field};
use super::tree::{Data, Node};
use super::violation::{validator, violations};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// What plugins say of a field begins so, or is no sentence about it.
const VERBS: [&str; 8] = [
    "is", "are", "has", "names", "says", "does", "cannot", "must",
];

/// The lines of a configuration that was loaded.
#[derive(Clone, Debug)]
pub struct LineMap {
    /// The configuration file as the user named it.
    pub(super) file: PathBuf,
    /// Its content.
    pub(super) root: Node,
    /// A plugin's `config_file` and its content, by the plugin's name.
    pub(super) plugin_files: BTreeMap<String, (PathBuf, Node)>,
}

impl LineMap {
    /// A problem with a field of the file: `field!["plugins", "acme", "wasm"]`. `rule` is what is asked of it
    /// (`must be ...`), `remedy` what to do (may be empty).
    pub fn problem(&self, field: Field, rule: &str, remedy: &str) -> Problem {
        let (line, column) = self.root.place(&field);
        Problem {
            file: self.file.clone(),
            line,
            column,
            value: self.root.get(&field).and_then(Node::shown),
            field,
            rule: rule.to_owned(),
            remedy: remedy.to_owned(),
        }
    }

    /// The item of a list of names that is `name`; the list itself where it has none.
    pub fn item(&self, list: &Field, name: &str) -> Field {
        let items = self.root.get(list).map(|n| &n.data);
        let is_it = |item: &Node| matches!(&item.data, Data::Text { meant, .. } if meant == name);
        match items {
            Some(Data::List(items)) => items.iter().position(is_it),
            _ => None,
        }
        .map_or_else(|| list.clone(), |i| list.then(i))
    }

    /// Checks a plugin's own configuration against the JSON Schema that the plugin describes.
    pub fn check_plugin(&self, plugin: &str, schema: &serde_json::Value) -> Vec<Problem> {
        let own = self.plugin(plugin);
        let validator = match validator(schema) {
            Ok(validator) => validator,
            Err(e) => {
                let rule = format!("describes its configuration by a schema that is none: {e}");
                return vec![self.problem(field!["plugins", plugin], &rule, "")];
            }
        };
        let nothing = Node::nothing();
        let json = super::check::plugin_config(own.node);
        let found = violations(&validator, schema, &json, own.node.unwrap_or(&nothing));
        let each = found.into_iter().map(|mut violation| {
            violation.field = own.within(violation.field);
            let item = own.base.item(&violation.field);
            violation.problem(own.file, own.base).about(item)
        });
        each.collect()
    }

    /// A problem with a plugin's own configuration that the plugin itself told: `pointer` is a JSON
    /// pointer into its configuration (empty: all of it), `message` its words, in which pointers become places.
    pub fn plugin_problem(&self, plugin: &str, pointer: &str, message: &str) -> Problem {
        let own = self.plugin(plugin);
        let nothing = Node::nothing();
        let node = own.node.unwrap_or(&nothing);
        let field = own.within(node.field(pointer));
        let (line, column) = own.base.place(&field);
        let here = own.base.get(&field);
        let rule = match pattern::rule(message) {
            Some(rule) => rule,
            None => own.sentence(&node.without_secrets(message)),
        };
        let rule = pattern::with_text(rule, here);
        // What it must be reads on from what it is.
        let must = rule.starts_with("must ");
        let value = here.filter(|_| must).and_then(Node::shown);
        let item = own.base.item(&field);
        let problem = Problem {
            file: own.file.clone(),
            line,
            column,
            field,
            value,
            rule,
            remedy: String::new(),
        };
        problem.about(item)
    }

    fn plugin(&self, plugin: &str) -> PluginConfig<'_> {
        if let Some((file, node)) = self.plugin_files.get(plugin) {
            return PluginConfig {
                file,
                base: node,
                prefix: Field::default(),
                node: Some(node),
            };
        }
        let prefix = field!["plugins", plugin, "config"];
        PluginConfig {
            file: &self.file,
            base: &self.root,
            node: self.root.get(&prefix),
            prefix,
        }
    }
}

/// A plugin's own configuration: its file, what that file holds, and where in it the configuration is.
struct PluginConfig<'a> {
    file: &'a PathBuf,
    base: &'a Node,
    prefix: Field,
    /// None where the file says nothing of it.
    node: Option<&'a Node>,
}

impl PluginConfig<'_> {
    /// A plugin's words as what follows the name of a field. They are one line, whatever a plugin says.
    fn sentence(&self, message: &str) -> String {
        let words = message.split(|c: char| c.is_whitespace() || c.is_control());
        let words = words.filter(|word| !word.is_empty());
        let words: Vec<_> = words.map(|word| self.word(word)).collect();
        let says = words.join(" ");
        match words.first() {
            Some(verb) if VERBS.contains(&&**verb) => says,
            _ => format!("is refused: {says}"),
        }
    }

    /// A word; of a pointer to something that is there, its field and line.
    fn word<'w>(&self, word: &'w str) -> Cow<'w, str> {
        let pointer = word.trim_end_matches([',', ';', ':', '.', ')']);
        let is_there = |field: &Field| pointer.starts_with('/') && self.base.get(field).is_some();
        let field = self.node.map(|node| self.within(node.field(pointer)));
        match field.filter(is_there) {
            Some(field) => {
                let (line, _) = self.base.place(&field);
                let after = word.get(pointer.len()..).unwrap_or_default();
                format!("{field} (line {line}){after}").into()
            }
            None => word.into(),
        }
    }

    fn within(&self, field: Field) -> Field {
        let steps = self.prefix.0.iter().cloned().chain(field.0);
        Field(steps.collect())
    }
}
