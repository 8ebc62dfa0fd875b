//! Stage `report`: what a run recorded, found and can be trusted with, as one HTML page, `report/index.html`, and clips to listen to, in
//! `report/clips`.
//!
//! - [`facts`]: the tables read once, part by part, and summed up in plain structs.
//! - [`listen`]: clips of the highest detections, files beside the page; [`clip`] cuts and draws one.
//! - [`page`]: facts to HTML, a file per section.
//! - [`plot`]: heat maps and charts, as markup of the page.
//!
//! Beside the stage, on request: [`export`], the detections as files that other programs open; [`review`], clips of some of them
//! to listen to.
//!
//! The folder stands alone: the page's style and drawings are in it, clips lie beside it, it has no script, and it asks no network for
//! anything. Equal tables and recordings give equal bytes: neither clock nor host nor path of the run is in it. Whatever comes from the archive is text to it, never
//! markup.

mod clip;
pub mod export;
mod facts;
mod listen;
mod page;
mod plot;
pub mod review;
#[cfg(test)]
mod tests;

use chorus_audio::container::channels;
use chorus_engine::{UnitContext, Work, WorkError};
use serde::Deserialize;

const PAGE: &str = "report/index.html";

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Params {
    archive: ArchiveParams,
    report: ReportParams,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ArchiveParams {
    channel: channels::Choice,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ReportParams {
    title: Option<String>,
    clips: usize,
    max_clips: usize,
}

/// The stage.
pub struct Report;

impl Work for Report {
    fn run(&self, cx: &UnitContext<'_>) -> Result<(), WorkError> {
        let Params { archive, report } = cx.params()?;
        let mut facts = facts::gather(cx, report.clips)?;
        let wanted = listen::Wanted { per_class: report.clips, in_all: report.max_clips, choice: archive.channel };
        listen::make(cx, &mut facts.found, wanted)?;
        cx.write_file(PAGE, page::page(report.title.as_deref(), &facts).as_bytes())?;
        Ok(())
    }
}
