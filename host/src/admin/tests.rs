//! The endpoint over a plain TCP connection.

use super::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

fn state() -> State {
    State {
        registry: Registry::new("1.2.3", &["0.1.0"]),
        readiness: Readiness::default(),
    }
}

async fn server(state: &State) -> Server {
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    start(any, state.clone()).await.unwrap()
}

/// Sends `bytes` and reads until the server closes.
async fn send(server: &Server, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(server.address()).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

async fn get(server: &Server, path: &str) -> (u16, String) {
    let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n");
    let answer = send(server, request.as_bytes()).await;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, body.to_owned())
}

/// *Scenario:* each page, an unknown one, and a POST.
/// *Guarantees:* alive from the start; the index names the pages; nothing else is found or changed.
#[tokio::test]
async fn pages_answer() {
    let server = server(&state()).await;
    assert_eq!(get(&server, "/livez").await, (200, "alive\n".to_owned()));
    let (status, index) = get(&server, "/").await;
    assert_eq!(status, 200);
    assert!(
        ["/livez", "/readyz", "/metrics"]
            .iter()
            .all(|p| index.contains(p))
    );
    assert_eq!(get(&server, "/nothing").await.0, 404);
    let post = b"POST /livez HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n";
    assert!(send(&server, post).await.starts_with("HTTP/1.1 405 "));
}

/// *Scenario:* conditions fail and hold again while the endpoint runs.
/// *Guarantees:* 503 with every reason while one fails, 200 once all hold.
#[tokio::test]
async fn readiness_follows_the_conditions() {
    let state = state();
    let server = server(&state).await;
    assert_eq!(
        get(&server, "/readyz").await,
        (503, "process: starting\n".to_owned())
    );
    let kafka = state.readiness.condition("pipeline shop");
    let output = state.readiness.condition("output collector");
    output.not_ready("unauthenticated");
    let both = "output collector: unauthenticated\npipeline shop: starting\n";
    assert_eq!(get(&server, "/readyz").await, (503, both.to_owned()));
    kafka.ready();
    output.ready();
    assert_eq!(get(&server, "/readyz").await, (200, "ready\n".to_owned()));
}

/// *Scenario:* counters move between two scrapes.
/// *Guarantees:* each scrape has the numbers of its time, as OpenMetrics.
#[tokio::test]
async fn metrics_are_of_now() {
    let state = state();
    let server = server(&state).await;
    let records = state.registry.pipeline("shop").records_in;
    records.inc();
    let line = |n| format!("tidegate_records_in_total{{pipeline=\"shop\"}} {n}\n");
    assert!(get(&server, "/metrics").await.1.contains(&line(1)));
    records.inc();
    let (status, body) = get(&server, "/metrics").await;
    assert_eq!(status, 200);
    assert!(body.contains(&line(2)));
    assert!(body.contains("process_start_time_seconds"));
}

/// *Scenario:* the port is taken.
/// *Guarantees:* the error names field, value, what the system says and the remedy.
#[tokio::test]
async fn a_taken_port_is_a_clear_message() {
    let first = server(&state()).await;
    let error = start(first.address(), state()).await.unwrap_err();
    let text = error.to_string();
    assert!(
        text.starts_with(&format!("admin.listen is {}", first.address())),
        "{text}"
    );
    assert!(text.contains("admin: off"), "{text}");
}

/// *Scenario:* a head that is too large, and bytes that are no HTTP.
/// *Guarantees:* an error status or a closed connection, and the next request is answered.
#[tokio::test]
async fn bad_requests_harm_nobody() {
    let server = server(&state()).await;
    assert!(
        send(&server, b"\x16\x03\x01 hello\r\n\r\n")
            .await
            .starts_with("HTTP/1.1 400 ")
    );
    let mut stream = TcpStream::connect(server.address()).await.unwrap();
    let large = format!("GET / HTTP/1.1\r\nx: {}", "y".repeat(HEAD_BYTES_MAX));
    let _ = stream.write_all(large.as_bytes()).await;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 431 "));
    assert_eq!(get(&server, "/livez").await.0, 200);
}

/// *Scenario:* as many silent clients as there is room for, then one that asks; time is paused.
/// *Guarantees:* the silent ones are cut off after their time, and the one that asks is answered.
#[tokio::test(start_paused = true)]
async fn silent_clients_are_cut_off() {
    let server = server(&state()).await;
    let mut silent = Vec::new();
    for _ in 0..CONNECTIONS_MAX {
        silent.push(TcpStream::connect(server.address()).await.unwrap());
    }
    let begun = tokio::time::Instant::now();
    assert_eq!(get(&server, "/livez").await.0, 200);
    assert!(begun.elapsed() <= CONNECTION_TIME_MAX);
    assert!(begun.elapsed() >= HEAD_TIME_MAX, "{:?}", begun.elapsed());
}
