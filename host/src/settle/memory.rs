//! What plugins remember, on its way to its topic.
//!
//! A snapshot waits here until all that it has seen is committed (saving ahead of the commit would lose an alert:
//! raised, remembered, killed before delivery), then goes to a compacted topic, the latest of a partition over the
//! ones before. A partition has at most two waiting and one being written. Owned by the settle task; one task beside
//! it writes. What cannot be written is tried again until a later one takes its place; nothing waits for it but a
//! revocation, so that the next owner finds it.

use super::ledger::Ledger;
use super::{MemorySettings, Savers};
use crate::kafka::producer::{Compression, Producer, ProducerRecord, ProducerSettings};
use crate::model::Partition;
use bytes::Bytes;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

#[cfg(test)]
pub(super) mod tests;

/// Snapshots of one partition that wait for their commit: the one that comes next, and the latest.
const WAITING_MAX: usize = 2;
/// The pause before a snapshot is tried again.
const PAUSE: Duration = Duration::from_secs(2);
/// How long closing the connection may take.
const CLOSE_LIMIT: Duration = Duration::from_secs(2);

/// A snapshot of a partition's memory.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) partition: Partition,
    /// The number of the generation under which it was made.
    pub(super) generation: u64,
    /// It has seen all before this offset.
    pub(super) boundary: i64,
    pub(super) snapshot: Vec<u8>,
}

/// What is remembered, and where it stands.
pub(super) struct Memories {
    // None: nothing is kept.
    writer: Option<mpsc::UnboundedSender<Kept>>,
    task: Option<JoinHandle<()>>,
    savers: Arc<dyn Savers>,
    // Partitions whose lane has been asked to save.
    asked: BTreeSet<Partition>,
    waiting: BTreeMap<Partition, Vec<Kept>>,
    // How many of a partition are with the writer.
    writing: BTreeMap<Partition, usize>,
}

/// Told when the writer is done with a snapshot: it has been written, or one after it.
pub(super) type Written = mpsc::UnboundedReceiver<Partition>;

/// Where snapshots are kept.
pub(super) trait Store: Send + Sync + 'static {
    /// Waits until the record is acknowledged.
    fn put(&self, key: Bytes, value: Bytes) -> impl Future<Output = Result<(), String>> + Send;
    /// Nothing comes any more.
    fn close(&self) -> impl Future<Output = ()> + Send;
}

/// The usual store.
struct ToTopic {
    producer: Producer,
    topic: String,
}

/// The key of a partition's snapshot: `PIPELINE/TOPIC/PARTITION`.
pub fn key(pipeline: &str, partition: &Partition) -> String {
    format!("{pipeline}/{}/{}", partition.topic, partition.index)
}

// === impl Memories ===

impl Memories {
    /// Starts the writer, if there is anywhere to write to.
    pub(super) fn new(
        settings: Option<MemorySettings>,
        pipeline: &str,
        savers: Arc<dyn Savers>,
    ) -> (Memories, Written) {
        match settings {
            Some(settings) => {
                let compressed = ProducerSettings {
                    compression: Compression::Lz4,
                    ..ProducerSettings::default()
                };
                let store = ToTopic {
                    producer: Producer::with(*settings.cluster, compressed),
                    topic: settings.topic,
                };
                Memories::with_store(Some(store), pipeline, savers)
            }
            None => Memories::with_store(None::<ToTopic>, pipeline, savers),
        }
    }

    /// The same with a store of the caller's.
    pub(super) fn with_store<S: Store>(
        store: Option<S>,
        pipeline: &str,
        savers: Arc<dyn Savers>,
    ) -> (Memories, Written) {
        let (done, written) = mpsc::unbounded_channel();
        let started = store.map(|store| {
            let (writer, inbox) = mpsc::unbounded_channel();
            let task = tokio::spawn(write(store, pipeline.to_owned(), inbox, done));
            (writer, task)
        });
        let (writer, task) = started.unzip();
        let memories = Memories {
            writer,
            task,
            savers,
            asked: BTreeSet::new(),
            waiting: BTreeMap::new(),
            writing: BTreeMap::new(),
        };
        (memories, written)
    }

    /// These partitions leave, or the process ends: their lanes are asked for a last snapshot.
    pub(super) fn ask(&mut self, partitions: impl IntoIterator<Item = Partition>) {
        if self.writer.is_none() {
            return;
        }
        for partition in partitions {
            if self.savers.save(&partition) {
                self.asked.insert(partition);
            }
        }
    }

    /// The lane has answered.
    pub(super) fn answered(&mut self, partition: &Partition) {
        self.asked.remove(partition);
    }

