//! torchvision's rule for networks of another width.

/// A number of channels times the width, as a multiple of 8.
pub(super) fn scaled(channels: i64, width: f64) -> i64 {
    nearest_multiple_of_8(channels as f64 * width)
}

/// The nearest multiple of 8, at least 8 and never more than 10 % below.
pub(super) fn nearest_multiple_of_8(channels: f64) -> i64 {
    let nearest = (((channels + 4.0) as i64) / 8 * 8).max(8);
    if (nearest as f64) < 0.9 * channels { nearest + 8 } else { nearest }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channels_follow_the_width_rule() {
        let rounded = [(16.0, 16), (3.0, 8), (12.0, 16), (8.8, 8), (11.9, 16), (18.0, 24), (60.0, 64), (168.0, 168)];
        for (channels, expected) in rounded {
            assert_eq!(nearest_multiple_of_8(channels), expected, "{channels}");
        }
    }
}
