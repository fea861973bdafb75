//! The fields that rules ask for, and what one record has in them.

use std::fmt::Write;
use tidegate_sdk::{Key, Record, Value, find};

/// Bytes of a field's name.
pub const NAME_BYTES_MAX: usize = 256;

/// A field of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Field {
    /// The body.
    Body,
    /// The severity's number.
    Severity,
    /// The severity as the source wrote it.
    SeverityText,
    /// The trace id, 32 hexadecimal digits.
    TraceId,
    /// An attribute of the record.
    Attribute(String),
    /// An attribute of the resource.
    Resource(String),
}

impl Field {
    /// The field of a name: `body`, `severity`, `severity_text`, `trace_id`, `resource.NAME`, `attributes.NAME`, or the name
    /// of an attribute of the record.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn new(written: &str) -> Result<Self, String> {
        if written.len() > NAME_BYTES_MAX {
            let bytes = written.len();
            return Err(format!("has {bytes} bytes; use at most {NAME_BYTES_MAX}"));
        }
        let field = match written {
            "body" => Field::Body,
            "severity" => Field::Severity,
            "severity_text" => Field::SeverityText,
            "trace_id" => Field::TraceId,
            _ => match written.split_once('.') {
                Some(("resource", name)) => Field::Resource(name.into()),
                Some(("attributes", name)) => Field::Attribute(name.into()),
                _ => Field::Attribute(written.into()),
            },
        };
        match &field {
            Field::Attribute(name) | Field::Resource(name) if name.is_empty() => Err(format!(
                "is {written:?}, which names nothing; use body, severity, severity_text, trace_id, resource.NAME or the name of an attribute"
            )),
            _ => Ok(field),
        }
    }
}

/// The fields that are asked for, each with a number, its *slot*.
#[derive(Debug, Default)]
pub struct Fields {
    fields: Vec<Field>,
    body: Option<usize>,
    severity: Option<usize>,
    severity_text: Option<usize>,
    trace_id: Option<usize>,
    /// How many of them are attributes.
    attributes: usize,
    /// The lengths of their names, a bit each, by the length's lowest bits: most other names are none of them by that.
    lengths: u64,
    /// Slots of attributes plus one, by hash of the name, the next free place where two meet; 0 is free. Its length is a
    /// power of two and four times what is in it.
    table: Vec<u16>,
}

impl Fields {
    /// The slot of a field, a new one where it has none.
    pub fn slot(&mut self, field: Field) -> usize {
        if let Some(slot) = self.find(&field) {
            return slot;
        }
        let slot = self.fields.len();
        match &field {
            Field::Body => self.body = Some(slot),
            Field::Severity => self.severity = Some(slot),
            Field::SeverityText => self.severity_text = Some(slot),
            Field::TraceId => self.trace_id = Some(slot),
            Field::Attribute(name) | Field::Resource(name) => {
                self.attributes += 1;
                self.lengths |= 1 << (name.len() % 64);
            }
        }
        self.fields.push(field);
        if 4 * self.attributes > self.table.len() {
            self.grow();
        } else {
            self.enter(slot);
        }
        slot
    }

    /// How many slots there are.
    pub fn slots(&self) -> usize {
        self.fields.len()
    }

    fn find(&self, field: &Field) -> Option<usize> {
        match field {
            Field::Body => self.body,
            Field::Severity => self.severity,
            Field::SeverityText => self.severity_text,
            Field::TraceId => self.trace_id,
            Field::Attribute(name) => self.of(name, false),
            Field::Resource(name) => self.of(name, true),
        }
    }

    fn grow(&mut self) {
        self.table = vec![0; (8 * self.attributes).next_power_of_two()];
        for slot in 0..self.fields.len() {
            self.enter(slot);
        }
    }

    fn enter(&mut self, slot: usize) {
        let (Field::Attribute(name) | Field::Resource(name)) = &self.fields[slot] else {
            return;
        };
        let mut at = place(name.as_bytes()) & (self.table.len() - 1);
        while self.table[at] != 0 {
            at = (at + 1) & (self.table.len() - 1);
        }
        self.table[at] = slot as u16 + 1;
    }

    /// Whether a slot is that of an attribute.
    #[inline]
    fn is(&self, slot: usize, key: &str, resource: bool) -> bool {
        let (name, of_resource) = match &self.fields[slot] {
            Field::Resource(name) => (name, true),
            Field::Attribute(name) => (name, false),
            _ => return false,
        };
        of_resource == resource && find::equal(name.as_bytes(), key.as_bytes())
    }

