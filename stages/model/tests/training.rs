//! The training loop on small synthetic spectrograms: it learns, stops, resumes, and says what is wrong.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;

use chorus_torch::augment::AugmentOptions;
use chorus_torch::dataset::{Census, Dataset};
use chorus_torch::device::HOST;
use chorus_torch::loss::asymmetric::Asymmetric;
use chorus_torch::mixing::Mixing;
use chorus_torch::mixing::manifold_mixup::{Depth, ManifoldMixup};
use chorus_torch::mixing::mix2::Mix2;
use chorus_torch::mixing::multimix::MultiMix;
use chorus_torch::mixing::none::NoMixing;
use chorus_torch::network::mobilenet_v3::{MobileNetV3, MobileNetV3Options, Size};
use chorus_torch::network::resnet::ResNet18;
use chorus_torch::network::{Architecture, Mode, Network, NetworkOptions};
use chorus_torch::normalise::min_max;
use chorus_torch::optim::sgd::Sgd;
use chorus_torch::options::{LoopSettings, TrainOptions};
use chorus_torch::precision::Precision;
use chorus_torch::resident::Resident;
use chorus_torch::sampling::Sampling;
use chorus_torch::sound::SoundOptions;
use chorus_torch::trainer::{EpochReport, Hooks, Metrics, Trainer};
use chorus_torch::{Error, Result};
use tch::{Kind, Tensor};

/// Each class is a tone in a band of its own over noise; each row has a random set of classes.
struct Tones {
    /// `[row, mel, frame]`
    features: Vec<f32>,
    /// `[row, class]`
    labels: Vec<f32>,
}

const SHAPE: [i64; 3] = [1, 32, 48];

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
        Self { features, labels }
    }

    fn all_labels(&self) -> Tensor {
        Tensor::from_slice(&self.labels).view([-1, CLASSES])
    }
}

fn select(values: &[f32], rows: &[usize], shape: &[i64]) -> Tensor {
    let width = shape.iter().product::<i64>() as usize;
    let picked: Vec<f32> = rows.iter().flat_map(|row| &values[row * width..(row + 1) * width]).copied().collect();
    Tensor::from_slice(&picked).view([&[rows.len() as i64], shape].concat().as_slice())
}

impl Dataset for Tones {
    fn len(&self) -> usize {
        self.labels.len() / CLASSES as usize
    }

    fn inputs(&self, rows: &[usize]) -> Result<Tensor> {
        Ok(select(&self.features, rows, &SHAPE))
    }

    fn labels(&self, rows: &[usize]) -> Result<(Tensor, Tensor)> {
        let labels = select(&self.labels, rows, &[CLASSES]);
        let known = labels.ones_like();
        Ok((labels, known))
    }
}

/// MobileNetV3-Small at a quarter of its width, for pictures of so many channels.
fn mobilenet(channels: i64, classes: i64) -> NetworkOptions {
    let architecture = MobileNetV3 { size: Size::Small, options: MobileNetV3Options { width: 0.25 } };
    NetworkOptions::new(Arc::new(architecture), channels, classes)
}

fn none() -> Arc<dyn Mixing> {
    Arc::new(NoMixing)
}

const MULTIMIX: MultiMix = MultiMix { multimix_alpha: 0.2, multimix_mixtures: 16 };

fn mix2() -> Arc<dyn Mixing> {
    Arc::new(Mix2 { multimix: MULTIMIX, ..Mix2::default() })
}

fn options(epochs: usize, mixing: Arc<dyn Mixing>) -> TrainOptions {
    let settings = LoopSettings {
        epochs,
        batch_size: 16,
        augmentation: AugmentOptions { frequency_mask_bands: 2, time_mask_frames: 4, ..AugmentOptions::default() },
        seed: 3,
        threads: 1,
        ..LoopSettings::default()
    };
    TrainOptions { network: mobilenet(1, CLASSES), mixing, settings, ..TrainOptions::paper(CLASSES) }
}

/// These options with other settings of the loop.
fn with(mut options: TrainOptions, change: impl FnOnce(&mut LoopSettings)) -> TrainOptions {
    change(&mut options.settings);
    options
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
    let right = trainer.predict(data, &rows).unwrap().gt(0.0).eq_tensor(&data.all_labels().gt(0.5));
    right.to_kind(Kind::Double).mean(Kind::Double).double_value(&[])
}

