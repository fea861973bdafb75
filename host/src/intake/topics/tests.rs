//! What is chosen of what exists.

use super::*;
use crate::intake::tests::settings;

fn chosen(settings: &Settings, existing: &[&str]) -> Vec<String> {
    choose(settings, existing.iter().copied())
        .into_iter()
        .collect()
}

fn patterns(list: &[&str]) -> Vec<regex::Regex> {
    list.iter().map(|p| regex::Regex::new(p).unwrap()).collect()
}

/// *Scenario:* names, patterns and excludes over topics of which some are internal.
/// *Guarantees:* patterns match neither excluded nor internal topics; a name counts even where it is excluded or
/// internal; what does not exist is not chosen, and is said to be missing.
#[test]
fn names_patterns_and_excludes() {
    let mut settings = settings("127.0.0.1:1");
    settings.topics = vec![
        "audit".into(),
        "__own".into(),
        "logs.dead".into(),
        "later".into(),
    ];
    settings.topic_patterns = patterns(&["^logs\\..*", "^_.*"]);
    settings.exclude_topics = patterns(&["^logs\\.dead", "^logs\\.alerts$"]);
    let existing = [
        "audit",
        "__own",
        "__consumer_offsets",
        "logs.a",
        "logs.alerts",
        "logs.dead",
        "logs.dead2",
        "_schemas",
        "else",
    ];
    let chosen = chosen(&settings, &existing);
    assert_eq!(
        chosen,
        vec!["__own", "_schemas", "audit", "logs.a", "logs.dead"]
    );
    assert_eq!(
        missing(&settings, &chosen.into_iter().collect()),
        vec!["later"]
    );
}

fn subscription(topics: &[(&str, usize)]) -> Subscription {
    Subscription {
        topics: topics
            .iter()
            .map(|(name, count)| ((*name).to_owned(), *count))
            .collect(),
    }
}

/// *Scenario:* topics and partitions are added and taken away.
/// *Guarantees:* growth is told from loss, and a mixture counts as loss.
#[test]
fn differences() {
    let before = subscription(&[("a", 2), ("b", 1)]);
    let cases = [
        (vec![("a", 2), ("b", 1)], Difference::Same),
        (vec![("a", 3), ("b", 1)], Difference::Grown),
        (vec![("a", 2), ("b", 1), ("c", 1)], Difference::Grown),
        (vec![("a", 2)], Difference::Shrunk),
        (vec![("a", 2), ("c", 1)], Difference::Shrunk),
        (vec![("a", 1), ("b", 1)], Difference::Shrunk),
    ];
    for (topics, expected) in cases {
        assert_eq!(
            subscription(&topics).difference(&before),
            expected,
            "{topics:?}"
        );
    }
}
