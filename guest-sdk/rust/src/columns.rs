//! The columns of `log-batch`, owned: what crosses the border. Authors of plugins do not need them.

/// Log records as columns over one text; the rules are those of `log-batch` in `wit/types.wit`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Columns {
    /// The text that spans point into.
    pub text: Vec<u8>,
    /// A record: Unix time, whole seconds; 0 with 0 nanoseconds where it is unknown.
    pub seconds: Vec<u32>,
    /// A record: the nanoseconds within the second.
    pub nanos: Vec<u32>,
    /// A record: OTLP SeverityNumber, 0 where it is unknown.
    pub severity: Vec<u8>,
    /// A record: span of the severity as written; or empty where no record has one.
    pub severity_text: Vec<u32>,
    /// A record: its body, two numbers.
    pub body: Vec<u32>,
    /// A record: the kind of its body; or empty where all are text.
    pub body_kind: Vec<u8>,
    /// A record: 25 bytes of trace id, span id and flags; or empty where no record has any.
    pub trace: Vec<u8>,
    /// A record: where its attributes end.
    pub attribute_end: Vec<u32>,
    /// An attribute: span of its key.
    pub key: Vec<u32>,
    /// An attribute: the kind of its value, plus [`RESOURCE`] where it describes the resource.
    pub kind: Vec<u8>,
    /// An attribute: its value, two numbers.
    pub value: Vec<u32>,
    /// Further columns, by name.
    pub more: Vec<Column>,
}

/// A further column, one entry a record.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Column {
    /// What it is called.
    pub name: String,
    /// Its entries.
    pub values: Vec<u32>,
}

/// Numbers of `value-kind`.
pub(crate) mod kind {
    pub(crate) const NULL: u8 = 0;
    pub(crate) const BOOLEAN: u8 = 1;
    pub(crate) const INTEGER: u8 = 2;
    pub(crate) const DOUBLE: u8 = 3;
    pub(crate) const TEXT: u8 = 4;
    pub(crate) const BYTES: u8 = 5;
    pub(crate) const JSON: u8 = 6;
}

/// Added to the kind of an attribute that describes the resource.
pub const RESOURCE: u8 = 64;

/// Bytes of one entry of the `trace` column.
pub(crate) const TRACE_BYTES: usize = 25;

// === impl Columns ===

impl Columns {
    pub(crate) const fn new() -> Self {
        Columns {
            text: Vec::new(),
            seconds: Vec::new(),
            nanos: Vec::new(),
            severity: Vec::new(),
            severity_text: Vec::new(),
            body: Vec::new(),
            body_kind: Vec::new(),
            trace: Vec::new(),
            attribute_end: Vec::new(),
            key: Vec::new(),
            kind: Vec::new(),
            value: Vec::new(),
            more: Vec::new(),
        }
    }

    /// How many records there are.
    pub fn len(&self) -> usize {
        self.seconds.len()
    }

    /// Whether there is no record.
    pub fn is_empty(&self) -> bool {
        self.seconds.is_empty()
    }

    /// No record and no text, the memory kept.
    pub fn clear(&mut self) {
        self.text.clear();
        self.truncate(0);
    }

    /// Back to the first `records` records and their attributes; the text stays.
    pub(crate) fn truncate(&mut self, records: usize) {
        self.seconds.truncate(records);
        self.nanos.truncate(records);
        self.severity.truncate(records);
        self.severity_text.truncate(2 * records);
        self.body.truncate(2 * records);
        self.body_kind.truncate(records);
        self.trace.truncate(TRACE_BYTES * records);
        self.attribute_end.truncate(records);
        self.truncate_attributes(self.attributes_closed());
        for column in &mut self.more {
            column.values.truncate(records);
        }
    }

    /// Back to the first `attributes` attributes.
    pub(crate) fn truncate_attributes(&mut self, attributes: usize) {
        self.key.truncate(2 * attributes);
        self.kind.truncate(attributes);
        self.value.truncate(2 * attributes);
    }

    /// How many attributes belong to records, rather than to one that is still being made.
    #[inline]
    pub(crate) fn attributes_closed(&self) -> usize {
        self.attribute_end.last().map_or(0, |end| *end as usize)
    }

    /// Room for `records` records with eight attributes each.
    pub(crate) fn reserve(&mut self, records: usize) {
        self.seconds.reserve(records);
        self.nanos.reserve(records);
        self.severity.reserve(records);
        self.severity_text.reserve(2 * records);
        self.body.reserve(2 * records);
        self.attribute_end.reserve(records);
        self.key.reserve(16 * records);
        self.kind.reserve(8 * records);
        self.value.reserve(16 * records);
    }
}
