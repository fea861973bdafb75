//! Each rule of the meaning, with message and line.

use super::{GOOD, check, good_but, load, problems};

/// *Scenario:* the small configuration as it is.
/// *Guarantees:* it is good; without this the tests below would prove nothing.
#[test]
fn the_small_one_is_good() {
    assert!(load(GOOD).is_ok(), "{:?}", load(GOOD).err());
}

/// *Scenario:* names that nothing has, near misses, and one thing named twice.
/// *Guarantees:* each is told at its line, with what there is and what was meant.
#[test]
fn references_must_lead_somewhere() {
    check(&[
        (
            "      cluster: main",
            "      cluster: mian",
            "10:16: pipelines.shop.from.cluster is mian, but must be a name under kafka: main; did you mean main?",
        ),
        (
            "parse: [json]",
            "parse: [jsno]",
            "13:13: pipelines.shop.parse[0] is jsno, but must be a name under plugins: json; did you mean json?",
        ),
        (
            "parse: [json]",
            "parse: [json, json]",
            "13:19: pipelines.shop.parse[1] is json, but must not be named twice; take one out",
        ),
        (
            "parse: [json]",
            "parse: [json]\n    unwrap: [container]",
            "14:14: pipelines.shop.unwrap[0] is container, but must be a name under plugins: json; add container under plugins",
        ),
        (
            "parse: [json]",
            "parse: [json]\n    enrich: [redact]",
            "14:14: pipelines.shop.enrich[0] is redact, but must be a name under plugins: json; add redact under plugins",
        ),
        (
            "records: [collector]",
            "records: [other]",
            "14:21: pipelines.shop.to.records[0] is other, but must be a name under outputs: collector; add other under outputs",
        ),
        (
            "parse: [json]",
            "parse: [json]\n    routes: { audit: [nobody] }",
            "14:23: pipelines.shop.routes.audit[0] is nobody, but must be a name under outputs: collector; add nobody under outputs",
        ),
        (
            "parse: [json]",
            "parse: [json]\n    routes: { audit: [] }",
            "14:15: pipelines.shop.routes.audit must not be empty; name an output, or take the route out",
        ),
        (
            "{ cluster: main, topic: dead }",
            "{ cluster: other, topic: dead }",
            "15:30: pipelines.shop.dead_letters.cluster is other, but must be a name under kafka: main; add other under kafka",
        ),
    ]);
}

/// *Scenario:* waits that do not go together, at the field that was written and at the one that was not.
/// *Guarantees:* a drain ends before the group's patience does, a heartbeat comes three times a session; the
/// field that the user wrote is blamed.
#[test]
fn waits_must_go_together() {
    let from = "      group_id: g";
    let with = |more: &str| problems(from, &format!("{from}\n      {more}"));
    assert_eq!(
        with("drain_timeout: 6m"),
        [
            "x.yaml:12:22: pipelines.shop.from.drain_timeout is 6m, but must be below a quarter of max_poll_interval (5m); try 30s, or leave it out",
        ]
    );
    assert_eq!(
        with("drain_timeout: 75s"),
        [
            "x.yaml:12:22: pipelines.shop.from.drain_timeout is 75s, but must be below a quarter of max_poll_interval (5m); try 30s, or leave it out",
        ]
    );
    assert!(with("drain_timeout: 74999ms").is_empty());
    assert_eq!(
        with("max_poll_interval: 1m"),
        [
            "x.yaml:12:26: pipelines.shop.from.max_poll_interval is 1m, but is too little: drain_timeout (30s) must be below a quarter of it; raise it, or lower the other",
        ]
    );
    assert_eq!(
        with("heartbeat_interval: 6s"),
        [
            "x.yaml:12:27: pipelines.shop.from.heartbeat_interval is 6s, but must be at most a third of session_timeout (15s); try 3s, or leave it out",
        ]
    );
    assert!(with("heartbeat_interval: 5s").is_empty());
    assert_eq!(
        with("session_timeout: 8s"),
        [
            "x.yaml:12:24: pipelines.shop.from.session_timeout is 8s, but is too little: heartbeat_interval (3s) must be at most a third of it; raise it, or lower the other",
        ]
    );
}

