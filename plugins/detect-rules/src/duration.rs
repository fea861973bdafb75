//! Lengths of time as they are written: `500ms`, `90s`, `1m30s`, `24h`.

const UNITS: [(&str, u64); 4] = [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000)];

/// Milliseconds of what is written, within `least..=most`.
///
/// # Errors
/// What is wrong with it.
pub fn read(written: &str, least: u64, most: u64) -> Result<u64, String> {
    let ms = sum(written).ok_or_else(|| {
        format!("is {written:?}, which is no length of time; write it as 500ms, 90s, 1m30s or 24h")
    })?;
    if (least..=most).contains(&ms) {
        return Ok(ms);
    }
    let (least, most) = (show(least), show(most));
    Err(format!("is {written}; use {least} to {most}"))
}

fn sum(mut written: &str) -> Option<u64> {
    let mut sum = 0_u64;
    if written.is_empty() {
        return None;
    }
    while !written.is_empty() {
        let digits = written.find(|c: char| !c.is_ascii_digit())?;
        let (number, rest) = written.split_at(digits);
        let unit = rest.find(|c: char| c.is_ascii_digit());
        let (unit, rest) = rest.split_at(unit.unwrap_or(rest.len()));
        let (_, ms) = UNITS.iter().find(|(name, _)| *name == unit)?;
        sum = sum.checked_add(number.parse::<u64>().ok()?.checked_mul(*ms)?)?;
        written = rest;
    }
    Some(sum)
}

/// As one would write it.
pub fn show(mut ms: u64) -> String {
    if ms == 0 {
        return "0s".into();
    }
    let mut shown = String::new();
    for (unit, length) in UNITS.iter().rev() {
        if ms >= *length {
            shown.push_str(&format!("{}{unit}", ms / length));
            ms %= length;
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    /// *Scenario:* lengths as people write them, and what is none.
    /// *Guarantees:* units add up, bounds hold, anything else is refused with how to write it.
    #[test]
    fn lengths_have_units() {
        let read = |written| read(written, 0, 86_400_000);
        for (written, ms, shown) in [
            ("60s", 60_000, "1m"),
            ("1m30s", 90_000, "1m30s"),
            ("500ms", 500, "500ms"),
            ("24h", 86_400_000, "24h"),
            ("0s", 0, "0s"),
        ] {
            assert_eq!(read(written), Ok(ms));
            assert_eq!(show(ms), shown);
        }
        for wrong in [
            "",
            "5",
            "s",
            "5 s",
            "-5s",
            "1.5h",
            "5d",
            "99999999999999999999s",
            "25h",
        ] {
            assert!(read(wrong).unwrap_err().contains("24h"), "{wrong}");
        }
    }
}
