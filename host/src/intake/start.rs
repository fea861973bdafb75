//! Where reading a partition begins: pure, because the client would decide it in silence.

use super::Start;

/// What is known of a partition when its place is looked for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Known {
    /// The offset to go on from: what the group has committed, or what this process has read.
    pub resume: Option<i64>,
    /// The oldest offset that Kafka has.
    pub oldest: i64,
    /// The end of the log, open transactions included.
    pub end: i64,
    /// The first offset at or after the wanted time; none where there is no such record.
    pub at_time: Option<i64>,
}

/// Where reading begins, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Where it left off.
    Resumed(i64),
    /// Where the configuration says.
    Started(i64),
    /// At the oldest record, because Kafka has deleted this many offsets that were not read.
    Lost {
        /// The oldest offset.
        offset: i64,
        /// How many offsets are gone.
        count: i64,
    },
    /// At the oldest record, because the log ends before the place where reading left off: it was cut, or the
    /// topic was made again.
    Cut(i64),
}

impl Place {
    /// The offset.
    pub fn offset(self) -> i64 {
        match self {
            Place::Resumed(offset) | Place::Started(offset) | Place::Cut(offset) => offset,
            Place::Lost { offset, .. } => offset,
        }
    }
}

/// Decides. What Kafka still has is never skipped unless the configuration says so.
pub fn place(start: Start, known: Known) -> Place {
    match known.resume {
        Some(offset) if offset < known.oldest => Place::Lost {
            offset: known.oldest,
            count: known.oldest.saturating_sub(offset),
        },
        Some(offset) if offset > known.end => Place::Cut(known.oldest),
        Some(offset) => Place::Resumed(offset),
        None => Place::Started(match start {
            Start::Earliest => known.oldest,
            Start::Latest => known.end,
            Start::Timestamp(_) => known.at_time.unwrap_or(known.end),
        }),
    }
}

#[cfg(test)]
mod tests;
