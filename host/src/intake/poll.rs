//! The poll loop: its steps by name, then each step.

use super::assignment::Event;
use super::batcher::{Feedback, Idle};
use super::pressure::{Change, FORMS_OF_A_RECORD};
use super::run::{COLUMNS_A_RECORD, Session, Turned, unless};
use super::tenancy::State;
use super::{Fatal, Intake, Lanes, Settle, Stopped};
use crate::kafka::{KafkaError, Polled, Run};
use crate::model::{Door, Leg, Outcome, Partition, Purpose, RawBatch, RawRecord};
use crate::settle::Directive;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc::error::TryRecvError;
use tokio::sync::watch;
use tokio::time::Instant;

/// How long a poll waits for records: as long as a stop, a directive or a new place may have to wait.
const POLL_TIMEOUT: Duration = Duration::from_millis(50);
/// The same while a partition is paused or waits for its place: how late it may be resumed.
const POLL_TIMEOUT_PAUSED: Duration = Duration::from_millis(20);
/// How often positions and lag are looked at.
const SURVEY_INTERVAL: Duration = Duration::from_millis(250);
/// So often within [`FENCED_WINDOW`] is not a coordinator that moved.
const FENCED_MAX: usize = 3;
/// See [`FENCED_MAX`].
const FENCED_WINDOW: Duration = Duration::from_secs(60);

// === impl Intake: the loop ===

impl<S: Settle, L: Lanes> Intake<S, L> {
    pub(super) async fn read(
        &mut self,
        session: &mut Session,
        stop: &mut watch::Receiver<bool>,
    ) -> Result<Turned, Fatal> {
        loop {
            if *stop.borrow() {
                return Ok(Turned::Stopped(Stopped::Asked));
            }
            if let Some(reason) = session.watch.notice() {
                return Ok(Turned::StartAgain(reason));
            }
            self.follow_events(session);
            self.follow_directives(session).await?;
            self.place_held(session).await;
            self.survey(session).await;
            self.tick(session);
            self.batcher.expire(self.begun.elapsed());
            self.dispatch(session);
            if self.is_at_end(session) {
                return Ok(Turned::Stopped(Stopped::AtEnd));
            }
            self.relieve(session).await;
            match session.consumer.poll(self.poll_timeout(session)).await {
                Ok(polled) => {
                    self.retry.reset();
                    self.tell_standing(session);
                    self.follow_events(session);
                    self.take(session, &polled).await;
                    self.dispatch(session);
                }
                Err(error) => self.recover(session, error, stop).await?,
            }
        }
    }

    fn tell_standing(&mut self, session: &Session) {
        if let Some(reason) = session.watch.trouble() {
            return self.standing.trouble(&reason);
        }
        let tenancy = &session.tenancy;
        let mut owned = tenancy.owned.iter();
        match owned.find(|(_, o)| o.state == State::Held) {
            _ if !tenancy.is_assigned => self.standing.trouble("joining the consumer group"),
            Some((partition, owned)) => {
                let why = owned.trouble.as_deref().map(|why| format!(": {why}"));
                let why = why.unwrap_or_default();
                let reason = format!("{partition} waits for its place in the log{why}");
                self.standing.trouble(&reason);
            }
            None => self.standing.well(),
        }
    }

    fn poll_timeout(&self, session: &Session) -> Duration {
        let is_held = session
            .tenancy
            .owned
            .values()
            .any(|o| o.state == State::Held);
        let timeout = if is_held || self.pressure.is_any_paused() {
            POLL_TIMEOUT_PAUSED
        } else {
            POLL_TIMEOUT
        };
        let now = self.begun.elapsed();
        let linger = self.batcher.deadline().map(|at| at.saturating_sub(now));
        linger.map_or(timeout, |left| {
            left.clamp(Duration::from_millis(1), timeout)
        })
    }

    fn is_at_end(&self, session: &Session) -> bool {
        let tenancy = &session.tenancy;
        self.settings.until_end
            && tenancy.is_assigned
            && tenancy.owned.values().all(|o| o.state == State::Done)
    }
}

// === impl Intake: rebalances and directives ===

impl<S: Settle, L: Lanes> Intake<S, L> {
    pub(super) fn follow_events(&mut self, session: &mut Session) {
        while let Some(event) = session.events.next() {
            match event {
                Event::Assigned(partitions) => {
                    session.tenancy.is_assigned = true;
                    self.metrics.rebalances.inc();
                    for partition in partitions {
                        self.let_go(session, &partition);
                        session.tenancy.own(partition, self.gauge.sibling());
                    }
                }
                Event::Gone(partitions) => {
                    session.tenancy.is_assigned = false;
                    for partition in &partitions {
                        self.let_go(session, partition);
                    }
                }
            }
            self.metrics
                .partitions
                .set(session.tenancy.owned.len() as i64);
        }
    }

