//! Plugins in a chain, without Kafka: what the tests of plugins and the benchmark in memory share.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tidegate::guests::{Engine, Limits, Member, OnMalformed, Plugin, PluginSettings, Source};
use tidegate::model::{Partition, RawRecord, RawRecords};

/// The time of records of which no test asks, Unix milliseconds.
pub const TIME_MS: i64 = 1_795_230_765_123;

/// The folder of the project.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// A plugin as `cargo xtask guests` built it: `plugins` holds those that ship, `test-plugins` those that misbehave.
pub fn built(folder: &str, name: &str) -> PathBuf {
    let path = root()
        .join("target")
        .join(folder)
        .join(format!("{name}.wasm"));
    assert!(
        path.is_file(),
        "{} is missing: run cargo xtask guests",
        path.display()
    );
    path
}

/// Usual settings, named after the plugin, with ample limits: a busy machine is no fault.
pub fn settings(source: Source) -> PluginSettings {
    let name = match &source {
        Source::Builtin(name) => name.clone(),
        Source::File(path) => path
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned(),
    };
    PluginSettings {
        name: name.into(),
        source,
        config: serde_json::Value::Null,
        limits: Limits {
            memory: 64 << 20,
            time_per_batch: Duration::from_secs(5),
            batch_text: 64 << 20,
            faults_per_minute: 60,
        },
        on_fault: None,
        score_attribute: None,
        on_malformed: OnMalformed::DeadLetter,
        wasi: false,
    }
}

/// A plugin with figures of its own.
pub fn member(engine: &Engine, settings: &PluginSettings) -> Member {
    let plugin =
        Plugin::load(engine, settings).unwrap_or_else(|e| panic!("plugin {} {e}", settings.name));
    Member {
        pipeline: "test".into(),
        plugin: Arc::new(plugin),
        metrics: Default::default(),
    }
}

/// Lines as raw records of one partition, from offset 0.
pub fn raw<L: AsRef<[u8]>>(lines: impl IntoIterator<Item = L>) -> RawRecords {
    let mut raw = RawRecords::new(Partition::new("lines", 0));
    for (offset, line) in lines.into_iter().enumerate() {
        let record = RawRecord {
            offset: offset as i64,
            timestamp_ms: TIME_MS,
            key: None,
            value: Some(line.as_ref()),
        };
        raw.push(record, []);
    }
    raw
}
