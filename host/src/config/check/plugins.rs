//! Plugins as meant: where their bytes are, what they are told, what they may use.

use super::{ByName, Checker};
use crate::config::expand;
use crate::config::file::{File, Limits, OnFault, OnMalformed, Plugin};
use crate::config::problem::{Field, field};
use crate::config::tree::{self, Node};
use crate::config::units::{Size, Time};
use crate::guests;
use serde_json::Value;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// The memory of a WebAssembly module ends here.
const MEMORY: (Size, Size) = (Size::mib(1), Size::mib(4096));
/// Texts of one call: the spans of several together are 32 bits wide, so that `guests` allows no more.
const BATCH_TEXT: (Size, Size) = (Size::kib(64), Size::mib(256));
/// The time of one call: epochs are counted in milliseconds.
const TIME_PER_BATCH: (Duration, Duration) = (Duration::from_millis(10), Duration::from_secs(60));

/// What a plugin is told; a plugin of which the file says nothing is told an empty map.
pub(in crate::config) fn plugin_config(node: Option<&Node>) -> Value {
    match node.map(Node::json) {
        None | Some(Value::Null) => Value::Object(serde_json::Map::new()),
        Some(json) => json,
    }
}

impl Checker<'_> {
    pub(super) fn plugins(&mut self, file: &File) -> ByName<Arc<guests::PluginSettings>> {
        let mut all = ByName::new();
        for (name, plugin) in &file.plugins.0 {
            let source = self.source(&field!["plugins", name, "wasm"], &plugin.wasm);
            let limits = self.limits(&field!["plugins", name, "limits"], &plugin.limits);
            // What it is told cannot be known: nothing can be said of it.
            let Some(config) = self.config(name, plugin) else {
                continue;
            };
            let settings = guests::PluginSettings {
                name: name.as_str().into(),
                source,
                config,
                limits,
                on_fault: plugin.on_fault.map(|on_fault| match on_fault {
                    OnFault::DeadLetter => guests::OnFault::DeadLetter,
                    OnFault::Skip => guests::OnFault::Skip,
                }),
                score_attribute: plugin.score_attribute.as_deref().map(Into::into),
                on_malformed: match plugin.on_malformed {
                    None | Some(OnMalformed::DeadLetter) => guests::OnMalformed::DeadLetter,
                    Some(OnMalformed::NextParser) => guests::OnMalformed::NextParser,
                },
                wasi: plugin.wasi,
            };
            all.insert(name.clone(), Arc::new(settings));
        }
        all
    }

    fn source(&mut self, at: &Field, wasm: &str) -> guests::Source {
        if let Some(name) = wasm.strip_prefix("builtin:") {
            return guests::Source::Builtin(name.to_owned());
        }
        let path = self.sources.folder.join(wasm);
        if wasm.contains("://") {
            let rule = "must be a path or builtin:NAME";
            self.wrong(at.clone(), wasm, rule, "fetch it to a file first");
        } else if !path.is_file() {
            let rule = format!("there is no file {}", path.display());
            let remedy = "build the plugin, or write the path relative to the configuration";
            self.wrong(at.clone(), wasm, rule, remedy);
        }
        guests::Source::File(path)
    }

    fn config(&mut self, name: &str, plugin: &Plugin) -> Option<Value> {
        let at = field!["plugins", name, "config"];
        let root = self.root;
        let here = root.get(&at);
        match &plugin.config_file {
            None => Some(plugin_config(here)),
            Some(_) if here.is_some_and(|n| !n.is_nothing()) => {
                let rule = "must not stand beside config_file";
                self.wrong_all(at, rule, "keep one of them");
                None
            }
            Some(path) => self.config_file(name, path),
        }
    }

    fn config_file(&mut self, name: &str, path: &str) -> Option<Value> {
        let at = field!["plugins", name, "config_file"];
        let path = self.sources.folder.join(path);
        let text = match tree::read(&path, tree::PLUGIN_FILE) {
            Ok(text) => text,
            Err(e) => {
                self.wrong(at, path.display(), format!("the file {e}"), "");
                return None;
            }
        };
        let node = self.tree_of(&path, &text)?;
        let json = plugin_config(Some(&node));
        self.plugin_files.insert(name.to_owned(), (path, node));
        Some(json)
    }

    fn tree_of(&mut self, path: &Path, text: &str) -> Option<Node> {
        match tree::parse(path, text, tree::PLUGIN_FILE) {
            Ok(mut node) => {
                let problems = expand::expand(&mut node, path, self.sources);
                self.problems.extend(problems);
                Some(node)
            }
            Err(problem) => {
                self.problems.push(*problem);
                None
            }
        }
    }

    fn limits(&mut self, at: &Field, limits: &Limits) -> guests::Limits {
        let time = Time(limits.time_per_batch.0);
        guests::Limits {
            memory: self.size(at.then("memory"), limits.memory, MEMORY).bytes(),
            time_per_batch: self.time(at.then("time_per_batch"), time, TIME_PER_BATCH),
            batch_text: self
                .size(at.then("batch_text"), limits.batch_text, BATCH_TEXT)
                .bytes(),
            faults_per_minute: limits.faults_per_minute,
        }
    }
}
