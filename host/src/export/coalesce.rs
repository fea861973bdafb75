//! Which chunks make the next request; pure: time is given.
//!
//! Chunks of one partition leave in the order that they came in, and a partition has at most one request in
//! flight: a request that is tried again would otherwise be overtaken. A chunk that may leave is never
//! passed over for one that came later.

use super::RequestLimits;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::hash::Hash;
use std::time::Duration;

/// Collects chunks into requests. `K` is a partition, `T` a chunk; times are since any fixed moment.
#[derive(Debug)]
pub struct Coalescer<K, T> {
    limits: RequestLimits,
    lines: HashMap<K, Line<T>>,
    // Partitions that have chunks and nothing in flight, by the arrival of their first chunk.
    ready: BTreeMap<u64, K>,
    // Records and bytes of all chunks of ready partitions.
    ready_records: usize,
    ready_bytes: usize,
    arrivals: u64,
    is_closing: bool,
}

/// The chunks of one partition.
#[derive(Debug)]
struct Line<T> {
    waiting: VecDeque<Waiting<T>>,
    records: usize,
    bytes: usize,
    in_flight: bool,
}

#[derive(Debug)]
struct Waiting<T> {
    arrival: u64,
    since: Duration,
    records: usize,
    bytes: usize,
    item: T,
}

/// What one request carries.
#[derive(Debug, PartialEq)]
pub struct Request<K, T> {
    /// Chunks, in the order that they came in.
    pub items: Vec<T>,
    /// Their partitions, each once: to be given to [`Coalescer::finished`].
    pub partitions: Vec<K>,
}

impl<K: Clone + Eq + Hash, T> Coalescer<K, T> {
    /// An empty one.
    pub fn new(limits: RequestLimits) -> Self {
        Coalescer {
            limits,
            lines: HashMap::new(),
            ready: BTreeMap::new(),
            ready_records: 0,
            ready_bytes: 0,
            arrivals: 0,
            is_closing: false,
        }
    }

    /// A chunk has come.
    pub fn push(&mut self, now: Duration, partition: K, records: usize, bytes: usize, item: T) {
        let arrival = self.arrivals;
        self.arrivals += 1;
        let line = self
            .lines
            .entry(partition.clone())
            .or_insert_with(Line::new);
        line.records += records;
        line.bytes += bytes;
        line.waiting.push_back(Waiting {
            arrival,
            since: now,
            records,
            bytes,
            item,
        });
        if !line.in_flight {
            self.ready_records += records;
            self.ready_bytes += bytes;
            if line.waiting.len() == 1 {
                self.ready.insert(arrival, partition);
            }
        }
    }

    /// Nothing more will come: what waits need not wait for others.
    pub fn close(&mut self) {
        self.is_closing = true;
    }

    /// The next request, if one is due. Its partitions are in flight from now on.
    pub fn take(&mut self, now: Duration) -> Option<Request<K, T>> {
        if now < self.deadline()? {
            return None;
        }
        let mut request = Request {
            items: Vec::new(),
            partitions: Vec::new(),
        };
        let (mut records, mut bytes) = (0, 0);
        while let Some((partition, chunk)) = self.first_ready() {
            records += chunk.0;
            bytes += chunk.1;
            let fits = records <= self.limits.records && bytes <= self.limits.bytes;
            if !request.items.is_empty() && !fits {
                break;
            }
            self.board(partition, &mut request);
        }
        self.depart(&request.partitions);
        Some(request)
    }

    /// The request of these partitions has ended, however it did.
    pub fn finished(&mut self, partitions: &[K]) {
        for partition in partitions {
            let Some(line) = self.lines.get_mut(partition).filter(|l| l.in_flight) else {
                continue;
            };
            line.in_flight = false;
            match line.waiting.front() {
                Some(first) => {
                    self.ready.insert(first.arrival, partition.clone());
                    self.ready_records += line.records;
                    self.ready_bytes += line.bytes;
                }
                None => {
                    self.lines.remove(partition);
                }
            }
        }
    }

