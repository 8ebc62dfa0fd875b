//! Sunsets and sunrises against astral, which follows NOAA's formulas; `golden/sun/make.py` made the cases.
#![allow(clippy::unwrap_used)]

use chorus_score::sun::{Place, Sun};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::Deserialize;

/// How far the two may be apart, seconds: NOAA promises a minute.
const TOLERANCE_S: i64 = 60;
/// The same from this latitude on, where the sun of a solstice grazes the horizon.
const HIGH_LATITUDE: f64 = 60.0;
const HIGH_TOLERANCE_S: i64 = 180;

#[derive(Deserialize)]
struct Case {
    place: String,
    zone: String,
    latitude: f64,
    longitude: f64,
    night: Date,
    sunset: Option<i64>,
    sunrise: Option<i64>,
}

#[test]
fn sunset_and_sunrise_are_those_of_the_almanac() {
    let cases: Vec<Case> = serde_json::from_str(include_str!("golden/sun/cases.json")).unwrap();
    assert!(cases.len() > 60);
    let mut largest = 0;
    for Case { place, zone, latitude, longitude, night, sunset, sunrise } in cases {
        let sun = Sun::of(night, &TimeZone::get(&zone).unwrap(), Place { latitude, longitude }).unwrap();
        let tolerance_s = if latitude.abs() < HIGH_LATITUDE { TOLERANCE_S } else { HIGH_TOLERANCE_S };
        for (what, found, expected) in [("sunset", sun.sunset_us(), sunset), ("sunrise", sun.sunrise_us(), sunrise)] {
            let apart = found.zip(expected).map(|(found, expected)| (found / 1_000_000 - expected).abs());
            assert_eq!(found.is_some(), expected.is_some(), "{place}, {night}: {what}");
            assert!(apart.is_none_or(|s| s <= tolerance_s), "{place}, {night}: {what} is {apart:?} s apart");
            largest = largest.max(apart.unwrap_or(0));
        }
    }
    assert!(largest > 0, "two methods never agree to the second everywhere: was anything compared?");
}
