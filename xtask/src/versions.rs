//! Every version that xtask pins, and the names in the cache folder that follow from them.
//!
//! Kafka's and the Collector's numbers stand once more where their own tools read them (tests/kafka/pom.xml,
//! tests/collector/go.mod) and where the tests look for them in the cache; the test below holds them together.

/// Apache Kafka, from Maven.
pub const KAFKA: &str = "4.1.0";
/// The OpenTelemetry Collector's modules that are not yet stable, from Go modules.
pub const OTELCOL: &str = "0.155.0";
/// cargo-deny, built from source.
pub const CARGO_DENY: &str = "0.20.2";

/// The oldest Java that runs [`KAFKA`].
pub const JAVA_MAJOR_MIN: u32 = 17;
/// The oldest Go that builds [`OTELCOL`], or fetches the one that does without being told: (major, minor).
pub const GO_MIN: (u32, u32) = (1, 21);
/// The oldest Go that can be told to fetch [`GO`]. Debian 12 has 1.19.
pub const GO_MIN_FETCHING: (u32, u32) = (1, 16);
/// The Go that builds [`OTELCOL`] where only an older one than [`GO_MIN`] is packaged.
pub const GO: &str = "1.26.8";

#[cfg(test)]
mod tests {
    use super::*;

    /// *Scenario:* somebody raises a version in one of its places.
    /// *Guarantees:* the others are not forgotten.
    #[test]
    fn the_numbers_agree_with_maven_go_and_the_tests() {
        let pom = include_str!("../../tests/kafka/pom.xml");
        assert!(pom.contains(&format!("<kafka.version>{KAFKA}</kafka.version>")));
        let tests = include_str!("../../tests/src/kafka.rs");
        assert!(tests.contains(&format!("const VERSION: &str = \"{KAFKA}\";")));
        let go_mod = include_str!("../../tests/collector/go.mod");
        assert!(go_mod.contains(&format!(
            "go.opentelemetry.io/collector/otelcol v{OTELCOL}\n"
        )));
    }
}
