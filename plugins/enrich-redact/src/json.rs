//! Redacts JSON so that it stays JSON: what is found lies inside strings, whose quotes and escapes stay
//! right, and a number that must go becomes a string.
//!
//! One pass over the tokens, without a tree. The nesting is not checked: what was JSON stays JSON.

use crate::counts::Counts;
use crate::kinds::Kind;
use crate::redactor::Redactor;
use std::borrow::Cow;

/// The text is not made of the tokens of JSON.
#[derive(Debug, PartialEq, Eq)]
pub struct NotJson;

/// The JSON with everything replaced; none where there is nothing to replace. With `is_secret` it is the
/// value of a secret.
pub fn redact(
    redactor: &Redactor,
    json: &str,
    is_secret: bool,
    counts: &mut Counts,
) -> Result<Option<String>, NotJson> {
    let mut walk = Walk {
        redactor,
        counts,
        json,
        out: String::new(),
        copied: 0,
        is_secret,
        around: Vec::new(),
    };
    let mut at = 0;
    while at < json.len() {
        at = walk.token(at)?;
    }
    Ok((walk.copied > 0).then(|| walk.out + &json[walk.copied..]))
}

struct Walk<'a> {
    redactor: &'a Redactor,
    counts: &'a mut Counts,
    json: &'a str,
    /// What was written so far, and how much of `json` that stands for.
    out: String,
    copied: usize,
    /// Whether the value at hand is a secret's: it stands behind its name, or anywhere inside of such a value.
    is_secret: bool,
    /// The same of the arrays and objects around it.
    around: Vec<bool>,
}

impl Walk<'_> {
    /// Looks at the token at `at`; where the next one starts.
    fn token(&mut self, at: usize) -> Result<usize, NotJson> {
        match self.json.as_bytes()[at] {
            b'"' => self.string(at),
            b'-' | b'0'..=b'9' => Ok(self.number(at)),
            b't' => self.word(at, "true"),
            b'f' => self.word(at, "false"),
            b'n' => self.word(at, "null"),
            b'{' | b'[' => {
                self.around.push(self.is_secret);
                Ok(at + 1)
            }
            b'}' | b']' => {
                self.is_secret = self.around.pop().unwrap_or_default();
                Ok(at + 1)
            }
            b',' | b':' | b' ' | b'\n' | b'\r' | b'\t' => Ok(at + 1),
            _ => Err(NotJson),
        }
    }

    fn string(&mut self, at: usize) -> Result<usize, NotJson> {
        let (json, end) = (self.json, self.string_end(at)?);
        let content = content(&json[at..end])?;
        let is_name = json[end..].trim_start().starts_with(':');
        if is_name {
            let inside = self.around.last() == Some(&true);
            self.is_secret = inside || self.redactor.is_secret(&content);
        } else if self.is_secret {
            if !content.is_empty() && content != self.redactor.replacement(Kind::Secret) {
                let instead = self.redactor.instead(Kind::Secret, self.counts);
                self.replace(at, end, &instead);
            }
            return Ok(end);
        }
        if let Some(redacted) = self.redactor.text(&content, self.counts) {
            self.replace(at, end, &redacted);
        }
        Ok(end)
    }

    /// Where the string that starts at `at` ends, its quotes included.
    fn string_end(&self, at: usize) -> Result<usize, NotJson> {
        let bytes = self.json.as_bytes();
        let mut end = at + 1;
        while let Some(byte) = bytes.get(end) {
            match byte {
                b'"' => return Ok(end + 1),
                b'\\' => end += 2,
                _ => end += 1,
            }
        }
        Err(NotJson)
    }

    fn number(&mut self, at: usize) -> usize {
        let is_part =
            |byte: &u8| byte.is_ascii_digit() || matches!(byte, b'-' | b'+' | b'.' | b'e' | b'E');
        let length = self.json.as_bytes()[at..]
            .iter()
            .take_while(|byte| is_part(byte))
            .count();
        let end = at + length;
        let instead = if self.is_secret {
            Some(self.redactor.instead(Kind::Secret, self.counts))
        } else {
            let number = self.json[at..end].parse().ok();
            number.and_then(|number| self.redactor.number(number, self.counts))
        };
        if let Some(instead) = instead {
            self.replace(at, end, &instead);
        }
        end
    }

    fn word(&self, at: usize, word: &str) -> Result<usize, NotJson> {
        if self.json[at..].starts_with(word) {
            Ok(at + word.len())
        } else {
            Err(NotJson)
        }
    }

    /// Writes a string instead of a token.
    fn replace(&mut self, start: usize, end: usize, text: &str) {
        self.out.push_str(&self.json[self.copied..start]);
        self.out
            .push_str(&serde_json::Value::from(text).to_string());
        self.copied = end;
    }
}