    /// When [`Coalescer::take`] gives a request if nothing else happens; none: not before something does.
    pub fn deadline(&self) -> Option<Duration> {
        let (_, partition) = self.ready.first_key_value()?;
        let first = self.lines.get(partition)?.waiting.front()?;
        let is_full =
            self.ready_records >= self.limits.records || self.ready_bytes >= self.limits.bytes;
        Some(if is_full || self.is_closing {
            first.since
        } else {
            first.since.saturating_add(self.limits.linger)
        })
    }

    /// Whether nothing waits and nothing is in flight.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// The partition of the chunk that came first of those that may leave, and the chunk's records and bytes.
    fn first_ready(&self) -> Option<(K, (usize, usize))> {
        let (_, partition) = self.ready.first_key_value()?;
        let first = self.lines.get(partition)?.waiting.front()?;
        Some((partition.clone(), (first.records, first.bytes)))
    }

    /// Moves the first chunk of a ready partition into the request.
    fn board(&mut self, partition: K, request: &mut Request<K, T>) {
        let Some(line) = self.lines.get_mut(&partition) else {
            return;
        };
        let Some(chunk) = line.waiting.pop_front() else {
            return;
        };
        line.records -= chunk.records;
        line.bytes -= chunk.bytes;
        self.ready_records -= chunk.records;
        self.ready_bytes -= chunk.bytes;
        self.ready.remove(&chunk.arrival);
        if let Some(next) = line.waiting.front() {
            self.ready.insert(next.arrival, partition.clone());
        }
        if !std::mem::replace(&mut line.in_flight, true) {
            request.partitions.push(partition);
        }
        request.items.push(chunk.item);
    }

    /// What is left of these partitions waits until their request has ended.
    fn depart(&mut self, partitions: &[K]) {
        for line in partitions.iter().filter_map(|p| self.lines.get(p)) {
            if let Some(next) = line.waiting.front() {
                self.ready.remove(&next.arrival);
                self.ready_records -= line.records;
                self.ready_bytes -= line.bytes;
            }
        }
    }
}

