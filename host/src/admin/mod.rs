//! The HTTP endpoint for orchestrators and Prometheus: `/livez`, `/readyz`, `/metrics`.
//!
//! One task accepts, one task a connection answers, at most [`CONNECTIONS_MAX`] at a time, each for at most
//! [`CONNECTION_TIME_MAX`]. It reads what stages report and changes nothing.

use crate::telemetry::{Readiness, Registry};
use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinHandle;

/// Connections at a time; further ones wait.
pub const CONNECTIONS_MAX: usize = 64;
/// How long one connection may last; each carries one request.
pub const CONNECTION_TIME_MAX: Duration = Duration::from_secs(10);
/// How long the head of a request may take.
const HEAD_TIME_MAX: Duration = Duration::from_secs(5);
/// Bytes of the head of a request.
const HEAD_BYTES_MAX: usize = 16 << 10;
/// The pause after a connection could not be accepted, for the system is out of something.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What the endpoint tells of.
#[derive(Clone, Debug)]
pub struct State {
    /// `/metrics`.
    pub registry: Registry,
    /// `/readyz`.
    pub readiness: Readiness,
}

/// The running endpoint. Dropping it ends it.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    task: JoinHandle<()>,
}

/// Why the endpoint cannot start.
#[derive(Debug, thiserror::Error)]
#[error(
    "admin.listen is {address}, but nothing can listen there ({cause}); take a free port, or write admin: off"
)]
pub struct BindError {
    /// Where it should have listened.
    pub address: SocketAddr,
    /// What the system says.
    pub cause: io::Error,
}

/// Starts the endpoint on the current runtime.
///
/// # Errors
/// The address is taken or not one of this machine.
pub async fn start(listen: SocketAddr, state: State) -> Result<Server, BindError> {
    let bound = async {
        let listener = TcpListener::bind(listen).await?;
        Ok((listener.local_addr()?, listener))
    };
    let (address, listener) = bound.await.map_err(|cause: io::Error| BindError {
        address: listen,
        cause,
    })?;
    tracing::info!(%address, "admin endpoint listens");
    let task = tokio::spawn(accept(listener, Arc::new(state)));
    Ok(Server { address, task })
}

async fn accept(listener: TcpListener, state: Arc<State>) {
    let room = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    // The semaphore is never closed.
    while let Ok(permit) = room.clone().acquire_owned().await {
        match listener.accept().await {
            Ok((stream, _)) => {
                tokio::spawn(serve(stream, state.clone(), permit));
            }
            Err(error) => {
                tracing::warn!(%error, "admin endpoint cannot accept");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn serve(stream: TcpStream, state: Arc<State>, _room: OwnedSemaphorePermit) {
    let service = service_fn(move |request| {
        let response = answer(&request, &state);
        async move { Ok::<_, Infallible>(response) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIME_MAX)
        .max_buf_size(HEAD_BYTES_MAX)
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), service);
    // A client that goes away is its own affair.
    let _ = tokio::time::timeout(CONNECTION_TIME_MAX, connection).await;
}

fn answer(request: &Request<Incoming>, state: &State) -> Response<Full<Bytes>> {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return text(StatusCode::METHOD_NOT_ALLOWED, "only GET\n".to_owned());
    }
    match request.uri().path() {
        "/" => text(StatusCode::OK, index()),
        "/livez" => text(StatusCode::OK, "alive\n".to_owned()),
        "/readyz" => ready(&state.readiness.reasons()),
        "/metrics" => metrics(&state.registry),
        _ => text(StatusCode::NOT_FOUND, index()),
    }
}

fn index() -> String {
    let version = env!("CARGO_PKG_VERSION");
    format!(
        "tidegate {version}\n\n/livez    the process answers\n/readyz   it does its work\n/metrics  for Prometheus\n"
    )
}

fn ready(reasons: &[(String, String)]) -> Response<Full<Bytes>> {
    if reasons.is_empty() {
        return text(StatusCode::OK, "ready\n".to_owned());
    }
    let lines = reasons
        .iter()
        .map(|(name, reason)| format!("{name}: {reason}\n"));
    text(StatusCode::SERVICE_UNAVAILABLE, lines.collect())
}

fn metrics(registry: &Registry) -> Response<Full<Bytes>> {
    match registry.text() {
        Ok(body) => {
            let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
            response(StatusCode::OK, kind, body)
        }
        Err(_) => text(StatusCode::INTERNAL_SERVER_ERROR, "no metrics\n".to_owned()),
    }
}

fn text(status: StatusCode, body: String) -> Response<Full<Bytes>> {
    response(status, "text/plain; charset=utf-8", body)
}

fn response(status: StatusCode, kind: &'static str, body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    let kind = http::HeaderValue::from_static(kind);
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

// === impl Server ===

impl Server {
    /// Where it listens: the port that was found where 0 was asked for.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

#[cfg(test)]
mod tests;
