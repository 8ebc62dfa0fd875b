//! Minutes between a time and the nearest sunset or sunrise.
//!
//! By the solar position algorithm of Reda and Andreas (2003, doi:10.1016/j.solener.2003.12.003), in the crate solar-positioning, for
//! the same horizon as the table `nights`: the sun's centre 0.833 degrees below, at sea level.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Float64Array};
use arrow::datatypes::{DataType, Float64Type, TimestampMicrosecondType};
use datafusion::common::{Result, exec_datafusion_err};
use datafusion::logical_expr::ScalarUDF;
use solar_positioning::{Horizon, Location, SolarEvents, delta_t};

use super::moment::DAY_US;
use super::scalar::{Kind, Scalar};

/// The Julian date of 1970-01-01T00:00:00Z.
const JULIAN_1970: f64 = 2_440_587.5;
const DAYS_PER_YEAR: f64 = 365.25;
const MINUTES_PER_US: f64 = 1.0 / 60e6;

/// The functions of the sun.
pub(super) fn functions() -> Vec<ScalarUDF> {
    const FORM: &[&[Kind]] = &[&[Kind::Moment, Kind::Number, Kind::Number]];
    vec![
        Scalar::new("minutes_from_sunset", FORM, DataType::Float64, |args| minutes(args, true)).named([]),
        Scalar::new("minutes_from_sunrise", FORM, DataType::Float64, |args| minutes(args, false)).named([]),
    ]
}

/// Minutes after the nearest event, negative before it. Null where there is none within a day of the time.
fn minutes(args: &[ArrayRef], sets: bool) -> Result<ArrayRef> {
    let instants = args[0].as_primitive::<TimestampMicrosecondType>();
    let [latitudes, longitudes] = [1, 2].map(|column| args[column].as_primitive::<Float64Type>());
    // Rows are of few places and days, and a search takes many positions of the sun.
    let mut known: HashMap<(u64, u64, i64), Vec<i64>> = HashMap::new();
    let mut row = |row: usize| {
        if args.iter().any(|column| column.is_null(row)) {
            return Ok(None);
        }
        let (us, latitude, longitude) = (instants.value(row), latitudes.value(row), longitudes.value(row));
        let day = us.div_euclid(DAY_US);
        let key = (latitude.to_bits(), longitude.to_bits(), day);
        let events = match known.entry(key) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => entry.insert(events(day, Location { latitude, longitude }, sets)?),
        };
        let near = events.iter().map(|event| us - event).filter(|from| from.abs() <= DAY_US);
        Ok(near.min_by_key(|from| from.abs()).map(|from| from as f64 * MINUTES_PER_US))
    };
    Ok(Arc::new((0..instants.len()).map(&mut row).collect::<Result<Float64Array>>()?))
}

/// The sunsets or sunrises from the day before to the day after, microseconds since 1970-01-01 UTC.
fn events(day: i64, place: Location, sets: bool) -> Result<Vec<i64>> {
    let julian = |day: i64| JULIAN_1970 + day as f64;
    let year = 1970.0 + day as f64 / DAYS_PER_YEAR;
    let events = delta_t::estimate(year).and_then(|delta_t| {
        SolarEvents::new().for_interval_from_julian(julian(day - 1), julian(day + 2), place, delta_t, Horizon::SunriseSunset)
    });
    let events = events.map_err(|e| {
        let Location { latitude, longitude } = place;
        exec_datafusion_err!("the sun at latitude {latitude} and longitude {longitude}, day {day} since 1970: {e}")
    })?;
    // To the second, as the table `nights` has them.
    let instant = |julian: &f64| ((julian - JULIAN_1970) * 86_400.0).round() as i64 * 1_000_000;
    Ok(if sets { &events.sets } else { &events.rises }.iter().map(instant).collect())
}
