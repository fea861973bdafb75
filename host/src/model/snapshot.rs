//! What the plugins of a pipeline remember of one partition, at one boundary between batches, as it is kept.
//!
//! The form, all numbers little-endian: `TGMS`, a layout number (u16), the CRC-32 (IEEE) of the rest (u32), and the
//! rest: a [`Snapshot`] as postcard 1 writes it. Pure; what is read is believed in nothing.

use serde::{Deserialize, Serialize};

/// What a snapshot begins with.
const MAGIC: [u8; 4] = *b"TGMS";
/// The only layout so far.
const LAYOUT: u16 = 1;
/// Bytes before the content.
const HEADER_BYTES: usize = 10;

/// The memory of one partition of a pipeline.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    /// The pipeline.
    pub pipeline: String,
    /// The topic's name.
    pub topic: String,
    /// The partition's number.
    pub partition: i32,
    /// The memory has seen every record below this offset, and none from it on.
    pub boundary: i64,
    /// What the shard's clock said: Unix milliseconds.
    pub clock_ms: u64,
    /// What has been told of it: the gateway's own memory.
    pub told: Vec<u8>,
    /// The plugins that remember something.
    pub stages: Vec<StageMemory>,
}

/// The memory of one plugin.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct StageMemory {
    /// Where it stands: `enrich`, `detect` or `score`.
    pub stage: String,
    /// Its name in the configuration.
    pub plugin: String,
    /// Its own name.
    pub name: String,
    /// Its version when it was saved.
    pub version: String,
    /// What it saved, in a layout of its own.
    pub saved: Vec<u8>,
}

/// Why something is no snapshot.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SnapshotError {
    /// It does not begin as one.
    #[error("it is not a memory that Tidegate wrote")]
    Foreign,
    /// A layout of another version of the gateway.
    #[error("its layout is {0}, and this version reads {LAYOUT}")]
    Layout(u16),
    /// It is not what was written.
    #[error("it is damaged: {0}")]
    Damaged(String),
}

impl Snapshot {
    /// As it is kept.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = [MAGIC.as_slice(), &LAYOUT.to_le_bytes(), &[0; 4]].concat();
        // Writing plain data to a vector does not fail; if it did, the snapshot would be found damaged.
        bytes = postcard::to_extend(self, bytes).unwrap_or_default();
        if let Some((head, content)) = bytes.split_at_mut_checked(HEADER_BYTES)
            && let Some(sum) = head.get_mut(6..)
        {
            sum.copy_from_slice(&crc32fast::hash(content).to_le_bytes());
        }
        bytes
    }

    /// What was kept.
    ///
    /// # Errors
    /// See [`SnapshotError`].
    pub fn decode(bytes: &[u8]) -> Result<Snapshot, SnapshotError> {
        let Some(rest) = bytes.strip_prefix(&MAGIC) else {
            return Err(SnapshotError::Foreign);
        };
        let cut = || SnapshotError::Damaged("it is cut short".to_owned());
        let (layout, rest) = rest.split_first_chunk().ok_or_else(cut)?;
        let layout = u16::from_le_bytes(*layout);
        if layout != LAYOUT {
            return Err(SnapshotError::Layout(layout));
        }
        let (sum, content) = rest.split_first_chunk().ok_or_else(cut)?;
        if u32::from_le_bytes(*sum) != crc32fast::hash(content) {
            let how = "its checksum is not that of its content".to_owned();
            return Err(SnapshotError::Damaged(how));
        }
        postcard::from_bytes(content).map_err(|e| SnapshotError::Damaged(e.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn snapshot(saved: Vec<u8>) -> Snapshot {
        Snapshot {
            pipeline: "shop".into(),
            topic: "logs".into(),
            partition: 3,
            boundary: 1 << 40,
            clock_ms: 7,
            told: vec![1],
            stages: vec![StageMemory {
                stage: "detect".into(),
                plugin: "rules".into(),
                name: "detect-rules".into(),
                version: "1.2.3".into(),
                saved,
            }],
        }
    }

    proptest! {
        /// *Scenario:* a snapshot is written, cut anywhere, changed in any bit, or is any bytes at all.
        /// *Guarantees:* whole it comes back as it was; else it is refused, and nothing panics.
        #[test]
        fn what_is_damaged_is_refused(saved: Vec<u8>, at: prop::sample::Index, bit in 0..8u8, noise: Vec<u8>) {
            let whole = snapshot(saved);
            let bytes = whole.encode();
            prop_assert_eq!(Snapshot::decode(&bytes), Ok(whole));
            let at = at.index(bytes.len());
            prop_assert!(Snapshot::decode(&bytes[..at]).is_err());
            let mut changed = bytes.clone();
            changed[at] ^= 1 << bit;
            prop_assert!(Snapshot::decode(&changed).is_err());
            let _ = Snapshot::decode(&noise);
            let _ = Snapshot::decode(&[&bytes[..HEADER_BYTES], &noise].concat());
        }
    }

    /// *Scenario:* something else, and a snapshot of a later layout.
    /// *Guarantees:* each is refused for what it is.
    #[test]
    fn what_is_foreign_is_called_so() {
        assert_eq!(Snapshot::decode(b"{}"), Err(SnapshotError::Foreign));
        let mut later = snapshot(Vec::new()).encode();
        later[4] = 9;
        assert_eq!(Snapshot::decode(&later), Err(SnapshotError::Layout(9)));
    }
}
