//! Kafka outputs as meant.

use super::outputs::LINGER;
use super::{ByName, Checker};
use crate::config::OutputSettings;
use crate::config::file::{Acks, Codec, KafkaOutput, Key, RecordFormat};
use crate::config::forms::{KEY_REMEDY, KEY_RULE};
use crate::config::problem::Field;
use crate::config::units::Size;
use crate::encode::kafka::{self, Form, Format};
use crate::export::KafkaSettings;
use crate::kafka::ClusterSettings;
use crate::kafka::producer::{self, Compression, ProducerSettings};

/// A batch; Kafka counts its bytes in 31 bits, and the producer holds several.
const BATCH: (Size, Size) = (Size::kib(1), Size::mib(16));

impl Checker<'_> {
    /// None where its cluster is none.
    pub(super) fn kafka(
        &mut self,
        name: &str,
        at: &Field,
        kafka: &KafkaOutput,
        clusters: &ByName<ClusterSettings>,
    ) -> Option<OutputSettings> {
        self.topic_name(at.then("topic"), &kafka.topic);
        let cluster = self.find(at.then("cluster"), "kafka", clusters, &kafka.cluster);
        if kafka.idempotent && kafka.acks != Acks::All {
            let word = acks_word(kafka.acks);
            let rule = "must be all where idempotent is true, as it is unless told otherwise";
            let remedy = "write all, or idempotent: false";
            self.wrong(at.then("acks"), word, rule, remedy);
        }
        let batch = at.then("batch");
        let producer = ProducerSettings {
            acks: match kafka.acks {
                Acks::All => producer::Acks::All,
                Acks::Leader => producer::Acks::Leader,
                Acks::None => producer::Acks::None,
            },
            idempotent: kafka.idempotent,
            compression: compression(kafka.compression),
            batch_bytes: self
                .size(batch.then("max_bytes"), kafka.batch.max_bytes, BATCH)
                .bytes(),
            linger: self.time(batch.then("linger"), kafka.batch.linger, LINGER),
        };
        let retry = self.retry(&at.then("retry"), &kafka.retry);
        let form = Form {
            format: match kafka.format {
                RecordFormat::Driftlock => Format::Driftlock,
                RecordFormat::OtlpJson => Format::OtlpJson,
            },
            key: self.key(at.then("key"), &kafka.key),
        };
        let settings = KafkaSettings {
            name: name.to_owned(),
            cluster: cluster?,
            topic: kafka.topic.clone(),
            headers: kafka.headers.clone().into_iter().collect(),
            producer,
            retry,
        };
        Some(OutputSettings::Kafka(settings, form))
    }

    fn key(&mut self, at: Field, key: &Key) -> kafka::Key {
        let (attribute, resource) = match key {
            Key::Word(word) if word == "original" => return kafka::Key::Original,
            Key::Word(_) => return kafka::Key::None,
            Key::Of {
                attribute,
                resource,
            } => (attribute, resource),
        };
        match (attribute, resource) {
            (Some(name), None) => kafka::Key::Attribute(name.clone()),
            (None, Some(name)) => kafka::Key::Resource(name.clone()),
            _ => {
                self.wrong_all(at, KEY_RULE, KEY_REMEDY);
                kafka::Key::None
            }
        }
    }
}

fn acks_word(acks: Acks) -> &'static str {
    match acks {
        Acks::All => "all",
        Acks::Leader => "leader",
        Acks::None => "none",
    }
}

fn compression(codec: Codec) -> Compression {
    match codec {
        Codec::None => Compression::None,
        Codec::Gzip => Compression::Gzip,
        Codec::Snappy => Compression::Snappy,
        Codec::Lz4 => Compression::Lz4,
        Codec::Zstd => Compression::Zstd,
    }
}