    /// The slot of an attribute, if it is asked for.
    #[inline]
    fn of(&self, key: &str, resource: bool) -> Option<usize> {
        if self.table.is_empty() {
            return None;
        }
        let mut at = place(key.as_bytes()) & (self.table.len() - 1);
        loop {
            let slot = usize::from(self.table[at]).checked_sub(1)?;
            if self.is(slot, key, resource) {
                return Some(slot);
            }
            at = (at + 1) & (self.table.len() - 1);
        }
    }
}

/// Where to look for a name: its length and four of its bytes tell names apart well enough.
#[inline]
fn place(key: &[u8]) -> usize {
    let len = key.len();
    if len == 0 {
        return 0;
    }
    let byte = |at: usize| u32::from(key[at]);
    let mixed = byte(0) | byte(len / 3) << 8 | byte(2 * len / 3) << 16 | byte(len - 1) << 24;
    let mixed = (mixed ^ (len as u32).wrapping_mul(0x85EB_CA6B)).wrapping_mul(0x9E37_79B9);
    (mixed >> 12) as usize
}

/// What one record has in the fields that are asked for. One is used for all records of a call.
pub struct Seen<'a> {
    /// By slot: where the value is.
    places: Vec<Place>,
    /// The slots that hold something.
    filled: Vec<u16>,
    /// By an attribute's number in its record: the slot that it had in the record before, plus one. Records of one source
    /// have their attributes in one order, so it is mostly the same.
    guesses: Vec<u16>,
    record: Option<Record<'a>>,
}

/// Where a value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Nowhere,
    Body,
    Severity,
    SeverityText,
    /// Its text is in [`Texts`]: the record has but its bytes.
    TraceId,
    Attribute(u32),
}

/// Texts that are made of values, kept from record to record for their room.
#[derive(Debug, Default)]
pub struct Texts {
    /// The number of the record that they are of.
    record: u64,
    /// By slot: values that are no text, as text.
    shown: Vec<Text>,
    /// By slot: with small letters.
    lower: Vec<Text>,
}

#[derive(Debug, Default, Clone)]
struct Text {
    record: u64,
    text: String,
}

impl<'a> Seen<'a> {
    /// Nothing yet.
    pub fn new(fields: &Fields) -> Self {
        Seen {
            places: vec![Place::Nowhere; fields.slots()],
            filled: Vec::new(),
            guesses: Vec::new(),
            record: None,
        }
    }

    /// Takes the next record.
    #[inline]
    pub fn load(&mut self, fields: &Fields, texts: &mut Texts, record: Record<'a>) {
        for slot in self.filled.drain(..) {
            self.places[usize::from(slot)] = Place::Nowhere;
        }
        texts.next(fields.slots());
        self.record = Some(record);
        self.load_own(fields, texts, record);
        let mut missing = fields.attributes;
        if missing == 0 {
            return;
        }
        for (number, key) in record.keys().enumerate() {
            if let Some(slot) = self.slot(fields, number, key) {
                self.fill(slot, Place::Attribute(key.place as u32));
                missing -= 1;
                if missing == 0 {
                    break;
                }
            }
        }
    }

    /// The slot of the attribute of this number.
    #[inline]
    fn slot(&mut self, fields: &Fields, number: usize, key: Key<'_>) -> Option<usize> {
        if fields.lengths >> (key.key.len() % 64) & 1 == 0 {
            return None;
        }
        let guess = self.guesses.get(number).copied().unwrap_or(0);
        if let Some(slot) = usize::from(guess).checked_sub(1)
            && fields.is(slot, key.key, key.resource)
        {
            return Some(slot);
        }
        let slot = fields.of(key.key, key.resource);
        if self.guesses.len() <= number {
            self.guesses.resize(number + 1, 0);
        }
        self.guesses[number] = slot.map_or(0, |slot| slot as u16 + 1);
        slot
    }

    #[inline]
    fn load_own(&mut self, fields: &Fields, texts: &mut Texts, record: Record<'a>) {
        if let Some(slot) = fields.body
            && !matches!(record.body_value(), Value::Null | Value::Text(""))
        {
            self.fill(slot, Place::Body);
        }
        if let Some(slot) = fields.severity
            && record.severity().number() > 0
        {
            self.fill(slot, Place::Severity);
        }
        if let Some(slot) = fields.severity_text
            && !record.severity_text().is_empty()
        {
            self.fill(slot, Place::SeverityText);
        }
        if let Some(slot) = fields.trace_id
            && record.trace().trace_id != [0; 16]
        {
            self.fill(slot, Place::TraceId);
            let text = texts.begin_shown(slot);
            for byte in record.trace().trace_id {
                let _ = write!(text, "{byte:02x}");
            }
        }
    }

    #[inline]
    fn fill(&mut self, slot: usize, place: Place) {
        self.places[slot] = place;
        self.filled.push(slot as u16);
    }

