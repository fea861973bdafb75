//! The loop against a broker in this process, with a ledger and lanes of the tests' own.

use super::*;
use crate::kafka::Committer;
use crate::kafka::testing::FakeKafka;
use crate::model::{End, Outcome};
use crate::settle::Directive;
use crate::telemetry::Readiness;
use crate::telemetry::metrics::PipelineMetrics;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::watch;
use tokio::task::JoinHandle;

mod faults;
mod journey;
mod ticks;

const LIMIT: Duration = Duration::from_secs(30);
/// How often a test asks whether something is so.
const LOOK_AGAIN: Duration = Duration::from_millis(5);

pub(super) fn settings(broker: &str) -> Settings {
    Settings {
        pipeline: "test".into(),
        cluster: ClusterSettings {
            name: "main".into(),
            brokers: vec![broker.into()],
            client_id: "tidegate-test".into(),
            request_timeout: Duration::from_secs(5),
            connect_timeout: Duration::from_secs(5),
        },
        group_id: "group".into(),
        group_instance_id: None,
        topics: vec!["logs".into()],
        topic_patterns: Vec::new(),
        exclude_topics: Vec::new(),
        start: Start::Earliest,
        read_committed: true,
        session_timeout: Duration::from_secs(10),
        heartbeat_interval: Duration::from_millis(50),
        max_poll_interval: Duration::from_secs(300),
        drain_timeout: Duration::from_secs(5),
        metadata_interval: Duration::from_millis(100),
        max_partition_fetch_bytes: 256 << 10,
        fetch_max_bytes: 8 << 20,
        batch: BatchLimits {
            records: 10,
            bytes: 1 << 20,
            linger: Duration::from_millis(5),
        },
        max_in_flight_bytes: 64 << 20,
        facts: Facts {
            wanted: Vec::new(),
            group: "group".into(),
        },
        memory: None,
        tick_after: None,
        until_end: true,
    }
}

// === A ledger that holds what it is told against itself ===

#[derive(Clone)]
struct FakeSettle {
    ledger: Arc<Mutex<Ledger>>,
    committer: Committer,
    directives: UnboundedSender<Directive>,
}

#[derive(Default)]
struct Ledger {
    owned: HashMap<Partition, Entry>,
    read: BTreeMap<Partition, Vec<i64>>,
    revoked: usize,
}

struct Entry {
    generation: Generation,
    committable: i64,
    begun: i64,
    closed: BTreeMap<i64, i64>,
}

impl FakeSettle {
    fn new() -> (FakeSettle, UnboundedReceiver<Directive>) {
        let (directives, receiver) = unbounded_channel();
        let settle = FakeSettle {
            ledger: Arc::default(),
            committer: Committer::default(),
            directives,
        };
        (settle, receiver)
    }

    async fn commit(&self) {
        let ledger = |l: &Ledger| {
            l.owned
                .iter()
                .map(|(p, e)| (p.clone(), e.committable))
                .collect::<Vec<_>>()
        };
        let offsets = ledger(&self.ledger.lock().unwrap());
        let _ = self.committer.commit(offsets).await;
    }

    fn read(&self) -> BTreeMap<Partition, Vec<i64>> {
        self.ledger.lock().unwrap().read.clone()
    }

    fn count(&self) -> usize {
        self.read().values().map(Vec::len).sum()
    }
}

impl Door for FakeSettle {
    fn answer(&self, outcome: Outcome) {
        let mut ledger = self.ledger.lock().unwrap();
        let Outcome {
            receipt, raw, end, ..
        } = outcome;
        let Ledger { owned, read, .. } = &mut *ledger;
        let entry = owned.get_mut(&receipt.partition);
        let Some(entry) = entry.filter(|e| e.generation.number() == receipt.generation.number())
        else {
            return;
        };
        match end {
            End::Closed(_) => {
                entry.closed.insert(receipt.start, receipt.end);
                while let Some(end) = entry.closed.remove(&entry.committable) {
                    entry.committable = end;
                }
                read.entry(receipt.partition)
                    .or_default()
                    .extend(&raw.offset);
            }
            End::Abandoned => {
                entry.generation.end();
                let offset = entry.committable;
                let partition = receipt.partition;
                let _ = self
                    .directives
                    .send(Directive::ReadAgain { partition, offset });
            }
            End::Cancelled => {}
        }
    }
}

