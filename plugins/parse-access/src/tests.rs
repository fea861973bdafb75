use super::*;
use proptest::prelude::*;
use tidegate_sdk::testing::{self, Answer, OwnedValue, parse, parse_lines, raw};

mod oracle;

const COMMON: &str =
    r#"203.0.113.7 - frank [21/Nov/2026:03:12:45 +0000] "GET /a?b=c HTTP/1.1" 200 2326"#;

fn access(config: &str) -> ParseAccess {
    testing::plugin(config).unwrap()
}

fn one(line: &str) -> Answer {
    parse_lines(&access("{}"), [line]).remove(0)
}

/// The attributes of a line, written one after the other.
fn attributes(answer: &Answer) -> String {
    assert_eq!(answer.verdict, "emitted", "{}", answer.reason);
    let all = answer.records[0].attributes.iter();
    all.map(|(key, value)| format!("{key}={value}"))
        .collect::<Vec<_>>()
        .join(" ")
}

/// The attributes of a request.
fn request(line: &str) -> String {
    let answer = one(&format!(
        "203.0.113.7 - - [21/Nov/2026:03:12:45 +0000] \"{line}\" 200 5"
    ));
    let all = attributes(&answer);
    let all = all.strip_prefix("client.address=\"203.0.113.7\" ").unwrap();
    all.strip_suffix("http.response.status_code=200 http.response.body.size=5")
        .unwrap()
        .trim_end()
        .to_owned()
}

/// *Scenario:* a line of the common and one of the combined format.
/// *Guarantees:* the line is the body, and each field stands under OpenTelemetry's name, typed.
#[test]
fn a_line_becomes_a_record() {
    let fields = "client.address=\"203.0.113.7\" user.name=\"frank\" http.request.method=\"GET\" url.path=\"/a\" \
        url.query=\"b=c\" network.protocol.name=\"http\" network.protocol.version=\"1.1\" \
        http.response.status_code=200 http.response.body.size=2326";
    let wanted = format!("1795230765.000000000 9 \"\" {COMMON:?} {fields}");
    assert_eq!(one(COMMON).records[0].to_string(), wanted);
    let combined =
        format!("{COMMON} \"https://shop.example.com/\" \"Mozilla/5.0 (X11; Linux x86_64)\"");
    assert_eq!(
        attributes(&one(&combined)),
        format!(
            "{fields} http.request.header.referer=`[\"https://shop.example.com/\"]` user_agent.original=\"Mozilla/5.0 (X11; Linux x86_64)\""
        )
    );
}

/// *Scenario:* statuses of each class, none, and the 000 of a request without an answer; a size of none.
/// *Guarantees:* 5xx is an error and 4xx a warning; what is not there is left out.
#[test]
fn the_status_tells_the_severity() {
    for (status, severity, kept) in [
        ("200", 9, " http.response.status_code=200"),
        ("304", 9, " http.response.status_code=304"),
        ("404", 13, " http.response.status_code=404"),
        ("499", 13, " http.response.status_code=499"),
        ("500", 17, " http.response.status_code=500"),
        ("599", 17, " http.response.status_code=599"),
        ("600", 9, " http.response.status_code=600"),
        ("100", 9, " http.response.status_code=100"),
        ("099", 9, ""),
        ("000", 9, ""),
        ("-", 9, ""),
    ] {
        let answer = one(&format!(
            "c - - [21/Nov/2026:03:12:45 +0000] \"*\" {status} -"
        ));
        let wanted = format!("client.address=\"c\" url.original=\"*\"{kept}");
        assert_eq!(attributes(&answer), wanted, "{status}");
        assert_eq!(answer.records[0].severity.number(), severity, "{status}");
    }
}

