//! A lane whose plugin breaks when it is to be saved.

use super::*;
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use tidegate::lane::{Keeper, Lane, Memory};
use tidegate::model::{
    Beginning, Door, End, Gauge, Generation, Leg, Outcome, Purpose, RawBatch, Receipt, Work,
};

/// Notes what a lane says, in order.
#[derive(Default)]
struct Noted(Mutex<Vec<String>>);

impl Noted {
    fn note(&self, what: String) {
        self.0.lock().unwrap().push(what);
    }
}

impl Keeper for Noted {
    fn remembered(&self, _: &Partition, _: &Generation, boundary: i64, _: Vec<u8>) {
        self.note(format!("kept {boundary}"));
    }

    fn saved(&self, _: &Partition) {
        self.note("saved".into());
    }
}

impl Door for Noted {
    fn answer(&self, outcome: Outcome) {
        let is_closed = matches!(outcome.end, End::Closed(_));
        let how = if is_closed { "closed" } else { "not closed" };
        self.note(format!("{how} {}", outcome.receipt.end));
    }
}

/// *Scenario:* an enricher that may not be left out (`on_fault: dead_letter`) breaks each time its partition is to be saved:
/// after a batch, and when the partition is to leave.
/// *Guarantees:* what was delivered before is settled, the batch after which it broke too; then the lane says that the
/// plugin is broken and delivers nothing more; whoever waits for the partition to be saved is answered; nothing is kept but
/// what was good.
#[test]
fn a_lane_whose_plugin_cannot_be_saved_holds() {
    let engine = Engine::new(None).unwrap();
    let mut settings = settings("unsaved");
    settings.limits.faults_per_minute = 1;
    let mut members = members(&[], &[]);
    members.enrich = vec![member(&engine, &settings)];
    let noted = Arc::new(Noted::default());
    let (lane_broken, keeper) = (noted.clone(), noted.clone());
    let lane = Lane {
        facts: Facts {
            wanted: Vec::new(),
            group: "g".into(),
        },
        chain: chain(&members),
        memory: Some(Memory::new(keeper, Duration::ZERO)),
        destinations: Vec::new(),
        max_in_flight_bytes: 1 << 20,
        metrics: Default::default(),
        on_broken: Box::new(move |broken| lane_broken.note(format!("broken {}", broken.plugin))),
    };
    let generation = Generation::begin();
    let (work, queue) = channel();
    let begin = Beginning {
        partition: partition(0),
        generation: generation.clone(),
        offset: 0,
        memory: None,
    };
    work.send(Work::Begin(Box::new(begin))).unwrap();
    for (start, line) in ["good", "POISON", "POISON", "good"].into_iter().enumerate() {
        let raw = raw(0, start as i64, &[line.into()]);
        let receipt = Receipt {
            partition: partition(0),
            generation: generation.clone(),
            start: start as i64,
            end: start as i64 + 1,
        };
        let leg = Leg::open(receipt, raw, Gauge::default().hold(1), noted.clone());
        let purpose = Purpose::Deliver;
        work.send(Work::Batch(RawBatch { leg, purpose })).unwrap();
    }
    work.send(Work::Save(partition(0))).unwrap();
    drop(work);
    lane.run(&queue);
    let noted = noted.0.lock().unwrap();
    // The last is read again: it was held until the lane ended.
    let expected = [
        "closed 1",
        "kept 1",
        "closed 2",
        "closed 3",
        "broken unsaved",
        "saved",
        "not closed 4",
    ];
    assert_eq!(*noted, expected);
}
