//! The training loop on small synthetic spectrograms: it learns, stops, resumes, and says what is wrong.
#![allow(clippy::unwrap_used)]

use std::ops::ControlFlow;

use chorus_model::augment::AugmentOptions;
use chorus_model::dataset::Dataset;
use chorus_model::device::HOST;
use chorus_model::mixing::{Method, MixingOptions};
use chorus_model::network::{Architecture, Mode, NetworkOptions};
use chorus_model::normalise::min_max;
use chorus_model::trainer::{EpochReport, Hooks, Metrics, TrainOptions, Trainer};
use chorus_model::{Error, Result};
use tch::{Kind, Tensor};

/// Each class is a tone in a band of its own over noise; each row has a random set of classes.
struct Tones {
    features: Tensor,
    labels: Tensor,
}

const CLASSES: i64 = 3;

impl Tones {
    fn new(rows: i64, seed: u32) -> Self {
        let mut state = u64::from(seed) + 1;
        let mut uniform = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 40) as f32 / (1u64 << 24) as f32
        };
        let labels: Vec<f32> = (0..rows * CLASSES).map(|_| f32::from(uniform() > 0.6)).collect();
        let mut features = Vec::new();
        for row in labels.chunks(CLASSES as usize) {
            for mel in 0..32 {
                let tone = mel % 8 == 2 && row.get(mel / 8).is_some_and(|&label| label > 0.0);
                features.extend(
                    (0..48).map(|_| if mel == 0 { -100.0 } else { -60.0 } + 20.0 * uniform() + if tone { 40.0 } else { 0.0 }),
                );
            }
        }
        Self {
            features: Tensor::from_slice(&features).view([rows, 1, 32, 48]),
            labels: Tensor::from_slice(&labels).view([rows, CLASSES]),
        }
    }
}

fn select(tensor: &Tensor, rows: &[usize]) -> Tensor {
    let rows: Vec<i64> = rows.iter().map(|&row| row as i64).collect();
    tensor.index_select(0, &Tensor::from_slice(&rows))
}

impl Dataset for Tones {
    fn len(&self) -> usize {
        self.features.size()[0] as usize
    }

    fn features(&self, rows: &[usize]) -> Result<Tensor> {
        Ok(select(&self.features, rows))
    }

    fn labels(&self, rows: &[usize]) -> Result<(Tensor, Tensor)> {
        let labels = select(&self.labels, rows);
        let known = labels.ones_like();
        Ok((labels, known))
    }
}

fn options(epochs: usize, method: Method) -> TrainOptions {
    TrainOptions {
        network: NetworkOptions { architecture: Architecture::Small, width: 0.25, channels: 1, classes: CLASSES },
        epochs,
        batch_size: 16,
        augmentation: AugmentOptions { frequency_mask_bands: 2, time_mask_frames: 4, ..AugmentOptions::default() },
        mixing: MixingOptions { method, multimix_mixtures: 16, ..MixingOptions::default() },
        seed: 3,
        ..TrainOptions::paper(CLASSES)
    }
}

/// Keeps the reports, and breaks off after a number of steps.
#[derive(Default)]
struct Recorder {
    reports: Vec<EpochReport>,
    steps: usize,
    stop_after: Option<usize>,
}

impl Hooks for Recorder {
    fn validate(&mut self, logits: &Tensor) -> Result<Metrics> {
        let mean = logits.mean(Kind::Double).double_value(&[]);
        Ok(Metrics { selection: mean, values: vec![("mean_logit".to_owned(), mean)] })
    }

