//! Which outputs get what, and how it is encoded for them.

use super::Outputs;
use crate::config::{OutputSettings, PipelineSettings};
use crate::encode::otlp::Limits;
use crate::export::{Output, Pump};
use crate::lane::{Destination, Outlets, Share};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Outputs by what they get: one way to an output, whatever lists and routes lead there. Two would let one
/// partition have two requests in flight, and a retry be overtaken. OTLP outputs that get the same share what is
/// encoded; each Kafka output has a form of its own.
pub(super) fn destinations(
    settings: &PipelineSettings,
    outputs: &Outputs,
    pumps: &mut Vec<Pump>,
) -> Vec<Destination> {
    let mut together: BTreeMap<Share, Destination> = BTreeMap::new();
    let mut apart = Vec::new();
    for (name, (settings, share)) in shares(settings) {
        match (outputs.get(name), &**settings) {
            (Some(Output::Otlp(output)), _) => {
                let (outlet, pump) = output.lane();
                pumps.push(pump);
                let limits = output.limits();
                let limits = Limits {
                    records: limits.records,
                    bytes: limits.bytes,
                };
                match together.get_mut(&share) {
                    Some(destination) => destination.add(outlet, limits),
                    None => {
                        let outlets = Outlets::otlp(outlet, limits);
                        together.insert(share.clone(), Destination { share, outlets });
                    }
                }
            }
            (Some(Output::Kafka(output)), OutputSettings::Kafka(_, form)) => {
                let (outlet, pump) = output.lane();
                pumps.push(pump);
                let form = form.clone();
                let outlets = Outlets::Kafka { outlet, form };
                apart.push(Destination { share, outlets });
            }
            _ => {}
        }
    }
    together.into_values().chain(apart).collect()
}

/// What each output gets, by its name.
fn shares(settings: &PipelineSettings) -> BTreeMap<&str, (&Arc<OutputSettings>, Share)> {
    let usual = std::iter::once(&settings.to_records);
    let routes = usual.chain(settings.routes.iter().map(|(_, outputs)| outputs));
    let mut shares: BTreeMap<&str, (&Arc<OutputSettings>, Share)> = BTreeMap::new();
    for (route, to) in routes.enumerate() {
        for output in to {
            let (_, share) = shares
                .entry(output.name())
                .or_insert((output, Share::default()));
            share.routes.push(route as u32);
        }
    }
    for output in &settings.to_alerts {
        let (_, share) = shares
            .entry(output.name())
            .or_insert((output, Share::default()));
        share.alerts = true;
    }
    for output in &settings.to_anomalies {
        let (_, share) = shares
            .entry(output.name())
            .or_insert((output, Share::default()));
        share.anomalies = true;
    }
    shares
}
