//! Hex digits.

/// Hex digits, of either case, to exactly `N` bytes.
#[inline]
pub fn hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digits = text.as_bytes();
    if digits.len() != 2 * N {
        return None;
    }
    let mut out = [0; N];
    let (words, rest) = digits.as_chunks::<8>();
    let (bytes, tail) = out.as_chunks_mut::<4>();
    for (bytes, word) in bytes.iter_mut().zip(words) {
        *bytes = eight(*word)?;
    }
    for (byte, pair) in tail.iter_mut().zip(rest.as_chunks::<2>().0) {
        *byte = nibble(pair[0])? << 4 | nibble(pair[1])?;
    }
    Some(out)
}

fn nibble(digit: u8) -> Option<u8> {
    (digit as char).to_digit(16).map(|value| value as u8)
}

/// Eight digits at once.
#[inline]
fn eight(digits: [u8; 8]) -> Option<[u8; 4]> {
    const ONES: u64 = 0x0101_0101_0101_0101;
    let word = u64::from_le_bytes(digits);
    // Digits are 0x30..=0x39, letters 0x41..=0x46 and 0x61..=0x66: bit 6 tells them apart.
    let letter = word >> 6 & ONES;
    let lower = word | letter << 5;
    let values = (word & (ONES * 0x0f)).wrapping_add(letter * 9);
    if values & (ONES * 0xf0) != 0 {
        return None;
    }
    // The way back proves that every byte was a hex digit.
    let above_nine = values.wrapping_add(ONES * 6) >> 4 & ONES;
    if values + ONES * 0x30 + above_nine * 39 != lower {
        return None;
    }
    let pairs = (values << 4 | values >> 8).to_le_bytes();
    Some([pairs[0], pairs[2], pairs[4], pairs[6]])
}
