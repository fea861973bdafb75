//! The binary as a user meets it: arguments and files in; standard output, standard error and exit code out.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;
use tidegate_tests::gateway::binary;
use tidegate_tests::plugins::{built, root};

/// How long one command may take; compiling the plugins is the longest part.
const LIMIT: Duration = Duration::from_secs(120);

/// What a command said in the end.
#[derive(Debug)]
struct Said {
    code: Option<i32>,
    out: String,
    err: String,
}

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(binary());
    command
        .args(arguments)
        .env_remove("TIDEGATE_CONFIG")
        .env_remove("TIDEGATE_LOG")
        .current_dir(root())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// Waits until it ends; kills it at the limit.
fn ended(child: Child) -> Said {
    let pid = child.id().to_string();
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || sender.send(child.wait_with_output()));
    let Ok(output) = receiver.recv_timeout(LIMIT) else {
        let killed = Command::new("kill").args(["-9", &pid]).status();
        panic!("still running after {LIMIT:?}; killed: {killed:?}");
    };
    let output = output.expect("its output");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    Said {
        code: output.status.code(),
        out: text(output.stdout),
        err: text(output.stderr),
    }
}

fn run(mut command: Command, stdin: &str) -> Said {
    let mut child = command.spawn().expect("it starts");
    let mut to = child.stdin.take().expect("its input");
    let stdin = stdin.to_owned();
    // It may end without reading all.
    std::thread::spawn(move || to.write_all(stdin.as_bytes()));
    ended(child)
}

fn tidegate(arguments: &[&str]) -> Said {
    run(command(arguments), "")
}

fn file(folder: &Path, text: &str) -> PathBuf {
    let path = folder.join("x.yaml");
    std::fs::write(&path, text).expect("a file");
    path
}

