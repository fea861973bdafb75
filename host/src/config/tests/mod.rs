#[test]
fn show() {
    let text = r#"
kafka:
  main: { brokers: ["localhost:9092", nope], request_timeout: 10 }
plugins:
  json: { wasm: "builtin:parse-json", config: { time: [ts], secret: "${TOKEN}" }, limits: { memory: 64 } }
  acme: { wasm: ./acme.wasm, on_falt: skip }
outputs:
  collector: { otlp: { endpoint: "https://localhost:4317", compression: gzp, headers: { authorization: "${MISSING}" } } }
  alerts: { kafka: { cluster: main } }
pipelines:
  shop:
    from: { cluster: mian, group_id: g, topics: ["^logs\\.(", "logs dead", logs.dead], drain_timeout: 6m, exclude_topics: logs.x }
    parse: []
    detect: [x]
    to: { records: [colector] }
    dead_letters: { cluster: main, topic: logs.dead }
    lanes: 0
  other:
    from: { cluster: main, group_id: g, topics: [logs.dead], start: never, max_poll_interval: 100s , heartbeat_interval: 10s}
    parse: [json, json]
    to: { records: [collector] }
    commit_interval: 99999999999999999999d
    dead_letters: drop
admin: { listen: "localhost:9400" }
log: { level: loud }
bogus: 1
"#;
    let r = super::from_text(std::path::Path::new("x.yaml"), text, &|_| None);
    for p in r.unwrap_err() { println!("{p}"); }
    for t in ["", "a: [", "- 1", "a: 1\na: 2", "a: &x [*x]", "{}", "kafka: &a {main: {brokers: [a:1]}}\nk2: *a\n", "--- a\n--- b\n"] {
        println!("== {t:?}");
        match super::from_text(std::path::Path::new("x.yaml"), t, &|_| None) { Ok(_) => println!("ok"), Err(e) => for p in e { println!("{p}"); } }
    }
    println!("{}", serde_json::to_string_pretty(&super::schema()).unwrap());
    for f in ["minimal", "local"] {
        let p = std::path::PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("../configs/{f}.yaml"));
        println!("{:#?}", super::load(&p).map(|l| l.settings));
    }
}