    fn step(&mut self, _: &Trainer) -> Result<ControlFlow<()>> {
        self.steps += 1;
        Ok(if self.stop_after == Some(self.steps) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    }

    fn epoch(&mut self, _: &Trainer, report: &EpochReport) -> Result<ControlFlow<()>> {
        self.reports.push(report.clone());
        Ok(ControlFlow::Continue(()))
    }
}

fn accuracy(trainer: &Trainer, data: &Tones) -> f64 {
    let rows: Vec<usize> = (0..data.len()).collect();
    let right = trainer.predict(data, &rows).unwrap().gt(0.0).eq_tensor(&data.labels.gt(0.5));
    right.to_kind(Kind::Double).mean(Kind::Double).double_value(&[])
}

#[test]
fn it_learns() {
    let (train, test) = (Tones::new(323, 0), Tones::new(100, 1));
    let mut trainer = Trainer::new(options(16, Method::None), HOST).unwrap();
    let mut recorder = Recorder::default();
    assert!(trainer.run(&train, None, &mut recorder).unwrap().is_continue());
    assert!(accuracy(&trainer, &test) > 0.95, "{}", accuracy(&trainer, &test));
    let reports = &recorder.reports;
    assert!(reports.last().unwrap().loss < 0.5 * reports[0].loss, "{reports:?}");
}

/// Mixed targets are harder: with some seeds this tiny network has not learnt all tones after as many epochs, so accuracy is not asked for.
#[test]
fn mix2_draws_every_mixing_and_reports_each_epoch() {
    let (train, test) = (Tones::new(323, 0), Tones::new(100, 1));
    let mut trainer = Trainer::new(options(24, Method::Mix2), HOST).unwrap();
    let mut recorder = Recorder::default();
    assert!(trainer.run(&train, Some(&test), &mut recorder).unwrap().is_continue());
    let reports = &recorder.reports;
    assert!(reports.last().unwrap().loss < 0.95 * reports[0].loss, "{reports:?}");
    let drawn = reports.iter().fold([0; 4], |[a, b, c, d], r| {
        [a + r.mixing.plain, b + r.mixing.mixup, c + r.mixing.manifold_mixup, d + r.mixing.multimix]
    });
    assert_eq!(drawn.iter().sum::<usize>(), 24 * (323 / 16));
    assert!(drawn[0] == 0 && drawn[1..].iter().all(|&count| count > 5), "{drawn:?}");
    assert!(reports.iter().enumerate().all(|(epoch, r)| r.epoch == epoch && r.steps == 20 && r.metrics.is_some()));
    let best = trainer.best().unwrap();
    assert_eq!(reports.iter().filter(|r| r.is_best).map(|r| r.epoch).max(), Some(best.epoch));
}

/// 48 steps: with the usual momentum of 0.01 from the start, the running statistics give a correlation of 0.07 here.
#[test]
fn running_statistics_agree_with_the_batch_after_a_short_training() {
    let (train, test) = (Tones::new(96, 0), Tones::new(100, 1));
    let options = TrainOptions { augmentation: AugmentOptions::NONE, ..options(8, Method::None) };
    let mut trainer = Trainer::new(options, HOST).unwrap();
    let _ = trainer.run(&train, None, &mut Recorder::default()).unwrap();
    let clips = min_max(&test.features).unwrap();
    let logits = |mode| {
        let network = trainer.network();
        tch::no_grad(|| network.head(&network.forward_features(&clips, mode).unwrap()).unwrap())
    };
    let running = logits(Mode::Eval);
    let batch = logits(Mode::Train);
    let correlation = Tensor::stack(&[running.view(-1), batch.view(-1)], 0).corrcoef().double_value(&[0, 1]);
    assert!(correlation > 0.9, "{correlation}");
    let agreement = running.gt(0.0).eq_tensor(&batch.gt(0.0)).to_kind(Kind::Double).mean(Kind::Double);
    assert!(agreement.double_value(&[]) > 0.97, "{agreement:?}");
}

#[test]
fn a_training_continues_bit_for_bit_from_any_step() {
    let (train, validation) = (Tones::new(70, 0), Tones::new(20, 1));
    let mut whole = Trainer::new(options(3, Method::Mix2), HOST).unwrap();
    let mut expected = Recorder::default();
    let _ = whole.run(&train, Some(&validation), &mut expected).unwrap();
    let expected_bytes = whole.save_checkpoint().unwrap();
    // Four steps an epoch: within the first one, at its end before the report, right after it, and near the end.
    for stop in [1, 4, 5, 11] {
        let mut first = Trainer::new(options(3, Method::Mix2), HOST).unwrap();
        let mut recorder = Recorder { stop_after: Some(stop), ..Recorder::default() };
        assert!(first.run(&train, Some(&validation), &mut recorder).unwrap().is_break());
        let bytes = first.save_checkpoint().unwrap();
        drop(first);
        let mut resumed = Trainer::resume(options(3, Method::Mix2), HOST, &bytes).unwrap();
        assert_eq!(resumed.save_checkpoint().unwrap(), bytes);
        recorder.stop_after = None;
        let _ = resumed.run(&train, Some(&validation), &mut recorder).unwrap();
        assert_eq!(recorder.reports, expected.reports, "stopped after {stop}");
        assert_eq!(resumed.save_checkpoint().unwrap(), expected_bytes, "stopped after {stop}");
    }
}

#[test]
fn a_checkpoint_of_other_options_is_refused() {
    let bytes = Trainer::new(options(3, Method::Mix2), HOST).unwrap().save_checkpoint().unwrap();
    let other = TrainOptions { learning_rate: 0.02, ..options(3, Method::Mix2) };
    let refusal = Trainer::resume(other, HOST, &bytes).unwrap_err();
    assert!(matches!(&refusal, Error::Checkpoint { key, .. } if key == "learning_rate"), "{refusal}");
    assert!(Trainer::resume(options(3, Method::Mix2), HOST, &bytes[..bytes.len() - 1]).is_err());
}

#[test]
fn a_loss_that_is_not_a_number_names_the_step_and_its_rows() {
    let train = Tones::new(32, 0);
    let _ = train.features.get(17).fill_(f64::NAN);
    let mut trainer = Trainer::new(options(1, Method::None), HOST).unwrap();
    let failure = trainer.run(&train, None, &mut Recorder::default()).unwrap_err();
    let Error::Loss { epoch: 0, step, rows, .. } = failure else { panic!("{failure}") };
    assert!(rows.contains(&17) && rows.len() == 16 && step < 2, "{step} {rows:?}");
}

#[test]
fn a_set_smaller_than_a_batch_is_one_batch_and_an_empty_one_an_error() {
    let mut recorder = Recorder::default();
    let _ = Trainer::new(options(1, Method::Mix2), HOST).unwrap().run(&Tones::new(5, 0), None, &mut recorder).unwrap();
    assert_eq!(recorder.reports[0].steps, 1);
    let empty = Trainer::new(options(1, Method::Mix2), HOST).unwrap().run(&Tones::new(0, 0), None, &mut recorder);
    assert!(matches!(empty, Err(Error::Empty)));
}

#[test]
fn a_prediction_does_not_depend_on_its_neighbours() {
    let data = Tones::new(20, 0);
    let trainer = Trainer::new(options(1, Method::None), HOST).unwrap();
    let all = trainer.predict(&data, &(0..20).collect::<Vec<_>>()).unwrap();
    let alone = trainer.predict(&data, &[7]).unwrap();
    assert!((all.get(7) - alone.get(0)).abs().max().double_value(&[]) < 1e-5);
}

#[test]
fn options_out_of_range_are_refused() {
    for bad in [
        TrainOptions { epochs: 0, ..options(1, Method::None) },
        TrainOptions { learning_rate: f64::NAN, ..options(1, Method::None) },
        TrainOptions { validate_every: 0, ..options(1, Method::None) },
    ] {
        assert!(matches!(Trainer::new(bad, HOST), Err(Error::Option { .. })));
    }
}
