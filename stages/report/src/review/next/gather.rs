//! The windows that may be chosen, from one pass over the table `predictions`.

use std::collections::BTreeMap;
use std::sync::Arc;

use chorus_engine::{Partition, Unit};

use super::closed::Closed;
use super::labelled::Labelled;
use super::scored::{Candidate, Scored};
use super::strategy::Strategy;
use super::unlike::Unlike;
use crate::export::run::Run;
use crate::export::scores::{self, MIDDLE, Scores};
use crate::export::{ExportError, Filter};
use crate::review::chosen::chance;
use crate::review::labels::Labels;
use crate::review::nearest::Nearest;

/// What is gathered, and how.
pub(super) struct Gathering<'a> {
    pub(super) filter: &'a Filter,
    pub(super) strategies: &'a [&'static dyn Strategy],
    pub(super) labelled: &'a Labelled,
    /// Clips of each class, at most.
    pub(super) per_class: usize,
    /// Clips of one hour at a site, at most.
    pub(super) per_hour: usize,
    pub(super) seed: u64,
}

/// The candidates of a class: for each strategy, by whether the site is new, and by pool.
pub(super) struct OfClass {
    lists: Vec<BTreeMap<(bool, usize), Nearest<Candidate>>>,
    /// A number by chance, so that classes do not choose the same windows.
    chance: f64,
}

impl OfClass {
    /// What each strategy kept, by pool; the members of a pool by their place.
    pub(super) fn kept(self) -> Vec<Vec<Candidate>> {
        let of_strategy = |lists: BTreeMap<(bool, usize), Nearest<Candidate>>| {
            let mut members: Vec<_> = lists.into_values().flat_map(Nearest::into_members).collect();
            members.sort_by(|a, b| {
                let by_place = || a.distance.total_cmp(&b.distance).then_with(|| a.id.cmp(&b.id));
                a.what.pool.cmp(&b.what.pool).then_with(by_place)
            });
            members.into_iter().map(|near| near.what).collect()
        };
        self.lists.into_iter().map(of_strategy).collect()
    }
}

/// All that was found.
#[derive(Default)]
pub(super) struct Gathered {
    /// Candidates by class.
    pub(super) classes: BTreeMap<Arc<str>, OfClass>,
    /// Readable recordings of the sites.
    pub(super) recordings: u64,
    /// Classes without a threshold.
    pub(super) without_threshold: Vec<Arc<str>>,
}

impl Gathering<'_> {
    /// Goes through the windows of a run once. Memory grows with classes and strategies.
    ///
    /// # Errors
    /// Those of reading; [`ExportError::PartMissing`], [`ExportError::Stranger`].
    pub(super) fn of(&self, run: &Run) -> Result<Gathered, ExportError> {
        let by_unit = |table| -> Result<BTreeMap<Unit, Partition>, ExportError> {
            Ok(run.parts(table)?.into_iter().map(|part| (part.unit.clone(), part)).collect())
        };
        let (labels, annotations, unknown) = (by_unit("labels")?, by_unit("annotations")?, by_unit("unknown")?);
        let mut found = Gathered::default();
        scores::each_unit(run, self.filter, |scores| {
            let mut closed = Closed::new(Labels::of(labels.get(scores.unit))?);
            if let Some(annotations) = annotations.get(scores.unit) {
                for batch in annotations.open()?.batches(&Closed::ANNOTATIONS)? {
                    closed.add_unsure(&batch?)?;
                }
            }
            found.recordings += scores.recordings.len() as u64;
            let unlike = unknown.get(scores.unit).map(Unlike::of).transpose()?.unwrap_or_default();
            self.of_unit(scores, &unlike, &mut closed, &mut found)
        })?;
        Ok(found)
    }

    fn of_unit(
        &self,
        scores: &Scores<'_>,
        unlike: &Unlike,
        closed: &mut Closed,
        found: &mut Gathered,
    ) -> Result<(), ExportError> {
        let is_new = !self.labelled.sites.contains(scores.unit.site());
        let mut last = (String::new(), 0.0);
        scores.each(self.filter, |window| {
            let (segment, recording) = (window.segment, window.recording);
            if closed.has(segment, &recording.id, &window.class, window.start_s..window.end_s)? {
                return Ok(());
            }
            if last.0 != segment {
                last = (segment.to_owned(), chance(&format!("{} {segment}", self.seed)));
            }
            let threshold = window.threshold();
            let class = self.class(&window.class, threshold.is_some(), found);
            let (score, threshold) = (f64::from(window.score), threshold.unwrap_or(MIDDLE));
            let Some(of_class) = found.classes.get_mut(&class) else { return Ok(()) };
            let unknown = unlike.get(segment, window.logit);
            let scored = Scored { score, threshold, chance: (last.1 + of_class.chance).fract(), unknown };
            for (strategy, lists) in self.strategies.iter().zip(&mut of_class.lists) {
                let Some((pool, distance)) = strategy.place(&scored) else { continue };
                let keep = || Nearest::new(strategy.keep(self.per_class), self.per_hour);
                let candidate = || -> Result<(String, Candidate), ExportError> {
                    let hour = recording.hour(window.start_s)?;
                    let (segment, recording) = (segment.to_owned(), Arc::clone(recording));
                    Ok((hour.clone(), Candidate { segment, hour, is_new, pool, recording, detection: window.detection() }))
                };
                lists.entry((is_new, pool)).or_insert_with(keep).add(distance, segment, candidate)?;
            }
            Ok(())
        })
    }

    /// The class as it is held; makes a place for its candidates when it is seen first.
    fn class(&self, class: &str, has_threshold: bool, found: &mut Gathered) -> Arc<str> {
        if let Some((known, _)) = found.classes.get_key_value(class) {
            return Arc::clone(known);
        }
        let class: Arc<str> = class.into();
        if !has_threshold {
            found.without_threshold.push(Arc::clone(&class));
        }
        let lists = self.strategies.iter().map(|_| BTreeMap::new()).collect();
        let chance = chance(&format!("{} {class}", self.seed));
        found.classes.insert(Arc::clone(&class), OfClass { lists, chance });
        class
    }
}
