//! The JSON lines of Docker's `json-file`.

use crate::Line;
use tidegate_sdk::json::{Scan, Scanned, Token};
use tidegate_sdk::{Emit, Value, Verdict, formats};

/// What is found in a line so far.
#[derive(Default)]
struct Found<'l> {
    log: Option<&'l str>,
    stream: Option<&'l str>,
    time: Option<&'l str>,
    /// Labels and variables that Docker was told to add, as JSON.
    attrs: Option<&'l str>,
    /// Whether there is something that Docker does not write.
    foreign: bool,
}

/// Docker writes `log` first.
pub(crate) fn begins(text: &str) -> bool {
    text.starts_with("{\"log\":\"")
}

pub(crate) fn parse(text: &str, out: &mut Emit<'_>) -> Verdict {
    let mut scan = Scan::new(text);
    // Texts with escapes: that of `log`, which mostly has some, and those of the others.
    let (mut log, mut other) = (
        String::with_capacity(text.len()),
        [const { String::new() }; 3],
    );
    let found = match read(&mut scan, &mut log, &mut other) {
        Ok(found) => found,
        Err(what) => return Verdict::malformed(format!("{what} at byte {}", scan.at())),
    };
    // Otherwise it is JSON of an application that has a `log` of its own.
    let Found {
        log: Some(log),
        stream: Some(stream @ ("stdout" | "stderr")),
        time: Some(time),
        attrs,
        foreign: false,
    } = found
    else {
        return Verdict::NotMine;
    };
    let Some(time) = formats::rfc3339(time) else {
        return Verdict::NotMine;
    };
    let whole = log.strip_suffix('\n');
    let line = whole.map_or(log, |line| line.strip_suffix('\r').unwrap_or(line));
    Line {
        time,
        stream,
        partial: whole.is_none(),
        attrs,
        body: Value::Text(line),
    }
    .emit(out)
}

fn read<'l>(
    scan: &mut Scan<'l>,
    log: &'l mut String,
    other: &'l mut [String; 3],
) -> Scanned<Found<'l>> {
    let mut found = Found::default();
    let mut log = Some(log);
    let mut other = other.iter_mut();
    let mut key_said = String::new();
    scan.open()?;
    while let Some(key) = scan.key(&mut key_said)? {
        let (place, said) = match key {
            "log" => (&mut found.log, log.take()),
            "stream" => (&mut found.stream, other.next()),
            "time" => (&mut found.time, other.next()),
            "attrs" => (&mut found.attrs, other.next()),
            _ => (&mut found.log, None),
        };
        match said.map(|said| scan.value(said)).transpose()? {
            Some(Token::Text(text)) if key != "attrs" => *place = Some(text),
            Some(Token::Json(json)) if key == "attrs" => *place = Some(json),
            // Another key, one that comes again, or another type.
            _ => {
                found.foreign = true;
                return Ok(found);
            }
        }
    }
    scan.close()?;
    Ok(found)
}
