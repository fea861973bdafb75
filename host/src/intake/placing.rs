//! Where partitions begin: what was looked up becomes a generation, a position, and a memory.

use super::placement::{Found, look_up};
use super::run::Session;
use super::start::{Place, Recall, place, recall};
use super::tenancy::State;
use super::{Intake, Lanes, Settle};
use crate::kafka::KafkaError;
use crate::model::{Beginning, Generation, Partition};

impl<S: Settle, L: Lanes> Intake<S, L> {
    pub(super) async fn place_held(&mut self, session: &mut Session) {
        let mut is_late = false;
        for found in session.tenancy.found().await {
            let partition = found.partition.clone();
            if let Err(error) = self.place_one(session, found).await {
                is_late = true;
                let why = error.chain();
                tracing::warn!(
                    pipeline = self.settings.pipeline, %partition,
                    "no place yet: {why}"
                );
                if let Some(owned) = session.tenancy.owned.get_mut(&partition) {
                    owned.trouble = Some(why);
                }
            }
        }
        if is_late {
            session.tenancy.look_later();
        }
        let wanted = session.tenancy.wanted();
        if !wanted.is_empty() {
            let (cluster, consumer) = (session.cluster.clone(), session.consumer.clone());
            let (start, recalls) = (self.settings.start, self.recalls.clone());
            let asked = wanted.iter().map(|w| (w.partition.clone(), w.tenure));
            let asked = asked.collect();
            let looking = look_up(cluster, consumer, start, recalls, wanted);
            session.tenancy.look(asked, tokio::spawn(looking));
        }
    }

    async fn place_one(&mut self, session: &mut Session, found: Found) -> Result<(), KafkaError> {
        let partition = &found.partition;
        let Some(owned) = session.tenancy.owned.get_mut(partition) else {
            return Ok(());
        };
        if owned.tenure != found.tenure || owned.has_ended() {
            return Ok(());
        }
        let known = found.known?;
        let place = place(self.settings.start, known);
        let offset = place.offset();
        let next = self.batcher.next(partition);
        let goes_on = owned.generation.is_some() && next.is_some_and(|next| next <= offset);
        let memory = match found.memory {
            Some(memory) => memory,
            None if goes_on || self.recalls.is_none() => None,
            // Its generation was to go on, and cannot: what is kept has to be looked up first.
            None => {
                owned.end();
                owned.generation = None;
                return Err(KafkaError::unknown_offset());
            }
        };
        let recall = recall(place, known.oldest, memory.as_ref().map(|m| m.boundary));
        let from = recall.from(offset);
        session.consumer.place(partition, from).await?;
        session.tenancy.retry.reset();
        if !goes_on {
            owned.end();
            let generation = Generation::begin();
            let stop = self.settings.until_end.then(|| {
                *self
                    .ends
                    .entry(partition.clone())
                    .or_insert(found.readable_end)
            });
            let is_committed = found.committed == Some(offset);
            self.settle
                .assigned(partition, &generation, offset, is_committed);
            self.batcher
                .begin(partition, &generation, (from, offset), stop);
            self.lanes.begin(Beginning {
                partition: partition.clone(),
                generation: generation.clone(),
                offset: from,
                memory: memory.filter(|_| recall.is_taken_over()),
            });
            self.committer.note(
                partition.clone(),
                found.committed.unwrap_or(offset).min(offset),
            );
            owned.generation = Some(generation);
            owned.floor = offset;
        }
        owned.state = State::Reading;
        owned.trouble = None;
        self.say(partition, place);
        self.say_recall(partition, recall, offset);
        Ok(())
    }

    fn say_recall(&self, partition: &Partition, recall: Recall, offset: i64) {
        let pipeline = &self.settings.pipeline;
        match recall {
            Recall::Nothing => {}
            Recall::Restored { from } => {
                tracing::info!(pipeline, %partition, from, to = offset, "what plugins remember is restored");
            }
            Recall::Shortened { from, count } => {
                tracing::warn!(pipeline, %partition, from, count, "what plugins remember is restored, but they miss offsets that Kafka has deleted");
            }
            Recall::Ahead => {
                tracing::warn!(pipeline, %partition, offset, "what plugins remember has seen records that are read again, for the committed offset was set back: they start empty");
            }
            Recall::Foreign => {
                tracing::warn!(pipeline, %partition, offset, "what plugins remember is of another log, or of a group that has committed nothing: they start empty");
            }
        }
    }

    fn say(&self, partition: &Partition, place: Place) {
        let pipeline = &self.settings.pipeline;
        match place {
            Place::Resumed(offset) => {
                tracing::info!(pipeline, %partition, offset, "reading goes on")
            }
            Place::Started(offset) => {
                tracing::info!(pipeline, %partition, offset, "reading begins: nothing is committed")
            }
            Place::Lost { offset, count } => {
                self.metrics
                    .retention_loss
                    .inc_by(u64::try_from(count).unwrap_or(0));
                tracing::error!(pipeline, %partition, offset, count, "offsets that were not read are gone: Kafka has deleted them");
            }
            Place::Cut(offset) => {
                tracing::error!(pipeline, %partition, offset, "the log ends before the place where reading left off; reading what there is");
            }
        }
    }
}
