//! Log records as columns over one text: the contract's `log-batch` (see `wit/types.wit`), owned.

/// Added to an attribute's kind where it describes the resource rather than the record.
pub const RESOURCE: u8 = 64;
/// Trace id (16 bytes), span id (8 bytes) and flags (1 byte) of one record.
pub const TRACE_BYTES: usize = 25;

/// The type of a value, by its number in the contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// No value.
    Null = 0,
    /// `value` holds 0 or 1.
    Boolean = 1,
    /// `value` holds the two halves of an `i64`.
    Integer = 2,
    /// `value` holds the two halves of an `f64`'s bits.
    Double = 3,
    /// `value` is a span of UTF-8 text.
    Text = 4,
    /// `value` is a span of bytes.
    Bytes = 5,
    /// `value` is a span of JSON text.
    Json = 6,
}

impl Kind {
    /// The kind of that number, with or without [`RESOURCE`].
    pub fn of(number: u8) -> Option<Kind> {
        Some(match number & !RESOURCE {
            0 => Kind::Null,
            1 => Kind::Boolean,
            2 => Kind::Integer,
            3 => Kind::Double,
            4 => Kind::Text,
            5 => Kind::Bytes,
            6 => Kind::Json,
            _ => return None,
        })
    }

    /// Whether the two numbers of a value are a span.
    pub fn is_span(self) -> bool {
        matches!(self, Kind::Text | Kind::Bytes | Kind::Json)
    }
}

/// The low and the high half of 64 bits, as a value that is no span travels.
pub fn halves(bits: u64) -> [u32; 2] {
    [bits as u32, (bits >> 32) as u32]
}

/// The 64 bits of a value that is no span.
pub fn bits(low: u32, high: u32) -> u64 {
    u64::from(low) | u64::from(high) << 32
}

/// The columns of the contract's `log-batch`. Field by field as documented there; the number of records
/// is the length of `seconds`. Columns that came from outside have passed the answer check before
/// anything here is called with them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Columns {
    /// UTF-8 text, and bytes that only spans of kind bytes point to.
    pub text: Vec<u8>,
    /// A record: Unix seconds of the event.
    pub seconds: Vec<u32>,
    /// A record: nanoseconds within the second.
    pub nanos: Vec<u32>,
    /// A record: OTLP SeverityNumber, 0 where unknown.
    pub severity: Vec<u8>,
    /// A record: span of the severity's text; or empty.
    pub severity_text: Vec<u32>,
    /// A record: its body, two numbers.
    pub body: Vec<u32>,
    /// A record: the kind of its body; or empty where all are text.
    pub body_kind: Vec<u8>,
    /// A record: [`TRACE_BYTES`] bytes; or empty.
    pub trace: Vec<u8>,
    /// A record: where its attributes end.
    pub attribute_end: Vec<u32>,
    /// An attribute: span of its key.
    pub key: Vec<u32>,
    /// An attribute: its kind, plus [`RESOURCE`].
    pub kind: Vec<u8>,
    /// An attribute: its value, two numbers.
    pub value: Vec<u32>,
}

impl Columns {
    /// How many records there are.
    pub fn len(&self) -> usize {
        self.seconds.len()
    }

    /// Whether there is no record.
    pub fn is_empty(&self) -> bool {
        self.seconds.is_empty()
    }

    /// The attributes of a record, as places in the attribute columns; never beyond their end.
    pub fn attributes(&self, record: usize) -> std::ops::Range<usize> {
        let most = self.kind.len();
        let end = |i: usize| most.min(self.attribute_end.get(i).map_or(0, |e| *e as usize));
        let from = if record == 0 { 0 } else { end(record - 1) };
        from..end(record)
    }

    /// The bytes of entry `i` of a span column; empty where there is no such entry.
    pub fn bytes(&self, column: &[u32], i: usize) -> &[u8] {
        match column.get(2 * i..2 * i + 2) {
            Some(&[start, length]) => self.slice(start, length),
            _ => &[],
        }
    }

    /// The bytes of one span; empty where it lies outside the text.
    pub fn slice(&self, start: u32, length: u32) -> &[u8] {
        let start = start as usize;
        self.text.get(start..start + length as usize).unwrap_or(&[])
    }

    /// The kind of a record's body.
    pub fn body_kind(&self, record: usize) -> Kind {
        self.body_kind
            .get(record)
            .map_or(Some(Kind::Text), |k| Kind::of(*k))
            .unwrap_or(Kind::Null)
    }
}
