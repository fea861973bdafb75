//! Whether it finds what goes wrong, and nothing else.

use super::logs::{Chance, Incident, Source, Trouble, usual};
use super::run;
use crate::{Compression, Past};
use std::ops::Range;
use tidegate_sdk::testing;

const SEEDS: Range<u64> = 0..2;
/// Records of a run, of them those in trouble.
const RECORDS: usize = 3_600;
const TROUBLE: usize = 400;

/// Lines, of which those in trouble are mixed with usual ones.
fn lines(
    source: Source,
    incident: Incident,
    percent: usize,
    seed: u64,
) -> (Vec<Vec<u8>>, Range<usize>) {
    let mut chance = Chance::new(seed * 100 + source as u64 * 10 + incident as u64);
    let trouble = Trouble::new(source, incident, &mut chance);
    let from = 2_200 + chance.below(700);
    let range = from..from + TROUBLE;
    let line = |n| {
        if range.contains(&n) && chance.percent(percent) {
            trouble.line(&mut chance)
        } else {
            usual(source, &mut chance).into_bytes()
        }
    };
    ((0..RECORDS).map(line).collect(), range.clone())
}

/// What was found, of each incident, of four sources times the seeds; how many anomalies there were, and of no incident.
fn table(config: &str, percent: usize) -> ([usize; 5], usize, usize) {
    let plugin = testing::plugin::<Compression>(config).unwrap();
    let (mut found, mut all, mut of_none) = ([0; 5], 0, 0);
    for (number, incident) in Incident::ALL.into_iter().enumerate() {
        for source in Source::ALL {
            for seed in SEEDS {
                let (lines, range) = lines(source, incident, percent, seed);
                let told = run(&plugin, &mut Past::default(), &lines);
                // The hop with its last record holds some of the incident.
                let hop = plugin.config.hop as usize;
                let is_of = |at: usize| at >= range.start && at < range.end + hop;
                let is_found = told.iter().any(|anomaly| is_of(anomaly.at as usize));
                found[number] += usize::from(is_found);
                all += told.len();
                of_none += told
                    .iter()
                    .filter(|anomaly| !is_of(anomaly.at as usize))
                    .count();
            }
        }
    }
    eprintln!(
        "{config} {percent} %: found {found:?} of 8 each, {of_none} of {all} anomalies of none"
    );
    (found, all, of_none)
}

/// *Scenario:* four sources with five incidents of 400 records each, four in five of them its own, twice.
/// *Guarantees:* what the README says: how many of each incident are found, and no anomaly where there is none.
#[test]
fn incidents_are_found_and_nothing_else() {
    let (found, all, of_none) = table("{}", 80);
    assert_eq!((found, of_none), ([6, 6, 8, 8, 6], 0), "of {all}");
}

/// *Scenario:* the same with one in ten records of the incident.
/// *Guarantees:* what the README says: about seven in ten are found, and no anomaly where there is none.
#[test]
fn small_incidents_are_mostly_found() {
    let (found, _, of_none) = table("{}", 10);
    assert_eq!(of_none, 0);
    assert!(found.iter().sum::<usize>() >= 28, "{found:?}");
}

/// *Scenario:* the first ones, judged by the score alone.
/// *Guarantees:* what the README says: it finds what never comes again, not what comes again within the hop.
#[test]
fn the_score_alone_finds_what_never_comes_again() {
    let (found, _, of_none) = table(r#"{"times_usual":null}"#, 80);
    assert_eq!((found, of_none), ([0, 0, 8, 5, 0], 0));
}

/// *Scenario:* sixteen thousand records of each source in which nothing goes wrong.
/// *Guarantees:* no anomaly.
#[test]
fn nothing_is_told_where_nothing_goes_wrong() {
    let plugin = testing::plugin::<Compression>("{}").unwrap();
    for source in Source::ALL {
        let mut chance = Chance::new(77);
        let lines: Vec<Vec<u8>> = (0..16_000)
            .map(|_| usual(source, &mut chance).into_bytes())
            .collect();
        assert_eq!(run(&plugin, &mut Past::default(), &lines), [], "{source:?}");
    }
}
