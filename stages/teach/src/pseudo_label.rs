//! The stage `pseudo_label`: from a teacher's predictions to the table `pseudo_labels`.

use std::collections::BTreeMap;
use std::path::Path;

use chorus_card::{DECISIONS, Decisions};
use chorus_engine::graph::{Input, Output, Pass, Per};
use chorus_engine::{Access, Config, EngineError, Fault, Partition, Scan, ScanContext, Unit, UnitContext, Work, WorkError};
use chorus_model::declare::{JUDGED_GROUPS, PSEUDO_LABELS, TEACHER, has_teacher};
use chorus_score::calibration::{Curves, METHODS, curves};
use chorus_score::eligible::Recordings;
use chorus_tables::Batch;

use crate::choice::{Choice, Window};
use crate::settings::TeacherSettings;
use crate::target::{Histogram, shifted, target};

/// The columns of a teacher's predictions that are read.
const PREDICTED: [&str; 4] = ["segment_id", "recording_id", "class", "score"];

/// The stage.
pub struct PseudoLabel;

impl PseudoLabel {
    /// What the pass declares of itself; a run without a teacher does without.
    pub fn declare(config: &Config) -> Option<Pass> {
        use Input::{Parts, Run, Table};
        has_teacher(config).then(|| Pass {
            inputs: vec![
                Run { key: TEACHER, table: "predictions" },
                // The curves themselves are in the model's decisions, which are made with the table.
                Run { key: TEACHER, table: "calibration" },
                Table("splits"),
                Table("recordings"),
                Table("classes"),
                Table("training_sets"),
                Parts { of: "labels", by: "training_sets" },
            ],
            outputs: vec![Output::Table(PSEUDO_LABELS)],
            keys: vec![
                TEACHER,
                "self_training.positive_from",
                "self_training.negative_below",
                "self_training.power",
                "self_training.match_priors",
                "self_training.weight",
                "self_training.max_windows",
                "self_training.quiet_share",
                JUDGED_GROUPS,
                "self_training.seed",
            ],
            hints: vec![TEACHER],
            ..Pass::new("pseudo_label", Per::Run)
        })
    }
}

impl Work for PseudoLabel {
    type Found = ();

    fn faults(&self, cx: &ScanContext<'_>) -> Result<Vec<Fault>, WorkError> {
        if !teachers(cx)?.is_empty() {
            return Ok(Vec::new());
        }
        let found = format!("{}: this run has no predictions", cx.value::<String>(TEACHER)?);
        let allowed = "name the folder of a run on the same archive whose stage predict is made".to_owned();
        Ok(vec![Fault { key: TEACHER, found, allowed }])
    }

    fn scan(&self, _: &ScanContext<'_>) -> Result<Scan<()>, WorkError> {
        Ok(Scan::default())
    }

    fn run(&self, cx: &UnitContext<'_>, (): &()) -> Result<(), WorkError> {
        let settings = cx.settings::<TeacherSettings>()?;
        let (classes, _) = chorus_score::classes::read(cx)?;
        let units = Recordings::read(cx)?.eligible(cx.value(JUDGED_GROUPS)?);
        let teacher = Teacher::open(cx, &classes)?;
        let shifts =
            if settings.match_priors { teacher.shifts(cx, &units, &priors(cx, &classes)?)? } else { vec![0.0; classes.len()] };
        let mut choice = Choice::new(settings.seed, settings.max_windows, settings.quiet_share);
        teacher.each(cx, &units, |unit, segment, recording, probabilities| {
            let probabilities: Vec<f64> = probabilities.iter().zip(&shifts).map(|(&p, &shift)| shifted(p, shift)).collect();
            let targets = probabilities.iter().map(|&probability| target(probability, &settings)).collect();
            let window = Window {
                unit: unit.to_string(),
                segment: segment.to_owned(),
                recording: recording.to_owned(),
                probabilities,
                targets,
            };
            choice.add(window);
        })?;
        let windows = choice.into_windows();
        tell(cx, &classes, &windows, units.len(), &settings);
        write(cx, &classes, &windows, settings.weight)
    }
}

/// The files of the teacher's predictions.
fn teachers(cx: &Access<'_>) -> Result<Vec<Partition>, EngineError> {
    Ok(cx.of_runs(TEACHER, "predictions")?.concat())
}

/// The run that teaches.
struct Teacher {
    predictions: Vec<Partition>,
    curves: Curves,
    /// The place of each class among those of this run.
    place: BTreeMap<String, usize>,
}

impl Teacher {
    fn open(cx: &UnitContext<'_>, classes: &[String]) -> Result<Self, WorkError> {
        let folder: String = cx.value(TEACHER)?;
        let decisions = Path::new(&folder).join("model").join(DECISIONS);
        let curves = if decisions.exists() { curves(&Decisions::read(&decisions)?, METHODS)? } else { Curves::default() };
        let place = classes.iter().enumerate().map(|(place, class)| (class.clone(), place)).collect();
        Ok(Self { predictions: teachers(cx)?, curves, place })
    }

