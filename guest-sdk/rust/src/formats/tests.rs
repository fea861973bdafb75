use super::*;
use crate::value::{Severity, Timestamp};
use proptest::prelude::*;

fn at(seconds: i64, nanos: u32) -> Option<Timestamp> {
    Timestamp::new(seconds, nanos)
}

/// *Scenario:* times as RFC 3339 and its common variations write them.
/// *Guarantees:* they are read to the nanosecond, offsets included.
#[test]
fn rfc3339_times_are_read() {
    assert_eq!(
        rfc3339("2026-11-21T03:12:45.123Z"),
        at(1_795_230_765, 123_000_000)
    );
    assert_eq!(rfc3339("2026-11-21t03:12:45z"), at(1_795_230_765, 0));
    assert_eq!(rfc3339("2026-11-21 04:12:45+01:00"), at(1_795_230_765, 0));
    assert_eq!(
        rfc3339("2026-11-20T22:42:45,5-0430"),
        at(1_795_230_765, 500_000_000)
    );
    assert_eq!(
        rfc3339("2026-11-21T03:12:45.1234567899Z"),
        at(1_795_230_765, 123_456_789)
    );
    assert_eq!(rfc3339("2024-02-29T00:00:00Z"), at(1_709_164_800, 0));
    assert_eq!(rfc3339("2106-02-07T06:28:15Z"), at(4_294_967_295, 0));
    assert_eq!(rfc3339("2026-12-31T23:59:60Z"), at(1_798_761_600, 0));
}

/// *Scenario:* texts that look like times and are none, and times that a `u32` of seconds cannot hold.
/// *Guarantees:* none of them becomes a time; nothing wraps, nothing panics.
#[test]
fn what_is_no_time_is_refused() {
    for text in [
        "",
        "2026",
        "2026-13-21T03:12:45Z",
        "2026-02-29T00:00:00Z",
        "2026-04-31T00:00:00Z",
        "2026-11-00T00:00:00Z",
        "2026-11-21T24:00:00Z",
        "2026-11-21T03:60:00Z",
        "2026-11-21T03:12:61Z",
        "2026-11-21T03:12:45",
        "2026-11-21T03:12:45.Z",
        "2026-11-21T03:12:45.123",
        "2026-11-21T03:12:45Zx",
        "2026-11-21T03:12:45+1:00",
        "2026-11-21T03:12:45+24:00",
        "2026-11-21x03:12:45Z",
        "1969-12-31T23:59:59Z",
        "1970-01-01T00:00:00Z",
        "2106-02-07T06:28:16Z",
        "9999-01-01T00:00:00Z",
        "２026-11-21T03:12:45Z",
    ] {
        assert_eq!(rfc3339(text), None, "{text}");
    }
}

/// *Scenario:* times of web servers.
/// *Guarantees:* the day, the month's name and the offset are read; other texts are refused.
#[test]
fn web_server_times_are_read() {
    assert_eq!(clf("21/Nov/2026:03:12:45 +0000"), at(1_795_230_765, 0));
    assert_eq!(clf("21/Nov/2026:05:12:45 +0200"), at(1_795_230_765, 0));
    for text in [
        "",
        "21/Nov/2026:03:12:45",
        "21/Nox/2026:03:12:45 +0000",
        "21-Nov-2026:03:12:45 +0000",
        "31/Nov/2026:03:12:45 +0000",
    ] {
        assert_eq!(clf(text), None, "{text}");
    }
}

/// *Scenario:* the same moment in four units, and numbers out of range.
/// *Guarantees:* the unit is told by the size; 0 and what a `u32` of seconds cannot hold is no time.
#[test]
fn epochs_are_told_by_their_size() {
    assert_eq!(epoch(1_795_230_765), at(1_795_230_765, 0));
    assert_eq!(epoch(1_795_230_765_123), at(1_795_230_765, 123_000_000));
    assert_eq!(epoch(1_795_230_765_123_456), at(1_795_230_765, 123_456_000));
    assert_eq!(
        epoch(1_795_230_765_123_456_789),
        at(1_795_230_765, 123_456_789)
    );
    assert_eq!(
        epoch_fraction(1_795_230_765.123_456),
        at(1_795_230_765, 123_456_000)
    );
    assert_eq!(
        epoch_fraction(1_795_230_765_123.5),
        at(1_795_230_765, 123_500_000)
    );
    assert_eq!(
        epoch_fraction(1_795_230_764.999_999_9),
        at(1_795_230_765, 0)
    );
    for number in [0.0, -1.5, f64::NAN, f64::INFINITY, 1e300] {
        assert_eq!(epoch_fraction(number), None, "{number}");
    }
    for number in [0, 4_294_967_296, 5_000_000_000_000, u64::MAX] {
        assert_eq!(epoch(number), None, "{number}");
    }
}

