//! A collector that answers by a script, and batches whose answers are awaited.

use super::super::*;
use crate::encode::{Limits, Select, logs};
use crate::model::testing::{self, Record, Value};
use crate::model::{
    Chunk, Door, End, Gauge, Generation, Leg, Outcome, Partition, RawRecord, RawRecords, Receipt,
};
use crate::telemetry::metrics::OutputMetrics;
use opentelemetry_proto::tonic::collector::logs::v1::logs_service_server::{
    LogsService, LogsServiceServer,
};
use opentelemetry_proto::tonic::collector::logs::v1::{
    ExportLogsServiceRequest, ExportLogsServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::any_value;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, mpsc};
use tonic::codec::CompressionEncoding;
use tonic::metadata::MetadataMap;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status};

/// How long anything in these tests may take.
pub(super) const LIMIT: Duration = Duration::from_secs(20);
/// How often a test asks whether something is so.
pub(super) const LOOK_AGAIN: Duration = Duration::from_millis(1);

pub(super) type Reply = Result<ExportLogsServiceResponse, Status>;
/// Answers the request of that number (from 0) with those bodies.
type Script = dyn Fn(usize, &[String]) -> Reply + Send + Sync;

/// One request as the collector saw it.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub bodies: Vec<String>,
    pub metadata: MetadataMap,
    pub is_acknowledged: bool,
    pub is_answered: bool,
}

#[derive(Clone)]
pub(super) struct Collector {
    seen: Arc<Mutex<Vec<Seen>>>,
    script: Arc<Script>,
    /// A request is answered once it has got one of these.
    pub gate: Arc<Semaphore>,
}

impl Collector {
    pub(super) fn new(script: impl Fn(usize, &[String]) -> Reply + Send + Sync + 'static) -> Self {
        Collector {
            seen: Arc::default(),
            script: Arc::new(script),
            gate: Arc::new(Semaphore::new(Semaphore::MAX_PERMITS)),
        }
    }

    /// The same, answering nothing until the gate is given permits.
    pub(super) fn gated(mut self) -> Self {
        self.gate = Arc::new(Semaphore::new(0));
        self
    }

    pub(super) async fn start(&self) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        self.serve(listener);
        address
    }

    pub(super) fn serve(&self, listener: TcpListener) {
        let service =
            LogsServiceServer::new(self.clone()).accept_compressed(CompressionEncoding::Gzip);
        let incoming = TcpIncoming::from(listener);
        tokio::spawn(
            Server::builder()
                .add_service(service)
                .serve_with_incoming(incoming),
        );
    }

    pub(super) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// Bodies of acknowledged requests, in the order that they came.
    pub(super) fn acknowledged(&self) -> Vec<String> {
        let seen = self.seen().into_iter().filter(|s| s.is_acknowledged);
        seen.flat_map(|s| s.bodies).collect()
    }
}

#[tonic::async_trait]
impl LogsService for Collector {
    async fn export(
        &self,
        request: Request<ExportLogsServiceRequest>,
    ) -> Result<Response<ExportLogsServiceResponse>, Status> {
        let metadata = request.metadata().clone();
        let bodies = bodies(&request.into_inner());
        let number = {
            let mut seen = self.seen.lock().unwrap();
            let (bodies, metadata) = (bodies.clone(), metadata);
            seen.push(Seen {
                bodies,
                metadata,
                is_acknowledged: false,
                is_answered: false,
            });
            seen.len() - 1
        };
        self.gate.acquire().await.unwrap().forget();
        let reply = (self.script)(number, &bodies);
        let mut seen = self.seen.lock().unwrap();
        seen[number].is_answered = true;
        seen[number].is_acknowledged = reply.is_ok();
        reply.map(Response::new)
    }
}

fn bodies(request: &ExportLogsServiceRequest) -> Vec<String> {
    let scopes = request.resource_logs.iter().flat_map(|r| &r.scope_logs);
    let records = scopes.flat_map(|s| &s.log_records);
    let body = |record: &opentelemetry_proto::tonic::logs::v1::LogRecord| match record
        .body
        .as_ref()
        .and_then(|b| b.value.clone())
    {
        Some(any_value::Value::StringValue(text)) => text,
        other => panic!("not a text: {other:?}"),
    };
    records.map(body).collect()
}

