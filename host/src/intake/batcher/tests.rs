//! The batcher against what was put in.

use super::*;
use proptest::prelude::*;
use std::collections::BTreeMap;

const LINGER: Duration = Duration::from_millis(20);

#[derive(Clone, Debug)]
enum Step {
    /// So many records of a partition, each after a gap and with a value of that size.
    Run(usize, Vec<(i64, usize)>),
    /// The client moved on by so much.
    Idle(usize, i64),
    /// Time passes, and batches expire.
    Wait(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let record = (0..3i64, 0..40usize);
    let step = prop_oneof![
        3 => (0..3usize, prop::collection::vec(record, 1..12)).prop_map(|(p, r)| Step::Run(p, r)),
        1 => (0..3usize, 0..5i64).prop_map(|(p, gap)| Step::Idle(p, gap)),
        1 => (0..30u64).prop_map(Step::Wait),
    ];
    prop::collection::vec(step, 0..60)
}

fn limits() -> BatchLimits {
    BatchLimits {
        records: 5,
        bytes: 100,
        linger: LINGER,
    }
}

fn partition(index: usize) -> Partition {
    Partition::new("logs", index as i32)
}

fn record(offset: i64, value: &[u8]) -> RawRecord<'_> {
    RawRecord {
        offset,
        timestamp_ms: offset,
        key: None,
        value: Some(value),
    }
}

fn none() -> std::iter::Empty<(&'static str, Option<&'static [u8]>)> {
    std::iter::empty()
}

fn push(batcher: &mut Batcher, index: usize, offset: i64, value: &[u8], now: Duration) -> Feedback {
    let mut slot = batcher
        .run(&partition(index), now)
        .expect("a generation has begun");
    slot.push(record(offset, value), none())
}

/// What one partition should give, and has given.
#[derive(Debug, Default)]
struct Model {
    next: i64,
    covered: i64,
    put: Vec<(i64, usize)>,
    got: Vec<(i64, usize)>,
}

impl Model {
    fn check(&mut self, batch: &Batch) {
        let raw = &batch.raw;
        assert_eq!(batch.receipt.start, self.covered, "ranges join");
        assert!(!raw.is_empty(), "no empty batch");
        let lengths: Vec<usize> = (0..raw.len())
            .map(|r| raw.value(r).map_or(0, <[u8]>::len))
            .collect();
        assert!(raw.len() <= 5, "records");
        assert!(
            lengths.iter().sum::<usize>() <= 100 || raw.len() == 1,
            "bytes"
        );
        assert!(raw.offset.first() >= Some(&batch.receipt.start));
        assert!(raw.offset.last() < Some(&batch.receipt.end));
        self.covered = batch.receipt.end;
        self.got.extend(raw.offset.iter().copied().zip(lengths));
    }
}

proptest! {
    /// *Scenario:* runs of records of three partitions with gaps, positions without records, and time that
    /// passes, in any order.
    /// *Guarantees:* every record comes out once and in order, with its value; ranges join without a gap from
    /// the first position to the last; no batch is over a limit unless one record is; nothing waits longer
    /// than the linger time.
    #[test]
    fn gives_what_it_took(steps in steps()) {
        let mut batcher = Batcher::new(limits());
        let mut models: BTreeMap<Partition, Model> = BTreeMap::new();
        for p in 0..3 {
            batcher.begin(&partition(p), &Generation::begin(), (0, 0), None);
            models.insert(partition(p), Model::default());
        }
        let mut now = Duration::ZERO;
        for step in steps {
            play(&mut batcher, &mut models, &mut now, step);
            while let Some(batch) = batcher.pop() {
                models.get_mut(&batch.receipt.partition).unwrap().check(&batch);
            }
        }
        batcher.expire(now + LINGER);
        while let Some(batch) = batcher.pop() {
            models.get_mut(&batch.receipt.partition).unwrap().check(&batch);
        }
        for (partition, model) in models {
            prop_assert_eq!(&model.got, &model.put);
            prop_assert_eq!(model.covered, model.next);
            prop_assert_eq!(batcher.next(&partition), Some(model.next));
            prop_assert_eq!(batcher.weight(&partition), 0);
        }
    }
}