    fn let_go(&mut self, session: &mut Session, partition: &Partition) {
        if let Some(owned) = session.tenancy.owned.remove(partition) {
            owned.end();
            self.batcher.discard(partition);
            self.pressure.forget(partition);
            self.committer.forget(partition);
            self.lanes.forget(partition);
        }
    }

    async fn follow_directives(&mut self, session: &mut Session) -> Result<(), Fatal> {
        loop {
            let directive = match self.directives.try_recv() {
                Ok(directive) => directive,
                Err(TryRecvError::Empty) => return Ok(()),
                Err(TryRecvError::Disconnected) => {
                    let reason = "the task that settles batches has ended; the log says why";
                    return Err(Fatal::Settle(reason.to_owned()));
                }
            };
            match directive {
                Directive::Fatal(reason) => return Err(Fatal::Settle(reason)),
                Directive::ReadAgain { partition, offset } => {
                    let owned = session.tenancy.owned.get_mut(&partition);
                    // Settle ended the generation before it said so: a live one is of a later assignment.
                    let Some(owned) = owned.filter(|o| o.has_ended()) else {
                        continue;
                    };
                    owned.generation = None;
                    tracing::warn!(pipeline = self.settings.pipeline, %partition, offset, "reading again");
                    self.hold(session, &partition, offset).await;
                }
            }
        }
    }

    /// Stops reading a partition until its place has been looked up. Its generation lives on, unless it is
    /// ended by whoever calls.
    async fn hold(&mut self, session: &mut Session, partition: &Partition, resume: i64) {
        session.tenancy.hold(partition, resume);
        session.consumer.pause(partition).await;
        self.pressure.forget(partition);
    }
}

// === impl Intake: records ===

impl<S: Settle, L: Lanes> Intake<S, L> {
    async fn take(&mut self, session: &mut Session, polled: &Polled) {
        let mut weight = 0;
        for run in polled.runs() {
            let Some(partition) = run.partition() else {
                continue;
            };
            let (bytes, cut_at) = self.take_run(&partition, run);
            weight += bytes;
            if let Some(offset) = cut_at {
                self.cut(session, &partition, offset).await;
            }
        }
        if weight > 0 {
            self.pressure
                .polled(weight.saturating_mul(FORMS_OF_A_RECORD));
        }
    }

    /// The bytes that were taken, and the offset that the log was cut to, if it was.
    fn take_run(&mut self, partition: &Partition, run: Run<'_>) -> (usize, Option<i64>) {
        let now = self.begun.elapsed();
        let Some(mut slot) = self.batcher.run(partition, now) else {
            return (0, None);
        };
        let (mut bytes, mut cut_at) = (0, None);
        for record in run.records() {
            let raw = record.raw();
            match slot.push(raw, record.headers()) {
                Feedback::Taken => bytes += weight(raw),
                Feedback::Repeated => {}
                Feedback::JumpedBack => {
                    cut_at = Some(raw.offset);
                    break;
                }
                Feedback::Stale | Feedback::AfterEnd => break,
            }
        }
        (bytes, cut_at)
    }

    /// What is under way of the old log is given up, so reading goes back to what is committed.
    async fn cut(&mut self, session: &mut Session, partition: &Partition, offset: i64) {
        let Some(owned) = session.tenancy.owned.get_mut(partition) else {
            return;
        };
        let committed = self.committer.committed(partition).unwrap_or(owned.floor);
        owned.end();
        owned.generation = None;
        tracing::warn!(pipeline = self.settings.pipeline, %partition, offset, committed, "the log was cut");
        self.hold(session, partition, committed.min(offset)).await;
    }

    fn dispatch(&mut self, session: &mut Session) {
        while let Some(batch) = self.batcher.pop() {
            let partition = batch.raw.partition.clone();
            let Some(owned) = session.tenancy.owned.get_mut(&partition) else {
                continue;
            };
            let weight = batch.raw.weight().saturating_mul(FORMS_OF_A_RECORD);
            let held = owned.gauge.hold(weight);
            let purpose = batch.purpose;
            let door = if purpose == Purpose::Deliver {
                // What is only polled may yet be thrown away; what is begun is answered for.
                self.metrics.records_in.inc_by(batch.raw.len() as u64);
                self.metrics.bytes_in.inc_by(batch.raw.bytes.len() as u64);
                self.settle.begin(&batch.receipt);
                self.door.clone()
            } else {
                // It was delivered before: nobody waits for an answer.
                self.metrics.remembered.inc_by(batch.raw.len() as u64);
                Arc::new(NoDoor)
            };
            let leg = Leg::open(batch.receipt, batch.raw, held, door);
            self.lanes.dispatch(&partition, RawBatch { leg, purpose });
        }
    }
}

