//! What can go wrong with Kafka, and what the caller should do about it.

use super::producer::SendError;
use crate::model::Partition;
use krafka::KrafkaError;
use krafka::error::ErrorCode;

/// A request to Kafka, or the client itself, failed.
#[derive(Clone, Debug, thiserror::Error)]
#[error("could not {doing}")]
pub struct KafkaError {
    doing: &'static str,
    source: KrafkaError,
}

impl KafkaError {
    pub(super) fn new(doing: &'static str, source: KrafkaError) -> Self {
        KafkaError { doing, source }
    }

    /// There is no consumer at the moment; there will be one.
    pub(super) fn no_consumer(doing: &'static str) -> Self {
        KafkaError::new(doing, KrafkaError::timeout("no consumer at the moment"))
    }

    /// A broker's answer did not have an offset that was asked for.
    pub fn unknown_offset() -> Self {
        KafkaError::new(
            "list offsets",
            KrafkaError::timeout("no answer for a partition"),
        )
    }

    /// What the group has committed was not told.
    pub(super) fn no_commits(source: KrafkaError) -> Self {
        let error = KafkaError::new("fetch committed offsets", source);
        match error.code() {
            Some(ErrorCode::UnstableOffsetCommit) => KafkaError {
                doing: "fetch committed offsets: a transaction that commits offsets of this group is open, and has to \
                        end first (isolation: read_committed)",
                ..error
            },
            _ => error,
        }
    }

    /// The group's coordinator did not say what is committed for a partition that was asked for.
    pub fn unknown_commit() -> Self {
        let source = KrafkaError::illegal_state("the answer leaves the partition out");
        KafkaError::new("fetch committed offsets", source)
    }

    /// What plugins remember was not written.
    pub fn not_written(topic: &str, why: &SendError) -> Self {
        let why = format!("topic {topic}: {why}");
        KafkaError::new("write what plugins remember", KrafkaError::timeout(why))
    }

    /// Whether the same call may succeed later without anybody's help.
    pub fn is_retriable(&self) -> bool {
        !self.is_fatal() && (self.source.is_retriable() || self.is_rebalance())
    }

    /// Whether it will fail until a person changes something: credentials, rights, configuration.
    pub fn is_fatal(&self) -> bool {
        match &self.source {
            KrafkaError::Broker { code, .. } => needs_a_person(*code),
            KrafkaError::Config { .. } => true,
            other => other.is_fatal(),
        }
    }

    /// Whether the group has moved on without this member: a commit that is too late, a join to repeat.
    pub fn is_rebalance(&self) -> bool {
        matches!(
            self.code(),
            Some(
                ErrorCode::IllegalGeneration
                    | ErrorCode::UnknownMemberId
                    | ErrorCode::RebalanceInProgress
                    | ErrorCode::MemberIdRequired
            )
        )
    }

    /// Whether another process took this group instance id. Once may be a coordinator that moved;
    /// repeated, two processes share the id.
    pub fn is_fenced(&self) -> bool {
        self.code() == Some(ErrorCode::FencedInstanceId)
    }

    /// Partitions whose position Kafka does not have, or not any more.
    pub fn out_of_range(&self) -> Option<Vec<Partition>> {
        match &self.source {
            KrafkaError::NoOffset { partitions } => Some(
                partitions
                    .iter()
                    .map(|(topic, index)| Partition::new(topic.as_str(), *index))
                    .collect(),
            ),
            _ => None,
        }
    }

    /// The error and its causes in one line.
    pub fn chain(&self) -> String {
        format!("{self}: {}", self.source)
    }

    fn code(&self) -> Option<ErrorCode> {
        match &self.source {
            KrafkaError::Broker { code, .. } => Some(*code),
            _ => None,
        }
    }
}

fn needs_a_person(code: ErrorCode) -> bool {
    matches!(
        code,
        ErrorCode::TopicAuthorizationFailed
            | ErrorCode::GroupAuthorizationFailed
            | ErrorCode::ClusterAuthorizationFailed
            | ErrorCode::SaslAuthenticationFailed
            | ErrorCode::UnsupportedSaslMechanism
            | ErrorCode::IllegalSaslState
            | ErrorCode::SecurityDisabled
            | ErrorCode::InvalidGroupId
            | ErrorCode::InvalidTopic
            | ErrorCode::InvalidSessionTimeout
            | ErrorCode::InconsistentGroupProtocol
            | ErrorCode::UnsupportedVersion
            | ErrorCode::UnreleasedInstanceId
            | ErrorCode::GroupMaxSizeReached
    )
}