fn play(
    batcher: &mut Batcher,
    models: &mut BTreeMap<Partition, Model>,
    now: &mut Duration,
    step: Step,
) {
    match step {
        Step::Run(p, records) => {
            let model = models.get_mut(&partition(p)).unwrap();
            let mut slot = batcher.run(&partition(p), *now).unwrap();
            for (gap, size) in records {
                let offset = model.next + gap;
                let value = vec![b'x'; size];
                assert_eq!(slot.push(record(offset, &value), none()), Feedback::Taken);
                model.put.push((offset, size));
                model.next = offset + 1;
            }
        }
        Step::Idle(p, gap) => {
            let model = models.get_mut(&partition(p)).unwrap();
            model.next += gap;
            if let Idle::Advanced(end) = batcher.idle(&partition(p), model.next) {
                assert_eq!(end, model.next);
                model.covered = end;
            }
        }
        Step::Wait(ms) => {
            *now += Duration::from_millis(ms);
            batcher.expire(*now);
            assert!(
                batcher.deadline().is_none_or(|at| at > *now),
                "nothing waits too long"
            );
        }
    }
}

/// *Scenario:* records below what was read: within a run, and as the first of one.
/// *Guarantees:* the first kind is left out by name; the second is reported as a jump and not taken, so that
/// a new generation can begin there.
#[test]
fn below_the_position() {
    let mut batcher = Batcher::new(limits());
    batcher.begin(&partition(0), &Generation::begin(), (10, 10), None);
    {
        let mut slot = batcher.run(&partition(0), Duration::ZERO).unwrap();
        assert_eq!(slot.push(record(12, b"a"), none()), Feedback::Taken);
        assert_eq!(slot.push(record(12, b"a"), none()), Feedback::Repeated);
        assert_eq!(slot.push(record(13, b"b"), none()), Feedback::Taken);
    }
    assert_eq!(
        push(&mut batcher, 0, 11, b"c", Duration::ZERO),
        Feedback::JumpedBack
    );
    batcher.begin(&partition(0), &Generation::begin(), (11, 11), None);
    assert_eq!(
        push(&mut batcher, 0, 11, b"c", Duration::ZERO),
        Feedback::Taken
    );
    batcher.expire(LINGER);
    let batch = batcher.pop().unwrap();
    assert_eq!(
        (batch.receipt.start, batch.receipt.end),
        (11, 12),
        "the old generation's records are gone"
    );
    assert!(batcher.pop().is_none());
}

/// *Scenario:* a generation ends while one batch of it is full and another is being formed.
/// *Guarantees:* neither comes out, further records are refused by name, and positions change nothing.
#[test]
fn an_ended_generation_gives_nothing() {
    let mut batcher = Batcher::new(limits());
    let generation = Generation::begin();
    batcher.begin(&partition(0), &generation, (0, 0), None);
    for offset in 0..7 {
        assert_eq!(
            push(&mut batcher, 0, offset, b"v", Duration::ZERO),
            Feedback::Taken
        );
    }
    generation.end();
    assert_eq!(
        push(&mut batcher, 0, 7, b"v", Duration::ZERO),
        Feedback::Stale
    );
    assert_eq!(batcher.idle(&partition(0), 100), Idle::Still);
    batcher.expire(LINGER);
    assert!(batcher.pop().is_none());
    batcher.discard(&partition(0));
    assert!(batcher.run(&partition(0), Duration::ZERO).is_none());
}

/// *Scenario:* reading ends at offset 5, and records go on to 6; or the last offsets hold no record.
/// *Guarantees:* what lies behind the end is left out by name and no range passes the end; the partition is at
/// its end only when its last batch has been taken out.
#[test]
fn an_end_is_kept() {
    let mut batcher = Batcher::new(limits());
    batcher.begin(&partition(0), &Generation::begin(), (0, 0), Some(5));
    assert_eq!(
        push(&mut batcher, 0, 3, b"v", Duration::ZERO),
        Feedback::Taken
    );
    assert!(!batcher.is_at_end(&partition(0)));
    assert_eq!(
        push(&mut batcher, 0, 6, b"v", Duration::ZERO),
        Feedback::AfterEnd
    );
    assert!(
        !batcher.is_at_end(&partition(0)),
        "one record is still here"
    );
    batcher.expire(LINGER);
    let batch = batcher.pop().unwrap();
    assert_eq!((batch.receipt.start, batch.receipt.end), (0, 5));
    assert!(batcher.is_at_end(&partition(0)));

    batcher.begin(&partition(1), &Generation::begin(), (0, 0), Some(5));
    assert_eq!(batcher.idle(&partition(1), 9), Idle::Advanced(5));
    assert!(batcher.is_at_end(&partition(1)));
}

