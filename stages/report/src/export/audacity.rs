//! Label tracks for Audacity: `start TAB end TAB class`, in seconds, a track for each recording with detections.
//!
//! A track lies in the folder that its recording has in the archive and is called after it, extension and all (`NAME.wav.txt`), so that no
//! two recordings share one.
//!
//! Source: Audacity's manual, "Importing and Exporting Labels".

use std::path::Path;

use super::destination::Destination;
use super::error::ExportError;
use super::filter::Filter;
use super::format::{Export, Options, Summary, beside};
use super::run::Run;

/// Label tracks of Audacity.
pub struct Audacity;

impl Export for Audacity {
    fn name(&self) -> &'static str {
        "audacity"
    }

    fn about(&self) -> &'static str {
        "label tracks, for Audacity and scikit-maad"
    }

    fn write(&self, run: &Run, filter: &Filter, _: &Options, destination: &Destination) -> Result<Summary, ExportError> {
        let mut summary = Summary::default();
        run.each_recording(filter, |recording, detections| {
            summary.recordings += 1;
            summary.detections += detections.len() as u64;
            if detections.is_empty() {
                return Ok(());
            }
            let mut track = destination.file(&beside(Path::new(&recording.path), ".txt"))?;
            for detection in detections {
                let class = track.field(&detection.class);
                track.text(&format!("{:.6}\t{:.6}\t{class}\n", detection.start_s, detection.end_s))?;
            }
            track.finish()
        })?;
        Ok(summary)
    }
}
