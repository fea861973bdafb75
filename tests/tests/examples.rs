//! The examples of the documentation do what is said of them: the shipped plugins, configured as a page says, over
//! records that are made for it. `cargo xtask guests` builds the plugins.

use std::collections::BTreeSet;
use std::path::Path;
use tidegate::demo::lines::{Events, rfc3339};
use tidegate::encode::Select;
use tidegate::encode::kafka::{Form, Format, Key, Origin, messages};
use tidegate::guests::{Answer, Chain, Engine, Plugin, Source};
use tidegate::model::{Finding, FindingKind, Level, Partition, RawRecord, RawRecords};
use tidegate::telemetry::Registry;
use tidegate::{app, config};
use tidegate_tests::plugins::{TIME_MS, root, settings};

/// A line and its Kafka time, Unix milliseconds.
type Line = (u64, String);

fn page(name: &str) -> String {
    std::fs::read_to_string(root().join("docs").join(name)).expect("the page")
}

/// What stands between `begin` and the end of the fenced block.
fn fenced<'p>(page: &'p str, begin: &str) -> &'p str {
    let (_, rest) = page.split_once(begin).expect("the example");
    let (example, _) = rest.split_once("\n```").expect("its end");
    example
}

/// The one pipeline of a configuration, as a lane runs it, with the records' facts.
struct Pipeline {
    chain: Chain,
    facts: tidegate::model::Facts,
    offset: i64,
}

impl Pipeline {
    fn load(file: &Path) -> Pipeline {
        let told = |problems: Vec<config::Problem>| -> ! {
            let problems: Vec<_> = problems.iter().map(ToString::to_string).collect();
            panic!("{problems:#?}")
        };
        let loaded = config::load(file).unwrap_or_else(|problems| told(problems));
        let engine = Engine::new(None).expect("an engine");
        let plugins = app::load_plugins(&engine, &loaded).unwrap_or_else(|problems| told(problems));
        let settings = &loaded.settings.pipelines[0];
        let registry = Registry::new("test", &[]);
        Pipeline {
            chain: app::chain(settings, &plugins, &registry).expect("a chain"),
            facts: settings.from.facts.clone(),
            offset: 0,
        }
    }

    /// What is raised over these lines.
    fn findings(&mut self, lines: &[Line]) -> Vec<Finding> {
        let batches = lines.chunks(100).map(|lines| self.answer(lines).findings);
        batches.flatten().collect()
    }

    /// What becomes of these lines.
    fn answer(&mut self, lines: &[Line]) -> Answer {
        let mut raw = RawRecords::new(Partition::new("logs", 0));
        for (time_ms, line) in lines {
            let record = RawRecord {
                offset: self.offset,
                timestamp_ms: *time_ms as i64,
                key: None,
                value: Some(line.as_bytes()),
            };
            raw.push(record, []);
            self.offset += 1;
        }
        let columns = self.facts.columns(&raw);
        let answer = self.chain.run(&raw, columns).expect("sound plugins");
        assert!(answer.dead.is_empty(), "{:?}", answer.dead);
        answer
    }
}

/// A pipeline with the rules of `file`.
fn with_rules(folder: &Path, file: &Path) -> Pipeline {
    let yaml = format!(
        r#"kafka:
  main: {{ brokers: ["localhost:9092"] }}
plugins:
  json: {{ wasm: "builtin:parse-json" }}
  rules: {{ wasm: "builtin:detect-rules", config_file: "{}" }}
outputs:
  collector: {{ otlp: {{ endpoint: "http://localhost:4317" }} }}
pipelines:
  shop:
    from: {{ cluster: main, group_id: g, topics: [logs] }}
    parse: [json]
    detect: [rules]
    to: {{ records: [collector], alerts: [collector] }}
    dead_letters: discard
"#,
        file.display()
    );
    let path = folder.join("tidegate.yaml");
    std::fs::write(&path, yaml).expect("a file");
    Pipeline::load(&path)
}

