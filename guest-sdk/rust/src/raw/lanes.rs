//! Sixteen bytes at a time: in Wasm (simd128), on x86-64 (SSE2, which every one has), or one by one.

pub use imp::Lanes;

#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
mod imp {
    use core::arch::wasm32::*;

    /// Sixteen bytes, or what was found about each (all ones for yes).
    #[derive(Clone, Copy)]
    pub struct Lanes(v128);

    impl Lanes {
        /// Takes the bytes.
        #[inline(always)]
        pub fn load(bytes: &[u8; 16]) -> Self {
            // SAFETY: sixteen bytes may be read there, and v128 loads need no alignment.
            Lanes(unsafe { v128_load(bytes.as_ptr().cast()) })
        }

        /// Which are `byte`.
        #[inline(always)]
        pub fn eq(self, byte: u8) -> Self {
            Lanes(u8x16_eq(self.0, u8x16_splat(byte)))
        }

        /// Which are below `byte`, itself above 0.
        #[inline(always)]
        pub fn lt(self, byte: u8) -> Self {
            Lanes(u8x16_lt(self.0, u8x16_splat(byte)))
        }

        /// Which are ASCII digits.
        #[inline(always)]
        pub fn digits(self) -> Self {
            Lanes(u8x16_lt(
                u8x16_sub(self.0, u8x16_splat(b'0')),
                u8x16_splat(10),
            ))
        }

        /// Which are in one or the other.
        #[inline(always)]
        pub fn or(self, other: Self) -> Self {
            Lanes(v128_or(self.0, other.0))
        }

        /// A bit a byte, the first byte's the lowest.
        #[inline(always)]
        pub fn mask(self) -> u32 {
            u32::from(i8x16_bitmask(self.0))
        }
    }
}

#[cfg(target_arch = "x86_64")]
mod imp {
    use core::arch::x86_64::*;

    /// Sixteen bytes, or what was found about each (all ones for yes).
    #[derive(Clone, Copy)]
    pub struct Lanes(__m128i);

    impl Lanes {
        /// Takes the bytes.
        #[inline(always)]
        pub fn load(bytes: &[u8; 16]) -> Self {
            // SAFETY: sixteen bytes may be read there, and the load needs no alignment.
            Lanes(unsafe { _mm_loadu_si128(bytes.as_ptr().cast()) })
        }

        /// Which are `byte`.
        #[inline(always)]
        pub fn eq(self, byte: u8) -> Self {
            // SAFETY: SSE2 is part of x86-64.
            Lanes(unsafe { _mm_cmpeq_epi8(self.0, _mm_set1_epi8(byte as i8)) })
        }

        /// Which are below `byte`, itself above 0.
        #[inline(always)]
        pub fn lt(self, byte: u8) -> Self {
            // SAFETY: SSE2 is part of x86-64.
            Lanes(unsafe {
                _mm_cmpeq_epi8(
                    _mm_min_epu8(self.0, _mm_set1_epi8((byte - 1) as i8)),
                    self.0,
                )
            })
        }

        /// Which are ASCII digits.
        #[inline(always)]
        pub fn digits(self) -> Self {
            // SAFETY: SSE2 is part of x86-64.
            Lanes(unsafe {
                let digit = _mm_sub_epi8(self.0, _mm_set1_epi8(b'0' as i8));
                _mm_cmpeq_epi8(_mm_min_epu8(digit, _mm_set1_epi8(9)), digit)
            })
        }

        /// Which are in one or the other.
        #[inline(always)]
        pub fn or(self, other: Self) -> Self {
            // SAFETY: SSE2 is part of x86-64.
            Lanes(unsafe { _mm_or_si128(self.0, other.0) })
        }

        /// A bit a byte, the first byte's the lowest.
        #[inline(always)]
        pub fn mask(self) -> u32 {
            // SAFETY: SSE2 is part of x86-64.
            unsafe { _mm_movemask_epi8(self.0) as u32 }
        }
    }
}

#[cfg(not(any(
    target_arch = "x86_64",
    all(target_arch = "wasm32", target_feature = "simd128")
)))]
mod imp {
    /// Sixteen bytes, or what was found about each (all ones for yes).
    #[derive(Clone, Copy)]
    pub struct Lanes([u8; 16]);

    impl Lanes {
        /// Takes the bytes.
        pub fn load(bytes: &[u8; 16]) -> Self {
            Lanes(*bytes)
        }

        /// Which are `byte`.
        pub fn eq(self, byte: u8) -> Self {
            Lanes(self.0.map(|b| if b == byte { 255 } else { 0 }))
        }

        /// Which are below `byte`, itself above 0.
        pub fn lt(self, byte: u8) -> Self {
            Lanes(self.0.map(|b| if b < byte { 255 } else { 0 }))
        }

        /// Which are ASCII digits.
        pub fn digits(self) -> Self {
            Lanes(self.0.map(|b| if b.is_ascii_digit() { 255 } else { 0 }))
        }

        /// Which are in one or the other.
        pub fn or(self, other: Self) -> Self {
            Lanes(std::array::from_fn(|i| self.0[i] | other.0[i]))
        }

        /// A bit a byte, the first byte's the lowest.
        pub fn mask(self) -> u32 {
            (0..16).fold(0, |mask, i| mask | u32::from(self.0[i] >> 7) << i)
        }
    }
}
