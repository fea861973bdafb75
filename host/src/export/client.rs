//! OTLP gRPC as bytes: one attempt of one request.
//!
//! tonic carries the call (connection, headers, trailers, status); the body of the request is our own, made
//! of the payloads as they are, so that nothing is encoded or copied again. Compressed once, it serves every
//! further attempt. Dropping an attempt resets its stream; the output may have taken the records.

use super::OtlpSettings;
use super::classify::{self, Verdict};
use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use bytes::{BufMut, Bytes, BytesMut};
use flate2::Compression;
use flate2::write::GzEncoder;
use http::{HeaderMap, HeaderValue};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceResponse;
use prost::Message;
use std::future::Future;
use std::io::Write;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tonic::body::Body;
use tonic::client::{Grpc, GrpcService};
use tonic::codec::{Codec, CompressionEncoding, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::metadata::{AsciiMetadataKey, AsciiMetadataValue, MetadataMap};
use tonic::transport::{Channel, Endpoint, Error as TransportError};
use tonic::{Code, Status};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// A connection on which a request waits and nothing is heard for so long is asked for a sign of life.
const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(30);
const KEEP_ALIVE_TIMEOUT: Duration = Duration::from_secs(10);
const PATH: &str = "/opentelemetry.proto.collector.logs.v1.LogsService/Export";
const DETAILS: &str = "grpc-status-details-bin";

/// An output that cannot be set up as its settings say.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OutputError {
    /// The endpoint is not one.
    #[error("endpoint {0:?} is not of the form http://HOST:PORT")]
    Endpoint(String),
    /// TLS is not there yet.
    #[error(
        "endpoint {0:?} asks for TLS, which is not supported yet: use http:// within a trusted network"
    )]
    Tls(String),
    /// A header's name is none, or belongs to gRPC.
    #[error(
        "header {0:?} is not allowed: a name is letters, digits, '-', '_' and '.', is not one of gRPC's own, and does not end in -bin"
    )]
    HeaderName(String),
    /// A header's value has characters that no header has.
    #[error("header {0:?} has a value that is not printable ASCII")]
    HeaderValue(String),
}

fn parse_endpoint(endpoint: &str) -> Result<Endpoint, OutputError> {
    let wrong = || OutputError::Endpoint(endpoint.to_owned());
    let parsed = Endpoint::from_shared(endpoint.to_owned()).map_err(|_| wrong())?;
    let uri = parsed.uri();
    match uri.scheme_str() {
        Some("https") => return Err(OutputError::Tls(endpoint.to_owned())),
        Some("http") if matches!(uri.path(), "" | "/") && uri.query().is_none() => {}
        _ => return Err(wrong()),
    }
    Ok(parsed)
}

fn parse_header(
    name: &str,
    value: &str,
) -> Result<(AsciiMetadataKey, AsciiMetadataValue), OutputError> {
    let lower = name.to_ascii_lowercase();
    let is_grpcs_own = lower.starts_with("grpc-")
        || matches!(
            lower.as_str(),
            "content-type" | "te" | "user-agent" | "host" | "connection"
        );
    let key = AsciiMetadataKey::from_bytes(lower.as_bytes());
    match (key, AsciiMetadataValue::try_from(value)) {
        (Ok(key), Ok(value)) if !is_grpcs_own => Ok((key, value)),
        (Ok(_), Err(_)) => Err(OutputError::HeaderValue(name.to_owned())),
        _ => Err(OutputError::HeaderName(name.to_owned())),
    }
}

/// The way to one output; connects when first used, and again when the connection is gone.
#[derive(Clone, Debug)]
pub(super) struct Client {
    channel: Channel,
    metadata: MetadataMap,
    timeout: Duration,
}

/// What came back.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub verdict: Verdict,
    /// What the output, or the transport, said.
    pub words: String,
}

/// The body of a request, ready to be sent any number of times.
#[derive(Clone, Debug)]
pub(super) struct Payload {
    frames: Vec<Bytes>,
    is_compressed: bool,
}

// === impl Client ===

impl Client {
    /// Must be called within a tokio runtime.
    pub(super) fn new(settings: &OtlpSettings) -> Result<Self, OutputError> {
        let endpoint = parse_endpoint(&settings.endpoint)?
            .connect_timeout(CONNECT_TIMEOUT)
            .tcp_nodelay(true)
            .tcp_keepalive(Some(KEEP_ALIVE_INTERVAL))
            .http2_keep_alive_interval(KEEP_ALIVE_INTERVAL)
            .keep_alive_timeout(KEEP_ALIVE_TIMEOUT)
            .user_agent(concat!("tidegate/", env!("CARGO_PKG_VERSION")))
            .map_err(|_| OutputError::Endpoint(settings.endpoint.clone()))?;
        let mut metadata = MetadataMap::new();
        for (name, value) in &settings.headers {
            let (key, value) = parse_header(name, value)?;
            metadata.append(key, value);
        }
        Ok(Client {
            channel: endpoint.connect_lazy(),
            metadata,
            timeout: settings.timeout,
        })
    }

    /// Sends a request once and waits for the answer, at most the timeout.
    pub(super) async fn attempt(&self, payload: &Payload) -> Answer {
        match tokio::time::timeout(self.timeout, self.call(payload)).await {
            Ok(Ok(answer)) => Answer {
                verdict: classify::response(answer),
                words: String::new(),
            },
            Ok(Err(status)) => Answer {
                verdict: classify::status(&status),
                words: words(&status),
            },
            Err(_) => Answer {
                verdict: classify::refusal(Code::DeadlineExceeded, &[], true),
                words: format!("no answer within {:?}", self.timeout),
            },
        }
    }

