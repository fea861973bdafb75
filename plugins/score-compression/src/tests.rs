mod logs;
mod naive;
mod precision;

use crate::window::{TEXT_BYTES_MAX, WINDOW_BYTES_MAX, Window};
use crate::{Compression, Past, hop, normal};
use logs::{Chance, Incident, Source, Trouble, usual};
use proptest::prelude::*;
use tidegate_sdk::testing::{self, OwnedRecord, OwnedValue, Stream};
use tidegate_sdk::{Anomaly, Position};

fn normalised(text: &[u8]) -> Vec<u8> {
    let mut to = vec![b'?'; normal::RECORD_BYTES_MAX + normal::SLACK + 3];
    let end = normal::append(text, &mut to, 3);
    to[3..end].to_vec()
}

/// *Scenario:* texts with numbers, hex ids, UUIDs, words that only look like them, and one that is too long.
/// *Guarantees:* what differs every time is one 0, all else stays.
#[test]
fn what_differs_every_time_is_one_zero() {
    for (text, expected) in [
        ("", ""),
        ("order 1234 took 5.25 ms", "order 0 took 0.0 ms"),
        ("2026-11-21T14:05:03.120Z GET", "0-0-0T0:0:0.0Z GET"),
        ("id 5d9f7c8b6 and a1b2c3", "id 0 and 0"),
        (
            "commit 3F2A91C, trace_4bf92f3577b34da6",
            "commit 0, trace_0",
        ),
        (
            "at 0x7f3a00, 0X1 0x 0xfg1, 1920x1080 1xa",
            "at 0x0, 0X0 0x 0xfg0, 0x0 0x0",
        ),
        ("u 123e4567-e89b-12d3-a456-426614174000.", "u 0."),
        ("u 12345678-1234-1234-1234-123456789012", "u 0"),
        ("u 12345678-1234-1234-1234-1234567890123", "u 0-0-0-0-0"),
        (
            "deadbeef Decade ab12 x86_64 utf8 v2rc10",
            "deadbeef Decade ab0 x0_0 utf0 v0rc0",
        ),
        ("größe 17 → 18", "größe 0 → 0"),
    ] {
        let said = normalised(text.as_bytes());
        assert_eq!(String::from_utf8(said).unwrap(), expected, "{text}");
    }
    let long = "x".repeat(10_000);
    assert_eq!(normalised(long.as_bytes()).len(), normal::RECORD_BYTES_MAX);
}

proptest! {
    /// *Scenario:* any bytes, and text of the letters that matter.
    /// *Guarantees:* normalising never panics and never makes text longer; twice is the same as once; of each run of digits
    /// one stays.
    #[test]
    fn normalising_twice_is_normalising_once(text in prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..600),
        "[0-9a-fxg \\-]{0,80}".prop_map(String::into_bytes),
        "([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}[ x\\-]?){1,3}".prop_map(String::into_bytes),
    ]) {
        let once = normalised(&text);
        prop_assert!(once.len() <= text.len());
        prop_assert_eq!(&normalised(&once), &once);
        prop_assert!(!once.windows(2).any(|pair| pair.iter().all(u8::is_ascii_digit)));
    }
}

