//! What search and clusters share: runs with embeddings, and clips of windows.

use chorus_engine::RunTables;
use chorus_report::review::{Piece, Pieces, pieces};
use chorus_search::{Embeddings, Hit, Window};

use super::freshness;
use crate::args::{ClipArgs, RunsArgs, UsageError};
use crate::output;

/// Opens runs for these tables, and says which of them are stale.
pub(super) fn open(args: &RunsArgs, tables: &[&str], must_be_fresh: bool) -> anyhow::Result<Vec<RunTables>> {
    let runs = freshness::open_all(&args.folders()?, args.typed().as_deref())?;
    freshness::check(&runs, tables, must_be_fresh)?;
    Ok(runs)
}

/// The windows of hits.
pub(super) fn describe(embeddings: &Embeddings, hits: &[Hit]) -> anyhow::Result<Vec<Window>> {
    Ok(embeddings.describe(&hits.iter().map(|hit| hit.place).collect::<Vec<_>>())?)
}

/// A window as a clip that the sheet asks about.
pub(super) fn piece(window: &Window, hit: &Hit, class: &str, reason: &str) -> anyhow::Result<Piece> {
    let unknown =
        "--clips: the length of the windows is not known, because the run has no config.resolved.yaml; `chorus run` writes it";
    Ok(Piece {
        run: window.run,
        unit: window.unit.clone(),
        recording_id: window.recording_id.clone(),
        start_s: window.start_s,
        end_s: window.end_s.ok_or_else(|| UsageError(unknown.into()))?,
        similarity: hit.similarity,
        class: class.to_owned(),
        reason: reason.to_owned(),
    })
}

/// Writes clips and their sheet, where a folder is named.
pub(super) fn clips(args: &ClipArgs, embeddings: &Embeddings, wanted: &[Piece]) -> anyhow::Result<()> {
    let Some(folder) = &args.clips else { return Ok(()) };
    let done = pieces(&Pieces {
        runs: embeddings.runs(),
        pieces: wanted,
        folder: folder.clone(),
        force: args.force,
        context_s: args.context_s,
        model_id: embeddings.model_id(),
    })?;
    output::notes(&done.notes);
    let next = "listen to them and fill in the column verdict of sheet.csv";
    output::notes(&[format!("{}: {} clips; {next}", folder.display(), done.detections)]);
    Ok(())
}

/// Tells of windows that can be similar to nothing.
pub(super) fn zeros(zeros: u64) {
    if zeros > 0 {
        output::notes(&[format!("{zeros} windows have a vector of zeros, and are similar to nothing")]);
    }
}
