//! Apache Kafka: one broker in KRaft mode on a free loopback port.

use crate::guard::Guard;
use crate::{LOOK_AGAIN, cache, free_port};
use anyhow::{Context, Result};
use krafka::producer::Acks;
use krafka::{Kafka as Client, Record};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Pinned in xtask too, which puts it where it is looked for here.
const VERSION: &str = "4.1.0";
/// A JVM starts slowly on a busy machine.
const START_LIMIT: Duration = Duration::from_secs(90);

/// A running broker. Its data is gone when it is dropped.
pub struct Kafka {
    guard: Guard,
    folder: TempDir,
    port: u16,
}

impl Kafka {
    /// Starts a broker and waits until it answers.
    pub async fn start() -> Kafka {
        let folder = TempDir::new().expect("a folder for Kafka's data");
        let port = free_port();
        let properties = folder.path().join("server.properties");
        std::fs::write(
            &properties,
            settings(
                port,
                free_port(),
                &folder.path().join("data").to_string_lossy(),
            ),
        )
        .expect("its settings");
        let properties = properties.to_string_lossy().into_owned();
        let format = ["format", "-t", "dGlkZWdhdGUtdGVzdHMtMA", "-c", &properties];
        tool("kafka.tools.StorageTool", &format).expect("the data folder is formatted");
        let arguments = java(
            &["-Xmx400m", "-XX:+UseSerialGC"],
            "kafka.Kafka",
            &[&properties],
        );
        let guard = Guard::start("java".as_ref(), &arguments, &folder.path().join("log"));
        let kafka = Kafka {
            guard,
            folder,
            port,
        };
        kafka.wait().await;
        kafka
    }

    async fn wait(&self) {
        let log = self.folder.path().join("log");
        let log = || std::fs::read_to_string(&log).unwrap_or_default();
        let started = async {
            let mut again = tokio::time::interval(LOOK_AGAIN);
            while !log().contains("Kafka Server started") {
                again.tick().await;
            }
        };
        if tokio::time::timeout(START_LIMIT, started).await.is_err() {
            panic!("Kafka did not start within {START_LIMIT:?}:\n{}", log());
        }
    }

    /// Stops answering, without closing a connection, until [`thaw`](Self::thaw).
    pub fn freeze(&self) {
        self.guard.signal("STOP");
    }

    /// Answers again.
    pub fn thaw(&self) {
        self.guard.signal("CONT");
    }

    /// `host:port`.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// A client of our own.
    pub async fn client(&self) -> Client {
        let client = Client::builder(self.address())
            .request_timeout(Duration::from_secs(20))
            .connect()
            .await;
        client.expect("Kafka answers")
    }

    /// Makes a topic that keeps records however old they say they are.
    pub async fn create_topic(&self, name: &str, partitions: i32) {
        let mut topic = krafka::admin::NewTopic::new(name, partitions, 1).expect("a topic");
        topic.configs.insert("retention.ms".into(), "-1".into());
        let client = self.client().await;
        let answers = client
            .admin()
            .create_topics(vec![topic], krafka::admin::CreateTopicsOptions::default())
            .await;
        answers.expect("the topic is made");
    }

    /// Writes values to partitions and waits for every acknowledgement. Within a partition, offsets
    /// follow the order of the values: the first one written to an empty partition has offset 0.
    pub async fn produce(
        &self,
        topic: &str,
        records: impl IntoIterator<Item = (i32, Record)>,
    ) -> Result<usize> {
        self.produce_slowly(topic, records, usize::MAX).await
    }

    /// As [`produce`](Self::produce), at most so many records a second.
    pub async fn produce_slowly(
        &self,
        topic: &str,
        records: impl IntoIterator<Item = (i32, Record)>,
        a_second: usize,
    ) -> Result<usize> {
        let mut pace = tokio::time::interval(Duration::from_millis(20));
        let a_turn = (a_second / 50).max(1);
        let client = self.client().await;
        let producer = client
            .producer()
            .acks(Acks::All)
            .linger(Duration::from_millis(5))
            .batch_size(256 << 10)
            .metrics_push(false)
            .build()
            .await?;
        let mut handles = Vec::new();
        for (partition, mut record) in records {
            record.topic = topic.to_owned();
            if handles.len() % a_turn == a_turn - 1 {
                pace.tick().await;
            }
            handles.push(producer.enqueue(record.partition(partition)).await?);
        }
        let count = handles.len();
        for handle in handles {
            let _written = handle.await.context("a record is acknowledged")?;
        }
        producer.close().await?;
        Ok(count)
    }

    /// Offsets that a group has committed, by partition, as Kafka's own tool tells them.
    pub fn committed(&self, group: &str, topic: &str) -> BTreeMap<i32, i64> {
        let address = self.address();
        let arguments = [
            "--bootstrap-server",
            &address,
            "--describe",
            "--group",
            group,
        ];
        let said = tool(
            "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand",
            &arguments,
        )
        .unwrap_or_default();
        // GROUP TOPIC PARTITION CURRENT-OFFSET LOG-END-OFFSET LAG ...
        let rows = said
            .lines()
            .map(|line| line.split_whitespace().collect::<Vec<_>>());
        rows.filter(|row| row.get(1) == Some(&topic))
            .filter_map(|row| Some((row.get(2)?.parse().ok()?, row.get(3)?.parse().ok()?)))
            .collect()
    }

