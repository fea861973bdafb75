//! Times as logs write them.

use crate::value::Timestamp;

const SECONDS_A_DAY: i64 = 86_400;

/// `2026-11-21T03:12:45.123Z`: also with a blank or a small `t`, a comma, and an offset (`+01:00`, `+0100`). A leap second
/// is the second after it. None where it is something else, or a time that cannot travel (see [`Timestamp`]).
#[inline]
pub fn rfc3339(text: &str) -> Option<Timestamp> {
    let (head, tail) = text.as_bytes().split_first_chunk::<19>()?;
    let separators = head[4] == b'-' && head[7] == b'-' && matches!(head[10], b'T' | b't' | b' ');
    if !separators || head[13] != b':' || head[16] != b':' {
        return None;
    }
    let year = two(head, 0)? * 100 + two(head, 2)?;
    let seconds = unix(
        [year, two(head, 5)?, two(head, 8)?],
        [two(head, 11)?, two(head, 14)?, two(head, 17)?],
    )?;
    let (nanos, zone) = fraction(tail)?;
    Timestamp::new(seconds - offset(zone)?, nanos)
}

/// `21/Nov/2026:03:12:45 +0000`, as web servers write it.
#[inline]
pub fn clf(text: &str) -> Option<Timestamp> {
    const MONTHS: &[u8; 36] = b"JanFebMarAprMayJunJulAugSepOctNovDec";
    let text: &[u8; 26] = text.as_bytes().try_into().ok()?;
    if text[2] != b'/'
        || text[6] != b'/'
        || text[11] != b':'
        || text[14] != b':'
        || text[17] != b':'
        || text[20] != b' '
    {
        return None;
    }
    let month = MONTHS
        .as_chunks::<3>()
        .0
        .iter()
        .position(|month| month[..] == text[3..6])? as u32
        + 1;
    let year = two(text, 7)? * 100 + two(text, 9)?;
    let seconds = unix(
        [year, month, two(text, 0)?],
        [two(text, 12)?, two(text, 15)?, two(text, 18)?],
    )?;
    Timestamp::new(seconds - offset(&text[21..])?, 0)
}

/// Unix time in seconds, milliseconds, microseconds or nanoseconds, told apart by its size: as seconds it would be later than
/// the year 5138 from 10^11 on, and so on. None where it cannot travel as a time (see [`Timestamp`]).
#[inline]
pub fn epoch(number: u64) -> Option<Timestamp> {
    let a_second = match number {
        0..100_000_000_000 => 1,
        100_000_000_000..100_000_000_000_000 => 1_000,
        100_000_000_000_000..100_000_000_000_000_000 => 1_000_000,
        _ => 1_000_000_000,
    };
    let nanos = number % a_second * (1_000_000_000 / a_second);
    Timestamp::new((number / a_second) as i64, nanos as u32)
}

/// The same with a fraction, to the microsecond (more digits than that a double does not hold).
pub fn epoch_fraction(number: f64) -> Option<Timestamp> {
    let a_second = match number.abs() {
        ..1e11 => 1.0,
        ..1e14 => 1e3,
        ..1e17 => 1e6,
        _ => 1e9,
    };
    // Saturates, and is no time beyond 2106 anyway.
    let micros = (number / a_second * 1e6).round() as i64;
    Timestamp::new(
        micros.div_euclid(1_000_000),
        micros.rem_euclid(1_000_000) as u32 * 1_000,
    )
}

/// Two digits.
#[inline(always)]
fn two(text: &[u8], at: usize) -> Option<u32> {
    let (tens, ones) = (text[at].wrapping_sub(b'0'), text[at + 1].wrapping_sub(b'0'));
    if tens < 10 && ones < 10 {
        Some(u32::from(tens) * 10 + u32::from(ones))
    } else {
        None
    }
}

/// Nanoseconds of a fraction, if there is one, and what follows. More than nine digits are cut off.
#[inline]
fn fraction(text: &[u8]) -> Option<(u32, &[u8])> {
    let [b'.' | b',', rest @ ..] = text else {
        return Some((0, text));
    };
    let (mut nanos, mut unit, mut digits) = (0, 100_000_000, 0);
    while let Some(digit @ b'0'..=b'9') = rest.get(digits) {
        nanos += u32::from(digit - b'0') * unit;
        unit /= 10;
        digits += 1;
    }
    if digits == 0 {
        None
    } else {
        Some((nanos, &rest[digits..]))
    }
}

/// Seconds east of Greenwich.
#[inline]
fn offset(zone: &[u8]) -> Option<i64> {
    let (sign, hours, minutes) = match zone {
        [b'Z' | b'z'] => return Some(0),
        [sign, _, _, b':', _, _] => (sign, two(zone, 1)?, two(zone, 4)?),
        [sign, _, _, _, _] => (sign, two(zone, 1)?, two(zone, 3)?),
        _ => return None,
    };
    let seconds = i64::from(hours * 60 + minutes) * 60;
    match sign {
        b'+' if hours < 24 && minutes < 60 => Some(seconds),
        b'-' if hours < 24 && minutes < 60 => Some(-seconds),
        _ => None,
    }
}

/// Seconds since 1970 of a date and a time of day.
#[inline]
fn unix([year, month, day]: [u32; 3], [hour, minute, second]: [u32; 3]) -> Option<i64> {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days_of_month = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 => 28 + u32::from(leap),
        _ => return None,
    };
    if day == 0 || day > days_of_month || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    Some(days(year, month, day) * SECONDS_A_DAY + i64::from(hour * 3_600 + minute * 60 + second))
}

/// Days since 1970-01-01 (proleptic Gregorian); years begin in March, so that the leap day is the last.
#[inline]
fn days(year: u32, month: u32, day: u32) -> i64 {
    let year = i64::from(year) - i64::from(month <= 2);
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let month_from_march = (month + 9) % 12;
    let day_of_year = i64::from((153 * month_from_march + 2) / 5 + day - 1);
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}