impl<T> Line<T> {
    fn new() -> Self {
        Line {
            waiting: VecDeque::new(),
            records: 0,
            bytes: 0,
            in_flight: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashSet;

    /// A chunk: its partition, its number, records and bytes.
    type Item = (u8, usize, usize, usize);

    #[derive(Clone, Debug)]
    enum Step {
        Push {
            partition: u8,
            records: usize,
            bytes: usize,
        },
        Take {
            wait_ms: u64,
        },
        Finish {
            which: usize,
        },
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let push = (0..4u8, 1..6usize, 0..50usize);
        let push = push.prop_map(|(partition, records, bytes)| Step::Push {
            partition,
            records,
            bytes,
        });
        let take = (0..15u64).prop_map(|wait_ms| Step::Take { wait_ms });
        let finish = (0..8usize).prop_map(|which| Step::Finish { which });
        proptest::collection::vec(prop_oneof![3 => push, 3 => take, 2 => finish], 0..120)
    }

    const LIMITS: RequestLimits = RequestLimits {
        records: 10,
        bytes: 100,
        linger: Duration::from_millis(10),
    };

    /// All chunks that wait in the order that they came in, and which partitions are away: nothing more.
    #[derive(Default)]
    struct Model {
        waiting: Vec<(Duration, Item)>,
        away: HashSet<u8>,
    }

    impl Model {
        fn may_leave(&self) -> Vec<(Duration, Item)> {
            let all = self.waiting.iter().copied();
            all.filter(|(_, item)| !self.away.contains(&item.0))
                .collect()
        }

        fn expected(&mut self, now: Duration, closing: bool) -> Option<Vec<Item>> {
            let may_leave = self.may_leave();
            let records: usize = may_leave.iter().map(|(_, i)| i.2).sum();
            let bytes: usize = may_leave.iter().map(|(_, i)| i.3).sum();
            let is_full = records >= LIMITS.records || bytes >= LIMITS.bytes;
            let first = may_leave.first()?.0;
            if !is_full && !closing && now < first + LIMITS.linger {
                return None;
            }
            let mut request: Vec<Item> = Vec::new();
            for (_, item) in may_leave {
                let records: usize = request.iter().map(|i| i.2).sum();
                let bytes: usize = request.iter().map(|i| i.3).sum();
                let fits = records + item.2 <= LIMITS.records && bytes + item.3 <= LIMITS.bytes;
                if !request.is_empty() && !fits {
                    break;
                }
                request.push(item);
            }
            self.waiting.retain(|(_, item)| !request.contains(item));
            self.away.extend(request.iter().map(|i| i.0));
            Some(request)
        }
    }

    proptest! {
        /// *Scenario:* chunks of four partitions come, requests leave and end in any order, then all is
        /// drained. *Guarantees:* each request is what a simple model gives: the chunks that came first of
        /// partitions that have none in flight, within the limits, when one is full or the first has
        /// waited long enough; so order within a partition holds, no chunk that may leave is passed over,
        /// and nothing is lost.
        #[test]
        fn rule_9_requests_are_those_of_a_simple_model(steps in steps()) {
            let mut coalescer = Coalescer::new(LIMITS);
            let mut model = Model::default();
            let mut in_flight: Vec<Vec<u8>> = Vec::new();
            let mut now = Duration::ZERO;
            let mut pushed = 0;
            let mut left = 0;
            for step in steps {
                match step {
                    Step::Push { partition, records, bytes } => {
                        let item = (partition, pushed, records, bytes);
                        pushed += 1;
                        model.waiting.push((now, item));
                        coalescer.push(now, partition, records, bytes, item);
                    }
                    Step::Take { wait_ms } => {
                        now += Duration::from_millis(wait_ms);
                        let due = coalescer.deadline();
                        let got = coalescer.take(now);
                        prop_assert_eq!(got.is_some(), due.is_some_and(|due| due <= now));
                        let expected = model.expected(now, false);
                        prop_assert_eq!(got.as_ref().map(|r| r.items.clone()), expected);
                        if let Some(request) = got {
                            left += request.items.len();
                            in_flight.push(request.partitions);
                        }
                    }
                    Step::Finish { which } if which < in_flight.len() => {
                        let partitions = in_flight.remove(which);
                        model.away.retain(|p| !partitions.contains(p));
                        coalescer.finished(&partitions);
                    }
                    Step::Finish { .. } => {}
                }
            }
            coalescer.close();
            while !coalescer.is_empty() {
                match coalescer.take(now) {
                    Some(request) => {
                        prop_assert_eq!(Some(request.items.clone()), model.expected(now, true));
                        left += request.items.len();
                        in_flight.push(request.partitions);
                    }
                    None => {
                        prop_assert!(!in_flight.is_empty(), "something waits for nothing");
                        let partitions = in_flight.remove(0);
                        model.away.retain(|p| !partitions.contains(p));
                        coalescer.finished(&partitions);
                    }
                }
            }
            prop_assert_eq!(left, pushed);
        }
    }

    /// *Scenario:* a chunk over the limits. *Guarantees:* it leaves at once and alone.
    #[test]
    fn what_is_too_large_leaves_alone() {
        let mut coalescer = Coalescer::new(LIMITS);
        coalescer.push(Duration::ZERO, 0, 1, 5000, "large");
        coalescer.push(Duration::ZERO, 1, 1, 1, "small");
        let request = coalescer.take(Duration::ZERO);
        assert_eq!(request.map(|r| r.items), Some(vec!["large"]));
        assert_eq!(coalescer.take(Duration::ZERO), None);
        assert_eq!(coalescer.deadline(), Some(LIMITS.linger));
    }
}
