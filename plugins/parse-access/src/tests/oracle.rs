//! What a line means, by regular expressions; and lines to try.

use crate::config::Format;
use proptest::prelude::*;
use regex::bytes::{Captures, Regex};
use tidegate_sdk::testing::{Answer, OwnedValue};
use tidegate_sdk::{Timestamp, formats};

/// What a line should give.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Meant {
    pub(super) verdict: &'static str,
    time: Option<Timestamp>,
    severity: u8,
    attributes: Vec<(String, OwnedValue)>,
}

/// A field in quotes.
const QUOTED: &str = r#""((?:[^"\\]|\\.)*)""#;
/// A time and its bracket, piece by piece.
const TIME: [&str; 27] = [
    r"\d", r"\d", "/", "[A-Za-z]", "[A-Za-z]", "[A-Za-z]", "/", r"\d", r"\d", r"\d", r"\d", ":",
    r"\d", r"\d", ":", r"\d", r"\d", ":", r"\d", r"\d", " ", "[+-]", r"\d", r"\d", r"\d", r"\d",
    r"\]",
];
const METHODS: &str = "GET|POST|HEAD|PUT|DELETE|OPTIONS|PATCH|CONNECT|TRACE|QUERY";

fn found<'l>(pattern: &str, line: &'l [u8]) -> Option<Captures<'l>> {
    Regex::new(&format!("(?s-u){pattern}"))
        .unwrap()
        .captures(line)
}

fn group<'l>(captures: &Captures<'l>, number: usize) -> &'l [u8] {
    captures
        .get(number)
        .map_or(&b""[..], |found| found.as_bytes())
}

/// The meaning of a line; `names` are those of the fields behind it.
pub(super) fn meant(line: &[u8], format: Format, names: &[&str]) -> Meant {
    let refused = |verdict| Meant {
        verdict,
        time: None,
        severity: 0,
        attributes: Vec::new(),
    };
    let line = line.trim_ascii_end();
    let words = r"^([^ {][^ ]*) ([^ ]+) (.*?) \[";
    let Some(head) = found(&format!("{words}({})] \"", TIME[..26].concat()), line) else {
        let cut =
            (7..=27).any(|len| found(&format!("{words}{}$", TIME[..len].concat()), line).is_some());
        return refused(if cut { "malformed" } else { "not-mine" });
    };
    let time = str::from_utf8(group(&head, 4)).ok().and_then(formats::clf);
    let rest = &line[head[0].len() - 1..];
    match tail(rest, format, names) {
        Some((status, mut behind)) if time.is_some() => {
            let mut attributes = begin(&head);
            attributes.append(&mut behind);
            Meant {
                verdict: "emitted",
                time,
                severity: match status {
                    b'5' => 17,
                    b'4' => 13,
                    _ => 9,
                },
                attributes,
            }
        }
        _ => refused("malformed"),
    }
}

/// The words before the time.
fn begin(head: &Captures<'_>) -> Vec<(String, OwnedValue)> {
    let words: Vec<&[u8]> = (1..4).map(|number| group(head, number)).collect();
    let mut all = Vec::new();
    let (third, user) = match words[2].iter().position(|b| *b == b' ') {
        Some(at) => (&words[2][..at], Some(&words[2][at + 1..])),
        None => (words[2], None),
    };
    let server = words[1] != b"-" && (third == b"-" || port(words[0]).is_some());
    let (client, user) = match user {
        Some(user) if server => {
            host(&mut all, "server", words[0]);
            (words[1], user)
        }
        _ => (words[0], words[2]),
    };
    host(&mut all, "client", client);
    put(&mut all, "user.name", user);
    all
}

fn port(host: &[u8]) -> Option<(&[u8], u16)> {
    let found = found(r"^(\[.*\]|[^:]+):(\d+)$", host)?;
    Some((
        group(&found, 1),
        str::from_utf8(group(&found, 2)).unwrap().parse().ok()?,
    ))
}

fn host(all: &mut Vec<(String, OwnedValue)>, of: &str, host: &[u8]) {
    let (name, port) = port(host).map_or((host, None), |(name, port)| (name, Some(port)));
    put(all, &format!("{of}.address"), name);
    all.extend(port.map(|port| (format!("{of}.port"), OwnedValue::from(port))));
}