    /// The number of the severity, 0 where it is unknown.
    #[inline]
    pub fn severity(&self) -> u8 {
        self.record.map_or(0, |record| record.severity().number())
    }

    /// What is in a slot. (A trace id is nothing but its text.)
    #[inline]
    pub fn value(&self, slot: usize) -> Option<Value<'a>> {
        let record = self.record?;
        match self.places[slot] {
            Place::Nowhere => None,
            Place::Attribute(place) => record.value_at(place as usize),
            Place::Body => Some(record.body_value()),
            Place::Severity => Some(Value::Int(record.severity().number().into())),
            Place::SeverityText => Some(Value::Text(record.severity_text())),
            Place::TraceId => Some(Value::Null),
        }
    }

    /// Whether there is something in a slot.
    #[inline]
    pub fn has(&self, slot: usize) -> bool {
        self.places[slot] != Place::Nowhere
    }

    /// What is in a slot as text; that of numbers, true and false as they are written. Bytes and nothing have none.
    #[inline]
    pub fn text<'t>(&self, slot: usize, texts: &'t mut Texts) -> Option<&'t str>
    where
        'a: 't,
    {
        // Mostly it is text, which is had without its type.
        if let Place::Attribute(place) = self.places[slot]
            && let Some(text) = self.record?.text_at(place as usize)
        {
            return Some(text);
        }
        match self.value(slot)? {
            Value::Text(text) | Value::Json(text) => Some(text),
            value => texts.shown(slot, value),
        }
    }

    /// The same with small letters instead of A to Z.
    pub fn lower<'t>(&self, slot: usize, texts: &'t mut Texts) -> Option<&'t str>
    where
        'a: 't,
    {
        if texts.lower[slot].record != texts.record {
            let mut lower = std::mem::take(&mut texts.lower[slot].text);
            lower.clear();
            lower.push_str(self.text(slot, texts)?);
            lower.make_ascii_lowercase();
            texts.lower[slot] = Text {
                record: texts.record,
                text: lower,
            };
        }
        Some(&texts.lower[slot].text)
    }
}

impl Texts {
    #[inline]
    fn next(&mut self, slots: usize) {
        self.record += 1;
        if self.shown.len() != slots {
            self.shown.resize(slots, Text::default());
            self.lower.resize(slots, Text::default());
        }
    }

    fn begin_shown(&mut self, slot: usize) -> &mut String {
        let shown = &mut self.shown[slot];
        shown.record = self.record;
        shown.text.clear();
        &mut shown.text
    }

    fn shown(&mut self, slot: usize, value: Value<'_>) -> Option<&str> {
        if self.shown[slot].record != self.record {
            match value {
                Value::Bool(flag) => _ = write!(self.begin_shown(slot), "{flag}"),
                Value::Int(number) => _ = write!(self.begin_shown(slot), "{number}"),
                Value::Double(number) => _ = write!(self.begin_shown(slot), "{number}"),
                Value::Null | Value::Bytes(_) | Value::Text(_) | Value::Json(_) => return None,
            }
        }
        Some(&self.shown[slot].text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// *Scenario:* names of every kind of field, those that shadow each other, and none.
    /// *Guarantees:* every field can be named, those with a name of another kind by `attributes.`.
    #[test]
    fn every_field_has_a_name() {
        let attribute = |name: &str| Ok(Field::Attribute(name.into()));
        assert_eq!(Field::new("body"), Ok(Field::Body));
        assert_eq!(Field::new("attributes.body"), attribute("body"));
        assert_eq!(Field::new("http.route"), attribute("http.route"));
        assert_eq!(Field::new("resource"), attribute("resource"));
        assert_eq!(
            Field::new("resource.service.name"),
            Ok(Field::Resource("service.name".into()))
        );
        assert_eq!(Field::new("attributes.resource.x"), attribute("resource.x"));
        for wrong in ["", "resource.", "attributes."] {
            assert!(Field::new(wrong).unwrap_err().contains("names nothing"));
        }
    }

    /// *Scenario:* a thousand names, of the record and of the resource.
    /// *Guarantees:* each has its own slot, the same again, and no other name has one.
    #[test]
    fn each_field_has_one_slot() {
        let mut fields = Fields::default();
        let field = |number: usize| match number % 2 {
            0 => Field::Attribute(format!("name-{}", number / 2)),
            _ => Field::Resource(format!("name-{}", number / 2)),
        };
        for number in 0..1_000 {
            assert_eq!(fields.slot(field(number)), number);
        }
        for number in 0..1_000 {
            assert_eq!(fields.slot(field(number)), number);
        }
        assert_eq!(fields.of("name-500", false), None);
        assert_eq!(fields.of("", true), None);
    }
}
