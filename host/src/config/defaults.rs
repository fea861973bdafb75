//! What holds where the configuration says nothing: the only place that knows. Safe for 1 to 4 cores.

use super::file::{
    Acks, Admin, Attribute, Batch, Codec, Compression, Findings, Format, Isolation, KafkaBatch,
    Key, Level, Limits, Log, Memory, OnPartialSuccess, RecordFormat, RequestBatch, Retry,
};
use super::units::{Size, Time};

/// Functions that serde and schemars call by name, as a table.
macro_rules! defaults {
    ($($name:ident: $type:ty = $value:expr;)*) => {
        $(pub(super) fn $name() -> $type { $value })*
    };
}

defaults! {
    // The process.
    // Below the 30 s that orchestrators usually wait before they kill.
    shutdown_timeout: Time = Time::s(25);
    admin: Admin = Admin::Listen { listen: "127.0.0.1:9400".to_owned() };
    log: Log = Log { level: Level::Info, format: Format::Text };

    // Kafka clusters.
    client_id: String = "tidegate".to_owned();
    request_timeout: Time = Time::s(5);
    connect_timeout: Time = Time::s(5);

    // Plugins.
    limits: Limits = Limits {
        memory: Size::mib(64),
        time_per_batch: Time::ms(500),
        batch_text: Size::mib(64),
        faults_per_minute: 60,
    };

    // Outputs. OTLP servers refuse requests above 4 MiB unless told otherwise.
    compression: Compression = Compression::Gzip;
    otlp_timeout: Time = Time::s(10);
    request_batch: RequestBatch = RequestBatch {
        max_records: 4096,
        max_bytes: Size::mib(3),
        linger: Time::ms(20),
    };
    max_in_flight_requests: u32 = 4;
    // Half of each pause is left to chance, so that gateways that lost the same collector do not come
    // back in step; 1.5 reaches 30 s after ten attempts, about a minute.
    retry: Retry = Retry {
        initial: Time::ms(500),
        max: Time::s(30),
        multiplier: 1.5,
        jitter: 0.5,
    };
    on_partial_success: OnPartialSuccess = OnPartialSuccess::DeadLetter;

    record_format: RecordFormat = RecordFormat::Driftlock;
    key: Key = Key::Word("none".to_owned());
    acks: Acks = Acks::All;
    codec: Codec = Codec::None;
    idempotent: bool = true;
    // A quarter of what topics take unless told otherwise.
    kafka_batch: KafkaBatch = KafkaBatch { max_bytes: Size::kib(256), linger: Time::ms(5) };

    // Pipelines.
    findings: Findings = Findings { repeat_interval: Time::s(600), max_per_minute: 600 };
    memory: Memory = Memory { keep: true, cluster: None, topic: None, interval: Time::s(10) };
    start: super::file::Start = super::file::Start::Word("earliest".to_owned());
    isolation: Isolation = Isolation::ReadCommitted;
    session_timeout: Time = Time::s(15);
    heartbeat_interval: Time = Time::s(3);
    max_poll_interval: Time = Time::s(300);
    drain_timeout: Time = Time::s(30);
    attributes: Vec<Attribute> = vec![Attribute::Topic, Attribute::Partition, Attribute::Offset];
    batch: Batch = Batch { records: 1000, bytes: Size::mib(1), linger: Time::ms(50) };
    max_in_flight: Size = Size::mib(64);
    max_partition_fetch_bytes: Size = Size::kib(256);
    fetch_max_bytes: Size = Size::mib(8);
    commit_interval: Time = Time::s(1);
}

/// How often topics are listed again and leaders asked for. A client that does not ask never leaves a
/// leader that was killed.
pub(super) const METADATA_INTERVAL: std::time::Duration = std::time::Duration::from_secs(4);