/// A line so many seconds after the first, with further fields.
fn line(second: u64, level: &str, message: &str, more: &str) -> Line {
    let time_ms = TIME_MS as u64 + second * 1000;
    let time = rfc3339(time_ms, 3);
    let line = format!(r#"{{"ts":"{time}","level":"{level}","msg":"{message}"{more}}}"#);
    (time_ms, line)
}

/// *Scenario:* the rules that docs/rules.md begins with, and a stream with five errors, a heartbeat that stops, ten refused
/// logins of one address and a spike of warnings, before and after each too little for its rule.
/// *Guarantees:* every rule of the example raises its alert, for what it is about, and only then.
#[test]
fn the_rules_of_the_page_fire() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("rules.yaml");
    let page = page("rules.md");
    let example = fenced(&page, "```yaml rules\n");
    std::fs::write(&file, example).expect("a file");
    let mut pipeline = with_rules(folder.path(), &file);

    let orders = r#","service":"orders""#;
    let refused = |second: u64, user: u64| {
        let more = format!(
            r#","event.name":"login.refused","client.address":"203.0.113.9","user.name":"u{user}""#
        );
        line(second, "info", "refused", &more)
    };
    let mut calm = vec![line(0, "info", "heartbeat 1", "")];
    calm.extend((0..9).map(|user| refused(10, user)));
    calm.extend((2..13).map(|n| line(n * 10, "info", "all is well", "")));
    calm.extend((0..4).map(|n| line(121 + n, "error", "Timeout of the store", orders)));
    assert_eq!(pipeline.findings(&calm), []);

    let mut fired = pipeline.findings(&[line(126, "error", "Timeout of the store", orders)]);
    fired.extend(pipeline.findings(&[refused(126, 9)]));
    let spike: Vec<_> = (0..30)
        .map(|n| line(127 + n / 10, "warn", "slow", ""))
        .collect();
    fired.extend(pipeline.findings(&spike));
    let later: Vec<_> = (13..33)
        .map(|n| line(n * 10, "info", "all is well", ""))
        .collect();
    fired.extend(pipeline.findings(&later));

    let raised = |f: &&Finding| {
        matches!(
            &f.kind,
            FindingKind::Alert {
                resolved: false,
                ..
            }
        )
    };
    let alerts: BTreeSet<&str> = fired.iter().filter(raised).map(|f| &*f.rule).collect();
    let names: BTreeSet<&str> = example
        .lines()
        .filter_map(|l| l.trim().strip_prefix("- name: "))
        .collect();
    assert_eq!(names.len(), 4, "{names:?}");
    assert_eq!(alerts, names, "{fired:#?}");
    let errors = fired.iter().find(|f| f.rule == "order-errors").unwrap();
    let FindingKind::Alert { title, .. } = &errors.kind else {
        panic!("{errors:?}")
    };
    assert_eq!(title, "5 errors of orders within 1m");
    let labels = [("service", "orders"), ("team", "shop")];
    for (name, value) in labels {
        assert!(errors.labels().any(|l| l == (name, value)), "{errors:?}");
    }
    assert_eq!(errors.evidence.len(), 5, "{errors:?}");
}

/// *Scenario:* the rule of README.md, and a stream with four errors of a service, then a fifth.
/// *Guarantees:* it raises its alert with the fifth, titled as it says.
#[test]
fn the_rule_of_the_readme_fires() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("rules.yaml");
    let page = std::fs::read_to_string(root().join("README.md")).expect("the page");
    std::fs::write(&file, fenced(&page, "```yaml rules\n")).expect("a file");
    let mut pipeline = with_rules(folder.path(), &file);
    let error = |second| line(second, "error", "no", r#","service":"cart""#);
    let four: Vec<_> = (0..4).map(error).collect();
    assert_eq!(pipeline.findings(&four), []);
    let fired = pipeline.findings(&[error(4)]);
    let [
        Finding {
            kind: FindingKind::Alert { title, .. },
            ..
        },
    ] = fired.as_slice()
    else {
        panic!("{fired:?}")
    };
    assert_eq!(title, "5 errors of cart within 1m");
}

/// *Scenario:* the longer example beside the plugin.
/// *Guarantees:* it is sound.
#[test]
fn the_rules_to_start_from_load() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = root().join("plugins/detect-rules/rules.yaml");
    let file = file.canonicalize().expect("the rules");
    with_rules(folder.path(), &file);
}

/// *Scenario:* the configuration that docs/scorers.md begins with, over ordinary logs, then many unlike any before.
/// *Guarantees:* it loads; ordinary logs are no anomaly, and the others are.
#[test]
fn the_scorers_of_the_page_score() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("tidegate.yaml");
    let page = page("scorers.md");
    let whole = "<!-- example: whole, to be checked and run -->\n\n```yaml\n";
    std::fs::write(&file, fenced(&page, whole)).expect("a file");
    let mut pipeline = Pipeline::load(&file);
    let mut events = Events::new(5, TIME_MS as u64);
    let mut lines = |count: usize, odd: bool| -> Vec<Line> {
        let mut random = fastrand::Rng::with_seed(5);
        let mut line = || {
            let mut event = events.event();
            if odd {
                event.message = (0..80).map(|_| random.lowercase()).collect();
            }
            (event.time_ms, event.json())
        };
        (0..count).map(|_| line()).collect()
    };
    let usual = lines(4_000, false);
    assert_eq!(pipeline.findings(&usual), []);
    let found = pipeline.findings(&lines(600, true));
    let is_new = |f: &Finding| &*f.by == "novelty" && f.rule == "compression";
    assert!(found.iter().any(is_new), "{found:#?}");
}

