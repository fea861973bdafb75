//! The task with a committer that does as it is told, on a clock that does not run.

use super::*;
use crate::model::{DeadReason, Gauge, Generation, Leg, Partition, RawRecord, RawRecords, Receipt};
use crate::settle::{Handle, channel};
use std::sync::Mutex;

mod findings;
const INTERVAL: Duration = Duration::from_secs(5);
const DRAIN: Duration = Duration::from_secs(30);
/// Longer than anything here may take.
const LIMIT: Duration = Duration::from_secs(600);

/// Notes what it is asked to commit, and answers what is next in its script, then yes.
#[derive(Default)]
struct Scripted {
    seen: Mutex<Vec<Vec<(Partition, i64)>>>,
    script: Mutex<Vec<Answer>>,
}

#[derive(Clone, Copy)]
enum Answer {
    Fail,
    Hang,
    Slow(Duration),
}

impl Committer for Scripted {
    async fn commit(&self, offsets: Vec<(Partition, i64)>) -> Result<(), CommitError> {
        self.seen.lock().unwrap().push(offsets);
        let answer = self.script.lock().unwrap().pop();
        match answer {
            Some(Answer::Fail) => return Err(CommitError("rebalance in progress".to_owned())),
            Some(Answer::Hang) => std::future::pending().await,
            Some(Answer::Slow(time)) => tokio::time::sleep(time).await,
            None => {}
        }
        Ok(())
    }
}

struct House {
    handle: Handle,
    committer: Arc<Scripted>,
    directives: mpsc::UnboundedReceiver<Directive>,
    dead: mpsc::UnboundedReceiver<DeadBatch>,
    reports: mpsc::UnboundedSender<Report>,
    metrics: PipelineMetrics,
    gauge: Gauge,
}

fn house(keeps_dead_letters: bool) -> House {
    let (handle, inbox) = channel();
    let (outbox, directives) = mpsc::unbounded_channel();
    let (batches, dead) = mpsc::unbounded_channel();
    let (reports, reported) = mpsc::unbounded_channel();
    let (committer, metrics) = (Arc::<Scripted>::default(), PipelineMetrics::default());
    let savers = Arc::new(crate::settle::memory::tests::NoLanes);
    let (memory, written) = Memories::new(None, "shop", savers);
    let task = Task {
        pipeline: "shop".to_owned(),
        metrics: metrics.clone(),
        committer: committer.clone(),
        directives: outbox,
        dead_letters: keeps_dead_letters.then_some(batches),
        state: State::new(memory),
    };
    tokio::spawn(task.run(inbox, reported, written, INTERVAL));
    House {
        handle,
        committer,
        directives,
        dead,
        reports,
        metrics,
        gauge: Gauge::default(),
    }
}

fn partition(index: i32) -> Partition {
    Partition::new("logs", index)
}

impl House {
    fn assigned(&self, index: i32, position: i64) -> Generation {
        let generation = Generation::begin();
        self.handle
            .assigned(&partition(index), &generation, position, true);
        generation
    }

    fn begin(&self, index: i32, generation: &Generation, start: i64, end: i64) -> Leg {
        let receipt = Receipt {
            partition: partition(index),
            generation: generation.clone(),
            start,
            end,
        };
        self.handle.begin(&receipt);
        let mut raw = RawRecords::new(partition(index));
        for offset in start..end {
            let record = RawRecord {
                offset,
                timestamp_ms: -1,
                key: None,
                value: None,
            };
            raw.push(record, []);
        }
        let door = Arc::new(self.handle.clone());
        Leg::open(receipt, raw, self.gauge.hold(1), door)
    }

    fn script<const N: usize>(&self, mut answers: [Answer; N]) {
        answers.reverse();
        *self.committer.script.lock().unwrap() = answers.into();
    }

    /// What was committed, as partition number and offset.
    fn commits(&self) -> Vec<Vec<(i32, i64)>> {
        let seen = self.committer.seen.lock().unwrap();
        let short = |c: &Vec<(Partition, i64)>| c.iter().map(|(p, o)| (p.index, *o)).collect();
        seen.iter().map(short).collect()
    }

    fn balance(&self) -> (u64, u64, u64) {
        let m = &self.metrics;
        (m.delivered.get(), m.dropped.get(), m.dead_lettered.get())
    }

