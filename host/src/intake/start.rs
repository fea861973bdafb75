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

/// What is remembered of a partition, and from where it has to be read for that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recall {
    /// Nothing is kept of it.
    Nothing,
    /// The memory is taken over. Records from `from` on, and below the place where delivery begins, are read again
    /// for it alone.
    Restored {
        /// Where reading begins.
        from: i64,
    },
    /// The same, but Kafka has deleted `count` offsets that the memory has not seen.
    Shortened {
        /// Where reading begins.
        from: i64,
        /// How many offsets are gone.
        count: i64,
    },
    /// The memory has seen records that are to be read again: it starts empty.
    Ahead,
    /// Nothing was committed, or the log was cut: the memory is of another log. It starts empty.
    Foreign,
}

impl Recall {
    /// Where reading begins, if delivery begins at `offset`.
    pub fn from(self, offset: i64) -> i64 {
        match self {
            Recall::Restored { from } | Recall::Shortened { from, .. } => from,
            Recall::Nothing | Recall::Ahead | Recall::Foreign => offset,
        }
    }

    /// Whether the memory is taken over.
    pub fn is_taken_over(self) -> bool {
        matches!(self, Recall::Restored { .. } | Recall::Shortened { .. })
    }
}

/// Decides. `boundary`: the memory that is kept has seen all before it; `oldest`: what Kafka still has begins there.
pub fn recall(place: Place, oldest: i64, boundary: Option<i64>) -> Recall {
    let Some(boundary) = boundary else {
        return Recall::Nothing;
    };
    match place {
        Place::Started(_) | Place::Cut(_) => Recall::Foreign,
        Place::Resumed(offset) | Place::Lost { offset, .. } if boundary > offset => Recall::Ahead,
        Place::Resumed(_) | Place::Lost { .. } if boundary < oldest => Recall::Shortened {
            from: oldest,
            count: oldest.saturating_sub(boundary),
        },
        Place::Resumed(_) | Place::Lost { .. } => Recall::Restored { from: boundary },
    }
}

#[cfg(test)]
mod tests;