/// Where answers go that nobody waits for.
struct NoDoor;

impl Door for NoDoor {
    fn answer(&self, _: Outcome) {}
}

/// Near enough what the record will weigh in flight.
fn weight(record: RawRecord<'_>) -> usize {
    let length = |bytes: Option<&[u8]>| bytes.map_or(0, <[u8]>::len);
    length(record.value) + length(record.key) + COLUMNS_A_RECORD
}

// === impl Intake: pressure, progress, errors ===

impl<S: Settle, L: Lanes> Intake<S, L> {
    async fn relieve(&mut self, session: &mut Session) {
        let reading = session
            .tenancy
            .owned
            .iter()
            .filter(|(_, o)| o.state == State::Reading);
        let mut forming = 0usize;
        let loads: Vec<(&Partition, usize)> = reading
            .map(|(partition, owned)| {
                let bytes = self
                    .batcher
                    .weight(partition)
                    .saturating_mul(FORMS_OF_A_RECORD);
                forming = forming.saturating_add(bytes);
                (
                    partition,
                    bytes.saturating_add(owned.gauge.partition_bytes()),
                )
            })
            .collect();
        let total = self.gauge.total_bytes().saturating_add(forming);
        self.metrics
            .in_flight_bytes
            .set(i64::try_from(total).unwrap_or(i64::MAX));
        for (partition, change) in self.pressure.decide(total, &loads) {
            match change {
                Change::Pause => session.consumer.pause(&partition).await,
                Change::Resume => session.consumer.resume(&partition).await,
            }
        }
    }

    async fn survey(&mut self, session: &mut Session) {
        if session
            .tenancy
            .surveyed
            .is_some_and(|at| at.elapsed() < SURVEY_INTERVAL)
        {
            return;
        }
        session.tenancy.surveyed = Some(Instant::now());
        let mut lags = Vec::new();
        for (partition, survey) in session.consumer.survey(self.settings.read_committed).await {
            let Some(owned) = session.tenancy.owned.get_mut(&partition) else {
                continue;
            };
            let behind = match (self.committer.committed(&partition), owned.state) {
                (Some(committed), _) => committed,
                // Nobody knows yet where it begins.
                (None, State::Held) => continue,
                (None, _) => owned.floor,
            };
            let end = survey.end.max(session.watch.end(&partition));
            let lag = end.map_or(0, |end| end.saturating_sub(behind).max(0));
            lags.push((partition.clone(), lag));
            if owned.state == State::Held {
                continue;
            }
            if let (Idle::Advanced(end), Some(generation)) = (
                self.batcher.idle(&partition, survey.position),
                &owned.generation,
            ) {
                self.settle.idle(&partition, generation, end);
            }
            if owned.state == State::Reading && self.batcher.is_at_end(&partition) {
                owned.state = State::Done;
                session.consumer.pause(&partition).await;
            }
        }
        self.metrics.lag.set(lags.iter().map(|(_, lag)| lag).sum());
        self.metrics.partition_lag.replace(lags);
    }

    async fn recover(
        &mut self,
        session: &mut Session,
        error: KafkaError,
        stop: &mut watch::Receiver<bool>,
    ) -> Result<(), Fatal> {
        if let Some(partitions) = error.out_of_range() {
            for partition in &partitions {
                if let Some(next) = self.batcher.next(partition) {
                    self.hold(session, partition, next).await;
                }
            }
            return Ok(());
        }
        if error.is_fenced() {
            self.count_fence()?;
        }
        if error.is_fatal() {
            return Err(error.into());
        }
        self.standing.trouble(&error.chain());
        let pause = self.retry.next();
        tracing::warn!(
            pipeline = self.settings.pipeline,
            retry_in_ms = pause.as_millis() as u64,
            "{}",
            error.chain()
        );
        unless(stop, tokio::time::sleep(pause)).await;
        Ok(())
    }

    fn count_fence(&mut self) -> Result<(), Fatal> {
        let now = Instant::now();
        self.fenced
            .retain(|at| now.duration_since(*at) < FENCED_WINDOW);
        self.fenced.push_back(now);
        if self.fenced.len() < FENCED_MAX {
            return Ok(());
        }
        Err(Fatal::InstanceShared {
            id: self.settings.group_instance_id.clone().unwrap_or_default(),
            times: self.fenced.len(),
        })
    }
}