    /// After this, every message sent before has been taken.
    async fn status(&self) -> Status {
        self.handle.status().await.expect("the task lives")
    }

    async fn ticks(&self, ticks: u32) {
        tokio::time::sleep(INTERVAL * ticks + Duration::from_millis(10)).await;
    }

    async fn read_again(&mut self) -> (i32, i64) {
        match timeout(LIMIT, self.directives.recv()).await {
            Ok(Some(Directive::ReadAgain { partition, offset })) => (partition.index, offset),
            other => panic!("{other:?}"),
        }
    }
}

fn refused(leg: &Leg, input: u32) {
    leg.refuse(
        input,
        DeadReason {
            by: "json".into(),
            version: "1.0.0".into(),
            reason: "no".to_owned(),
            maybe_delivered: false,
        },
    );
}

/// *Scenario:* two partitions; in one the later batch is done first; ticks pass before and after.
/// *Guarantees:* each tick commits exactly what is done without a hole, nothing where nothing is new; inputs are
/// counted when their range closes, once; the memory is let go.
#[tokio::test(start_paused = true)]
async fn promise_2_ticks_commit_what_is_done_without_a_hole() {
    let house = house(false);
    let (zero, one) = (house.assigned(0, 100), house.assigned(1, 0));
    let first = house.begin(0, &zero, 100, 110);
    let second = house.begin(0, &zero, 110, 130);
    second.dropped(5);
    second.close();
    house.begin(1, &one, 0, 7).close();
    house.ticks(1).await;
    assert_eq!(house.commits(), [[(1, 7)]]);
    first.close();
    house.ticks(2).await;
    assert_eq!(house.commits(), [[(1, 7)], [(0, 130)]]);
    assert_eq!(house.balance(), (32, 5, 0));
    assert_eq!(house.metrics.commits.get(), 2);
    assert_eq!(house.gauge.total_bytes(), 0);
    let positions = house.status().await.positions;
    assert_eq!((positions[0].committed, positions[0].open), (130, 0));
}

/// *Scenario:* a commit fails, the next one hangs; meanwhile another batch is done.
/// *Guarantees:* the ledger stays as it was; answers are taken while the commit hangs; it is given up at its
/// limit and the next one has everything.
#[tokio::test(start_paused = true)]
async fn a_failed_commit_changes_nothing_and_comes_again() {
    let house = house(false);
    let zero = house.assigned(0, 0);
    house.script([Answer::Fail, Answer::Hang]);
    house.begin(0, &zero, 0, 10).close();
    house.ticks(1).await;
    assert_eq!(house.status().await.positions[0].committed, 0);
    house.ticks(1).await;
    house.begin(0, &zero, 10, 20).close();
    assert_eq!(house.status().await.positions[0].done, 20);
    tokio::time::sleep(COMMIT_LIMIT + INTERVAL).await;
    assert_eq!(house.commits(), [[(0, 10)], [(0, 10)], [(0, 20)]]);
    assert_eq!(house.status().await.positions[0].committed, 20);
    assert_eq!(house.metrics.commit_failures.get(), 2);
}

/// *Scenario:* a lane drops a batch; other batches of the partition are done before and after. Then it is read
/// again under a new generation.
/// *Guarantees:* nothing of the ended generation is committed or counted any more; intake is told to go on at the
/// committed offset; the second round is committed.
#[tokio::test(start_paused = true)]
async fn promise_1_silence_means_read_again() {
    let mut house = house(false);
    let old = house.assigned(0, 50);
    let legs = [50, 60, 70].map(|start| house.begin(0, &old, start, start + 10));
    let [before, lost, after] = legs;
    before.close();
    drop(lost);
    assert_eq!(house.read_again().await, (0, 50));
    assert!(old.has_ended());
    after.close();
    house.ticks(1).await;
    assert!(house.commits().is_empty());
    assert_eq!(house.balance(), (10, 0, 0));
    let new = house.assigned(0, 50);
    house.begin(0, &new, 50, 80).close();
    house.ticks(1).await;
    assert_eq!(house.commits(), [[(0, 80)]]);
    assert_eq!(house.metrics.abandoned.get(), 1);
}