fn name(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

/// A configuration whose pipeline runs these `plugins` in these stages.
fn yaml(plugins: &str, stages: &str) -> String {
    format!(
        r#"kafka:
  main: {{ brokers: ["localhost:9092"] }}
outputs:
  collector: {{ otlp: {{ endpoint: "http://localhost:4317" }} }}
plugins:
{plugins}
pipelines:
  shop:
    from: {{ cluster: main, group_id: g, topics: [logs] }}
{stages}
    to: {{ records: [collector] }}
    dead_letters: discard
"#
    )
}

/// *Scenario:* `--version`.
/// *Guarantees:* the version of the gateway and of the contract that it speaks.
#[test]
fn the_version_names_the_contract() {
    let said = tidegate(&["--version"]);
    let contract = tidegate::guests::CONTRACT_VERSION;
    assert_eq!(said.code, Some(0));
    assert!(said.out.starts_with("tidegate "), "{said:?}");
    let end = format!("(plugin contract {contract})\n");
    assert!(said.out.ends_with(&end), "{said:?}");
}

/// *Scenario:* the shipped configurations, named by argument and by the environment.
/// *Guarantees:* each is one line, exit code 0, which names what no pipeline uses; `--schema` prints the schema whatever the environment names.
#[test]
fn a_good_file_is_one_line() {
    let said = tidegate(&["check", "-c", "configs/local.yaml"]);
    let line = "configs/local.yaml: ok: 1 pipeline, 6 plugins, 1 output\n";
    assert_eq!((said.code, &*said.out, &*said.err), (Some(0), line, ""));
    let folder = tempfile::tempdir().expect("a folder");
    let plugins =
        "  plain: { wasm: \"builtin:parse-plain\" }\n  spare: { wasm: \"builtin:parse-json\" }";
    let path = file(folder.path(), &yaml(plugins, "    parse: [plain]"));
    let said = tidegate(&["check", "-c", name(&path)]);
    let end = ": ok: 1 pipeline, 1 plugin, 1 output; in no pipeline: plugin spare\n";
    assert!(said.out.ends_with(end), "{said:?}");
    for shipped in ["alerts", "demo", "keyed"] {
        let path = format!("configs/{shipped}.yaml");
        let mut command = command(&["check", "-c", &path]);
        command
            .env("TIDEGATE_DEMO_BROKER", "localhost:9092")
            .env("TIDEGATE_DEMO_COLLECTOR", "http://localhost:4317");
        let said = run(command, "");
        assert_eq!((said.code, &*said.err), (Some(0), ""), "{shipped}");
        assert!(said.out.starts_with(&format!("{path}: ok: ")), "{said:?}");
    }
    let by_environment = |arguments: &[&str]| {
        let mut command = command(arguments);
        command.env("TIDEGATE_CONFIG", "configs/minimal.yaml");
        run(command, "")
    };
    let said = by_environment(&["check"]);
    let line = "configs/minimal.yaml: ok: 1 pipeline, 1 plugin, 1 output\n";
    assert_eq!((said.code, &*said.out, &*said.err), (Some(0), line, ""));
    let said = by_environment(&["check", "--schema"]);
    assert_eq!((said.code, &*said.err), (Some(0), ""));
    assert!(said.out.contains("\"pipelines\""), "{}", said.out);
}

/// *Scenario:* a file with problems of its own, plugins whose configuration does not fit their schema or is refused
/// by themselves, one that is not there, and one in the wrong place.
/// *Guarantees:* all are told at once, in the order of the file, each with line, value, rule and remedy; exit code 1.
#[test]
fn every_problem_is_told_at_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let plugins = r#"  json: { wasm: "builtin:parse-json", config: { tme: [ts], level: 5 } }
  plain: { wasm: "builtin:parse-plian" }
  static: { wasm: "builtin:enrich-static" }
  redact: { wasm: "builtin:enrich-redact" }
  filter:
    wasm: "builtin:enrich-filter"
    config:
      rules:
        - { when: { body: { regex: "(" } }, then: drop }"#;
    let stages = r#"    parse: [json, plain, static]
    enrich: [redact, filter]
    lanes: none"#;
    let path = file(folder.path(), &yaml(plugins, stages));
    let said = tidegate(&["check", "-c", name(&path)]);
    assert_eq!((said.code, &*said.out), (Some(1), ""), "{said:?}");
    let begin = format!("{}:", path.display());
    let told: Vec<_> = said
        .err
        .lines()
        .map(|l| l.strip_prefix(&begin).unwrap_or(l))
        .collect();
    let expected = [
        "6:49: plugins.json.config.tme is not a known key; did you mean time?",
        "6:67: plugins.json.config.level is 5, but must be",
        "7:18: plugins.plain.wasm is builtin:parse-plian, but the plugins in this binary are detect-rules, enrich-filter, enrich-redact,",
        "14:36: plugins.filter.config.rules[0].when.body.regex is (, but must be a regular expression: unclosed group, at character 1: `(`",
        "18:26: pipelines.shop.parse[2] is static, but is of kind enricher, and parse takes plugins of kind parser; name it under enrich",
        "20:12: pipelines.shop.lanes is none, but must be a whole number",
        " 6 problems",
    ];
    assert_eq!(told.len(), expected.len(), "{told:#?}");
    for (told, expected) in told.iter().zip(expected) {
        assert!(told.starts_with(expected), "{told}\nis not\n{expected}");
    }
    assert!(told[2].ends_with("; did you mean builtin:parse-plain?"));
}

/// What `check` tells of a file of rules, and how many problems at the end; without the file's name.
fn told_of_rules(rules: &str) -> Vec<String> {
    let folder = tempfile::tempdir().expect("a folder");
    let plugins = r#"  json: { wasm: "builtin:parse-json" }
  rules: { wasm: "builtin:detect-rules", config_file: rules.yaml }"#;
    let text = yaml(plugins, "    parse: [json]\n    detect: [rules]");
    let text = text.replace(
        "records: [collector]",
        "records: [collector], alerts: [collector]",
    );
    let path = file(folder.path(), &text);
    let rules_file = folder.path().join("rules.yaml");
    std::fs::write(&rules_file, rules).expect("a file");
    let said = tidegate(&["check", "-c", name(&path)]);
    assert_eq!((said.code, &*said.out), (Some(1), ""), "{said:?}");
    let begin = format!("{}:", rules_file.display());
    let lines = said.err.lines();
    lines
        .map(|l| l.strip_prefix(&begin).unwrap_or(l).to_owned())
        .collect()
}

