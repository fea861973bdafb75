use super::*;
use crate::Remembered;
use tidegate_sdk::{Detector, Moment, Position, Raise};

/// The most that the gateway saves.
const SAVED_BYTES_MAX: usize = 1 << 20;

/// What is remembered after these records, and what was raised of them.
fn after<'r>(
    plugin: &Rules,
    memory: &mut Remembered,
    records: impl IntoIterator<Item = &'r OwnedRecord>,
) {
    let columns = testing::columns(records);
    let mut raise = Raise::default();
    for (position, record) in (0..).zip(testing::batch(&columns).records()) {
        let now = record.time().map_or(START, |time| time.millis());
        let position = Position(position);
        plugin.detect(memory, record, Moment { position, now }, &mut raise);
    }
}

fn saved(memory: &Remembered) -> Vec<u8> {
    postcard::to_allocvec(memory).unwrap()
}

/// The same after it was saved and restored.
fn restored(memory: &Remembered) -> Remembered {
    postcard::from_bytes(&saved(memory)).unwrap()
}

/// *Scenario:* records that one rule matches, and that it matches without the field whose values it counts.
/// *Guarantees:* both are counted as matches of that rule, over all calls, and of no other.
#[test]
fn matches_are_counted() {
    let plugin = plugin(&json!({"rules": [
        {"name": "known", "when": {"field": "a", "equals": "x"}, "distinct": {"field": "b", "at_least": 9}, "within": "1m"},
        {"name": "unknown", "when": {"field": "z", "exists": true}, "count": {"at_least": 1}, "within": "1m"},
    ]}));
    let mut memory = Remembered::default();
    let record = |a: &str| OwnedRecord::new("x").at(START).with("a", a);
    for _ in 0..2 {
        let records = [record("x"), record("y"), record("x").with("b", "1")];
        after(&plugin, &mut memory, &records);
    }
    let counted = |rule: &str| testing::counted(&format!("matched.{rule}"));
    assert_eq!((counted("known"), counted("unknown")), (4, 0));
}

/// *Scenario:* twenty thousand records, nearly each of a group of its own, of rules with short and long keys and many values.
/// *Guarantees:* what is saved stays below the gateway's bound and uses it, groups that go are counted, and a restored memory
/// is as full as the one that was saved.
#[test]
fn a_flood_of_groups_is_bounded() {
    let fields = ["a", "b", "c", "d", "e", "f"];
    let plugin = plugin(&json!({"max_groups": 10_000, "rules": [
        {"name": "short", "group_by": ["a"], "count": {"at_least": 3}, "within": "24h"},
        {"name": "long", "group_by": fields, "count": {"at_least": 3}, "within": "24h"},
        {"name": "values", "group_by": ["few"], "distinct": {"field": "b", "at_least": 1_000}, "within": "24h"},
        {"name": "gone", "group_by": ["a"], "absent_for": "24h"},
    ]}));
    let mut memory = Remembered::default();
    let (mut largest, evicted) = (0, || testing::counted("groups.evicted.long"));
    for round in 0..10_u64 {
        let record = |n: u64| {
            let n = round * 2_000 + n;
            let record = OwnedRecord::new("x")
                .at(START + n)
                .with("few", (n % 50) as i64);
            fields.iter().fold(record, |record, field| {
                record.with(field, &format!("{field}-{n:0100}"))
            })
        };
        let steady = OwnedRecord::new("x")
            .at(START + round * 2_000)
            .with("a", "steady");
        let records: Vec<_> = (0..2_000).map(record).chain([steady]).collect();
        after(&plugin, &mut memory, &records);
        largest = largest.max(saved(&memory).len());
    }
    assert!(largest <= SAVED_BYTES_MAX - 16, "{largest} bytes");
    assert!(
        largest > SAVED_BYTES_MAX / 2,
        "{largest} bytes: room is left unused"
    );
    assert!(evicted() > 0);
    let mut again = restored(&memory);
    again.arrange(&plugin.plan);
    assert_eq!(
        again.bytes(),
        memory.bytes(),
        "what is counted as it comes is what is counted anew"
    );
    assert!(memory.bytes() >= saved(&memory).len() - 100);
    let more = |after: u64| OwnedRecord::new("x").at(START + after).with("a", "steady");
    after(&plugin, &mut again, &[more(30_000), more(30_001)]);
    assert!(saved(&again).len() <= SAVED_BYTES_MAX - 16);
}

