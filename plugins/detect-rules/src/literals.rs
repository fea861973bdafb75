//! What a text must contain for a pattern to match: asked first, because it is cheap and of many patterns at once.

use regex_syntax::hir::{Class, Hir, HirKind, Look};

/// More alternatives than this are no shortcut.
const ALTERNATIVES_MAX: usize = 32;

/// One of these is in every text that the pattern matches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Required {
    /// Not empty, and none of them is.
    pub literals: Vec<Vec<u8>>,
    /// Whether the text is to be looked at with small letters.
    pub lower: bool,
    /// Whether the text begins with one of them.
    pub at_start: bool,
}

/// A literal that grows while neighbours are looked at.
#[derive(Default)]
struct Run {
    bytes: Vec<u8>,
    lower: bool,
    at_start: bool,
}

/// What the pattern requires, the longest that is found; none where there is nothing to say.
pub fn required(pattern: &str, ignore_case: bool) -> Option<Required> {
    let mut parser = regex_syntax::ParserBuilder::new()
        .case_insensitive(ignore_case)
        .build();
    of(&parser.parse(pattern).ok()?)
}

/// What is wrong with a pattern that the crate `regex` refuses, and at which of its characters.
pub fn fault(pattern: &str, ignore_case: bool, error: &regex::Error) -> String {
    let mut parser = regex_syntax::ParserBuilder::new()
        .case_insensitive(ignore_case)
        .build();
    let (why, at) = match parser.parse(pattern) {
        Err(regex_syntax::Error::Parse(e)) => (e.kind().to_string(), e.span().start.offset),
        Err(regex_syntax::Error::Translate(e)) => (e.kind().to_string(), e.span().start.offset),
        _ => {
            let why = error.to_string();
            return format!("must be a smaller regular expression: {why}");
        }
    };
    let before = pattern.get(..at).unwrap_or_default().chars().count();
    format!(
        "must be a regular expression: {why}, at character {}",
        before + 1
    )
}

fn of(hir: &Hir) -> Option<Required> {
    match hir.kind() {
        HirKind::Literal(_) | HirKind::Class(_) => of_parts(std::slice::from_ref(hir)),
        HirKind::Concat(parts) => of_parts(parts),
        HirKind::Capture(capture) => of(&capture.sub),
        HirKind::Repetition(repetition) if repetition.min > 0 => of(&repetition.sub).map(anywhere),
        HirKind::Alternation(parts) => {
            let parts: Vec<Required> = parts.iter().map(of).collect::<Option<_>>()?;
            joined(parts)
        }
        _ => None,
    }
}

/// The best of what stands one after the other.
fn of_parts(parts: &[Hir]) -> Option<Required> {
    let mut best = None;
    let mut run = Run::default();
    for (number, part) in parts.iter().enumerate() {
        match part.kind() {
            HirKind::Look(Look::Start) if number == 0 => run.at_start = true,
            HirKind::Literal(literal) => run.bytes.extend_from_slice(&literal.0),
            HirKind::Class(class) if letter(class).is_some() => {
                run.bytes.extend(letter(class));
                run.lower = true;
            }
            HirKind::Class(_) | HirKind::Look(_) | HirKind::Empty => run.end(&mut best),
            _ => {
                let at_start = run.at_start && run.bytes.is_empty();
                run.end(&mut best);
                let inner = of(part).map(|inner| Required {
                    // Behind `^` the first part stands at the start; anywhere else it does not.
                    at_start: at_start
                        && matches!(part.kind(), HirKind::Capture(_) | HirKind::Alternation(_))
                        && starts(part),
                    ..inner
                });
                take_better(&mut best, inner);
            }
        }
    }
    run.end(&mut best);
    best
}

/// Whether a part consists of literals alone, so that what it requires is where it begins.
fn starts(hir: &Hir) -> bool {
    match hir.kind() {
        HirKind::Literal(_) => true,
        HirKind::Capture(capture) => starts(&capture.sub),
        HirKind::Alternation(parts) => parts.iter().all(starts),
        _ => false,
    }
}