/// The share of pairs of a positive and a negative that the logits put in the right order: losses for rare classes shift all scores.
fn auroc(trainer: &Trainer, data: &Tones) -> f64 {
    let rows: Vec<usize> = (0..data.len()).collect();
    let logits = Vec::<f32>::try_from(trainer.predict(data, &rows).unwrap().contiguous().view(-1)).unwrap();
    let (mut right, mut pairs) = (0, 0);
    for class in 0..CLASSES as usize {
        let side = |label: f32| (class..logits.len()).step_by(CLASSES as usize).filter(move |&i| data.labels[i] == label);
        for positive in side(1.0) {
            right += side(0.0).filter(|&negative| logits[negative] < logits[positive]).count();
            pairs += side(0.0).count();
        }
    }
    right as f64 / pairs as f64
}

#[test]
fn it_learns() {
    let (train, test) = (Tones::new(323, 0), Tones::new(100, 1));
    let mut trainer = Trainer::new(options(16, none()), HOST).unwrap();
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
    let mut trainer = Trainer::new(options(24, mix2()), HOST).unwrap();
    let mut recorder = Recorder::default();
    assert!(trainer.run(&train, Some(&test), &mut recorder).unwrap().is_continue());
    let reports = &recorder.reports;
    assert!(reports.last().unwrap().loss < 0.95 * reports[0].loss, "{reports:?}");
    let mut drawn = BTreeMap::new();
    for (method, steps) in reports.iter().flat_map(|report| &report.mixing) {
        *drawn.entry(method.as_str()).or_insert(0) += steps;
    }
    assert_eq!(drawn.values().sum::<usize>(), 24 * (323 / 16));
    assert!(drawn.keys().eq(&["manifold_mixup", "mixup", "multimix"]) && drawn.values().all(|&steps| steps > 5), "{drawn:?}");
    assert!(reports.iter().enumerate().all(|(epoch, r)| r.epoch == epoch && r.steps == 20 && r.metrics.is_some()));
    let best = trainer.best().unwrap();
    assert_eq!(reports.iter().filter(|r| r.is_best).map(|r| r.epoch).max(), Some(best.epoch));
}

/// 48 steps: with the usual momentum of 0.01 from the start, the running statistics give a correlation of 0.07 here.
#[test]
fn running_statistics_agree_with_the_batch_after_a_short_training() {
    let (train, test) = (Tones::new(96, 0), Tones::new(100, 1));
    let options = with(options(8, none()), |settings| settings.augmentation = AugmentOptions::NONE);
    let mut trainer = Trainer::new(options, HOST).unwrap();
    let _ = trainer.run(&train, None, &mut Recorder::default()).unwrap();
    let clips = min_max(&test.inputs(&(0..test.len()).collect::<Vec<_>>()).unwrap()).unwrap();
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
    let mut whole = Trainer::new(options(3, mix2()), HOST).unwrap();
    let mut expected = Recorder::default();
    let _ = whole.run(&train, Some(&validation), &mut expected).unwrap();
    let expected_bytes = whole.save_checkpoint().unwrap();
    // Four steps an epoch: within the first one, at its end before the report, right after it, and near the end.
    for stop in [1, 4, 5, 11] {
        let mut first = Trainer::new(options(3, mix2()), HOST).unwrap();
        let mut recorder = Recorder { stop_after: Some(stop), ..Recorder::default() };
        assert!(first.run(&train, Some(&validation), &mut recorder).unwrap().is_break());
        let bytes = first.save_checkpoint().unwrap();
        drop(first);
        let mut resumed = Trainer::resume(options(3, mix2()), HOST, &bytes).unwrap();
        assert_eq!(resumed.save_checkpoint().unwrap(), bytes);
        recorder.stop_after = None;
        let _ = resumed.run(&train, Some(&validation), &mut recorder).unwrap();
        assert_eq!(recorder.reports, expected.reports, "stopped after {stop}");
        assert_eq!(resumed.save_checkpoint().unwrap(), expected_bytes, "stopped after {stop}");
    }
}