/// *Scenario:* a file of rules with three mistakes of meaning.
/// *Guarantees:* `check` tells each with the rules' file, its line, its rule and what to do; exit code 1.
#[test]
fn every_mistake_in_a_rules_file_has_its_line() {
    let mistakes = told_of_rules(
        r#"rules:
  - name: errors
    when: { field: severity, at_least: eror }
    count: { at_least: 5 }
    within: 60s
  - name: errors
    when:
      field: body
      regex: "disk (full"
    count: { at_least: 1 }
    within: 2m
"#,
    );
    let expected = [
        ("3:40: rules[0].when.at_least is ", " (rule errors)"),
        (
            "6:11: rules[1].name is \"errors\", as rules[0].name (line 2) already; give each rule a name of its own",
            " (rule errors)",
        ),
        (
            "9:14: rules[1].when.regex is disk (full, but must be a regular expression: unclosed group, at character 6: `(full`",
            " (rule errors)",
        ),
    ];
    assert_eq!(mistakes.len(), expected.len() + 1, "{mistakes:#?}");
    for (told, (begin, end)) in mistakes.iter().zip(expected) {
        assert!(told.starts_with(begin), "{told}\nis not\n{begin}");
        assert!(told.ends_with(end), "{told}");
    }
    assert!(mistakes[3].ends_with(": 3 problems"), "{mistakes:#?}");
}

/// *Scenario:* a file of rules with mistakes of form.
/// *Guarantees:* the same, and each says how to write it.
#[test]
fn mistakes_of_form_say_how_to_write_it() {
    let shape = told_of_rules(
        "rules:\n  - nme: x\n    count: { at_least: 1 }\n    within: 60s\n  - name: two\n    count: 5\n    within: 60\n",
    );
    let expected = [
        "2:5: rules[0].name is missing; add it",
        "2:5: rules[0].nme is not a known key; did you mean name?",
        "6:12: rules[1].count is 5, but must be a map of keys and values; write it like { at_least: 5 } (rule two)",
        "7:13: rules[1].within is 60, but must be a text; write it like \"60s\" (rule two)",
    ];
    assert_eq!(shape.len(), expected.len() + 1, "{shape:#?}");
    for expected in expected {
        assert!(
            shape.iter().any(|told| told.starts_with(expected)),
            "{shape:#?}\n{expected}"
        );
    }
    let words = told_of_rules(
        "rules:\n  - name: one\n    level: warn\n    when: { field: body, equals: [a, b] }\n    count: { at_least: \"3\" }\n    within: 60s\n",
    );
    let expected = [
        "3:12: rules[0].level is warn, but must be info or warning or critical; did you mean warning? (rule one)",
        "4:26: rules[0].when.equals must be true or false or a whole number or a number or a text",
        "5:24: rules[0].count.at_least is \"3\", but must be a whole number; write it like 5 (rule one)",
    ];
    assert_eq!(words.len(), expected.len() + 1, "{words:#?}");
    for (told, expected) in words.iter().zip(expected) {
        assert!(told.starts_with(expected), "{told}\nis not\n{expected}");
    }
    let remedy = "; for one of several write one_of: [...] (rule one)";
    assert!(words[1].ends_with(remedy), "{words:#?}");
}