/// *Scenario:* the same batch is dropped again and again.
/// *Guarantees:* the third time ends the process, with the partition and the offset in the reason.
#[tokio::test(start_paused = true)]
async fn rule_4_the_third_time_is_fatal() {
    let mut house = house(false);
    for _ in 0..2 {
        let generation = house.assigned(0, 50);
        drop(house.begin(0, &generation, 50, 60));
        assert_eq!(house.read_again().await, (0, 50));
    }
    let generation = house.assigned(0, 50);
    drop(house.begin(0, &generation, 50, 60));
    match timeout(LIMIT, house.directives.recv()).await {
        Ok(Some(Directive::Fatal(reason))) => {
            assert!(
                reason.contains("logs/0") && reason.contains("50"),
                "{reason}"
            );
        }
        other => panic!("{other:?}"),
    }
}

/// *Scenario:* two partitions are revoked, one has a batch under way, which is done after 3 s, and one that nobody has
/// begun. A third stays.
/// *Guarantees:* the revocation waits for the one under way and not for the other, which is thrown away; it commits,
/// ends both generations and then returns; batches that come later change nothing; the third partition lives on.
#[tokio::test(start_paused = true)]
async fn rule_10_revoked_partitions_are_drained_and_committed() {
    let house = house(false);
    let generations = [0, 1, 2].map(|index| house.assigned(index, 0));
    let under_way = house.begin(0, &generations[0], 0, 10);
    let waiting = house.begin(0, &generations[0], 10, 15);
    house.begin(1, &generations[1], 0, 20).close();
    let revoke = house
        .handle
        .revoke([0, 1, 9].map(partition).to_vec(), DRAIN);
    let begun = Instant::now();
    let work = async {
        tokio::time::sleep(Duration::from_secs(3)).await;
        assert!(waiting.is_cancelled() && !generations[0].has_ended());
        drop(waiting);
        under_way.close();
    };
    tokio::join!(revoke, work);
    assert_eq!(begun.elapsed(), Duration::from_secs(3));
    assert_eq!(house.commits().last(), Some(&vec![(0, 10), (1, 20)]));
    assert!(generations[0].has_ended() && generations[1].has_ended());
    assert!(!generations[2].has_ended());
    house.begin(0, &generations[0], 15, 20).close();
    house.ticks(2).await;
    assert_eq!(house.commits().len(), 1);
    assert_eq!(house.balance(), (30, 0, 0));
}

/// *Scenario:* partitions without anything open are revoked: one has something to commit, one has not; then one
/// that nobody knows.
/// *Guarantees:* no time passes; the first is committed.
#[tokio::test(start_paused = true)]
async fn rule_10_a_revocation_with_nothing_open_returns_at_once() {
    let house = house(false);
    let (zero, one) = (house.assigned(0, 0), house.assigned(1, 5));
    house.begin(0, &zero, 0, 10).close();
    let begun = Instant::now();
    for index in [0, 1, 7] {
        house.handle.revoke(vec![partition(index)], DRAIN).await;
    }
    assert_eq!(begun.elapsed(), Duration::ZERO);
    assert_eq!(house.commits(), [[(0, 10)]]);
    assert!([zero, one].iter().all(Generation::has_ended));
}

/// *Scenario:* a revoked partition has a batch done and one that never ends; whoever asked goes away.
/// *Guarantees:* at the limit what is done is committed and the generation ends, though nobody waits.
#[tokio::test(start_paused = true)]
async fn rule_10_a_drain_ends_at_its_limit() {
    let house = house(false);
    let zero = house.assigned(0, 0);
    house.begin(0, &zero, 0, 10).close();
    house.ticks(1).await;
    house.begin(0, &zero, 10, 20).close();
    let _stuck = house.begin(0, &zero, 20, 30);
    let revoke = house.handle.revoke(vec![partition(0)], INTERVAL / 2);
    assert!(timeout(INTERVAL / 4, revoke).await.is_err());
    assert!(zero.is_draining() && !zero.has_ended());
    tokio::time::sleep(INTERVAL / 2).await;
    assert!(zero.has_ended());
    assert_eq!(house.commits(), [[(0, 10)], [(0, 20)]]);
    assert!(house.status().await.positions.is_empty());
}