fn joined(parts: Vec<Required>) -> Option<Required> {
    let lower = parts.iter().any(|part| part.lower);
    let at_start = parts.iter().all(|part| part.at_start);
    let mut literals: Vec<Vec<u8>> = parts.into_iter().flat_map(|part| part.literals).collect();
    if lower {
        literals
            .iter_mut()
            .for_each(|literal| literal.make_ascii_lowercase());
    }
    literals.sort();
    literals.dedup();
    (literals.len() <= ALTERNATIVES_MAX).then_some(Required {
        literals,
        lower,
        at_start,
    })
}

fn anywhere(required: Required) -> Required {
    Required {
        at_start: false,
        ..required
    }
}

/// The small letter, where a class is a letter in both cases and nothing else. (Some letters have a third form, such as the
/// sign for Kelvin: they are none.)
fn letter(class: &Class) -> Option<u8> {
    let mut letters = [0; 2];
    let mut count = 0;
    let mut one = |letter: u32| {
        if count < 2 {
            letters[count] = letter;
        }
        count += 1;
    };
    match class {
        Class::Unicode(class) => class.iter().for_each(|range| {
            (range.start() as u32..=range.end() as u32)
                .take(3)
                .for_each(&mut one)
        }),
        Class::Bytes(class) => class.iter().for_each(|range| {
            (range.start()..=range.end())
                .take(3)
                .for_each(|byte| one(byte.into()))
        }),
    }
    let [capital, small] = letters.map(|letter| u8::try_from(letter).unwrap_or(0));
    let pair = count == 2 && capital.is_ascii_uppercase() && small == capital.to_ascii_lowercase();
    pair.then_some(small)
}

fn take_better(best: &mut Option<Required>, other: Option<Required>) {
    let worth = |required: &Required| {
        let shortest = required.literals.iter().map(Vec::len).min().unwrap_or(0);
        (
            shortest.min(12),
            required.at_start,
            std::cmp::Reverse(required.literals.len()),
        )
    };
    if let Some(other) = other
        && best.as_ref().is_none_or(|best| worth(&other) > worth(best))
    {
        *best = Some(other);
    }
}

impl Run {
    /// What has been gathered counts, and the next begins behind something that is no literal.
    fn end(&mut self, best: &mut Option<Required>) {
        let run = std::mem::take(self);
        let mut bytes = run.bytes;
        if bytes.is_empty() {
            return;
        }
        if run.lower {
            bytes.make_ascii_lowercase();
        }
        take_better(
            best,
            Some(Required {
                literals: vec![bytes],
                lower: run.lower,
                at_start: run.at_start,
            }),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(pattern: &str) -> String {
        let Some(required) = required(pattern, false) else {
            return "-".into();
        };
        let literals: Vec<_> = required
            .literals
            .iter()
            .map(|literal| String::from_utf8_lossy(literal).into_owned())
            .collect();
        let (start, lower) = (
            if required.at_start { "^" } else { "" },
            if required.lower { "~" } else { "" },
        );
        format!("{start}{lower}{}", literals.join("|"))
    }

    /// *Scenario:* patterns with literals at the start, within, in groups, in alternatives, in any case, and without any.
    /// *Guarantees:* what is required is long and true; a pattern that can do without says nothing.
    #[test]
    fn patterns_say_what_they_require() {
        for (pattern, expected) in [
            ("timed? out after", " out after"),
            (r"^GET /(health|ready)z? ", "^GET /"),
            (r"took \d+ seconds", " seconds"),
            (r"(refused|reset) by", "refused|reset"),
            ("^(GET|PUT) ", "^GET|PUT"),
            ("^(GET|PUT|)x", "x"),
            ("(?i)timeout", "~timeout"),
            ("(?i)disk", "~di"),
            (r"\bpanic\b", "panic"),
            ("(?m)^at ", "at "),
            ("(error)+", "error"),
            (r"\d+|x", "-"),
            ("(abc)?", "-"),
            ("[ab]c", "c"),
            ("", "-"),
        ] {
            assert_eq!(shown(pattern), expected, "{pattern}");
        }
    }
}
