//! Outputs against a real gRPC server that answers by a script.

mod support;

use super::*;
use crate::model::{End, Generation};
use opentelemetry_proto::tonic::collector::logs::v1::{
    ExportLogsPartialSuccess, ExportLogsServiceResponse,
};
use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use support::{Answers, Collector, LIMIT, Output, Reply, ok, output, settings, until};
use tokio::net::TcpListener;
use tonic::metadata::MetadataMap;
use tonic::{Code, Status};

fn refuse(code: Code) -> Reply {
    Err(Status::new(code, "because"))
}

fn has(bodies: &[String], wanted: &str) -> bool {
    bodies.iter().any(|b| b.contains(wanted))
}

/// *Scenario:* chunks of two partitions, acknowledged at once; gzip and headers are configured.
/// *Guarantees:* one request with both, compressed and with the headers; every leg is closed; all is counted;
/// when the outlet is gone the pump ends.
#[tokio::test]
async fn what_is_acknowledged_is_closed() {
    let collector = Collector::new(|_, _| ok());
    let mut settings = settings(collector.start().await);
    settings.gzip = true;
    settings.headers = vec![("X-Tenant".to_owned(), "shop".to_owned())];
    settings.request.linger = LIMIT;
    let Output {
        outlet,
        mut pump,
        metrics,
        ..
    } = output(settings);
    let mut answers = Answers::new();
    outlet.send(answers.chunk(0, &["a", "b"]).0);
    outlet.send(answers.chunk(1, &["c"]).0);
    drop(outlet);
    assert_eq!(answers.dead().await, []);
    assert_eq!(answers.dead().await, []);
    tokio::time::timeout(LIMIT, pump.finished()).await.unwrap();
    let seen = collector.seen();
    assert_eq!(seen.len(), 1);
    assert_eq!(seen[0].bodies, ["a", "b", "c"]);
    assert_eq!(seen[0].metadata.get("x-tenant").unwrap(), "shop");
    assert_eq!((metrics.records.get(), metrics.requests.get()), (3, 1));
    assert_eq!((metrics.retries.get(), metrics.refused.get()), (0, 0));
}

/// *Scenario:* every retriable code in turn, and a status with details that are not base64; then success.
/// *Guarantees:* the same request is sent again until it is taken; nothing is refused; the output was away and
/// is well.
#[tokio::test]
async fn retriable_codes_are_tried_again() {
    let codes = [
        Code::Cancelled,
        Code::DeadlineExceeded,
        Code::Aborted,
        Code::OutOfRange,
        Code::Unavailable,
        Code::DataLoss,
    ];
    let collector = Collector::new(move |number, _| match number {
        n if n < codes.len() => refuse(codes[n]),
        n if n == codes.len() => {
            let details = ("grpc-status-details-bin", "!!!");
            let mut headers = http::HeaderMap::new();
            headers.insert(details.0, details.1.parse().unwrap());
            Err(Status::with_metadata(
                Code::Unavailable,
                "",
                MetadataMap::from_headers(headers),
            ))
        }
        _ => ok(),
    });
    let collector = collector.gated();
    let Output {
        output,
        outlet,
        metrics,
        ..
    } = output(settings(collector.start().await));
    let mut answers = Answers::new();
    outlet.send(answers.chunk(0, &["a", "b"]).0);
    collector.gate.add_permits(7);
    until("away", || collector.seen().len() == 8).await;
    assert!(matches!(output.health().condition(), Condition::Away(_)));
    assert!(output.health().is_ready());
    assert_eq!(metrics.unhealthy.get(), 1);
    collector.gate.add_permits(1);
    assert_eq!(answers.dead().await, []);
    assert!(collector.seen().iter().all(|s| s.bodies == ["a", "b"]));
    assert_eq!(metrics.retries.get(), 7);
    assert_eq!(output.health().condition(), Condition::Well);
    assert_eq!(metrics.unhealthy.get(), 0);
}