    /// Waits until a group has committed exactly these offsets. Asks through a client, which costs less than
    /// a tool's own JVM; [`committed`](Self::committed) is for judging.
    pub async fn wait_committed(
        &self,
        group: &str,
        topic: &str,
        expected: &BTreeMap<i32, i64>,
        limit: Duration,
    ) {
        let client = self.client().await;
        let what = format!("{group} committing the ends of {topic}");
        crate::wait_for(&what, limit, async || {
            let options = krafka::admin::ListConsumerGroupOffsetsOptions::default();
            let answer = client
                .admin()
                .list_consumer_group_offsets(group, options)
                .await;
            let offsets = answer
                .unwrap_or_default()
                .into_iter()
                .filter(|(p, _)| p.topic == topic);
            let offsets = offsets.filter_map(|(p, o)| Some((p.partition, o.ok()?.offset?)));
            offsets.collect::<BTreeMap<i32, i64>>() == *expected
        })
        .await;
    }

    /// Sets what a group without members has committed for partition 0 of a topic, as an operator does.
    pub async fn set_back(&self, group: &str, topic: &str, offset: i64) {
        let (address, to) = (self.address(), offset.to_string());
        let topic = format!("{topic}:0");
        let arguments = [
            "--bootstrap-server",
            &address,
            "--group",
            group,
            "--topic",
            &topic,
            "--reset-offsets",
            "--to-offset",
            &to,
            "--execute",
        ];
        let said = tool(
            "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand",
            &arguments,
        );
        said.expect("the offset is set");
    }

    /// Kafka's own tool for settings, with these arguments.
    pub fn configure<'a>(&self, arguments: impl IntoIterator<Item = &'a str>) {
        let arguments: Vec<&str> = arguments.into_iter().collect();
        tool("kafka.admin.ConfigCommand", &arguments).expect("the settings are changed");
    }

    /// How many records a topic has been given, as Kafka's own tool tells it.
    pub fn written(&self, topic: &str) -> usize {
        let address = self.address();
        let arguments = ["--bootstrap-server", &address, "--topic", topic];
        let said =
            tool("org.apache.kafka.tools.GetOffsetShell", &arguments).expect("the topic's ends");
        // TOPIC:PARTITION:OFFSET
        let ends = said
            .lines()
            .filter_map(|line| line.rsplit(':').next()?.trim().parse::<usize>().ok());
        ends.sum()
    }

    /// Everything in a topic at this moment, read by a group of its own.
    pub async fn read_all(&self, topic: &str) -> Vec<krafka::consumer::ConsumerRecord> {
        let count = self.written(topic);
        if count == 0 {
            return Vec::new();
        }
        let client = self.client().await;
        let group = format!("reader-{}", fastrand::u64(..));
        let consumer = client
            .consumer(&group)
            .auto_offset_reset(krafka::consumer::AutoOffsetReset::Earliest)
            .enable_auto_commit(false)
            .metrics_push(false)
            .build()
            .await
            .expect("a consumer");
        consumer.subscribe(&[topic]).await.expect("a subscription");
        let mut records = Vec::new();
        let end = Instant::now() + Duration::from_secs(60);
        while records.len() < count && Instant::now() < end {
            records.extend(
                consumer
                    .poll(Duration::from_millis(200))
                    .await
                    .expect("records"),
            );
        }
        assert!(
            records.len() >= count,
            "{} of {count} records of {topic} could be read",
            records.len()
        );
        let _ = consumer.close().await;
        records
    }
}

fn settings(port: u16, controller: u16, data: &str) -> String {
    format!(
        "process.roles=broker,controller
node.id=1
controller.quorum.voters=1@localhost:{controller}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
log.dirs={data}
offsets.topic.replication.factor=1
offsets.topic.num.partitions=5
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=5
group.initial.rebalance.delay.ms=0
log.retention.ms=-1
"
    )
}

fn library() -> PathBuf {
    let folder = cache().join(format!("kafka-{VERSION}/lib"));
    assert!(
        folder.is_dir(),
        "no Kafka in {}: run `cargo xtask prepare kafka`",
        folder.display()
    );
    folder
}

fn java(options: &[&str], class: &str, arguments: &[&str]) -> Vec<String> {
    let path = library().join("*").to_string_lossy().into_owned();
    let options = options.iter().map(|o| (*o).to_owned());
    let rest = ["-cp".to_owned(), path, class.to_owned()];
    options
        .chain(rest)
        .chain(arguments.iter().map(|a| (*a).to_owned()))
        .collect()
}

/// Runs one of Kafka's own tools.
fn tool(class: &str, arguments: &[&str]) -> Result<String> {
    let output = Command::new("java")
        .args(java(&["-Xmx200m"], class, arguments))
        .output()?;
    anyhow::ensure!(
        output.status.success(),
        "{class}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
