//! From what the plugins answered to the outputs: the records of some routes, encoded once.

use crate::encode::otlp::{self, Limits, Logs, Select};
use crate::export::Outlet;
use crate::guests::Answer;
use crate::model::{Chunk, Leg, RawRecords};
use bytes::Bytes;

/// Outputs that get the records of the same routes. An output is in one destination only: were it in several, the
/// records of one resource would reach it out of order.
pub struct Destination {
    /// The routes: 0 for records that no plugin routed, else 1 + the number of the route.
    pub routes: Vec<u32>,
    /// One an output.
    pub outlets: Vec<Outlet>,
    /// The tightest limits of the outputs' requests.
    pub limits: Limits,
}

impl Destination {
    /// Encodes the records of the routes, in their order, once for all outputs.
    pub(super) fn encode(&self, raw: &RawRecords, answer: &Answer) -> Logs {
        let chosen: Vec<u32>;
        let select = match answer.route.as_slice() {
            [] if self.routes.contains(&0) => Select::All,
            [] => return Logs::default(),
            routes => {
                let of = |(record, route): (usize, &u32)| {
                    self.routes.contains(route).then_some(record as u32)
                };
                chosen = routes.iter().enumerate().filter_map(of).collect();
                Select::Records(&chosen)
            }
        };
        let observed = |record: usize| {
            let input = answer.input.get(record).map_or(0, |i| *i as usize);
            raw.timestamp_ms.get(input).copied().unwrap_or(-1)
        };
        otlp::logs(&answer.columns, select, observed, self.limits)
    }

    /// Sends each output its chunks.
    pub(super) fn send(&self, leg: &Leg, logs: Logs, answer: &Answer) {
        for encoded in logs.payloads {
            let payload = Bytes::from(encoded.payload);
            let input = |record: &u32| answer.input.get(*record as usize).copied().unwrap_or(0);
            let inputs: Vec<u32> = encoded.records.iter().map(input).collect();
            for outlet in &self.outlets {
                outlet.send(Chunk {
                    leg: leg.fork(),
                    payload: payload.clone(),
                    inputs: inputs.clone(),
                });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Partition;
    use crate::model::testing::{self, Record, Value};

    /// *Scenario:* records of one batch go by turns to no route, to one and to another; one output gets the first two.
    /// *Guarantees:* promise 3: its records are in their order, whichever routes they took; another output gets its
    /// own alone.
    #[test]
    fn promise_3_records_of_several_routes_keep_their_order() {
        let record = |n: usize| Record {
            seconds: 1,
            nanos: 0,
            severity: 0,
            severity_text: String::new(),
            body: Value::Text(n.to_string()),
            trace: None,
            attributes: Vec::new(),
        };
        let records: Vec<_> = (0..6).map(record).collect();
        let answer = Answer {
            columns: testing::columns(&records),
            input: (0..6).collect(),
            route: vec![1, 0, 2, 1, 0, 2],
            ..Answer::default()
        };
        let raw = RawRecords::new(Partition::new("logs", 0));
        let encoded = |routes: &[u32]| -> Vec<u32> {
            let destination = Destination {
                routes: routes.to_vec(),
                outlets: Vec::new(),
                limits: Limits {
                    records: usize::MAX,
                    bytes: usize::MAX,
                },
            };
            let payloads = destination.encode(&raw, &answer).payloads.into_iter();
            payloads.flat_map(|p| p.records).collect()
        };
        assert_eq!(encoded(&[0, 1]), [0, 1, 3, 4]);
        assert_eq!(encoded(&[2]), [2, 5]);
    }
}
