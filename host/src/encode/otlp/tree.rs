//! A JSON value as an `AnyValue`.

use crate::encode::nested::{Scalar, Sink};
use crate::encode::wire;

/// Writes a JSON value as the content of an `AnyValue`.
pub(super) struct Tree<'a> {
    out: &'a mut Vec<u8>,
    open: Vec<wire::Open>,
}

impl<'a> Tree<'a> {
    pub(super) fn new(out: &'a mut Vec<u8>) -> Self {
        Tree {
            out,
            open: Vec::new(),
        }
    }

    fn begin(&mut self, tag: u8) {
        self.open.push(wire::open(self.out, tag, 1));
    }

    fn end(&mut self) {
        if let Some(open) = self.open.pop() {
            wire::close(self.out, open);
        }
    }
}

impl Sink for Tree<'_> {
    fn scalar(&mut self, value: Scalar<'_>) {
        match value {
            Scalar::Null => {}
            Scalar::Boolean(b) => self.out.extend_from_slice(&[0x10, u8::from(b)]),
            Scalar::Integer(i) => {
                self.out.push(0x18);
                wire::varint(self.out, i as u64);
            }
            Scalar::Double(d) => wire::fixed64(self.out, 0x21, d.to_bits()),
            Scalar::Text(text) => wire::bytes(self.out, 0x0A, text.as_bytes()),
        }
    }

    fn begin_array(&mut self) {
        self.begin(0x2A);
    }

    fn begin_object(&mut self) {
        self.begin(0x32);
    }

    fn begin_element(&mut self, _first: bool) {
        self.begin(0x0A);
    }

    fn begin_entry(&mut self, _first: bool, key: &str) {
        self.begin(0x0A);
        if !key.is_empty() {
            wire::bytes(self.out, 0x0A, key.as_bytes());
        }
        self.begin(0x12);
    }

    fn end_element(&mut self) {
        self.end();
    }

    fn end_entry(&mut self) {
        self.end();
        self.end();
    }

    fn end_array(&mut self) {
        self.end();
    }

    fn end_object(&mut self) {
        self.end();
    }
}
