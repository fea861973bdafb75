mod precision;

use crate::group::{EVIDENCE_MAX, Group, Rules};
use crate::groups::Groups;
use crate::key::{Part, Seen};
use crate::shard::{MINUTE_MS, Shard};
use crate::{Rate, Unusual};
use proptest::prelude::*;
use tidegate_sdk::testing::{self, OwnedRecord, Scored, Stream};
use tidegate_sdk::{Anomaly, Columns, Moment, Position, Severity};

/// 14:00 UTC of some day, in Unix milliseconds.
const START: u64 = 1_800_021_600_000;
const ERROR: u8 = 17;

fn record(service: &str, severity: u8) -> OwnedRecord {
    OwnedRecord::new("said")
        .severity(Severity::new(severity).unwrap())
        .with_resource("service.name", service)
}

/// Adds so many records of a minute, spread over it, which come when they happen.
fn minute(stream: &mut Stream, minute: u64, group: (&str, u8), records: u64) {
    for n in 0..records {
        let at = START + minute * MINUTE_MS + (n + 1) * MINUTE_MS / (records + 1);
        stream.push(at, record(group.0, group.1).at(at));
    }
}

/// Orders with 12 and 13 errors in turn in each minute from the first to the last.
fn usual(stream: &mut Stream, minutes: std::ops::Range<u64>) {
    for at in minutes {
        minute(stream, at, ("orders", ERROR), 12 + at % 2);
    }
}

fn scored(config: &str, stream: &Stream, minutes: u64) -> Vec<Anomaly> {
    let plugin = testing::plugin::<Rate>(config).unwrap();
    let Scored { scores, anomalies } =
        testing::scored(&plugin, stream, START + minutes * MINUTE_MS);
    assert!(scores.iter().all(Option::is_none));
    anomalies
}

