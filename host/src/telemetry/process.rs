//! What the operating system knows of this process, under the names that Prometheus gives it.
//!
//! Read when asked. Where the system does not tell (no Linux), the metric is left out.

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

/// Linux counts CPU time in hundredths of a second for programs, whatever it does inside.
const TICKS_A_SECOND: f64 = 100.0;

/// The process, from its start on.
#[derive(Debug)]
pub(super) struct Process {
    started: f64,
}

// === impl Process ===

impl Process {
    /// Taken as the start of the process.
    pub(super) fn started_now() -> Process {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        Process {
            started: since.map_or(0.0, |d| d.as_secs_f64()),
        }
    }
}

impl Collector for Process {
    fn encode(&self, mut e: DescriptorEncoder<'_>) -> fmt::Result {
        let started = "Start of the process, in seconds since 1970";
        gauge(&mut e, "process_start_time_seconds", started, self.started)?;
        if let Some(bytes) = resident_bytes() {
            let help = "Resident memory";
            gauge(&mut e, "process_resident_memory_bytes", help, bytes)?;
        }
        if let Some(seconds) = cpu_seconds() {
            let counter = ConstCounter::new(seconds);
            let help = "User and system CPU time";
            let metric =
                e.encode_descriptor("process_cpu_seconds", help, None, counter.metric_type())?;
            counter.encode(metric)?;
        }
        Ok(())
    }
}

fn gauge(e: &mut DescriptorEncoder<'_>, name: &str, help: &str, value: f64) -> fmt::Result {
    let gauge = ConstGauge::new(value);
    gauge.encode(e.encode_descriptor(name, help, None, gauge.metric_type())?)
}

fn resident_bytes() -> Option<f64> {
    resident_of(&std::fs::read_to_string("/proc/self/status").ok()?)
}

fn resident_of(status: &str) -> Option<f64> {
    let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:"))?;
    let kib: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024.0)
}

fn cpu_seconds() -> Option<f64> {
    cpu_of(&std::fs::read_to_string("/proc/self/stat").ok()?)
}

/// The second field is the program's name in brackets and may hold anything.
fn cpu_of(stat: &str) -> Option<f64> {
    let (_, fields) = stat.rsplit_once(')')?;
    let mut times = fields.split_ascii_whitespace().skip(11);
    let user: f64 = times.next()?.parse().ok()?;
    let system: f64 = times.next()?.parse().ok()?;
    Some((user + system) / TICKS_A_SECOND)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// *Scenario:* what Linux writes, a program's name with a bracket and spaces included, and rubbish.
    /// *Guarantees:* the right fields in bytes and seconds; rubbish is nothing.
    #[test]
    fn linux_is_read_right() {
        let stat = "7 (a) b) S 1 7 7 0 -1 4194560 100 0 0 0 250 50 0 0 20 0 4 0 99 1000 200";
        assert_eq!(cpu_of(stat), Some(3.0));
        assert_eq!(cpu_of("7 (a) S 1"), None);
        assert_eq!(
            resident_of("VmPeak:\t 9 kB\nVmRSS:\t    1234 kB\n"),
            Some(1_263_616.0)
        );
        assert_eq!(resident_of("VmRSS: many"), None);
    }
}
