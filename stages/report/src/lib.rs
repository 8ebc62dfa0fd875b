//! Stage `report`: what a run recorded, found and can be trusted with, as one HTML page, `report/index.html`.
//!
//! - [`facts`]: the tables read once, part by part, and summed up in plain structs; the only code here that touches files.
//! - [`page`]: facts to HTML, a file per section.
//! - [`plot`]: heat maps and charts, as markup of the page.
//!
//! Beside the stage, on request: [`export`], the detections as files that other programs open; [`review`], clips of some of them
//! to listen to.
//!
//! The page stands alone: style and drawings are in it, it has no script, and it asks no network for anything. Equal tables
//! give equal bytes: neither clock nor host nor path of the run is in it. Whatever comes from the archive is text to it, never
//! markup.

pub mod export;
mod facts;
mod page;
mod plot;
pub mod review;
#[cfg(test)]
mod tests;

use chorus_engine::{UnitContext, Work, WorkError};
use serde::Deserialize;

const PAGE: &str = "report/index.html";

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Params {
    report: ReportParams,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ReportParams {
    title: Option<String>,
}

/// The stage.
pub struct Report;

impl Work for Report {
    fn run(&self, cx: &UnitContext<'_>) -> Result<(), WorkError> {
        let Params { report } = cx.params()?;
        let facts = facts::gather(cx)?;
        cx.write_file(PAGE, page::page(report.title.as_deref(), &facts).as_bytes())?;
        Ok(())
    }
}