/// *Scenario:* every code that means a wrong output, in turn; then success. *Guarantees:* records are held and
/// none refused; the gateway is not ready meanwhile and ready after.
#[tokio::test]
async fn a_wrong_output_costs_no_record() {
    let codes = [
        Code::Unauthenticated,
        Code::PermissionDenied,
        Code::Unimplemented,
        Code::NotFound,
        Code::FailedPrecondition,
        Code::Unknown,
        Code::Internal,
    ];
    let collector =
        Collector::new(move |number, _| codes.get(number).map_or_else(ok, |c| refuse(*c)));
    let collector = collector.gated();
    let Output { output, outlet, .. } = output(settings(collector.start().await));
    let mut answers = Answers::new();
    outlet.send(answers.chunk(0, &["a"]).0);
    for _ in codes {
        collector.gate.add_permits(1);
        until("held", || {
            matches!(output.health().condition(), Condition::Wrong(_))
        })
        .await;
        assert!(!output.health().is_ready());
    }
    collector.gate.add_permits(1);
    assert_eq!(answers.dead().await, []);
    assert!(output.health().is_ready());
}

/// *Scenario:* requests with certain records are invalid; they stand in chunks of three partitions.
/// *Guarantees:* exactly those go to the dead letters, with the output's words; all others are delivered once and
/// in order.
#[tokio::test]
async fn poison_is_found_by_halving() {
    let collector = Collector::new(|_, bodies| match has(bodies, "poison") {
        true => refuse(Code::InvalidArgument),
        false => ok(),
    });
    let mut settings = settings(collector.start().await);
    settings.request.linger = LIMIT;
    let Output {
        outlet, metrics, ..
    } = output(settings);
    let mut answers = Answers::new();
    outlet.send(answers.chunk(0, &["a0", "a1", "poison", "a3", "a4"]).0);
    outlet.send(answers.chunk(1, &["b0", "b1"]).0);
    outlet.send(answers.chunk(2, &["poison", "c1", "poison"]).0);
    drop(outlet);
    let mut dead = Vec::new();
    for _ in 0..3 {
        dead.push(answers.dead().await);
    }
    let inputs: Vec<Vec<u32>> = dead
        .iter()
        .map(|d| d.iter().map(|(i, _)| *i).collect())
        .collect();
    assert_eq!(inputs, [vec![2], vec![], vec![0, 2]]);
    let reason = &dead[0][0].1;
    assert_eq!((&*reason.by, reason.maybe_delivered), ("collector", false));
    assert!(reason.reason.contains("InvalidArgument") && reason.reason.contains("because"));
    assert_eq!(
        collector.acknowledged(),
        ["a0", "a1", "a3", "a4", "b0", "b1", "c1"]
    );
    assert_eq!((metrics.records.get(), metrics.refused.get()), (7, 3));
}

/// *Scenario:* two records of one input, one of them poison. *Guarantees:* the input is dead-lettered once, as maybe
/// delivered.
#[tokio::test]
async fn a_refused_sibling_of_a_delivered_record_says_so() {
    let collector = Collector::new(|_, bodies| match has(bodies, "poison") {
        true => refuse(Code::InvalidArgument),
        false => ok(),
    });
    let Output { outlet, .. } = output(settings(collector.start().await));
    let mut answers = Answers::new();
    let (mut chunk, _generation) = answers.chunk(0, &["poison", "good"]);
    chunk.inputs = vec![0, 0];
    outlet.send(chunk);
    let dead = answers.dead().await;
    assert_eq!(dead.len(), 1);
    assert!(dead[0].1.maybe_delivered);
}

/// *Scenario:* the output is exhausted for a while, without RetryInfo, and refuses every half. *Guarantees:* it counts as
/// wrong: the whole is held, nobody is refused, and it is delivered in order once the output recovers.
#[tokio::test]
async fn exhaustion_of_the_output_holds_everything() {
    const RECORDS: usize = 40;
    let health = Arc::new(OnceLock::<Health>::new());
    let seen_by_script = health.clone();
    let wholes = AtomicUsize::new(0);
    let collector = Collector::new(move |_, bodies| {
        let is_whole = bodies.len() == RECORDS;
        let so_far = wholes.fetch_add(usize::from(is_whole), Ordering::SeqCst);
        match so_far + usize::from(is_whole) {
            1 | 2 => return refuse(Code::ResourceExhausted),
            _ => assert!(seen_by_script.get().is_some_and(|h| !h.is_ready())),
        }
        ok()
    });
    let Output {
        output,
        outlet,
        metrics,
        ..
    } = output(settings(collector.start().await));
    health.set(output.health().clone()).unwrap();
    let mut answers = Answers::new();
    let bodies: Vec<String> = (0..RECORDS).map(|i| i.to_string()).collect();
    let bodies: Vec<&str> = bodies.iter().map(String::as_str).collect();
    outlet.send(answers.chunk(0, &bodies).0);
    assert_eq!(answers.dead().await, []);
    assert!(output.health().is_ready());
    assert_eq!(metrics.refused.get(), 0);
    assert_eq!(collector.acknowledged(), bodies);
}

