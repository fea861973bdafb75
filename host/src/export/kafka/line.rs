//! What is still to be sent of a request, in which order; pure.
//!
//! Messages leave in parts, the first part first, and nothing leaves before the part in front of it is through. What
//! was not acknowledged is sent again together with everything behind it: some may come twice, none overtakes. A
//! message that may be too large is looked for by halving.

use crate::kafka::producer::SendError;
use std::collections::{BTreeMap, VecDeque};
use std::ops::Range;

/// The messages of one request, by their numbers.
#[derive(Debug)]
pub(super) struct Line {
    parts: VecDeque<Part>,
    // A message: whether its topic refuses its time.
    undated: Vec<bool>,
    // A larger message is a batch by itself: if it is refused as too large, no other is to blame.
    batch_bytes: usize,
    refused: BTreeMap<usize, String>,
}

/// Messages to be sent at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Part {
    pub range: Range<usize>,
    /// Whether nothing else may be on its way meanwhile: one of it is suspected of being too large, and others in
    /// the same batch would fall under the same suspicion.
    pub is_alone: bool,
}

/// What an attempt came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// On with the next part.
    On,
    /// Try again after a pause.
    Pause {
        /// Whether somebody has to do something about the output; else it is away.
        is_wrong: bool,
        words: String,
    },
}

impl Line {
    pub(super) fn new(messages: usize, batch_bytes: usize) -> Self {
        let whole = Part {
            range: 0..messages,
            is_alone: false,
        };
        Line {
            parts: VecDeque::from([whole]),
            undated: vec![false; messages],
            batch_bytes,
            refused: BTreeMap::new(),
        }
    }

    /// What is to be sent now; none: all is acknowledged or refused.
    pub(super) fn next(&self) -> Option<Part> {
        self.parts.iter().find(|p| !p.range.is_empty()).cloned()
    }

    /// Whether a message goes without its time.
    pub(super) fn is_undated(&self, message: usize) -> bool {
        self.undated.get(message).copied().unwrap_or(false)
    }

    /// Whether a message is refused for good: it is not sent again with those before it, and counts as acknowledged.
    pub(super) fn is_refused(&self, message: usize) -> bool {
        self.refused.contains_key(&message)
    }

    /// Messages that are refused for good, and why.
    pub(super) fn refused(self) -> BTreeMap<usize, String> {
        self.refused
    }

    /// What became of the part that was [`next`](Self::next): an answer a message, or fewer where the last one could
    /// not even be queued. `bytes` tells the size of a message.
    pub(super) fn answered(
        &mut self,
        answers: &[Result<(), SendError>],
        bytes: impl Fn(usize) -> usize,
    ) -> Turn {
        while self.parts.front().is_some_and(|p| p.range.is_empty()) {
            self.parts.pop_front();
        }
        let Some(part) = self.parts.pop_front() else {
            return Turn::On;
        };
        let Part { range, is_alone } = part;
        let single = range.len() == 1 && is_alone;
        let mut first = None;
        let mut trouble: Option<(bool, String)> = None;
        let mut is_suspect = false;
        for (message, answer) in range.clone().zip(answers) {
            let Err(error) = answer else { continue };
            let is_final = single || bytes(message) >= self.batch_bytes;
            if error.is_too_large() && is_final {
                self.refused.insert(message, error.to_string());
                continue;
            }
            first.get_or_insert(message);
            if error.is_too_large() {
                is_suspect = true;
            } else if error.is_timestamp_refused() && !self.is_undated(message) {
                self.undated[message] = true;
            } else if trouble.is_none() || !error.is_retriable() {
                trouble = Some((!error.is_retriable(), error.to_string()));
            }
        }
        // What was never queued is behind everything.
        let unanswered = range.start + answers.len();
        let first = first.unwrap_or(unanswered).min(range.end);
        self.again(first..range.end, is_alone, is_suspect && trouble.is_none());
        match trouble {
            Some((is_wrong, words)) => Turn::Pause { is_wrong, words },
            None => Turn::On,
        }
    }

    fn again(&mut self, range: Range<usize>, is_alone: bool, is_suspect: bool) {
        let mut push = |range, is_alone| self.parts.push_front(Part { range, is_alone });
        if !is_suspect {
            return push(range, is_alone);
        }
        let middle = range.start + range.len().div_ceil(2);
        push(middle..range.end, true);
        push(range.start..middle, true);
    }
}

#[cfg(test)]
mod tests;