/// Every option that the paper does not use.
fn everything(epochs: usize) -> TrainOptions {
    let manifold_mixup = ManifoldMixup { manifold_depth: Depth::Random, ..ManifoldMixup::default() };
    let mixing = Arc::new(Mix2 { multimix: MULTIMIX, manifold_mixup, ..Mix2::default() });
    let options = options(epochs, mixing);
    let settings = LoopSettings {
        warmup_epochs: 1,
        learning_rate: 0.05,
        clip_norm: Some(1.0),
        average_decay: Some(0.9),
        max_positive_weight: Some(5.0),
        sampling: Sampling::ClassBalanced,
        sound: SoundOptions { gain_db: 6.0, background_probability: 0.3, background_gain_db: [-20.0, -10.0] },
        ..options.settings
    };
    TrainOptions {
        optimizer: Arc::new(Sgd { momentum: 0.9, weight_decay: 1e-4 }),
        loss: Arc::new(Asymmetric { asymmetric_gammas: [0.0, 2.0], asymmetric_margin: 0.05 }),
        settings,
        ..options
    }
}

#[test]
fn every_option_together_learns_resumes_and_does_not_depend_on_threads() {
    let (train, test) = (Tones::new(323, 0), Tones::new(100, 1));
    let run = |trainer: &mut Trainer, stop_after| {
        let mut recorder = Recorder { stop_after, ..Recorder::default() };
        let _ = trainer.run(&train, Some(&test), &mut recorder).unwrap();
        recorder.reports
    };
    let mut whole = Trainer::new(everything(12), HOST).unwrap();
    run(&mut whole, None);
    assert!(auroc(&whole, &test) > 0.7, "{}", auroc(&whole, &test));
    assert_ne!(whole.model().flat(), whole.network().flat());
    let mut first = Trainer::new(everything(12), HOST).unwrap().with_loader_threads(0);
    run(&mut first, Some(50));
    let mut resumed = Trainer::resume(everything(12), HOST, &first.save_checkpoint().unwrap()).unwrap().with_loader_threads(3);
    run(&mut resumed, None);
    assert_eq!(resumed.save_checkpoint().unwrap(), whole.save_checkpoint().unwrap());
}

#[test]
fn a_dataset_on_the_device_gives_the_same_training() {
    let train = Tones::new(70, 0);
    let on_device = Resident::new(&train, HOST).unwrap();
    let weights = |data: &dyn Dataset| {
        let mut trainer = Trainer::new(options(2, mix2()), HOST).unwrap().with_loader_threads(0);
        let _ = trainer.run(data, None, &mut Recorder::default()).unwrap();
        trainer.save_checkpoint().unwrap()
    };
    assert_eq!(weights(&on_device), weights(&train));
    assert!(matches!(Resident::new(&Tones::new(0, 0), HOST), Err(Error::Empty)));
}

#[test]
fn training_ends_when_validation_is_no_longer_better() {
    /// Better for two validations, never again.
    struct Worse(usize);
    impl Hooks for Worse {
        fn validate(&mut self, _: &Tensor) -> Result<Metrics> {
            self.0 += 1;
            Ok(Metrics { selection: if self.0 <= 2 { self.0 as f64 } else { 0.0 }, values: Vec::new() })
        }
    }
    let (train, validation) = (Tones::new(32, 0), Tones::new(8, 1));
    let mut trainer = Trainer::new(with(options(20, none()), |settings| settings.patience = Some(3)), HOST).unwrap();
    assert!(trainer.run(&train, Some(&validation), &mut Worse(0)).unwrap().is_continue());
    assert_eq!((trainer.position(), trainer.best().unwrap().epoch), ((5, 0), 1));
}

