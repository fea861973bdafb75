//! Time that goes by without records.

use super::*;
use crate::model::Purpose;
use std::time::{SystemTime, UNIX_EPOCH};

/// What a lane was given: offsets, or how far time went by, in Unix milliseconds.
#[derive(Clone, Debug, PartialEq)]
enum Given {
    Records(Vec<i64>),
    Tick { position: i64, now_ms: u64 },
}

fn wall_ms() -> u64 {
    let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    wall.as_millis() as u64
}

/// *Scenario:* a partition ticks at its end; then Kafka answers no question for ends any more, records come, and it answers
/// again.
/// *Guarantees:* while nobody knows whether more has come no time goes by, however often it was asked; what came is given to
/// the lane before any time of the silence, and then time goes by again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn time_stands_still_while_kafka_is_silent() {
    let fake = filled(1, 3).await;
    let all: Arc<Mutex<Vec<Given>>> = Arc::default();
    let lanes = {
        let all = all.clone();
        move |_: &Partition, batch: RawBatch| {
            let offsets = batch.leg.raw().unwrap().offset.clone();
            all.lock().unwrap().push(match batch.purpose {
                Purpose::Tick { now_ms, position } => Given::Tick { position, now_ms },
                _ => Given::Records(offsets),
            });
            batch.leg.close();
        }
    };
    let given = || all.lock().unwrap().clone();
    let ticks_after = |ms: u64| {
        let is_tick = move |g: &Given| matches!(g, Given::Tick { now_ms, .. } if *now_ms > ms);
        given().iter().position(is_tick)
    };
    let mut settings = settings(&fake.address());
    settings.until_end = false;
    settings.tick_after = Some(Duration::ZERO);
    settings.cluster.connect_timeout = Duration::from_millis(500);
    settings.cluster.request_timeout = Duration::from_millis(500);
    let member = Member::start(settings, lanes);
    let begun = wall_ms() - 2_000;
    until("a tick", || ticks_after(begun).is_some()).await;
    assert_eq!(member.settle.count(), 3);
    fake.silence_ends();
    // Ticks stay two seconds behind the moment at which the end was asked for.
    let silent = wall_ms() - 2_000;
    let asked = fake.questions_for_ends() + 3;
    until("questions", || fake.questions_for_ends() >= asked).await;
    assert_eq!(ticks_after(silent), None, "{:?}", given());
    fake.produce("logs", 0, 2).await;
    fake.answer_again();
    until("time goes by", || ticks_after(silent).is_some()).await;
    let given = given();
    let first = ticks_after(silent).unwrap();
    let came: Vec<&Given> = given[..first]
        .iter()
        .filter(|g| matches!(g, Given::Records(_)))
        .collect();
    assert!(came.len() > 1, "{given:?}");
    assert!(
        matches!(given[first], Given::Tick { position: 5, .. }),
        "{given:?}"
    );
    member.stop().await;
}
