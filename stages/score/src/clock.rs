//! How a recording's seconds become local time.

pub use chorus_clock::Clock;

use crate::effort::{NightHour, end_utc_us, night_hour};
use crate::error::ScoreError;

/// The instant so many seconds after a recording's start, microseconds since 1970-01-01 UTC.
///
/// # Errors
/// Those of [`end_utc_us`].
pub(crate) fn at(clock: &Clock, seconds: f64) -> Result<i64, ScoreError> {
    end_utc_us(clock.start_us, seconds)
}

/// The night and local hour at that instant.
///
/// # Errors
/// Those of [`night_hour`].
pub(crate) fn night_hour_at(clock: &Clock, seconds: f64) -> Result<NightHour, ScoreError> {
    night_hour(at(clock, seconds)?, &clock.zone)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_hour_later_is_one_by_the_clock_of_the_site() {
        let winter = "2020-03-08T06:00:00Z".parse::<jiff::Timestamp>().unwrap().as_microsecond();
        let hour = |clock: &Option<Clock>, later_s: f64| night_hour_at(clock.as_ref().unwrap(), later_s).unwrap().hour;
        let named = Clock::new(Some(winter), None, Some(-300), Some("America/New_York"));
        assert_eq!((hour(&named, 0.0), hour(&named, 7200.0)), (1, 4), "the clock was put forward in between");
        let fixed = Clock::new(Some(winter), None, Some(-300), None);
        assert_eq!(hour(&fixed, 7200.0), 3);
        assert_eq!(hour(&Clock::new(None, Some(winter), None, None), 0.0), 6);
    }
}
