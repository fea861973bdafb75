//! Where a batch came from, who owned it then, and how much memory is in flight.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

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
    ended: Arc<AtomicBool>,
}

impl Generation {
    /// A new one, with a number that no other has in this process.
    pub fn begin() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        Generation {
            number: NEXT.fetch_add(1, Ordering::Relaxed),
            ended: Arc::default(),
        }
    }

    /// Its number.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// No batch of it is begun from now on, and no request of it is attempted again.
    pub fn end(&self) {
        self.ended.store(true, Ordering::Release);
    }

    /// Whether it has ended.
    pub fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Acquire)
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
}

impl Gauge {
    /// A gauge of one more partition that adds to the same total.
    pub fn sibling(&self) -> Gauge {
        Gauge {
            partition: Arc::default(),
            total: self.total.clone(),
        }
    }

    /// Counts `bytes` until the answer is dropped.
    pub fn hold(&self, bytes: usize) -> Held {
        self.partition.fetch_add(bytes, Ordering::Relaxed);
        self.total.fetch_add(bytes, Ordering::Relaxed);
        Held {
            bytes,
            gauge: self.clone(),
        }
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

/// Bytes that count as in flight until this is dropped.
#[derive(Debug)]
pub struct Held {
    bytes: usize,
    gauge: Gauge,
}

impl Drop for Held {
    fn drop(&mut self) {
        self.gauge
            .partition
            .fetch_sub(self.bytes, Ordering::Relaxed);
        self.gauge.total.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}
