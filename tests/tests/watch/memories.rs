//! What plugins remember: from chain to chain, and where it can neither be restored nor saved.

use super::*;

/// *Scenario:* a chain sees some records, is saved; another chain, whose shards have other numbers, takes over and sees
/// the rest; a third sees all of them.
/// *Guarantees:* the two raise together what the third does, byte for byte: memory, clock and what was told go along.
#[test]
fn memory_goes_from_chain_to_chain() {
    let engine = Engine::new(None).unwrap();
    let mut members = members(&[watch(&engine)], &[member(&engine, &settings("judge"))]);
    members.fold.repeat_interval_ms = 86_400_000;
    let lines = lines(60);
    for cut in [1, 7, 20, 59] {
        let mut whole = chain(&members);
        whole.begin(&partition(0), 0, None);
        let expected = findings(&mut whole, 0, 0, &lines, 1);
        let mut first = chain(&members);
        first.begin(&partition(0), 0, None);
        let mut found = findings(&mut first, 0, 0, &lines[..cut], 1);
        let kept = saved(&mut first).unwrap();
        assert_eq!(kept.boundary, cut as i64);
        let kept = Snapshot::decode(&kept.encode()).unwrap();
        let mut second = chain(&members);
        run(&mut second, &raw(9, 0, &["red".into()]));
        second.begin(&partition(0), cut as i64, Some(kept));
        found.extend(findings(&mut second, 0, cut as i64, &lines[cut..], 1));
        assert_eq!(found, expected, "cut at {cut}");
    }
}

/// *Scenario:* an alert is open when the gateway ends; the rule is changed, or left as it was; the next incident comes within
/// the repeat interval.
/// *Guarantees:* a rule as it was goes on, and nothing is told twice; a changed one begins anew, and its alert is told at once.
#[test]
fn a_changed_rule_is_told_anew() {
    let engine = Engine::new(None).unwrap();
    let rules = |level: &str, within: &str| {
        let mut settings = plugins::settings(Source::Builtin("detect-rules".into()));
        settings.config = serde_json::json!({"rules": [{
            "name": "reds", "level": level, "title": level, "within": within,
            "when": {"field": "body", "contains": "red"}, "count": {"at_least": 2},
        }]});
        let mut members = members(&[member(&engine, &settings)], &[]);
        members.fold.repeat_interval_ms = 86_400_000;
        chain(&members)
    };
    let incident =
        |chain: &mut Chain, first| run(chain, &raw(0, first, &["red".into(), "red".into()]));
    let mut before = rules("warning", "60s");
    before.begin(&partition(0), 0, None);
    assert_eq!(titles(&incident(&mut before, 0).findings), ["warning"]);
    let kept = saved(&mut before);
    assert!(kept.is_some());
    let (none, again): (&[&str], &[&str]) = (&[], &["critical"]);
    for (level, within, told) in [("warning", "60s", none), ("critical", "30s", again)] {
        let mut after = rules(level, within);
        after.begin(&partition(0), 2, kept.clone());
        assert_eq!(titles(&incident(&mut after, 2).findings), told, "{level}");
    }
}

/// *Scenario:* records that make a detector save what traps or never ends when it is restored.
/// *Guarantees:* the partition starts empty, which is counted and told; records go on to be delivered and counted; other
/// partitions of the same instance are not harmed.
#[test]
fn a_memory_that_cannot_be_restored_is_left_out() {
    let engine = Engine::new(None).unwrap();
    for trick in ["TRAPS", "LOOPS"] {
        let mut first = chain(&members(&[watch(&engine)], &[]));
        first.begin(&partition(0), 0, None);
        run(
            &mut first,
            &raw(0, 0, &["red".into(), "red".into(), trick.into()]),
        );
        let kept = saved(&mut first).unwrap();
        let detector = watch(&engine);
        let metrics = detector.metrics.clone();
        let mut second = chain(&members(&[detector], &[]));
        second.begin(&partition(0), 3, Some(kept));
        second.begin(&partition(1), 0, None);
        let red = |n| vec!["red".to_owned(); n];
        let answer = run(&mut second, &raw(0, 3, &red(2)));
        assert_eq!((answer.columns.len(), answer.findings.len()), (2, 0));
        assert_eq!(metrics.memory_lost.get(), 1, "{trick}");
        let answer = run(&mut second, &raw(0, 5, &red(1)));
        assert_eq!(titles(&answer.findings), ["red came 3 times"]);
        let answer = run(&mut second, &raw(1, 0, &red(3)));
        assert_eq!(titles(&answer.findings), ["red came 3 times"]);
        assert_eq!(metrics.memory_lost.get(), 1, "{trick}");
    }
}

/// *Scenario:* a detector that remembers more than may be saved, or panics when it is to save.
/// *Guarantees:* there is no snapshot, and what was saved before stands; the records after it are delivered.
#[test]
fn a_memory_that_cannot_be_saved_is_not_kept() {
    let engine = Engine::new(None).unwrap();
    for trick in ["LARGE", "UNSAVED"] {
        let mut chain = chain(&members(&[watch(&engine)], &[]));
        chain.begin(&partition(0), 0, None);
        run(&mut chain, &raw(0, 0, &["red".into(), "red".into()]));
        assert!(saved(&mut chain).is_some());
        run(&mut chain, &raw(0, 2, &[trick.into()]));
        assert!(chain.is_changed(&partition(0)));
        assert_eq!(saved(&mut chain), None, "{trick}");
        let answer = run(&mut chain, &raw(0, 3, &["red".into()]));
        assert_eq!(titles(&answer.findings), ["red came 3 times"], "{trick}");
    }
}