/// *Scenario:* sizes that do not go together.
/// *Guarantees:* a batch fits twice into what may be in flight, and four times into what each plugin may be given
/// and return and into its memory; a partition's fetch fits into the whole.
#[test]
fn sizes_must_go_together() {
    let from = "      group_id: g";
    let with = |more: &str| problems(from, &format!("{from}\n      {more}"));
    assert_eq!(
        with("batch: { bytes: 40MiB }"),
        [
            "x.yaml:12:23: pipelines.shop.from.batch.bytes is 40MiB, but must be at most half of max_in_flight (64MiB); try 8MiB, or leave it out",
        ]
    );
    assert_eq!(
        with("max_in_flight: 1MiB"),
        [
            "x.yaml:12:22: pipelines.shop.from.max_in_flight is 1MiB, but is too little: bytes (1MiB) must be at most half of it; raise it, or lower the other",
        ]
    );
    assert_eq!(
        with("max_partition_fetch_bytes: 16MiB"),
        [
            "x.yaml:12:34: pipelines.shop.from.max_partition_fetch_bytes is 16MiB, but must be at most fetch_max_bytes (8MiB); try 8MiB, or leave it out",
        ]
    );
    assert_eq!(
        with("max_in_flight: 1GiB\n      batch: { bytes: 17MiB }"),
        [
            "x.yaml:13:23: pipelines.shop.from.batch.bytes is 17MiB, but must be at most a quarter of plugins.json.limits.batch_text (64MiB), for a plugin holds a batch and what it makes of it; try 16MiB, or raise the other",
        ]
    );
    let limits = |limits: &str| {
        let json = "builtin:parse-json\" }";
        problems(json, &format!("builtin:parse-json\", limits: {limits} }}"))
    };
    assert_eq!(
        limits("{ batch_text: 3MiB, memory: 2MiB }"),
        [
            "x.yaml:4:61: plugins.json.limits.batch_text is 3MiB, but is too little: pipelines.shop.from.batch.bytes (1MiB) must be at most a quarter of it, for a plugin holds a batch and what it makes of it; try 4MiB, or leave it out",
            "x.yaml:4:75: plugins.json.limits.memory is 2MiB, but is too little: pipelines.shop.from.batch.bytes (1MiB) must be at most a quarter of it, for a plugin holds a batch and what it makes of it; try 4MiB, or leave it out",
        ]
    );
    assert!(limits("{ batch_text: 4MiB, memory: 4MiB }").is_empty());
    assert_eq!(
        limits("{ batch_text: 257MiB }"),
        [
            "x.yaml:4:61: plugins.json.limits.batch_text is 257MiB, but must be at most 256MiB; try 256MiB",
        ]
    );
}

/// *Scenario:* two pipelines with one consumer group, on one cluster, on two names of one, and on two clusters.
/// *Guarantees:* the second is told to take its own; on another cluster it may have the same.
#[test]
fn each_pipeline_has_its_own_group() {
    let second = |cluster: &str| {
        let clusters = "\"a:9092\"] }\n  same: { brokers: [\"z:1, a:9092\"] }\n  far: { brokers: [\"b:9092\"] }";
        let text = good_but("\"a:9092\"] }", clusters);
        load(&format!(
            "{text}  web:\n    from: {{ cluster: {cluster}, group_id: g, topics: [web] }}\n    parse: [json]\n    to: {{ records: [collector] }}\n    dead_letters: discard\n"
        ))
    };
    for cluster in ["main", "same"] {
        assert_eq!(
            second(cluster).unwrap_err(),
            [
                "x.yaml:19:38: pipelines.web.from.group_id is g, but pipelines.shop has that group already; try tidegate-web"
            ]
        );
    }
    assert!(second("far").is_ok());
}

