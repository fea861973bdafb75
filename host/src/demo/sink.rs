//! An OTLP gRPC server for logs, inside the process: where the demo, the tests and the benchmark send to.
//!
//! Runs as one task with one more a connection, until it is stopped or dropped. It counts what it is sent,
//! either by walking over lengths, which costs next to nothing, or by decoding and handing it to a function.

use bytes::{Buf, Bytes};
use opentelemetry_proto::tonic::collector::logs::v1::{
    ExportLogsServiceRequest, ExportLogsServiceResponse,
};
use prost::Message;
use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tonic::body::Body;
use tonic::codec::{Codec, CompressionEncoding, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::codegen::Service;
use tonic::server::{Grpc, NamedService, UnaryService};
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status};

/// The largest request, after decompression.
const REQUEST_BYTES_MAX: usize = 64 << 20;
const STREAM_WINDOW_BYTES: u32 = 4 << 20;
const CONNECTION_WINDOW_BYTES: u32 = 16 << 20;

/// A running server.
#[derive(Debug)]
pub struct Sink {
    address: SocketAddr,
    counts: Arc<Counts>,
    server: JoinHandle<()>,
}

#[derive(Debug, Default)]
struct Counts {
    records: AtomicU64,
    requests: AtomicU64,
    bytes: AtomicU64,
}

type Answer = Result<ExportLogsServiceResponse, Status>;
type Answerer = dyn Fn(ExportLogsServiceRequest) -> Answer + Send + Sync;

/// The service: what is done with a request.
#[derive(Clone)]
struct Logs {
    counts: Arc<Counts>,
    // None: only counted.
    answer: Option<Arc<Answerer>>,
}

// === impl Sink ===

impl Sink {
    /// Serves on `address` (port 0: any free one) and only counts.
    ///
    /// # Errors
    /// The address cannot be had.
    pub async fn counting(address: SocketAddr) -> std::io::Result<Sink> {
        Sink::start(address, None).await
    }

    /// Serves on `address` and shows each request to `see`, which must not block for long.
    ///
    /// # Errors
    /// The address cannot be had.
    pub async fn decoding(
        address: SocketAddr,
        see: impl Fn(ExportLogsServiceRequest) + Send + Sync + 'static,
    ) -> std::io::Result<Sink> {
        let answer = move |request| {
            see(request);
            Ok(ExportLogsServiceResponse::default())
        };
        Sink::answering(address, answer).await
    }

    /// Serves on `address` and lets `answer` answer. What it refuses is not counted.
    ///
    /// # Errors
    /// The address cannot be had.
    pub async fn answering(
        address: SocketAddr,
        answer: impl Fn(ExportLogsServiceRequest) -> Result<ExportLogsServiceResponse, Status>
        + Send
        + Sync
        + 'static,
    ) -> std::io::Result<Sink> {
        Sink::start(address, Some(Arc::new(answer))).await
    }

    async fn start(address: SocketAddr, answer: Option<Arc<Answerer>>) -> std::io::Result<Sink> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let counts = Arc::new(Counts::default());
        let logs = Logs {
            counts: counts.clone(),
            answer,
        };
        let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
        let serving = Server::builder()
            .initial_stream_window_size(STREAM_WINDOW_BYTES)
            .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
            .add_service(logs)
            .serve_with_incoming(incoming);
        let server = tokio::spawn(async move {
            if let Err(error) = serving.await {
                tracing::error!(cause = %error, "the embedded OTLP sink stopped");
            }
        });
        Ok(Sink {
            address,
            counts,
            server,
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Records acknowledged.
    pub fn records(&self) -> u64 {
        self.counts.records.load(Ordering::Relaxed)
    }

    /// Requests acknowledged.
    pub fn requests(&self) -> u64 {
        self.counts.requests.load(Ordering::Relaxed)
    }

    /// Bytes of acknowledged requests, after decompression.
    pub fn bytes(&self) -> u64 {
        self.counts.bytes.load(Ordering::Relaxed)
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        self.server.abort();
    }
}

// === impl Logs ===

impl Logs {
    fn take(&self, payload: Bytes) -> Answer {
        let bytes = payload.len() as u64;
        let unreadable = || Status::invalid_argument("the request cannot be read");
        let records = count_records(&payload).ok_or_else(unreadable)?;
        let answer = match &self.answer {
            Some(answer) => {
                let request = ExportLogsServiceRequest::decode(payload);
                answer(request.map_err(|_| unreadable())?)?
            }
            None => ExportLogsServiceResponse::default(),
        };
        self.counts.bytes.fetch_add(bytes, Ordering::Relaxed);
        self.counts.records.fetch_add(records, Ordering::Relaxed);
        self.counts.requests.fetch_add(1, Ordering::Relaxed);
        Ok(answer)
    }
}

impl NamedService for Logs {
    const NAME: &'static str = "opentelemetry.proto.collector.logs.v1.LogsService";
}

impl Service<http::Request<Body>> for Logs {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<http::Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let logs = self.clone();
        Box::pin(async move {
            if !request.uri().path().ends_with("/Export") {
                return Ok(Status::unimplemented("no such method").into_http());
            }
            let mut grpc = Grpc::new(RawCodec)
                .accept_compressed(CompressionEncoding::Gzip)
                // As the Collector does: who asks compressed is answered so.
                .send_compressed(CompressionEncoding::Gzip)
                .max_decoding_message_size(REQUEST_BYTES_MAX);
            Ok(grpc.unary(logs, request).await)
        })
    }
}

impl UnaryService<Bytes> for Logs {
    type Response = ExportLogsServiceResponse;
    type Future = std::future::Ready<Result<Response<ExportLogsServiceResponse>, Status>>;

