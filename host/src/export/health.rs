//! Whether an output can be reached and takes what it is given, as its requests see it.

use prometheus_client::metrics::gauge::Gauge;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tracing::{info, warn};

/// How an output is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// No request is in trouble.
    Well,
    /// A request is being tried again, for this reason.
    Away(String),
    /// A request is held because the output refuses everything as it is: somebody must put it right.
    Wrong(String),
}

/// The health of one output, shared by all its requests. Clones are the same.
#[derive(Clone, Debug)]
pub struct Health {
    output: Arc<str>,
    state: Arc<Mutex<State>>,
    unhealthy: Gauge,
}

#[derive(Debug, Default)]
struct State {
    // Requests in trouble, of each kind.
    away: usize,
    wrong: usize,
    reason: String,
}

/// One request in trouble, until this is dropped.
#[derive(Debug)]
pub(super) struct Trouble {
    health: Health,
    is_wrong: bool,
}

impl Health {
    pub(super) fn new(output: Arc<str>, unhealthy: Gauge) -> Self {
        Health {
            output,
            state: Arc::default(),
            unhealthy,
        }
    }

    /// How the output is.
    pub fn condition(&self) -> Condition {
        let state = self.state();
        match &*state {
            State { wrong: 1.., .. } => Condition::Wrong(state.reason.clone()),
            State { away: 1.., .. } => Condition::Away(state.reason.clone()),
            _ => Condition::Well,
        }
    }

    /// Whether the gateway may call itself ready: an output that is away is tried again and does not count,
    /// one that is wrong does.
    pub fn is_ready(&self) -> bool {
        self.state().wrong == 0
    }

    /// A request is in trouble. One warning when the first one is, one more when it gets worse.
    pub(super) fn trouble(&self, is_wrong: bool, reason: &str) -> Trouble {
        let mut state = self.state();
        let was = (state.wrong > 0, state.away > 0);
        *state.count(is_wrong) += 1;
        if is_wrong || state.wrong == 0 {
            reason.clone_into(&mut state.reason);
        }
        self.unhealthy.set(1);
        drop(state);
        if is_wrong && !was.0 {
            warn!(output = %self.output, reason, "output refuses everything: its records are held until it is put right");
        } else if was == (false, false) {
            warn!(output = %self.output, reason, "output is away: trying again");
        }
        Trouble {
            health: self.clone(),
            is_wrong,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn count(&mut self, is_wrong: bool) -> &mut usize {
        if is_wrong {
            &mut self.wrong
        } else {
            &mut self.away
        }
    }
}

impl Trouble {
    /// Whether it is of this kind.
    pub(super) fn is_wrong(&self) -> bool {
        self.is_wrong
    }
}

impl Drop for Trouble {
    fn drop(&mut self) {
        let mut state = self.health.state();
        *state.count(self.is_wrong) -= 1;
        if state.away + state.wrong == 0 {
            self.health.unhealthy.set(0);
            drop(state);
            info!(output = %self.health.output, "no request to the output is in trouble any more");
        }
    }
}
