//! What to listen to next: `chorus next`. It chooses windows that are not labelled, by class, for several reasons at once.
//!
//! - [`strategy`]: what a strategy is; [`strategies`]: all of them, one file each.
//! - [`gather`]: one pass over `predictions`, past what is [`closed`]; each strategy keeps its best.
//! - [`pick`]: from what was kept to the clips of a class. [`embedded`], [`labelled`]: what `diverse` compares.

mod closed;
mod embedded;
mod gather;
mod labelled;
mod pick;
mod scored;
mod strategies;
mod strategy;
mod unlike;

use super::chosen::{Chosen, Drawn, shuffle};
use super::folder::{Folder, Source};
use crate::export::run::{self, Run};
use crate::export::scores::MIDDLE;
use crate::export::{ExportError, Summary};

use gather::{Gathering, OfClass};
use labelled::Labelled;
use pick::{Choice, Quota, pick};
use scored::{Candidate, Vectors};

pub use strategies::STRATEGIES;
pub use strategy::Strategy;

/// The tables that are read. A run that only applies a model has neither labels nor annotations, and not every run has embeddings or
/// looks for unknown sounds.
const READ: [&str; 7] = ["recordings", "predictions", "classes", "labels", "annotations", "embeddings", "unknown"];

/// Which windows are chosen.
#[derive(Debug)]
pub struct Request<'a> {
    /// Which clips, and where to.
    pub clips: super::Request<'a>,
    /// Weights of the strategies, in the order of [`STRATEGIES`].
    pub shares: Vec<f64>,
    /// Share of the clips from sites without labels, at least.
    pub new_sites: f64,
    /// Clips of a class from one hour at a site, at most.
    pub per_hour: usize,
}

impl Request<'_> {
    /// The tables that are read.
    pub fn tables(&self) -> Vec<&'static str> {
        run::tables(self.clips.run, &self.clips.filter, &READ)
    }
}

/// The weights of the strategies: their own, or those of a text such as `top=1,uncertain=2`, where others get none.
///
/// # Errors
/// What is wrong with the text.
pub fn shares(text: Option<&str>) -> Result<Vec<f64>, String> {
    let Some(text) = text else { return Ok(STRATEGIES.iter().map(|strategy| strategy.share()).collect()) };
    let known = || STRATEGIES.iter().map(|strategy| strategy.name()).collect::<Vec<_>>().join(", ");
    let mut shares = vec![0.0; STRATEGIES.len()];
    for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        let (name, weight) = part.split_once('=').unwrap_or((part, "1"));
        let at = STRATEGIES.iter().position(|strategy| strategy.name() == name.trim());
        let at = at.ok_or_else(|| format!("found the strategy `{name}`, expected one of: {}", known()))?;
        let weight: Option<f64> = weight.trim().parse().ok().filter(|weight: &f64| weight.is_finite() && *weight >= 0.0);
        shares[at] = weight.ok_or_else(|| format!("found `{part}`, expected a name and a number, such as {name}=0.3"))?;
    }
    if shares.iter().sum::<f64>() > 0.0 {
        Ok(shares)
    } else {
        Err(format!("no strategy has a share; expected some of: {}", known()))
    }
}

/// Writes clips of the windows to listen to next, their spectrograms, the sheet and the page.
///
/// # Errors
/// [`ExportError`]; nothing is written then.
pub fn next(request: &Request<'_>) -> Result<Summary, ExportError> {
    let run = Run::open(request.clips.run, request.tables())?;
    run.check(&request.clips.filter)?;
    let folder = Folder::new(vec![Source::of(&run)?], &request.clips.folder, request.clips.force)?;
    let (mut chosen, mut summary) = choose(&run, request)?;
    if chosen.is_empty() {
        let what =
            "there is no window to listen to: all are labelled, or left out by --class, --site, --min-score or --min-probability";
        return Err(ExportError::Nothing { what: what.to_owned() });
    }
    shuffle(&mut chosen, request.clips.seed);
    let (detections, lacks) = folder.fill(&chosen, request.clips.context_s)?;
    summary.notes.extend(lacks);
    Ok(Summary { detections, ..summary })
}