/// From the request's quote on: the first byte of the status, and the attributes.
fn tail(rest: &[u8], format: Format, names: &[&str]) -> Option<(u8, Vec<(String, OwnedValue)>)> {
    let main = found(
        &format!(r"^{QUOTED} (\d\d\d|-) (\d{{1,18}}|-)( .*)?$"),
        rest,
    )?;
    let mut all = Vec::new();
    request(&mut all, group(&main, 1));
    for (number, name) in [
        (2, "http.response.status_code"),
        (3, "http.response.body.size"),
    ] {
        let text = str::from_utf8(group(&main, number)).unwrap();
        let number: Option<i64> = text.parse().ok();
        let known = number.filter(|number| !name.ends_with("code") || *number >= 100);
        all.extend(known.map(|number| (name.to_owned(), OwnedValue::Int(number))));
    }
    let mut behind = group(&main, 4);
    let both = match format {
        Format::Auto => behind.starts_with(b" \""),
        Format::Common => false,
        Format::Combined => true,
    };
    if both {
        let pair = found(&format!("^ {QUOTED} {QUOTED}( .*)?$"), behind)?;
        header(&mut all, "http.request.header.referer", group(&pair, 1));
        put(&mut all, "user_agent.original", group(&pair, 2));
        behind = group(&pair, 3);
    }
    for name in names {
        if behind.is_empty() {
            break;
        }
        if behind.starts_with(b" \"") {
            let next = found(&format!("^ {QUOTED}( .*)?$"), behind)?;
            extra(&mut all, name, group(&next, 1), false);
            behind = group(&next, 2);
        } else {
            let next = found("^ ([^ ]*)( .*)?$", behind)?;
            extra(&mut all, name, group(&next, 1), true);
            behind = group(&next, 2);
        }
    }
    Some((group(&main, 2)[0], all))
}

fn extra(all: &mut Vec<(String, OwnedValue)>, name: &str, field: &[u8], bare: bool) {
    let text = str::from_utf8(field).unwrap_or("");
    let number = bare && found(r"^[0-9.]+$", field).is_some();
    match (text.parse::<i64>(), text.parse::<f64>()) {
        _ if name == "-" => {}
        _ if name.starts_with("http.request.header.") => header(all, name, field),
        (Ok(number_), _) if number => all.push((name.to_owned(), number_.into())),
        (_, Ok(number_)) if number && number_.is_finite() => {
            all.push((name.to_owned(), number_.into()))
        }
        _ => put(all, name, field),
    }
}

fn request(all: &mut Vec<(String, OwnedValue)>, line: &[u8]) {
    let method = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";
    let http = found(&format!(r"^({method}) (.+) HTTP/(\d(?:\.\d)?)$"), line);
    let old = || found(&format!("^({METHODS}) (/[^ ]*)$"), line);
    let Some(parts) = http.or_else(old) else {
        if !line.is_empty() {
            all.push(("url.original".to_owned(), owned(line)));
        }
        return;
    };
    let method = owned(group(&parts, 1));
    if found(&format!("^({METHODS})$"), group(&parts, 1)).is_some() {
        all.push(("http.request.method".to_owned(), method));
    } else {
        all.push(("http.request.method".to_owned(), "_OTHER".into()));
        all.push(("http.request.method_original".to_owned(), method));
    }
    match found(r"^(/[^?]*)(?:\?(.*))?$", group(&parts, 2)) {
        Some(path) => {
            put(all, "url.path", group(&path, 1));
            put(all, "url.query", group(&path, 2));
        }
        None => put(all, "url.original", group(&parts, 2)),
    }
    if let Some(version) = parts.get(3) {
        let version = str::from_utf8(version.as_bytes()).unwrap();
        let short = match version {
            "0.0" | "1.0" => version,
            _ => version.strip_suffix(".0").unwrap_or(version),
        };
        all.push(("network.protocol.name".to_owned(), "http".into()));
        all.push(("network.protocol.version".to_owned(), short.into()));
    }
}

fn put(all: &mut Vec<(String, OwnedValue)>, name: &str, field: &[u8]) {
    if !matches!(field, b"" | b"-") {
        let value = unescaped(field).map_or_else(|| owned(field), |text| text.as_str().into());
        all.push((name.to_owned(), value));
    }
}

fn header(all: &mut Vec<(String, OwnedValue)>, name: &str, field: &[u8]) {
    if !matches!(field, b"" | b"-") {
        let text = unescaped(field).or_else(|| String::from_utf8(field.to_owned()).ok());
        let value = match text {
            Some(text) => OwnedValue::Json(serde_json::to_string(&[text]).unwrap()),
            None => owned(field),
        };
        all.push((name.to_owned(), value));
    }
}

fn unescaped(field: &[u8]) -> Option<String> {
    let escape = Regex::new(r#"(?-u)\\(x[0-9a-fA-F]{2}|["\\tnrbfv])"#).unwrap();
    let stands_for = |found: &Captures<'_>| match &found[1] {
        [b'x', digits @ ..] => {
            vec![u8::from_str_radix(str::from_utf8(digits).unwrap(), 16).unwrap()]
        }
        b"t" => vec![9],
        b"n" => vec![10],
        b"r" => vec![13],
        b"b" => vec![8],
        b"f" => vec![12],
        b"v" => vec![11],
        other => other.to_vec(),
    };
    String::from_utf8(escape.replace_all(field, stands_for).into_owned()).ok()
}

