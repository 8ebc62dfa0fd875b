//! How a night is divided: by hours of the local clock, and by half hours from sunset and sunrise.

use jiff::civil::Date;

use crate::effort::NightHour;
use crate::sun::Sun;

/// Width of the bins of time from sunset and sunrise, minutes.
const SUN_BIN_MIN: i32 = 30;
pub(super) const US_PER_MINUTE: i64 = 60_000_000;

/// What divides a night.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Scale {
    /// The hours of the local clock.
    Hour,
    /// Half hours from the night's last sunrise.
    Sunrise,
    /// Half hours from the night's first sunset.
    Sunset,
}

impl Scale {
    /// The scales that are counted from an instant.
    pub(super) const ANCHORS: [Self; 2] = [Self::Sunrise, Self::Sunset];

    /// As the tables spell it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Hour => "hour",
            Self::Sunrise => "sunrise",
            Self::Sunset => "sunset",
        }
    }

    /// The scale of that name.
    pub(super) fn parse(name: &str) -> Option<Self> {
        [Self::Hour, Self::Sunrise, Self::Sunset].into_iter().find(|scale| scale.name() == name)
    }

    /// The instant that is counted from, microseconds since 1970-01-01 UTC.
    pub(super) fn anchor_us(self, sun: Sun) -> Option<i64> {
        match self {
            Self::Hour => None,
            Self::Sunrise => sun.sunrise_us(),
            Self::Sunset => sun.sunset_us(),
        }
    }
}

/// A division of a night.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Bin {
    /// The date on which the night begins; `None` where no time is known.
    pub(super) night: Option<Date>,
    /// What divides it.
    pub(super) scale: Scale,
    /// The local hour, or the begin of the half hour in minutes after the anchor. `None` where no time is known, and for a half hour
    /// also where the place is not known or the sun does not set or rise.
    pub(super) position: Option<i32>,
}

/// The bin of an hour.
pub(super) fn hour(at: NightHour) -> Bin {
    Bin { night: Some(at.night), scale: Scale::Hour, position: Some(i32::from(at.hour)) }
}

/// The begin of the half hour that holds a time after (negative: before) sunset or sunrise, in minutes after that.
pub(super) fn half_hour(after_us: i64) -> i32 {
    // A night has at most some hundred bins.
    after_us.div_euclid(i64::from(SUN_BIN_MIN) * US_PER_MINUTE) as i32 * SUN_BIN_MIN
}

/// The parts of a span within one bin each, with their lengths in microseconds; all of it in none without an anchor.
pub(super) fn split_at_bins(start_us: i64, end_us: i64, anchor_us: Option<i64>) -> Vec<(Option<i32>, i64)> {
    let Some(anchor_us) = anchor_us else { return vec![(None, end_us - start_us)] };
    let mut parts = Vec::new();
    let mut from_us = start_us;
    while from_us < end_us {
        let offset_min = half_hour(from_us - anchor_us);
        let bin_end_us = anchor_us + i64::from(offset_min + SUN_BIN_MIN) * US_PER_MINUTE;
        let until_us = bin_end_us.min(end_us);
        parts.push((Some(offset_min), until_us - from_us));
        from_us = until_us;
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn bins_add_up_to_the_span(start in -5_000_i64..5_000, minutes in 0_i64..3_000, anchor in prop::option::of(-3_000_i64..3_000)) {
            let (start_us, end_us) = (start * 7_000_003, start * 7_000_003 + minutes * US_PER_MINUTE);
            let parts = split_at_bins(start_us, end_us, anchor.map(|a| a * 11_000_001));
            prop_assert_eq!(parts.iter().map(|(_, us)| us).sum::<i64>(), end_us - start_us);
            prop_assert!(parts.iter().all(|(_, us)| *us <= i64::from(SUN_BIN_MIN) * US_PER_MINUTE) || anchor.is_none());
            prop_assert!(parts.windows(2).all(|pair| pair[0].0.map(|o| o + SUN_BIN_MIN) == pair[1].0));
        }
    }
}
