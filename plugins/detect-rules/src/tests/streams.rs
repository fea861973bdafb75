use super::*;
use tidegate_sdk::Position;

fn order_errors() -> Json {
    json!({
        "name": "order-errors",
        "when": { "all": [
            { "field": "severity", "at_least": "error" },
            { "field": "body", "contains": "timed out" },
        ]},
        "group_by": ["resource.service.name"],
        "count": { "at_least": 3 },
        "within": "60s",
        "level": "critical",
        "labels": { "team": "shop", "service": "{resource.service.name}" },
        "title": "{count} errors of {resource.service.name}",
    })
}

/// *Scenario:* one service has three errors in a minute, another has three in two minutes.
/// *Guarantees:* one alert with all it should say, dated by the record that reached the number, with the records as evidence;
/// one end, at the boundary at which fewer are left, and told once it is due.
#[test]
fn so_many_within_a_window() {
    let records = [
        error(500, "orders"),
        error(1_500, "cart"),
        error(20_500, "orders"),
        error(40_250, "orders"),
        error(59_500, "cart"),
        error(90_500, "cart"),
    ];
    let alerts = raised(&rules(&json!([order_errors()])), records, 300_000);
    assert_eq!(
        lines(&alerts),
        [
            "40250 order-errors{resource.service.name=orders} begins: 3 errors of orders",
            "61000 order-errors{resource.service.name=orders} ends: 3 errors of orders",
        ]
    );
    let begins = &alerts[0];
    assert_eq!(begins.level, tidegate_sdk::Level::Critical);
    assert_eq!(begins.since, START);
    assert_eq!(begins.evidence, [Position(0), Position(2), Position(3)]);
    let label = |name: &str| {
        begins
            .labels
            .iter()
            .find(|(known, _)| known == name)
            .unwrap()
            .1
            .clone()
    };
    assert_eq!(label("resource.service.name"), "orders");
    assert_eq!(label("service"), "orders");
    assert_eq!(label("team"), "shop");
    assert_eq!((alerts[1].since, alerts[1].evidence.len()), (START, 0));
}

/// *Scenario:* a condition holds on and on, ends for less than the allowed lateness, ends for longer, and comes back.
/// *Guarantees:* an alert begins once however long it holds; a short gap does not end it; a long one does, and it begins anew.
#[test]
fn an_alert_begins_once_and_ends_once() {
    let rule = json!([{"name": "any", "when": {"field": "severity", "at_least": "error"}, "count": {"at_least": 1}, "within": "60s"}]);
    let hold = (0..100).map(|n| error(n * 3_000, "orders"));
    // 65 seconds after the last: the window is empty, but the alert has not been told to end.
    let again = [error(362_000, "orders"), error(440_000, "orders")];
    let alerts = raised(&rules(&rule), hold.chain(again), 600_000);
    assert_eq!(
        lines(&alerts),
        [
            "0 any begins: any: 1 within 1m",
            "423000 any ends: any: 20 within 1m",
            "440000 any begins: any: 1 within 1m",
            "501000 any ends: any: 1 within 1m",
        ]
    );
}

/// *Scenario:* records come out of order: a little, at the limit, too late; one says a time far ahead.
/// *Guarantees:* each is counted at its own time, the one that is too late not at all; a time far ahead is not believed.
#[test]
fn late_records_count_at_their_own_time() {
    let late = |now: u64, at: u64| (now, error(at, "orders").1);
    let records = [
        late(0, 0),
        late(70_000, 70_000),
        // Ten seconds late and counted; a millisecond later and not.
        late(70_000, 60_000),
        late(70_000, 59_999),
        // An hour ahead: taken as its arrival.
        late(70_500, 3_670_000),
    ];
    let alerts = raised(&rules(&json!([order_errors()])), records, 100_000);
    assert_eq!(
        lines(&alerts),
        ["70500 order-errors{resource.service.name=orders} begins: 3 errors of orders"]
    );
    assert_eq!(alerts[0].evidence, [Position(1), Position(2), Position(4)]);
    assert!(testing::counted("records.late") > 0);
    assert!(testing::counted("records.ahead") > 0);
}

/// *Scenario:* a heartbeat of one host stops and comes again; that of another goes on.
/// *Guarantees:* the absence is dated by its deadline, told once, with the last heartbeat as evidence, and ends with the next.
#[test]
fn what_is_missing_is_told() {
    let rule = json!([{
        "name": "heartbeat", "when": {"field": "body", "equals": "alive"}, "group_by": ["host"], "absent_for": "5m",
        "title": "{host} is silent for {within}",
    }]);
    let alive = |after: u64, host: &str| {
        (
            after,
            OwnedRecord::new("alive")
                .at(START + after)
                .with("host", host),
        )
    };
    let mut records: Vec<_> = (0..30).map(|n| alive(n * 60_000, "a")).collect();
    records.extend([alive(30_000, "b"), alive(90_000, "b"), alive(900_000, "b")]);
    records.sort_by_key(|(after, _)| *after);
    let alerts = raised(&rules(&rule), records, 1_790_000);
    assert_eq!(
        lines(&alerts),
        [
            "390000 heartbeat{host=b} begins: b is silent for 5m",
            "900000 heartbeat{host=b} ends: b is silent for 5m",
            "1200000 heartbeat{host=b} begins: b is silent for 5m",
        ]
    );
    assert_eq!(
        (alerts[0].since, alerts[0].evidence.len()),
        (START + 90_000, 1)
    );
    assert_eq!(alerts[1].since, START + 90_000);
}

