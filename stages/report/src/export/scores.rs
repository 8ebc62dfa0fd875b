//! The scores of all windows (the table `predictions`) and what they mean, as `detect` reads them: thresholds and probabilities.

use std::collections::BTreeMap;
use std::sync::Arc;

use chorus_card::Decisions;
use chorus_engine::{Partition, Unit};
use chorus_score::calibration::{Curves, METHODS, curves_at};
use chorus_score::threshold;

use super::detection::{Detection, Recording};
use super::error::ExportError;
use super::filter::Filter;
use super::run::Run;
use super::unit_rows::{Texts, recordings};

/// The table.
pub(crate) const TABLE: &str = "predictions";

/// The threshold of a class for which neither the model nor the configuration has one: scores are most uncertain in the middle.
pub(crate) const MIDDLE: f64 = 0.5;

const COLUMNS: [&str; 8] = ["segment_id", "recording_id", "start_s", "end_s", "class", "score", "logit", "model_id"];

/// What scores mean.
struct Meaning {
    decisions: Option<Decisions>,
    /// `detect.threshold`, which overrides the model's.
    overriding: Option<f64>,
}

/// What they mean at one site.
struct Here<'a> {
    meaning: &'a Meaning,
    site: String,
    curves: Curves,
}

impl Meaning {
    /// That of a run.
    ///
    /// # Errors
    /// The decisions of the model cannot be read.
    fn of(run: &Run) -> Result<Self, ExportError> {
        let decisions = run.decisions().filter(|file| file.exists()).map(|file| Decisions::read(&file)).transpose()?;
        let overriding = run.configured("detect.threshold").and_then(serde_yaml::Value::as_f64);
        Ok(Self { decisions, overriding })
    }

    /// That at a site.
    ///
    /// # Errors
    /// The model has a calibration that cannot be read.
    fn at(&self, site: &str) -> Result<Here<'_>, ExportError> {
        let curves =
            self.decisions.as_ref().map(|decisions| curves_at(decisions, site, METHODS)).transpose()?.unwrap_or_default();
        Ok(Here { meaning: self, site: site.to_owned(), curves })
    }
}

impl Here<'_> {
    fn threshold(&self, class: &str) -> Option<f64> {
        threshold(self.meaning.overriding, self.meaning.decisions.as_ref(), &self.site, class)
    }

    fn probability(&self, class: &str, score: f64) -> Option<f64> {
        Some(self.curves.get(class)?.probability(score))
    }
}

/// The scores of one unit.
pub(crate) struct Scores<'a> {
    /// The unit.
    pub(crate) unit: &'a Unit,
    /// Its readable recordings by identity.
    pub(crate) recordings: BTreeMap<String, Arc<Recording>>,
    part: &'a Partition,
    here: Here<'a>,
}

/// The score of one class in one window.
pub(crate) struct Window<'a> {
    /// The window.
    pub(crate) segment: &'a str,
    /// Its recording.
    pub(crate) recording: &'a Arc<Recording>,
    /// The class.
    pub(crate) class: Arc<str>,
    /// Start within the recording, seconds.
    pub(crate) start_s: f64,
    /// End within the recording, seconds; of the last window perhaps behind the recording's end.
    pub(crate) end_s: f64,
    /// The score, 0 to 1.
    pub(crate) score: f32,
    /// The network's output.
    pub(crate) logit: f32,
    /// Hash of the model's weights.
    pub(crate) model_id: Arc<str>,
    here: &'a Here<'a>,
}

impl Window<'_> {
    /// The threshold of the class at the site; `None` where nothing says it.
    pub(crate) fn threshold(&self) -> Option<f64> {
        self.here.threshold(&self.class)
    }

    /// The calibrated probability; `None` where the class has no calibration.
    pub(crate) fn probability(&self) -> Option<f64> {
        self.here.probability(&self.class, f64::from(self.score))
    }

    /// The window as a detection of its class.
    pub(crate) fn detection(&self) -> Detection {
        Detection {
            class: Arc::clone(&self.class),
            start_s: self.start_s,
            end_s: self.end_s.min(self.recording.duration_s),
            windows: 1,
            peak_score: self.score,
            mean_score: self.score,
            probability: self.probability(),
            threshold: self.threshold().unwrap_or(MIDDLE),
            model_id: Arc::clone(&self.model_id),
            expectation: None,
        }
    }
}