/// *Scenario:* configurations out of bounds, unknown fields, too many groups to save.
/// *Guarantees:* each is refused by the field's name; the bounds themselves are taken.
#[test]
fn a_configuration_out_of_bounds_is_refused() {
    for (config, pointer) in [
        (r#"{"minutes":9}"#, "/minutes"),
        (r#"{"minutes":241}"#, "/minutes"),
        (r#"{"threshold":1}"#, "/threshold"),
        (r#"{"threshold":0.05}"#, "/threshold"),
        (r#"{"min_count":0}"#, "/min_count"),
        (r#"{"silence_min":0}"#, "/silence_min"),
        (r#"{"lateness_s":301}"#, "/lateness_s"),
        (r#"{"max_groups":0}"#, "/max_groups"),
        (r#"{"max_groups":1000,"minutes":240}"#, "/max_groups"),
        (r#"{"group_by":["severity","service.name"]}"#, "/group_by/1"),
        (r#"{"group_by":["resource."]}"#, "/group_by/0"),
        (
            r#"{"group_by":["severity","severity","severity","severity","severity"]}"#,
            "/group_by",
        ),
        (r#"{"window":1}"#, "/window"),
    ] {
        let error = testing::plugin::<Rate>(config).err().unwrap();
        assert_eq!(error.pointer(), pointer, "{config}");
    }
    for config in [
        "{}",
        r#"{"minutes":240,"max_groups":588,"group_by":[],"threshold":0.99}"#,
    ] {
        assert!(testing::plugin::<Rate>(config).is_ok(), "{config}");
    }
}

/// *Scenario:* a group with 12 or 13 records a minute has 240 in one and 100 in the next, in a stream that is cut anywhere.
/// *Guarantees:* each minute is told once, as soon as it has too many, by the record that is too many; with its numbers.
#[test]
fn a_burst_is_told_once_a_minute() {
    let mut stream = Stream::default();
    usual(&mut stream, 0..31);
    let before = stream.len() as u32;
    minute(&mut stream, 31, ("orders", ERROR), 240);
    minute(&mut stream, 32, ("orders", ERROR), 100);
    usual(&mut stream, 33..36);
    let [first, second] = &scored("{}", &stream, 36)[..] else {
        panic!("two are expected");
    };
    // Six spreads of the root of 13 above it; the minute before is not judged yet, and the first one was not whole.
    assert_eq!(
        first.explanation,
        "orders/ERROR: 35 records so far in the minute from 14:31 UTC, usually 13 (median of 29 minutes, spread 3.6)"
    );
    assert_eq!(
        (first.rule.as_str(), first.fingerprint.as_str()),
        ("rate-burst", "rate-burst orders/ERROR")
    );
    assert_eq!(first.at, START + 31 * MINUTE_MS + 35 * MINUTE_MS / 241);
    assert!((0.75..0.76).contains(&first.score) && first.threshold == 0.75);
    assert_eq!(first.evidence.last(), Some(&Position(before + 34)));
    assert_eq!(first.evidence.len(), EVIDENCE_MAX);
    assert!(first.evidence.is_sorted_by_key(|place| place.0));
    assert!(second.explanation.contains("from 14:32 UTC"));
    let label = |name| &first.labels.iter().find(|label| label.0 == name).unwrap().1;
    assert_eq!(
        [
            label("group"),
            label("count"),
            label("usual"),
            label("spread")
        ],
        ["orders/ERROR", "35", "13", "3.6"]
    );
}

/// *Scenario:* the same numbers, read an hour after they were written, as of a backlog.
/// *Guarantees:* the same is told, dated the same: minutes end by the records' times, and none is late.
#[test]
fn a_backlog_is_told_as_it_would_have_been() {
    let run = |behind: u64| {
        let mut stream = Stream::default();
        for at in 0..25 {
            for n in 0..[12, 90][usize::from(at == 20)] {
                let ms = START + at * MINUTE_MS + n * 600;
                stream.push(ms + behind, record("orders", ERROR).at(ms));
            }
        }
        scored("{}", &stream, 25 + behind / MINUTE_MS)
    };
    let late = testing::counted("late");
    let told = run(60 * MINUTE_MS);
    assert_eq!(told.len(), 1);
    assert_eq!(told, run(0));
    assert_eq!(testing::counted("late"), late);
}

/// *Scenario:* a group of 30 records a minute says nothing for five minutes, while another one goes on, or while nothing at
/// all comes; and a group of 12 does so too.
/// *Guarantees:* the silence is told once, dated by the end of the first whole silent minute, whoever brings it about, with the
/// last records as evidence; a group that is usually small is not told of.
#[test]
fn a_silence_is_told_once_and_dated_by_its_minute() {
    for others in [true, false] {
        let mut stream = Stream::default();
        for at in 0..26 {
            if at < 20 || at == 25 {
                minute(&mut stream, at, ("orders", 9), 30);
                minute(&mut stream, at, ("orders", ERROR), 12);
            }
            if others && at >= 20 {
                minute(&mut stream, at, ("mail", 9), 5);
            }
        }
        let config = r#"{"group_by":["severity","resource.service.name"]}"#;
        let [anomaly] = &scored(config, &stream, 26)[..] else {
            panic!("one is expected");
        };
        assert_eq!(
            anomaly.explanation,
            "INFO/orders: no record in the minute from 14:20 UTC, usually 30 (median of 19 minutes, spread 5.5)"
        );
        assert_eq!(anomaly.rule, "rate-silence");
        assert_eq!(anomaly.at, START + 21 * MINUTE_MS);
        let last: Vec<u32> = anomaly.evidence.iter().map(|place| place.0).collect();
        assert_eq!((last.len(), last[15]), (EVIDENCE_MAX, 20 * 42 - 13));
        assert!(anomaly.score > 0.75);
    }
}

/// *Scenario:* a group of 100 records a minute has 20 in one.
/// *Guarantees:* that is told when the minute is over; 70 would not be.
#[test]
fn far_too_few_are_told() {
    let mut stream = Stream::default();
    for at in 0..20 {
        let records = [100, 70, 20][usize::from(at == 16) + 2 * usize::from(at == 18)];
        minute(&mut stream, at, ("orders", 9), records);
    }
    let anomalies = scored("{}", &stream, 20);
    assert_eq!(anomalies.len(), 1);
    assert_eq!(
        anomalies[0].explanation,
        "orders/INFO: 20 records in the minute from 14:18 UTC, usually 100 (median of 17 minutes, spread 10)"
    );
    assert_eq!(
        (anomalies[0].rule.as_str(), anomalies[0].at),
        ("rate-drop", START + 19 * MINUTE_MS)
    );
    // The next minute has begun when it is judged: its records are not evidence.
    assert_eq!(anomalies[0].evidence, []);
}

/// *Scenario:* records that are 9 s late, 11 s late, and one whose clock is a year ahead.
/// *Guarantees:* the first count for their minute; the second do not count, which is counted; the last one ends no minute.
#[test]
fn late_records_count_while_their_minute_is_open() {
    let mut stream = Stream::default();
    for at in 0..13 {
        minute(&mut stream, at, ("orders", 9), 30);
    }
    let end = START + 13 * MINUTE_MS;
    let late = |stream: &mut Stream, by: u64, records: usize| {
        for _ in 0..records {
            stream.push(end + by, record("orders", 9).at(end - 100));
        }
    };
    stream.push(
        end + 8_000,
        record("mail", 9).at(end + 365 * 24 * 60 * MINUTE_MS),
    );
    // With the 30 before these are 50, not enough; the last three are too many but for one that is too late.
    late(&mut stream, 9_000, 32);
    late(&mut stream, 9_900, 2);
    let anomalies = scored("{}", &stream, 14);
    assert_eq!(anomalies.len(), 1);
    assert!(
        anomalies[0]
            .explanation
            .starts_with("orders/INFO: 63 records so far in the minute from 14:12")
    );

    let counted = testing::counted("late");
    let mut stream = Stream::default();
    for at in 0..13 {
        minute(&mut stream, at, ("orders", 9), 30);
    }
    stream.push(end + 10_000, record("mail", 9).at(end + 10_000));
    late(&mut stream, 11_000, 100);
    assert_eq!(scored("{}", &stream, 15).len(), 1);
    assert_eq!((testing::counted("late") - counted) % 100, 0);
    assert!(testing::counted("late") > counted);
}

/// *Scenario:* a group that was never seen begins with 50 records a minute: in a shard that is known for 12 minutes, in one known
/// for 5, and in one where groups have had to go.
/// *Guarantees:* only the first is told, and no longer than ten minutes: then it is the usual number.
#[test]
fn a_new_group_is_told_where_it_is_known_to_be_new() {
    let run = |known: u64, config: &str| {
        let mut stream = Stream::default();
        for at in 0..known + 25 {
            minute(&mut stream, at, ("orders", 9), 5);
            minute(&mut stream, at, ("mail", 9), 5);
            minute(&mut stream, at, ("cart", 9), 5);
            if at >= known {
                minute(&mut stream, at, ("mail", 21), 50);
            }
        }
        scored(config, &stream, known + 25)
    };
    let told = run(12, "{}");
    assert_eq!(told.len(), 10);
    assert!(
        told[0]
            .explanation
            .starts_with("mail/FATAL: 20 records so far in the minute from 14:12 UTC, usually 0 ")
    );
    assert_eq!(run(5, "{}"), []);
    assert_eq!(run(12, r#"{"max_groups":2}"#), []);
}

/// *Scenario:* a group that has three times as many records from some minute on.
/// *Guarantees:* after ten minutes this is its usual number, and half as many again is not told.
#[test]
fn a_new_level_becomes_usual() {
    let mut stream = Stream::default();
    usual(&mut stream, 0..30);
    for at in 30..60 {
        minute(
            &mut stream,
            at,
            ("orders", ERROR),
            50 + 10 * u64::from(at == 55),
        );
    }
    let anomalies = scored("{}", &stream, 60);
    assert_eq!(anomalies.len(), 10);
    assert_eq!(anomalies[9].at / MINUTE_MS, START / MINUTE_MS + 39);
}

/// *Scenario:* nothing comes for a month, then records again.
/// *Guarantees:* what was known is forgotten, at the cost of a few minutes' work; nothing is told but the silence.
#[test]
fn a_long_pause_is_one_silence() {
    let mut stream = Stream::default();
    for at in (0..20).chain(50_000..50_020) {
        minute(&mut stream, at, ("orders", 9), 30);
    }
    let anomalies = scored("{}", &stream, 50_020);
    let rules: Vec<&str> = anomalies
        .iter()
        .map(|anomaly| anomaly.rule.as_str())
        .collect();
    assert_eq!(rules[0], "rate-silence");
    assert!(
        rules[1..].iter().all(|rule| *rule == "rate-burst") && rules.len() <= 11,
        "{rules:?}"
    );
}

fn one(record: &OwnedRecord) -> Columns {
    testing::columns([record])
}

/// *Scenario:* floods of groups with long names and every type of value, under the largest configurations.
/// *Guarantees:* no more groups than allowed, those seen last stay, what goes is counted, and what is saved fits.
#[test]
fn floods_of_groups_stay_within_bounds() {
    for (config, most) in [
        ("{}", 1_000),
        (r#"{"max_groups":588,"minutes":240,"lateness_s":300}"#, 588),
    ] {
        let fields = r#""group_by":["attributes.a","attributes.b","resource.c","attributes.d"]"#;
        let config = config
            .replacen('{', &format!("{{{fields},"), 1)
            .replace(",}", "}");
        let plugin = testing::plugin::<Rate>(&config).unwrap();
        let before = testing::counted("groups_gone");
        let mut shard = Shard::default();
        let mut position = 0;
        for minute in 0..12 {
            for n in 0..1_500_u64 {
                let long = format!("{n:0>80}");
                let name = format!("{:0>64}{long}", n / 7 + minute);
                let record = OwnedRecord::new("x")
                    .with("a", name.as_str())
                    .with("b", &long[20..])
                    .with("d", &long[16..])
                    .with_resource("c", &long[17..]);
                let columns = one(&record);
                position += 1;
                let moment = Moment {
                    position: Position(u32::MAX - position),
                    now: START + minute * MINUTE_MS + n * 10,
                };
                let record = testing::batch(&columns).get(0).unwrap();
                plugin.record(&mut shard, record, moment, |_| {});
                assert!(shard.groups.len() <= most);
            }
        }
        assert!(testing::counted("groups_gone") > before);
        assert!(shard.groups.len() > most / 2);
        assert!(
            shard
                .groups
                .iter_mut()
                .all(|group| group.seen + 3_000 > shard.records)
        );
        let saved = postcard::to_allocvec(&shard).unwrap();
        assert!(saved.len() < 1 << 20, "{} bytes are saved", saved.len());
    }
}

/// *Scenario:* values of every type, texts that begin alike, and what is missing.
/// *Guarantees:* they are different groups, named by their values; texts that differ after 64 bytes are one.
#[test]
fn values_of_every_type_make_groups() {
    let long = "é".repeat(40);
    let records = [
        record("orders", 9),
        OwnedRecord::new("x").with("v", "5"),
        OwnedRecord::new("x").with("v", 5_i64),
        OwnedRecord::new("x").with("v", 5.5),
        OwnedRecord::new("x").with("v", true),
        OwnedRecord::new("x").with("v", &b"\xff"[..]),
        OwnedRecord::new("x").with("v", long.as_str()),
        OwnedRecord::new("x").with("v", &long[..70]),
    ];
    let plugin = testing::plugin::<Rate>(r#"{"group_by":["attributes.v"]}"#).unwrap();
    let mut shard = Shard::default();
    for (n, record) in records.iter().chain(&records).enumerate() {
        let columns = one(record);
        let moment = Moment {
            position: Position(n as u32),
            now: START,
        };
        plugin.record(
            &mut shard,
            testing::batch(&columns).get(0).unwrap(),
            moment,
            |_| {},
        );
    }
    let names: Vec<String> = shard
        .groups
        .iter_mut()
        .map(|group| crate::group_name(&group.parts))
        .collect();
    assert_eq!(names, ["-", "5", "5", "5.5", "true", &"é".repeat(32)]);
}

fn rules() -> Rules {
    Rules {
        threshold: 0.75,
        min_count: 5,
        silence_min: 20,
        minutes: 30,
    }
}

/// Minutes of a group with so many records each; what was unusual.
fn minutes(counts: &[u32]) -> Vec<Unusual> {
    let mut group = Group::new(vec![], 0, &rules());
    let mut all = Vec::new();
    for (minute, count) in counts.iter().enumerate() {
        for _ in 0..*count {
            if group.add(minute as u64, Position(0)) {
                all.extend(group.burst(minute as u64, &rules()));
            }
        }
        all.extend(group.close(minute as u64, &rules()));
    }
    all
}

proptest! {
    /// *Scenario:* a group's minutes, of any numbers.
    /// *Guarantees:* what is told is as far from the median as the threshold asks, counted with plain sorting; what is not told
    /// is not; scores rise with the distance; nothing is told before ten minutes are known.
    #[test]
    fn what_is_told_is_far_from_the_median(counts in proptest::collection::vec(prop_oneof![0_u32..4, 40..60_u32, 0..200_u32], 1..40)) {
        let told = minutes(&counts);
        let (history, last) = counts.split_at(counts.len() - 1);
        let unusual = told.iter().find(|unusual| unusual.minute == history.len() as u64);
        prop_assert!(told.iter().all(|unusual| unusual.minute >= 10));
        // A new level makes the history shorter; then only that is looked at which was told.
        if let Some(unusual) = unusual {
            prop_assert!(unusual.score >= unusual.threshold - 1e-9 && unusual.score < 1.0);
        } else if history.len() >= 10 && told.is_empty() {
            let middle = |mut values: Vec<f64>| {
                values.sort_by(f64::total_cmp);
                (values[(values.len() - 1) / 2] + values[values.len() / 2]) / 2.0
            };
            let known = &history[history.len().saturating_sub(30)..];
            let median = middle(known.iter().map(|count| f64::from(*count)).collect());
            let spread = middle(known.iter().map(|count| (f64::from(*count) - median).abs()).collect());
            let spread = (1.4826 * spread).max(median.sqrt()).max(1.0);
            let z = (f64::from(last[0]) - median) / spread;
            prop_assert!(z < 6.0 || last[0] < 5, "{} is {} spreads above {}", last[0], z, median);
            prop_assert!(median < 20.0 || last[0] > 0 && z > -6.0);
        }
    }

    /// *Scenario:* groups come and go, with few allowed.
    /// *Guarantees:* a group is found when, and only when, it is among those that a plain list holds.
    #[test]
    fn groups_are_found_as_in_a_plain_list(numbers in proptest::collection::vec(0_i64..30, 1..200), most in 1_usize..20) {
        let (mut groups, mut list) = (Groups::default(), Vec::<(i64, u64)>::new());
        for (seen, number) in (1..).zip(numbers) {
            let key = [Seen::Int(number), Seen::Text("a")];
            prop_assert_eq!(groups.find(&key).is_some(), list.iter().any(|known| known.0 == number));
            if groups.find(&key).is_none() {
                let before = list.len();
                if before >= most {
                    list.sort_by_key(|known| std::cmp::Reverse(known.1));
                    list.truncate(most - most.div_ceil(10));
                }
                let gone = groups.add(&key, 0, &rules(), most);
                prop_assert_eq!(gone, before - list.len());
                list.push((number, 0));
            }
            let group = groups.find(&key).unwrap();
            prop_assert_eq!(&group.parts[0], &Part::Int(number));
            group.seen = seen;
            list.iter_mut().find(|known| known.0 == number).unwrap().1 = seen;
        }
    }
}

fn any_stream(seed: u64) {
    let mut chance = precision::Chance::new(seed);
    let mut stream = Stream::default();
    let mut now = START;
    for _ in 0..700 {
        now += match chance.below(40) {
            0 => 40_000 + chance.below(200_000) as u64,
            1..10 => 0,
            _ => chance.below(4_000) as u64,
        };
        let at = (now + 2_000).saturating_sub(chance.below(20_000) as u64);
        let record = record(
            ["a", "b", "c"][chance.below(3)],
            9 + 8 * (chance.below(5) == 0) as u8,
        );
        let record = if chance.below(9) == 0 {
            record
        } else {
            record.at(at)
        };
        stream.push(now, record);
    }
    let config = r#"{"min_count":3,"silence_min":3,"threshold":0.4,"minutes":12,"max_groups":5}"#;
    assert!(!scored(config, &stream, (now - START) / MINUTE_MS + 20).is_empty());
}

/// *Scenario:* records of several groups that come early, late, out of order and after pauses.
/// *Guarantees:* the answers are the same however the stream is cut, saved, restored and ticked.
#[test]
fn any_stream_is_scored_the_same() {
    (1..6).for_each(any_stream);
}
