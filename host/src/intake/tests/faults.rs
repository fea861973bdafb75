//! What goes wrong, and how reading goes on.

use super::*;
use crate::model::Leg;
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};

/// *Scenario:* a lane drops the first batch that holds offset 12 of a partition without an answer.
/// *Guarantees:* reading goes back to what can be committed; in the end every record is read, and all is
/// committed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_abandoned_batch_is_read_again() {
    let fake = filled(2, 40).await;
    let is_dropped = AtomicBool::new(false);
    let lanes = move |partition: &Partition, batch: RawBatch| {
        let holds = batch.leg.raw().is_some_and(|raw| raw.offset.contains(&12));
        if partition.index == 0 && holds && !is_dropped.swap(true, Ordering::Relaxed) {
            drop(batch);
        } else {
            batch.leg.close();
        }
    };
    let mut settings = settings(&fake.address());
    settings.until_end = false;
    let member = Member::start(settings, lanes);
    until("all", || {
        member
            .settle
            .read()
            .values()
            .map(|v| v.iter().collect::<BTreeSet<_>>().len())
            .sum::<usize>()
            == 80
    })
    .await;
    member.stop().await;
    for index in 0..2 {
        assert_eq!(fake.committed("group", "logs", index), Some(40));
    }
}

/// *Scenario:* the group has committed 5, and Kafka has deleted all before 20 since; of another partition it
/// says once, in the middle, that the position is out of range.
/// *Guarantees:* reading begins at 20 and the 15 lost offsets are counted; the other partition is looked up
/// again and goes on without a gap or a repeat.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn retention_is_counted() {
    let fake = filled(1, 5).await;
    let mut first = Member::start(settings(&fake.address()), close_at_once);
    first.ended().await.unwrap();
    fake.produce("logs", 0, 25).await;
    fake.delete_before("logs", 0, 20);
    fake.out_of_range_once();
    let mut second = Member::start(settings(&fake.address()), close_at_once);
    assert_eq!(second.ended().await.unwrap(), Stopped::AtEnd);
    assert_eq!(second.settle.read()[&logs(0)], (20..30).collect::<Vec<_>>());
    assert_eq!(second.metrics.retention_loss.get(), 15);
    assert_eq!(fake.committed("group", "logs", 0), Some(30));
}

/// *Scenario:* the group has committed 5 of 9; asked for it, the coordinator says nothing of the partition for a while; whoever
/// has committed nothing begins at the end.
/// *Guarantees:* readiness says why nothing is read; it is asked again, and reading goes on at 5: silence is not "nothing is
/// committed".
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_that_is_not_told_is_asked_for_again() {
    let fake = filled(1, 5).await;
    let mut first = Member::start(settings(&fake.address()), close_at_once);
    first.ended().await.unwrap();
    fake.produce("logs", 0, 4).await;
    fake.leave_out_commits();
    let mut settings = settings(&fake.address());
    settings.start = Start::Latest;
    let mut second = Member::start(settings, close_at_once);
    let why = "logs/0 waits for its place in the log: could not fetch committed offsets: ";
    until("a reason", || {
        let reasons = second.readiness.reasons();
        reasons.iter().any(|(_, reason)| reason.starts_with(why))
    })
    .await;
    fake.answer_again();
    assert_eq!(second.ended().await.unwrap(), Stopped::AtEnd);
    assert_eq!(second.settle.read()[&logs(0)], (5..9).collect::<Vec<_>>());
}

/// *Scenario:* topics are chosen by a pattern; one is added, and one gets another partition, while reading.
/// *Guarantees:* both are read, and nothing twice.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn topics_and_partitions_that_come_later() {
    let fake = filled(1, 3).await;
    let mut settings = settings(&fake.address());
    settings.topics = Vec::new();
    settings.topic_patterns = vec![regex::Regex::new("^logs").unwrap()];
    settings.until_end = false;
    let member = Member::start(settings, close_at_once);
    until("the first topic", || member.settle.count() == 3).await;
    fake.create("logs.more", 1);
    fake.produce("logs.more", 0, 4).await;
    until("a topic that came later", || member.settle.count() == 7).await;
    fake.add_partitions("logs", 2);
    fake.produce("logs", 1, 5).await;
    until("a partition that came later", || {
        member.settle.count() == 12
    })
    .await;
    member.stop().await;
}

/// *Scenario:* lanes keep what they get until no more may be in flight; more records come; then the lanes let
/// go of everything.
/// *Guarantees:* what comes meanwhile waits in Kafka although the member is alive, and all is read once it
/// drains.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pressure_pauses_and_resumes() {
    let fake = filled(2, 100).await;
    let kept: Arc<Mutex<Option<Vec<Leg>>>> = Arc::new(Mutex::new(Some(Vec::new())));
    let lanes = {
        let kept = kept.clone();
        move |_: &Partition, batch: RawBatch| match kept.lock().unwrap().as_mut() {
            Some(kept) => kept.push(batch.leg),
            None => batch.leg.close(),
        }
    };
    let mut settings = settings(&fake.address());
    settings.until_end = false;
    // A record weighs 71 bytes, three times: 200 of them are 42,600.
    settings.batch.bytes = 1 << 10;
    settings.max_in_flight_bytes = 40_000;
    let member = Member::start(settings, lanes);
    until("all there is", || member.metrics.records_in.get() == 200).await;
    until("what is in flight", || {
        member.metrics.in_flight_bytes.get() > 40_000
    })
    .await;
    for index in 0..2 {
        fake.produce("logs", index, 100).await;
    }
    let alive = fake.heartbeats() + 10;
    until("signs of life", || fake.heartbeats() >= alive).await;
    assert_eq!(member.metrics.records_in.get(), 200);
    let legs = kept.lock().unwrap().take().unwrap();
    legs.into_iter().for_each(Leg::close);
    until("the rest", || member.settle.count() == 400).await;
    member.stop().await;
}

/// *Scenario:* the group says again and again that another process has this member's instance id.
/// *Guarantees:* it ends with the reason, instead of fighting for ever.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shared_instance_id_is_fatal() {
    let fake = filled(1, 3).await;
    fake.fence_always();
    let mut settings = settings(&fake.address());
    settings.group_instance_id = Some("twin".into());
    settings.until_end = false;
    let mut member = Member::start(settings, close_at_once);
    let fatal = member.ended().await.unwrap_err();
    assert!(
        fatal.to_string().contains("group_instance_id twin"),
        "{fatal}"
    );
}

/// *Scenario:* settle says that the process must end; and nobody can be connected to while a stop is asked
/// for.
/// *Guarantees:* the one ends with that reason, the other ends at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ends_when_told() {
    let fake = filled(1, 3).await;
    let mut endless = settings(&fake.address());
    endless.until_end = false;
    let mut member = Member::start(endless, close_at_once);
    member
        .settle
        .directives
        .send(Directive::Fatal("three times".into()))
        .unwrap();
    assert_eq!(member.ended().await.unwrap_err().to_string(), "three times");

    let nobody = Member::start(settings("127.0.0.1:1"), close_at_once);
    nobody.stop().await;
}