/// *Scenario:* the settings of the scorers that docs/scorers.md lists, against those that the plugins describe.
/// *Guarantees:* each has a row in its plugin's table with its default, and there are no others.
#[test]
fn the_settings_of_the_scorers_are_theirs() {
    let page = page("scorers.md");
    let engine = Engine::new(None).expect("an engine");
    for name in ["score-compression", "score-rate"] {
        let plugin = Plugin::load(&engine, &settings(Source::Builtin(name.to_owned())));
        let schema = &plugin
            .expect("the plugin")
            .description()
            .config_schema
            .clone();
        let schema: serde_json::Value = serde_json::from_str(schema).expect("a schema");
        let (_, table) = page
            .split_once(&format!("`{name}`:\n\n"))
            .expect("its table");
        let (table, _) = table.split_once("\n\n").expect("its end");
        let rows: BTreeSet<Vec<&str>> = table
            .lines()
            .skip(2)
            .map(|row| {
                row.split(" | ")
                    .take(2)
                    .map(|c| c.trim_matches(['|', ' ', '`']))
                    .collect()
            })
            .collect();
        let expected: Vec<(&String, String)> = schema["properties"]
            .as_object()
            .expect("properties")
            .iter()
            .map(|(key, property)| (key, plain(&property["default"])))
            .collect();
        let expected: BTreeSet<Vec<&str>> = expected
            .iter()
            .map(|(key, default)| vec![key.as_str(), default])
            .collect();
        assert_eq!(rows, expected, "{name}");
    }
}

/// A default as the page has it.
fn plain(value: &serde_json::Value) -> String {
    let short = |n: f64| format!("{}", n as f32);
    match value {
        serde_json::Value::Array(items) => {
            let items: Vec<_> = items.iter().map(plain).collect();
            format!("[{}]", items.join(", "))
        }
        serde_json::Value::String(text) => text.clone(),
        serde_json::Value::Number(n) if n.is_f64() => n.as_f64().map(short).unwrap_or_default(),
        other => other.to_string(),
    }
}

/// *Scenario:* the record of docs/operations.md in DriftLock's envelope is read by `parse-driftlock` and written again.
/// *Guarantees:* it is the same, byte for byte: the page shows what is written, and what is written can be read.
#[test]
fn the_envelope_of_the_page_is_what_is_written() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("tidegate.yaml");
    let yaml = std::fs::read_to_string(root().join("configs/minimal.yaml")).expect("a file");
    let yaml = yaml.replace("builtin:parse-json", "builtin:parse-driftlock");
    let yaml = yaml.replace("topics: [logs]", "topics: [logs], attributes: []");
    std::fs::write(&file, yaml).expect("a file");
    let page = page("operations.md");
    let begin = "<!-- example: a record, to be read and written again -->\n\n```json\n";
    let written = fenced(&page, begin);
    // Its Kafka time, as `timestamp` has it.
    let kafka_ms = 1_795_230_765_300;
    let answer = Pipeline::load(&file).answer(&[(kafka_ms, written.to_owned())]);
    let form = Form {
        format: Format::Driftlock,
        key: Key::None,
    };
    let origin = |_| Origin {
        key: None,
        timestamp_ms: kafka_ms as i64,
    };
    let again = messages(&answer.columns, Select::All, &form, origin);
    let value = |m: &tidegate::model::Message| String::from_utf8_lossy(&m.value).into_owned();
    let again: Vec<_> = again.messages.iter().map(value).collect();
    assert_eq!(again, [written]);
}

/// *Scenario:* an alert and an anomaly as docs/operations.md shows them.
/// *Guarantees:* the gateway writes such ones so, byte for byte.
#[test]
fn the_findings_of_the_page_are_what_is_written() {
    let page = page("operations.md");
    let shown = fenced(
        &page,
        "<!-- example: an alert and an anomaly -->\n\n```json\n",
    );
    let labels = |labels: &[(&str, &str)]| {
        let each = labels
            .iter()
            .map(|(name, value)| (name.to_string(), value.to_string()));
        each.collect()
    };
    let alert = Finding {
        pipeline: "shop".into(),
        by: "rules".into(),
        version: "0.1.0".into(),
        partition: Partition::new("logs.shop", 3),
        at_ms: 1_795_230_765_123,
        rule: "order-errors".to_owned(),
        fingerprint: "order-errors{resource.service.name=orders}".to_owned(),
        labels: labels(&[("resource.service.name", "orders"), ("team", "shop")]),
        evidence: vec![4711, 4720],
        kind: FindingKind::Alert {
            level: Level::Critical,
            title: "5 errors of orders within 1m".to_owned(),
            since_ms: 1_795_230_760_000,
            resolved: false,
        },
    };
    let anomaly = Finding {
        by: "rates".into(),
        at_ms: 1_795_271_508_020,
        rule: "rate-burst".to_owned(),
        fingerprint: "rate-burst orders/ERROR".to_owned(),
        labels: labels(&[("group", "orders/ERROR"), ("count", "35"), ("usual", "13"), ("spread", "3.6")]),
        evidence: vec![9120],
        kind: FindingKind::Anomaly {
            score: 0.75,
            threshold: 0.75,
            explanation: "orders/ERROR: 35 records so far in the minute from 14:31 UTC, usually 13 (median of 29 minutes, spread 3.6)".to_owned(),
        },
        ..alert.clone()
    };
    let written = [alert, anomaly].map(|f| String::from_utf8_lossy(&f.json()).into_owned());
    assert_eq!(shown.lines().collect::<Vec<_>>(), written);
}