const LINES: &str = r#"{"ts":"2026-11-21T03:12:45Z","level":"warn","msg":"card 4111 1111 1111 1111 declined"}
GET /healthz 200
{"msg": broken
disk is full
"#;

/// *Scenario:* lines that are delivered, dropped and refused through the shipped pipeline, as text.
/// *Guarantees:* records on standard output with the facts that the configuration asks for; on standard error the
/// others with number, plugin and reason, the sum, and what plugins counted; exit code 0, with `--strict` 1.
#[test]
fn pipe_says_what_becomes_of_each_line() {
    let text = ["pipe", "-c", "configs/local.yaml", "--format", "text"];
    let said = run(command(&text), LINES);
    assert_eq!(said.code, Some(0), "{said:?}");
    let facts = "messaging.destination.name=stdin messaging.destination.partition.id=0 messaging.kafka.offset";
    let expected = format!(
        "2026-11-21T03:12:45Z warn  card <card> declined {facts}=0 | deployment.environment.name=local\n\
         - -     disk is full {facts}=3 | deployment.environment.name=local\n"
    );
    assert_eq!(said.out, expected);
    let told: Vec<_> = said.err.lines().collect();
    assert_eq!(told.len(), 5, "{told:#?}");
    assert_eq!(told[0], "line 2 dropped by filter: health-checks");
    assert!(told[1].starts_with("line 3 refused by json "), "{told:#?}");
    let sum = "4 lines in, 2 records out, 1 lines dropped, 1 refused";
    assert_eq!(told[2], sum);
    assert_eq!(told[3], "counted by redact: redacted 1, redacted.card 1");
    assert_eq!(told[4], "counted by filter: dropped.health-checks 1");
    let strict = run(command(&[&text[..], &["--strict"]].concat()), LINES);
    assert_eq!((strict.code, strict.out), (Some(1), expected));
    let strict = run(command(&[&text[..], &["--strict"]].concat()), "fine\n");
    assert_eq!(strict.code, Some(0), "{strict:?}");
}

/// *Scenario:* the same lines as OTLP JSON, the configuration named by the environment.
/// *Guarantees:* one record a line, as it would be exported.
#[test]
fn pipe_prints_otlp_json() {
    let mut command = command(&["pipe", "--format", "otlp-json"]);
    command.env("TIDEGATE_CONFIG", "configs/local.yaml");
    let said = run(command, LINES);
    assert_eq!(said.code, Some(0), "{said:?}");
    let lines = said.out.lines().map(serde_json::from_str);
    let records: Vec<serde_json::Value> = lines.collect::<Result<_, _>>().expect("JSON");
    assert_eq!(records.len(), 2, "{records:#?}");
    let body = |i: usize| &records[i]["body"]["stringValue"];
    assert_eq!(body(0), "card <card> declined");
    assert_eq!(body(1), "disk is full");
    assert_eq!(records[0]["timeUnixNano"], "1795230765000000000");
    let offset = serde_json::json!({"key": "messaging.kafka.offset", "value": {"intValue": "3"}});
    let attributes = records[1]["attributes"].as_array().expect("attributes");
    assert!(attributes.contains(&offset), "{attributes:#?}");
}

/// *Scenario:* a plugin routes a record.
/// *Guarantees:* text marks it; with OTLP JSON the record is as it would be exported and standard error says it.
#[test]
fn pipe_shows_routes() {
    let folder = tempfile::tempdir().expect("a folder");
    let plugins = r#"  plain: { wasm: "builtin:parse-plain" }
  filter:
    wasm: "builtin:enrich-filter"
    config: { rules: [{ when: { body: { contains: login } }, then: { route: audit } }] }"#;
    let stages = "    parse: [plain]\n    enrich: [filter]\n    routes: { other: [collector], audit: [collector] }";
    let path = file(folder.path(), &yaml(plugins, stages));
    let lines = "one\nlogin of bob\n";
    let text = run(
        command(&["pipe", "-c", name(&path), "--format", "text"]),
        lines,
    );
    let marked: Vec<_> = text.out.lines().map(|l| l.ends_with(" -> audit")).collect();
    assert_eq!(marked, [false, true], "{text:?}");
    let json = run(command(&["pipe", "-c", name(&path)]), lines);
    assert!(!json.out.contains("audit"), "{json:?}");
    let told: Vec<_> = json.err.lines().collect();
    let sum = "2 lines in, 2 records out, 0 lines dropped, 0 refused";
    let counted = "counted by filter: routed.rule-1 1";
    assert_eq!(told, ["line 2 routed to audit", sum, counted]);
}

/// A pipeline with a rule and a scorer, and `findings` as given.
fn watching(folder: &Path, findings: &str) -> PathBuf {
    let plugins = r#"  json: { wasm: "builtin:parse-json" }
  rules:
    wasm: "builtin:detect-rules"
    config:
      rules:
        - { name: errors, when: { field: severity, at_least: error }, group_by: [disk], count: { at_least: 3 }, within: 1m }
  novelty: { wasm: "builtin:score-compression", config: { window: 64, hop: 64 } }"#;
    let stages =
        format!("    parse: [json]\n    detect: [rules]\n    score: [novelty]\n    {findings}");
    let text = yaml(plugins, &stages).replace(
        "records: [collector]",
        "records: [collector], alerts: [collector], anomalies: [collector]",
    );
    file(folder, &text)
}

/// 800 lines: the eleventh and eleven more are errors of disks, and the last 200 unlike any before.
fn watched(disk: impl Fn(usize) -> usize) -> String {
    let line = |n: usize| {
        let (second, disk) = (n / 20, disk(n));
        let (level, message) = match n {
            10..22 => ("error", format!("disk {n} is gone")),
            600.. => {
                let mut random = fastrand::Rng::with_seed(n as u64);
                ("info", (0..60).map(|_| random.lowercase()).collect())
            }
            _ => ("info", format!("order {n} was sent on to the warehouse")),
        };
        format!(
            r#"{{"ts":"2026-11-21T03:12:{second:02}Z","level":"{level}","msg":"{message}","disk":{disk}}}"#
        ) + "\n"
    };
    (0..800).map(line).collect()
}

/// *Scenario:* lines of which some raise an alert, and then many unlike any before, through a pipeline with a rule and a
/// scorer, in both forms.
/// *Guarantees:* alerts and anomalies are lines of JSON on standard output, behind the records that they came with, as
/// Kafka has them; the summary counts them.
#[test]
fn pipe_prints_findings() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = watching(folder.path(), "");
    let lines = watched(|_| 0);
    for form in ["otlp-json", "text"] {
        let said = run(
            command(&["pipe", "-c", name(&path), "--format", form]),
            &lines,
        );
        assert_eq!(said.code, Some(0), "{}", said.err);
        let of_type = |kind: &str| {
            let begin = format!("{{\"type\":\"{kind}\",");
            let found = said.out.lines().enumerate();
            let found = found.filter(|(_, l)| l.starts_with(&begin));
            let parse = |(at, l)| (at, serde_json::from_str(l).expect("JSON"));
            found
                .map(parse)
                .collect::<Vec<(usize, serde_json::Value)>>()
        };
        let (alerts, anomalies) = (of_type("alert"), of_type("anomaly"));
        assert_eq!((alerts.len(), anomalies.is_empty()), (1, false), "{form}");
        let (at, alert) = &alerts[0];
        assert!(*at > 12, "{form}: before the record that raised it");
        assert_eq!(alert["rule"], "errors");
        let evidence = |n: i64| serde_json::json!({"topic": "stdin", "partition": 0, "offset": n});
        let expected: Vec<_> = (10..13).map(evidence).collect();
        assert_eq!(alert["evidence"], serde_json::Value::Array(expected));
        assert!(anomalies[0].1["explanation"].is_string());
        let sum = format!(
            "800 lines in, 800 records out, 0 lines dropped, 0 refused, 1 alerts, {} anomalies",
            anomalies.len()
        );
        assert_eq!(said.err.lines().next(), Some(&*sum));
        assert_eq!(said.out.lines().count(), 801 + anomalies.len());
    }
}