/// *Scenario:* requests of every form: paths, whole URLs, a star, a host, unknown methods.
/// *Guarantees:* paths and queries are told apart; of unknown methods and of what is no path the original is kept.
#[test]
fn requests_come_in_many_forms() {
    let http =
        |version| format!("network.protocol.name=\"http\" network.protocol.version=\"{version}\"");
    for (line, wanted, version) in [
        (
            "GET / HTTP/1.0",
            r#"http.request.method="GET" url.path="/""#,
            "1.0",
        ),
        (
            "QUERY /a? HTTP/2.0",
            r#"http.request.method="QUERY" url.path="/a""#,
            "2",
        ),
        (
            "HEAD /a?b?c HTTP/3",
            r#"http.request.method="HEAD" url.path="/a" url.query="b?c""#,
            "3",
        ),
        (
            "GET /a b HTTP/1.1",
            r#"http.request.method="GET" url.path="/a b""#,
            "1.1",
        ),
        (
            "OPTIONS * HTTP/1.1",
            r#"http.request.method="OPTIONS" url.original="*""#,
            "1.1",
        ),
        (
            "CONNECT a.example:443 HTTP/1.1",
            r#"http.request.method="CONNECT" url.original="a.example:443""#,
            "1.1",
        ),
        (
            "GET http://a.example/?b HTTP/1.1",
            r#"http.request.method="GET" url.original="http://a.example/?b""#,
            "1.1",
        ),
        (
            "get / HTTP/1.1",
            r#"http.request.method="_OTHER" http.request.method_original="get" url.path="/""#,
            "1.1",
        ),
        (
            "PROPFIND /dav HTTP/1.1",
            r#"http.request.method="_OTHER" http.request.method_original="PROPFIND" url.path="/dav""#,
            "1.1",
        ),
    ] {
        assert_eq!(
            request(line),
            format!("{wanted} {}", http(version)),
            "{line}"
        );
    }
}

/// *Scenario:* a request of HTTP/0.9, TLS to a plain port, text, another protocol, and nothing at all.
/// *Guarantees:* what is no request is kept as it was written.
#[test]
fn what_is_no_request_is_kept() {
    assert_eq!(
        request("GET /old"),
        r#"http.request.method="GET" url.path="/old""#
    );
    for line in [
        "-",
        "hello /world",
        "GET",
        "GET  HTTP/1.1",
        "OPTIONS / RTSP/1.0",
        "G\u{e9}T / HTTP/1.1",
        r"\x16\x03\x01\x00\xEE",
    ] {
        assert_eq!(request(line), format!("url.original={line:?}"), "{line}");
    }
    assert_eq!(request(""), "");
}

/// *Scenario:* escapes of nginx and of Apache, those that stand for no text, unknown ones, and a user with a domain.
/// *Guarantees:* escapes are taken off where the result is text; else the field stays as it was written.
#[test]
fn escapes_are_taken_off() {
    let with = |user: &str, path: &str, referer: &str, agent: &str| {
        let line = format!(
            "c - {user} [21/Nov/2026:03:12:45 +0000] \"GET {path} HTTP/1.1\" - - \"{referer}\" \"{agent}\""
        );
        attributes(&one(&line))
    };
    let http = r#"network.protocol.name="http" network.protocol.version="1.1""#;
    assert_eq!(
        with(
            r"CORP\\eve",
            r"/caf\xC3\xA9?q=\x22\\",
            r#"http://a/\"\x01"#,
            r#"a \"b\" \t\q\x4"#
        ),
        format!(
            r#"client.address="c" user.name="CORP\\eve" http.request.method="GET" url.path="/café" url.query="q=\"\\" {http} http.request.header.referer=`["http://a/\"\u0001"]` user_agent.original="a \"b\" \t\\q\\x4""#
        )
    );
    assert_eq!(
        with("-", r"/\xff", r"\xff", r"\xff"),
        format!(
            r#"client.address="c" http.request.method="GET" url.path="/\\xff" {http} http.request.header.referer=`["\\xff"]` user_agent.original="\\xff""#
        )
    );
}