/// *Scenario:* one record is larger than a batch may be, behind a small one.
/// *Guarantees:* the small one leaves first, alone; the large one is a batch of its own.
#[test]
fn a_large_record_is_alone() {
    let mut batcher = Batcher::new(limits());
    batcher.begin(&partition(0), &Generation::begin(), (0, 0), None);
    push(&mut batcher, 0, 0, b"small", Duration::ZERO);
    push(&mut batcher, 0, 1, &[b'x'; 500], Duration::ZERO);
    assert_eq!(batcher.pop().unwrap().raw.offset, vec![0]);
    assert_eq!(batcher.pop().unwrap().raw.offset, vec![1]);
    assert!(batcher.pop().is_none());
}

/// *Scenario:* keys and headers beside small values.
/// *Guarantees:* they count towards the bytes of a batch, and are copied as they are, null and empty apart.
#[test]
fn keys_and_headers_count() {
    let mut batcher = Batcher::new(limits());
    batcher.begin(&partition(0), &Generation::begin(), (0, 0), None);
    let long = [b'h'; 60];
    for offset in 0..2 {
        let record = RawRecord {
            key: Some(b""),
            value: None,
            ..record(offset, b"")
        };
        let headers = [("trace", Some(&long[..])), ("none", None)];
        let mut slot = batcher.run(&partition(0), Duration::ZERO).unwrap();
        slot.push(record, headers.into_iter());
    }
    let batch = batcher.pop().expect("two headers of 60 bytes are over 100");
    assert_eq!(batch.raw.len(), 1);
    assert_eq!(
        (batch.raw.key(0), batch.raw.value(0)),
        (Some(&b""[..]), None)
    );
    let headers: Vec<_> = batch.raw.headers(0).collect();
    assert_eq!(
        headers,
        vec![(&b"trace"[..], Some(&long[..])), (&b"none"[..], None)]
    );
}

proptest! {
    /// *Scenario:* a partition is read from the boundary of a memory on, in runs with gaps, to beyond the place where
    /// delivery begins; positions without records lie before, at and after it.
    /// *Guarantees:* the rules of memory: every record comes out once and in order; what lies below the place of delivery
    /// is only to be remembered, all else is to be delivered, and no batch holds both; the ranges of what is delivered
    /// begin at the place of delivery and join; nothing below it is ever told to be empty.
    #[test]
    fn what_was_delivered_is_only_remembered(
        (from, deliver) in (0..30i64).prop_flat_map(|from| (Just(from), from..60)),
        runs in proptest::collection::vec(
            (proptest::collection::vec(0..4i64, 1..8), 0..4i64), 1..20),
    ) {
        let mut batcher = Batcher::new(limits());
        batcher.begin(&partition(0), &Generation::begin(), (from, deliver), None);
        let (mut next, mut covered) = (from, deliver);
        let (mut put, mut got) = (Vec::new(), Vec::new());
        for (gaps, idle) in runs {
            let mut slot = batcher.run(&partition(0), Duration::ZERO).unwrap();
            for gap in gaps {
                let offset = next + gap;
                prop_assert_eq!(slot.push(record(offset, b"x"), none()), Feedback::Taken);
                put.push(offset);
                next = offset + 1;
            }
            batcher.expire(LINGER * 2);
            while let Some(batch) = batcher.pop() {
                let offsets = &batch.raw.offset;
                let is_old = |offset: &i64| *offset < deliver;
                match batch.purpose {
                    Purpose::Remember => prop_assert!(offsets.iter().all(is_old)),
                    Purpose::Deliver => {
                        prop_assert!(!offsets.iter().any(is_old));
                        prop_assert_eq!(batch.receipt.start, covered);
                        covered = batch.receipt.end;
                    }
                    Purpose::Tick { .. } => prop_assert!(false, "a tick"),
                }
                got.extend_from_slice(offsets);
            }
            next += idle;
            if let Idle::Advanced(end) = batcher.idle(&partition(0), next) {
                prop_assert!(end == next && end > deliver);
                covered = end;
            }
            let rests = (next >= deliver).then_some(next);
            prop_assert_eq!(batcher.at_rest(&partition(0)), rests);
        }
        prop_assert_eq!(got, put);
        prop_assert_eq!(covered, next.max(deliver));
    }
}