/// *Scenario:* a partition is revoked while a commit of it is under way, which takes 4 s; and again when every
/// commit fails.
/// *Guarantees:* the revocation returns after that commit, never before, and asks for no second one; a failed
/// commit does not keep the partition.
#[tokio::test(start_paused = true)]
async fn rule_10_a_revocation_waits_for_the_commit_under_way() {
    let house = house(false);
    let zero = house.assigned(0, 0);
    house.script([Answer::Slow(Duration::from_secs(4)), Answer::Fail]);
    house.begin(0, &zero, 0, 10).close();
    house.ticks(1).await;
    let begun = Instant::now();
    house.handle.revoke(vec![partition(0)], DRAIN).await;
    assert!(begun.elapsed() > Duration::from_secs(3));
    assert_eq!(house.commits(), [[(0, 10)]]);
    let again = house.assigned(0, 10);
    house.begin(0, &again, 10, 20).close();
    house.handle.revoke(vec![partition(0)], DRAIN).await;
    assert!(again.has_ended());
    assert_eq!(house.commits().len(), 2);
}

/// *Scenario:* a partition with something to commit is lost, while a revocation of it is going on.
/// *Guarantees:* it is never committed; the revocation returns.
#[tokio::test(start_paused = true)]
async fn rule_10_lost_partitions_are_never_committed() {
    let house = house(false);
    let zero = house.assigned(0, 0);
    house.begin(0, &zero, 0, 10).close();
    let under_way = house.begin(0, &zero, 10, 20);
    let revoke = house.handle.revoke(vec![partition(0)], DRAIN);
    let lose = async {
        house.status().await;
        house.handle.lost(vec![partition(0)]);
    };
    tokio::join!(revoke, lose);
    assert!(under_way.is_cancelled());
    drop(under_way);
    house.ticks(2).await;
    assert!(house.commits().is_empty());
}

/// *Scenario:* one input of a batch is dead, one was dropped on purpose, two were delivered; its letter is
/// refused for a while and acknowledged then. The next batch is done meanwhile.
/// *Guarantees:* nothing is committed or counted before the letter is acknowledged; the status says who is held
/// and why, until then; the memory counts as in flight until then.
#[tokio::test(start_paused = true)]
async fn promise_1_dead_letters_are_acknowledged_before_the_commit() {
    let mut house = house(true);
    let zero = house.assigned(0, 0);
    let leg = house.begin(0, &zero, 0, 4);
    refused(&leg, 2);
    leg.dropped(1);
    leg.close();
    house.begin(0, &zero, 4, 6).close();
    let batch = timeout(LIMIT, house.dead.recv()).await.unwrap().unwrap();
    assert_eq!(batch.fates.dead.keys().collect::<Vec<_>>(), [&2]);
    let no = Stuck::Refused("not authorized".to_owned());
    let stuck = Report::Stuck(batch.receipt.clone(), no);
    house.reports.send(stuck).unwrap();
    house.ticks(1).await;
    assert_eq!(house.balance(), (2, 0, 0));
    assert!(house.commits().is_empty());
    let held = house.status().await.held;
    assert_eq!(held, [(partition(0), "not authorized".to_owned())]);
    assert_eq!(house.gauge.total_bytes(), batch.raw.weight());
    house.reports.send(Report::Buried(Box::new(batch))).unwrap();
    house.ticks(1).await;
    assert_eq!(house.commits(), [[(0, 6)]]);
    assert_eq!(house.balance(), (4, 1, 1));
    assert!(house.status().await.held.is_empty());
    assert_eq!(house.gauge.total_bytes(), 0);
}

/// *Scenario:* letters of a batch are acknowledged only after its partition was lost; and a batch of an ended
/// generation with dead inputs comes in.
/// *Guarantees:* neither is counted nor committed; the second is not even sent.
#[tokio::test(start_paused = true)]
async fn dead_letters_of_an_ended_generation_count_for_nothing() {
    let mut house = house(true);
    let zero = house.assigned(0, 0);
    let (sent, late) = (house.begin(0, &zero, 0, 4), house.begin(0, &zero, 4, 8));
    refused(&sent, 0);
    sent.close();
    let batch = timeout(LIMIT, house.dead.recv()).await.unwrap().unwrap();
    house.handle.lost(vec![partition(0)]);
    house.status().await;
    refused(&late, 0);
    late.close();
    house.reports.send(Report::Buried(Box::new(batch))).unwrap();
    house.ticks(1).await;
    assert_eq!(house.balance(), (0, 0, 0));
    assert!(house.commits().is_empty());
    assert!(house.dead.try_recv().is_err());
}

