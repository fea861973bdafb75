//! Alerts and anomalies beside the inputs of their batch.

use super::*;
use crate::model::testing::raised;

/// *Scenario:* rule 7 of the ledger: of a batch of two inputs, an alert and an anomaly are delivered, a second alert is
/// refused; dead letters are kept, then discarded.
/// *Guarantees:* the alert is sent as a dead letter and the commit waits for that; each kind is counted by itself,
/// and the balance of the inputs is theirs alone.
#[tokio::test(start_paused = true)]
async fn rule_7_a_refused_alert_becomes_a_dead_letter() {
    for keeps_dead_letters in [true, false] {
        let mut house = house(keeps_dead_letters);
        let zero = house.assigned(0, 0);
        let leg = house.begin(0, &zero, 0, 2);
        leg.findings(
            [true, false, true]
                .map(|is_alert| raised("burst", is_alert))
                .to_vec(),
        );
        leg.delivered(vec![0, 1, 2, 3]);
        refused(&leg, 4);
        leg.close();
        if keeps_dead_letters {
            let batch = timeout(LIMIT, house.dead.recv()).await.unwrap().unwrap();
            assert!(batch.fates.dead.is_empty());
            assert!(batch.fates.dead_findings[0].0.is_alert());
            house.ticks(1).await;
            assert!(house.commits().is_empty());
            house.reports.send(Report::Buried(Box::new(batch))).unwrap();
        }
        house.ticks(1).await;
        assert_eq!(house.commits(), [[(0, 2)]]);
        assert_eq!(house.balance(), (2, 0, 0));
        let of = |m: &crate::telemetry::metrics::FindingMetrics| {
            (m.delivered.get(), m.dead_lettered.get())
        };
        assert_eq!(of(&house.metrics.alerts), (1, 1));
        assert_eq!(of(&house.metrics.anomalies), (1, 0));
    }
}

/// *Scenario:* an alert that a tick raised is refused, and nobody acknowledges its dead letter; records come meanwhile and
/// are done, ticks at the same place and at the next one too.
/// *Guarantees:* the partition counts as busy all the time, by which intake sends no tick to a place where one is open;
/// nothing is committed beyond the tick before the dead letter is acknowledged, then all of it, and the alert is counted once.
#[tokio::test(start_paused = true)]
async fn rule_8_a_dead_alert_of_a_tick_holds_what_comes_after() {
    let mut house = house(true);
    let zero = house.assigned(0, 10);
    let tick = house.begin(0, &zero, 10, 10);
    tick.encoded(0);
    assert!(house.gauge.partition_bytes() > 0);
    tick.findings(vec![raised("silence", true)]);
    refused(&tick, 0);
    tick.close();
    let dead = timeout(LIMIT, house.dead.recv()).await.unwrap().unwrap();
    assert_eq!(dead.fates.dead_findings.len(), 1);
    house.ticks(1).await;
    assert!(house.gauge.partition_bytes() > 0);
    house.begin(0, &zero, 10, 12).close();
    house.begin(0, &zero, 12, 12).close();
    house.begin(0, &zero, 12, 12).close();
    house.ticks(2).await;
    assert!(house.commits().is_empty());
    let positions = house.status().await.positions;
    assert_eq!((positions[0].done, positions[0].open), (10, 1));
    house.reports.send(Report::Buried(Box::new(dead))).unwrap();
    house.ticks(1).await;
    assert_eq!(house.commits(), [[(0, 12)]]);
    assert_eq!(house.metrics.alerts.dead_lettered.get(), 1);
    assert_eq!(house.gauge.partition_bytes(), 0);
    assert!(house.directives.try_recv().is_err());
}