impl Scores<'_> {
    /// Hands over each window and class that the filter takes, by window and class.
    ///
    /// # Errors
    /// [`ExportError::Stranger`], [`ExportError::NoProbability`], those of reading, and what `take` gives.
    pub(crate) fn each(
        &self,
        filter: &Filter,
        mut take: impl FnMut(&Window<'_>) -> Result<(), ExportError>,
    ) -> Result<(), ExportError> {
        let mut texts = Texts::default();
        for batch in self.part.open()?.batches(&COLUMNS)? {
            let batch = batch?;
            let (segments, ids, classes) = (batch.utf8("segment_id")?, batch.utf8("recording_id")?, batch.utf8("class")?);
            let (starts, ends, models) = (batch.f64("start_s")?, batch.f64("end_s")?, batch.utf8("model_id")?);
            let (scores, logits) = (batch.f32("score")?, batch.f32("logit")?);
            for row in 0..batch.rows() {
                let (class, score) = (classes.value(row), scores.value(row));
                if !filter.takes_scored(class, score, || self.here.probability(class, f64::from(score)))? {
                    continue;
                }
                let id = ids.value(row);
                let stranger = || ExportError::Stranger {
                    path: self.part.path.clone(),
                    recording_id: id.to_owned(),
                    command: self.part.command(),
                };
                take(&Window {
                    segment: segments.value(row),
                    recording: self.recordings.get(id).ok_or_else(stranger)?,
                    class: texts.shared(class),
                    start_s: starts.value(row),
                    end_s: ends.value(row),
                    score,
                    logit: logits.value(row),
                    model_id: texts.shared(models.value(row)),
                    here: &self.here,
                })?;
            }
        }
        Ok(())
    }
}

/// The scores of a run.
pub(crate) struct AllScores<'a> {
    run: &'a Run,
    meaning: Meaning,
    parts: BTreeMap<Unit, Partition>,
}

impl<'a> AllScores<'a> {
    /// Those of a run.
    ///
    /// # Errors
    /// The run has no scores, or the decisions of its model cannot be read.
    pub(crate) fn of(run: &'a Run) -> Result<Self, ExportError> {
        let parts = run.made_parts(TABLE)?.into_iter().map(|part| (part.unit.clone(), part)).collect();
        Ok(Self { run, meaning: Meaning::of(run)?, parts })
    }

    /// Those of a unit with these recordings.
    ///
    /// # Errors
    /// [`ExportError::PartMissing`], or the model has a calibration that cannot be read.
    pub(crate) fn unit<'s>(
        &'s self,
        unit: &'s Unit,
        recordings: impl IntoIterator<Item = Recording>,
    ) -> Result<Scores<'s>, ExportError> {
        let part = self.parts.get(unit).ok_or_else(|| self.run.part_missing(TABLE, unit))?;
        let recordings = recordings.into_iter().map(|recording| (recording.id.clone(), Arc::new(recording))).collect();
        Ok(Scores { unit, recordings, part, here: self.meaning.at(unit.site())? })
    }
}

/// Hands over each unit of the sites that the filter takes, in the order of site and date.
///
/// # Errors
/// [`ExportError::PartMissing`], those of reading, and what `take` gives.
pub(crate) fn each_unit(
    run: &Run,
    filter: &Filter,
    mut take: impl FnMut(&Scores<'_>) -> Result<(), ExportError>,
) -> Result<(), ExportError> {
    let scores = AllScores::of(run)?;
    let all = run.made_parts("recordings")?;
    let mut taken = all.iter().filter(|part| filter.takes_site(part.unit.site()));
    taken.try_for_each(|part| take(&scores.unit(&part.unit, recordings(part)?)?))
}
