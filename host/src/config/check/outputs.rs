//! Outputs as meant: addresses, headers, requests, retries.

use super::{ByName, Checker, bounds};
use crate::config::OutputSettings;
use crate::config::file::{Compression, File, OnPartialSuccess, Otlp, RequestBatch, Retry};
use crate::config::problem::{Field, field};
use crate::config::units::Size;
use crate::export::{OtlpSettings, PartialSuccess, RequestLimits, RetrySettings};
use crate::kafka::ClusterSettings;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// The size of a request; the bytes of a message in gRPC are counted in 32 bits.
const REQUEST_BYTES: (Size, Size) = (Size::kib(4), Size::mib(1024));
/// A wait for more records.
pub(super) const LINGER: (Duration, Duration) = (Duration::ZERO, Duration::from_secs(60));
/// One attempt, or one pause between two.
const ATTEMPT: (Duration, Duration) = (Duration::from_millis(10), bounds::HOUR);
/// Header names that gRPC gives a meaning of its own.
const RESERVED: [&str; 5] = ["content-type", "te", "host", "connection", "user-agent"];

impl Checker<'_> {
    pub(super) fn outputs(
        &mut self,
        file: &File,
        clusters: &ByName<ClusterSettings>,
    ) -> ByName<Arc<OutputSettings>> {
        let mut all = ByName::new();
        for (name, output) in &file.outputs.0 {
            let at = field!["outputs", name];
            let settings = match (&output.otlp, &output.kafka) {
                (Some(otlp), None) => {
                    let otlp = self.otlp(name, &at.then("otlp"), otlp);
                    Some(OutputSettings::Otlp(otlp))
                }
                (None, Some(kafka)) => self.kafka(name, &at.then("kafka"), kafka, clusters),
                (Some(_), Some(_)) => {
                    let rule = "has otlp and kafka, but must have one of the two";
                    self.wrong_all(at, rule, "make two outputs of it");
                    None
                }
                (None, None) => {
                    // What is written there and has a problem of its own was taken out.
                    let root = self.root;
                    let is_stated = |key: &&str| {
                        let node = root.get(&at.then(*key));
                        node.is_some_and(|n| !n.is_nothing())
                    };
                    if !root.keys(&at).iter().any(is_stated) {
                        let remedy = "add otlp: { endpoint: ADDRESS } or kafka: { cluster: NAME, topic: NAME }";
                        self.wrong_all(at, "must have otlp or kafka", remedy);
                    }
                    None
                }
            };
            all.extend(settings.map(|s| (name.clone(), Arc::new(s))));
        }
        all
    }

    fn otlp(&mut self, name: &str, at: &Field, otlp: &Otlp) -> OtlpSettings {
        OtlpSettings {
            name: name.to_owned(),
            endpoint: self.endpoint(at.then("endpoint"), &otlp.endpoint),
            gzip: otlp.compression == Compression::Gzip,
            headers: self.headers(&at.then("headers"), &otlp.headers),
            timeout: self.time(at.then("timeout"), otlp.timeout, ATTEMPT),
            request: self.request(&at.then("batch"), &otlp.batch),
            max_in_flight_requests: otlp.max_in_flight_requests as usize,
            retry: self.retry(&at.then("retry"), &otlp.retry),
            partial_success: match otlp.on_partial_success {
                OnPartialSuccess::DeadLetter => PartialSuccess::DeadLetter,
                OnPartialSuccess::Count => PartialSuccess::Count,
            },
        }
    }

    fn endpoint(&mut self, at: Field, written: &str) -> String {
        let (rule, remedy) = match endpoint_fault(written) {
            Some(fault) => fault,
            None => return written.trim_end_matches('/').to_owned(),
        };
        self.wrong(at, written, rule, remedy);
        written.to_owned()
    }

    fn headers(&mut self, at: &Field, written: &BTreeMap<String, String>) -> Vec<(String, String)> {
        let mut headers = Vec::new();
        for (name, value) in written {
            let lower = name.to_ascii_lowercase();
            if http::HeaderName::from_bytes(name.as_bytes()).is_err() {
                self.wrong_all(at.then(name), "is no proper header name", "");
            } else if lower.starts_with("grpc-") || RESERVED.contains(&lower.as_str()) {
                self.wrong_all(at.then(name), "belongs to gRPC itself", "leave it out");
            } else if lower.ends_with("-bin") {
                let remedy = "take a name that does not end so";
                self.wrong_all(
                    at.then(name),
                    "must not end in -bin: values are texts",
                    remedy,
                );
            } else if http::HeaderValue::from_str(value).is_err() {
                let rule = "must be one line of visible characters";
                self.wrong(at.then(name), "(hidden)", rule, "");
            }
            headers.push((lower, value.clone()));
        }
        headers
    }

    fn request(&mut self, at: &Field, batch: &RequestBatch) -> RequestLimits {
        RequestLimits {
            records: batch.max_records as usize,
            bytes: self
                .size(at.then("max_bytes"), batch.max_bytes, REQUEST_BYTES)
                .bytes(),
            linger: self.time(at.then("linger"), batch.linger, LINGER),
        }
    }

    pub(super) fn retry(&mut self, at: &Field, retry: &Retry) -> RetrySettings {
        if retry.initial > retry.max {
            self.must_stay_under(
                (at.then("initial"), retry.initial),
                (at.then("max"), retry.max),
                ("at most", retry.max),
            );
        }
        RetrySettings {
            initial: self.time(at.then("initial"), retry.initial, ATTEMPT),
            max: self.time(at.then("max"), retry.max, ATTEMPT),
            multiplier: retry.multiplier,
            jitter: retry.jitter,
        }
    }
}

/// What is wrong with an endpoint, and what to do.
fn endpoint_fault(written: &str) -> Option<(&'static str, &'static str)> {
    let like = "write it like http://localhost:4317";
    let Ok(uri) = written.parse::<http::Uri>() else {
        return Some(("must be http://host:port", like));
    };
    let plain_host = uri.authority().is_some_and(|a| !a.as_str().contains('@'));
    match uri.scheme_str() {
        Some("https") => Some((
            "https is not supported yet",
            "use http:// to a collector on a network that you trust",
        )),
        Some("http") if !plain_host => Some(("must name a host and nothing before it", like)),
        Some("http") if uri.port_u16().is_none_or(|p| p == 0) => {
            Some(("must name a port", "OTLP over gRPC usually has 4317"))
        }
        Some("http") if uri.path() != "/" || uri.query().is_some() => Some((
            "must end after the port: gRPC has no path",
            "leave the path out; OTLP over HTTP is not supported yet",
        )),
        Some("http") => None,
        _ => Some(("must begin with http://", like)),
    }
}
