use super::*;
use proptest::prelude::*;

pub fn redactor() -> Redactor {
    Redactor::new(
        &Kind::ALL,
        Kind::ALL.map(|kind| format!("<{}>", kind.name())),
        Vec::new(),
    )
}

fn redacted(text: &str) -> String {
    redactor()
        .text(text, &mut Counts::default())
        .unwrap_or_else(|| text.into())
}

/// *Scenario:* log lines with several things to hide.
///
/// *Guarantees:* each is replaced, and everything beside it stays byte by byte.
#[test]
fn text_beside_the_hits_stays() {
    for (text, expected) in [
        ("j@ex.org", "<email>"),
        (
            "from 10.0.0.1:80 to [::1]:443, \u{e9}",
            "from <ip>:80 to [<ip>]:443, \u{e9}",
        ),
        (
            "card 4111 1111 1111 1111 12/27 of j@ex.org",
            "card <card> 12/27 of <email>",
        ),
        (
            "Authorization: Bearer abc123, retry",
            "Authorization: Bearer <token>, retry",
        ),
        (
            r#"{"password":"hun\"ter2","a":1}"#,
            r#"{"password":"<secret>","a":1}"#,
        ),
        (
            r#"request {"token":["abc123"],"a":{"password":{"v":"x"}}} done"#,
            r#"request {"token":<secret>,"a":{"password":<secret>}} done"#,
        ),
        ("pwd=a&token=b&x=1", "pwd=<secret>&token=<secret>&x=1"),
        (
            "postgres://app:hunter2@db.example.org/x",
            "postgres://app:<email>/x",
        ),
    ] {
        assert_eq!(redacted(text), expected);
    }
    assert_eq!(
        redactor().text("nothing to see", &mut Counts::default()),
        None
    );
}

/// *Scenario:* what an earlier gateway has redacted comes again.
///
/// *Guarantees:* nothing changes and nothing is counted.
#[test]
fn what_was_replaced_stays() {
    let mut counts = Counts::default();
    for text in [
        "password=<secret>",
        r#"{"token":"<secret>"}"#,
        "Bearer <token>",
        "<email> <ip> <card>",
    ] {
        assert_eq!(redactor().text(text, &mut counts), None, "{text}");
    }
    assert_eq!(
        redactor().attribute("password", Value::Text("<secret>"), &mut counts),
        None
    );
    assert_eq!(format!("{counts:?}"), format!("{:?}", Counts::default()));
}