#[test]
fn frozen_networks_give_the_scores_of_evaluation() {
    let train = Tones::new(64, 0);
    let mut trainer = Trainer::new(options(2, none()), HOST).unwrap();
    let _ = trainer.run(&train, None, &mut Recorder::default()).unwrap();
    let clips = min_max(&train.inputs(&(0..64).collect::<Vec<_>>()).unwrap()).unwrap();
    let network = trainer.network();
    let expected = tch::no_grad(|| network.head(&network.forward_features(&clips, Mode::Eval).unwrap()).unwrap());
    let scores = |kind| {
        let frozen = network.freeze(kind).unwrap();
        tch::no_grad(|| frozen.head(&frozen.embed(&clips).unwrap()).unwrap())
    };
    let largest = |a: &Tensor, b: &Tensor| (a - b).abs().max().double_value(&[]);
    let (difference, size) = (largest(&scores(Kind::Float), &expected), expected.abs().max().double_value(&[]));
    assert!(difference < 1e-5 * size.max(1.0), "{difference} of {size}");
    let difference = (scores(Kind::BFloat16).sigmoid() - expected.sigmoid()).abs().mean(Kind::Float).double_value(&[]);
    assert!(difference > 0.0 && difference < 0.01, "{difference}");
    // It is a copy: a later step does not reach it.
    let frozen = network.freeze(Kind::Float).unwrap();
    let before = tch::no_grad(|| frozen.embed(&clips).unwrap());
    let _ = tch::no_grad(|| network.flat().fill_(0.5));
    assert_eq!(tch::no_grad(|| frozen.embed(&clips).unwrap()), before);
}

#[test]
fn half_precision_learns_too() {
    let (train, test) = (Tones::new(323, 0), Tones::new(100, 1));
    let options = with(options(16, none()), |settings| settings.precision = Precision::Bfloat16);
    let mut trainer = Trainer::new(options, HOST).unwrap();
    let _ = trainer.run(&train, None, &mut Recorder::default()).unwrap();
    assert!(accuracy(&trainer, &test) > 0.95, "{}", accuracy(&trainer, &test));
    assert_eq!(trainer.network().flat().kind(), Kind::Float);
}

#[test]
fn pretrained_weights_are_taken_over_and_pictures_become_grey() {
    let picture = Network::new(mobilenet(3, 9), 8, Kind::Float, HOST).unwrap().state_dict();
    let mut trainer = Trainer::new(with(options(1, none()), |settings| settings.average_decay = Some(0.5)), HOST).unwrap();
    trainer.start_from(&picture).unwrap();
    let state = trainer.network().state_dict();
    assert_eq!(state["features.1.block.0.0.weight"], picture["features.1.block.0.0.weight"]);
    let grey = picture["features.0.0.weight"].sum_dim_intlist([1].as_slice(), true, None);
    assert_eq!(state["features.0.0.weight"], grey);
    assert_eq!(trainer.model().flat(), trainer.network().flat());
}

#[test]
fn the_census_counts_what_is_known() {
    let data = Tones::new(50, 0);
    let census = Census::of(&data, CLASSES as usize).unwrap();
    let expected: f32 = data.labels.iter().sum();
    assert_eq!(census.counts().iter().sum::<u64>() as f32, expected);
    assert_eq!(census.reviewed, [50; 3]);
    assert!(census.positives.iter().enumerate().all(|(class, rows)| rows.iter().all(|row| data.labels[row * 3 + class] > 0.5)));
}

#[test]
fn a_checkpoint_of_other_options_is_refused() {
    let bytes = Trainer::new(options(3, mix2()), HOST).unwrap().save_checkpoint().unwrap();
    let other = with(options(3, mix2()), |settings| settings.learning_rate = 0.02);
    let refusal = Trainer::resume(other, HOST, &bytes).unwrap_err();
    assert!(matches!(&refusal, Error::Checkpoint { key, .. } if key == "learning_rate"), "{refusal}");
    assert!(Trainer::resume(options(3, mix2()), HOST, &bytes[..bytes.len() - 1]).is_err());
}

#[test]
fn a_loss_that_is_not_a_number_names_the_step_and_its_rows() {
    let mut train = Tones::new(32, 0);
    train.features[17 * 32 * 48..18 * 32 * 48].fill(f32::NAN);
    let mut trainer = Trainer::new(options(1, none()), HOST).unwrap();
    let failure = trainer.run(&train, None, &mut Recorder::default()).unwrap_err();
    let Error::Loss { epoch: 0, step, rows, .. } = failure else { panic!("{failure}") };
    assert!(rows.contains(&17) && rows.len() == 16 && step < 2, "{step} {rows:?}");
}