/// *Scenario:* four alerts in a minute where two may be told, and a scorer that raises the same anomaly again and again; and
/// all of it told.
/// *Guarantees:* the summary is followed by what was not told, how often and why, a line a plugin; where all was told by none.
#[test]
fn pipe_counts_what_it_does_not_tell() {
    let folder = tempfile::tempdir().expect("a folder");
    let lines = watched(|n| n % 4);
    let told = |findings: &str| {
        let path = watching(folder.path(), findings);
        let said = run(command(&["pipe", "-c", name(&path)]), &lines);
        assert_eq!(said.code, Some(0), "{}", said.err);
        let mut lines = said.err.lines().map(str::to_owned);
        let sum = lines.next().expect("the summary");
        assert!(sum.starts_with("800 lines in, "), "{sum}");
        let lines = lines.filter(|line| !line.starts_with("counted by "));
        lines.collect::<Vec<_>>()
    };
    let few = told("findings: { max_per_minute: 2, repeat_interval: 1h }");
    let expected = [
        "not told of rules: 2 beyond max_per_minute (2)",
        "not told of novelty: 2 raised again within repeat_interval (1h)",
    ];
    assert_eq!(few, expected);
    assert_eq!(told("findings: { repeat_interval: 0s }"), [""; 0]);
}

