//! Clips for a person to listen to: `chorus clips` samples detections, [`next`] chooses windows that teach the model most. What the
//! folder holds, and what is made of the filled-in sheet: docs/review.md.
//!
//! - [`sample`]: which detections. [`windows`]: windows that a search found. [`folder`]: clips, pictures, [`sheet`] and [`page`].
//! - [`estimate`]: what the verdicts say of all detections. [`rounds`]: what each round of listening taught.

mod chosen;
pub mod estimate;
mod folder;
mod nearest;
pub mod next;
mod page;
mod request;
pub mod rounds;
mod sample;
mod sheet;
mod windows;

use crate::export::run::{self, READ, Run};
use crate::export::{ExportError, Summary};

use chosen::{Chosen, shuffle};
use folder::{Folder, Source};
use sample::Sampler;

pub use request::Request;
pub use windows::{Piece, Pieces, pieces};

impl Request<'_> {
    /// The tables that are read.
    pub fn tables(&self) -> Vec<&'static str> {
        run::tables(self.run, &self.filter, &READ)
    }
}

/// Writes clips of chosen detections, their spectrograms, the sheet and the page.
///
/// # Errors
/// [`ExportError`]; nothing is written then.
pub fn clips(request: &Request<'_>) -> Result<Summary, ExportError> {
    let run = Run::open(request.run, request.tables())?;
    run.check(&request.filter)?;
    let folder = Folder::new(vec![Source::of(&run)?], &request.folder, request.force)?;
    let (chosen, recordings) = choose(&run, request)?;
    if chosen.is_empty() {
        let what = "there is no detection to listen to; lower detect.threshold, or choose other classes and sites";
        return Err(ExportError::Nothing { what: what.to_owned() });
    }
    let (detections, mut notes) = folder.fill(&chosen, request.context_s)?;
    notes.extend(run.withheld());
    Ok(Summary { recordings, detections, notes })
}

/// Chooses detections, and counts the recordings that they were chosen from.
fn choose(run: &Run, request: &Request<'_>) -> Result<(Vec<Chosen>, u64), ExportError> {
    let (mut sampler, mut recordings) = (Sampler::new(request.per_class, request.seed), 0);
    run.each_recording(&request.filter, |recording, detections| {
        recordings += 1;
        sampler.count(recording, detections)
    })?;
    sampler.draw();
    let mut chosen = Vec::new();
    run.each_recording(&request.filter, |recording, detections| {
        for detection in detections {
            if let Some(drawn) = sampler.choose(recording, detection) {
                chosen.push(Chosen::of(recording.clone(), detection.clone(), drawn));
            }
        }
        Ok(())
    })?;
    shuffle(&mut chosen, request.seed);
    Ok((chosen, recordings))
}
