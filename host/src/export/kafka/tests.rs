//! Requests to a topic that answers as it is told.

use super::*;
use crate::export::Condition;
use crate::model::{
    Door, End, Fates, Gauge, Generation, Leg, Outcome, Partition, RawRecord, RawRecords, Receipt,
};
use std::collections::VecDeque;
use std::sync::Mutex;
use tokio::sync::{Semaphore, mpsc};
use tokio::time::timeout;

/// Longer than anything here may take, on a clock that does not run.
const LIMIT: Duration = Duration::from_secs(600);

type Answer = Box<dyn Fn(&[String]) -> Vec<Result<(), SendError>> + Send + Sync>;

/// Answers attempts by a script, then with yes; what is acknowledged is noted.
#[derive(Default)]
struct Topic {
    script: Mutex<VecDeque<Answer>>,
    written: Mutex<Vec<String>>,
    seen: Mutex<Vec<ProducerRecord>>,
    // Values for which nothing is answered until there is a permit.
    gate: Option<(&'static str, Semaphore)>,
}

impl Sink for Arc<Topic> {
    async fn write(&self, records: Vec<ProducerRecord>) -> Vec<Result<(), SendError>> {
        let text = |r: &ProducerRecord| String::from_utf8(r.value.clone().unwrap().into()).unwrap();
        let values: Vec<_> = records.iter().map(text).collect();
        self.seen.lock().unwrap().extend(records);
        if let Some((held, gate)) = &self.gate
            && values.iter().any(|v| v.starts_with(held))
        {
            gate.acquire().await.unwrap().forget();
        }
        let answer = self.script.lock().unwrap().pop_front();
        let answers = answer.map_or_else(|| vec![Ok(()); values.len()], |answer| answer(&values));
        let taken = values.iter().zip(&answers).filter(|(_, a)| a.is_ok());
        let taken = taken.map(|(v, _)| v.clone());
        self.written.lock().unwrap().extend(taken);
        answers
    }
}

impl Topic {
    fn answering(script: impl IntoIterator<Item = Answer>) -> Arc<Topic> {
        let script = Mutex::new(script.into_iter().collect());
        Arc::new(Topic {
            script,
            ..Topic::default()
        })
    }

    fn written(&self) -> String {
        self.written.lock().unwrap().join(" ")
    }
}

struct Sender(mpsc::UnboundedSender<Outcome>);

impl Door for Sender {
    fn answer(&self, outcome: Outcome) {
        let _ = self.0.send(outcome);
    }
}

struct House {
    shared: Arc<Shared<Arc<Topic>>>,
    topic: Arc<Topic>,
    door: Arc<Sender>,
    answers: mpsc::UnboundedReceiver<Outcome>,
}

fn house(topic: Arc<Topic>) -> House {
    let metrics = OutputMetrics::default();
    let name: Arc<str> = "lake".into();
    let shared = Shared {
        name: name.clone(),
        sink: topic.clone(),
        headers: vec![("app".to_owned(), Some(Bytes::from_static(b"shop")))],
        batch_bytes: 100,
        retry: RetrySettings {
            initial: Duration::from_secs(1),
            max: Duration::from_secs(8),
            multiplier: 2.0,
            jitter: 0.5,
        },
        health: Health::new(name, metrics.unhealthy.clone()),
        metrics,
        way: RwLock::default(),
    };
    let (sender, answers) = mpsc::unbounded_channel();
    House {
        shared: Arc::new(shared),
        topic,
        door: Arc::new(Sender(sender)),
        answers,
    }
}

impl House {
    fn chunk(&self, index: i32, values: &[&str]) -> (Chunk<Vec<Message>>, Generation) {
        let partition = Partition::new("logs", index);
        let mut raw = RawRecords::new(partition.clone());
        for offset in 0..values.len() as i64 {
            let record = RawRecord {
                offset,
                timestamp_ms: 1,
                key: None,
                value: None,
            };
            raw.push(record, []);
        }
        let generation = Generation::begin();
        let receipt = Receipt {
            partition,
            generation: generation.clone(),
            start: 0,
            end: values.len() as i64,
        };
        let message = |value: &&str| Message {
            key: Some(Bytes::from_static(b"k")),
            value: Bytes::copy_from_slice(value.as_bytes()),
            timestamp_ms: Some(7),
        };
        let chunk = Chunk {
            leg: Leg::open(receipt, raw, Gauge::default().hold(1), self.door.clone()),
            payload: values.iter().map(message).collect(),
            inputs: (0..values.len() as u32).collect(),
        };
        (chunk, generation)
    }