/// *Scenario:* a rule without groups waits for something that never comes, while other records come, and while nothing does.
/// *Guarantees:* it waits from the shard's first record on, and wall time brings the alert about too.
#[test]
fn what_never_came_is_missing() {
    let rule = json!([{"name": "backup", "when": {"field": "body", "prefix": "backup done"}, "absent_for": "1h"}]);
    let busy = raised(
        &rules(&rule),
        (0..100).map(|n| other(n * 60_000)),
        6_000_000,
    );
    let idle = raised(&rules(&rule), [other(0)], 3_610_000);
    for alerts in [busy, idle] {
        assert_eq!(
            lines(&alerts),
            ["3600000 backup begins: backup: nothing for 1h"]
        );
        assert_eq!(alerts[0].evidence, []);
    }
    assert_eq!(raised(&rules(&rule), [other(0)], 3_609_000), []);
}

/// *Scenario:* an address tries ten users, then the same ones again; another tries one user often.
/// *Guarantees:* different values count, not records; records without the field do not.
#[test]
fn different_values_within_a_window() {
    let rule = json!([{
        "name": "guessing", "group_by": ["client.address"], "distinct": {"field": "user", "at_least": 10}, "within": "10m",
    }]);
    let attempt = |after: u64, address: &str, user: u64| {
        let record = OwnedRecord::new("refused").at(START + after);
        (
            after,
            record
                .with("client.address", address)
                .with("user", user as i64),
        )
    };
    let mut records: Vec<_> = (0..30)
        .map(|n| attempt(n * 1_000, "10.0.0.1", n / 3))
        .collect();
    records.extend((0..30).map(|n| attempt(n * 1_000, "10.0.0.2", 7)));
    records.extend((0..30).map(|n| (n * 1_000, OwnedRecord::new("refused").at(START + n * 1_000))));
    records.sort_by_key(|(after, _)| *after);
    let alerts = raised(&rules(&rule), records, 900_000);
    assert_eq!(
        lines(&alerts),
        [
            "27000 guessing{client.address=10.0.0.1} begins: guessing: 10 different values within 10m, client.address 10.0.0.1",
            "610000 guessing{client.address=10.0.0.1} ends: guessing: 10 different values within 10m, client.address 10.0.0.1",
        ]
    );
}

/// *Scenario:* ten records a minute, then sixty, from the shard's beginning on.
/// *Guarantees:* the beginning is no spike, because nothing is known of the time before; six times as many are one.
#[test]
fn more_than_in_the_window_before() {
    let rule =
        json!([{"name": "spike", "rate": {"at_least": 3.0, "min_count": 20}, "within": "1m"}]);
    let calm = (0..50).map(|n| other(n * 6_000));
    let busy = (0..240).map(|n| other(300_000 + n * 1_000));
    let alerts = raised(&rules(&rule), calm.chain(busy), 600_000);
    let at: Vec<_> = alerts
        .iter()
        .map(|alert| (alert.at - START, alert.resolved))
        .collect();
    assert_eq!(
        at,
        [(323_000, false), (374_000, true)],
        "{:?}",
        lines(&alerts)
    );
}

/// *Scenario:* several things become due at different times while nothing comes, then a record comes much later.
/// *Guarantees:* they are raised in the order of their deadlines, then by rule.
#[test]
fn deadlines_come_in_their_order() {
    let rule = json!([
        {"name": "slow", "absent_for": "10m"},
        {"name": "fast", "absent_for": "61s"},
        {"name": "any", "count": {"at_least": 1}, "within": "60s"},
    ]);
    let alerts = raised(&rules(&rule), [other(0), other(3_600_000)], 3_600_000);
    assert_eq!(
        lines(&alerts),
        [
            "0 any begins: any: 1 within 1m",
            "61000 fast begins: fast: nothing for 1m1s",
            "61000 any ends: any: 1 within 1m",
            "600000 slow begins: slow: nothing for 10m",
            "3600000 slow ends: slow: nothing for 10m",
            "3600000 fast ends: fast: nothing for 1m1s",
            "3600000 any begins: any: 1 within 1m",
        ]
    );
}

/// *Scenario:* group values that are missing, long, odd, and ones that hold the separator.
/// *Guarantees:* each has its own group; what names it is readable and bounded.
#[test]
fn groups_have_readable_bounded_names() {
    let rule = json!([{"name": "r", "group_by": ["a", "b"], "count": {"at_least": 1}, "within": "1s", "title": "{a}/{b}"}]);
    let long = "x".repeat(1_000);
    let record = |a: &str, b: &str| OwnedRecord::new("").at(START).with("a", a).with("b", b);
    let records = [
        record("1", "2"),
        record("1,2", "\u{1f}"),
        OwnedRecord::new("").at(START).with("b", 5),
        record(&long, &long),
        record(&long, &format!("{long}y")),
    ];
    let alerts = raised(&rules(&rule), records.map(|record| (0, record)), 1_000);
    let names: Vec<&str> = alerts.iter().map(|alert| &alert.fingerprint[..]).collect();
    assert_eq!(
        names[..3],
        ["r{a=1,b=2}", "r{a=\"1,2\",b=\u{fffd}}", "r{a=,b=5}"]
    );
    assert!(names[3].starts_with("r{a=xxx") && names[3] != names[4]);
    assert!(
        alerts
            .iter()
            .all(|alert| alert.fingerprint.len() <= 256 && alert.title.len() <= 300)
    );
}
