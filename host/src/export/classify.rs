//! What an output's answer means; pure.
//!
//! The words are those of ARCHITECTURE.md ("What an output's answer means"): a request is *done*, is *done in part*, is to be *tried again*, or it
//! was refused, and then either the output is wrong (nothing is wrong with the records: hold them) or the
//! request is (find the record that is, and let the others go on).

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceResponse;
use prost::Message;
use std::time::Duration;
use tonic::{Code, Status};

/// The longest that an output may ask to be left alone; what it asks beyond that is cut.
pub const RETRY_AFTER_MAX: Duration = Duration::from_secs(300);

/// What an answer means.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// All records are delivered.
    Done {
        /// What the output wants people to know.
        warning: Option<String>,
    },
    /// Some records are refused for good; the answer does not say which.
    DoneInPart {
        /// How many.
        rejected: u64,
        /// Why, in the output's words.
        message: String,
    },
    /// Try the same again.
    Retry {
        /// Not before this time has passed.
        after: Option<Duration>,
    },
    /// The output takes nothing as it is: hold the records until somebody has put it right.
    OutputWrong,
    /// The output refuses these records.
    RequestWrong {
        /// It may have been too large rather than bad.
        too_large: bool,
    },
}

/// What an answer without an error means.
pub fn response(answer: ExportLogsServiceResponse) -> Verdict {
    let Some(partial) = answer.partial_success else {
        return Verdict::Done { warning: None };
    };
    let message = partial.error_message;
    match u64::try_from(partial.rejected_log_records) {
        Ok(rejected) if rejected > 0 => Verdict::DoneInPart { rejected, message },
        _ => Verdict::Done {
            warning: (!message.is_empty()).then_some(message),
        },
    }
}

/// What an error means. `details` are the bytes of `grpc-status-details-bin`; `is_local` tells that no output
/// said this: the connection broke, or time was up.
pub fn refusal(code: Code, details: &[u8], is_local: bool) -> Verdict {
    let after = retry_after(details);
    if is_local {
        return Verdict::Retry { after: None };
    }
    match code {
        Code::Cancelled
        | Code::DeadlineExceeded
        | Code::Aborted
        | Code::OutOfRange
        | Code::Unavailable
        | Code::DataLoss => Verdict::Retry { after },
        Code::ResourceExhausted if after.is_some() => Verdict::Retry { after },
        Code::ResourceExhausted => Verdict::RequestWrong { too_large: true },
        Code::InvalidArgument => Verdict::RequestWrong { too_large: false },
        Code::Unauthenticated
        | Code::PermissionDenied
        | Code::Unimplemented
        | Code::NotFound
        | Code::FailedPrecondition
        // A collector says `internal` where it is not known that the records are to blame.
        | Code::Internal
        | Code::AlreadyExists
        | Code::Unknown
        // An error that says that all is well is an answer that nobody can rely on.
        | Code::Ok => Verdict::OutputWrong,
    }
}

/// [`refusal`] of a status. A status with a cause was made here, by the transport.
pub fn status(status: &Status) -> Verdict {
    let is_local = std::error::Error::source(status).is_some();
    refusal(status.code(), status.details(), is_local)
}

/// RetryInfo's delay, at most [`RETRY_AFTER_MAX`]; none where there is no RetryInfo that can be read.
fn retry_after(details: &[u8]) -> Option<Duration> {
    let status = RpcStatus::decode(details).ok()?;
    let is_retry_info = |any: &&RpcAny| any.type_url.ends_with("/google.rpc.RetryInfo");
    let info = status.details.iter().find(is_retry_info)?;
    let delay = RetryInfo::decode(info.value.as_slice()).ok()?.retry_delay;
    let delay = delay.unwrap_or_default();
    let seconds = u64::try_from(delay.seconds).unwrap_or(0);
    let nanos = u32::try_from(delay.nanos).unwrap_or(0).min(999_999_999);
    Some(Duration::new(seconds, nanos).min(RETRY_AFTER_MAX))
}

// What of google/rpc/status.proto and error_details.proto is read here.

#[derive(Clone, PartialEq, Message)]
struct RpcStatus {
    #[prost(message, repeated, tag = "3")]
    details: Vec<RpcAny>,
}