/// *Scenario:* configurations out of bounds, and one with a misspelt field.
/// *Guarantees:* each is refused by the field's name.
#[test]
fn a_configuration_out_of_bounds_is_refused() {
    for (config, pointer) in [
        (r#"{"window":63}"#, "/window"),
        (r#"{"window":100001}"#, "/window"),
        (r#"{"hop":63}"#, "/hop"),
        (r#"{"hop":10001}"#, "/hop"),
        (r#"{"threshold":0}"#, "/threshold"),
        (r#"{"threshold":1.1}"#, "/threshold"),
        (r#"{"times_usual":1}"#, "/times_usual"),
        (r#"{"hops":1}"#, "/hops"),
    ] {
        let error = testing::plugin::<Compression>(config).err().unwrap();
        assert_eq!(error.pointer(), pointer, "{config}");
    }
    for config in [
        "{}",
        r#"{"window":64,"hop":10000,"threshold":1,"times_usual":1.1}"#,
    ] {
        assert!(testing::plugin::<Compression>(config).is_ok(), "{config}");
    }
}

/// A stream of a program's usual lines with an incident in it, as records of one second each.
fn stream(source: Source, records: usize, trouble: std::ops::Range<usize>) -> Stream {
    let mut chance = Chance::new(3);
    let garbage = Trouble::new(source, Incident::Garbage, &mut chance);
    let mut stream = Stream::default();
    for n in 0..records {
        let at = 1_800_000_000_000 + n as u64 * 400;
        let mut record = OwnedRecord::new(usual(source, &mut chance));
        if trouble.contains(&n) {
            record.body = OwnedValue::Bytes(garbage.line(&mut chance));
        }
        // Every third record does not say when it happened.
        let record = if n % 3 == 0 {
            record
        } else {
            record.at(at - 5_000)
        };
        stream.push(at, record);
    }
    stream
}

/// *Scenario:* logs with garbage in one hop, given whole, one by one, cut anywhere, saved and restored, with ticks.
/// *Guarantees:* the answers are the same; the hop with the garbage alone is an anomaly, which names the garbage, is dated by
/// its last record, and explains itself; no record of the first window has a score, and each later one has.
#[test]
fn garbage_is_found_however_the_stream_is_cut() {
    let plugin = testing::plugin(r#"{"window":128,"hop":64,"times_usual":null}"#).unwrap();
    let stream = stream(Source::Java, 460, 330..380);
    let scored = testing::scored::<Compression>(&plugin, &stream, 1_900_000_000_000);
    let [anomaly] = &scored.anomalies[..] else {
        panic!("{:#?}", scored.anomalies);
    };
    assert_eq!(anomaly.fingerprint, "compression");
    assert_eq!(anomaly.evidence.len(), hop::EVIDENCE_MAX);
    assert!(
        anomaly
            .evidence
            .iter()
            .all(|place| (330..380).contains(&place.0))
    );
    assert!(anomaly.evidence.is_sorted_by_key(|place| place.0));
    // The hop's last record is the 384th; every third has no time of its own.
    assert_eq!(anomaly.at, 1_800_000_000_000 + 383 * 400 - 5_000);
    assert!(anomaly.score >= anomaly.threshold && anomaly.threshold >= 0.9);
    let says = &anomaly.explanation;
    assert!(says.starts_with("64 records compress to 9"), "{says}");
    assert!(
        says.contains("(usually ") && says.ends_with("in the 128 before"),
        "{says}"
    );
    let label = |name| {
        &anomaly
            .labels
            .iter()
            .find(|label| label.0 == name)
            .unwrap()
            .1
    };
    assert!(label("worst").chars().count() <= hop::EXCERPT_CHARS_MAX);
    let number = |name| label(name).parse::<f32>().unwrap();
    assert_eq!(
        number("bytes_given_window") / number("bytes_alone"),
        anomaly.score
    );
    assert!(scored.scores[..128].iter().all(Option::is_none));
    assert!(scored.scores[128..].iter().all(Option::is_some));
    let mean = |range: std::ops::Range<usize>| {
        let scores = scored.scores[range.clone()].iter().flatten();
        scores.sum::<f32>() / range.len() as f32
    };
    assert!(mean(330..380) > 0.9 && mean(200..330) < 0.2);
}

/// *Scenario:* a service that says the same few things, and one stack trace over and over among them.
/// *Guarantees:* the hop in which it comes first is an anomaly by its new text alone, with the usual cost beside its own; the next
/// ones are not, for the trace has been seen.
#[test]
fn new_text_among_usual_text_is_told_once() {
    let mut stream = Stream::default();
    for n in 0..600_u32 {
        let trace = (400..560).contains(&n) && n.is_multiple_of(3);
        let line = if trace {
            let frames = "NoSuchMethodError: checkout\n\tat com.shop.Basket.pay(Basket.java:17)\n\tat jdk.Thread.run(Thread.java:9)";
            format!("ERROR {n} uncaught {frames}")
        } else {
            format!(
                "INFO order {n} accepted in {} ms by worker {}",
                n * 7 % 900,
                ["a", "b", "c"][n as usize * n as usize % 3]
            )
        };
        stream.push(u64::from(n) * 100, OwnedRecord::new(line));
    }
    let plugin = testing::plugin(r#"{"window":128,"hop":64}"#).unwrap();
    let scored = testing::scored::<Compression>(&plugin, &stream, 100_000);
    let [anomaly] = &scored.anomalies[..] else {
        panic!("{:#?}", scored.anomalies);
    };
    assert_eq!(
        (anomaly.rule.as_str(), anomaly.fingerprint.as_str()),
        ("new-text", "new-text")
    );
    let says = &anomaly.explanation;
    assert_eq!(
        says,
        "64 records cost 1.8 bytes each given the 128 before, usually 0.0: more of them is new"
    );
    assert_eq!(anomaly.threshold, (1.0 - 1.0 / 1.5) as f32);
    assert!(anomaly.score > anomaly.threshold && anomaly.score <= 1.0);
    assert!(anomaly.evidence.contains(&Position(402)));
    let worst = anomaly
        .labels
        .iter()
        .find(|label| label.0 == "worst")
        .unwrap();
    assert!(worst.1.starts_with("ERROR 0 uncaught NoSuchMethodError"));
}

/// *Scenario:* long lines, of which less than a hop and its window fit the text that is kept; cut anywhere, saved and restored.
/// *Guarantees:* the answers are the same.
#[test]
fn long_lines_are_scored_the_same_however_the_stream_is_cut() {
    let plugin = testing::plugin(r#"{"window":64,"hop":100}"#).unwrap();
    let mut chance = Chance::new(5);
    let mut stream = Stream::default();
    for n in 0..330 {
        let lines: Vec<String> = (0..8).map(|_| usual(Source::Klog, &mut chance)).collect();
        stream.push(1_000 * n, OwnedRecord::new(lines.join("\n")));
    }
    let scored = testing::scored::<Compression>(&plugin, &stream, 1_000_000);
    assert_eq!(scored.scores.iter().flatten().count(), 230);
}

/// *Scenario:* one record over and over, two in turn, and records that have only a name of their own.
/// *Guarantees:* such streams have a high score by their nature; none is an anomaly, for it is their usual one.
#[test]
fn a_high_score_that_is_usual_is_no_anomaly() {
    let mut chance = Chance::new(1);
    let one = |_: u32, _: &mut Chance| "heartbeat ok".to_owned();
    let two =
        |n: u32, _: &mut Chance| ["tick", "tock and some more text"][n as usize % 2].to_owned();
    let named = |_: u32, chance: &mut Chance| {
        let name: String = (0..8)
            .map(|_| char::from(b'a' + chance.below(26) as u8))
            .collect();
        format!("Failed password for invalid user {name} from 10.0.0.1 port 5 ssh2")
    };
    let lines: [fn(u32, &mut Chance) -> String; 3] = [one, two, named];
    for (number, line) in lines.iter().enumerate() {
        for config in ["{}", r#"{"times_usual":null}"#] {
            let plugin = testing::plugin::<Compression>(config).unwrap();
            let mut past = Past::default();
            let all: Vec<Vec<u8>> = (0..6_000)
                .map(|n| line(n, &mut chance).into_bytes())
                .collect();
            assert_eq!(run(&plugin, &mut past, &all), [], "stream {number}");
        }
    }
}

/// All anomalies of a shard, dated by the number of their last record.
fn run(plugin: &Compression, past: &mut Past, lines: &[Vec<u8>]) -> Vec<Anomaly> {
    let mut anomalies = Vec::new();
    for (n, line) in lines.iter().enumerate() {
        plugin.add(past, line, Position(n as u32));
        if past.hop.records >= plugin.config.hop {
            anomalies.extend(plugin.judge(past, n as u64));
        }
    }
    anomalies
}

/// *Scenario:* floods of empty, short, long and binary records under the largest window and hop, and what is saved of them.
/// *Guarantees:* text and what is saved stay within their bounds; what is saved and restored codes on as before.
#[test]
fn floods_stay_within_bounds() {
    let plugin = testing::plugin::<Compression>(r#"{"window":100000,"hop":10000}"#).unwrap();
    let mut chance = Chance::new(9);
    for bytes in [0, 1, 40, 511, 512, 5_000] {
        let mut past = Past::default();
        let records = if bytes < 2 { 80_000 } else { 1_500 };
        for n in 0..records {
            let line: Vec<u8> = (0..bytes).map(|_| chance.below(256) as u8).collect();
            plugin.add(&mut past, &line, Position(n));
            if past.hop.records >= plugin.config.hop {
                plugin.judge(&mut past, 0);
            }
        }
        assert!(past.window.text_bytes() <= TEXT_BYTES_MAX + normal::SLACK);
        let saved = postcard(&past);
        assert!(
            saved.len() < (1 << 20) / 4,
            "{} bytes are saved",
            saved.len()
        );
        let mut restored: Past = postcard::from_bytes(&saved).unwrap();
        for n in 0..300_u32 {
            let line = usual(Source::Nginx, &mut chance);
            let (one, other) = (
                past.window.add(line.as_bytes()),
                restored.window.add(line.as_bytes()),
            );
            assert_eq!(one, other, "{bytes} bytes, record {n}");
        }
    }
}

fn postcard(past: &Past) -> Vec<u8> {
    postcard::to_allocvec(past).unwrap()
}

/// *Scenario:* a thousand shards of ordinary logs.
/// *Guarantees:* what one holds is at most 80 KiB.
#[test]
fn a_shard_is_small() {
    let mut past = Past::default();
    let mut chance = Chance::new(2);
    let plugin = testing::plugin::<Compression>("{}").unwrap();
    let lines: Vec<Vec<u8>> = (0..4_000)
        .map(|_| usual(Source::Klog, &mut chance).into_bytes())
        .collect();
    run(&plugin, &mut past, &lines);
    let held = past.window.held_bytes() + size_of::<Past>();
    assert!(held < 80 << 10, "{held} bytes");
    assert!(postcard(&past).len() < TEXT_BYTES_MAX + (4 << 10));
    assert!(past.window.held_bytes() > WINDOW_BYTES_MAX);
}

proptest! {
    /// *Scenario:* what was saved is damaged, anywhere.
    /// *Guarantees:* it is refused, or what comes of it goes on without a panic.
    #[test]
    fn damaged_memory_does_no_harm(at in any::<prop::sample::Index>(), with: u8, cut: bool) {
        let mut window = Window::default();
        let mut chance = Chance::new(4);
        for _ in 0..40 {
            window.add(usual(Source::Sshd, &mut chance).as_bytes());
        }
        window.begin_hop(20);
        window.add(b"one more");
        let mut saved = postcard::to_allocvec(&window).unwrap();
        let at = at.index(saved.len());
        // Mostly what is not text.
        let at = if with % 2 == 0 { saved.len() - 1 - at % 60 } else { at };
        saved[at] = with;
        if cut {
            saved.truncate(at);
        }
        if let Ok(mut window) = postcard::from_bytes::<Window>(&saved) {
            for _ in 0..20 {
                window.add(usual(Source::Sshd, &mut chance).as_bytes());
            }
            window.begin_hop(10);
        }
    }
}
