//! A request in two halves; pure. By chunks first, then inside a chunk.

use bytes::Bytes;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::logs::v1::{ResourceLogs, ScopeLogs};
use prost::Message;

/// Records of one chunk.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Piece {
    /// The number of the chunk in its request.
    pub chunk: usize,
    /// The encoded records.
    pub payload: Bytes,
    /// The input of each.
    pub inputs: Vec<u32>,
}

/// A request, or a half of one, or a half of a half.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Part {
    /// In the order of the request.
    pub pieces: Vec<Piece>,
    /// Whether an earlier attempt had no answer: the output may have these records.
    pub is_doubtful: bool,
}

impl Part {
    /// How many records it has.
    pub(super) fn records(&self) -> usize {
        self.pieces.iter().map(|p| p.inputs.len()).sum()
    }

    /// Its bytes before compression.
    pub(super) fn bytes(&self) -> usize {
        self.pieces.iter().map(|p| p.payload.len()).sum()
    }

    /// Two halves in order, neither empty; or the part again, where it has one record or cannot be read.
    pub(super) fn halves(mut self) -> Result<[Part; 2], Part> {
        let is_doubtful = self.is_doubtful;
        let part = |pieces| Part {
            pieces,
            is_doubtful,
        };
        if self.pieces.len() > 1 {
            let second = self.pieces.split_off(self.pieces.len() / 2);
            return Ok([part(self.pieces), part(second)]);
        }
        match self.pieces.first().and_then(halves_of_piece) {
            Some([first, second]) => Ok([part(vec![first]), part(vec![second])]),
            None => Err(self),
        }
    }
}

fn halves_of_piece(piece: &Piece) -> Option<[Piece; 2]> {
    if piece.inputs.len() < 2 {
        return None;
    }
    let request = ExportLogsServiceRequest::decode(piece.payload.clone()).ok()?;
    let scopes = request.resource_logs.iter().flat_map(|r| &r.scope_logs);
    let records: usize = scopes.map(|s| s.log_records.len()).sum();
    if records != piece.inputs.len() {
        return None;
    }
    let (first, second) = piece.inputs.split_at(records / 2);
    let halves = split(request, records / 2);
    let [a, b] = halves.map(|half| Bytes::from(half.encode_to_vec()));
    let half = |payload, inputs: &[u32]| Piece {
        chunk: piece.chunk,
        payload,
        inputs: inputs.to_vec(),
    };
    Some([half(a, first), half(b, second)])
}

/// The first `at` records and the others, each with its resource and scope.
fn split(request: ExportLogsServiceRequest, at: usize) -> [ExportLogsServiceRequest; 2] {
    let mut halves = [Vec::new(), Vec::new()];
    let mut left = at;
    for resource in request.resource_logs {
        let mut scopes = [Vec::new(), Vec::new()];
        for mut scope in resource.scope_logs {
            let first = left.min(scope.log_records.len());
            left -= first;
            let second = scope.log_records.split_off(first);
            let scope_with = |log_records| ScopeLogs {
                log_records,
                ..scope.clone()
            };
            if !second.is_empty() {
                scopes[1].push(scope_with(second));
            }
            if first > 0 {
                scopes[0].push(scope);
            }
        }
        for (half, scope_logs) in halves.iter_mut().zip(scopes) {
            if !scope_logs.is_empty() {
                half.push(ResourceLogs {
                    scope_logs,
                    resource: resource.resource.clone(),
                    schema_url: resource.schema_url.clone(),
                });
            }
        }
    }
    halves.map(|resource_logs| ExportLogsServiceRequest { resource_logs })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encode::{Limits, Select, logs};
    use crate::model::testing;
    use opentelemetry_proto::tonic::logs::v1::LogRecord;
    use opentelemetry_proto::tonic::resource::v1::Resource;
    use proptest::prelude::*;

    /// Each record with its resource, scope and input.
    fn flat(part: &Part) -> Vec<(Option<Resource>, LogRecord, usize, u32)> {
        let mut all = Vec::new();
        for piece in &part.pieces {
            let request = ExportLogsServiceRequest::decode(piece.payload.clone()).unwrap();
            let mut inputs = piece.inputs.iter();
            for resource in request.resource_logs {
                for record in resource.scope_logs.into_iter().flat_map(|s| s.log_records) {
                    let input = *inputs.next().unwrap();
                    all.push((resource.resource.clone(), record, piece.chunk, input));
                }
            }
            assert_eq!(inputs.next(), None);
        }
        all
    }

    fn part(chunks: &[Vec<testing::Record>]) -> Part {
        let limits = Limits {
            records: usize::MAX,
            bytes: usize::MAX,
        };
        let piece = |(chunk, records): (usize, &Vec<testing::Record>)| {
            let columns = testing::columns(records);
            let encoded = logs(&columns, Select::All, |_| 1, limits)
                .payloads
                .remove(0);
            Piece {
                chunk,
                payload: encoded.payload.into(),
                inputs: encoded.records,
            }
        };
        Part {
            pieces: chunks.iter().enumerate().map(piece).collect(),
            is_doubtful: true,
        }
    }

    proptest! {
        /// *Scenario:* a request of some chunks is halved until every record is alone. *Guarantees:* the singles in
        /// order are the records of the request in order, each with its resource and its input.
        #[test]
        fn singles_are_the_request(
            chunks in proptest::collection::vec(
                proptest::collection::vec(testing::record(), 1..8), 1..4),
        ) {
            let whole = part(&chunks);
            let expected = flat(&whole);
            let mut work = vec![whole];
            let mut singles = Vec::new();
            while let Some(part) = work.pop() {
                match part.halves() {
                    Ok([first, second]) => {
                        prop_assert!(first.records() > 0 && second.records() > 0);
                        prop_assert!(first.is_doubtful && second.is_doubtful);
                        work.push(second);
                        work.push(first);
                    }
                    Err(single) => {
                        prop_assert_eq!(single.records(), 1);
                        singles.extend(flat(&single));
                    }
                }
            }
            prop_assert_eq!(singles, expected);
        }
    }

    /// *Scenario:* bytes that are no request. *Guarantees:* they stay whole.
    #[test]
    fn what_cannot_be_read_is_not_halved() {
        let piece = Piece {
            chunk: 0,
            payload: Bytes::from_static(b"\xFF\xFF"),
            inputs: vec![1, 2],
        };
        let part = Part {
            pieces: vec![piece],
            is_doubtful: false,
        };
        assert_eq!(part.clone().halves(), Err(part));
    }
}