/// *Scenario:* attributes of every type, by harmless and by secret names.
///
/// *Guarantees:* text, JSON, bytes and numbers are looked at; a secret's name takes the whole value.
#[test]
fn attributes_are_redacted_by_type_and_name() {
    let text = |text: &str| Some(Redacted::Text(text.into()));
    let json = |text: &str| Some(Redacted::Json(text.into()));
    let card = 4_111_111_111_111_111;
    for (key, value, expected) in [
        ("user", Value::Text("j@ex.org"), text("<email>")),
        ("user", Value::Text("jane"), None),
        ("pan", Value::Int(card), text("<card>")),
        ("pan", Value::Int(card + 1), None),
        (
            "data",
            Value::Json(r#"{"a":"::1"}"#),
            json(r#"{"a":"<ip>"}"#),
        ),
        ("data", Value::Json("not json: ::1"), text("not json: <ip>")),
        (
            "data",
            Value::Bytes(b"\xff::1\xfe"),
            Some(Redacted::Bytes(b"\xff<ip>\xfe".to_vec())),
        ),
        ("db.password", Value::Text("hunter2"), text("<secret>")),
        ("db.password", Value::Int(1234), text("<secret>")),
        ("db.password", Value::Bytes(b"\xff"), text("<secret>")),
        (
            "db.password",
            Value::Json(r#"["a"]"#),
            json(r#"["<secret>"]"#),
        ),
        (
            "db.token",
            Value::Json(r#"{"access":"abc"}"#),
            json(r#"{"access":"<secret>"}"#),
        ),
        ("db.password", Value::Json("hunter2"), text("<secret>")),
        ("db.password", Value::Text(""), None),
        ("db.password", Value::Bool(true), None),
        ("db.password", Value::Null, None),
    ] {
        assert_eq!(
            redactor().attribute(key, value, &mut Counts::default()),
            expected,
            "{key} {value:?}"
        );
    }
}

/// *Scenario:* secrets are not looked for, and an attribute bears a secret's name.
///
/// *Guarantees:* its value is looked at like any other's.
#[test]
fn names_do_not_matter_where_secrets_are_not_wanted() {
    let redactor = Redactor::new(
        &[Kind::Email],
        Kind::ALL.map(|kind| kind.name().into()),
        Vec::new(),
    );
    let value = |text| redactor.attribute("password", Value::Text(text), &mut Counts::default());
    assert_eq!(value("hunter2"), None);
    assert_eq!(value("j@ex.org"), Some(Redacted::Text("email".into())));
}

/// *Scenario:* own patterns beside the built-in kinds.
///
/// *Guarantees:* patterns come first, in their order, and the kinds find what they left.
#[test]
fn own_patterns_come_first() {
    let patterns = vec![
        Pattern::new("order", r"ORD-\d+", "<order>").unwrap(),
        Pattern::new("staff", r"(\w+)@example\.org", "${1}@us").unwrap(),
    ];
    let redactor = Redactor::new(&Kind::ALL, redactor().replacements, patterns);
    let mut counts = Counts::default();
    let text = |text: &str, counts: &mut Counts| redactor.text(text, counts);
    assert_eq!(
        text("ORD-1 of jane@example.org", &mut counts),
        Some("<order> of jane@us".into())
    );
    assert_eq!(
        text("ORD-1, ORD-2, j@ex.org", &mut counts),
        Some("<order>, <order>, <email>".into())
    );
    assert_eq!(text("j@ex.org", &mut counts), Some("<email>".into()));
    assert_eq!(text("nothing", &mut counts), None);
    assert_eq!(
        format!("{counts:?}"),
        "Counts { kinds: [2, 0, 0, 0, 0], patterns: [3, 1] }"
    );
}

/// Text of pieces that are hits, parts of hits, and separators.
fn texts() -> impl Strategy<Value = String> {
    "(j@ex\\.org|10\\.0\\.0\\.1|::1|fe80:|pwd=|token: |Bearer abc123|4111 1111 1111 1111|eyJ|[a-z0-9]|[ =:,.@\"\\\\-]|\u{e9}|\u{1f600}){0,14}"
}

proptest! {
    /// *Scenario:* any text with hits and parts of hits.
    ///
    /// *Guarantees:* the answer is the text with some parts replaced: cut at the replacements, its pieces
    /// stand in the text in the same order. It differs wherever there is an answer at all.
    #[test]
    fn only_hits_change(text in texts()) {
        let marks: [String; 5] = std::array::from_fn(|kind| format!("\u{1}{kind}\u{1}"));
        let redactor = Redactor::new(&Kind::ALL, marks, Vec::new());
        if let Some(answer) = redactor.text(&text, &mut Counts::default()) {
            prop_assert_ne!(&answer, &text);
            let mut rest = text.as_str();
            for (number, piece) in answer.split('\u{1}').enumerate().filter(|(number, _)| number % 2 == 0) {
                let at = if number == 0 { rest.starts_with(piece).then_some(0) } else { rest.find(piece) };
                prop_assert!(at.is_some(), "{:?} of {:?} is not in {:?}", piece, answer, text);
                rest = &rest[at.unwrap() + piece.len()..];
            }
        }
    }

    /// *Scenario:* bytes that are text are given as bytes.
    ///
    /// *Guarantees:* the answer is the same.
    #[test]
    fn bytes_are_redacted_as_text_is(text in texts()) {
        let as_text = redactor().text(&text, &mut Counts::default());
        let as_bytes = redactor().bytes(text.as_bytes(), &mut Counts::default());
        prop_assert_eq!(as_text.map(String::into_bytes), as_bytes);
    }

    /// *Scenario:* card numbers of any issuer with a right and with a wrong check digit.
    ///
    /// *Guarantees:* the right one goes, and nine of ten wrong ones stay.
    #[test]
    fn the_check_digit_decides(start in 400_000_000_000_000_u64..500_000_000_000_000) {
        let gone = (0..10).filter(|digit| redacted(&format!("pan {start}{digit} x")) == "pan <card> x").count();
        prop_assert_eq!(gone, 1);
    }
}