    /// Whether the lane has been asked, and has not answered.
    pub(super) fn is_asked(&self, partition: &Partition) -> bool {
        self.asked.contains(partition)
    }

    /// A snapshot has come. One of a partition that has gone meanwhile would wait for ever.
    pub(super) fn take(&mut self, ledger: &Ledger, kept: Kept) {
        if self.writer.is_none() || !ledger.is_live(&kept.partition, kept.generation) {
            return;
        }
        let waiting = self.waiting.entry(kept.partition.clone()).or_default();
        waiting.retain(|other| other.generation == kept.generation);
        waiting.truncate(WAITING_MAX - 1);
        waiting.push(kept);
    }

    /// Hands what may be kept by now to the writer.
    pub(super) fn settle(&mut self, ledger: &Ledger) {
        let Some(writer) = &self.writer else {
            return;
        };
        for (partition, waiting) in &mut self.waiting {
            // One at a time: what comes meanwhile takes the place of what waits.
            if self.writing.contains_key(partition) {
                continue;
            }
            let is_settled =
                |kept: &Kept| ledger.is_settled(&kept.partition, kept.generation, kept.boundary);
            let Some(latest) = waiting.iter().rposition(is_settled) else {
                continue;
            };
            let kept = waiting.drain(..=latest).next_back();
            if let Some(kept) = kept {
                let partition = kept.partition.clone();
                // The writer is gone only if it broke; then replays are longer, and nothing is lost.
                if writer.send(kept).is_ok() {
                    *self.writing.entry(partition).or_default() += 1;
                }
            }
        }
        self.waiting.retain(|_, waiting| !waiting.is_empty());
    }

    /// The writer is done with one.
    pub(super) fn written(&mut self, partition: &Partition) {
        if let Some(writing) = self.writing.get_mut(partition) {
            *writing = writing.saturating_sub(1);
            if *writing == 0 {
                self.writing.remove(partition);
            }
        }
    }

    /// Whether any is being written.
    pub(super) fn is_writing(&self, partition: &Partition) -> bool {
        self.writing.contains_key(partition)
    }

    /// Nothing more comes: waits until the writer has closed its connection, if that does not take too long.
    pub(super) async fn end(&mut self) {
        drop(self.writer.take());
        if let Some(task) = self.task.take() {
            let _ = timeout(CLOSE_LIMIT, task).await;
        }
    }

    /// The partition is not ours any more: what waits would never be committed.
    pub(super) fn forget(&mut self, partition: &Partition) {
        self.asked.remove(partition);
        self.waiting.remove(partition);
    }
}

/// Writes what comes, one partition after the other, the latest of each; until no more comes.
async fn write<S: Store>(
    store: S,
    pipeline: String,
    mut inbox: mpsc::UnboundedReceiver<Kept>,
    done: mpsc::UnboundedSender<Partition>,
) {
    let mut queue: BTreeMap<Partition, Kept> = BTreeMap::new();
    let tell = |partition: Partition| {
        // Settle has ended: then nobody waits for it.
        let _ = done.send(partition);
    };
    loop {
        if queue.is_empty() {
            match inbox.recv().await {
                Some(kept) => drop(queue.insert(kept.partition.clone(), kept)),
                None => break,
            }
        }
        while let Ok(kept) = inbox.try_recv() {
            if let Some(before) = queue.insert(kept.partition.clone(), kept) {
                tell(before.partition);
            }
        }
        let Some((partition, kept)) = queue.pop_first() else {
            continue;
        };
        let key = Bytes::from(key(&pipeline, &partition));
        let bytes = kept.snapshot.len();
        match store.put(key, Bytes::copy_from_slice(&kept.snapshot)).await {
            Ok(()) => tell(partition),
            Err(reason) => {
                tracing::error!(pipeline, %partition, bytes, reason,
                    "what plugins remember of a partition cannot be kept, trying again; until then a restart sees more records again");
                sleep(PAUSE).await;
                // One that came meanwhile takes its place.
                queue.entry(partition).or_insert(kept);
                if inbox.is_closed() {
                    break;
                }
            }
        }
    }
    store.close().await;
}

impl Store for ToTopic {
    async fn put(&self, key: Bytes, value: Bytes) -> Result<(), String> {
        let record = ProducerRecord {
            key: Some(key),
            value: Some(value),
            ..ProducerRecord::default()
        };
        let sent = self.producer.send(&self.topic, record).await;
        sent.map_err(|error| format!("topic {}: {error}", self.topic))
    }

    async fn close(&self) {
        self.producer.close(CLOSE_LIMIT).await;
    }
}
