//! Stage `detect`, second pass: how long was listened to and what was heard, by site, night and local hour (`activity`), by time from
//! sunset and sunrise (`sun_activity`), by night (`nights`), by season (`phenology`) and over the nights (`accumulation`).
//!
//! An hour with effort and no detection is a row with zero; an hour without effort is no row. The local hour comes from the site's
//! zone, so that it is right across a change of daylight saving; where only the clock's reading is known, from that. Times from
//! sunset and sunrise are differences of instants, which no change of clocks touches.
//!
//! The first pass counts each site-day while it makes its events ([`tally`], written and read by [`parts`]). This pass adds the counts
//! up and opens no predictions. It holds a cell for each hour and half hour with effort, and in it a count for each class that was
//! found there; rows are made of them while they are written.

mod bins;
mod cell;
mod night_sun;
pub(crate) mod parts;
mod season;
mod tables;
pub(crate) mod tally;

use std::collections::{BTreeMap, BTreeSet};

use chorus_card::{Card, DECISIONS, Decisions, MODEL_CARD};
use chorus_engine::graph::{Input, Output, Pass, Per};
use chorus_engine::{Config, EngineError, Partition, Scan, ScanContext, UnitContext, Work, WorkError};
use chorus_tables::{Batch, TableError};
use rayon::prelude::*;

use crate::rule::DetectSettings;
use crate::told::Told;
use tally::{Tally, number};

/// Hours between clocks and the sun at most: the west of China has three, with daylight saving some places would have more.
const FARTHEST_H: f64 = 4.0;
/// Site-days whose counts are read at once, and held until they are added.
const PARTS_AT_ONCE: usize = 256;

/// The pass.
pub struct Activity;

impl Activity {
    /// What the pass declares of itself.
    pub fn declare(_: &Config) -> Option<Pass> {
        use Input::{Model, Table};
        Some(Pass {
            name: "detect-activity",
            code_version: 4,
            inputs: vec![Table("activity_parts"), Table("night_parts"), Model(MODEL_CARD), Model(DECISIONS)],
            outputs: ["activity", "sun_activity", "nights", "phenology", "accumulation"].map(Output::Table).to_vec(),
            keys: vec!["detect.*"],
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
        let mut tally = Tally::default();
        for class in classes(cx)? {
            number(&mut tally.classes, &class);
        }
        each_part(cx, parts::ACTIVITY_PARTS, |site, batch| parts::add_counts(&mut tally, site, batch))?;
        each_part(cx, parts::NIGHT_PARTS, |site, batch| parts::add_nights(&mut tally, site, batch))?;
        for (site, counts) in &tally.sites {
            if let Some(far) = counts.suns.values().find(|sun| sun.clock_ahead_h.abs() > FARTHEST_H) {
                cx.console().warn(&format!(
                    "detect: {site}: its clock differs by {:+.0} h from solar time at its longitude, so its nights (noon to noon by \
                     the clock) are wrong; set its time zone in the site sheet or in archive.timezone",
                    far.clock_ahead_h
                ));
            }
        }
        let decisions = cx.model_file(DECISIONS)?.map(|path| Decisions::read(&path)).transpose()?;
        let told = cx.settings::<DetectSettings>()?.told(decisions.as_ref());
        if let [first, more @ ..] = &told.lines(&tally.sites.keys().cloned().collect())[..] {
            cx.console().warn_lines(&format!("detect: {first}"), more);
        }
        tables::write(cx, &tally, &left_out(&tally, told))
    }
}

/// The numbers of the classes that nobody looked for, by site. Zeros in their rows would say that they were not there.
fn left_out(tally: &Tally, told: Told<'_>) -> BTreeMap<String, BTreeSet<u32>> {
    let at = |site: &String| {
        let classes = tally.classes.iter().filter(|(class, _)| !told.takes(site, class));
        (site.clone(), classes.map(|(_, number)| *number).collect())
    };
    tally.sites.keys().map(at).collect()
}

/// Hands over a table part by part in the order of the units, with the site of each. Parts are read side by side.
fn each_part(
    cx: &UnitContext<'_>,
    table: &str,
    mut take: impl FnMut(&str, &Batch) -> Result<(), TableError>,
) -> Result<(), WorkError> {
    for partitions in cx.partitions(table)?.chunks(PARTS_AT_ONCE) {
        if cx.stopping() {
            return Err(EngineError::Stopped.into());
        }
        let read = |partition: &Partition| cx.read_partition(table, partition, &[]);
        let batches: Vec<Batch> = partitions.par_iter().map(read).collect::<Result<_, EngineError>>()?;
        for (partition, batch) in partitions.iter().zip(&batches) {
            take(partition.unit.site(), batch)?;
        }
    }
    Ok(())
}

/// The model's classes. They come from its card because a class that was never detected may have no row in `predictions`.
fn classes(cx: &UnitContext<'_>) -> Result<Vec<String>, WorkError> {
    let card = cx.model_file(MODEL_CARD)?.map(|path| Card::read(&path)).transpose()?;
    Ok(card.map(|card| card.classes).unwrap_or_default())
}