/// *Scenario:* one record is too large for the output, the others are not; then a record that is over the limit of a
/// request and thus alone. *Guarantees:* each is refused by itself; no output counts as wrong.
#[tokio::test]
async fn a_record_that_is_too_large_is_refused() {
    let collector = Collector::new(|_, bodies| match has(bodies, "large") {
        true => refuse(Code::ResourceExhausted),
        false => ok(),
    });
    let mut settings = settings(collector.start().await);
    settings.request.bytes = 300;
    let Output { output, outlet, .. } = output(settings);
    let mut answers = Answers::new();
    outlet.send(answers.chunk(0, &["a", "large", "c"]).0);
    assert_eq!(
        answers.dead().await.iter().map(|d| d.0).collect::<Vec<_>>(),
        [1]
    );
    outlet.send(answers.chunk(0, &["large".repeat(100).as_str()]).0);
    assert_eq!(answers.dead().await.len(), 1);
    assert!(output.health().is_ready());
}

/// *Scenario:* a record is alone in its request and over the output's own limit; at first the output takes nothing else,
/// then it takes requests of another partition.
/// *Guarantees:* it is held while it may be the output; once the output is seen to take others, it is refused.
#[tokio::test]
async fn a_lone_record_is_to_blame_once_others_are_taken() {
    let collector = Collector::new(|_, bodies| match has(bodies, "large") {
        true => refuse(Code::ResourceExhausted),
        false => ok(),
    });
    let Output { outlet, .. } = output(settings(collector.start().await));
    let (mut lone, mut others) = (Answers::new(), Answers::new());
    outlet.send(lone.chunk(0, &["large"]).0);
    let often = 2 * deliver::EXHAUSTED_ALONE_MAX as usize;
    until("tried often", || collector.seen().len() > often).await;
    outlet.send(others.chunk(1, &["small"]).0);
    assert_eq!(others.dead().await, []);
    assert_eq!(lone.dead().await.len(), 1);
}

fn in_part(rejected: i64) -> Reply {
    Ok(ExportLogsServiceResponse {
        partial_success: Some(ExportLogsPartialSuccess {
            rejected_log_records: rejected,
            error_message: "too old".to_owned(),
        }),
    })
}

/// *Scenario:* a request is taken in part, under both policies; then one with a warning only. *Guarantees:* all its inputs go
/// to the dead letters as maybe delivered, or none does and the refused are counted; a warning costs nothing.
#[tokio::test]
async fn partial_success_follows_the_policy() {
    for policy in [PartialSuccess::DeadLetter, PartialSuccess::Count] {
        let collector = Collector::new(|number, _| in_part(if number == 0 { 2 } else { 0 }));
        let mut settings = settings(collector.start().await);
        settings.partial_success = policy;
        let Output {
            outlet, metrics, ..
        } = output(settings);
        let mut answers = Answers::new();
        outlet.send(answers.chunk(0, &["a", "b", "c"]).0);
        let dead = answers.dead().await;
        if policy == PartialSuccess::DeadLetter {
            assert_eq!(dead.iter().map(|d| d.0).collect::<Vec<_>>(), [0, 1, 2]);
            assert!(
                dead.iter()
                    .all(|d| d.1.reason == "2 of 3 refused: too old" && d.1.maybe_delivered)
            );
        } else {
            assert_eq!(dead, []);
        }
        assert_eq!((metrics.records.get(), metrics.refused.get()), (1, 2));
        outlet.send(answers.chunk(0, &["d"]).0);
        assert_eq!(answers.dead().await, []);
        assert_eq!((metrics.records.get(), metrics.refused.get()), (2, 2));
    }
}