pub(super) fn ok() -> Reply {
    Ok(ExportLogsServiceResponse::default())
}

// === batches ===

/// Where outcomes arrive.
pub(super) struct Answers(Arc<Sender>, mpsc::UnboundedReceiver<Outcome>);

struct Sender(mpsc::UnboundedSender<Outcome>);

impl Door for Sender {
    fn answer(&self, outcome: Outcome) {
        let _ = self.0.send(outcome);
    }
}

impl Answers {
    pub(super) fn new() -> Self {
        let (sender, receiver) = mpsc::unbounded_channel();
        Answers(Arc::new(Sender(sender)), receiver)
    }

    /// How the next batch to be answered ended.
    pub(super) async fn next(&mut self) -> End {
        let outcome = tokio::time::timeout(LIMIT, self.1.recv()).await;
        outcome.expect("no answer").unwrap().end
    }

    /// How the next batch ended: closed, with these inputs dead.
    pub(super) async fn dead(&mut self) -> Vec<(u32, crate::model::DeadReason)> {
        match self.next().await {
            End::Closed(fates) => fates.dead.into_iter().collect(),
            other => panic!("not closed: {other:?}"),
        }
    }

    /// A batch whose records have these bodies, each from an input of its own.
    pub(super) fn chunk(&self, partition: i32, bodies: &[&str]) -> (Chunk, Generation) {
        let generation = Generation::begin();
        (self.chunk_of(partition, bodies, &generation), generation)
    }

    pub(super) fn chunk_of(&self, index: i32, bodies: &[&str], generation: &Generation) -> Chunk {
        let partition = Partition::new("logs", index);
        let mut raw = RawRecords::new(partition.clone());
        for (offset, body) in bodies.iter().enumerate() {
            let value = Some(body.as_bytes());
            let record = RawRecord {
                offset: offset as i64,
                timestamp_ms: 1,
                key: None,
                value,
            };
            raw.push(record, []);
        }
        let end = bodies.len() as i64;
        let receipt = Receipt {
            partition,
            generation: generation.clone(),
            start: 0,
            end,
        };
        let leg = Leg::open(receipt, raw, Gauge::default().hold(1), self.0.clone());
        let record = |body: &&str| Record {
            seconds: 1,
            nanos: 0,
            severity: 9,
            severity_text: String::new(),
            body: Value::Text((*body).to_owned()),
            trace: None,
            attributes: Vec::new(),
        };
        let columns = testing::columns(&bodies.iter().map(record).collect::<Vec<_>>());
        let limits = Limits {
            records: usize::MAX,
            bytes: usize::MAX,
        };
        let encoded = logs(&columns, Select::All, |_| 1, limits)
            .payloads
            .remove(0);
        Chunk {
            leg,
            payload: encoded.payload.into(),
            inputs: encoded.records,
        }
    }
}

// === outputs ===

pub(super) fn settings(address: SocketAddr) -> OtlpSettings {
    let ms = Duration::from_millis;
    OtlpSettings {
        name: "collector".to_owned(),
        endpoint: format!("http://{address}"),
        gzip: false,
        headers: Vec::new(),
        timeout: LIMIT,
        request: RequestLimits {
            records: 1000,
            bytes: 1 << 20,
            linger: ms(5),
        },
        max_in_flight_requests: 4,
        retry: RetrySettings {
            initial: ms(1),
            max: ms(4),
            multiplier: 2.0,
            jitter: 0.5,
        },
        partial_success: PartialSuccess::DeadLetter,
    }
}

pub(super) struct Output {
    pub output: OtlpOutput,
    pub outlet: Outlet,
    pub pump: Pump,
    pub metrics: OutputMetrics,
}

pub(super) fn output(settings: OtlpSettings) -> Output {
    let metrics = OutputMetrics::default();
    let output = OtlpOutput::new(settings, metrics.clone()).unwrap();
    let (outlet, pump) = output.lane();
    Output {
        output,
        outlet,
        pump,
        metrics,
    }
}

/// Looks again until it is so.
pub(super) async fn until(what: &str, is_so: impl Fn() -> bool) {
    let look = async {
        let mut again = tokio::time::interval(LOOK_AGAIN);
        while !is_so() {
            again.tick().await;
        }
    };
    tokio::time::timeout(LIMIT, look)
        .await
        .unwrap_or_else(|_| panic!("never: {what}"));
}