/// *Scenario:* a line without a time stands before lines that have old ones.
/// *Guarantees:* the summary is followed by what the rules left out as late, and that therefore none matched.
#[test]
fn pipe_tells_what_rules_counted() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = watching(folder.path(), "findings: {}");
    let old = watched(|n| n % 4).replace("2026-11-21", "2020-11-21");
    let lines = format!("{{\"msg\":\"no time\"}}\n{old}");
    let said = run(command(&["pipe", "-c", name(&path)]), &lines);
    assert_eq!(said.code, Some(0), "{}", said.err);
    let counted = said
        .err
        .lines()
        .find(|line| line.starts_with("counted by "));
    assert_eq!(
        counted,
        Some("counted by rules: matched.errors 0, records.late 800"),
        "{}",
        said.err
    );
}

/// *Scenario:* nobody reads the log of a running gateway any more.
/// *Guarantees:* it goes on, and stops when it is asked to.
#[test]
fn run_goes_on_when_nobody_reads_its_log() {
    let folder = tempfile::tempdir().expect("a folder");
    let admin = format!("127.0.0.1:{}", tidegate_tests::free_port());
    let yaml = yaml(
        "  json: { wasm: \"builtin:parse-json\" }",
        "    parse: [json]",
    );
    let path = file(
        folder.path(),
        &format!("{yaml}admin: {{ listen: \"{admin}\" }}\n"),
    );
    let mut child = command(&["run", "-c", name(&path), "--log-level", "debug"])
        .spawn()
        .expect("it starts");
    drop(child.stderr.take());
    let begun = std::time::Instant::now();
    while std::net::TcpStream::connect(&admin).is_err() {
        let status = child.try_wait().expect("its state");
        assert!(status.is_none() && begun.elapsed() < LIMIT, "{status:?}");
        std::thread::yield_now();
    }
    let pid = child.id().to_string();
    let asked = Command::new("kill").args(["-TERM", &pid]).status();
    assert!(asked.expect("kill runs").success());
    let said = ended(child);
    assert!(matches!(said.code, Some(0 | 1)), "{said:?}");
}

/// *Scenario:* a plugin that faults, and one that logs.
/// *Guarantees:* warnings are seen on standard error; what the plugin says below that, where it is asked for.
#[test]
fn pipe_shows_what_is_logged() {
    let folder = tempfile::tempdir().expect("a folder");
    let said = |plugin: &str, more: &[&str]| {
        let wasm = built("test-plugins", plugin);
        let plugins = format!("  bad: {{ wasm: \"{}\" }}", wasm.display());
        let path = file(folder.path(), &yaml(&plugins, "    parse: [bad]"));
        let arguments = [&["pipe", "-c", name(&path)], more].concat();
        run(command(&arguments), "POISON\n").err
    };
    let fault = "plugin faulted plugin=bad";
    let usual = said("trap", &[]);
    assert!(usual.contains(fault), "{usual}");
    let quiet = said("trap", &["--log-level", "error"]);
    assert!(!quiet.contains(fault), "{quiet}");
    let own = said("log_flood", &["--log-level", "info"]);
    assert!(own.contains(" INFO ") && own.contains("xxx"), "{own}");
    let usual = said("log_flood", &[]);
    assert!(!usual.contains("xxx"), "{usual}");
}

