use super::*;
use proptest::prelude::*;

const WEB_TOKEN: &str = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVm";

/// One of each kind: the text, and the part of it that is the hit.
const SAMPLES: [(&str, &str, Kind); 9] = [
    ("j@ex.org", "j@ex.org", Kind::Email),
    ("10.1.2.3", "10.1.2.3", Kind::Ip),
    ("2001:db8::1", "2001:db8::1", Kind::Ip),
    ("::1", "::1", Kind::Ip),
    ("4111-1111-1111-1111", "4111-1111-1111-1111", Kind::Card),
    (WEB_TOKEN, WEB_TOKEN, Kind::Token),
    ("4222222222222", "4222222222222", Kind::Card),
    ("Bearer abc123", "abc123", Kind::Token),
    ("pwd=x", "x", Kind::Secret),
];

fn finder() -> Finder {
    Finder::new(&Kind::ALL)
}

fn all(text: &str) -> Vec<Hit> {
    let mut hits: Vec<Hit> = Vec::new();
    while let Some(hit) =
        finder().first(text.as_bytes(), hits.last().map_or(0, |hit| hit.range.end))
    {
        hits.push(hit);
    }
    hits
}

/// *Scenario:* one of each kind stands alone, and at every place of a longer text.
///
/// *Guarantees:* it is found wherever it stands, and nothing else is.
#[test]
fn every_kind_is_found_wherever_it_stands() {
    for (sample, part, kind) in SAMPLES {
        for before in 0..40 {
            let head = if before == 0 {
                String::new()
            } else {
                format!("{} ", "z".repeat(before))
            };
            for after in [0, 1, 20] {
                let tail = if after == 0 {
                    String::new()
                } else {
                    format!(" {}", "y".repeat(after))
                };
                let text = format!("{head}{sample}{tail}");
                let start = head.len() + sample.len() - part.len();
                assert_eq!(
                    all(&text),
                    [Hit {
                        range: start..start + part.len(),
                        kind
                    }],
                    "{text}"
                );
            }
        }
    }
}

/// *Scenario:* what logs are full of: identifiers, hex, versions, times, counts, code, prose.
///
/// *Guarantees:* nothing is found in it.
#[test]
fn ordinary_text_holds_nothing() {
    for text in [
        "",
        "a",
        "payment provider timed out, retrying (attempt 2)",
        "checkout-5d9f7c01ab-0f3de",
        "u-829341",
        "4bf92f3577b34da6a3ce929d0e0e4736",
        "00f067aa0ba902b7",
        "41111111111111111111111111111111",
        "123e4567-e89b-12d3-a456-426614174000",
        "11111111-1111-4111-8111-111111111111",
        "v1.2.3.4",
        "1.2.3.4.5",
        "2026-11-21T03:12:45.123456789Z",
        "21/Nov/2026:03:12:45 +0000",
        "1795230765123",
        "1795230765123456789",
        "00:1a:2b:3c:4d:5e",
        "std::collections::HashMap",
        "took 12.5 ms of 1000.25 s",
        "GET /api/v1/orders/100342?page=3 HTTP/1.1",
        "react@18.2.0",
        "@Override",
        "a=1&b=22",
        "monkey=1",
        "{\"a\":1}",
        "JOHN",
        "eyJust",
        "bearer of news",
        "The server reported an error; a newer bearer was there",
        "0.4111111111111111",
        "\u{1f600}=\u{e9}",
    ] {
        assert_eq!(all(text), [], "{text}");
    }
}

/// *Scenario:* kinds are switched off one by one.
///
/// *Guarantees:* a kind that is not wanted is not found, the others are.
#[test]
fn only_what_is_wanted_is_found() {
    for (sample, _, kind) in SAMPLES {
        let others: Vec<Kind> = Kind::ALL
            .into_iter()
            .filter(|other| *other != kind)
            .collect();
        assert_eq!(
            Finder::new(&others).first(sample.as_bytes(), 0),
            None,
            "{sample}"
        );
        assert!(
            Finder::new(&[kind]).first(sample.as_bytes(), 0).is_some(),
            "{sample}"
        );
    }
}

/// *Scenario:* text of every length below a window.
///
/// *Guarantees:* padding keeps its bytes and adds zeros.
#[test]
fn short_text_is_padded_as_it_is() {
    let text = b"abcdefghijklmno";
    for len in 0..=text.len() {
        let padded = padded(&text[..len]);
        assert_eq!(padded[..len], text[..len]);
        assert!(padded[len..].iter().all(|byte| *byte == 0), "{len}");
    }
}

/// *Scenario:* long text made of what costs the recognizers most.
///
/// *Guarantees:* time grows with the length, not with its square: a thousand times the text of the
/// unit tests is done in well under the time of a call.
#[test]
fn hostile_text_is_done_in_linear_time() {
    for part in [
        "eyJ",
        "eyJ.",
        "1:",
        ":",
        "::",
        "@",
        "a@",
        "1.",
        "4444-",
        "4444 ",
        "password=",
        "password:\"",
        "password:\\\"\\\\",
        "password:[",
        "password:[ ",
        "password:[]",
        "password:['a\"",
        "password:\t",
        "password \t",
        "{[",
        "Bearer a",
        "a.a@",
    ] {
        let text = part.repeat(1_000_000 / part.len());
        let hits = all(&text).len();
        assert!(hits <= text.len(), "{part}");
    }
}

proptest! {
    /// *Scenario:* any text around one of each kind, parted from it by a blank.
    ///
    /// *Guarantees:* the sample is found whatever stands around it, or lies in a larger hit.
    #[test]
    fn a_sample_is_found_in_any_text(before in "[ -~\u{e9}\u{20ac}]{0,60}", after in "[ -~\u{e9}]{0,60}", n in 0..SAMPLES.len()) {
        let (sample, part, _) = SAMPLES[n];
        let text = format!("{before} | {sample} | {after}");
        let start = before.len() + 3 + sample.len() - part.len();
        let covers = |hit: &Hit| hit.range.start <= start && hit.range.end >= start + part.len();
        prop_assert!(all(&text).iter().any(covers), "{}: {:?}", text, all(&text));
    }

    /// *Scenario:* any bytes, most of them such that recognizers look.
    ///
    /// *Guarantees:* hits come in order, never overlap, are never empty, and end on characters.
    #[test]
    fn hits_are_in_order_and_whole(text in "([@=:J.e0-9a-f \\[\\]{}'\t-]|eyJ|bearer |pwd=|pwd:|\"|\\\\|\u{e9}|\u{1f600}){0,80}") {
        let mut end = 0;
        for hit in all(&text) {
            prop_assert!(hit.range.start >= end && hit.range.end > hit.range.start);
            prop_assert!(text.get(hit.range.clone()).is_some());
            end = hit.range.end;
        }
    }

    /// *Scenario:* bytes that are not UTF-8.
    ///
    /// *Guarantees:* nothing panics, and hits lie in the text.
    #[test]
    fn any_bytes_are_read(bytes in prop::collection::vec(prop_oneof![any::<u8>(), prop::sample::select(&b"@=:J.e1a\xff\xc3"[..])], 0..80)) {
        if let Some(hit) = finder().first(&bytes, 0) {
            prop_assert!(hit.range.end <= bytes.len());
        }
    }
}