#[test]
fn a_set_smaller_than_a_batch_is_one_batch_and_an_empty_one_an_error() {
    let mut recorder = Recorder::default();
    let _ = Trainer::new(options(1, mix2()), HOST).unwrap().run(&Tones::new(5, 0), None, &mut recorder).unwrap();
    assert_eq!(recorder.reports[0].steps, 1);
    let empty = Trainer::new(options(1, mix2()), HOST).unwrap().run(&Tones::new(0, 0), None, &mut recorder);
    assert!(matches!(empty, Err(Error::Empty)));
}

#[test]
fn a_prediction_does_not_depend_on_its_neighbours() {
    let data = Tones::new(20, 0);
    let trainer = Trainer::new(options(1, none()), HOST).unwrap();
    let all = trainer.predict(&data, &(0..20).collect::<Vec<_>>()).unwrap();
    let alone = trainer.predict(&data, &[7]).unwrap();
    assert!((all.get(7) - alone.get(0)).abs().max().double_value(&[]) < 1e-5);
}

#[test]
fn options_out_of_range_are_refused() {
    let refused = |change: fn(&mut LoopSettings)| match Trainer::new(with(options(1, none()), change), HOST).unwrap_err() {
        Error::Option { name, .. } => name,
        other => panic!("{other}"),
    };
    assert_eq!(refused(|settings| settings.epochs = 0), "epochs");
    assert_eq!(refused(|settings| settings.learning_rate = f64::NAN), "learning_rate");
    assert_eq!(refused(|settings| settings.validate_every = 0), "validate_every");
    assert_eq!(refused(|settings| settings.clip_norm = Some(0.0)), "clip_norm");
    assert_eq!(refused(|settings| settings.warmup_epochs = 1), "warmup_epochs");
    assert_eq!(refused(|settings| settings.sound.gain_db = -1.0), "gain_db");
    assert_eq!(refused(|settings| settings.sound.background_gain_db = [0.0, -1.0]), "background_gain_db");
}

/// The same loop with another network: it learns, continues bit for bit with mixing between its blocks, and predicts when frozen.
#[test]
fn a_resnet_learns_resumes_and_predicts() {
    let (train, test) = (Tones::new(323, 0), Tones::new(100, 1));
    let network = NetworkOptions::new(Arc::new(ResNet18 { width: 0.125 }), 1, CLASSES);
    let learning = TrainOptions { network: network.clone(), ..options(8, none()) };
    let learning = with(learning, |settings| settings.learning_rate = 3e-3);
    let mut trainer = Trainer::new(learning, HOST).unwrap();
    let _ = trainer.run(&train, None, &mut Recorder::default()).unwrap();
    assert!(accuracy(&trainer, &test) > 0.9, "{}", accuracy(&trainer, &test));

    let small = Tones::new(70, 0);
    let mixed = || TrainOptions { network: network.clone(), ..everything(2) };
    let mut whole = Trainer::new(mixed(), HOST).unwrap();
    let _ = whole.run(&small, Some(&test), &mut Recorder::default()).unwrap();
    let mut first = Trainer::new(mixed(), HOST).unwrap();
    let _ = first.run(&small, Some(&test), &mut Recorder { stop_after: Some(5), ..Recorder::default() }).unwrap();
    let mut resumed = Trainer::resume(mixed(), HOST, &first.save_checkpoint().unwrap()).unwrap();
    let _ = resumed.run(&small, Some(&test), &mut Recorder::default()).unwrap();
    assert_eq!(resumed.save_checkpoint().unwrap(), whole.save_checkpoint().unwrap());
    let refusal = Trainer::resume(options(2, mix2()), HOST, &first.save_checkpoint().unwrap()).unwrap_err();
    assert!(matches!(&refusal, Error::Checkpoint { key, .. } if key == "network"), "{refusal}");
}

#[test]
fn every_network_has_places_for_mixing_or_says_that_it_has_none() {
    let random = || ManifoldMixup { manifold_depth: Depth::Random, ..ManifoldMixup::default() };
    for architecture in [mobilenet(1, CLASSES).architecture, Arc::new(ResNet18::default()) as Arc<dyn Architecture>] {
        assert!(architecture.places() > 0);
        let network = NetworkOptions::new(architecture, 1, CLASSES);
        TrainOptions { network, ..options(1, Arc::new(random())) }.validate().unwrap();
    }
}
