//! Stage `detect`, second pass: how long was listened to and what was heard, by site, night and local hour (`activity`), by time from
//! sunset and sunrise (`sun_activity`), by night (`nights`), by season (`phenology`) and over the nights (`accumulation`).
//!
//! An hour with effort and no detection is a row with zero; an hour without effort is no row. The local hour comes from the site's
//! zone, so that it is right across a change of daylight saving; where only the clock's reading is known, from that. Times from
//! sunset and sunrise are differences of instants, which no change of clocks touches.
//!
//! Predictions are read once, recording by recording. What is held is a cell for each hour and bin with effort, and in it a count for
//! each class that was found there; rows are made of them while they are written.

mod season;
mod tables;
mod tally;

use std::collections::BTreeMap;

use chorus_card::{Card, DECISIONS, Decisions, MODEL_CARD};
use chorus_engine::graph::{Input, Output, Pass, Per};
use chorus_engine::{Config, EngineError, Scan, ScanContext, UnitContext, Work, WorkError};
use chorus_tables::Batch;

use crate::clock::Clock;
use crate::predicted::{Predicted, each_recording};
use crate::rule::Params;
use crate::sun::Place;
use tally::{Recorded, Tally, number};

/// Hours between clocks and the sun at most: the west of China has three, with daylight saving some places would have more.
const FARTHEST_H: f64 = 4.0;

/// The pass.
pub struct Activity;

impl Activity {
    /// What the pass declares of itself.
    pub fn declare(_: &Config) -> Option<Pass> {
        use Input::{Model, Table};
        Some(Pass {
            name: "detect-activity",
            code_version: 2,
            inputs: vec![Table("predictions"), Table("recordings"), Model(MODEL_CARD), Model(DECISIONS)],
            outputs: ["activity", "sun_activity", "nights", "phenology", "accumulation"].map(Output::Table).to_vec(),
            keys: vec!["detect.*", "predict.min_score"],
            ..Pass::new("detect", Per::Run)
        })
    }
}

impl Work for Activity {
    type Found = ();

    fn scan(&self, _: &ScanContext<'_>) -> Result<Scan<()>, WorkError> {
        Ok(Scan::default())
    }

    fn run(&self, cx: &UnitContext<'_>, (): &()) -> Result<(), WorkError> {
        let params = Params::of(cx)?;
        let decisions = cx.model_file(DECISIONS)?.map(|path| Decisions::read(&path)).transpose()?;
        let mut tally = Tally::default();
        for class in classes(cx)? {
            number(&mut tally.classes, &class);
        }
        let recordings = read_recordings(cx)?;
        for (site, recordings) in by_site(&recordings) {
            tally.record(site, &recordings)?;
            if let Some(hours) = recordings.iter().find_map(|recorded| far_clock(recorded)) {
                cx.console().warn(&format!(
                    "detect: {site}: its clock is {hours:+.0} h from the sun's at its longitude, so that nights (noon to noon by the clock) \
                     are not its nights; name its zone in the site sheet or as archive.timezone"
                ));
            }
        }
        for partition in cx.partitions("predictions")? {
            let site = partition.unit.site();
            let rule = |class: &str| params.rule(site, class, decisions.as_ref());
            each_recording(cx.read_batches("predictions", &partition, &Predicted::COLUMNS)?, |predicted| {
                let (_, recorded) =
                    recordings.get(&predicted.recording_id).ok_or("predictions name a recording that recordings lacks")?;
                Ok(tally.count(site, recorded.clock.as_ref(), &predicted, rule)?)
            })?;
        }
        tables::write(cx, &tally)
    }
}

/// The model's classes. They come from its card because a class that was never detected may have no row in `predictions`.
fn classes(cx: &UnitContext<'_>) -> Result<Vec<String>, WorkError> {
    let card = cx.model_file(MODEL_CARD)?.map(|path| Card::read(&path)).transpose()?;
    Ok(card.map(|card| card.classes).unwrap_or_default())
}

/// Every recording by its id, with its site.
type Recordings = BTreeMap<String, (String, Recorded)>;

fn read_recordings(cx: &UnitContext<'_>) -> Result<Recordings, WorkError> {
    let mut found = Recordings::new();
    let columns = [&["recording_id", "duration_s", "latitude", "longitude"][..], &Clock::COLUMNS].concat();
    for (unit, batch) in cx.read_all("recordings", &columns)? {
        let recorded = recorded(&batch)?;
        let ids = batch.utf8("recording_id")?.iter().flatten();
        found.extend(ids.zip(recorded).map(|(id, recorded)| (id.to_owned(), (unit.site().to_owned(), recorded))));
    }
    Ok(found)
}

fn recorded(batch: &Batch) -> Result<Vec<Recorded>, WorkError> {
    let durations = batch.f64("duration_s")?.iter();
    let places = batch.f64("latitude")?.iter().zip(batch.f64("longitude")?);
    let place = |(latitude, longitude): (Option<f64>, Option<f64>)| Some(Place { latitude: latitude?, longitude: longitude? });
    let rows = Clock::of(batch)?.into_iter().zip(durations.zip(places.map(place)));
    Ok(rows.map(|(clock, (duration_s, place))| Recorded { clock, duration_s: duration_s.unwrap_or(0.0), place }).collect())
}

/// Hours by which a recording's clock differs from mean solar time at its place, where they are more than any zone in use explains.
fn far_clock(recorded: &Recorded) -> Option<f64> {
    let (clock, place) = (recorded.clock.as_ref().filter(|clock| clock.is_utc)?, recorded.place?);
    let instant = jiff::Timestamp::from_microsecond(clock.start_us).ok()?;
    let by_clock = f64::from(clock.zone.to_offset(instant).seconds()) / 3600.0;
    // Around the date line a clock may be a day ahead, and its noon the same.
    let hours = (by_clock - place.longitude / 15.0 + 36.0).rem_euclid(24.0) - 12.0;
    (hours.abs() > FARTHEST_H).then_some(hours)
}

fn by_site(recordings: &Recordings) -> BTreeMap<&str, Vec<&Recorded>> {
    let mut sites: BTreeMap<&str, Vec<&Recorded>> = BTreeMap::new();
    for (site, recorded) in recordings.values() {
        sites.entry(site).or_default().push(recorded);
    }
    sites
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_far_from_the_sun_is_noticed() {
        let far = |zone: &str, longitude| {
            let clock = Clock::new(Some(1_740_000_000_000_000), None, None, Some(zone));
            far_clock(&Recorded { clock, duration_s: 60.0, place: Some(Place { latitude: -33.9, longitude }) })
        };
        assert_eq!(far("UTC", 150.0), Some(-10.0));
        assert_eq!(far("UTC", -75.0), Some(5.0));
        for (zone, longitude) in
            [("Australia/Sydney", 151.2), ("Asia/Shanghai", 75.0), ("Pacific/Kiritimati", -157.4), ("Pacific/Apia", -171.8)]
        {
            assert_eq!(far(zone, longitude), None, "{zone}");
        }
        assert_eq!(far_clock(&Recorded { clock: None, duration_s: 60.0, place: None }), None);
    }
}
