//! Reading as it should go.

use super::*;

/// *Scenario:* three partitions are read to their end; then once more by the same group, with more records in
/// one of them.
/// *Guarantees:* every record is read once and in order, what is committed is the end, and the second time
/// only the new ones are read.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reads_to_the_end_and_goes_on_from_there() {
    let fake = filled(3, 25).await;
    let mut first = Member::start(settings(&fake.address()), close_at_once);
    assert_eq!(first.ended().await.unwrap(), Stopped::AtEnd);
    for index in 0..3 {
        assert_eq!(
            first.settle.read()[&logs(index)],
            (0..25).collect::<Vec<_>>()
        );
        assert_eq!(fake.committed("group", "logs", index), Some(25));
    }
    assert_eq!(first.metrics.records_in.get(), 75);
    assert_eq!(fake.members_left(), 1);

    fake.produce("logs", 1, 2).await;
    let mut second = Member::start(settings(&fake.address()), close_at_once);
    assert_eq!(second.ended().await.unwrap(), Stopped::AtEnd);
    assert_eq!(
        second.settle.read(),
        BTreeMap::from([(logs(1), vec![25, 26])])
    );
}

/// *Scenario:* a static member is asked to stop.
/// *Guarantees:* it stops, and says nothing to the group, so that it finds its partitions again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_static_member_stays_in_the_group() {
    let fake = filled(1, 3).await;
    let mut settings = settings(&fake.address());
    settings.group_instance_id = Some("one".into());
    settings.until_end = false;
    let member = Member::start(settings, close_at_once);
    until("records", || member.settle.count() == 3).await;
    member.stop().await;
    assert_eq!(fake.committed("group", "logs", 0), Some(3));
    assert_eq!(fake.members_left(), 0);
}

/// *Scenario:* the group rebalances while the member reads, and gives it the same partitions again; records
/// come throughout.
/// *Guarantees:* settle is told to let go, what was done is committed first, and every record is read exactly
/// once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rebalance_repeats_nothing() {
    let fake = filled(4, 10).await;
    let mut settings = settings(&fake.address());
    settings.until_end = false;
    let member = Member::start(settings, close_at_once);
    until("all", || member.settle.count() == 40).await;
    fake.rebalance_once();
    until("a revocation", || {
        member.settle.ledger.lock().unwrap().revoked > 0
    })
    .await;
    assert_eq!(fake.committed("group", "logs", 3), Some(10));
    for index in 0..4 {
        fake.produce("logs", index, 5).await;
    }
    until("what came later", || member.settle.count() == 60).await;
    for index in 0..4 {
        assert_eq!(
            member.settle.read()[&logs(index)],
            (0..15).collect::<Vec<_>>()
        );
    }
    assert!(member.metrics.rebalances.get() > 1);
    member.stop().await;
}

/// *Scenario:* the group forgets the member, which has read records and committed none.
/// *Guarantees:* nothing is committed for what was lost; once the member is back, all is read again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_loss_commits_nothing() {
    let fake = filled(1, 10).await;
    let mut settings = settings(&fake.address());
    settings.until_end = false;
    let member = Member::start(settings, close_at_once);
    until("all", || member.settle.count() == 10).await;
    fake.forget_member_once();
    until("all again", || member.settle.count() == 20).await;
    assert_eq!(fake.committed("group", "logs", 0), None);
    member.stop().await;
    assert_eq!(fake.committed("group", "logs", 0), Some(10));
}
