//! What can be said of the source without running it.

use std::path::{Path, PathBuf};

const FILE_LINES_MAX: usize = 500;
const SCREEN_LINES: usize = 100;

fn host() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../host/src")
}

fn sources(folder: &Path, all: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            sources(&path, all);
        } else if path.extension().is_some_and(|e| e == "rs") {
            all.push(path);
        }
    }
}

/// *Scenario:* somebody adds a module to the host, or moves one.
/// *Guarantees:* `lib.rs` lists the modules in the order of the journey, and ARCHITECTURE.md in the same.
#[test]
fn the_modules_stand_in_the_order_of_the_journey() {
    let lib = std::fs::read_to_string(host().join("lib.rs")).expect("lib.rs");
    let modules: Vec<&str> = lib
        .lines()
        .filter_map(|l| l.strip_prefix("pub mod ")?.strip_suffix(';'))
        .collect();
    let journey = [
        "kafka", "intake", "lane", "guests", "encode", "export", "settle",
    ];
    let around = [
        "model",
        "config",
        "telemetry",
        "admin",
        "app",
        "cli",
        "demo",
    ];
    let on_the_way: Vec<&str> = modules
        .iter()
        .copied()
        .filter(|m| journey.contains(m))
        .collect();
    assert_eq!(on_the_way, journey);
    let mut others: Vec<&str> = modules
        .iter()
        .copied()
        .filter(|m| !journey.contains(m))
        .collect();
    let mut expected = around.to_vec();
    others.sort_unstable();
    expected.sort_unstable();
    assert_eq!(
        others, expected,
        "a new module: say in this test where it stands in the journey"
    );
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../ARCHITECTURE.md");
    let page = std::fs::read_to_string(page).expect("ARCHITECTURE.md");
    let places: Vec<usize> = journey
        .iter()
        .map(|m| {
            page.find(&format!("| [`{m}`]"))
                .unwrap_or_else(|| panic!("{m} is not in ARCHITECTURE.md"))
        })
        .collect();
    assert!(
        places.is_sorted(),
        "ARCHITECTURE.md tells the journey in another order"
    );
}

/// *Scenario:* a file of the host grows.
/// *Guarantees:* none is over 500 lines, and the hot path fits a screen. (Functions are held to 60 lines by clippy.)
#[test]
fn files_stay_small() {
    let mut all = Vec::new();
    sources(&host(), &mut all);
    assert!(all.len() > 50, "the host's sources were not found");
    for file in all {
        let lines = std::fs::read_to_string(&file)
            .expect("a source")
            .lines()
            .count();
        let most = if file.ends_with("src/lane.rs") {
            SCREEN_LINES
        } else {
            FILE_LINES_MAX
        };
        assert!(
            lines <= most,
            "{} has {lines} lines, at most {most}",
            file.display()
        );
    }
}
