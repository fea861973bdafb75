use super::{Nothing, RestoreError, Shards};
use crate::testing::{self, OwnedRecord, Stream};
use crate::{
    Alert, Anomaly, ConfigError, Detector, Memory, Moment, Plugin, Position, Raise, Record, Scorer,
    Scores,
};
use serde::{Deserialize, Serialize};

#[derive(Debug, Default, Serialize, Deserialize)]
struct Count(u32);

impl Memory for Count {}

/// *Scenario:* memory of two shards, saved, restored elsewhere, damaged, of another layout, forgotten.
/// *Guarantees:* what was saved comes back, with the second that has begun; what cannot be read says why; nothing to
/// remember saves nothing.
#[test]
fn memory_is_saved_by_shard() {
    let mut shards = Shards::<Count>::new();
    shards.of(7).memory.0 = 300;
    shards.of(2).memory.0 = 1;
    assert_eq!(shards.of(7).second_begins(5_500), None);
    let saved = shards.save(7);
    assert_eq!(shards.save(9), b"");
    let mut others = Shards::<Count>::new();
    assert_eq!(others.restore(1, &saved), Ok(()));
    assert_eq!(others.of(1).memory.0, 300);
    assert_eq!(others.of(1).second_begins(5_999), None);
    assert_eq!(others.of(1).second_begins(6_001), Some(6_000));
    let unknown = [&[9, 0], &saved[2..]].concat();
    assert_eq!(
        others.restore(1, &unknown),
        Err(RestoreError::UnknownLayout)
    );
    let longer = [&saved[..], &[0]].concat();
    for damaged in [&saved[..saved.len() - 1], &saved[..1], &longer] {
        assert!(matches!(
            others.restore(1, damaged),
            Err(RestoreError::Damaged(_))
        ));
    }
    shards.forget(7);
    assert_eq!((shards.of(7).memory.0, shards.of(2).memory.0), (0, 1));
    let mut nothing = Shards::<Nothing>::new();
    nothing.of(1);
    assert_eq!(nothing.save(1), b"");
}

/// Raises an alert when three records have come, and one when none has for ten seconds, both dated by records; or,
/// where it is wrong, something that depends on what it must not.
struct Three {
    is_wrong: fn(&Seen, Moment) -> bool,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Seen {
    last: u64,
    evidence: Vec<Position>,
    silent: bool,
    #[serde(skip)]
    forgotten: u32,
}

impl Memory for Seen {}

impl Plugin for Three {
    type Config = ();

    fn configure((): ()) -> Result<Self, ConfigError> {
        Ok(Three {
            is_wrong: |_, _| false,
        })
    }
}

impl Detector for Three {
    type Memory = Seen;

    fn detect(&self, memory: &mut Seen, record: Record<'_>, moment: Moment, raise: &mut Raise) {
        memory.last = moment.now;
        memory.silent = false;
        memory.forgotten += 1;
        memory.evidence.push(moment.position);
        if memory.evidence.len() == 3 || (self.is_wrong)(memory, moment) {
            raise.alert(Alert {
                rule: "three".into(),
                title: record.body().into(),
                at: moment.now,
                evidence: std::mem::take(&mut memory.evidence),
                ..Alert::default()
            });
        }
    }

    fn tick(&self, memory: &mut Seen, now: u64, raise: &mut Raise) {
        let due = memory.last + 10_000;
        if now >= due && !std::mem::replace(&mut memory.silent, true) {
            raise.alert(Alert {
                rule: "silent".into(),
                at: due,
                ..Alert::default()
            });
        }
    }
}

fn stream() -> Stream {
    let mut stream = Stream::default();
    for n in 0..40_u64 {
        // Bursts, and two pauses that are long enough.
        let now = 1_000_000 + n * 150 + (n / 13) * 25_000;
        stream.push(now, OwnedRecord::new(format!("line {n}")));
    }
    stream
}

/// *Scenario:* a detector that counts and waits, over a stream with pauses, given whole, cut anywhere, saved and
/// restored, with ticks between.
/// *Guarantees:* evidence may lie in earlier batches; silence is raised once a pause, whether a tick or a record ends it.
#[test]
fn a_detector_answers_the_same_however_it_is_given() {
    let plugin = Three::configure(()).unwrap();
    let alerts = testing::detected(&plugin, &stream(), 2_000_000);
    let of = |rule| alerts.iter().filter(move |alert| alert.rule == rule);
    assert_eq!(of("three").count(), 13);
    assert_eq!(of("silent").count(), 4);
    assert_eq!(alerts[0].evidence, [Position(0), Position(1), Position(2)]);
    assert_eq!(alerts[0].title, "line 2");
    let silent: Vec<u64> = of("silent").map(|alert| alert.at).collect();
    assert_eq!(silent[0], 1_000_000 + 12 * 150 + 10_000);
}

/// *Scenario:* a detector that alerts by what it forgets when it is restored.
/// *Guarantees:* the helper finds it.
#[test]
#[should_panic(expected = "the answer depends on how the stream is given")]
fn what_is_not_saved_is_found() {
    let plugin = Three {
        is_wrong: |seen, _| seen.forgotten % 7 == 0,
    };
    testing::detected(&plugin, &stream(), 2_000_000);
}

/// Scores every fifth record of the shard, and says so each second.
struct Fifth;

impl Plugin for Fifth {
    type Config = ();

    fn configure((): ()) -> Result<Self, ConfigError> {
        Ok(Fifth)
    }
}

impl Scorer for Fifth {
    type Memory = Count;

    fn score(
        &self,
        memory: &mut Count,
        _: Record<'_>,
        moment: Moment,
        scores: &mut Scores,
    ) -> Option<f32> {
        memory.0 += 1;
        if memory.0 == 20 {
            scores.anomaly(Anomaly {
                rule: "twenty".into(),
                at: moment.now,
                score: 7.0,
                ..Anomaly::default()
            });
        }
        memory.0.is_multiple_of(5).then_some(0.5)
    }
}

/// *Scenario:* a scorer with a score for some records only.
/// *Guarantees:* each record has its own score or none, however the stream is cut, and scores are brought into range.
#[test]
fn a_scorer_answers_the_same_however_it_is_given() {
    let scored = testing::scored(&Fifth, &stream(), 2_000_000);
    assert_eq!(scored.scores.len(), 40);
    assert_eq!(scored.scores.iter().flatten().count(), 8);
    assert_eq!(scored.scores[4], Some(0.5));
    assert_eq!(scored.scores[3], None);
    assert_eq!(scored.anomalies[0].score, 1.0);
}
