//! A finding as one JSON object: what Kafka outputs write and dead letters hold.

use super::{Finding, FindingKind, rfc3339, shortest};
use serde::ser::{Serialize, SerializeMap, Serializer};

/// Labels as an object, in their order.
struct Labels<'a>(&'a Finding);

/// Evidence as a list of positions.
struct Evidence<'a>(&'a Finding);

/// One record that is evidence.
#[derive(serde::Serialize)]
struct Position<'a> {
    topic: &'a str,
    partition: i32,
    offset: i64,
}

impl Finding {
    /// One compact JSON object without a line end; the order of its fields never changes (docs/operations.md has
    /// them). Times are RFC 3339 with milliseconds.
    pub fn json(&self) -> Vec<u8> {
        // Writing to memory does not fail, and every key is a text.
        serde_json::to_vec(self).unwrap_or_default()
    }
}

impl Serialize for Finding {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        let kind = if self.is_alert() { "alert" } else { "anomaly" };
        map.serialize_entry("type", kind)?;
        map.serialize_entry("pipeline", &*self.pipeline)?;
        map.serialize_entry("plugin", &*self.by)?;
        map.serialize_entry("version", &*self.version)?;
        map.serialize_entry("rule", &self.rule)?;
        map.serialize_entry("fingerprint", &self.fingerprint)?;
        map.serialize_entry("topic", &*self.partition.topic)?;
        map.serialize_entry("partition", &self.partition.index)?;
        match &self.kind {
            FindingKind::Alert {
                level,
                title,
                since_ms,
                resolved,
            } => {
                map.serialize_entry("level", level.name())?;
                map.serialize_entry("title", title)?;
                map.serialize_entry("since", &rfc3339(*since_ms))?;
                map.serialize_entry("at", &rfc3339(self.at_ms))?;
                map.serialize_entry("resolved", resolved)?;
            }
            FindingKind::Anomaly {
                score,
                threshold,
                explanation,
            } => {
                map.serialize_entry("score", &shortest(*score))?;
                map.serialize_entry("threshold", &shortest(*threshold))?;
                map.serialize_entry("explanation", explanation)?;
                map.serialize_entry("at", &rfc3339(self.at_ms))?;
            }
        }
        map.serialize_entry("labels", &Labels(self))?;
        map.serialize_entry("evidence", &Evidence(self))?;
        map.end()
    }
}

impl Serialize for Labels<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.labels())
    }
}

impl Serialize for Evidence<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Finding {
            partition,
            evidence,
            ..
        } = self.0;
        serializer.collect_seq(evidence.iter().map(|offset| Position {
            topic: &partition.topic,
            partition: partition.index,
            offset: *offset,
        }))
    }
}