/// What a string with its quotes says.
fn content(string: &str) -> Result<Cow<'_, str>, NotJson> {
    if string.contains('\\') {
        serde_json::from_str(string)
            .map(Cow::Owned)
            .map_err(|_| NotJson)
    } else {
        Ok(string[1..string.len() - 1].into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::redactor::tests::redactor;
    use proptest::prelude::*;

    fn redacted(json: &str) -> String {
        let mut counts = Counts::default();
        redact(&redactor(), json, false, &mut counts)
            .unwrap()
            .unwrap_or_else(|| json.into())
    }

    /// *Scenario:* hits lie in strings with and without escapes, in names and in numbers.
    ///
    /// *Guarantees:* quotes, escapes, blanks and everything beside the hits stay.
    #[test]
    fn json_stays_json() {
        for (json, expected) in [
            (
                r#"{ "a" : "to j@ex.org!", "b":[1,2.5] }"#,
                r#"{ "a" : "to <email>!", "b":[1,2.5] }"#,
            ),
            (r#"["x\nj@ex.org\n"]"#, r#"["x\n<email>\n"]"#),
            (r#"{"j@ex.org":1}"#, r#"{"<email>":1}"#),
            (
                r#"{"pan":4111111111111111,"n":4111111111111112}"#,
                r#"{"pan":"<card>","n":4111111111111112}"#,
            ),
            (r#""password=hun\"ter2""#, r#""password=<secret>\"ter2""#),
            (
                r#"{"ip":"::1","t":true,"n":null}"#,
                r#"{"ip":"<ip>","t":true,"n":null}"#,
            ),
        ] {
            assert_eq!(redacted(json), expected);
        }
    }

    /// *Scenario:* names of secrets stand before strings, numbers, arrays, objects and nothing.
    ///
    /// *Guarantees:* strings and numbers behind the name go, at any depth; names stay, and what comes after.
    #[test]
    fn values_of_secrets_go() {
        for (json, expected) in [
            (
                r#"{"password":"x y","a":"b"}"#,
                r#"{"password":"<secret>","a":"b"}"#,
            ),
            (
                r#"{"pass\u0077ord": 12345, "a":1}"#,
                r#"{"pass\u0077ord": "<secret>", "a":1}"#,
            ),
            (
                r#"{"token":["a",1],"a":["b"]}"#,
                r#"{"token":["<secret>","<secret>"],"a":["b"]}"#,
            ),
            (
                r#"[{"secret":{"a":"b"}},"c"]"#,
                r#"[{"secret":{"a":"<secret>"}},"c"]"#,
            ),
            (
                r#"{"token":{"a":{"b":[{"c":1}],"d":"e"}},"a":{"b":"c"}}"#,
                r#"{"token":{"a":{"b":[{"c":"<secret>"}],"d":"<secret>"}},"a":{"b":"c"}}"#,
            ),
            (
                r#"{"token":[{"a":"b"},"c",[]],"a":"b"}"#,
                r#"{"token":[{"a":"<secret>"},"<secret>",[]],"a":"b"}"#,
            ),
            (r#"[{"secret":"a"},"c"]"#, r#"[{"secret":"<secret>"},"c"]"#),
            (
                r#"{"secret":null,"token":"","pwd":true}"#,
                r#"{"secret":null,"token":"","pwd":true}"#,
            ),
            (r#"["password","x"]"#, r#"["password","x"]"#),
        ] {
            assert_eq!(redacted(json), expected);
        }
    }

    /// *Scenario:* text that is not made of the tokens of JSON.
    ///
    /// *Guarantees:* it is refused, so that it is read as text.
    #[test]
    fn what_is_not_json_is_refused() {
        for text in [
            "j@ex.org",
            r#"{"a"#,
            r#"{"a":x}"#,
            r#"["\x"]"#,
            "tru",
            "{'a':1}",
            r#"["a\"#,
            "\u{e9}",
        ] {
            assert_eq!(
                redact(&redactor(), text, false, &mut Counts::default()),
                Err(NotJson),
                "{text}"
            );
        }
    }

    /// Strings of pieces that are hits, parts of hits, and what must be escaped.
    fn strings() -> impl Strategy<Value = String> {
        "(j@ex\\.org|10\\.0\\.0\\.1|::1|pwd=|Bearer abc123|4111111111111111|\"|\\\\|\n|\t|[a-z =:,]|\u{e9}|\u{1f600}){0,12}"
    }

    /// Any JSON, with hits in it.
    fn values() -> impl Strategy<Value = serde_json::Value> {
        let leaf = prop_oneof![
            Just(serde_json::Value::Null),
            any::<bool>().prop_map(Into::into),
            any::<i64>().prop_map(Into::into),
            Just(4_111_111_111_111_111_i64.into()),
            (-1000..1000_i32).prop_map(|number| (f64::from(number) / 8.0).into()),
            strings().prop_map(Into::into),
        ];
        leaf.prop_recursive(4, 32, 4, |inner| {
            let names = prop_oneof![strings(), Just("password".into()), Just("a".into())];
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Into::into),
                prop::collection::vec((names, inner), 0..4)
                    .prop_map(|pairs| pairs.into_iter().collect()),
            ]
        })
    }

    /// What redacting the text of every string, and the numbers, gives: the same by way of a tree.
    fn by_tree(value: serde_json::Value, is_secret: bool) -> serde_json::Value {
        use serde_json::Value;
        let (redactor, mut counts) = (redactor(), Counts::default());
        match value {
            Value::String(text) if is_secret => if text.is_empty() {
                text
            } else {
                "<secret>".into()
            }
            .into(),
            Value::String(text) => redactor.text(&text, &mut counts).unwrap_or(text).into(),
            Value::Number(_) if is_secret => "<secret>".into(),
            Value::Number(number) => number
                .as_i64()
                .and_then(|n| redactor.number(n, &mut counts))
                .map_or(number.into(), Into::into),
            Value::Array(items) => items
                .into_iter()
                .map(|item| by_tree(item, is_secret))
                .collect(),
            Value::Object(pairs) => {
                let pair = |(name, value): (String, Value)| {
                    let value = by_tree(value, is_secret || redactor.is_secret(&name));
                    (
                        redactor.text(&name, &mut Counts::default()).unwrap_or(name),
                        value,
                    )
                };
                Value::Object(pairs.into_iter().map(pair).collect())
            }
            other => other,
        }
    }

    proptest! {
        /// *Scenario:* any JSON with hits, parts of hits and escapes in its strings and names.
        ///
        /// *Guarantees:* the answer is JSON, and says what a walk over the tree says.
        #[test]
        fn any_json_stays_json(value in values()) {
            let answer: serde_json::Value = serde_json::from_str(&redacted(&value.to_string())).unwrap();
            prop_assert_eq!(answer, by_tree(value, false));
        }

        /// *Scenario:* any text of JSON's letters.
        ///
        /// *Guarantees:* nothing panics, and what was JSON stays JSON.
        #[test]
        fn any_text_is_read(text in "([{}\\[\\],: ]|\"|\\\\|true|null|1|-|[a-z]|j@ex\\.org|\u{e9}){0,30}") {
            let is_json = |text: &str| serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok();
            if let Ok(Some(answer)) = redact(&redactor(), &text, false, &mut Counts::default()) {
                prop_assert!(!is_json(&text) || is_json(&answer), "{} {}", text, answer);
            }
        }
    }
}
