//! Looks at the start for the topics that the gateway writes to: one that is missing is told before the first record, alert
//! or dead letter needs it.

use crate::config::{OutputSettings, PipelineSettings};
use crate::kafka::{self, Cluster, ClusterSettings};
use crate::settle::DeadLetters;
use crate::telemetry::{Condition, Readiness};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::task::JoinSet;

/// How often a topic that is missing is looked for.
const LOOK_AGAIN: Duration = Duration::from_secs(10);

/// Topics of one cluster, each with its condition once it was missing.
type Wanted = BTreeMap<String, Option<Condition>>;

/// A task a cluster, which looks until all topics are there.
pub(super) fn watch(tasks: &mut JoinSet<()>, pipelines: &[PipelineSettings], all: &Readiness) {
    for (cluster, topics) in written(pipelines).into_values() {
        tasks.spawn(look(cluster, topics, all.clone()));
    }
}

/// What is written to, by cluster.
fn written(pipelines: &[PipelineSettings]) -> BTreeMap<String, (ClusterSettings, Wanted)> {
    let mut written = BTreeMap::new();
    let mut add = |cluster: &ClusterSettings, topic: &str| {
        let (_, topics) = written
            .entry(cluster.name.clone())
            .or_insert_with(|| (cluster.clone(), Wanted::new()));
        topics.insert(topic.to_owned(), None);
    };
    for pipeline in pipelines {
        for output in pipeline.outputs() {
            if let OutputSettings::Kafka(kafka, _) = &**output {
                add(&kafka.cluster, &kafka.topic);
            }
        }
        if let DeadLetters::Topic { cluster, topic } = &pipeline.settle.dead_letters {
            add(cluster, topic);
        }
    }
    written
}

async fn look(cluster: ClusterSettings, mut missing: Wanted, all: Readiness) {
    // Why nobody answers is told by those who read and write there.
    let Ok(connected) = kafka::connect(&cluster, |_| {}).await else {
        return;
    };
    let mut interval = tokio::time::interval(LOOK_AGAIN);
    let mut made = Vec::new();
    while !missing.is_empty() {
        interval.tick().await;
        look_once(&connected, &mut missing, &mut made, &all).await;
    }
    drop(connected);
    if !made.is_empty() {
        // A condition that nobody holds does not hold.
        std::future::pending::<()>().await;
    }
}

/// Those that are there are looked for no more; of those that were missing the conditions are kept.
async fn look_once(
    cluster: &Cluster,
    missing: &mut Wanted,
    made: &mut Vec<Condition>,
    all: &Readiness,
) {
    let found = cluster
        .partition_counts(missing.keys().map(String::as_str))
        .await;
    let found = match found {
        Ok(found) => found,
        Err(error) => {
            tracing::debug!(
                cluster = cluster.name(),
                "topics are not known: {}",
                error.chain()
            );
            return;
        }
    };
    missing.retain(|topic, condition| {
        if found.contains_key(topic) {
            condition.iter().for_each(Condition::ready);
            made.extend(condition.take());
            return false;
        }
        let name = format!("topic {topic} of cluster {}", cluster.name());
        let condition = condition.get_or_insert_with(|| all.condition(&name));
        condition.not_ready("does not exist: make it; what is to be written there waits");
        true
    });
}
