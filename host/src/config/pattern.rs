//! What is wrong with a regular expression, in one line: the crate `regex` draws it in four.

use super::tree::{Data, Node};

/// Before both lines of a drawing.
const INDENT: &str = "    ";
/// Before the number of a character, from 1.
const AT: &str = ", at character ";
/// The most characters that are shown of an expression.
const SHOWN_CHARS_MAX: usize = 24;

/// The rule for a value that is no regular expression, by the error's text; none where that is no such error.
pub fn rule(error: &str) -> Option<String> {
    let (_, drawn) = error.split_once("regex parse error:\n")?;
    let (drawn, reason) = drawn.rsplit_once("\nerror: ")?;
    let at = place(drawn).map_or(String::new(), |at| format!("{AT}{at}"));
    let reason = reason.trim();
    Some(format!("must be a regular expression: {reason}{at}"))
}

/// A rule that ends in the number of a character, with what stands there in the value; as it is, where the value may be
/// a secret.
pub fn with_text(rule: String, value: Option<&Node>) -> String {
    match text_at(&rule, value) {
        Some(text) if text.is_empty() => format!("{rule}, its end"),
        Some(text) => format!("{rule}: `{text}`"),
        None => rule,
    }
}

fn text_at(rule: &str, value: Option<&Node>) -> Option<String> {
    let (_, at) = rule.rsplit_once(AT)?;
    let at = at.parse::<usize>().ok()?.checked_sub(1)?;
    let Data::Text {
        meant,
        written: None,
    } = &value?.data
    else {
        return None;
    };
    let mut rest = meant.chars().skip(at).filter(|c| !c.is_control());
    let text: String = rest.by_ref().take(SHOWN_CHARS_MAX).collect();
    let cut = if rest.next().is_some() { "..." } else { "" };
    Some(text + cut)
}

/// The number of the character at fault, of an expression of one line: that line, and another with marks below.
fn place(drawn: &str) -> Option<usize> {
    let (_, marks) = drawn.split_once('\n')?;
    let marks = marks.strip_prefix(INDENT)?.trim_end();
    if !marks.ends_with('^') || !marks.chars().all(|c| matches!(c, ' ' | '^')) {
        return None;
    }
    // Of several marks the last is at fault, the others say what it goes against.
    Some(marks.rfind(' ').map_or(0, |blank| blank + 1) + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// *Scenario:* expressions that are none, as the crate tells of them: in the middle, at the end, with two marks, long, of
    /// several lines, with a secret in them; and a text that is no such error.
    /// *Guarantees:* the reason, and where it is known and may be shown the character and what is there, in one line.
    #[test]
    fn the_place_and_the_reason_are_told() {
        let told = |pattern: &str, written: Option<String>| {
            let node = Node {
                data: Data::Text {
                    meant: pattern.to_owned(),
                    written,
                },
                ..Node::nothing()
            };
            let error = regex::Regex::new(pattern).unwrap_err().to_string();
            let told = with_text(rule(&error).unwrap(), Some(&node));
            assert!(!told.contains('\n'), "{told}");
            let reason = told.strip_prefix("must be a regular expression: ");
            reason.unwrap().to_owned()
        };
        for (pattern, expected) in [
            ("disk (full", "unclosed group, at character 6: `(full`"),
            ("ä [b", "unclosed character class, at character 3: `[b`"),
            ("  a)", "unopened group, at character 4: `)`"),
            (
                "(?P<a>x)(?P<a>y)",
                "duplicate capture group name, at character 13: `a>y)`",
            ),
            ("(?x)\n(a", "unclosed group"),
        ] {
            assert_eq!(told(pattern, None), expected);
        }
        let long = told(&format!("({}", "x".repeat(100)), None);
        assert!(long.ends_with("xxx...`") && long.len() < 80, "{long}");
        let secret = told("disk (full", Some("${X}".to_owned()));
        assert_eq!(secret, "unclosed group, at character 6");
        assert_eq!(rule("is too long"), None);
    }
}