/// *Scenario:* a rule may have sixteen groups; a seventeenth comes, and more.
/// *Guarantees:* there are never more; the one that matched longest ago goes; the others count on.
#[test]
fn a_rule_keeps_so_many_groups() {
    let plugin = plugin(&json!({"max_groups": 16, "rules": [{
        "name": "r", "group_by": ["g"], "count": {"at_least": 2}, "within": "60s",
    }]}));
    let record = |after: u64, group: u64| {
        (
            after,
            OwnedRecord::new("x")
                .at(START + after)
                .with("g", group as i64),
        )
    };
    let mut records: Vec<_> = (0..16).map(|n| record(n, n)).collect();
    // Group 0 matches again, then group 16 drives out group 1, which is the oldest then.
    records.extend([
        record(20, 0),
        record(21, 16),
        record(22, 1),
        record(23, 15),
        record(24, 16),
    ]);
    let alerts = raised(&plugin, records, 1_000);
    let groups: Vec<&str> = alerts.iter().map(|alert| &alert.fingerprint[..]).collect();
    assert_eq!(groups, ["r{g=0}", "r{g=15}", "r{g=16}"]);
    assert!(testing::counted("groups.evicted.r") > 0);
}

/// *Scenario:* the configuration changes between two records: rules change places, one gets another title, one another
/// threshold, one goes.
/// *Guarantees:* a rule that counts what it counted goes on with its counts; a changed one begins anew; nothing else is mixed up.
#[test]
fn a_changed_configuration_keeps_what_fits() {
    let rule = |name: &str, at_least: u64, title: &str| json!({"name": name, "group_by": ["g"], "count": {"at_least": at_least}, "within": "60s", "title": title});
    let old = rules(&json!([
        rule("gone", 9, "x"),
        rule("same", 3, "old"),
        rule("changed", 3, "x")
    ]));
    let new = rules(&json!([
        rule("changed", 2, "x"),
        rule("same", 3, "new"),
        rule("added", 1, "x")
    ]));
    let record = |after: u64| OwnedRecord::new("x").at(START + after).with("g", "a");
    let mut memory = Remembered::default();
    after(&old, &mut memory, &[record(0), record(1)]);
    let mut memory = restored(&memory);
    let columns = testing::columns([&record(2)]);
    let mut raise = Raise::default();
    let moment = Moment {
        position: Position(2),
        now: START + 2,
    };
    new.detect(
        &mut memory,
        testing::batch(&columns).get(0).unwrap(),
        moment,
        &mut raise,
    );
    let told = format!("{raise:?}");
    assert!(
        told.contains("\"same\"") && told.contains("\"new\"") && told.contains("\"added\""),
        "{told}"
    );
    assert!(!told.contains("\"changed\""), "{told}");
}

/// *Scenario:* ten thousand rules, most of which have nothing to remember.
/// *Guarantees:* they take no room.
#[test]
fn rules_without_counts_take_no_room() {
    let rule = |n: usize| {
        let when = json!({"field": "x", "equals": format!("value-{n}")});
        json!({"name": format!("rule-{n}"), "when": when, "count": {"at_least": 1}, "within": "60s"})
    };
    let plugin = rules(&Json::Array((0..10_000).map(rule).collect()));
    let mut memory = Remembered::default();
    after(
        &plugin,
        &mut memory,
        &[OwnedRecord::new("x").at(START).with("x", "value-77")],
    );
    assert!(saved(&memory).len() < 100);
}
