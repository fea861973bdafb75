//! Letters on their way to a sink that answers as it is told.

use super::*;
use crate::model::{DeadReason, Gauge, Generation, Partition, RawRecord};
use crate::settle::letter;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use tokio::time::{Instant, timeout};

/// Longer than any pause, on a clock that does not run.
const LIMIT: Duration = Duration::from_secs(60);

/// Answers with what is in the script, then with yes.
#[derive(Clone, Default)]
struct Scripted(Arc<Mutex<Script>>);

#[derive(Default)]
struct Script {
    answers: VecDeque<Result<(), SendError>>,
    seen: Vec<ProducerRecord>,
    closed: bool,
}

impl Sink for Scripted {
    async fn send(&self, letter: ProducerRecord) -> Result<(), SendError> {
        let mut script = self.0.lock().unwrap();
        script.seen.push(letter);
        script.answers.pop_front().unwrap_or(Ok(()))
    }

    async fn close(&self) {
        self.0.lock().unwrap().closed = true;
    }
}

impl Scripted {
    fn refusing(answers: impl IntoIterator<Item = SendError>) -> Self {
        Scripted::answering(answers.into_iter().map(Err))
    }

    fn answering(answers: impl IntoIterator<Item = Result<(), SendError>>) -> Self {
        let sink = Scripted::default();
        sink.0.lock().unwrap().answers = answers.into_iter().collect();
        sink
    }

    fn values(&self) -> Vec<Option<String>> {
        let seen = &self.0.lock().unwrap().seen;
        let text = |v: &bytes::Bytes| String::from_utf8(v.to_vec()).unwrap();
        seen.iter().map(|l| l.value.as_ref().map(text)).collect()
    }
}

fn batch(records: u32, dead: impl IntoIterator<Item = u32>) -> (DeadBatch, Generation, Gauge) {
    let partition = Partition::new("logs", 0);
    let mut raw = RawRecords::new(partition.clone());
    for offset in 0..i64::from(records) {
        let value = offset.to_string();
        let record = RawRecord {
            offset,
            timestamp_ms: 5,
            key: None,
            value: Some(value.as_bytes()),
        };
        raw.push(record, []);
    }
    let reason = DeadReason {
        by: "json".into(),
        version: "1.0.0".into(),
        reason: "no".to_owned(),
        maybe_delivered: false,
    };
    let dead = dead.into_iter().map(|i| (i, reason.clone())).collect();
    let (generation, gauge) = (Generation::begin(), Gauge::default());
    let receipt = Receipt {
        partition,
        generation: generation.clone(),
        start: 0,
        end: i64::from(records),
    };
    let batch = DeadBatch {
        receipt,
        raw,
        fates: Fates {
            dead,
            ..Fates::default()
        },
        _held: gauge.hold(10),
    };
    (batch, generation, gauge)
}

struct Office {
    batches: mpsc::UnboundedSender<DeadBatch>,
    reports: mpsc::UnboundedReceiver<Report>,
}

fn start(sink: &Scripted) -> Office {
    let (batches, inbox) = mpsc::unbounded_channel();
    let (outbox, reports) = mpsc::unbounded_channel();
    tokio::spawn(run(sink.clone(), inbox, outbox));
    Office { batches, reports }
}

impl Office {
    async fn report(&mut self) -> Report {
        let report = timeout(LIMIT, self.reports.recv());
        report.await.expect("a report").expect("the task lives")
    }

    async fn buried(&mut self) -> Box<DeadBatch> {
        match self.report().await {
            Report::Buried(batch) => batch,
            other => panic!("{other:?}"),
        }
    }

    async fn stuck(&mut self) -> Stuck {
        match self.report().await {
            Report::Stuck(_, stuck) => stuck,
            other => panic!("{other:?}"),
        }
    }
}

/// *Scenario:* two batches of which some inputs are dead, more letters at once than a task may poll in one turn.
/// *Guarantees:* exactly the dead ones are written, in their order; each batch is reported with its memory
/// still counted; when no more come the sink is closed and the task ends.
#[tokio::test(start_paused = true)]
async fn letters_are_written_in_order_and_reported_once() {
    let sink = Scripted::default();
    let mut office = start(&sink);
    let (first, _, gauge) = batch(1000, (0..1000).filter(|i| i % 2 == 0));
    let (second, ..) = batch(3, [1]);
    office.batches.send(first).unwrap();
    let reported = office.buried().await;
    assert!(gauge.total_bytes() > 0);
    drop(reported);
    assert_eq!(gauge.total_bytes(), 0);
    office.batches.send(second).unwrap();
    office.buried().await;

    let even = (0..1000).filter(|i| i % 2 == 0).map(|i: u32| i.to_string());
    let wanted: Vec<_> = even.chain(["1".to_owned()]).map(Some).collect();
    assert_eq!(sink.values(), wanted);
    drop(office.batches);
    assert!(
        timeout(LIMIT, office.reports.recv())
            .await
            .unwrap()
            .is_none()
    );
    assert!(sink.0.lock().unwrap().closed);
}

/// *Scenario:* the topic's cluster is away for three attempts at one letter of a batch of two.
/// *Guarantees:* it is tried again with growing pauses until it is acknowledged, each time reported as away;
/// only then the batch is reported; the other letter is not written twice.
#[tokio::test(start_paused = true)]
async fn promise_1_a_letter_is_tried_until_it_is_acknowledged() {
    let away = || SendError::Away("no leader".to_owned());
    let sink = Scripted::refusing([away(), away(), away()]);
    let mut office = start(&sink);
    let begun = Instant::now();
    let (dead, ..) = batch(1, [0]);
    office.batches.send(dead).unwrap();
    for _ in 0..3 {
        assert!(matches!(office.stuck().await, Stuck::Away(_)));
    }
    office.buried().await;
    assert_eq!(sink.values().len(), 4);
    let pauses = begun.elapsed();
    assert!(
        pauses >= (PAUSE_MIN * 7) / 2 && pauses <= PAUSE_MIN * 7,
        "{pauses:?}"
    );
}

