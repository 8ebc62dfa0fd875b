//! Windows that were found by a search or put into groups, to listen to.

use std::collections::BTreeMap;
use std::path::PathBuf;

use chorus_engine::{RunTables, Unit};

use crate::export::detection::{Detection, Recording};
use crate::export::run::{self, Run};
use crate::export::{ExportError, Filter, Summary};

use super::chosen::{Chosen, Drawn};
use super::folder::{Folder, Source};

/// A window to listen to.
#[derive(Debug, Clone)]
pub struct Piece {
    /// Position of its run.
    pub run: usize,
    /// Its site, date and part.
    pub unit: Unit,
    /// Its recording.
    pub recording_id: String,
    /// Start from the recording's beginning, seconds.
    pub start_s: f64,
    /// End from the recording's beginning, seconds.
    pub end_s: f64,
    /// How similar it is, -1 to 1.
    pub similarity: f32,
    /// The class that the sheet asks about; empty where the listener names it.
    pub class: String,
    /// Why it is there, such as `nearest`; also the folder of its clip.
    pub reason: String,
}

/// Windows to cut, and where to.
#[derive(Debug)]
pub struct Pieces<'a> {
    /// The runs.
    pub runs: &'a [RunTables],
    /// The windows, in the order of the sheet; those of a reason stand together.
    pub pieces: &'a [Piece],
    /// The folder to write.
    pub folder: PathBuf,
    /// Whether to put files over those that are in the folder.
    pub force: bool,
    /// Seconds before and after the window.
    pub context_s: f64,
    /// Hash of the weights of the model that made the vectors.
    pub model_id: &'a str,
}

/// Writes clips of windows, their spectrograms, and a sheet like that of [`super::clips`]. The column `score` is the similarity.
///
/// # Errors
/// [`ExportError`]; nothing is written then.
pub fn pieces(request: &Pieces<'_>) -> Result<Summary, ExportError> {
    let open = |run: &RunTables| Run::open(run, run::tables(run, &Filter::default(), &["recordings", "classes", "activity"]));
    let runs: Vec<Run> = request.runs.iter().map(open).collect::<Result<_, _>>()?;
    let sources = runs.iter().map(Source::of).collect::<Result<Vec<_>, _>>()?;
    let folder = Folder::new(sources, &request.folder, request.force)?;
    let mut recordings: BTreeMap<(usize, &Unit), Vec<Recording>> = BTreeMap::new();
    let (mut summary, mut chosen) = (Summary::default(), Vec::new());
    for piece in request.pieces {
        let of_unit = match recordings.entry((piece.run, &piece.unit)) {
            std::collections::btree_map::Entry::Occupied(known) => known.into_mut(),
            std::collections::btree_map::Entry::Vacant(new) => new.insert(runs[piece.run].recordings_of(&piece.unit)?),
        };
        let recording =
            of_unit.iter().find(|recording| recording.id == piece.recording_id).ok_or_else(|| stranger(request, piece))?;
        chosen.push(Chosen {
            source: piece.run,
            folder: piece.reason.clone(),
            recording: recording.clone(),
            detection: detection(piece, recording, request.model_id),
            drawn: Drawn { strata: piece.reason.clone(), bin: String::new(), bin_detections: 1 },
        });
    }
    summary.recordings = recordings.values().map(|of_unit| of_unit.len() as u64).sum();
    let (detections, notes) = folder.fill(&chosen, request.context_s)?;
    Ok(Summary { detections, notes, ..summary })
}

fn stranger(request: &Pieces<'_>, piece: &Piece) -> ExportError {
    let what = format!(
        "{}: recording {} of {} is not in the table recordings, or cannot be read; run `{}`",
        request.runs[piece.run].path().display(),
        piece.recording_id,
        piece.unit,
        request.runs[piece.run].stage_command("ingest")
    );
    ExportError::Nothing { what }
}

/// The window as a detection of its class.
fn detection(piece: &Piece, recording: &Recording, model_id: &str) -> Detection {
    // A sheet has scores from 0 to 1.
    let score = piece.similarity.max(0.0);
    Detection {
        class: piece.class.as_str().into(),
        start_s: piece.start_s,
        end_s: piece.end_s.min(recording.duration_s),
        windows: 1,
        peak_score: score,
        mean_score: score,
        probability: None,
        threshold: 0.0,
        model_id: model_id.into(),
        expectation: None,
    }
}
