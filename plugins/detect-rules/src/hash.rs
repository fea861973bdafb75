//! A hash that is the same everywhere and always: for tables, and for what is remembered by hash alone.

const MIX: u64 = 0x9E37_79B9_7F4A_7C15;

/// The hash of bytes, eight at a time.
#[inline]
pub fn hash(bytes: &[u8]) -> u64 {
    let (words, rest) = bytes.as_chunks::<8>();
    let mut hash = bytes.len() as u64;
    for word in words {
        hash = mixed(hash, u64::from_le_bytes(*word));
    }
    if !rest.is_empty() {
        let mut word = [0; 8];
        word[..rest.len()].copy_from_slice(rest);
        hash = mixed(hash, u64::from_le_bytes(word));
    }
    // The last word's high bits are not in the low ones yet.
    let hash = (hash ^ (hash >> 32)).wrapping_mul(MIX);
    hash ^ (hash >> 29)
}

#[inline]
fn mixed(hash: u64, word: u64) -> u64 {
    let hash = (hash.rotate_left(23) ^ word).wrapping_mul(MIX);
    hash ^ (hash >> 31)
}

/// The hasher of maps: the same everywhere, so that nothing depends on chance.
#[derive(Debug, Default)]
pub struct Fixed(u64);

impl std::hash::Hasher for Fixed {
    fn write(&mut self, bytes: &[u8]) {
        self.0 = mixed(self.0, hash(bytes));
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    /// *Scenario:* texts that differ in one place, by length, and by zeros at their end.
    /// *Guarantees:* all hashes differ, and one known hash is what it always was: it names what is remembered.
    #[test]
    fn similar_texts_have_different_hashes() {
        let mut hashes = HashSet::new();
        for number in 0..100_000 {
            assert!(hashes.insert(hash(format!("10.0.{number}.1").as_bytes())));
        }
        for zeros in 0..40 {
            assert!(hashes.insert(hash(&vec![0; zeros])));
        }
        assert_eq!(hash(b"order-errors"), KNOWN);
    }

    const KNOWN: u64 = 4_276_088_545_043_110_104;
}