/// *Scenario:* dead letters are discarded by configuration; one refusal names an input that the batch has not.
/// *Guarantees:* the dead are counted and done at once; the balance is that of the inputs.
#[tokio::test(start_paused = true)]
async fn discarded_dead_letters_are_counted() {
    let house = house(false);
    let zero = house.assigned(0, 0);
    let leg = house.begin(0, &zero, 0, 4);
    [0, 3, 77].iter().for_each(|input| refused(&leg, *input));
    leg.dropped(1);
    leg.close();
    house.ticks(1).await;
    assert_eq!(house.balance(), (1, 1, 2));
    assert_eq!(house.commits(), [[(0, 4)]]);
}

/// *Scenario:* a clean stop with a batch under way; the last commit fails twice.
/// *Guarantees:* it waits for the batch, commits until it succeeds, ends the generation; afterwards everything is
/// ignored without waiting.
#[tokio::test(start_paused = true)]
async fn a_clean_stop_commits_everything() {
    let house = house(false);
    let zero = house.assigned(0, 0);
    house.script([Answer::Fail, Answer::Fail]);
    let under_way = house.begin(0, &zero, 0, 10);
    let work = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        under_way.close();
    };
    let (finished, ()) = tokio::join!(house.handle.finish(DRAIN), work);
    assert_eq!(finished, Some(Finished::Settled));
    assert_eq!(house.commits(), [[(0, 10)], [(0, 10)], [(0, 10)]]);
    assert!(zero.has_ended());
    house.handle.revoke(vec![partition(0)], DRAIN).await;
    assert_eq!(house.handle.status().await, None);
    assert_eq!(house.handle.finish(DRAIN).await, None);
}

/// *Scenario:* a clean stop with one batch that never ends and commits that fail for ever.
/// *Guarantees:* it ends at its limit and says what is left.
#[tokio::test(start_paused = true)]
async fn a_clean_stop_ends_at_its_limit() {
    let house = house(false);
    let zero = house.assigned(0, 0);
    house.script([Answer::Fail; 1000]);
    house.begin(0, &zero, 0, 10).close();
    let never = house.begin(0, &zero, 10, 20);
    let begun = Instant::now();
    let left = Finished::Left {
        open: 1,
        uncommitted: 1,
    };
    assert_eq!(house.handle.finish(DRAIN).await, Some(left));
    assert_eq!(begun.elapsed(), DRAIN);
    assert!(never.is_cancelled());
}

/// *Scenario:* the task that sends dead letters breaks with a batch in its hands.
/// *Guarantees:* the process is told to end rather than to wait for ever.
#[tokio::test(start_paused = true)]
async fn a_broken_dead_letter_task_is_fatal() {
    let mut house = house(true);
    let zero = house.assigned(0, 0);
    let leg = house.begin(0, &zero, 0, 4);
    refused(&leg, 0);
    leg.close();
    drop(timeout(LIMIT, house.dead.recv()).await);
    drop(house.reports);
    let told = timeout(LIMIT, house.directives.recv()).await;
    assert!(matches!(told, Ok(Some(Directive::Fatal(_)))), "{told:?}");
}

/// *Scenario:* offsets skipped between two batches, and a batch that jumps back.
/// *Guarantees:* the first is counted as lost to retention and goes on; the second is read again from the lower
/// offset under a new generation.
#[tokio::test(start_paused = true)]
async fn jumps_forward_are_counted_and_jumps_back_read_again() {
    let mut house = house(false);
    let zero = house.assigned(0, 10);
    house.begin(0, &zero, 25, 30).close();
    house.status().await;
    assert_eq!(house.metrics.retention_loss.get(), 15);
    let back = house.begin(0, &zero, 5, 8);
    assert_eq!(house.read_again().await, (0, 5));
    assert!(back.is_cancelled());
}
