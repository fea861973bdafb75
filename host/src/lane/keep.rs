//! What a lane's plugins remember: when it is saved, and where partitions begin and end.

use super::Lane;
use crate::guests::Broken;
use crate::model::{Generation, Partition, Purpose, Work};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Takes what is remembered. It must not block.
pub trait Keeper: Send + Sync {
    /// Keeps a snapshot that has seen all before `boundary` under `generation`, once that is committed.
    fn remembered(
        &self,
        partition: &Partition,
        generation: &Generation,
        boundary: i64,
        snapshot: Vec<u8>,
    );

    /// A partition that was to be saved has been, or has nothing to be saved.
    fn saved(&self, partition: &Partition);
}

/// What the plugins of a lane remember, where it is kept.
pub struct Memory {
    /// Who keeps it.
    pub keeper: Arc<dyn Keeper>,
    /// How often a partition is saved where its memory has changed.
    pub interval: Duration,
    partitions: HashMap<Partition, Standing>,
}

struct Standing {
    generation: Generation,
    saved: Instant,
}

impl Memory {
    /// Of no partition yet.
    pub fn new(keeper: Arc<dyn Keeper>, interval: Duration) -> Self {
        Memory {
            keeper,
            interval,
            partitions: HashMap::new(),
        }
    }
}

impl Lane {
    /// Everything but batches.
    pub(super) fn keep_house(&mut self, work: Work) -> Result<(), Broken> {
        match work {
            Work::Batch(_) => {}
            Work::Begin(beginning) => {
                let partition = beginning.partition;
                self.chain
                    .begin(&partition, beginning.offset, beginning.memory);
                if let Some(memory) = &mut self.memory {
                    // Not all at once: partitions that begin together are saved one after the other.
                    let spread = memory.interval.mul_f64(fastrand::f64());
                    let now = Instant::now();
                    let standing = Standing {
                        generation: beginning.generation,
                        saved: now.checked_sub(spread).unwrap_or(now),
                    };
                    memory.partitions.insert(partition, standing);
                }
            }
            Work::Save(partition) => {
                let saved = self.save(&partition);
                if let Some(memory) = &self.memory {
                    memory.keeper.saved(&partition);
                }
                return saved;
            }
            Work::Forget(partition) => {
                self.chain.forget(&partition);
                if let Some(memory) = &mut self.memory {
                    memory.partitions.remove(&partition);
                }
            }
        }
        Ok(())
    }

    /// Saves a partition's memory after a batch, if it is time.
    pub(super) fn save_if_due(
        &mut self,
        partition: &Partition,
        batch: Purpose,
    ) -> Result<(), Broken> {
        let is_due = self.memory.as_ref().is_some_and(|memory| {
            let standing = memory.partitions.get(partition);
            standing.is_some_and(|s| s.saved.elapsed() >= memory.interval)
        });
        match is_due && batch != Purpose::Remember {
            true => self.save(partition),
            false => Ok(()),
        }
    }

    fn save(&mut self, partition: &Partition) -> Result<(), Broken> {
        let Some(memory) = &mut self.memory else {
            return Ok(());
        };
        let Some(standing) = memory.partitions.get_mut(partition) else {
            return Ok(());
        };
        standing.saved = Instant::now();
        if !self.chain.is_changed(partition) {
            return Ok(());
        }
        if let Some(snapshot) = self.chain.save(partition)? {
            let boundary = snapshot.boundary;
            let generation = &standing.generation;
            memory
                .keeper
                .remembered(partition, generation, boundary, snapshot.encode());
        }
        Ok(())
    }
}
