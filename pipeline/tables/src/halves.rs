//! The numbers of arrays such as embeddings and spectrograms.

use half::f16;

/// The numbers of an array of little-endian float16.
pub fn halves(bytes: &[u8]) -> impl Iterator<Item = f32> {
    bytes.as_chunks::<2>().0.iter().map(|&pair| f16::from_le_bytes(pair).to_f32())
}

/// Adds numbers to the bytes of arrays, as little-endian float16.
pub fn add_halves(values: &[f16], bytes: &mut Vec<u8>) {
    let start = bytes.len();
    // A copy from slice to slice, for which compilers have vector instructions, where they have none for bytes that come one by one.
    bytes.resize(start + 2 * values.len(), 0);
    for (to, value) in bytes[start..].as_chunks_mut::<2>().0.iter_mut().zip(values) {
        *to = value.to_le_bytes();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_added_comes_back() {
        let values = [0.5, -2.0, 65_504.0].map(f16::from_f32);
        let mut bytes = vec![1, 2];
        add_halves(&values, &mut bytes);
        assert_eq!((bytes.len(), &bytes[..4]), (8, &[1, 2, 0x00, 0x38][..]));
        assert_eq!(halves(&bytes[2..]).collect::<Vec<_>>(), [0.5, -2.0, 65_504.0]);
    }

    #[test]
    fn numbers_come_in_their_order() {
        assert_eq!(halves(&[0x00, 0x3c, 0x00, 0xc0, 0xff]).collect::<Vec<_>>(), [1.0, -2.0]);
    }
}
