//! The windows that may be chosen, from one pass over the table `predictions`.

use std::collections::BTreeMap;
use std::sync::Arc;

use chorus_card::Decisions;
use chorus_engine::{Partition, Unit};
use chorus_score::calibration::{Curves, METHODS, curves};
use chorus_score::threshold;

use super::closed::Closed;
use super::labelled::Labelled;
use super::scored::{Candidate, Scored};
use super::strategy::Strategy;
use super::unlike::Unlike;
use crate::export::detection::{Detection, Recording};
use crate::export::run::{Run, recordings};
use crate::export::{ExportError, Filter};
use crate::review::chosen::chance;
use crate::review::nearest::Nearest;

/// The threshold of a class for which neither the model nor the configuration has one: scores are most uncertain in the middle.
pub(super) const MIDDLE: f64 = 0.5;

const PREDICTIONS: [&str; 8] = ["segment_id", "recording_id", "start_s", "end_s", "class", "score", "logit", "model_id"];

/// What scores mean: thresholds, and probabilities.
pub(super) struct Meaning {
    decisions: Option<Decisions>,
    curves: Curves,
    /// `detect.threshold`, which overrides the model's.
    overriding: Option<f64>,
}

impl Meaning {
    /// That of a run, read as `detect` reads it.
    ///
    /// # Errors
    /// The decisions of the model cannot be read.
    pub(super) fn of(run: &Run) -> Result<Self, ExportError> {
        let decisions = run.decisions().filter(|file| file.exists()).map(|file| Decisions::read(&file)).transpose()?;
        let curves = decisions.as_ref().map(|decisions| curves(decisions, METHODS)).transpose()?.unwrap_or_default();
        let overriding = run.configured("detect.threshold").and_then(serde_yaml::Value::as_f64);
        Ok(Self { decisions, curves, overriding })
    }

    /// The threshold of a class at a site; `None` where nothing says it.
    fn threshold(&self, site: &str, class: &str) -> Option<f64> {
        threshold(self.overriding, self.decisions.as_ref(), site, class)
    }

    fn probability(&self, class: &str, score: f64) -> Option<f64> {
        Some(self.curves.get(class)?.probability(score))
    }
}

/// What is gathered, and how.
pub(super) struct Gathering<'a> {
    pub(super) filter: &'a Filter,
    pub(super) strategies: &'a [&'static dyn Strategy],
    pub(super) meaning: &'a Meaning,
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
        let predictions = run.made_parts("predictions")?;
        let predictions: BTreeMap<&Unit, &Partition> = predictions.iter().map(|part| (&part.unit, part)).collect();
        let (labels, annotations, unknown) = (by_unit("labels")?, by_unit("annotations")?, by_unit("unknown")?);
        let mut found = Gathered::default();
        for part in run.made_parts("recordings")?.iter().filter(|part| self.filter.takes_site(part.unit.site())) {
            let predicted = *predictions.get(&part.unit).ok_or_else(|| run.part_missing("predictions", &part.unit))?;
            let mut closed = match labels.get(&part.unit) {
                Some(labels) => Closed::new(labels.open()?.batches(&Closed::LABELS)?),
                None => Closed::new(std::iter::empty()),
            };
            if let Some(annotations) = annotations.get(&part.unit) {
                for batch in annotations.open()?.batches(&Closed::ANNOTATIONS)? {
                    closed.add_unsure(&batch?)?;
                }
            }
            let recordings: BTreeMap<String, Arc<Recording>> =
                recordings(part)?.into_iter().map(|recording| (recording.id.clone(), Arc::new(recording))).collect();
            found.recordings += recordings.len() as u64;
            let unlike = unknown.get(&part.unit).map(Unlike::of).transpose()?.unwrap_or_default();
            self.of_unit(predicted, &recordings, &unlike, &mut closed, &mut found)?;
        }
        Ok(found)
    }

    fn of_unit(
        &self,
        part: &Partition,
        recordings: &BTreeMap<String, Arc<Recording>>,
        unlike: &Unlike,
        closed: &mut Closed,
        found: &mut Gathered,
    ) -> Result<(), ExportError> {
        let site = part.unit.site();
        let is_new = !self.labelled.sites.contains(site);
        let mut window = (String::new(), 0.0);
        for batch in part.open()?.batches(&PREDICTIONS)? {
            let batch = batch?;
            let (segments, ids, classes) = (batch.utf8("segment_id")?, batch.utf8("recording_id")?, batch.utf8("class")?);
            let (starts, ends, scores) = (batch.f64("start_s")?, batch.f64("end_s")?, batch.f32("score")?);
            let (models, logits) = (batch.utf8("model_id")?, batch.f32("logit")?);
            for row in 0..batch.rows() {
                let (segment, class, peak_score) = (segments.value(row), classes.value(row), scores.value(row));
                let (start_s, score) = (starts.value(row), f64::from(peak_score));
                let probability = || self.meaning.probability(class, score);
                if !self.filter.takes_scored(class, peak_score, probability)? {
                    continue;
                }
                if closed.has(segment, ids.value(row), class, start_s..ends.value(row))? {
                    continue;
                }
                let stranger = || ExportError::Stranger { path: part.path.clone(), recording_id: ids.value(row).to_owned() };
                let recording = recordings.get(ids.value(row)).ok_or_else(stranger)?;
                if window.0 != segment {
                    window = (segment.to_owned(), chance(&format!("{} {segment}", self.seed)));
                }
                let threshold = self.meaning.threshold(site, class);
                let class = self.class(class, threshold.is_some(), found);
                let threshold = threshold.unwrap_or(MIDDLE);
                let Some(of_class) = found.classes.get_mut(&class) else { continue };
                let unknown = unlike.get(segment, logits.value(row));
                let scored = Scored { score, threshold, chance: (window.1 + of_class.chance).fract(), unknown };
                for (strategy, lists) in self.strategies.iter().zip(&mut of_class.lists) {
                    let Some((pool, distance)) = strategy.place(&scored) else { continue };
                    let keep = || Nearest::new(strategy.keep(self.per_class), self.per_hour);
                    let candidate = || -> Result<(String, Candidate), ExportError> {
                        let hour = recording.hour(start_s)?;
                        let detection = Detection {
                            class: Arc::clone(&class),
                            start_s,
                            end_s: ends.value(row).min(recording.duration_s),
                            windows: 1,
                            peak_score,
                            mean_score: peak_score,
                            probability: probability(),
                            threshold,
                            model_id: models.value(row).into(),
                            expectation: None,
                        };
                        let (segment, recording) = (segment.to_owned(), Arc::clone(recording));
                        Ok((hour.clone(), Candidate { segment, hour, is_new, pool, recording, detection }))
                    };
                    lists.entry((is_new, pool)).or_insert_with(keep).add(distance, segment, candidate)?;
                }
            }
        }
        Ok(())
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
