//! The shipped pipeline, pointed at the parts of a test.

/// What a test wants to say differently.
#[derive(Clone, Debug)]
pub struct Pipeline {
    /// Kafka's `host:port`.
    pub kafka: String,
    /// The Collector's endpoint.
    pub collector: String,
    /// The topic to read; the consumer group and the dead letters' topic are named after it.
    pub topic: &'static str,
    /// Static membership: a member that was killed comes back without waiting for its session to end.
    pub instance: Option<&'static str>,
    /// More lines for `from`, at its indentation.
    pub from: &'static str,
}

/// The pipeline of `configs/demo.yaml` as far as records go: the demo's own admin port, and the detector and scorer that
/// its incidents are made for, are left out.
pub fn demo_yaml() -> String {
    let mut yaml = include_str!("../../configs/demo.yaml").to_owned();
    for (written, here) in [
        ("admin: { listen: \"127.0.0.1:0\" }\n", ""),
        ("    detect: [rules]\n    score: [novelty]\n", ""),
        (
            "{ records: [collector], alerts: [collector, findings], anomalies: [collector, findings] }",
            "{ records: [collector] }",
        ),
    ] {
        assert!(yaml.contains(written), "configs/demo.yaml has no {written}");
        yaml = yaml.replace(written, here);
    }
    yaml
}

impl Pipeline {
    /// The consumer group.
    pub fn group(&self) -> String {
        format!("tidegate-{}", self.topic)
    }

    /// The dead letters' topic.
    pub fn dead_letters(&self) -> String {
        format!("{}.dead", self.topic)
    }

    /// The configuration file: `configs/demo.yaml` with other names.
    pub fn yaml(&self) -> String {
        let mut from = format!("group_id: {}, topics: [{}]", self.group(), self.topic);
        if let Some(instance) = self.instance {
            from += &format!(", group_instance_id: {instance}");
        }
        if !self.from.is_empty() {
            from += &format!(", {}", self.from);
        }
        let yaml = demo_yaml()
            .replace("${TIDEGATE_DEMO_BROKER}", &self.kafka)
            .replace("${TIDEGATE_DEMO_COLLECTOR}", &self.collector)
            .replace("group_id: tidegate-demo, topics: [logs.demo]", &from)
            .replace(
                "topic: logs.demo.dead",
                &format!("topic: {}", self.dead_letters()),
            );
        assert!(
            yaml.contains(self.topic),
            "configs/demo.yaml is not written as expected here"
        );
        yaml
    }
}
