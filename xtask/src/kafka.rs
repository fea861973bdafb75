//! Apache Kafka: fetched by Maven into the cache, and one broker for trying things by hand.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::cache::Entry;
use crate::foreground::{self, Foreground, free_port};
use crate::install::Setup;
use crate::tools::{self, Tool};
use crate::versions::KAFKA;
use crate::{process, project, say};

/// Any will do for a cluster of one; a fixed one saves the start of a Java to make it.
const CLUSTER_ID: &str = "dGlkZWdhdGUtbG9jYWwtMQ";

/// What [`prepare`] will need.
pub fn tools_needed() -> Result<Vec<Tool>> {
    let maven = (!entry()?.is_made()).then_some(Tool::Maven);
    Ok(maven.into_iter().chain([Tool::Java]).collect())
}

/// The folder of Kafka's jars, in the cache.
pub fn prepare(setup: &Setup) -> Result<PathBuf> {
    tools::need(setup, &tools_needed()?)?;
    fetch()
}

/// As [`prepare`], where the tools are there.
pub fn fetch() -> Result<PathBuf> {
    let folder = entry()?.get(|folder| {
        say::timed(&format!("fetching Kafka {KAFKA}"), || {
            let mut maven = Command::new("mvn");
            maven
                .args(["--quiet", "--batch-mode", "--file"])
                .arg(pom()?);
            maven.arg("dependency:copy-dependencies");
            maven.arg(format!(
                "-DoutputDirectory={}",
                folder.join("lib").display()
            ));
            process::quietly(&mut maven)?;
            ensure!(folder.join("lib").is_dir(), "Maven brought no jars");
            Ok(())
        })
    })?;
    Ok(folder.join("lib"))
}

/// Runs one broker on `port` of the loopback interface until Ctrl-C; its data goes with it.
pub fn run(setup: &Setup, port: u16) -> Result<()> {
    let jars = prepare(setup)?;
    foreground::port_is_free(port, "--port")?;
    let foreground = Foreground::new("kafka")?;
    let folder = foreground.folder();
    let config = folder.join("server.properties");
    fs::write(
        &config,
        properties(port, free_port()?, &folder.join("data")),
    )?;
    say::doing(&format!("starting Kafka {KAFKA}"));
    let mut format = java(&jars, "kafka.tools.StorageTool");
    format
        .args(["format", "--cluster-id", CLUSTER_ID, "--config"])
        .arg(&config);
    process::quietly(&mut format).context("cannot make Kafka's data folder")?;
    let mut broker = java(&jars, "kafka.Kafka");
    let ready = ready(&jars, port, folder);
    foreground.run(broker.arg(&config), port, &ready)
}

fn entry() -> Result<Entry> {
    let pom = pom()?;
    let made_from = fs::read(&pom).with_context(|| format!("cannot read {}", pom.display()))?;
    Ok(Entry {
        name: format!("kafka-{KAFKA}"),
        made_from,
    })
}

fn pom() -> Result<PathBuf> {
    Ok(project::root()?.join("tests/kafka/pom.xml"))
}

fn java(jars: &Path, class: &str) -> Command {
    let mut java = Command::new("java");
    java.args(["-Xmx400m", "-cp", &format!("{}/*", jars.display()), class]);
    java
}

fn properties(port: u16, controller_port: u16, data: &Path) -> String {
    format!(
        "process.roles=broker,controller
node.id=1
controller.quorum.voters=1@localhost:{controller_port}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
log.dirs={}
offsets.topic.num.partitions=5
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=5
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
group.initial.rebalance.delay.ms=0
log.retention.ms=-1
",
        data.display()
    )
}

fn ready(jars: &Path, port: u16, folder: &Path) -> String {
    let java = format!(
        "java -Dorg.slf4j.simpleLogger.defaultLogLevel=warn -cp '{}/*'",
        jars.display()
    );
    let tool = format!("{java} org.apache.kafka.tools");
    let server = format!("--bootstrap-server 127.0.0.1:{port}");
    format!(
        "Kafka {KAFKA} listens on 127.0.0.1:{port}; data and log are in {}
make a topic:  {tool}.TopicCommand {server} --create --topic logs.app --partitions 6
for what is refused:  {tool}.TopicCommand {server} --create --topic logs.dead
write lines:   {tool}.ConsoleProducer {server} --topic logs.app
with keys:     the same with --property parse.key=true --property key.separator=: (lines KEY:VALUE)
read them:     {tool}.consumer.ConsoleConsumer {server} --topic logs.app --from-beginning
Ctrl-C stops it and removes its data.",
        folder.display()
    )
}