/// *Scenario:* `tidegate pipe | head -1`: nobody reads on.
/// *Guarantees:* it ends with 0 and says nothing.
#[test]
fn pipe_ends_quietly_when_nobody_reads() {
    let mut child = command(&["pipe", "-c", "configs/local.yaml"])
        .spawn()
        .expect("it starts");
    drop(child.stdout.take());
    let mut to = child.stdin.take().expect("its input");
    std::thread::spawn(move || to.write_all(b"one\ntwo\n"));
    let said = ended(child);
    assert_eq!((said.code, &*said.err), (Some(0), ""), "{said:?}");
}

/// *Scenario:* the demo for 20 s, while another process listens on the gateway's usual port.
/// *Guarantees:* it says where it listens; every record has one fate, and each fate is met; alerts are raised and
/// resolved and an anomaly is found, each is shown with its evidence, and all of them are in Kafka too; exit code 0.
#[test]
fn the_demo_balances() {
    // Where it fails another one has the port, which is as good.
    let _taken = TcpListener::bind("127.0.0.1:9400");
    let said = tidegate(&["demo", "--for", "20s"]);
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(said.out.contains("http://127.0.0.1:"), "{}", said.out);
    assert!(!said.out.contains("127.0.0.1:9400"), "{}", said.out);
    let sum = said.out.split("\nproduced ").nth(1).expect("a summary");
    assert!(sum.contains("\nbalanced: "), "{sum}");
    let number_after = |word: &str| {
        let (_, rest) = sum.split_once(word).expect(word);
        let digits = rest
            .trim_start()
            .split(|c: char| !c.is_ascii_digit())
            .next();
        digits.and_then(|d| d.parse::<u64>().ok()).expect(word)
    };
    for word in ["", "delivered ", "redacted ", "dropped ", "dead-lettered "] {
        assert!(number_after(word) > 0, "{word}: {sum}");
    }
    let findings = ["alerts ", "resolved ", "anomalies "].map(number_after);
    assert_eq!(findings[..2], [2, 2], "{sum}");
    assert!(findings[2] > 0, "{sum}");
    assert_eq!(
        number_after("raised and resolved,"),
        findings.iter().sum::<u64>(),
        "{sum}"
    );
    let shown = |begin: &str| {
        let mut lines = said.out.lines().filter(|l| l.starts_with(begin));
        lines.next().unwrap_or_else(|| panic!("{begin}: {said:?}"))
    };
    let alert = "  alert:    critical \"20 refused connections of payment within 2s\", rule refused-connections, evidence logs.demo/";
    assert!(shown("  alert: ").starts_with(alert), "{said:?}");
    shown("  resolved: critical \"");
    // The beginning of the scan may be told before as new text.
    let mut anomalies = said.out.lines().filter(|l| l.starts_with("  anomaly:  "));
    let is_explained = |l: &str| l.contains(" compress to ") && l.contains("evidence logs.demo/");
    assert!(anomalies.any(is_explained), "{said:?}");
}

/// *Scenario:* `tidegate demo | head -1`: nobody reads on.
/// *Guarantees:* it stops as if asked to, and does not panic.
#[test]
fn the_demo_stops_when_nobody_reads() {
    let mut child = command(&["demo"]).spawn().expect("it starts");
    let mut out = BufReader::new(child.stdout.take().expect("its output"));
    let mut first = String::new();
    out.read_line(&mut first).expect("a line");
    drop(out);
    let said = ended(child);
    assert_eq!((said.code, &*said.err), (Some(0), ""), "{said:?}");
}
