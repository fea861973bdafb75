//! Looking up where partitions are to be read from.

use super::Start;
use super::recall::Recalls;
use super::start::Known;
use crate::kafka::{Cluster, Committed, Consumer, KafkaError, Offsets};
use crate::model::{Partition, Snapshot};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A partition that waits for its place.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    pub(super) partition: Partition,
    /// Which stretch of owning it asks: an answer for another is thrown away.
    pub(super) tenure: u64,
    /// Where to go on, if it is known already.
    pub(super) resume: Option<i64>,
    /// Whether a new generation will begin: then what is kept of it must be known.
    pub(super) begins: bool,
}

/// What was found out.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) partition: Partition,
    pub(super) tenure: u64,
    pub(super) known: Result<Known, KafkaError>,
    /// The end that can be read to now.
    pub(super) readable_end: i64,
    pub(super) committed: Option<i64>,
    /// What is kept of what plugins remember of it; none: nobody has looked.
    pub(super) memory: Option<Option<Snapshot>>,
}

/// Finds it out for all: a request a kind and broker. An answer for each. Dropping it does no harm.
pub(super) async fn look_up(
    cluster: Cluster,
    consumer: Consumer,
    start: Start,
    recalls: Option<Arc<Recalls>>,
    wanted: Vec<Wanted>,
) -> Vec<Found> {
    let begin = wanted.iter().filter(|w| w.begins);
    let begin: Vec<Partition> = begin.map(|w| w.partition.clone()).collect();
    let mut memories = match &recalls {
        Some(recalls) => match recalls.load(&begin).await {
            Ok(memories) => memories,
            Err(error) => return wanted.into_iter().map(|w| w.failed(&error)).collect(),
        },
        None => BTreeMap::new(),
    };
    let partitions: Vec<Partition> = wanted.iter().map(|w| w.partition.clone()).collect();
    let committed = match consumer.committed(&partitions).await {
        Ok(committed) => committed,
        Err(error) => return wanted.into_iter().map(|w| w.failed(&error)).collect(),
    };
    let oldest = consumer.starts(&partitions).await;
    let ends = consumer.ends(&partitions).await;
    let times = match start {
        Start::Timestamp(ms) => consumer.offsets_at(&partitions, ms).await,
        Start::Earliest | Start::Latest => Offsets::new(),
    };
    let mut found: Vec<Found> = wanted
        .into_iter()
        .map(|w| {
            let memory = w.begins.then(|| memories.remove(&w.partition));
            Found {
                memory,
                ..w.found(&committed, &oldest, &ends, &times)
            }
        })
        .collect();
    correct_ends(&cluster, &mut found).await;
    if let Some(recalls) = &recalls {
        recalls.begin_empty(start, &mut found).await;
    }
    found
}

/// An open transaction ends the readable log below what was committed before; only the end of the log
/// itself tells that it was cut.
async fn correct_ends(cluster: &Cluster, found: &mut [Found]) {
    let beyond: Vec<Partition> = found
        .iter()
        .filter(|f| f.known.as_ref().is_ok_and(|k| k.resume > Some(k.end)))
        .map(|f| f.partition.clone())
        .collect();
    if beyond.is_empty() {
        return;
    }
    let highs = cluster.high_watermarks(&beyond).await;
    for f in found.iter_mut().filter(|f| beyond.contains(&f.partition)) {
        let high = highs.as_ref().map(|h| h.get(&f.partition).copied());
        match (&mut f.known, high) {
            (Ok(known), Ok(Some(high))) => known.end = known.end.max(high),
            (known, Ok(None)) => *known = Err(KafkaError::unknown_offset()),
            (known, Err(error)) => *known = Err(error.clone()),
            (Err(_), _) => {}
        }
    }
}

impl Wanted {
    fn found(
        self,
        committed: &Committed,
        oldest: &Offsets,
        ends: &Offsets,
        times: &Offsets,
    ) -> Found {
        let committed = match committed.get(&self.partition) {
            Some(Ok(committed)) => *committed,
            Some(Err(error)) => return self.failed(error),
            None => return self.failed(&KafkaError::unknown_commit()),
        };
        let known = self.known(committed, oldest, ends, times);
        Found {
            readable_end: known.as_ref().map_or(0, |k| k.end),
            partition: self.partition,
            tenure: self.tenure,
            known,
            committed,
            memory: None,
        }
    }

    fn known(
        &self,
        committed: Option<i64>,
        oldest: &Offsets,
        ends: &Offsets,
        times: &Offsets,
    ) -> Result<Known, KafkaError> {
        let of = |offsets: &Offsets| match offsets.get(&self.partition) {
            Some(answer) => answer.clone(),
            None => Err(KafkaError::unknown_offset()),
        };
        let at_time = match times.get(&self.partition) {
            Some(answer) => Some(answer.clone()?).filter(|offset| *offset >= 0),
            None => None,
        };
        Ok(Known {
            resume: self.resume.or(committed),
            oldest: of(oldest)?,
            end: of(ends)?,
            at_time,
        })
    }

    fn failed(self, error: &KafkaError) -> Found {
        Found {
            partition: self.partition,
            tenure: self.tenure,
            known: Err(error.clone()),
            readable_end: 0,
            committed: None,
            memory: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// *Scenario:* of four partitions one has a committed offset, one has none, of one it cannot be told, and one is left
    /// out of the answer.
    /// *Guarantees:* the first two have a place; the others have none, with the reason: neither counts as without an offset.
    #[test]
    fn an_offset_that_is_not_known_is_not_none() {
        let logs = |index| Partition::new("logs", index);
        let asked = KafkaError::unknown_offset();
        let committed: Committed = [
            (logs(0), Ok(Some(5))),
            (logs(1), Ok(None)),
            (logs(2), Err(asked.clone())),
        ]
        .into();
        let all = |offset: i64| -> Offsets { (0..4).map(|i| (logs(i), Ok(offset))).collect() };
        let found = |index| {
            let wanted = Wanted {
                partition: logs(index),
                tenure: 1,
                resume: None,
                begins: true,
            };
            let found = wanted.found(&committed, &all(0), &all(9), &Offsets::new());
            let resume = found.known.map(|known| known.resume);
            (found.committed, resume.map_err(|e| e.chain()))
        };
        assert_eq!(found(0), (Some(5), Ok(Some(5))));
        assert_eq!(found(1), (None, Ok(None)));
        assert_eq!(found(2), (None, Err(asked.chain())));
        assert_eq!(found(3), (None, Err(KafkaError::unknown_commit().chain())));
    }
}
