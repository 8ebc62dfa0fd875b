//! How many calls an hour of recordings has, by site and class: two tables of a run, grouped and joined.
//!
//! `cargo run --example calls_per_hour runs/demo`

use std::error::Error;
use std::io::{Write, stdout};

use chorus_frames::Frames;
use chorus_frames::polars::prelude::*;

fn main() -> Result<(), Box<dyn Error>> {
    let run = std::env::args().nth(1).ok_or("expected the folder of a run, such as runs/demo")?;
    let frames = Frames::open(run)?;
    let hours =
        frames.table("recordings")?.group_by([col("site")]).agg([(col("duration_s").sum() / lit(3_600.0)).alias("hours")]);
    let calls = frames.table("detections")?.group_by([col("site"), col("class")]).agg([len().alias("calls")]);
    let rows = calls
        .inner_join(hours, col("site"), col("site"))
        .with_column((col("calls").cast(DataType::Float64) / col("hours")).alias("calls_per_hour"))
        .sort(["site", "class"], SortMultipleOptions::default())
        .collect()?;
    let (sites, classes) = (rows.column("site")?.str()?, rows.column("class")?.str()?);
    for ((site, class), rate) in sites.iter().zip(classes.iter()).zip(rows.column("calls_per_hour")?.f64()?.iter()) {
        writeln!(stdout(), "{} {} {:.2}", site.unwrap_or_default(), class.unwrap_or_default(), rate.unwrap_or_default())?;
    }
    Ok(())
}