/// Lets the collector answer, and looks each time that no partition waits for two answers.
async fn answer_one_by_one(collector: Collector, most: Arc<AtomicUsize>) {
    let mut look = tokio::time::interval(support::LOOK_AGAIN);
    loop {
        look.tick().await;
        let mut waiting = collector.seen();
        waiting.retain(|seen| !seen.is_answered);
        most.fetch_max(waiting.len(), Ordering::SeqCst);
        let mut known = HashSet::new();
        for request in waiting {
            let of = |body: &String| body.chars().next();
            let partitions: HashSet<char> = request.bodies.iter().filter_map(of).collect();
            assert!(
                partitions.into_iter().all(|p| known.insert(p)),
                "in flight twice"
            );
        }
        collector.gate.add_permits(1);
    }
}

/// *Scenario:* chunks of six partitions stream in while every third attempt is refused as unavailable.
/// *Guarantees:* no partition ever has two requests in flight, no lane more than the limit, records of a partition
/// are taken in order, each once.
#[tokio::test]
async fn promise_3_rule_9_order_within_a_partition_is_kept() {
    const MAX_IN_FLIGHT: usize = 3;
    let at_once = Arc::new(AtomicUsize::new(0));
    let most = at_once.clone();
    let collector = Collector::new(|number, _| match number % 3 {
        0 => refuse(Code::Unavailable),
        _ => ok(),
    });
    let collector = collector.gated();
    let mut settings = settings(collector.start().await);
    settings.max_in_flight_requests = MAX_IN_FLIGHT;
    settings.request.records = 4;
    let Output { outlet, .. } = output(settings);
    let mut answers = Answers::new();
    let generation = Generation::begin();
    for n in 0..120 {
        let bodies = [format!("{}-{n}", n % 6), format!("{}-{n}x", n % 6)];
        let bodies: Vec<&str> = bodies.iter().map(String::as_str).collect();
        outlet.send(answers.chunk_of(n % 6, &bodies, &generation));
    }
    let answering = tokio::spawn(answer_one_by_one(collector.clone(), most));
    for _ in 0..120 {
        assert_eq!(answers.dead().await, []);
    }
    assert!(!answering.is_finished(), "the watcher found a fault");
    answering.abort();
    let most = at_once.load(Ordering::SeqCst);
    assert!((2..=MAX_IN_FLIGHT).contains(&most), "{most} at once");
    let mut of: HashMap<String, Vec<String>> = HashMap::new();
    for body in collector.acknowledged() {
        let (partition, number) = body.split_once('-').unwrap();
        of.entry(partition.to_owned())
            .or_default()
            .push(number.to_owned());
    }
    for (partition, got) in of {
        let mine = (0..120).filter(|n| (n % 6).to_string() == partition);
        let expected: Vec<String> = mine
            .flat_map(|n| [n.to_string(), format!("{n}x")])
            .collect();
        assert_eq!(got, expected, "partition {partition}");
    }
}

/// *Scenario:* a request of two partitions is tried again and again; the generation of one drains. *Guarantees:* that one is
/// never sent again and reported as cancelled, the other goes on.
#[tokio::test]
async fn what_nobody_waits_for_is_not_sent_again() {
    let is_up = Arc::new(AtomicBool::new(false));
    let state = is_up.clone();
    let collector = Collector::new(move |_, _| match state.load(Ordering::SeqCst) {
        true => ok(),
        false => refuse(Code::Unavailable),
    });
    let mut settings = settings(collector.start().await);
    settings.request.linger = LIMIT;
    settings.request.records = 2;
    let Output { outlet, .. } = output(settings);
    let mut answers = Answers::new();
    let (lost, generation) = answers.chunk(0, &["lost"]);
    let (kept, _still_ours) = answers.chunk(1, &["kept"]);
    outlet.send(lost);
    outlet.send(kept);
    until("tried twice", || collector.seen().len() >= 2).await;
    generation.drain();
    assert_eq!(answers.next().await, End::Cancelled);
    let before = collector.seen().len();
    is_up.store(true, Ordering::SeqCst);
    assert_eq!(answers.dead().await, []);
    assert_eq!(collector.acknowledged(), ["kept"]);
    assert!(
        collector
            .seen()
            .iter()
            .skip(before)
            .all(|s| !has(&s.bodies, "lost"))
    );
}