    async fn end(&mut self) -> End {
        let outcome = timeout(LIMIT, self.answers.recv()).await;
        outcome.expect("an answer").unwrap().end
    }

    async fn fates(&mut self) -> Fates {
        match self.end().await {
            End::Closed(fates) => fates,
            other => panic!("not closed: {other:?}"),
        }
    }

    async fn until(&self, is_so: impl Fn(&Condition) -> bool) {
        let look = async {
            while !is_so(&self.shared.health.condition()) {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        timeout(LIMIT, look).await.expect("the condition");
    }
}

fn no(error: fn(String) -> SendError) -> Result<(), SendError> {
    Err(error("no".to_owned()))
}

/// *Scenario:* of five messages the third is not acknowledged, the fourth and the fifth are; then, with the third
/// written at last, nothing more can be queued for a while.
/// *Guarantees:* promise 3: what is sent again is everything from there on, so that the last copies are in order; the
/// batch is answered when all are acknowledged, with all delivered; the output was away meanwhile, then well.
#[tokio::test(start_paused = true)]
async fn promise_3_what_is_sent_again_is_followed_by_the_rest() {
    let topic = Topic::answering([
        Box::new(|_: &[String]| vec![Ok(()), Ok(()), no(SendError::Away), Ok(()), Ok(())])
            as Answer,
        Box::new(|_| vec![Ok(()), no(SendError::Away)]),
    ]);
    let mut house = house(topic);
    let (chunk, _) = house.chunk(0, &["a", "b", "c", "d", "e"]);
    tokio::spawn(house.shared.clone().deliver(vec![chunk]));
    house.until(|c| matches!(c, Condition::Away(_))).await;
    assert!(house.shared.health.is_ready());
    assert_eq!(house.fates().await, Fates::default());
    assert_eq!(house.topic.written(), "a b d e c d e");
    assert_eq!(house.shared.health.condition(), Condition::Well);
    let m = &house.shared.metrics;
    assert_eq!((m.records.get(), m.bytes.get()), (5, 10));
    assert_eq!((m.requests.get(), m.retries.get()), (1, 2));
    let seen = house.topic.seen.lock().unwrap();
    assert_eq!(seen[0].timestamp_ms, Some(7));
    assert_eq!(seen[0].headers, house.shared.headers);
}

/// *Scenario:* the topic does not exist, or the rights are missing, for a while.
/// *Guarantees:* the output is wrong and not ready; nothing is dead-lettered; it goes on once it is put right.
#[tokio::test(start_paused = true)]
async fn an_output_that_is_wrong_holds() {
    let refuse = |values: &[String]| vec![no(SendError::Refused); values.len()];
    let script = (0..20).map(|_| Box::new(refuse) as Answer);
    let mut house = house(Topic::answering(script));
    let (chunk, _) = house.chunk(0, &["a", "b"]);
    tokio::spawn(house.shared.clone().deliver(vec![chunk]));
    house.until(|c| matches!(c, Condition::Wrong(_))).await;
    assert!(!house.shared.health.is_ready());
    assert_eq!(house.fates().await, Fates::default());
    assert_eq!(house.topic.written(), "a b");
    assert!(house.shared.health.is_ready());
}

/// *Scenario:* one message is larger than a batch and than the topic takes; another, smaller than a batch, is too large
/// too, and its whole batch is refused with it.
/// *Guarantees:* both become dead letters of this output, at their own inputs; the others are delivered in order.
#[tokio::test(start_paused = true)]
async fn what_is_too_large_is_refused_alone() {
    let huge = "h".repeat(200);
    fn judge(values: &[String]) -> Vec<Result<(), SendError>> {
        let has_fat = values.iter().any(|v| v == "fat");
        let of = |v: &String| match has_fat || v.len() > 100 {
            true => no(SendError::TooLarge),
            false => Ok(()),
        };
        values.iter().map(of).collect()
    }
    let script = (0..20).map(|_| Box::new(judge) as Answer);
    let mut house = house(Topic::answering(script));
    let (chunk, _) = house.chunk(0, &["a", &huge, "b", "fat", "c"]);
    house.shared.clone().deliver(vec![chunk]).await;
    let fates = house.fates().await;
    assert_eq!(fates.dead.keys().copied().collect::<Vec<_>>(), [1, 3]);
    assert!(
        fates
            .dead
            .values()
            .all(|d| &*d.by == "lake" && !d.maybe_delivered)
    );
    assert_eq!(house.topic.written(), "a b c");
    let m = &house.shared.metrics;
    assert_eq!((m.records.get(), m.refused.get()), (3, 2));
}

/// *Scenario:* the topic refuses timestamps. *Guarantees:* they are sent again without, at once.
#[tokio::test(start_paused = true)]
async fn a_refused_time_is_left_out() {
    let refuse = |values: &[String]| vec![no(SendError::Timestamp); values.len()];
    let mut house = house(Topic::answering([Box::new(refuse) as Answer]));
    let (chunk, _) = house.chunk(0, &["a", "b"]);
    house.shared.clone().deliver(vec![chunk]).await;
    assert_eq!(house.fates().await, Fates::default());
    let seen = house.topic.seen.lock().unwrap();
    let times: Vec<_> = seen.iter().map(|r| r.timestamp_ms).collect();
    assert_eq!(times, [Some(7), Some(7), None, None]);
}

/// *Scenario:* an output is away for ever; the partition of one of two chunks goes to another process.
/// *Guarantees:* rule 10: that chunk is let go and the other still waits, until its partition goes too.
#[tokio::test(start_paused = true)]
async fn rule_10_nobody_is_waited_for_in_vain() {
    let away = |values: &[String]| vec![no(SendError::Away); values.len()];
    let script = (0..10_000).map(|_| Box::new(away) as Answer);
    let mut house = house(Topic::answering(script));
    let ((first, one), (second, two)) = (house.chunk(0, &["a"]), house.chunk(1, &["b"]));
    tokio::spawn(house.shared.clone().deliver(vec![first, second]));
    house.until(|c| matches!(c, Condition::Away(_))).await;
    one.drain();
    assert_eq!(house.end().await, End::Cancelled);
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert!(house.answers.try_recv().is_err());
    two.drain();
    assert_eq!(house.end().await, End::Cancelled);
    assert_eq!(house.topic.written(), "");
}

/// *Scenario:* through the pump: two chunks of one partition, of which the first hangs, and one of another partition.
/// *Guarantees:* rule 9 and promise 3: the second chunk is not begun before the first is through; the other partition
/// goes on; a chunk without messages is closed at once.
#[tokio::test(start_paused = true)]
async fn rule_9_partitions_do_not_wait_for_each_other() {
    let topic = Topic {
        gate: Some(("a", Semaphore::new(0))),
        ..Topic::default()
    };
    let mut house = house(Arc::new(topic));
    let (outlet, mut pump) = pump::start(house.shared.clone());
    outlet.send(house.chunk(0, &["a1", "a2"]).0);
    tokio::task::yield_now().await;
    outlet.send(house.chunk(0, &["b"]).0);
    outlet.send(house.chunk(1, &["c"]).0);
    outlet.send(house.chunk(2, &[]).0);
    for _ in 0..2 {
        house.fates().await;
    }
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(house.topic.written(), "c");
    house.topic.gate.as_ref().unwrap().1.add_permits(1);
    for _ in 0..2 {
        house.fates().await;
    }
    assert_eq!(house.topic.written(), "c a1 a2 b");
    drop(outlet);
    timeout(LIMIT, pump.finished()).await.expect("it ends");
}
