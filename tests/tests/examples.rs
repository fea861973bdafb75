//! The examples of the documentation do what is said of them: the shipped plugins, configured as a page says, over
//! records that are made for it. `cargo xtask guests` builds the plugins.

use std::collections::BTreeSet;
use std::path::Path;
use tidegate::demo::lines::{Events, rfc3339};
use tidegate::guests::{Chain, Engine};
use tidegate::model::{Finding, FindingKind, Partition, RawRecord, RawRecords};
use tidegate::telemetry::Registry;
use tidegate::{app, config};
use tidegate_tests::plugins::{TIME_MS, root};

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
        let mut findings = Vec::new();
        for lines in lines.chunks(100) {
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
            findings.extend(answer.findings);
        }
        findings
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