    /// Calls `each` with unit, segment, recording and probabilities by class of every window of these recordings.
    fn each(
        &self,
        cx: &UnitContext<'_>,
        units: &BTreeMap<String, Unit>,
        mut each: impl FnMut(&Unit, &str, &str, &[f64]),
    ) -> Result<(), WorkError> {
        let mut seen = false;
        for partition in &self.predictions {
            if cx.stopping() {
                return Err(EngineError::Stopped.into());
            }
            let batch = cx.read_partition("predictions", partition, &PREDICTED)?;
            seen |= self.each_of(&batch, units, &mut each)?;
        }
        if !seen && !units.is_empty() {
            return Err(
                "self_training.teacher: the run predicts none of this run's classes; name a run with the same classes".into()
            );
        }
        Ok(())
    }

    /// The windows of one part; gives whether it names a class of this run.
    fn each_of(
        &self,
        batch: &Batch,
        units: &BTreeMap<String, Unit>,
        each: &mut impl FnMut(&Unit, &str, &str, &[f64]),
    ) -> Result<bool, WorkError> {
        let (segments, recordings) = (batch.utf8("segment_id")?, batch.utf8("recording_id")?);
        let (classes, scores) = (batch.utf8("class")?, batch.f32("score")?);
        let (mut row, mut seen) = (0, false);
        while row < batch.rows() {
            let (segment, recording) = (segments.value(row), recordings.value(row));
            // The rows of a window come one after the other; scores below predict.min_score are left out.
            let mut probabilities = vec![0.0; self.place.len()];
            while row < batch.rows() && segments.value(row) == segment {
                let class = classes.value(row);
                if let Some(&place) = self.place.get(class) {
                    let score = f64::from(scores.value(row));
                    probabilities[place] = self.curves.get(class).map_or(score, |curve| curve.probability(score));
                    seen = true;
                }
                row += 1;
            }
            if let Some(unit) = units.get(recording) {
                each(unit, segment, recording, &probabilities);
            }
        }
        Ok(seen)
    }

    /// For each class the shift that brings it to its prior, where that is known.
    fn shifts(
        &self,
        cx: &UnitContext<'_>,
        units: &BTreeMap<String, Unit>,
        priors: &[Option<f64>],
    ) -> Result<Vec<f64>, WorkError> {
        let mut histograms = vec![Histogram::new(); priors.len()];
        self.each(cx, units, |_, _, _, probabilities| {
            histograms.iter_mut().zip(probabilities).for_each(|(histogram, &probability)| histogram.add(probability));
        })?;
        Ok(histograms.iter().zip(priors).map(|(histogram, prior)| prior.map_or(0.0, |prior| histogram.shift_to(prior))).collect())
    }
}

/// The share of positive windows of each class among those of the train set with a label of it; none where there is no positive one.
fn priors(cx: &UnitContext<'_>, classes: &[String]) -> Result<Vec<Option<f64>>, WorkError> {
    let mut subset_of = BTreeMap::new();
    for (_, batch) in cx.read_all("training_sets", &["recording_id", "subset"])? {
        subset_of.extend(batch.texts("recording_id")?.into_iter().flatten().zip(batch.texts("subset")?.into_iter().flatten()));
    }
    let place: BTreeMap<&str, usize> = classes.iter().enumerate().map(|(place, class)| (class.as_str(), place)).collect();
    let mut counts = vec![(0_u64, 0_u64); classes.len()];
    for (_, batch) in cx.read_all("labels", &["recording_id", "class", "value"])? {
        let (recordings, names, values) = (batch.utf8("recording_id")?, batch.utf8("class")?, batch.i32("value")?);
        for (row, value) in values.iter().enumerate() {
            let is_train = subset_of.get(recordings.value(row)).is_some_and(|subset| subset == "train");
            if let (Some(value), Some(&class), true) = (value, place.get(names.value(row)), is_train) {
                counts[class].0 += u64::from(value == 1);
                counts[class].1 += 1;
            }
        }
    }
    let prior = |(positives, windows): (u64, u64)| (positives > 0).then(|| positives as f64 / windows as f64);
    Ok(counts.into_iter().map(prior).collect())
}

/// Says who teaches what.
fn tell(cx: &UnitContext<'_>, classes: &[String], windows: &[Window], recordings: usize, settings: &TeacherSettings) {
    let sure = |class: usize| windows.iter().filter(|window| window.probabilities[class] >= settings.positive_from).count();
    let counts: Vec<String> = classes.iter().enumerate().map(|(class, name)| format!("{name} {}", sure(class))).collect();
    let n = windows.len();
    let line = format!("{:17} {n} windows teach, of {recordings} recordings; positives: {}", "pseudo_label", counts.join(", "));
    cx.console().say(&line);
    if n == 0 {
        let next = "add recordings that nobody labelled, or see split.judged_groups_teach";
        cx.console().warn(&format!("pseudo_label: no recording may teach, so the network learns from labels alone; {next}"));
    }
}

fn write(cx: &UnitContext<'_>, classes: &[String], windows: &[Window], weight: f64) -> Result<(), WorkError> {
    let rows = || windows.iter().flat_map(|window| (0..classes.len()).map(move |class| (window, class)));
    cx.write(PSEUDO_LABELS, |batch| {
        batch
            .column("unit", rows().map(|(window, _)| &window.unit))
            .column("segment_id", rows().map(|(window, _)| &window.segment))
            .column("recording_id", rows().map(|(window, _)| &window.recording))
            .column("class", rows().map(|(_, class)| &classes[class]))
            .column("probability", rows().map(|(window, class)| window.probabilities[class] as f32))
            .column("target", rows().map(|(window, class)| window.targets[class] as f32))
            .column("weight", rows().map(|_| weight as f32))
    })?;
    Ok(())
}
