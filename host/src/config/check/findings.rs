//! What a pipeline raises must go somewhere, and what is to be sent must be raised by somebody.

use super::{ByName, Checker};
use crate::config::file::Pipeline;
use crate::config::problem::Field;
use crate::guests::PluginSettings;
use std::sync::Arc;

impl Checker<'_> {
    /// Reports detectors and scorers that nobody would hear, and outputs that nothing would come to.
    pub(super) fn findings_are_heard(
        &mut self,
        at: &Field,
        p: &Pipeline,
        plugins: &ByName<Arc<PluginSettings>>,
    ) {
        if !p.detect.is_empty() && p.to.alerts.is_empty() {
            let rule = "raises alerts, but they go nowhere";
            let remedy = "name an output under to.alerts";
            self.wrong_all(at.then("detect"), rule, remedy);
        }
        for (number, name) in p.score.iter().enumerate() {
            let keeps_scores = |plugin: &Arc<PluginSettings>| plugin.score_attribute.is_some();
            // One that is not there is told elsewhere.
            if p.to.anomalies.is_empty() && plugins.get(name).is_some_and(|p| !keeps_scores(p)) {
                let rule =
                    "does nothing here: its anomalies go nowhere, and its scores are not kept";
                let remedy =
                    "name an output under to.anomalies, or give the plugin a score_attribute";
                self.wrong(at.then("score").then(number), name, rule, remedy);
            }
        }
        for (key, sent, stage, by) in [
            ("alerts", &p.to.alerts, &p.detect, ("detector", "detect")),
            ("anomalies", &p.to.anomalies, &p.score, ("scorer", "score")),
        ] {
            if stage.is_empty() && !sent.is_empty() {
                let rule = format!("would stay silent: nothing raises {key}");
                let remedy = format!("name a {} under {}, or leave it out", by.0, by.1);
                self.wrong_all(at.then("to").then(key), rule, remedy);
            }
        }
    }
}
