//! Names, labels and help of every metric, as tables: one line a metric.

use super::metrics::{OutputMetrics, PipelineMetrics, PluginMetrics};
use super::registry::Named;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, MetricEncoder};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use std::fmt;

/// A number that is told.
#[derive(Clone, Copy)]
enum Sample {
    Count(u64),
    Seconds(f64),
    Level(i64),
}

/// Name (without the `_total` that counters get), help, and where the number is.
type Row<T> = (&'static str, &'static str, fn(&T) -> Sample);

use Sample::{Count, Level, Seconds};

const PIPELINE: [Row<PipelineMetrics>; 20] = [
    ("tidegate_records_in", "Records read from Kafka", |m| {
        Count(m.records_in.get())
    }),
    ("tidegate_bytes_in", "Bytes of their keys and values", |m| {
        Count(m.bytes_in.get())
    }),
    (
        "tidegate_records_delivered",
        "Records read that were delivered",
        |m| Count(m.delivered.get()),
    ),
    (
        "tidegate_records_dropped",
        "Records read that a plugin left out on purpose",
        |m| Count(m.dropped.get()),
    ),
    (
        "tidegate_records_dead_lettered",
        "Records read that became dead letters",
        |m| Count(m.dead_lettered.get()),
    ),
    (
        "tidegate_records_remembered",
        "Records read again for what plugins remember, not counted as read",
        |m| Count(m.remembered.get()),
    ),
    (
        "tidegate_alerts_delivered",
        "Alerts that were delivered",
        |m| Count(m.alerts.delivered.get()),
    ),
    (
        "tidegate_alerts_dead_lettered",
        "Alerts that became dead letters",
        |m| Count(m.alerts.dead_lettered.get()),
    ),
    (
        "tidegate_anomalies_delivered",
        "Anomalies that were delivered",
        |m| Count(m.anomalies.delivered.get()),
    ),
    (
        "tidegate_anomalies_dead_lettered",
        "Anomalies that became dead letters",
        |m| Count(m.anomalies.dead_lettered.get()),
    ),
    (
        "tidegate_json_as_text",
        "JSON values that went out as text",
        |m| Count(m.json_as_text.get()),
    ),
    (
        "tidegate_batches_abandoned",
        "Batches abandoned and read again",
        |m| Count(m.abandoned.get()),
    ),
    (
        "tidegate_retention_loss_records",
        "Offsets skipped because Kafka no longer had them",
        |m| Count(m.retention_loss.get()),
    ),
    ("tidegate_commits", "Commits that succeeded", |m| {
        Count(m.commits.get())
    }),
    ("tidegate_commit_failures", "Commits that failed", |m| {
        Count(m.commit_failures.get())
    }),
    (
        "tidegate_memory_not_compacted",
        "1 while the topic for what plugins remember is not only compacted",
        |m| Level(m.memory_not_compacted.get()),
    ),
    ("tidegate_rebalances", "Rebalances", |m| {
        Count(m.rebalances.get())
    }),
    ("tidegate_partitions", "Partitions assigned", |m| {
        Level(m.partitions.get())
    }),
    (
        "tidegate_lag_records",
        "Records between the committed offset and the end",
        |m| Level(m.lag.get()),
    ),
    (
        "tidegate_in_flight_bytes",
        "Memory for records in flight",
        |m| Level(m.in_flight_bytes.get()),
    ),
];

const PLUGIN: [Row<PluginMetrics>; 12] = [
    ("tidegate_plugin_calls", "Calls of a plugin", |m| {
        Count(m.calls.get())
    }),
    ("tidegate_plugin_seconds", "Time spent in its calls", |m| {
        Seconds(m.nanos.get() as f64 / 1e9)
    }),
    ("tidegate_plugin_records_in", "Records given to it", |m| {
        Count(m.records_in.get())
    }),
    (
        "tidegate_plugin_records_out",
        "Records that it returned",
        |m| Count(m.records_out.get()),
    ),
    (
        "tidegate_plugin_records_dropped",
        "Records that it left out on purpose",
        |m| Count(m.dropped.get()),
    ),
    (
        "tidegate_plugin_records_not_mine",
        "Records that were not its own",
        |m| Count(m.not_mine.get()),
    ),
    (
        "tidegate_plugin_records_malformed",
        "Records that were its own and malformed",
        |m| Count(m.malformed.get()),
    ),
    (
        "tidegate_plugin_records_skipped",
        "Records that passed by because it broke at them",
        |m| Count(m.skipped.get()),
    ),
    (
        "tidegate_plugin_findings",
        "Alerts and anomalies that it raised",
        |m| Count(m.findings.get()),
    ),
    (
        "tidegate_plugin_findings_folded",
        "Of them, those that said again what was told within the repeat interval",
        |m| Count(m.folded.get()),
    ),
    (
        "tidegate_plugin_findings_suppressed",
        "Of them, those that were too many a minute",
        |m| Count(m.suppressed.get()),
    ),
    (
        "tidegate_plugin_memory_lost",
        "Partitions whose memory was lost, or fell back to what was saved last",
        |m| Count(m.memory_lost.get()),
    ),
];