/// *Scenario:* each kind of address that cannot work.
/// *Guarantees:* it is told what is wrong with it.
#[test]
fn addresses_must_be_reachable_in_form() {
    let endpoint = "\"http://c:4317\"";
    check(&[
        (
            endpoint,
            "\"https://c:4317\"",
            "6:34: outputs.collector.otlp.endpoint is https://c:4317, but https is not supported yet; use http:// to a collector on a network that you trust",
        ),
        (
            endpoint,
            "\"c:4317\"",
            "6:34: outputs.collector.otlp.endpoint is c:4317, but must begin with http://; write it like http://localhost:4317",
        ),
        (
            endpoint,
            "\"http://c\"",
            "6:34: outputs.collector.otlp.endpoint is http://c, but must name a port; OTLP over gRPC usually has 4317",
        ),
        (
            endpoint,
            "\"http://c:4318/v1/logs\"",
            "6:34: outputs.collector.otlp.endpoint is http://c:4318/v1/logs, but must end after the port: gRPC has no path; leave the path out; OTLP over HTTP is not supported yet",
        ),
        (
            endpoint,
            "\"http://me:x@c:4317\"",
            "6:34: outputs.collector.otlp.endpoint is http://me:x@c:4317, but must name a host and nothing before it; write it like http://localhost:4317",
        ),
        (
            endpoint,
            "\"http://c d\"",
            "6:34: outputs.collector.otlp.endpoint is http://c d, but must be http://host:port; write it like http://localhost:4317",
        ),
        (
            "\"a:9092\"",
            "kafka-1",
            "2:21: kafka.main.brokers[0] is kafka-1, but must be host:port; write it like kafka-1:9092",
        ),
        (
            "\"a:9092\"",
            "\"a:0\"",
            "2:21: kafka.main.brokers[0] is a:0, but must be host:port; write it like kafka-1:9092",
        ),
        (
            "kafka:\n",
            "admin: { listen: \"localhost:9400\" }\nkafka:\n",
            "1:18: admin.listen is localhost:9400, but must be IP:PORT; write it like 127.0.0.1:9400 or 0.0.0.0:9400",
        ),
        (
            "kafka:\n",
            "cache_dir: \"\"\nkafka:\n",
            "1:12: cache_dir is \"\", but must not be empty; name a folder, or write off",
        ),
    ]);
}

/// *Scenario:* headers that HTTP or gRPC does not allow.
/// *Guarantees:* each is told by its name, and a value never.
#[test]
fn headers_must_be_proper() {
    let end = "4317\" } }";
    check(&[
        (
            end,
            "4317\", headers: { \"a b\": x } } }",
            "6:62: outputs.collector.otlp.headers.a b is no proper header name",
        ),
        (
            end,
            "4317\", headers: { grpc-timeout: 1S } } }",
            "6:62: outputs.collector.otlp.headers.grpc-timeout belongs to gRPC itself; leave it out",
        ),
        (
            end,
            "4317\", headers: { key-bin: x } } }",
            "6:62: outputs.collector.otlp.headers.key-bin must not end in -bin: values are texts; take a name that does not end so",
        ),
        (
            end,
            "4317\", headers: { token: \"${TOKEN}\\n\" } } }",
            "6:69: outputs.collector.otlp.headers.token is ${TOKEN}\\n, but must be one line of visible characters",
        ),
    ]);
}

