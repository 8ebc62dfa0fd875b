//! Clips for a person to listen to: `chorus clips` samples detections, [`next`] chooses windows that teach the model most. What the
//! folder holds, and what is made of the filled-in sheet: docs/review.md.
//!
//! - [`sample`]: which detections or windows. [`windows`]: windows that a search found. [`folder`]: clips, pictures, [`sheet`] and [`page`].
//! - [`estimate`]: what the verdicts say of all detections; [`prevalence`]: what they say of all windows. [`rounds`]: what each round of listening taught.

mod chosen;
pub mod estimate;
mod folder;
mod labels;
mod nearest;
pub mod next;
mod page;
pub mod prevalence;
mod request;
pub mod rounds;
mod sample;
mod sheet;
mod windows;

use crate::export::detection::{Detection, Recording};
use crate::export::run::{self, READ, Run};
use crate::export::{ExportError, Summary, scores};

use chosen::{Chosen, shuffle};
use folder::{Folder, Source};
use sample::Sampler;

pub use request::Request;
pub use sample::Of;
pub use windows::{Piece, Pieces, pieces};

impl Request<'_> {
    /// The tables that are read.
    pub fn tables(&self) -> Vec<&'static str> {
        match self.of {
            Of::Detections => run::tables(self.run, &self.filter, &READ),
            Of::Windows => run::tables(self.run, &self.filter, &["recordings", scores::TABLE, "classes"]),
        }
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
        let what = match request.of {
            Of::Detections => {
                // Without labels the verdicts are those of the given model, which no table of this run holds.
                let teller = if run.makes("thresholds") { "the view left_out" } else { "the report" };
                format!(
                    "there is no detection to listen to; {teller} tells which classes are left out and why, and `chorus next` and \
                     `chorus clips --windows` choose clips without detections; or lower detect.threshold, or choose other classes and sites"
                )
            }
            Of::Windows => "there is no window to listen to; choose other classes and sites".to_owned(),
        };
        return Err(ExportError::Nothing { what });
    }
    let (detections, mut notes) = folder.fill(&chosen, request.context_s)?;
    notes.extend(run.withheld());
    Ok(Summary { recordings, detections, notes, ..Summary::default() })
}

/// Chooses detections or windows, and counts the recordings that they were chosen from.
fn choose(run: &Run, request: &Request<'_>) -> Result<(Vec<Chosen>, u64), ExportError> {
    let mut sampler = Sampler::new(request.of, request.per_class, request.seed);
    let recordings = each(run, request, |recording, detections| sampler.count(recording, detections))?;
    sampler.draw();
    let mut chosen = Vec::new();
    each(run, request, |recording, detections| {
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

/// Hands over what may be chosen, in the same order each time, and counts recordings.
fn each(
    run: &Run,
    request: &Request<'_>,
    mut take: impl FnMut(&Recording, &[Detection]) -> Result<(), ExportError>,
) -> Result<u64, ExportError> {
    let mut recordings = 0;
    match request.of {
        Of::Detections => run.each_recording(&request.filter, |recording, detections| {
            recordings += 1;
            take(recording, detections)
        })?,
        Of::Windows => scores::each_unit(run, &request.filter, |unit| {
            recordings += unit.recordings.len() as u64;
            unit.each(&request.filter, |window| take(window.recording, &[window.detection()]))
        })?,
    }
    Ok(recordings)
}