/// *Scenario:* a letter is refused as too large; then even its stub is refused for another reason.
/// *Guarantees:* a stub without key and value goes at once in its place; the other refusal holds the batch
/// until the topic takes it.
#[tokio::test(start_paused = true)]
async fn rule_6_too_large_becomes_a_stub_and_any_other_refusal_holds() {
    let sink = Scripted::refusing([
        SendError::TooLarge("1048577 bytes".to_owned()),
        SendError::Refused("not authorized".to_owned()),
    ]);
    let mut office = start(&sink);
    let (dead, ..) = batch(1, [0]);
    office.batches.send(dead).unwrap();
    let refused = Stuck::Refused("refused: not authorized".to_owned());
    assert_eq!(office.stuck().await, refused);
    office.buried().await;
    assert_eq!(sink.values(), [Some("0".to_owned()), None, None]);
    let seen = &sink.0.lock().unwrap().seen;
    assert!(seen[2].headers.iter().any(|(name, _)| name == letter::SIZE));
}

/// *Scenario:* the topic refuses the record's own timestamp.
/// *Guarantees:* the whole record goes without it, at once.
#[tokio::test(start_paused = true)]
async fn a_refused_timestamp_becomes_a_header() {
    let sink = Scripted::refusing([SendError::Timestamp("too old".to_owned())]);
    let mut office = start(&sink);
    let (dead, ..) = batch(1, [0]);
    office.batches.send(dead).unwrap();
    office.buried().await;
    let seen = &sink.0.lock().unwrap().seen;
    assert_eq!(
        (seen[0].timestamp_ms, seen[1].timestamp_ms),
        (Some(5), None)
    );
    assert_eq!(seen[0].value, seen[1].value);
}

/// *Scenario:* of two letters one is acknowledged, the other held; their partition is revoked: its generation ends.
/// *Guarantees:* no further attempt, the batch is not reported, and the memory is let go within the longest pause.
#[tokio::test(start_paused = true)]
async fn rule_10_no_attempt_after_the_generation_has_ended() {
    let no = Err(SendError::Refused("no".to_owned()));
    let sink = Scripted::answering([vec![Ok(())], vec![no; 1000]].concat());
    let mut office = start(&sink);
    let (dead, generation, gauge) = batch(2, [0, 1]);
    office.batches.send(dead).unwrap();
    for _ in 0..9 {
        office.stuck().await;
    }
    generation.end();
    let attempts = sink.values().len();
    assert!(timeout(PAUSE_MAX, office.reports.recv()).await.is_err());
    assert_eq!(gauge.total_bytes(), 0);
    assert_eq!(sink.values().len(), attempts);
}

/// *Scenario:* every refusal at every form.
/// *Guarantees:* each has one answer; a stub that is too large still is held rather than tried at once for ever.
#[test]
fn what_a_failed_attempt_means() {
    let large = || SendError::TooLarge(String::new());
    let time = || SendError::Timestamp(String::new());
    assert_eq!(next(Form::Whole, large()), Next::As(Form::Stub));
    assert_eq!(next(Form::Undated, large()), Next::As(Form::Stub));
    assert_eq!(next(Form::Whole, time()), Next::As(Form::Undated));
    let held = |next| matches!(next, Next::Later(Stuck::Refused(_)));
    assert!(held(next(Form::Stub, large())));
    assert!(held(next(Form::Undated, time())));
    assert!(held(next(Form::Stub, time())));
    let away = next(Form::Stub, SendError::Away(String::new()));
    assert!(matches!(away, Next::Later(Stuck::Away(_))));
}

/// *Scenario:* pauses one after the other, far more than ever happen, with all kinds of luck.
/// *Guarantees:* between half of and all of the doubled pause, never beyond the longest.
#[test]
fn pauses_grow_and_are_bounded() {
    assert_eq!(pause(0, 0.0), PAUSE_MIN / 2);
    assert_eq!(pause(0, 1.0), PAUSE_MIN);
    assert_eq!(pause(3, 1.0), PAUSE_MIN * 8);
    assert_eq!(pause(u32::MAX, 1.0), PAUSE_MAX);
    assert_eq!(pause(u32::MAX, f64::INFINITY), PAUSE_MAX);
}

/// *Scenario:* rule 7 of the ledger: an alert was refused and no input; its letter is too large for the topic.
/// *Guarantees:* the letter is written, then its stub, and the batch is reported.
#[tokio::test(start_paused = true)]
async fn rule_7_a_finding_is_written_too() {
    let sink = Scripted::refusing([SendError::TooLarge("no".to_owned())]);
    let mut office = start(&sink);
    let (mut batch, ..) = batch(3, []);
    let finding = crate::model::testing::raised("burst", false);
    let reason = DeadReason {
        by: "lake".into(),
        version: "".into(),
        reason: "no".to_owned(),
        maybe_delivered: false,
    };
    let json = String::from_utf8(finding.json()).unwrap();
    batch.fates.dead_findings.push((finding, reason));
    office.batches.send(batch).unwrap();
    office.buried().await;
    assert_eq!(sink.values(), [Some(json), None]);
}
