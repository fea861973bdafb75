//! Whether the gateway does its work, as named conditions that stages hold and flip.
//!
//! Silence means *not* ready: a condition begins as not ready, and one whose holder is gone stays so.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// All conditions of the process. Clones are the same.
#[derive(Clone, Debug, Default)]
pub struct Readiness {
    /// Why not, by the condition's name; none: ready.
    reasons: Arc<Mutex<BTreeMap<String, Option<String>>>>,
}

/// One condition; who holds it tells.
#[derive(Debug)]
pub struct Condition {
    name: String,
    all: Readiness,
}

// === impl Readiness ===

impl Readiness {
    /// A condition called `name` (`pipeline shop`), not ready because it is starting. A name that is
    /// there already is taken over.
    pub fn condition(&self, name: &str) -> Condition {
        let condition = Condition {
            name: name.to_owned(),
            all: self.clone(),
        };
        condition.not_ready("starting");
        condition
    }

    /// What is not ready, and why; empty: ready. Without any condition nothing is ready.
    pub fn reasons(&self) -> Vec<(String, String)> {
        let all = self.lock();
        if all.is_empty() {
            return vec![("process".to_owned(), "starting".to_owned())];
        }
        let each = all.iter();
        each.filter_map(|(name, reason)| Some((name.clone(), reason.clone()?)))
            .collect()
    }

    /// All conditions, and whether each holds.
    pub(super) fn all(&self) -> Vec<(String, bool)> {
        let all = self.lock();
        let each = all.iter();
        each.map(|(name, reason)| (name.clone(), reason.is_none()))
            .collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Option<String>>> {
        self.reasons.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets a condition; whether that changed it.
    fn set(&self, name: &str, reason: Option<&str>) -> bool {
        let mut all = self.lock();
        match all.get_mut(name) {
            Some(old) if old.as_deref() == reason => false,
            Some(old) => {
                *old = reason.map(str::to_owned);
                true
            }
            None => {
                all.insert(name.to_owned(), reason.map(str::to_owned));
                true
            }
        }
    }
}

// === impl Condition ===

impl Condition {
    /// It holds.
    pub fn ready(&self) {
        if self.all.set(&self.name, None) {
            tracing::info!(condition = self.name, "ready");
        }
    }

    /// It does not hold, for this reason.
    pub fn not_ready(&self, reason: &str) {
        if self.all.set(&self.name, Some(reason)) {
            tracing::info!(condition = self.name, reason, "not ready");
        }
    }

    /// It is asked for no longer.
    pub fn retire(self) {
        self.all.lock().remove(&self.name);
    }
}

impl Drop for Condition {
    fn drop(&mut self) {
        let mut all = self.all.lock();
        if let Some(reason) = all.get_mut(&self.name) {
            *reason = Some("stopped".to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(readiness: &Readiness) -> Vec<String> {
        let each = readiness.reasons().into_iter();
        each.map(|(name, reason)| format!("{name}: {reason}"))
            .collect()
    }

    /// *Scenario:* two conditions begin, hold, fail, and their holders go.
    /// *Guarantees:* ready only while all hold; each reason is told; a holder that is gone is not ready,
    /// one that retired is not asked for.
    #[test]
    fn silence_means_not_ready() {
        let all = Readiness::default();
        assert_eq!(names(&all), ["process: starting"]);
        let kafka = all.condition("kafka");
        let output = all.condition("output collector");
        kafka.ready();
        assert_eq!(names(&all), ["output collector: starting"]);
        output.ready();
        assert!(all.reasons().is_empty());
        output.not_ready("unauthenticated");
        output.not_ready("unavailable");
        assert_eq!(names(&all), ["output collector: unavailable"]);
        output.retire();
        assert!(all.reasons().is_empty());
        drop(kafka);
        assert_eq!(names(&all), ["kafka: stopped"]);
    }
}
