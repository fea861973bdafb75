//! The configuration as meant: references resolved, limits checked, everything told at once.
//!
//! It reads the files that the configuration names and the list of cores, nothing else.

mod bounds;
mod findings;
mod kafka;
mod outputs;
mod pipelines;
mod plugins;
mod rounds;
mod taken;
mod topics;

pub(super) use plugins::plugin_config;

use super::expand::Sources;
use super::file::{Admin, Cluster, File, Level};
use super::problem::{Field, Problem, field, nearest};
use super::tree::Node;
use super::{LogSettings, Settings};
use crate::kafka::ClusterSettings;
use crate::telemetry::Format;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Things that later parts refer to, by name. What has a problem of its own is not in it.
type ByName<T> = BTreeMap<String, T>;

/// Checks one configuration.
pub(super) struct Checker<'a> {
    pub(super) file: &'a Path,
    pub(super) root: &'a Node,
    pub(super) sources: &'a Sources<'a>,
    pub(super) problems: Vec<Problem>,
    /// Plugins' `config_file`s, by the plugin's name.
    pub(super) plugin_files: BTreeMap<String, (PathBuf, Node)>,
}

impl Checker<'_> {
    /// What `file` means; to be run only where `problems` is empty afterwards, else what is sound beside them.
    pub(super) fn settings(&mut self, file: &File) -> Settings {
        let clusters = self.clusters(file);
        let plugins = self.plugins(file);
        let outputs = self.outputs(file, &clusters);
        let pipelines = self.pipelines(file, &clusters, &plugins, &outputs);
        self.not_empty("kafka", file.kafka.0.is_empty());
        self.not_empty("outputs", file.outputs.0.is_empty());
        self.not_empty("pipelines", file.pipelines.0.is_empty());
        let runs = |p: &Arc<_>| {
            pipelines
                .iter()
                .any(|l| l.plugins().any(|q| Arc::ptr_eq(p, q)))
        };
        let sends = |o: &Arc<_>| {
            pipelines
                .iter()
                .any(|l| l.outputs().any(|q| Arc::ptr_eq(o, q)))
        };
        let (plugins, idle): (Vec<_>, Vec<_>) = plugins.into_values().partition(runs);
        let (outputs, silent): (Vec<_>, Vec<_>) = outputs.into_values().partition(sends);
        let idle = idle.iter().map(|p| format!("plugin {}", p.name));
        let silent = silent.iter().map(|o| format!("output {}", o.name()));
        Settings {
            unused: idle.chain(silent).collect(),
            plugins,
            outputs,
            admin: self.admin(&file.admin),
            cache: self.cache(file.cache_dir.as_deref()),
            shutdown_timeout: self.shutdown_timeout(file),
            log: LogSettings {
                level: level(file.log.level),
                format: match file.log.format {
                    super::file::Format::Text => Format::Text,
                    super::file::Format::Json => Format::Json,
                },
            },
            pipelines,
        }
    }

    /// Reports a problem with `field`, which means `value`.
    fn wrong(
        &mut self,
        field: Field,
        value: impl ToString,
        rule: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        let (line, column) = self.root.place(&field);
        let shown = self.root.get(&field).and_then(Node::shown);
        self.problems.push(Problem {
            file: self.file.to_owned(),
            line,
            column,
            field,
            value: Some(shown.unwrap_or_else(|| value.to_string())),
            rule: rule.into(),
            remedy: remedy.into(),
        });
    }

    /// Reports a problem with `field` that no single value of it shows.
    fn wrong_all(&mut self, field: Field, rule: impl Into<String>, remedy: impl Into<String>) {
        let (line, column) = self.root.key_place(&field);
        self.problems.push(Problem {
            file: self.file.to_owned(),
            line,
            column,
            field,
            value: None,
            rule: rule.into(),
            remedy: remedy.into(),
        });
    }

    fn not_empty(&mut self, section: &str, empty: bool) {
        // Entries with problems of their own were taken out; the tree still has them.
        if empty
            && self.root.get(&field![section]).is_some()
            && self.root.keys(&field![section]).is_empty()
        {
            self.wrong_all(field![section], "must not be empty", "name at least one");
        }
    }

    /// The thing called `name` in `section`; reports a name that nothing has.
    fn find<T: Clone>(
        &mut self,
        field: Field,
        section: &str,
        all: &ByName<T>,
        name: &str,
    ) -> Option<T> {
        if let Some(found) = all.get(name) {
            return Some(found.clone());
        }
        let root = self.root;
        let known = root.keys(&field![section]);
        if known.contains(&name) {
            return None;
        }
        let remedy = match nearest(name, known.iter().copied()) {
            Some(meant) => format!("did you mean {meant}?"),
            None => format!("add {name} under {section}"),
        };
        let rule = match known.is_empty() {
            true => format!("must be a name under {section}, which has none"),
            false => format!("must be a name under {section}: {}", known.join(", ")),
        };
        self.wrong(field, name, rule, remedy);
        None
    }

    fn clusters(&mut self, file: &File) -> ByName<ClusterSettings> {
        let each = file.kafka.0.iter();
        each.map(|(name, cluster)| (name.clone(), self.cluster(name, cluster)))
            .collect()
    }

    fn cluster(&mut self, name: &str, cluster: &Cluster) -> ClusterSettings {
        let at = field!["kafka", name];
        let between = (Duration::from_millis(100), bounds::HOUR);
        ClusterSettings {
            name: name.to_owned(),
            brokers: self.brokers(&at.then("brokers"), &cluster.brokers),
            client_id: cluster.client_id.clone(),
            request_timeout: self.time(
                at.then("request_timeout"),
                cluster.request_timeout,
                between,
            ),
            connect_timeout: self.time(
                at.then("connect_timeout"),
                cluster.connect_timeout,
                between,
            ),
        }
    }

    fn brokers(&mut self, at: &Field, written: &[String]) -> Vec<String> {
        let mut brokers: Vec<String> = Vec::new();
        for (i, item) in written.iter().enumerate() {
            for broker in item.split(',').map(str::trim) {
                if !is_host_port(broker) {
                    let remedy = "write it like kafka-1:9092";
                    self.wrong(at.then(i), broker, "must be host:port", remedy);
                } else if !brokers.iter().any(|b| b == broker) {
                    brokers.push(broker.to_owned());
                }
            }
        }
        brokers
    }

    fn admin(&mut self, admin: &Admin) -> Option<SocketAddr> {
        let Admin::Listen { listen } = admin else {
            return None;
        };
        match listen.parse() {
            Ok(address) => Some(address),
            Err(_) => {
                let remedy = "write it like 127.0.0.1:9400 or 0.0.0.0:9400";
                self.wrong(field!["admin", "listen"], listen, "must be IP:PORT", remedy);
                None
            }
        }
    }

    fn cache(&mut self, written: Option<&str>) -> Option<PathBuf> {
        match written {
            Some("off") => None,
            Some("") => {
                let remedy = "name a folder, or write off";
                self.wrong(field!["cache_dir"], "", "must not be empty", remedy);
                None
            }
            Some(path) => Some(self.sources.folder.join(path)),
            None => self.users_cache(),
        }
    }

    /// The user's cache folder by the rules of the XDG base directories.
    fn users_cache(&self) -> Option<PathBuf> {
        let absolute = |name| {
            let path = PathBuf::from((self.sources.env)(name)?);
            path.is_absolute().then_some(path)
        };
        let folder =
            absolute("XDG_CACHE_HOME").or_else(|| Some(absolute("HOME")?.join(".cache")))?;
        Some(folder.join("tidegate"))
    }

    fn shutdown_timeout(&mut self, file: &File) -> Duration {
        let between = (Duration::from_millis(100), bounds::HOUR);
        self.time(field!["shutdown_timeout"], file.shutdown_timeout, between)
    }
}