/// *Scenario:* a snapshot of another plugin under the same name in the configuration, and one with a plugin that the
/// pipeline has no more.
/// *Guarantees:* both are left out; the partition starts empty and works.
#[test]
fn memory_of_another_plugin_is_left_out() {
    let engine = Engine::new(None).unwrap();
    let members = members(&[watch(&engine)], &[]);
    let mut first = chain(&members);
    first.begin(&partition(0), 0, None);
    run(&mut first, &raw(0, 0, &["red".into(), "red".into()]));
    let kept = saved(&mut first).unwrap();
    let mut foreign = kept.clone();
    foreign.stages[0].name = "detect-rules".into();
    let mut gone = kept.clone();
    gone.stages[0].plugin = "watch-before".into();
    for (kept, expected) in [(foreign, 0), (gone, 0), (kept, 1)] {
        let mut second = chain(&members);
        second.begin(&partition(0), 2, Some(kept));
        let answer = run(&mut second, &raw(0, 2, &["red".into()]));
        assert_eq!(answer.findings.len(), expected);
    }
}

/// *Scenario:* a detector is called broken in the middle of the search for what it breaks at: more faults than it may have a
/// minute.
/// *Guarantees:* every record is delivered; what it raised about the good parts before is told, what it learnt from them is
/// kept, and only the culprits and what came after count as skipped; then it is left out.
#[test]
fn good_parts_count_where_the_search_breaks_off() {
    let engine = Engine::new(None).unwrap();
    let mut settings = settings("watch");
    settings.limits.faults_per_minute = 2;
    let detector = member(&engine, &settings);
    let metrics = detector.metrics.clone();
    let members = members(&[detector], &[]);
    let mut chain = chain(&members);
    chain.begin(&partition(0), 0, None);
    let batch = [
        "red", "red", "red", "blue", "POISON", "blue", "POISON", "green", "POISON", "red", "red",
        "red",
    ];
    let answer = run(&mut chain, &raw(0, 0, &batch.map(String::from)));
    assert_eq!(answer.columns.len(), 12);
    assert_eq!(titles(&answer.findings), ["red came 3 times"]);
    assert_eq!(metrics.skipped.get(), 2 + 4);
    let kept = saved(&mut chain).unwrap();
    assert_eq!(kept.boundary, 12);
    // Left out from now on.
    let answer = run(&mut chain, &raw(0, 12, &["blue".into()]));
    assert!(answer.findings.is_empty());
    assert_eq!(metrics.skipped.get(), 2 + 4 + 1);
    let mut second = Chain::with_clock(&members, Box::new(Later)).unwrap();
    second.begin(&partition(0), 12, Some(kept));
    let answer = run(&mut second, &raw(0, 12, &["blue".into()]));
    assert_eq!(answer.findings[0].evidence, [3, 5, 12]);
}

/// *Scenario:* a detector panics, or never ends, each time it is to save a partition.
/// *Guarantees:* each time counts as a fault a minute: one more than it may have, and it is left out like any other that is
/// broken. Records go on to be delivered all the time, and what was saved last stands.
#[test]
fn a_plugin_that_cannot_be_saved_is_broken() {
    let engine = Engine::new(None).unwrap();
    for (trick, kind) in [("UNSAVED", "trap"), ("HANGS", "timeout")] {
        let mut settings = settings("watch");
        settings.limits.faults_per_minute = 2;
        let detector = member(&engine, &settings);
        let metrics = detector.metrics.clone();
        let mut chain = chain(&members(&[detector], &[]));
        chain.begin(&partition(0), 0, None);
        run(&mut chain, &raw(0, 0, &["red".into(), "red".into()]));
        let good = saved(&mut chain).unwrap();
        for n in 0..4 {
            let answer = run(&mut chain, &raw(0, 2 + n, &[trick.into()]));
            assert_eq!(answer.columns.len(), 1);
            let is_left_out = metrics.skipped.get() > 0;
            assert_eq!(is_left_out, n == 3, "{trick} {n}");
            match is_left_out {
                false => assert_eq!(saved(&mut chain), None, "{trick} {n}"),
                true => assert_eq!(saved(&mut chain).unwrap().stages, good.stages, "{trick}"),
            }
        }
        let faults = match kind {
            "trap" => &metrics.fault_traps,
            _ => &metrics.fault_timeouts,
        };
        assert_eq!((faults.get(), metrics.memory_lost.get()), (3, 3), "{trick}");
    }
}

/// *Scenario:* a detector breaks at every other record, and never ends when what it has learnt from one of the others is
/// saved.
/// *Guarantees:* the saving counts for the time of the search: it breaks off at ten times the limit of a call, the detector
/// is left out, and every record is delivered.
#[test]
fn saving_counts_for_the_time_of_the_search() {
    let engine = Engine::new(None).unwrap();
    let mut settings = settings("watch");
    settings.limits.faults_per_minute = 1_000;
    settings.limits.time_per_batch = Duration::from_millis(50);
    let detector = member(&engine, &settings);
    let metrics = detector.metrics.clone();
    let mut chain = Chain::new(&members(&[detector], &[])).unwrap();
    chain.begin(&partition(0), 0, None);
    let batch: Vec<String> = ["HANGS", "POISON"]
        .repeat(30)
        .iter()
        .map(|l| (*l).to_owned())
        .collect();
    let answer = run(&mut chain, &raw(0, 0, &batch));
    assert_eq!(answer.columns.len(), 60);
    // Thirty are culprits.
    assert!(metrics.skipped.get() > 30, "{}", metrics.skipped.get());
    let calls = metrics.calls.get();
    run(&mut chain, &raw(0, 60, &["red".into()]));
    assert_eq!(metrics.calls.get(), calls);
}
