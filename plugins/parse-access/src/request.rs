//! The line of a request: `GET /path?query HTTP/1.1`, or whatever a client sent instead.

use crate::line::Field;
use tidegate_sdk::find;

/// What a client asked for.
pub(crate) enum Request {
    /// A request of HTTP.
    Http {
        method: Field,
        target: Target,
        /// `1.1`, `2`; none where the client did not say (HTTP/0.9).
        version: Option<Field>,
    },
    /// Something else: TLS to a plain port, nothing at all.
    Other(Field),
}

/// What was asked for.
pub(crate) enum Target {
    /// A path and a query, mostly.
    Path(Field, Option<Field>),
    /// A whole URL, a host and a port, a star.
    Other(Field),
}

/// The methods that OpenTelemetry's conventions know: RFC 9110's, PATCH and QUERY.
const METHODS: [&[u8]; 10] = [
    b"GET", b"POST", b"HEAD", b"PUT", b"DELETE", b"OPTIONS", b"PATCH", b"CONNECT", b"TRACE",
    b"QUERY",
];

/// Whether the conventions know this method; they compare exactly.
#[inline]
pub(crate) fn is_known(method: &[u8]) -> bool {
    METHODS.iter().any(|known| find::equal(known, method))
}

// === impl Request ===

impl Request {
    /// From the field of a line, as it was written: escapes stand for no blank and no question mark.
    #[inline]
    pub(crate) fn of(line: &[u8], whole: Field) -> Self {
        Request::http(line, whole).unwrap_or(Request::Other(whole))
    }

    #[inline]
    fn http(line: &[u8], whole: Field) -> Option<Self> {
        let bytes = &line[..whole.to];
        let first = find::byte(bytes, whole.from, b' ');
        let method = &bytes[whole.from..first];
        if first == whole.to || method.is_empty() || !method.iter().copied().all(of_a_token) {
            return None;
        }
        let last = bytes.iter().rposition(|byte| *byte == b' ')?;
        let version = version(bytes, last + 1);
        let target = whole.part(
            line,
            first + 1,
            if version.is_some() { last } else { whole.to },
        );
        // Without a version only the plainest request is one: HTTP/0.9 had no other.
        let plain = last == first && is_known(method) && bytes.get(first + 1) == Some(&b'/');
        if target.from >= target.to || version.is_none() && !plain {
            return None;
        }
        Some(Request::Http {
            method: whole.part(line, whole.from, first),
            target: Target::of(line, target),
            version,
        })
    }
}

// === impl Target ===

impl Target {
    #[inline]
    fn of(line: &[u8], whole: Field) -> Self {
        if line[whole.from] != b'/' {
            return Target::Other(whole);
        }
        let mark = find::byte(&line[..whole.to], whole.from, b'?');
        let query = (mark + 1 < whole.to).then(|| whole.part(line, mark + 1, whole.to));
        Target::Path(whole.part(line, whole.from, mark), query)
    }
}

// === impl Field ===

impl Field {
    /// A part of it.
    #[inline]
    fn part(self, line: &[u8], from: usize, to: usize) -> Field {
        let escaped = self.escaped && from < to && line[from..to].contains(&b'\\');
        Field { from, to, escaped }
    }
}

/// The version behind `HTTP/`; conventions write HTTP/2.0 as 2.
#[inline]
fn version(bytes: &[u8], from: usize) -> Option<Field> {
    let len = match bytes[from..].strip_prefix(b"HTTP/")? {
        [b'2'..=b'9', b'.', b'0'] | [b'0'..=b'9'] => 1,
        [b'0'..=b'9', b'.', b'0'..=b'9'] => 3,
        _ => return None,
    };
    Some(Field {
        from: from + 5,
        to: from + 5 + len,
        escaped: false,
    })
}

/// What RFC 9110 allows in a method.
#[inline]
fn of_a_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}