#[derive(Clone, PartialEq, Message)]
struct RpcAny {
    #[prost(string, tag = "1")]
    type_url: String,
    #[prost(bytes = "vec", tag = "2")]
    value: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
struct RetryInfo {
    #[prost(message, optional, tag = "1")]
    retry_delay: Option<RpcDuration>,
}

#[derive(Clone, Copy, PartialEq, Message)]
struct RpcDuration {
    #[prost(int64, tag = "1")]
    seconds: i64,
    #[prost(int32, tag = "2")]
    nanos: i32,
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsPartialSuccess;
    use proptest::prelude::*;

    /// `grpc-status-details-bin` with a RetryInfo.
    pub(crate) fn retry_info(seconds: i64, nanos: i32) -> Vec<u8> {
        let info = RetryInfo {
            retry_delay: Some(RpcDuration { seconds, nanos }),
        };
        let other = RpcAny {
            type_url: "type.googleapis.com/google.rpc.BadRequest".to_owned(),
            value: vec![1, 2, 3],
        };
        let any = RpcAny {
            type_url: "type.googleapis.com/google.rpc.RetryInfo".to_owned(),
            value: info.encode_to_vec(),
        };
        RpcStatus {
            details: vec![other, any],
        }
        .encode_to_vec()
    }

    /// *Scenario:* every gRPC code, and numbers that are none, without details. *Guarantees:* the table of
    /// ARCHITECTURE.md.
    #[test]
    fn every_code_has_its_meaning() {
        let retry = Verdict::Retry { after: None };
        for number in 0..=40 {
            let expected = match number {
                1 | 4 | 10 | 11 | 14 | 15 => retry.clone(),
                3 => Verdict::RequestWrong { too_large: false },
                8 => Verdict::RequestWrong { too_large: true },
                _ => Verdict::OutputWrong,
            };
            let got = refusal(Code::from_i32(number), &[], false);
            assert_eq!(got, expected, "code {number}");
        }
    }

    /// *Scenario:* every code with RetryInfo. *Guarantees:* retriable codes wait as asked; exhaustion
    /// becomes retriable; what is wrong stays wrong.
    #[test]
    fn retry_info_is_heeded() {
        let details = retry_info(2, 500_000_000);
        let asked = Verdict::Retry {
            after: Some(Duration::from_millis(2500)),
        };
        for number in 0..=16 {
            let code = Code::from_i32(number);
            let expected = match refusal(code, &[], false) {
                Verdict::Retry { .. } | Verdict::RequestWrong { too_large: true } => asked.clone(),
                other => other,
            };
            assert_eq!(refusal(code, &details, false), expected, "{code:?}");
        }
    }

    proptest! {
        /// *Scenario:* whatever bytes stand as details, and any RetryInfo. *Guarantees:* no panic, and no
        /// output can silence the gateway for longer than the named bound.
        #[test]
        fn details_are_not_trusted(
            bytes in proptest::collection::vec(any::<u8>(), 0..60),
            seconds: i64,
            nanos: i32,
        ) {
            for details in [bytes, retry_info(seconds, nanos)] {
                if let Verdict::Retry { after: Some(after) } = refusal(Code::Unavailable, &details, false) {
                    prop_assert!(after <= RETRY_AFTER_MAX);
                }
            }
        }

        /// *Scenario:* the connection breaks, whatever code the transport gave it. *Guarantees:* try again.
        #[test]
        fn a_broken_connection_is_no_refusal(number in 0..17i32) {
            let mut broken = Status::new(Code::from_i32(number), "");
            broken.set_source(std::sync::Arc::new(std::io::Error::other("reset")));
            prop_assert_eq!(status(&broken), Verdict::Retry { after: None });
        }

        /// *Scenario:* any answer without an error. *Guarantees:* refused records are told, a message without
        /// refused records is a warning, all else is plain success.
        #[test]
        fn partial_success_is_read(rejected: i64, message in "[a-z]{0,5}", is_there: bool) {
            let partial = ExportLogsPartialSuccess {
                rejected_log_records: rejected,
                error_message: message.clone(),
            };
            let answer = ExportLogsServiceResponse { partial_success: is_there.then_some(partial) };
            let expected = if is_there && rejected > 0 {
                Verdict::DoneInPart { rejected: rejected as u64, message }
            } else {
                let warning = (is_there && !message.is_empty()).then_some(message);
                Verdict::Done { warning }
            };
            prop_assert_eq!(response(answer), expected);
        }
    }
}
