//! A runner over a plugin of the binary, with calls that go as the test says.

use super::*;
use crate::guests::answer::Edits;
use crate::guests::{Engine, Limits, Plugin, PluginSettings, Source};

/// Memory of the plugin under test, in bytes: enough to start.
const MEMORY_BYTES: usize = 4 << 20;

/// Time stands still.
struct Still;

impl Clock for Still {
    fn now(&self) -> Duration {
        Duration::ZERO
    }

    fn wall_ms(&self) -> u64 {
        0
    }
}

/// An enricher that is left out when it is broken, at its second fault.
fn runner() -> Runner {
    let settings = PluginSettings {
        name: "names".into(),
        source: Source::Builtin("enrich-static".into()),
        config: serde_json::json!({"attributes": {"rename": {"a": "b"}}}),
        limits: Limits {
            memory: MEMORY_BYTES,
            time_per_batch: Duration::from_secs(10),
            batch_text: 64 << 20,
            faults_per_minute: 1,
        },
        on_fault: Some(OnFault::Skip),
        score_attribute: None,
        on_malformed: OnMalformed::DeadLetter,
        wasi: false,
    };
    let plugin = Plugin::load(&Engine::new(None).unwrap(), &settings)
        .expect("the plugins are built first: cargo xtask guests");
    Runner::new(Member {
        pipeline: "shop".into(),
        plugin: Arc::new(plugin),
        metrics: PluginMetrics::default(),
    })
    .unwrap()
}

fn records(count: usize, text: Vec<u8>) -> Columns {
    Columns {
        text,
        seconds: vec![0; count],
        nanos: vec![0; count],
        severity: vec![0; count],
        body: vec![0; 2 * count],
        attribute_end: vec![0; count],
        ..Columns::default()
    }
}

/// *Scenario:* a batch is answered whole at the second attempt, the first having taken too long; then the plugin breaks when
/// its memory is saved, and is left out.
/// *Guarantees:* the answer is the only part, of all records: its spans mean the batch's own text, and a second part would
/// have them applied over another.
#[test]
fn a_batch_that_was_answered_whole_is_one_part() {
    let mut runner = runner();
    let batch = records(3, b"abc".to_vec());
    let large = records(1, vec![b'x'; 2 * MEMORY_BYTES]);
    let mut calls = 0;
    let mut call = |instance: &mut Instance, _: Given<'_>, limit: Duration| {
        calls += 1;
        if calls == 1 {
            return Err(Fault {
                kind: FaultKind::Timeout,
                detail: "too slow".into(),
            });
        }
        // What does not fit breaks the instance: it can save nothing any more.
        assert!(instance.enrich(0, &large, 0, limit).is_err());
        Ok(Edits::default())
    };
    let run = runner.run(&Still, (&batch, Encoding::Ascii), Some(0), &mut call);
    let Ok(Run::Parts(parts)) = run else {
        panic!("it is left out from the next batch on, not from this one");
    };
    let found: Vec<_> = parts
        .iter()
        .map(|part| (part.records.clone(), part.outcome.is_ok()))
        .collect();
    assert_eq!(found, [(0..3, true)]);
    let metrics = runner.metrics();
    let faults = (metrics.fault_timeouts.get(), metrics.fault_traps.get());
    assert_eq!(faults, (1, 1), "the call, and saving");
    assert!(runner.bypassed_until.is_some());
}