impl Settle for FakeSettle {
    fn assigned(&self, partition: &Partition, generation: &Generation, position: i64, _: bool) {
        let entry = Entry {
            generation: generation.clone(),
            committable: position,
            begun: position,
            closed: BTreeMap::new(),
        };
        let old = self
            .ledger
            .lock()
            .unwrap()
            .owned
            .insert(partition.clone(), entry);
        assert!(
            old.is_none_or(|old| old.generation.has_ended()),
            "two generations at once"
        );
    }

    fn begin(&self, receipt: &Receipt) {
        let mut ledger = self.ledger.lock().unwrap();
        let entry = ledger
            .owned
            .get_mut(&receipt.partition)
            .expect("a partition that is ours");
        assert_eq!(entry.generation.number(), receipt.generation.number());
        assert_eq!(entry.begun, receipt.start, "ranges join");
        entry.begun = receipt.end;
    }

    fn idle(&self, partition: &Partition, _: &Generation, end: i64) {
        let mut ledger = self.ledger.lock().unwrap();
        let entry = ledger
            .owned
            .get_mut(partition)
            .expect("a partition that is ours");
        entry.closed.insert(entry.begun, end);
        entry.begun = end;
        while let Some(end) = entry.closed.remove(&entry.committable) {
            entry.committable = end;
        }
    }

    async fn revoke(&self, partitions: Vec<Partition>, _: Duration) {
        self.commit().await;
        self.lost(partitions);
    }

    fn lost(&self, partitions: Vec<Partition>) {
        let mut ledger = self.ledger.lock().unwrap();
        ledger.revoked += 1;
        for partition in partitions {
            if let Some(entry) = ledger.owned.remove(&partition) {
                entry.generation.end();
            }
        }
    }
}

// === One gateway under test ===

struct Member {
    settle: FakeSettle,
    metrics: Arc<PipelineMetrics>,
    readiness: Readiness,
    stop: watch::Sender<bool>,
    task: JoinHandle<Result<Stopped, Fatal>>,
}

fn close_at_once(_: &Partition, batch: RawBatch) {
    batch.leg.close();
}

impl Member {
    fn start(settings: Settings, lanes: impl Lanes + 'static) -> Member {
        let (settle, directives) = FakeSettle::new();
        let (stop, stopped) = watch::channel(false);
        let metrics = Arc::new(PipelineMetrics::default());
        let committer = settle.committer.clone();
        let readiness = Readiness::default();
        let mut intake = Intake::new(
            settings,
            settle.clone(),
            directives,
            lanes,
            committer,
            metrics.clone(),
            readiness.condition("kafka"),
        );
        let ledger = settle.clone();
        let task = tokio::spawn(async move {
            let ended = intake.run(stopped).await;
            ledger.commit().await;
            intake.leave(Duration::from_secs(5)).await;
            ended
        });
        Member {
            settle,
            metrics,
            readiness,
            stop,
            task,
        }
    }

    async fn ended(&mut self) -> Result<Stopped, Fatal> {
        let ended = tokio::time::timeout(LIMIT, &mut self.task).await;
        ended.expect("it ends in time").expect("no panic")
    }

    async fn stop(mut self) {
        self.stop.send(true).unwrap();
        assert_eq!(self.ended().await.unwrap(), Stopped::Asked);
    }
}

async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let waiting = async {
        let mut again = tokio::time::interval(LOOK_AGAIN);
        while !is_so() {
            again.tick().await;
        }
    };
    tokio::time::timeout(LIMIT, waiting)
        .await
        .unwrap_or_else(|_| panic!("not in time: {what}"));
}

fn logs(index: i32) -> Partition {
    Partition::new("logs", index)
}

async fn filled(partitions: i32, records: usize) -> FakeKafka {
    let fake = FakeKafka::start().await;
    fake.create("logs", partitions);
    for index in 0..partitions {
        fake.produce("logs", index, records).await;
    }
    fake
}
