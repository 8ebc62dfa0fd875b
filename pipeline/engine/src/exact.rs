//! Numbers that come back from JSON as they went in.

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A number that JSON holds as text: the shortest that reads back to the same bits. As a JSON number it may come back
/// off by one in the last place (serde_json is exact only at the price of a feature that would be compiled into polars
/// too), and NaN not at all.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Default)]
pub struct Exact(pub f64);

impl Serialize for Exact {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Exact {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map(Self).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_comes_back_bit_for_bit() {
        let mut bits = 0x3ff0_0000_0000_0001_u64;
        for _ in 0..10_000 {
            bits = bits.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let number = f64::from_bits(bits);
            let back: Exact = serde_json::from_str(&serde_json::to_string(&Exact(number)).unwrap()).unwrap();
            assert!(back.0.to_bits() == bits || number.is_nan() && back.0.is_nan(), "{number:e}");
        }
        let infinity: Exact = serde_json::from_str(&serde_json::to_string(&Exact(f64::INFINITY)).unwrap()).unwrap();
        assert_eq!(infinity, Exact(f64::INFINITY));
    }
}
