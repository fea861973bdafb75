//! Pipelines that read what others write must not make a round: each record would go on for ever.

use super::topics::{Written, written_on};
use super::{ByName, Checker};
use crate::config::file::File;
use crate::config::problem::field;
use crate::kafka::ClusterSettings;
use std::collections::{BTreeMap, VecDeque};

/// One pipeline reads what another writes.
struct Edge<'a> {
    writer: String,
    reader: &'a str,
    /// Which of the reader's topics it is.
    number: usize,
    topic: &'a str,
}

impl Checker<'_> {
    /// Reports each knot of pipelines that read each other's outputs in a round, at one topic of it.
    pub(super) fn no_rounds(&mut self, file: &File, clusters: &ByName<ClusterSettings>) {
        let edges = edges(file, clusters);
        for edge in &edges {
            let Some(way) = way(&edges, edge.reader, &edge.writer) else {
                continue;
            };
            // Whoever comes first by name tells of it.
            if way.iter().any(|pipeline| *pipeline < edge.reader) {
                continue;
            }
            let round = [way.as_slice(), &[edge.reader]].concat().join(" -> ");
            let at = field!["pipelines", edge.reader, "from", "topics"].then(edge.number);
            let rule = format!("must not go round, each record would for ever: {round}");
            let remedy = "read another topic, or write one of the outputs elsewhere";
            self.wrong(at, edge.topic, rule, remedy);
        }
    }
}

/// Who reads by name what another pipeline writes to an output.
fn edges<'a>(file: &'a File, clusters: &ByName<ClusterSettings>) -> Vec<Edge<'a>> {
    let mut edges = Vec::new();
    for (reader, p) in &file.pipelines.0 {
        let Some(cluster) = clusters.get(&p.from.cluster) else {
            continue;
        };
        let written = written_on(cluster, file, clusters);
        for (number, topic) in p.from.topics.iter().enumerate() {
            let writers = written.iter().filter_map(|w: &Written| w.writer_of(topic));
            let writers = writers.filter(|writer| writer != reader);
            edges.extend(writers.map(|writer| Edge {
                writer: writer.to_owned(),
                reader,
                number,
                topic,
            }));
        }
    }
    edges
}

/// The shortest way along the data from one pipeline to another, both included.
fn way<'a>(edges: &'a [Edge<'a>], from: &'a str, to: &str) -> Option<Vec<&'a str>> {
    let mut before: BTreeMap<&str, &str> = BTreeMap::new();
    let mut next = VecDeque::from([from]);
    while let Some(at) = next.pop_front() {
        if at == to {
            let mut way = vec![at];
            let mut at = at;
            while at != from {
                at = before.get(at)?;
                way.insert(0, at);
            }
            return Some(way);
        }
        for edge in edges.iter().filter(|e| e.writer == at) {
            if edge.reader != from && !before.contains_key(edge.reader) {
                before.insert(edge.reader, at);
                next.push_back(edge.reader);
            }
        }
    }
    None
}