fn owned(field: &[u8]) -> OwnedValue {
    match str::from_utf8(field) {
        Ok(text) => text.into(),
        Err(_) => field.into(),
    }
}

/// The same of an answer; JSON in one way of writing it.
pub(super) fn said(answer: &Answer) -> Meant {
    let record = answer.records.first();
    let attributes = record.map_or(&[][..], |record| &record.attributes);
    let one_way = |(key, value): &(String, OwnedValue)| match value {
        OwnedValue::Json(json) => {
            let list: Vec<String> = serde_json::from_str(json).unwrap();
            (
                key.clone(),
                OwnedValue::Json(serde_json::to_string(&list).unwrap()),
            )
        }
        value => (key.clone(), value.clone()),
    };
    Meant {
        verdict: answer.verdict,
        time: record.and_then(|record| record.time),
        severity: record.map_or(0, |record| record.severity.number()),
        attributes: attributes.iter().map(one_way).collect(),
    }
}

/// An access line, or nearly one.
pub(super) fn line() -> impl Strategy<Value = String> {
    let words = select(&[
        "203.0.113.7 - -",
        "203.0.113.7 - frank",
        "2001:db8::7 - CORP\\\\eve",
        "shop.example.com:443 203.0.113.7 - -",
        "shop.example.com 203.0.113.7 - frank",
        "[2001:db8::1]:8080 ::1 - -",
        "203.0.113.7:51034 - john [x] smith",
        "203.0.113.7 - ",
        "203.0.113.7 id -",
        "a b c d e",
        "::1 x y z",
        "h:99999 b c d",
        "two words",
        "{ b c",
    ]);
    let time = select(&[
        "21/Nov/2026:03:12:45 +0000",
        "21/Nov/2026:03:12:45 +0000",
        "10/Oct/2000:13:55:36 -0700",
        "31/Feb/2026:03:12:45 +0000",
        "21/Nov/1969:03:12:45 +0000",
        "21/Nov/2026 03:12:45",
    ]);
    let request = prop_oneof![
        4 => ("(GET|POST|get|PURGE|P\\(T|)", target(), select(&[" HTTP/1.1", " HTTP/1.0", " HTTP/2.0", " HTTP/3", "", " HTTP/10", " RTSP/1.0"]))
            .prop_map(|(method, target, version)| format!("{method} {target}{version}")),
        1 => text(),
    ];
    let tail = prop_oneof![
        1 => Just(String::new()),
        3 => (text(), text()).prop_map(|(referer, agent)| format!(" \"{referer}\" \"{agent}\"")),
        2 => proptest::collection::vec(field(), 0..6).prop_map(|fields| fields.concat()),
        2 => (text(), text(), proptest::collection::vec(field(), 0..4))
            .prop_map(|(referer, agent, fields)| format!(" \"{referer}\" \"{agent}\"{}", fields.concat())),
    ];
    let status = select(&["200", "304", "404", "499", "503", "000", "-", "20", "2000"]);
    let size = select(&[
        "0",
        "2326",
        "-",
        "999999999999999999",
        "1000000000000000000",
        "1.5",
        "",
    ]);
    (
        words,
        time,
        request,
        status,
        size,
        tail,
        select(&["", "", "\r", " "]),
    )
        .prop_map(|(words, time, request, status, size, tail, end)| {
            format!("{words} [{time}] \"{request}\" {status} {size}{tail}{end}")
        })
}

fn select(of: &'static [&'static str]) -> impl Strategy<Value = &'static str> {
    proptest::sample::select(of)
}

fn target() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => "/[a-z0-9/._-]{0,20}(\\?[a-z0-9=&?]{0,12})?",
        1 => select(&["*", "http://shop.example.com/a?b=c", "shop.example.com:443", "/a b", "/caf\\xc3\\xa9?q=\\x22", "/\\xff", ""]).prop_map(str::to_owned),
    ]
}

/// What stands in quotes.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => select(&["-", "", "https://shop.example.com/cart", "Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101", "curl/8.5.0"]).prop_map(str::to_owned),
        2 => "([a-z ]|\\\\[\"\\\\tnrbfvxu0]|\\\\x[0-9a-f]{2}|é|\t){0,8}",
        1 => select(&["\\x16\\x03\\x01", "\\x16\\x03\\x01\\x02\\xEE"]).prop_map(str::to_owned),
    ]
}

fn field() -> impl Strategy<Value = String> {
    prop_oneof![
        2 => text().prop_map(|text| format!(" \"{text}\"")),
        2 => " ([0-9]{1,20}|[0-9]{0,3}\\.[0-9]{0,3}|[a-z.=\"]{0,6}|-|\\\\x41)",
    ]
}

/// A byte that matters to access lines, or any.
pub(super) fn byte() -> impl Strategy<Value = u8> {
    prop_oneof![
        proptest::sample::select(&b"\" [\\]-:/+?{0x\t\r\n\xff"[..]),
        any::<u8>()
    ]
}