    async fn call(&self, payload: &Payload) -> Result<ExportLogsServiceResponse, Status> {
        let mut grpc = Grpc::new(WithBody {
            channel: self.channel.clone(),
            payload: Some(payload.clone()),
        })
        // Servers answer in the encoding that they were asked in.
        .accept_compressed(CompressionEncoding::Gzip);
        grpc.ready()
            .await
            .map_err(|e| Status::from_error(e.into()))?;
        let mut request = tonic::Request::new(());
        *request.metadata_mut() = self.metadata.clone();
        request.set_timeout(self.timeout);
        let path = http::uri::PathAndQuery::from_static(PATH);
        let answer = grpc.unary(request, path, AnswerCodec).await?;
        Ok(answer.into_inner())
    }
}

fn words(status: &Status) -> String {
    let mut words = format!("{:?}: {}", status.code(), status.message());
    let mut cause = std::error::Error::source(status);
    while let Some(error) = cause {
        let text = error.to_string();
        if !words.ends_with(&text) {
            words = format!("{words}: {text}");
        }
        cause = error.source();
    }
    words
}

// === impl Payload ===

impl Payload {
    /// A request of these payloads. Compressing takes milliseconds, so it has a thread of its own.
    pub(super) async fn new(payloads: Vec<Bytes>, gzip: bool) -> Payload {
        if !gzip {
            return Payload::framed(payloads, false);
        }
        let plain = payloads.clone();
        match tokio::task::spawn_blocking(move || compress(&plain)).await {
            Ok(Some(compressed)) => Payload::framed(vec![compressed], true),
            // It can be sent as it is all the same.
            _ => Payload::framed(payloads, false),
        }
    }

    /// gRPC puts a flag and the length in four bytes before a message.
    fn framed(payloads: Vec<Bytes>, is_compressed: bool) -> Payload {
        let length: usize = payloads.iter().map(Bytes::len).sum();
        let mut head = BytesMut::with_capacity(5);
        head.put_u8(u8::from(is_compressed));
        // Requests are bounded far below; a length that is wrong is refused by the output.
        head.put_u32(u32::try_from(length).unwrap_or(u32::MAX));
        let mut frames = vec![head.freeze()];
        frames.extend(payloads);
        Payload {
            frames,
            is_compressed,
        }
    }

    fn into_body(self) -> Body {
        let frames = self
            .frames
            .into_iter()
            .map(|f| Ok::<_, Status>(Frame::data(f)));
        Body::new(StreamBody::new(futures_util::stream::iter(frames)))
    }
}

fn compress(payloads: &[Bytes]) -> Option<Bytes> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    for payload in payloads {
        encoder.write_all(payload).ok()?;
    }
    encoder.finish().ok().map(Bytes::from)
}

// === the call: our body out, a safe answer in ===

/// A channel that sends the payload instead of what tonic encoded, which is nothing.
struct WithBody {
    channel: Channel,
    payload: Option<Payload>,
}

impl GrpcService<Body> for WithBody {
    type ResponseBody = Body;
    type Error = TransportError;
    type Future =
        Pin<Box<dyn Future<Output = Result<http::Response<Body>, TransportError>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        GrpcService::<Body>::poll_ready(&mut self.channel, context)
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let (mut head, mut body) = request.into_parts();
        if let Some(payload) = self.payload.take() {
            if payload.is_compressed {
                let gzip = HeaderValue::from_static("gzip");
                head.headers.insert("grpc-encoding", gzip);
            }
            body = payload.into_body();
        }
        let request = http::Request::from_parts(head, body);
        let answer = GrpcService::<Body>::call(&mut self.channel, request);
        Box::pin(async move {
            let (mut head, body) = answer.await?.into_parts();
            make_safe(&mut head.headers);
            let body = body.map_frame(|frame| match frame.into_trailers() {
                Ok(mut trailers) => {
                    make_safe(&mut trailers);
                    Frame::trailers(trailers)
                }
                Err(frame) => frame,
            });
            Ok(http::Response::from_parts(head, Body::new(body)))
        })
    }
}

/// tonic panics where these details are not base64, and an output may send anything.
fn make_safe(headers: &mut HeaderMap) {
    const LIKE_TONIC: GeneralPurpose = GeneralPurpose::new(
        &alphabet::STANDARD,
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
    );
    let is_bad = |value: &HeaderValue| LIKE_TONIC.decode(value.as_bytes()).is_err();
    if headers.get(DETAILS).is_some_and(is_bad) {
        headers.remove(DETAILS);
    }
}

/// Encodes nothing and decodes answers.
#[derive(Clone, Copy, Debug)]
struct AnswerCodec;

impl Codec for AnswerCodec {
    type Encode = ();
    type Decode = ExportLogsServiceResponse;
    type Encoder = AnswerCodec;
    type Decoder = AnswerCodec;

    fn encoder(&mut self) -> AnswerCodec {
        AnswerCodec
    }

    fn decoder(&mut self) -> AnswerCodec {
        AnswerCodec
    }
}

impl Encoder for AnswerCodec {
    type Item = ();
    type Error = Status;

    fn encode(&mut self, (): (), _: &mut EncodeBuf<'_>) -> Result<(), Status> {
        Ok(())
    }
}

impl Decoder for AnswerCodec {
    type Item = ExportLogsServiceResponse;
    type Error = Status;

    fn decode(&mut self, bytes: &mut DecodeBuf<'_>) -> Result<Option<Self::Item>, Status> {
        let answer = ExportLogsServiceResponse::decode(bytes);
        let unreadable = |e| Status::internal(format!("the answer cannot be read: {e}"));
        answer.map(Some).map_err(unreadable)
    }
}
