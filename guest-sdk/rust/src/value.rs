//! Typed values, times, severities and trace contexts.

/// A typed value. `From` takes `&str`, `&[u8]`, integers, floats, booleans and [`Json`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Value<'a> {
    /// Nothing.
    Null,
    /// True or false.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A number with a fraction. "Not a number" goes out as the text `NaN`.
    Double(f64),
    /// Text.
    Text(&'a str),
    /// Bytes that are not text.
    Bytes(&'a [u8]),
    /// Text that is JSON, an object or an array mostly.
    Json(&'a str),
}

/// Text that is JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Json<'a>(pub &'a str);

/// Unix time, from one nanosecond after 1970-01-01T00:00:00Z to 2106-02-07T06:28:15.999999999Z.
///
/// Other times cannot travel as a time (the beginning of 1970 itself means "unknown"): a parser keeps
/// them as an attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timestamp {
    seconds: u32,
    nanos: u32,
}

/// OTLP SeverityNumber: 1 to 24, or unknown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Severity(u8);

/// Where a record stands in a distributed trace. All zeros in an id mean that it is unknown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TraceContext {
    /// W3C trace id.
    pub trace_id: [u8; 16],
    /// W3C span id.
    pub span_id: [u8; 8],
    /// W3C trace flags.
    pub flags: u8,
}

// === impl Value ===

impl<'a> Value<'a> {
    /// The text, where it is text (JSON is not).
    #[inline]
    pub fn text(self) -> Option<&'a str> {
        if let Value::Text(text) = self {
            Some(text)
        } else {
            None
        }
    }

    /// The number, where it is a whole one.
    #[inline]
    pub fn int(self) -> Option<i64> {
        if let Value::Int(number) = self {
            Some(number)
        } else {
            None
        }
    }

    /// The number, where it is one; whole ones beyond 2^53 lose digits.
    #[inline]
    pub fn number(self) -> Option<f64> {
        match self {
            Value::Int(number) => Some(number as f64),
            Value::Double(number) => Some(number),
            _ => None,
        }
    }

    /// True or false, where it is one of them.
    #[inline]
    pub fn bool(self) -> Option<bool> {
        if let Value::Bool(flag) = self {
            Some(flag)
        } else {
            None
        }
    }
}

impl<'a> From<&'a str> for Value<'a> {
    #[inline]
    fn from(text: &'a str) -> Self {
        Value::Text(text)
    }
}

impl<'a> From<&'a String> for Value<'a> {
    #[inline]
    fn from(text: &'a String) -> Self {
        Value::Text(text)
    }
}

impl<'a> From<Json<'a>> for Value<'a> {
    #[inline]
    fn from(json: Json<'a>) -> Self {
        Value::Json(json.0)
    }
}

impl<'a> From<&'a [u8]> for Value<'a> {
    #[inline]
    fn from(bytes: &'a [u8]) -> Self {
        Value::Bytes(bytes)
    }
}

impl From<f64> for Value<'_> {
    #[inline]
    fn from(number: f64) -> Self {
        Value::Double(number)
    }
}

impl From<bool> for Value<'_> {
    #[inline]
    fn from(flag: bool) -> Self {
        Value::Bool(flag)
    }
}

macro_rules! whole {
    ($($number:ty)*) => { $(
        impl From<$number> for Value<'_> {
            #[inline]
            fn from(number: $number) -> Self {
                Value::Int(number.into())
            }
        }
    )* };
}
whole!(i8 i16 i32 i64 u8 u16 u32);

// === impl Timestamp ===

impl Timestamp {
    /// From seconds and the nanoseconds within the second; none where it cannot travel as a time.
    #[inline]
    pub fn new(seconds: i64, nanos: u32) -> Option<Self> {
        let seconds = u32::try_from(seconds).ok()?;
        let known = nanos < 1_000_000_000 && (seconds, nanos) != (0, 0);
        known.then_some(Timestamp { seconds, nanos })
    }

    /// Whole seconds since 1970.
    #[inline]
    pub fn seconds(self) -> u32 {
        self.seconds
    }

    /// The nanoseconds within the second, below 1,000,000,000.
    #[inline]
    pub fn nanos(self) -> u32 {
        self.nanos
    }

    /// Milliseconds since 1970.
    #[inline]
    pub fn millis(self) -> u64 {
        u64::from(self.seconds) * 1_000 + u64::from(self.nanos) / 1_000_000
    }
}

// === impl Severity ===

impl Severity {
    /// Not known.
    pub const UNKNOWN: Severity = Severity(0);
    /// Finest detail.
    pub const TRACE: Severity = Severity(1);
    /// For finding faults.
    pub const DEBUG: Severity = Severity(5);
    /// Something happened as it should.
    pub const INFO: Severity = Severity(9);
    /// Not an error, but worth more than information.
    pub const WARN: Severity = Severity(13);
    /// Something went wrong.
    pub const ERROR: Severity = Severity(17);
    /// The program cannot go on.
    pub const FATAL: Severity = Severity(21);

    /// From an OTLP SeverityNumber, 0 to 24.
    #[inline]
    pub const fn new(number: u8) -> Option<Self> {
        if number <= 24 {
            Some(Severity(number))
        } else {
            None
        }
    }

    /// The OTLP SeverityNumber, 0 where it is unknown.
    #[inline]
    pub const fn number(self) -> u8 {
        self.0
    }
}
