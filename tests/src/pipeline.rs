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
        let demo = include_str!("../../configs/demo.yaml");
        let mut from = format!("group_id: {}, topics: [{}]", self.group(), self.topic);
        if let Some(instance) = self.instance {
            from += &format!(", group_instance_id: {instance}");
        }
        if !self.from.is_empty() {
            from += &format!(", {}", self.from);
        }
        // The tests say themselves where the gateway listens.
        let yaml = demo
            .replace("admin: { listen: \"127.0.0.1:0\" }\n", "")
            .replace("${TIDEGATE_DEMO_BROKER}", &self.kafka)
            .replace("${TIDEGATE_DEMO_COLLECTOR}", &self.collector)
            .replace("group_id: tidegate-demo, topics: [logs.demo]", &from)
            .replace(
                "topic: logs.demo.dead",
                &format!("topic: {}", self.dead_letters()),
            );
        assert!(
            yaml.contains(self.topic) && !yaml.contains("admin:"),
            "configs/demo.yaml is not written as expected here"
        );
        yaml
    }
}