/// *Scenario:* retries, starts and attributes that mean nothing.
/// *Guarantees:* each is told.
#[test]
fn the_rest_must_mean_something() {
    let end = "4317\" } }";
    let group = "      group_id: g";
    check(&[
        (
            end,
            "4317\", retry: { initial: 1m } } }",
            "6:69: outputs.collector.otlp.retry.initial is 1m, but must be at most max (30s); try 30s, or leave it out",
        ),
        (
            end,
            "4317\", batch: { max_bytes: 1B } } }",
            "6:71: outputs.collector.otlp.batch.max_bytes is 1B, but must be at least 4KiB; try 4KiB",
        ),
        (
            end,
            "4317\", timeout: 0s } }",
            "6:60: outputs.collector.otlp.timeout is 0s, but must be at least 10ms; try 10ms",
        ),
        (
            group,
            "      group_id: g\n      start: yesterday",
            "12:14: pipelines.shop.from.start is yesterday, but must be earliest, latest or a time from 1970 on; write a time like 2026-01-31T12:00:00Z",
        ),
        (
            group,
            "      group_id: g\n      start: -5",
            "12:14: pipelines.shop.from.start is -5, but must be earliest, latest or a time from 1970 on; write a time like 2026-01-31T12:00:00Z",
        ),
        (
            group,
            "      group_id: g\n      start: 1969-12-31T23:59:59Z",
            "12:14: pipelines.shop.from.start is 1969-12-31T23:59:59Z, but must be earliest, latest or a time from 1970 on; write a time like 2026-01-31T12:00:00Z",
        ),
        (
            group,
            "      group_id: g\n      attributes: [key, key]",
            "12:25: pipelines.shop.from.attributes[1] is key, but must not be named twice; take one out",
        ),
        (
            "parse: [json]",
            "parse: [json]\n    commit_interval: 999999999999999999999999d",
            "14:22: pipelines.shop.commit_interval is 999999999999999999999999d, but must be at most 10m; try 10m",
        ),
        (
            "kafka:\n",
            "shutdown_timeout: 0s\nkafka:\n",
            "1:19: shutdown_timeout is 0s, but must be at least 100ms; try 100ms",
        ),
    ]);
}

/// *Scenario:* nothing to do.
/// *Guarantees:* sections that are there and empty are told.
#[test]
fn there_must_be_something_to_do() {
    let told = load("kafka: {}\noutputs: {}\npipelines: {}\n").unwrap_err();
    assert_eq!(
        told,
        [
            "x.yaml:1:1: kafka must not be empty; name at least one",
            "x.yaml:2:1: outputs must not be empty; name at least one",
            "x.yaml:3:1: pipelines must not be empty; name at least one",
        ]
    );
}

/// *Scenario:* a file with problems of shape, references and values in every section.
/// *Guarantees:* all are told at once, in the order of the file, and none is invented.
#[test]
fn all_problems_are_told_at_once() {
    let text = r#"kafka:
  main: { brokers: ["a:9092", nope], request_timeout: 10 }
plugins:
  json: { wasm: "builtin:parse-json", limits: { memory: 64 } }
outputs:
  collector: { otlp: { endpoint: "https://c:4317", compression: gzp } }
pipelines:
  shop:
    from: { cluster: mian, topics: ["^(", 5], exclude_topics: x, drain_timeout: 6m }
    parse: []
    to: { records: [colector] }
    dead_letters: drop
    lanes: 0
bogus: 1
"#;
    let told = load(text).unwrap_err();
    let begin = [
        "x.yaml:2:31: kafka.main.brokers[1] is nope",
        "x.yaml:2:55: kafka.main.request_timeout is 10",
        "x.yaml:4:57: plugins.json.limits.memory is 64",
        "x.yaml:6:34: outputs.collector.otlp.endpoint is https://c:4317",
        "x.yaml:6:65: outputs.collector.otlp.compression is gzp",
        "x.yaml:9:5: pipelines.shop.from.group_id is missing",
        "x.yaml:9:22: pipelines.shop.from.cluster is mian",
        "x.yaml:9:37: pipelines.shop.from.topics[0] is ^(",
        "x.yaml:9:43: pipelines.shop.from.topics[1] is 5",
        "x.yaml:9:63: pipelines.shop.from.exclude_topics is x",
        "x.yaml:9:81: pipelines.shop.from.drain_timeout is 6m",
        "x.yaml:10:5: pipelines.shop.parse must not be empty",
        "x.yaml:11:21: pipelines.shop.to.records[0] is colector",
        "x.yaml:12:19: pipelines.shop.dead_letters is drop",
        "x.yaml:13:12: pipelines.shop.lanes is 0",
        "x.yaml:14:1: bogus is not a known key",
    ];
    assert_eq!(told.len(), begin.len(), "{told:#?}");
    for (told, begin) in told.iter().zip(begin) {
        assert!(told.starts_with(begin), "{told}\nis not\n{begin}");
    }
}
