//! Where a batch came from, who owned it then, and how much memory is in flight.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, AtomicUsize, Ordering};

/// One partition of one topic.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Partition {
    /// The topic's name.
    pub topic: Arc<str>,
    /// The partition's number.
    pub index: i32,
}

impl Partition {
    /// A partition by its names.
    pub fn new(topic: impl Into<Arc<str>>, index: i32) -> Self {
        Partition {
            topic: topic.into(),
            index,
        }
    }
}

impl fmt::Display for Partition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.topic, self.index)
    }
}

/// One stretch of owning a partition: from its assignment, or a seek, to its end. Answers of an ended
/// generation change nothing.
#[derive(Clone, Debug)]
pub struct Generation {
    number: u64,
    stage: Arc<AtomicU8>,
}

/// The stages of a generation; they only grow.
const DRAINING: u8 = 1;
const ENDED: u8 = 2;

impl Generation {
    /// A new one, with a number that no other has in this process.
    pub fn begin() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        Generation {
            number: NEXT.fetch_add(1, Ordering::Relaxed),
            stage: Arc::default(),
        }
    }

    /// Its number.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// No batch of it is begun from now on, and no request of it is attempted; what an output has been asked
    /// already is still answered for.
    pub fn drain(&self) {
        self.stage.fetch_max(DRAINING, Ordering::AcqRel);
    }

    /// Whether nothing more of it is begun.
    pub fn is_draining(&self) -> bool {
        self.stage.load(Ordering::Acquire) >= DRAINING
    }

    /// Its answers change nothing any more.
    pub fn end(&self) {
        self.stage.fetch_max(ENDED, Ordering::AcqRel);
    }

    /// Whether it has ended.
    pub fn has_ended(&self) -> bool {
        self.stage.load(Ordering::Acquire) >= ENDED
    }
}

/// What intake writes on a batch and settle alone reads.
#[derive(Clone, Debug)]
pub struct Receipt {
    /// The partition that it is about.
    pub partition: Partition,
    /// Who owned the partition then.
    pub generation: Generation,
    /// First offset of the range: the end of the range before.
    pub start: i64,
    /// The offset after the range: what is committed once all before it is done.
    pub end: i64,
}

/// Bytes in flight of one partition and of all partitions of a pipeline.
#[derive(Clone, Debug, Default)]
pub struct Gauge {
    partition: Arc<AtomicUsize>,
    total: Arc<AtomicUsize>,
    // Of the total, what waits for outputs.
    encoded: Arc<AtomicUsize>,
}

impl Gauge {
    /// A gauge of one more partition that adds to the same total.
    pub fn sibling(&self) -> Gauge {
        Gauge {
            partition: Arc::default(),
            total: self.total.clone(),
            encoded: self.encoded.clone(),
        }
    }

    /// Counts `bytes` until the answer is dropped.
    pub fn hold(&self, bytes: usize) -> Held {
        let held = Held {
            bytes: AtomicUsize::new(0),
            encoded: AtomicUsize::new(0),
            gauge: self.clone(),
        };
        held.count(bytes, 0);
        held
    }

    /// Bytes in flight of this partition.
    pub fn partition_bytes(&self) -> usize {
        self.partition.load(Ordering::Relaxed)
    }

    /// Bytes in flight of all partitions.
    pub fn total_bytes(&self) -> usize {
        self.total.load(Ordering::Relaxed)
    }
}

/// What anything in flight weighs at least: its receipt and its place in queues, about.
const HELD_BYTES_MIN: usize = 256;

/// Bytes that count as in flight until this is dropped.
#[derive(Debug)]
pub struct Held {
    bytes: AtomicUsize,
    // Of them, what waits for outputs.
    encoded: AtomicUsize,
    gauge: Gauge,
}

impl Held {
    /// So many bytes from now on, of which so many wait for outputs; never nothing, so that whoever looks sees that
    /// something is under way.
    pub fn count(&self, bytes: usize, encoded: usize) {
        self.set(bytes.max(HELD_BYTES_MIN), encoded);
    }

    fn set(&self, bytes: usize, encoded: usize) {
        let change = |to: usize, was: &AtomicUsize, sums: &[&AtomicUsize]| {
            // A sum grows by what is more and, wrapping, by what is less.
            let more = to.wrapping_sub(was.swap(to, Ordering::Relaxed));
            for sum in sums {
                sum.fetch_add(more, Ordering::Relaxed);
            }
        };
        let Gauge {
            partition,
            total,
            encoded: waiting,
        } = &self.gauge;
        change(bytes, &self.bytes, &[partition, total]);
        change(encoded, &self.encoded, &[waiting]);
    }

    /// Whether more than `max` bytes of the pipeline are in flight and outputs have some of them: then it
    /// helps to wait.
    pub fn is_over(&self, max: usize) -> bool {
        self.gauge.total_bytes() > max && self.gauge.encoded.load(Ordering::Relaxed) > 0
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.set(0, 0);
    }
}
