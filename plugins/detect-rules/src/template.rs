//! Texts with places to fill: `{count} errors of {resource.service.name}`.

/// Bytes of a template, and of a title or label made of it.
pub const BYTES_MAX: usize = 1_024;

/// A text with places.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template(Vec<Part>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Place(Place),
}

/// What is put in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// The rule's name.
    Rule,
    /// How many there are.
    Count,
    /// The length of the window, or of the absence.
    Within,
    /// The value of a field of `group_by`, by its number there.
    Group(usize),
}

impl Template {
    /// Reads what is written; `place` says what a name means.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn new(
        written: &str,
        place: impl Fn(&str) -> Result<Place, String>,
    ) -> Result<Self, String> {
        if written.len() > BYTES_MAX {
            return Err(format!(
                "has {} bytes; use at most {BYTES_MAX}",
                written.len()
            ));
        }
        if written.contains("{{ $") || written.contains("{{$") {
            return Err(format!(
                "is {written:?}, as Prometheus writes it; write {{FIELD}} with a field of group_by, or {{count}}"
            ));
        }
        let mut parts = Vec::new();
        let mut text = String::new();
        let mut rest = written;
        while let Some(at) = rest.find(['{', '}']) {
            text.push_str(&rest[..at]);
            let brace = &rest[at..=at];
            rest = &rest[at + 1..];
            if let Some(after) = rest.strip_prefix(brace) {
                text.push_str(brace);
                rest = after;
                continue;
            }
            let Some((name, after)) = rest.split_once('}').filter(|_| brace == "{") else {
                return Err(format!(
                    "is {written:?}, where a {brace} stands alone; write {brace}{brace} for the sign itself"
                ));
            };
            parts.extend((!text.is_empty()).then(|| Part::Text(std::mem::take(&mut text))));
            parts.push(Part::Place(place(name)?));
            rest = after;
        }
        text.push_str(rest);
        parts.extend((!text.is_empty()).then_some(Part::Text(text)));
        Ok(Template(parts))
    }

    /// The text with its places filled by `fill`, cut where it is too long.
    pub fn fill(&self, fill: impl Fn(Place, &mut String)) -> String {
        let mut filled = String::new();
        for part in &self.0 {
            match part {
                Part::Text(text) => filled.push_str(text),
                Part::Place(place) => fill(*place, &mut filled),
            }
        }
        filled.truncate(filled.floor_char_boundary(BYTES_MAX));
        filled
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// *Scenario:* texts with places, with braces, with what is no place.
    /// *Guarantees:* places are filled, doubled braces are one, the rest is refused with what to write, what Prometheus takes
    /// among it.
    #[test]
    fn places_are_filled() {
        let place = |name: &str| match name {
            "count" => Ok(Place::Count),
            "host" => Ok(Place::Group(0)),
            _ => Err(format!("names {name}")),
        };
        let filled = |written| {
            Template::new(written, place).map(|template| {
                template.fill(|place, out| match place {
                    Place::Count => out.push('7'),
                    _ => out.push_str("db-1"),
                })
            })
        };
        assert_eq!(filled("{count} of {host}!"), Ok("7 of db-1!".into()));
        assert_eq!(filled("{{count}} {count}"), Ok("{count} 7".into()));
        assert_eq!(filled(""), Ok(String::new()));
        for (wrong, message) in [
            ("{count", "{{"),
            ("a } b", "}}"),
            ("{port}", "names port"),
            ("{{ $labels.host }} is down", "write {FIELD}"),
        ] {
            assert!(filled(wrong).unwrap_err().contains(message), "{wrong}");
        }
    }
}
