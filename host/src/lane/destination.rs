//! From what the plugins answered to the outputs: records, alerts and anomalies, encoded once.

use crate::encode::findings;
use crate::encode::kafka::{self, Form, Origin};
use crate::encode::otlp::{self, Limits, Logs, Select};
use crate::export::Outlet;
use crate::guests::Answer;
use crate::model::{Chunk, Leg, Message, RawRecords};
use bytes::Bytes;

#[cfg(test)]
mod tests;

/// Outputs that get the same, in one form. An output is in one destination only: were it in several, the
/// records of one resource would reach it out of order.
pub struct Destination {
    /// What they get.
    pub share: Share,
    /// The outputs.
    pub outlets: Outlets,
}

/// What of a batch an output gets: records in their order, then alerts and anomalies in theirs.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Share {
    /// Routes, rising: 0 for records that no plugin routed, else 1 + the number of the route.
    pub routes: Vec<u32>,
    /// Whether it gets alerts.
    pub alerts: bool,
    /// Whether it gets anomalies.
    pub anomalies: bool,
}

/// Outputs of one form.
pub enum Outlets {
    /// OTLP: one an output, and the tightest limits of their requests.
    Otlp {
        /// One an output.
        outlets: Vec<Outlet>,
        /// When a payload is full.
        limits: Limits,
    },
    /// One Kafka output.
    Kafka {
        /// The way to it.
        outlet: Outlet<Vec<Message>>,
        /// How records become its records.
        form: Form,
    },
}

/// What a destination gets of one batch.
pub(super) struct Encoded {
    payloads: Payloads,
    /// All of it.
    pub(super) bytes: usize,
    /// How many values of kind json went out as text.
    pub(super) json_as_text: usize,
}

/// Payloads with the numbers of their items.
enum Payloads {
    Otlp(Vec<(Bytes, Vec<u32>)>),
    Kafka(Vec<Message>, Vec<u32>),
}

impl Outlets {
    /// One OTLP output.
    pub fn otlp(outlet: Outlet, limits: Limits) -> Outlets {
        Outlets::Otlp {
            outlets: vec![outlet],
            limits,
        }
    }
}

impl Destination {
    /// One more OTLP output that gets the same.
    pub fn add(&mut self, outlet: Outlet, more: Limits) {
        if let Outlets::Otlp { outlets, limits } = &mut self.outlets {
            outlets.push(outlet);
            limits.records = limits.records.min(more.records);
            limits.bytes = limits.bytes.min(more.bytes);
        }
    }

    /// Encodes what its outputs get, in its order, once for all of them.
    pub(super) fn encode(&self, raw: &RawRecords, answer: &Answer) -> Encoded {
        let chosen = self.share.records(answer);
        let select = match &chosen {
            None => Select::All,
            Some(records) => Select::Records(records),
        };
        let findings = self.share.findings(answer);
        match &self.outlets {
            Outlets::Otlp { limits, .. } => otlp(raw, answer, select, &findings, *limits),
            Outlets::Kafka { form, .. } => messages(raw, answer, select, &findings, form),
        }
    }

    /// Sends each output its chunks.
    pub(super) fn send(&self, leg: &Leg, encoded: Encoded) {
        match (&self.outlets, encoded.payloads) {
            (Outlets::Otlp { outlets, .. }, Payloads::Otlp(payloads)) => {
                for (payload, inputs) in payloads {
                    for outlet in outlets {
                        outlet.send(Chunk {
                            leg: leg.fork(),
                            payload: payload.clone(),
                            inputs: inputs.clone(),
                        });
                    }
                }
            }
            (Outlets::Kafka { outlet, .. }, Payloads::Kafka(payload, inputs)) => {
                outlet.send(Chunk {
                    leg: leg.fork(),
                    payload,
                    inputs,
                });
            }
            // What was not encoded for these outputs is not theirs: dropped unclosed, it would be read again.
            _ => drop(leg.fork()),
        }
    }
}

impl Share {
    /// The records that it has, by number; none: all.
    fn records(&self, answer: &Answer) -> Option<Vec<u32>> {
        match answer.route.as_slice() {
            [] if self.routes.contains(&0) => None,
            [] => Some(Vec::new()),
            routes => {
                let of = |(record, route): (usize, &u32)| {
                    self.routes.contains(route).then_some(record as u32)
                };
                Some(routes.iter().enumerate().filter_map(of).collect())
            }
        }
    }

    /// The alerts and anomalies that it has, by number.
    fn findings(&self, answer: &Answer) -> Vec<u32> {
        let has = |is_alert| {
            if is_alert {
                self.alerts
            } else {
                self.anomalies
            }
        };
        let numbered = (0..).zip(&answer.findings);
        let of_it = numbered.filter(|(_, finding)| has(finding.is_alert()));
        of_it.map(|(number, _)| number).collect()
    }
}

fn otlp(
    raw: &RawRecords,
    answer: &Answer,
    select: Select<'_>,
    findings: &[u32],
    limits: Limits,
) -> Encoded {
    let observed = |record: usize| {
        let at = raw.timestamp_ms.get(input(answer, record));
        at.copied().unwrap_or(-1)
    };
    let records = otlp::logs(&answer.columns, select, observed, limits);
    let latest = raw.timestamp_ms.iter().max().copied().unwrap_or(-1);
    let events = match findings {
        [] => Logs::default(),
        findings => findings::events(&answer.findings, findings, latest, limits),
    };
    let bytes = records.bytes() + events.bytes();
    let json_as_text = records.json_as_text + events.json_as_text;
    let of_record = |record: &u32| input(answer, *record as usize) as u32;
    let records = records.payloads.into_iter().map(|p| {
        let items = p.records.iter().map(of_record).collect();
        (Bytes::from(p.payload), items)
    });
    let of_finding = |finding: &u32| raw.len() as u32 + finding;
    let events = events.payloads.into_iter().map(|p| {
        let items = p.records.iter().map(of_finding).collect();
        (Bytes::from(p.payload), items)
    });
    Encoded {
        payloads: Payloads::Otlp(records.chain(events).collect()),
        bytes,
        json_as_text,
    }
}

fn messages(
    raw: &RawRecords,
    answer: &Answer,
    select: Select<'_>,
    findings: &[u32],
    form: &Form,
) -> Encoded {
    let origin = |record: usize| {
        let input = input(answer, record);
        Origin {
            key: raw.key(input),
            timestamp_ms: raw.timestamp_ms.get(input).copied().unwrap_or(-1),
        }
    };
    let records = kafka::messages(&answer.columns, select, form, origin);
    let of_record = |record: &u32| input(answer, *record as usize) as u32;
    let of_finding = |finding: &u32| raw.len() as u32 + finding;
    let items = records.records.iter().map(of_record);
    let items = items.chain(findings.iter().map(of_finding)).collect();
    let found = findings
        .iter()
        .filter_map(|n| answer.findings.get(*n as usize));
    let mut messages = records.messages;
    messages.extend(found.map(kafka::finding));
    let bytes = messages.iter().map(|m| m.bytes() + size_of::<Message>());
    Encoded {
        bytes: bytes.sum(),
        payloads: Payloads::Kafka(messages, items),
        json_as_text: records.json_as_text,
    }
}

/// The input that a record came from.
fn input(answer: &Answer, record: usize) -> usize {
    answer.input.get(record).map_or(0, |input| *input as usize)
}