fn level(level: Level) -> tracing::Level {
    match level {
        Level::Error => tracing::Level::ERROR,
        Level::Warn => tracing::Level::WARN,
        Level::Info => tracing::Level::INFO,
        Level::Debug => tracing::Level::DEBUG,
        Level::Trace => tracing::Level::TRACE,
    }
}

/// `host:port`, the host a name, an IPv4 address or an IPv6 address in brackets.
fn is_host_port(text: &str) -> bool {
    let Some((host, port)) = text.rsplit_once(':') else {
        return false;
    };
    let name = |h: &str| {
        !h.is_empty()
            && h.bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'))
    };
    let v6 = |h: &str| {
        let inner = h.strip_prefix('[').and_then(|h| h.strip_suffix(']'));
        inner.is_some_and(|h| h.parse::<std::net::Ipv6Addr>().is_ok())
    };
    port.parse::<u16>().is_ok_and(|p| p > 0) && (name(host) || v6(host))
}

/// A list of names without doubles, resolved.
impl Checker<'_> {
    fn find_all<T: Clone>(
        &mut self,
        at: &Field,
        section: &str,
        all: &ByName<Arc<T>>,
        names: &[String],
    ) -> Vec<Arc<T>> {
        let mut found = Vec::new();
        for (i, name) in names.iter().enumerate() {
            if names.iter().take(i).any(|n| n == name) {
                self.wrong(at.then(i), name, "must not be named twice", "take one out");
                continue;
            }
            found.extend(self.find(at.then(i), section, all, name));
        }
        found
    }
}