/// *Scenario:* lines that begin with a virtual host, with and without a port; clients with a port; users with blanks.
/// *Guarantees:* the words before the time are told apart, and addresses from ports.
#[test]
fn virtual_hosts_are_told_from_clients() {
    for (words, wanted) in [
        (
            "a.example:443 203.0.113.7 - -",
            r#"server.address="a.example" server.port=443 client.address="203.0.113.7""#,
        ),
        (
            "a.example:443 203.0.113.7 id eve x",
            r#"server.address="a.example" server.port=443 client.address="203.0.113.7" user.name="eve x""#,
        ),
        (
            "a.example 203.0.113.7 - eve",
            r#"server.address="a.example" client.address="203.0.113.7" user.name="eve""#,
        ),
        (
            "[2001:db8::1]:80 ::1 - -",
            r#"server.address="[2001:db8::1]" server.port=80 client.address="::1""#,
        ),
        (
            "203.0.113.7 - john [x] smith",
            r#"client.address="203.0.113.7" user.name="john [x] smith""#,
        ),
        (
            "203.0.113.7:5123 - john smith",
            r#"client.address="203.0.113.7" client.port=5123 user.name="john smith""#,
        ),
        (
            "a:65536 b c d",
            r#"client.address="a:65536" user.name="c d""#,
        ),
        ("2001:db8::7 - ", r#"client.address="2001:db8::7""#),
        ("- - -", ""),
    ] {
        let answer = one(&format!("{words} [21/Nov/2026:03:12:45 +0000] \"\" - -"));
        assert_eq!(attributes(&answer), wanted, "{words}");
    }
}

/// *Scenario:* a user whose name looks like the rest of a line.
/// *Guarantees:* it stays a name: a quote cannot be forged, and without one there is no request.
#[test]
fn a_user_cannot_forge_a_line() {
    let line =
        r#"c - x [21/Nov/2000:00:00:00 +0000] \x22GET [21/Nov/2026:03:12:45 +0000] "*" 200 5"#;
    let wanted = r#"client.address="c" user.name="x [21/Nov/2000:00:00:00 +0000] \"GET" url.original="*" http.response.status_code=200 http.response.body.size=5"#;
    assert_eq!(attributes(&one(line)), wanted);
}

/// *Scenario:* fields behind the usual ones: named, left out, absent, headers, numbers, fewer than are named.
/// *Guarantees:* each stands under its name, bare numbers as numbers and headers as lists; none is invented.
#[test]
fn extra_fields_are_named_by_the_configuration() {
    let plugin = access(
        r#"{"extra":["http.request.header.x-forwarded-for","request.time","-","upstream.time","id"]}"#,
    );
    let lines = [
        format!(r#"{COMMON} "-" "-" "10.0.0.1, 10.0.0.2" 0.137 x "0.120, 0.01" 7"#),
        format!(r#"{COMMON} "-" "-" "-" - - """#),
        format!(r#"{COMMON} "-" "-" 10.0.0.1 1.2.3 "x" 99999999999999999999"#),
        format!(r#"{COMMON} "-" "-""#),
    ];
    let behind: Vec<String> = parse_lines(&plugin, &lines)
        .iter()
        .map(|answer| {
            attributes(answer)
                .split_once("size=2326")
                .unwrap()
                .1
                .to_owned()
        })
        .collect();
    assert_eq!(
        behind,
        [
            r#" http.request.header.x-forwarded-for=`["10.0.0.1, 10.0.0.2"]` request.time=0.137 upstream.time="0.120, 0.01" id=7"#,
            "",
            r#" http.request.header.x-forwarded-for=`["10.0.0.1"]` request.time="1.2.3" upstream.time=1e20"#,
            "",
        ]
    );
}

/// *Scenario:* the three formats over lines with and without referer and user agent.
/// *Guarantees:* `auto` takes what is there, `common` leaves it to the extra fields, `combined` insists on it.
#[test]
fn formats_say_what_stands_behind_the_size() {
    let lines = [
        COMMON.to_owned(),
        format!("{COMMON} \"r\" \"a\""),
        format!("{COMMON} 0.5"),
    ];
    let told = |format: &str| {
        let plugin = access(&format!(r#"{{"format":"{format}","extra":["one","two"]}}"#));
        let short = |answer: &Answer| match answer.records.first() {
            Some(record) => record.attributes[9..]
                .iter()
                .map(|(key, _)| key.as_str())
                .collect::<Vec<_>>()
                .join(" "),
            None => answer.reason.clone(),
        };
        parse_lines(&plugin, &lines)
            .iter()
            .map(short)
            .collect::<Vec<_>>()
    };
    let none = format!(
        "no referer in quotes behind the size at byte {}",
        COMMON.len()
    );
    assert_eq!(
        told("auto"),
        ["", "http.request.header.referer user_agent.original", "one"]
    );
    assert_eq!(told("common"), ["", "one two", "one"]);
    assert_eq!(
        told("combined"),
        [
            none.as_str(),
            "http.request.header.referer user_agent.original",
            &none
        ]
    );
}

/// *Scenario:* a line cut at every byte.
/// *Guarantees:* up to the month it could be anything; from there on it is malformed until nothing is missing.
#[test]
fn a_cut_line_is_malformed() {
    let line = format!("{COMMON} \"r\" \"a\"");
    let fine = [
        COMMON.len() - 3,
        COMMON.len() - 2,
        COMMON.len() - 1,
        COMMON.len(),
        COMMON.len() + 1,
        line.len(),
    ];
    for end in 0..=line.len() {
        let wanted = match end {
            0..28 => "not-mine",
            _ if fine.contains(&end) => "emitted",
            _ => "malformed",
        };
        let answer = one(&line[..end]);
        assert_eq!(
            answer.verdict,
            wanted,
            "{}: {}",
            &line[..end],
            answer.reason
        );
    }
}

/// *Scenario:* lines that are cut or wrong in each of their fields.
/// *Guarantees:* the reason says what is wrong and at which byte.
#[test]
fn malformed_lines_say_what_is_wrong() {
    let line = format!("{COMMON} \"r\" \"a\"");
    for (line, reason) in [
        (&line[..40], "the line ends in the time at byte 40"),
        (&line[..48], "the line ends behind the time at byte 48"),
        (&line[..60], "the line ends in the request at byte 60"),
        (
            &line[..COMMON.len() + 3],
            "the line ends in the referer at byte 82",
        ),
        (
            "a - - [31/Feb/2026:03:12:45 +0000] \"*\" 200 5",
            "no such time at byte 7",
        ),
        (
            "a - - [21/Nov/2026:03:12:45 +0000] \"*\"x 200 5",
            "no blank behind the request at byte 38",
        ),
        (
            "a - - [21/Nov/2026:03:12:45 +0000] \"*\" 2x0 5",
            "the status is neither three digits nor - at byte 39",
        ),
        (
            "a - - [21/Nov/2026:03:12:45 +0000] \"*\" 200 5x",
            "the size is neither digits nor - at byte 43",
        ),
        (
            "a - - [21/Nov/2026:03:12:45 +0000] \"*\" 200 5 \"r\" a",
            "no user agent in quotes behind the referer at byte 48",
        ),
        (
            "a - - [21/Nov/2026:03:12:45 +0000] \"*\" 200 5 \"r\" \"a\"x",
            "text behind a closing quote at byte 52",
        ),
    ] {
        let answer = one(line);
        assert_eq!(
            (answer.verdict, answer.reason.as_str()),
            ("malformed", reason),
            "{line}"
        );
    }
}

/// *Scenario:* lines of other formats, some with brackets or a time like that of web servers.
/// *Guarantees:* the next parser gets them.
#[test]
fn other_lines_are_not_mine() {
    for line in [
        "",
        "plain",
        "  a - - [21/Nov/2026:03:12:45 +0000] \"*\" 200 5",
        "a - [21/Nov/2026:03:12:45 +0000] \"*\" 200 5",
        "a  - - [21/Nov/2026:03:12:45 +0000] \"*\" 200 5",
        "{\"a b c [21/Nov/2026:03:12:45 +0000] \"*\" 200 5",
        "2026/11/21 03:12:45 [error] 31#31: *7 open() \"/a\" failed, client: 203.0.113.7, request: \"GET /a HTTP/1.1\"",
        "[Sat Nov 21 03:12:45.123456 2026] [core:error] [pid 7] [client 203.0.113.7:5] AH00126: Invalid URI",
        "203.0.113.7 - - [21/Nov/2026 03:12:45] \"GET / HTTP/1.1\" 200 -",
        "Nov 21 03:12:45 lb haproxy[7]: 203.0.113.7:5 [21/Nov/2026:03:12:45.655] web app/s1 10/0 200",
        "0a1b bucket [21/Nov/2026:03:12:45 +0000] 203.0.113.7 arn REST.GET",
        "0a1b c bucket [21/Nov/2026:03:12:45 +0000] 203.0.113.7 arn REST.GET",
    ] {
        assert_eq!(one(line).verdict, "not-mine", "{line}");
    }
}

/// *Scenario:* a line whose user agent is no UTF-8.
/// *Guarantees:* body and user agent are its bytes, the other fields text.
#[test]
fn bytes_stay_bytes() {
    let line = [COMMON.as_bytes(), b" \"r\" \"a\xff\" "].concat();
    let record = parse_lines(&access("{}"), [&line])
        .remove(0)
        .records
        .remove(0);
    assert_eq!(record.body, OwnedValue::Bytes(line));
    assert_eq!(
        record.attr("user_agent.original"),
        Some(&OwnedValue::Bytes(b"a\xff".to_vec()))
    );
    assert_eq!(record.attr("url.path"), Some(&"/a".into()));
}

/// *Scenario:* a line of the common format and nothing else in a batch.
/// *Guarantees:* no field is copied: what is new are the attributes' names and the protocol's.
#[test]
fn a_line_is_not_copied() {
    let names = "client.addressuser.namehttp.request.methodurl.pathurl.queryhttpnetwork.protocol.namenetwork.protocol.version\
        http.response.status_codehttp.response.body.size";
    let parsed = parse(&access("{}"), &raw([COMMON]));
    assert_eq!(str::from_utf8(parsed.text()), Ok(names));
}

/// *Scenario:* configurations that cannot be meant.
/// *Guarantees:* each is refused with its field.
#[test]
fn a_wrong_configuration_names_its_field() {
    let error = |config: &str| testing::plugin::<ParseAccess>(config).err().unwrap();
    assert_eq!(error(r#"{"format":"iis"}"#).pointer(), "/format");
    assert_eq!(error(r#"{"formt":"auto"}"#).pointer(), "/formt");
    assert_eq!(error(r#"{"extra":["a",""]}"#).pointer(), "/extra/1");
    assert_eq!(
        error(r#"{"extra":["a","-","-","a"]}"#).pointer(),
        "/extra/3"
    );
    let many = format!(r#"{{"extra":[{}]}}"#, vec!["\"-\""; 33].join(","));
    assert_eq!(
        error(&many).to_string(),
        "/extra: names 33 fields, more than 32; name those up to the last that matters"
    );
}

fn formats() -> impl Strategy<Value = (&'static str, Format)> {
    proptest::sample::select(
        &[
            ("auto", Format::Auto),
            ("common", Format::Common),
            ("combined", Format::Combined),
        ][..],
    )
}

const NAMES: [&str; 4] = [
    "http.request.header.x-forwarded-for",
    "request.time",
    "-",
    "id",
];

/// The plugin and the oracle, with some extra fields or none.
fn both(format: (&str, Format), names: usize, line: &[u8]) -> (oracle::Meant, oracle::Meant) {
    let names = &NAMES[..names];
    let plugin = access(&format!(r#"{{"format":"{}","extra":{names:?}}}"#, format.0));
    let said = oracle::said(&parse_lines(&plugin, [line])[0]);
    (said, oracle::meant(line, format.1, names))
}

proptest! {
    /// *Scenario:* access lines of all forms, right and nearly right, in every format.
    /// *Guarantees:* verdict, time, severity and every attribute are those that regular expressions find.
    #[test]
    fn regular_expressions_find_the_same(line in oracle::line(), format in formats(), names in 0..5usize) {
        let (said, meant) = both(format, names, line.as_bytes());
        prop_assert_eq!(said, meant, "{}", line);
    }

    /// *Scenario:* such lines with one byte changed, removed or put in, or cut.
    /// *Guarantees:* the same.
    #[test]
    fn regular_expressions_refuse_the_same(line in oracle::line(), at: proptest::sample::Index, what in 0..4, byte in oracle::byte(), format in formats(), names in 0..5usize) {
        let mut bytes = line.into_bytes();
        let at = at.index(bytes.len());
        match what {
            0 => bytes[at] = byte,
            1 => bytes.insert(at, byte),
            2 => bytes.truncate(at),
            _ => { bytes.remove(at); }
        }
        let (said, meant) = both(format, names, &bytes);
        prop_assert_eq!(said, meant, "{}", bytes.escape_ascii());
    }

    /// *Scenario:* any bytes, and any bytes behind a beginning that is known; several lines in one call.
    /// *Guarantees:* nothing panics, every answer keeps the contract, and none depends on where the batch was cut.
    #[test]
    fn nothing_panics(start in 0..5usize, lines: Vec<Vec<u8>>) {
        let head = "a - - [21/Nov/2026:03:12:45 +0000] \"";
        let whole = format!("{head}GET / HTTP/1.1\" 200 5 \"");
        let start = ["", "a - ", "a - - [21/Nov/20", head, &whole][start];
        let lines = lines.iter().map(|bytes| [start.as_bytes(), bytes].concat());
        parse_lines(&access(r#"{"extra":["a","b"]}"#), lines);
    }
}
