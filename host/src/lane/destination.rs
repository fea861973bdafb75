//! From what the plugins answered to the outputs: the records of one route, encoded once.

use crate::encode::otlp::{self, Limits, Select};
use crate::export::Outlet;
use crate::guests::Answer;
use crate::model::{Chunk, Leg, RawRecords};
use bytes::Bytes;

/// The outputs of one route.
pub struct Destination {
    /// One an output.
    pub outlets: Vec<Outlet>,
    /// The tightest limits of the outputs' requests.
    pub limits: Limits,
}

impl Destination {
    /// Encodes the records of one route, once for all its outputs, and sends each output its chunks.
    pub(super) fn send(&self, leg: &Leg, raw: &RawRecords, answer: &Answer, route: u32) {
        let chosen;
        let select = match answer.route.as_slice() {
            [] if route == 0 => Select::All,
            [] => return,
            routes => {
                let of = |(record, r): (usize, &u32)| (*r == route).then_some(record as u32);
                chosen = routes
                    .iter()
                    .enumerate()
                    .filter_map(of)
                    .collect::<Vec<u32>>();
                Select::Records(&chosen)
            }
        };
        let input = |record: usize| answer.input.get(record).copied().unwrap_or(0);
        let observed = |record| {
            raw.timestamp_ms
                .get(input(record) as usize)
                .copied()
                .unwrap_or(-1)
        };
        for encoded in otlp::logs(&answer.columns, select, observed, self.limits).payloads {
            let payload = Bytes::from(encoded.payload);
            let inputs: Vec<u32> = encoded.records.iter().map(|r| input(*r as usize)).collect();
            for outlet in &self.outlets {
                let (payload, inputs) = (payload.clone(), inputs.clone());
                outlet.send(Chunk {
                    leg: leg.fork(),
                    payload,
                    inputs,
                });
            }
        }
    }
}