/// *Scenario:* the names of levels that logs use.
/// *Guarantees:* each has its OTLP number in any case; other words have none.
#[test]
fn levels_are_known_by_name() {
    for (name, number) in [
        ("info", 9),
        ("WARN", 13),
        ("Warning", 13),
        ("err", 17),
        ("ERROR", 17),
        ("critical", 21),
        ("emerg", 24),
        ("notice", 10),
    ] {
        assert_eq!(severity(name).number(), number, "{name}");
    }
    for name in ["", "infos", "inf", "warned", "ínfo", "7"] {
        assert_eq!(severity(name), Severity::UNKNOWN, "{name}");
    }
}

/// *Scenario:* hex digits of both cases, and each neighbour of the digits in ASCII.
/// *Guarantees:* only hex digits of the exact length are read.
#[test]
fn hex_digits_are_read_and_their_neighbours_are_not() {
    assert_eq!(hex::<4>("0aF9c3ff"), Some([0x0a, 0xf9, 0xc3, 0xff]));
    assert_eq!(hex::<5>("0aF9c3ff10"), Some([0x0a, 0xf9, 0xc3, 0xff, 0x10]));
    assert_eq!(hex::<4>("0aF9c3f"), None);
    for last in "/:@G`g\u{7f} px".chars() {
        assert_eq!(hex::<4>(&format!("0aF9c3f{last}")), None, "{last}");
        assert_eq!(hex::<5>(&format!("0aF9c3ff0{last}")), None, "{last}");
    }
    assert_eq!(hex::<4>("0aF9c3\u{e9}"), None);
}

proptest! {
    /// *Scenario:* any bytes as hex, and any text taken for hex.
    /// *Guarantees:* what was written is read back; what is read is what `u8::from_str_radix` reads.
    #[test]
    fn hex_is_what_the_standard_library_says(bytes: [u8; 8], text in "[0-9a-fA-F/:@Gg`]{16}") {
        let written: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        prop_assert_eq!(hex::<8>(&written), Some(bytes));
        let slow: Option<Vec<u8>> = (0..8).map(|i| u8::from_str_radix(&text[2 * i..2 * i + 2], 16).ok()).collect();
        prop_assert_eq!(hex::<8>(&text).map(|bytes| bytes.to_vec()), slow);
    }

    /// *Scenario:* any second that can travel, written as web servers do, in any zone.
    /// *Guarantees:* it is read back; the calendar here counts day by day.
    #[test]
    fn web_server_times_are_read_back(seconds in 86_400..=u32::MAX - 86_400, minutes in -1_439..1_440_i64) {
        let local = i64::from(seconds) + minutes * 60;
        let (mut day, mut month, mut year) = (local / 86_400, 0, 1970);
        loop {
            let leap = year % 4 == 0 && year != 2100;
            let days = [31, if leap { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month];
            if day < days {
                break;
            }
            day -= days;
            (month, year) = if month == 11 { (0, year + 1) } else { (month + 1, year) };
        }
        let name = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"][month];
        let (hour, minute, second) = (local / 3_600 % 24, local / 60 % 60, local % 60);
        let (sign, zone) = (if minutes < 0 { '-' } else { '+' }, minutes.abs());
        let text = format!(
            "{:02}/{name}/{year}:{hour:02}:{minute:02}:{second:02} {sign}{:02}{:02}", day + 1, zone / 60, zone % 60
        );
        prop_assert_eq!(clf(&text), at(seconds.into(), 0), "{}", text);
    }

    /// *Scenario:* any text.
    /// *Guarantees:* no reader panics.
    #[test]
    fn nothing_panics(text in "\\PC{0,40}", digits in "[0-9]{4}[-/][0-9]{2}-[0-9]{2}[T ][0-9:]{8}[.,Z+0-9]{0,12}") {
        for text in [&text, &digits] {
            let _ = (rfc3339(text), clf(text), severity(text), hex::<8>(text), hex::<3>(text));
        }
    }
}
