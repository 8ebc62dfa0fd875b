//! The numbers of arrays such as embeddings and spectrograms.

use half::f16;

/// The numbers of an array of little-endian float16.
pub fn halves(bytes: &[u8]) -> impl Iterator<Item = f32> {
    bytes.as_chunks::<2>().0.iter().map(|&pair| f16::from_le_bytes(pair).to_f32())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_in_their_order() {
        assert_eq!(halves(&[0x00, 0x3c, 0x00, 0xc0, 0xff]).collect::<Vec<_>>(), [1.0, -2.0]);
    }
}