/// The label `kind`, and where the number is.
type FaultRow = (&'static str, fn(&PluginMetrics) -> u64);

/// One metric, told apart by the label `kind`.
const FAULTS: [FaultRow; 4] = [
    ("trap", |m| m.fault_traps.get()),
    ("timeout", |m| m.fault_timeouts.get()),
    ("memory", |m| m.fault_memory.get()),
    ("answer", |m| m.fault_answers.get()),
];

const OUTPUT: [Row<OutputMetrics>; 6] = [
    (
        "tidegate_output_records",
        "Records acknowledged by an output",
        |m| Count(m.records.get()),
    ),
    ("tidegate_output_requests", "Requests acknowledged", |m| {
        Count(m.requests.get())
    }),
    (
        "tidegate_output_bytes",
        "Bytes of these requests before compression",
        |m| Count(m.bytes.get()),
    ),
    (
        "tidegate_output_retries",
        "Attempts beyond the first",
        |m| Count(m.retries.get()),
    ),
    (
        "tidegate_output_records_refused",
        "Records refused for good",
        |m| Count(m.refused.get()),
    ),
    (
        "tidegate_output_unhealthy",
        "1 while an output is wrong or away, 0 while it answers",
        |m| Level(m.unhealthy.get()),
    ),
];

/// Writes all of it.
pub(super) fn encode(named: &Named, mut e: DescriptorEncoder<'_>) -> fmt::Result {
    let pipelines = || {
        named
            .pipelines
            .iter()
            .map(|(n, m)| (vec![("pipeline", n.clone())], m))
    };
    rows(&mut e, &PIPELINE, pipelines)?;
    let plugins = || named.plugins.iter().map(|(n, m)| (pair(n), m));
    rows(&mut e, &PLUGIN, plugins)?;
    faults(&mut e, named)?;
    counts(&mut e, named)?;
    let outputs = || {
        named
            .outputs
            .iter()
            .map(|(n, m)| (vec![("output", n.clone())], m))
    };
    rows(&mut e, &OUTPUT, outputs)?;
    ready(&mut e, named)?;
    lags(&mut e, named)
}

type Labels = Vec<(&'static str, String)>;

fn pair((pipeline, plugin): &(String, String)) -> Labels {
    vec![("pipeline", pipeline.clone()), ("plugin", plugin.clone())]
}

fn rows<'a, T: 'a, I>(
    e: &mut DescriptorEncoder<'_>,
    table: &[Row<T>],
    things: impl Fn() -> I,
) -> fmt::Result
where
    I: Iterator<Item = (Labels, &'a T)>,
{
    for (name, help, sample) in table {
        family(
            e,
            name,
            help,
            things().map(|(labels, m)| (labels, sample(m))),
        )?;
    }
    Ok(())
}

fn faults(e: &mut DescriptorEncoder<'_>, named: &Named) -> fmt::Result {
    let each = named.plugins.iter().flat_map(|(name, m)| {
        FAULTS.iter().map(move |(kind, count)| {
            let mut labels = pair(name);
            labels.push(("kind", (*kind).to_owned()));
            (labels, Count(count(m)))
        })
    });
    family(
        e,
        "tidegate_plugin_faults",
        "Calls in which a plugin broke",
        each,
    )
}

fn counts(e: &mut DescriptorEncoder<'_>, named: &Named) -> fmt::Result {
    let each = named.plugins.iter().flat_map(|(name, m)| {
        m.own.list().into_iter().map(move |(count, n)| {
            let mut labels = pair(name);
            labels.push(("name", count));
            (labels, Count(n))
        })
    });
    family(
        e,
        "tidegate_plugin_counts",
        "What a plugin counts itself",
        each,
    )
}

fn ready(e: &mut DescriptorEncoder<'_>, named: &Named) -> fmt::Result {
    let each = named.readiness.all().into_iter();
    let each = each.map(|(name, holds)| (vec![("condition", name)], Level(holds.into())));
    let help = "1 where a condition of readiness holds, 0 where it does not";
    family(e, "tidegate_ready", help, each)
}

fn lags(e: &mut DescriptorEncoder<'_>, named: &Named) -> fmt::Result {
    let each = named.pipelines.iter().flat_map(|(pipeline, metrics)| {
        let lags = metrics.partition_lag.all();
        lags.into_iter().map(move |(partition, lag)| {
            let labels = vec![
                ("pipeline", pipeline.clone()),
                ("topic", partition.topic.to_string()),
                ("partition", partition.index.to_string()),
            ];
            (labels, Level(lag))
        })
    });
    let help = "Records between the committed offset and the end of a partition";
    family(e, "tidegate_partition_lag_records", help, each)
}

/// One metric with all its label sets; nothing where there are none.
fn family(
    e: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    samples: impl Iterator<Item = (Labels, Sample)>,
) -> fmt::Result {
    let mut samples = samples.peekable();
    let Some((_, first)) = samples.peek() else {
        return Ok(());
    };
    let mut metric = e.encode_descriptor(name, help, None, first.metric_type())?;
    for (labels, sample) in samples {
        sample.encode(metric.encode_family(&labels)?)?;
    }
    Ok(())
}

// === impl Sample ===

impl Sample {
    fn metric_type(self) -> MetricType {
        match self {
            Count(_) | Seconds(_) => MetricType::Counter,
            Level(_) => MetricType::Gauge,
        }
    }

    fn encode(self, metric: MetricEncoder<'_>) -> fmt::Result {
        match self {
            Count(n) => ConstCounter::new(n).encode(metric),
            Seconds(n) => ConstCounter::new(n).encode(metric),
            Level(n) => ConstGauge::new(n).encode(metric),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::model::Partition;
    use crate::telemetry::Registry;

    fn text(registry: &Registry) -> String {
        registry.text().unwrap()
    }

    /// *Scenario:* two pipelines, a plugin in both, an output, partitions; each asked for twice.
    /// *Guarantees:* names and labels as a Prometheus user expects; one TYPE line a metric; asking again
    /// goes on counting; the text ends as OpenMetrics demands.
    #[test]
    fn metrics_have_names_and_labels() {
        let all = Registry::new("1.2.3", &["0.1.0"]);
        all.pipeline("shop").records_in.inc_by(2);
        all.pipeline("shop").records_in.inc_by(3);
        all.pipeline("web").lag.set(7);
        all.plugin("shop", "json").nanos.inc_by(1_500_000_000);
        all.plugin("shop", "json").fault_timeouts.inc();
        all.plugin("web", "json");
        all.output("collector").unhealthy.set(1);
        let lag = all.pipeline("shop").partition_lag;
        lag.replace(vec![(Partition::new("logs.b", 0), 1)]);
        lag.replace(vec![(Partition::new("logs.a", 3), 12)]);
        let text = text(&all);
        for line in [
            r#"tidegate_build_info{version="1.2.3",contracts="0.1.0"} 1"#,
            r#"tidegate_records_in_total{pipeline="shop"} 5"#,
            r#"tidegate_records_in_total{pipeline="web"} 0"#,
            r#"tidegate_lag_records{pipeline="web"} 7"#,
            r#"tidegate_plugin_seconds_total{pipeline="shop",plugin="json"} 1.5"#,
            r#"tidegate_plugin_faults_total{pipeline="shop",plugin="json",kind="timeout"} 1"#,
            r#"tidegate_output_unhealthy{output="collector"} 1"#,
            r#"tidegate_partition_lag_records{pipeline="shop",topic="logs.a",partition="3"} 12"#,
        ] {
            assert!(text.lines().any(|l| l == line), "{line} not in\n{text}");
        }
        assert!(!text.contains("logs.b"));
        assert_eq!(
            text.matches("# TYPE tidegate_records_in counter").count(),
            1
        );
        assert!(text.ends_with("# EOF\n"));
    }

    /// *Scenario:* a plugin counts in two pipelines.
    /// *Guarantees:* its counters are told as they are at the moment of the scrape, each pipeline's alone.
    #[test]
    fn a_plugins_own_counters_are_told() {
        let all = Registry::default();
        for (pipeline, amount) in [("shop", 2), ("web", 5), ("shop", 1)] {
            let own = all.plugin(pipeline, "json").own;
            own.get("seen").unwrap().inc_by(amount);
        }
        for line in [
            r#"tidegate_plugin_counts_total{pipeline="shop",plugin="json",name="seen"} 3"#,
            r#"tidegate_plugin_counts_total{pipeline="web",plugin="json",name="seen"} 5"#,
        ] {
            assert!(text(&all).contains(line), "{line}");
        }
    }

    /// *Scenario:* one condition of readiness holds, another does not.
    /// *Guarantees:* each is told, by its name.
    #[test]
    fn readiness_is_told() {
        let (all, readiness) = (Registry::default(), crate::telemetry::Readiness::default());
        all.readiness(&readiness);
        let (well, ill) = (
            readiness.condition("output a"),
            readiness.condition("kafka"),
        );
        well.ready();
        ill.not_ready("away");
        for line in [
            r#"tidegate_ready{condition="output a"} 1"#,
            r#"tidegate_ready{condition="kafka"} 0"#,
        ] {
            assert!(text(&all).lines().any(|l| l == line), "{line}");
        }
    }

    /// *Scenario:* label values with quotes and line ends.
    /// *Guarantees:* they are escaped; no line is torn.
    #[test]
    fn label_values_are_escaped() {
        let all = Registry::default();
        let lags = vec![(Partition::new("a\"b\n", 0), 1)];
        all.pipeline("shop").partition_lag.replace(lags);
        let text = text(&all);
        assert!(
            text.contains(r#"topic="a\"b\n",partition="0"} 1"#),
            "{text}"
        );
    }
}