    fn call(&mut self, request: Request<Bytes>) -> Self::Future {
        std::future::ready(self.take(request.into_inner()).map(Response::new))
    }
}

/// Gives requests as they are.
#[derive(Clone, Copy)]
struct RawCodec;

impl Codec for RawCodec {
    type Encode = ExportLogsServiceResponse;
    type Decode = Bytes;
    type Encoder = RawCodec;
    type Decoder = RawCodec;

    fn encoder(&mut self) -> RawCodec {
        RawCodec
    }

    fn decoder(&mut self) -> RawCodec {
        RawCodec
    }
}

impl Encoder for RawCodec {
    type Item = ExportLogsServiceResponse;
    type Error = Status;

    fn encode(&mut self, answer: Self::Item, out: &mut EncodeBuf<'_>) -> Result<(), Status> {
        let full = |e| Status::internal(format!("the answer cannot be written: {e}"));
        answer.encode(out).map_err(full)
    }
}

impl Decoder for RawCodec {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, bytes: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(bytes.copy_to_bytes(bytes.remaining())))
    }
}

// === counting ===

/// How many log records a request has; none where it is not well-formed down to them.
fn count_records(request: &[u8]) -> Option<u64> {
    const RESOURCE_LOGS: u64 = 1;
    const SCOPE_LOGS: u64 = 2;
    const LOG_RECORDS: u64 = 2;
    let mut records = 0;
    each(request, RESOURCE_LOGS, &mut |resource| {
        each(resource, SCOPE_LOGS, &mut |scope| {
            each(scope, LOG_RECORDS, &mut |_| {
                records += 1;
                Some(())
            })
        })
    })?;
    Some(records)
}

/// Calls `found` with each message that is the field `wanted`.
fn each(mut message: &[u8], wanted: u64, found: &mut dyn FnMut(&[u8]) -> Option<()>) -> Option<()> {
    while message.has_remaining() {
        let tag = prost::encoding::decode_varint(&mut message).ok()?;
        match tag & 7 {
            0 => drop(prost::encoding::decode_varint(&mut message).ok()?),
            1 => message = message.get(8..)?,
            5 => message = message.get(4..)?,
            2 => {
                let length = prost::encoding::decode_varint(&mut message).ok()?;
                let (inner, rest) = message.split_at_checked(usize::try_from(length).ok()?)?;
                message = rest;
                if tag >> 3 == wanted {
                    found(inner)?;
                }
            }
            _ => return None,
        }
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encode::{Limits, Select, logs};
    use crate::model::testing;
    use opentelemetry_proto::tonic::collector::logs::v1::logs_service_client::LogsServiceClient;
    use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
    use proptest::prelude::*;

    fn request(records: usize) -> ExportLogsServiceRequest {
        let scope_logs = vec![ScopeLogs {
            log_records: vec![LogRecord::default(); records],
            ..ScopeLogs::default()
        }];
        let resource_logs = vec![ResourceLogs {
            scope_logs,
            ..ResourceLogs::default()
        }];
        ExportLogsServiceRequest { resource_logs }
    }

    /// *Scenario:* a client that is not ours sends requests, compressed and not; one sink counts, one refuses what has more
    /// than two records. *Guarantees:* what is acknowledged is counted and nothing else.
    #[tokio::test]
    async fn it_counts_what_it_acknowledges() {
        let any_port = SocketAddr::from(([127, 0, 0, 1], 0));
        let counting = Sink::counting(any_port).await.unwrap();
        let judging = Sink::answering(any_port, |request| {
            let records = request.resource_logs[0].scope_logs[0].log_records.len();
            let answer = || ExportLogsServiceResponse::default();
            let refusal = || Status::invalid_argument("too many");
            (records <= 2).then(answer).ok_or_else(refusal)
        });
        let judging = judging.await.unwrap();
        for (sink, expected) in [(counting, 5), (judging, 2)] {
            let channel = format!("http://{}", sink.address());
            let client = LogsServiceClient::connect(channel).await.unwrap();
            let mut zipped = client.send_compressed(CompressionEncoding::Gzip);
            let small = zipped.export(request(2)).await;
            assert!(small.is_ok());
            let large = zipped.export(request(3)).await;
            assert_eq!(large.is_ok(), expected == 5);
            assert_eq!(sink.records(), expected);
            assert_eq!(sink.requests(), if expected == 5 { 2 } else { 1 });
        }
    }

    proptest! {
        /// *Scenario:* requests of any records, whole and cut short. *Guarantees:* counted right without being
        /// decoded, and never a panic.
        #[test]
        fn counting_needs_no_decoding(records in testing::records(), cut in 0..10_000usize) {
            let limits = Limits { records: usize::MAX, bytes: usize::MAX };
            let columns = testing::columns(&records);
            let payloads = logs(&columns, Select::All, |_| 1, limits).payloads;
            let request: Vec<u8> = payloads.into_iter().flat_map(|p| p.payload).collect();
            prop_assert_eq!(count_records(&request), Some(records.len() as u64));
            if cut < request.len() {
                prop_assert!(count_records(&request[..cut]).is_none_or(|n| n < records.len() as u64));
            }
        }
    }
}
