//! Minutes between a time and the nearest sunset or sunrise.
//! They are those of the table `nights` ([`chorus_sun`]).

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Float64Array};
use arrow::datatypes::{DataType, Float64Type, TimestampMicrosecondType};
use chorus_sun::{Place, events};
use datafusion::common::{Result, exec_datafusion_err};
use datafusion::logical_expr::ScalarUDF;

use super::scalar::{Kind, Scalar};
use crate::times::DAY_US;

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
            Entry::Vacant(entry) => entry.insert(around(day, Place { latitude, longitude }, sets)?),
        };
        let near = events.iter().map(|event| us - event).filter(|from| from.abs() <= DAY_US);
        Ok(near.min_by_key(|from| from.abs()).map(|from| from as f64 * MINUTES_PER_US))
    };
    Ok(Arc::new((0..instants.len()).map(&mut row).collect::<Result<Float64Array>>()?))
}

/// The sunsets or sunrises from the day before to the day after, microseconds since 1970-01-01 UTC.
fn around(day: i64, place: Place, sets: bool) -> Result<Vec<i64>> {
    let year = 1970.0 + day as f64 / DAYS_PER_YEAR;
    let events = events((day - 1) * DAY_US, (day + 2) * DAY_US, year, place).map_err(|e| {
        let Place { latitude, longitude } = place;
        exec_datafusion_err!("the sun at latitude {latitude} and longitude {longitude}, day {day} since 1970: {e}")
    })?;
    Ok(if sets { events.sets } else { events.rises })
}
