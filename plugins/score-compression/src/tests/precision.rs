use super::logs::{Chance, Incident, Source, Trouble, usual};
use crate::{Compression, Past};
use tidegate_sdk::{Anomaly, Plugin, Position};

#[test]
fn explore() {
    let plugin = Compression::configure(crate::Config::default()).unwrap();
    for source in Source::ALL {
        for incident in Incident::ALL {
            let mut chance = Chance::new(7);
            let trouble = Trouble::new(source, incident, &mut chance);
            let mut past = Past::default();
            let mut said = String::new();
            let mut given = 0;
            for n in 0..7000u32 {
                let in_it = (5000..5400).contains(&n) && chance.percent(70);
                let line = if in_it {
                    trouble.line(&mut chance)
                } else {
                    usual(source, &mut chance).into_bytes()
                };
                plugin.add(&mut past, &line, Position(n));
                if past.hop.records == 256 {
                    let s = past.hop.score();
                    let t = plugin.threshold(past.usual.median_and_spread());
                    given = past.hop.given;
                    let bytes = past.hop.bytes;
                    let w = past.hop.window;
                    let a = plugin.judge(&mut past, 0);
                    said += &format!(
                        " {:.0}/{:.0}{}({}/{},{w})",
                        s * 100.0,
                        t * 100.0,
                        if a.is_some() { "!" } else { "" },
                        given / 256,
                        bytes / 256
                    );
                }
            }
            println!("{source:?} {incident:?}:{said}");
        }
    }
}
