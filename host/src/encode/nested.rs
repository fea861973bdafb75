//! JSON text as OTLP values, event by event, so that no tree of it is ever in memory.
//!
//! What OTLP cannot carry goes out as text instead: invalid JSON, values deeper than [`DEPTH_MAX`], and
//! objects that have a key twice.

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use std::collections::HashSet;
use std::fmt;
use std::hash::BuildHasher;

/// Objects and arrays within each other. An object costs three messages (list, entry, value), and an attribute
/// lies in five: with one level more it would pass the 100 that protobuf readers take.
pub(super) const DEPTH_MAX: usize = 31;

/// A value without others inside.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Scalar<'a> {
    Null,
    Boolean(bool),
    Integer(i64),
    Double(f64),
    Text(&'a str),
}

/// Takes the parts of one JSON value in their order.
pub(super) trait Sink {
    fn scalar(&mut self, value: Scalar<'_>);
    fn begin_array(&mut self);
    fn begin_object(&mut self);
    fn begin_element(&mut self, first: bool);
    fn begin_entry(&mut self, first: bool, key: &str);
    fn end_element(&mut self);
    fn end_entry(&mut self);
    fn end_array(&mut self);
    fn end_object(&mut self);
}

/// Gives the parts of `json` to `sink`. False where it cannot be carried: what the sink got is then
/// incomplete.
pub(super) fn walk(json: &[u8], sink: &mut impl Sink) -> bool {
    let mut reader = serde_json::Deserializer::from_slice(json);
    let node = Node {
        sink,
        depth: DEPTH_MAX,
    };
    node.deserialize(&mut reader).is_ok() && reader.end().is_ok()
}

/// A value whose containers may be `depth` deep.
struct Node<'s, S> {
    sink: &'s mut S,
    depth: usize,
}

/// The key of an entry, given to the sink.
struct Key<'s, S> {
    sink: &'s mut S,
    seen: &'s mut Seen,
    first: bool,
}

/// Keys of one object by their hashes. Two keys of one hash count as the same: the object then goes out
/// as text, which is never wrong.
#[derive(Default)]
struct Seen {
    few: Vec<u64>,
    many: HashSet<u64, foldhash::fast::RandomState>,
    seed: foldhash::fast::RandomState,
}

// === impl Node ===

impl<S> Node<'_, S> {
    fn inner<E: Error>(&self) -> Result<usize, E> {
        let too_deep = || E::custom("too deep");
        self.depth.checked_sub(1).ok_or_else(too_deep)
    }
}

impl<S: Sink> Node<'_, S> {
    fn scalar<E>(self, value: Scalar<'_>) -> Result<(), E> {
        self.sink.scalar(value);
        Ok(())
    }
}

impl<'de, S: Sink> DeserializeSeed<'de> for Node<'_, S> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, S: Sink> Visitor<'de> for Node<'_, S> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        self.scalar(Scalar::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<(), E> {
        self.scalar(Scalar::Boolean(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<(), E> {
        self.scalar(Scalar::Integer(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<(), E> {
        self.scalar(match i64::try_from(value) {
            Ok(value) => Scalar::Integer(value),
            Err(_) => Scalar::Double(value as f64),
        })
    }

    fn visit_f64<E>(self, value: f64) -> Result<(), E> {
        self.scalar(Scalar::Double(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<(), E> {
        self.scalar(Scalar::Text(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<(), A::Error> {
        let depth = self.inner()?;
        let sink = self.sink;
        sink.begin_array();
        let mut first = true;
        while elements
            .next_element_seed(Element {
                node: Node { sink, depth },
                first,
            })?
            .is_some()
        {
            first = false;
        }
        sink.end_array();
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        let depth = self.inner()?;
        let sink = self.sink;
        sink.begin_object();
        let mut seen = Seen::default();
        let mut first = true;
        while entries
            .next_key_seed(Key {
                sink,
                seen: &mut seen,
                first,
            })?
            .is_some()
        {
            entries.next_value_seed(Node { sink, depth })?;
            sink.end_entry();
            first = false;
        }
        sink.end_object();
        Ok(())
    }
}

/// An element of an array.
struct Element<'s, S> {
    node: Node<'s, S>,
    first: bool,
}

impl<'de, S: Sink> DeserializeSeed<'de> for Element<'_, S> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        let Node { sink, depth } = self.node;
        sink.begin_element(self.first);
        Node { sink, depth }.deserialize(deserializer)?;
        sink.end_element();
        Ok(())
    }
}

// === impl Key ===

impl<'de, S: Sink> DeserializeSeed<'de> for Key<'_, S> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de, S: Sink> Visitor<'de> for Key<'_, S> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: Error>(self, key: &str) -> Result<(), E> {
        if !self.seen.insert(key) {
            return Err(E::custom("a key twice"));
        }
        self.sink.begin_entry(self.first, key);
        Ok(())
    }
}

// === impl Seen ===

impl Seen {
    const FEW: usize = 16;

    /// Whether the key is new.
    fn insert(&mut self, key: &str) -> bool {
        let hash = self.seed.hash_one(key);
        if self.few.len() < Self::FEW {
            let new = !self.few.contains(&hash);
            self.few.push(hash);
            new
        } else {
            !self.few.contains(&hash) && self.many.insert(hash)
        }
    }
}