/// *Scenario:* an attempt gets no answer in time; the next is refused as invalid. *Guarantees:* it is tried again, and the dead
/// letter says that the record may have been delivered.
#[tokio::test]
async fn no_answer_in_time_is_doubt() {
    let collector = Collector::new(|_, _| refuse(Code::InvalidArgument)).gated();
    let mut settings = settings(collector.start().await);
    settings.timeout = Duration::from_millis(200);
    let Output { outlet, .. } = output(settings);
    let mut answers = Answers::new();
    outlet.send(answers.chunk(0, &["a"]).0);
    until("a second attempt", || collector.seen().len() >= 2).await;
    collector.gate.add_permits(1000);
    let dead = answers.dead().await;
    assert!(dead[0].1.maybe_delivered);
}

/// *Scenario:* nobody listens when the request is first sent. *Guarantees:* it arrives once somebody does.
#[tokio::test]
async fn a_collector_may_come_later() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let Output { output, outlet, .. } = output(settings(address));
    let mut answers = Answers::new();
    outlet.send(answers.chunk(0, &["a"]).0);
    until("away", || {
        matches!(output.health().condition(), Condition::Away(_))
    })
    .await;
    let collector = Collector::new(|_, _| ok());
    collector.serve(TcpListener::bind(address).await.unwrap());
    assert_eq!(answers.dead().await, []);
    assert_eq!(collector.acknowledged(), ["a"]);
}

/// *Scenario:* the pump is aborted while a request waits for its answer and another for its turn. *Guarantees:* both batches,
/// and one that comes later, are reported as not delivered.
#[tokio::test]
async fn what_is_given_up_is_not_delivered() {
    let collector = Collector::new(|_, _| ok()).gated();
    let Output { outlet, pump, .. } = output(settings(collector.start().await));
    let mut answers = Answers::new();
    outlet.send(answers.chunk(0, &["a"]).0);
    until("in flight", || collector.seen().len() == 1).await;
    outlet.send(answers.chunk(0, &["b"]).0);
    pump.abort();
    assert_eq!(answers.next().await, End::Abandoned);
    assert_eq!(answers.next().await, End::Abandoned);
    outlet.send(answers.chunk(0, &["c"]).0);
    assert_eq!(answers.next().await, End::Abandoned);
}

/// *Scenario:* settings that cannot work. *Guarantees:* refused with the name of what is wrong, never with a header's value.
#[tokio::test]
async fn settings_are_checked() {
    let try_with = |endpoint: &str, name: &str, value: &str| {
        let mut settings = settings(([127, 0, 0, 1], 1).into());
        settings.endpoint = endpoint.to_owned();
        settings.headers = vec![(name.to_owned(), value.to_owned())];
        OtlpOutput::new(settings, Default::default())
            .map(|_| ())
            .map_err(|e| e.to_string())
    };
    let good = "http://collector:4317";
    assert_eq!(try_with(good, "Authorization", "Bearer x"), Ok(()));
    for (endpoint, name, value, part) in [
        ("https://collector:4317", "a", "b", "TLS"),
        ("collector:4317", "a", "b", "http://HOST:PORT"),
        (
            "http://collector:4317/v1/logs",
            "a",
            "b",
            "http://HOST:PORT",
        ),
        ("", "a", "b", "http://HOST:PORT"),
        (good, "grpc-timeout", "1S", "grpc-timeout"),
        (good, "x-bin", "AAAA", "x-bin"),
        (good, "a b", "c", "a b"),
        (good, "Authorization", "secret\n", "Authorization"),
    ] {
        let error = try_with(endpoint, name, value).unwrap_err();
        assert!(error.contains(part) && !error.contains("secret"), "{error}");
    }
}
