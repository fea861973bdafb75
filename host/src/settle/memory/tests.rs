//! Snapshots on their way, with a store and lanes that do as they are told, on a clock that does not run.

use super::*;
use crate::model::{Generation, Receipt};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::time::timeout;

/// No lane is there.
pub(in crate::settle) struct NoLanes;

impl Savers for NoLanes {
    fn save(&self, _: &Partition) -> bool {
        false
    }
}

/// A key and a value.
type Put = (String, Vec<u8>);

/// Notes what is put, and fails as often as it is told.
#[derive(Clone, Default)]
struct Shelf {
    put: Arc<Mutex<Vec<Put>>>,
    fails: Arc<AtomicUsize>,
}

impl Store for Shelf {
    async fn put(&self, key: Bytes, value: Bytes) -> Result<(), String> {
        let left = self.fails.load(Ordering::SeqCst);
        if left > 0 {
            self.fails.store(left - 1, Ordering::SeqCst);
            return Err("away".to_owned());
        }
        let key = String::from_utf8(key.to_vec()).unwrap();
        self.put.lock().unwrap().push((key, value.to_vec()));
        Ok(())
    }

    async fn close(&self) {}
}

fn partition() -> Partition {
    Partition::new("logs", 3)
}

fn kept(generation: &Generation, boundary: i64) -> Kept {
    Kept {
        partition: partition(),
        generation: generation.number(),
        boundary,
        snapshot: boundary.to_string().into_bytes(),
    }
}

fn receipt(generation: &Generation, start: i64, end: i64) -> Receipt {
    Receipt {
        partition: partition(),
        generation: generation.clone(),
        start,
        end,
    }
}

fn commit(ledger: &mut Ledger) {
    let due = ledger.committable();
    due.iter().for_each(|due| ledger.committed(due));
}

struct House {
    memories: Memories,
    written: Written,
    shelf: Shelf,
    ledger: Ledger,
    generation: Generation,
}

fn house() -> House {
    let shelf = Shelf::default();
    let (memories, written) = Memories::with_store(Some(shelf.clone()), "shop", Arc::new(NoLanes));
    let (mut ledger, generation) = (Ledger::default(), Generation::begin());
    ledger.assigned(&partition(), &generation, 0, true);
    House {
        memories,
        written,
        shelf,
        ledger,
        generation,
    }
}

impl House {
    /// What is on the shelf once so many more snapshots are done with.
    async fn shelf_after(&mut self, done: usize) -> Vec<String> {
        for _ in 0..done {
            let limit = Duration::from_secs(60);
            let partition = timeout(limit, self.written.recv()).await.unwrap().unwrap();
            self.memories.written(&partition);
        }
        let put = self.shelf.put.lock().unwrap();
        put.iter()
            .map(|(_, value)| String::from_utf8(value.clone()).unwrap())
            .collect()
    }
}

/// *Scenario:* a snapshot of a boundary whose batch is done and committed later; then one after a tick whose alert is
/// still on its way.
/// *Guarantees:* rule 8, and what is kept never runs ahead of the commit: each is written once all that it has seen is
/// committed and the tick has closed, under the key of pipeline, topic and partition.
#[tokio::test(start_paused = true)]
async fn rule_8_memory_never_runs_ahead_of_the_commit() {
    let mut house = house();
    let batch = receipt(&house.generation, 0, 10);
    house.ledger.begin(&batch);
    house
        .memories
        .take(&house.ledger, kept(&house.generation, 10));
    house.memories.settle(&house.ledger);
    house.ledger.close(&batch);
    house.memories.settle(&house.ledger);
    assert!(!house.memories.is_writing(&partition()));
    commit(&mut house.ledger);
    house.memories.settle(&house.ledger);
    assert!(house.memories.is_writing(&partition()));
    assert_eq!(house.shelf_after(1).await, ["10"]);
    assert_eq!(house.shelf.put.lock().unwrap()[0].0, "shop/logs/3");

    let tick = receipt(&house.generation, 10, 10);
    house.ledger.begin(&tick);
    house
        .memories
        .take(&house.ledger, kept(&house.generation, 10));
    house.memories.settle(&house.ledger);
    assert!(!house.memories.is_writing(&partition()));
    house.ledger.close(&tick);
    house.memories.settle(&house.ledger);
    assert_eq!(house.shelf_after(1).await, ["10", "10"]);
}

/// *Scenario:* many snapshots while nothing is committed; then all is; the store is away twice.
/// *Guarantees:* two of a partition wait at most, the next and the latest; the latest that may be kept is written, and
/// what could not be written is tried again.
#[tokio::test(start_paused = true)]
async fn the_latest_is_kept_and_few_wait() {
    let mut house = house();
    house.shelf.fails.store(2, Ordering::SeqCst);
    for n in 1..=20 {
        let batch = receipt(&house.generation, (n - 1) * 10, n * 10);
        house.ledger.begin(&batch);
        house.ledger.close(&batch);
        house
            .memories
            .take(&house.ledger, kept(&house.generation, n * 10));
        assert!(house.memories.waiting[&partition()].len() <= WAITING_MAX);
    }
    commit(&mut house.ledger);
    house.memories.settle(&house.ledger);
    assert!(house.memories.waiting.is_empty());
    assert_eq!(house.shelf_after(1).await, ["200"]);
    assert!(!house.memories.is_writing(&partition()));
}

/// *Scenario:* a generation ends with a snapshot waiting, and another begins below it.
/// *Guarantees:* what the ended one has seen is never kept.
#[tokio::test(start_paused = true)]
async fn memory_of_an_ended_generation_is_thrown_away() {
    let mut house = house();
    let batch = receipt(&house.generation, 0, 10);
    house.ledger.begin(&batch);
    house
        .memories
        .take(&house.ledger, kept(&house.generation, 10));
    house.ledger.abandon(&batch);
    let next = Generation::begin();
    house.ledger.assigned(&partition(), &next, 0, true);
    let batch = receipt(&next, 0, 30);
    house.ledger.begin(&batch);
    house.ledger.close(&batch);
    commit(&mut house.ledger);
    house.memories.settle(&house.ledger);
    assert!(!house.memories.is_writing(&partition()));
    house.memories.take(&house.ledger, kept(&next, 30));
    house.memories.settle(&house.ledger);
    assert_eq!(house.shelf_after(1).await, ["30"]);
}

/// *Scenario:* snapshots come of a partition that has gone, and of a generation before the one that is its own now.
/// *Guarantees:* they are let go at once: nobody would ever ask for them.
#[tokio::test(start_paused = true)]
async fn what_comes_too_late_does_not_wait() {
    let mut house = house();
    house.ledger.end(&partition());
    house
        .memories
        .take(&house.ledger, kept(&house.generation, 10));
    assert!(house.memories.waiting.is_empty());
    house
        .ledger
        .assigned(&partition(), &Generation::begin(), 0, true);
    house
        .memories
        .take(&house.ledger, kept(&house.generation, 10));
    assert!(house.memories.waiting.is_empty());
}