fn choose(run: &Run, request: &Request<'_>) -> Result<(Vec<Chosen>, Summary), ExportError> {
    let wants_vectors = STRATEGIES.iter().zip(&request.shares).any(|(strategy, share)| strategy.compares() && *share > 0.0);
    let compares = wants_vectors && !run.parts("embeddings")?.is_empty();
    let labelled = Labelled::of(run, compares, request.clips.seed)?;
    let gathering = Gathering {
        filter: &request.clips.filter,
        strategies: STRATEGIES,
        labelled: &labelled,
        per_class: request.clips.per_class,
        per_hour: request.per_hour,
        seed: request.clips.seed,
    };
    let gathered = gathering.of(run)?;
    let mut notes = Vec::new();
    if !gathered.without_threshold.is_empty() {
        let classes = gathered.without_threshold.join(", ");
        notes.push(format!(
            "{classes}: the model has no threshold, so `uncertain` is around {MIDDLE}; evaluate, or set detect.threshold"
        ));
    }
    let classes: Vec<Vec<Vec<Candidate>>> = gathered.classes.into_values().map(OfClass::kept).collect();
    let vectors = if compares { vectors(run, &labelled, &classes)? } else { Vectors::default() };
    if wants_vectors && vectors.is_empty() {
        let why = "the run has no embeddings of these windows (backbone.path, or predict.embeddings)";
        notes.push(format!("strategies that compare embeddings gave their share to the others: {why}"));
    }
    let knows_unknown = !run.parts("unknown")?.is_empty();
    let is_default = request.shares.iter().zip(STRATEGIES).all(|(share, strategy)| *share == strategy.share());
    let asked = || STRATEGIES.iter().zip(&request.shares).filter(|(_, share)| **share > 0.0).map(|(strategy, _)| strategy);
    if !knows_unknown && !is_default && asked().any(|strategy| strategy.looks_for_unknown()) {
        let why = "the run does not look for unknown sounds; set unknown.enabled: true and run it again";
        if asked().all(|strategy| strategy.looks_for_unknown()) {
            return Err(ExportError::Nothing { what: format!("there is no window to listen to: {why}") });
        }
        notes.push(format!("`unknown` gave its share to the others: {why}"));
    }
    let lacks =
        |strategy: &dyn Strategy| (strategy.compares() && vectors.is_empty()) || (strategy.looks_for_unknown() && !knows_unknown);
    let weight = |strategy: &dyn Strategy, share| if lacks(strategy) { 0.0 } else { share };
    let quota = Quota { per_class: request.clips.per_class, new_sites: request.new_sites, per_hour: request.per_hour };
    let of_class = |kept: Vec<Vec<Candidate>>| {
        let of_strategy = |((strategy, share), kept): ((&&'static dyn Strategy, &f64), _)| Choice {
            strategy: *strategy,
            weight: weight(*strategy, *share),
            kept,
        };
        pick(&quota, STRATEGIES.iter().zip(&request.shares).zip(kept).map(of_strategy).collect(), &vectors)
    };
    let chosen = classes.into_iter().flat_map(of_class).map(|(strategy, candidate)| {
        let drawn = Drawn { strata: strategy.to_owned(), ..Drawn::default() };
        Chosen::of((*candidate.recording).clone(), candidate.detection, drawn)
    });
    Ok((chosen.collect(), Summary { recordings: gathered.recordings, notes, ..Summary::default() }))
}

/// The embeddings of the candidates that are compared, and of labelled windows.
fn vectors(run: &Run, labelled: &Labelled, classes: &[Vec<Vec<Candidate>>]) -> Result<Vectors, ExportError> {
    let of_class = |kept: &'_ Vec<Vec<Candidate>>| {
        let compared = STRATEGIES.iter().zip(kept).filter(|(strategy, _)| strategy.compares());
        compared.flat_map(|(_, kept)| kept.iter().map(|candidate| candidate.segment.clone())).collect::<Vec<_>>()
    };
    let taken = classes.iter().flat_map(of_class).collect();
    embedded::read(run, &labelled.windows, &taken)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_those_of_the_strategies_or_those_that_are_named() {
        assert_eq!(shares(None).unwrap(), [0.2, 0.3, 0.2, 0.2, 0.3]);
        assert_eq!(shares(Some("top=1, diverse=2.5")).unwrap(), [1.0, 0.0, 0.0, 0.0, 2.5]);
        assert_eq!(shares(Some("uncertain")).unwrap(), [0.0, 1.0, 0.0, 0.0, 0.0]);
        for (text, wanted) in [
            ("best=1", "found the strategy `best`, expected one of: top, uncertain"),
            ("top=-1", "found `top=-1`"),
            ("top=x", "such as top=0.3"),
            ("top=0", "no strategy has a share"),
            ("", "no strategy has a share"),
        ] {
            assert!(shares(Some(text)).unwrap_err().contains(wanted), "{text}");
        }
    }
}
