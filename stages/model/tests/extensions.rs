//! Extensions that are added from outside: a network over waveforms, a mixing method, a loss and an optimiser. Nothing of the crate
//! knows them, and a training takes them like its own.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;

use chorus_keys::Keys;
use chorus_torch::augment::AugmentOptions;
use chorus_torch::dataset::Dataset;
use chorus_torch::device::HOST;
use chorus_torch::extension::{self, Entry, Extension, OwnOptions, Settings};
use chorus_torch::loss::Loss;
use chorus_torch::mixing::manifold_mixup::{Depth, ManifoldMixup};
use chorus_torch::mixing::{Draw, Drawn, Mixing};
use chorus_torch::network::{Architecture, Backbone, Between, Init, Input, NetworkOptions, Normalisation, Pass, Plan, Slot};
use chorus_torch::optim::Optimizer;
use chorus_torch::options::{LoopSettings, TrainOptions};
use chorus_torch::precision::Precision;
use chorus_torch::student::StudentOptions;
use chorus_torch::target::Target;
use chorus_torch::trainer::{EpochReport, Hooks, Metrics, Trainer};
use chorus_torch::weights::StateDict;
use chorus_torch::{Error, Result};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use tch::{Device, Kind, Tensor};

/// A network over waveforms that was trained elsewhere: a bank of filters and the logarithm of their mean power. It has a rate and a
/// window of its own, no places between blocks, and no weight of it is learnt.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, Keys)]
#[keys(section = "train")]
struct FilterBank {
    /// Number of filters, which is the length of an embedding.
    #[key(default = "6", range = 1..=64, example = "8")]
    filters: usize,
}

const RATE_HZ: u32 = 4_000;
const WINDOW_S: f64 = 0.25;
const SAMPLES: i64 = 1_000;
/// Samples of a filter.
const LENGTH: i64 = 128;

static FILTER_BANK: Entry<dyn Architecture> = Entry {
    name: FilterBank::NAME,
    about: "Log power of a bank of filters",
    keys: FilterBank::keys,
    configure: |settings| Ok(Arc::new(settings.read::<FilterBank>(FilterBank::NAME)?)),
};

impl OwnOptions for FilterBank {
    const NAME: &'static str = "filter_bank";
}

impl Architecture for FilterBank {
    fn embedding(&self) -> i64 {
        self.filters as i64
    }

    fn input(&self) -> Input {
        Input::Waveform { sample_rate_hz: RATE_HZ, window_s: WINDOW_S }
    }

    fn normalisation(&self) -> Normalisation {
        Normalisation::None
    }

    fn precisions(&self) -> &'static [Precision] {
        &[Precision::Float32]
    }

    fn build(&self, plan: &mut Plan, channels: i64, _: Device) -> Result<Box<dyn Backbone>> {
        let shape = [self.embedding(), channels, LENGTH];
        Ok(Box::new(Filters(plan.buffer("filters.weight".to_owned(), &shape, Init::Zeros))))
    }
}

#[derive(Debug)]
struct Filters(Slot);

impl Backbone for Filters {
    fn embed(&self, pass: &Pass<'_>, input: &Tensor, kind: Kind, _: Between<'_>) -> Result<Tensor> {
        let filtered = input.f_conv1d(pass.buffer(self.0), None::<&Tensor>, 16, 0, 1, 1)?;
        let power = filtered.f_square()?.f_mean_dim([2].as_slice(), false, kind)?;
        Ok(power.f_add_scalar(1e-6)?.f_log()?)
    }
}

/// The weights of the filters, as a file would hold them: sines of 200, 400, … Hz.
fn trained_elsewhere(filters: i64) -> StateDict {
    let values: Vec<f32> = (1..=filters).flat_map(|n| (0..LENGTH).map(move |i| sine(200.0 * n as f32, i, 0.0))).collect();
    [("filters.weight".to_owned(), Tensor::from_slice(&values).view([filters, 1, LENGTH]) / 16.0)].into()
}

fn sine(frequency_hz: f32, sample: i64, phase: f32) -> f32 {
    (std::f32::consts::TAU * frequency_hz * sample as f32 / RATE_HZ as f32 + phase).sin()
}

/// Each class is a tone; each row has one or two of three tones, at any phase, over a faint fourth.
struct Waves {
    rows: usize,
    classes: [f32; 3],
}

impl Waves {
    fn label(&self, row: usize, class: usize) -> f32 {
        f32::from(row % 3 == class || (row / 3) % 5 == class)
    }
}

impl Dataset for Waves {
    fn len(&self) -> usize {
        self.rows
    }

    fn inputs(&self, rows: &[usize]) -> Result<Tensor> {
        let sample = |row: usize, i: i64| {
            let tones = self.classes.iter().enumerate().map(|(class, &hz)| self.label(row, class) * sine(hz, i, row as f32));
            tones.sum::<f32>() + 0.05 * sine(1_000.0, i, row as f32)
        };
        let values: Vec<f32> = rows.iter().flat_map(|&row| (0..SAMPLES).map(move |i| sample(row, i))).collect();
        Ok(Tensor::from_slice(&values).view([-1, 1, SAMPLES]))
    }

    fn labels(&self, rows: &[usize]) -> Result<(Tensor, Tensor)> {
        let values: Vec<f32> = rows.iter().flat_map(|&row| (0..3).map(move |class| self.label(row, class))).collect();
        let labels = Tensor::from_slice(&values).view([-1, 3]);
        let known = labels.ones_like();
        Ok((labels, known))
    }
}

fn waves(rows: usize) -> Waves {
    Waves { rows, classes: [200.0, 600.0, 1_200.0] }
}

/// Joins the first half of each input to the second half of the one before it in the batch.
#[derive(Debug)]
struct Halves;

impl Extension for Halves {
    fn name(&self) -> &'static str {
        "halves"
    }

    fn options(&self) -> Settings {
        Settings::default()
    }
}

impl Mixing for Halves {
    fn draw(&self, _: &mut ChaCha8Rng, _: usize, _: usize) -> Result<Drawn> {
        Ok(Box::new(Joined))
    }
}

#[derive(Debug)]
struct Joined;

impl Draw for Joined {
    fn method(&self) -> &'static str {
        "halves"
    }

    fn mix_inputs(&self, inputs: Tensor) -> Result<Tensor> {
        let (dim, half) = (inputs.dim() as i64 - 1, SAMPLES / 2);
        let second = inputs.f_roll([1], [0])?.f_narrow(dim, half, half)?;
        Ok(Tensor::f_cat(&[inputs.f_narrow(dim, 0, half)?, second], dim)?)
    }

    fn targets(&self, labels: &Tensor, mask: &Tensor) -> Result<Vec<Target>> {
        let part = |labels: Tensor, mask: Tensor| Target { labels, weights: mask * 0.5 };
        Ok(vec![part(labels.copy(), mask.copy()), part(labels.f_roll([1], [0])?, mask.f_roll([1], [0])?)])
    }
}

/// The squared difference of score and label.
#[derive(Debug)]
struct Brier;

impl Extension for Brier {
    fn name(&self) -> &'static str {
        "brier"
    }

    fn options(&self) -> Settings {
        Settings::default()
    }
}

impl Loss for Brier {
    fn of_outputs(&self, logits: &Tensor, target: &Target, _: Option<&Tensor>) -> Result<Tensor> {
        Ok(logits.f_sigmoid()?.f_sub(&target.labels)?.f_square()?)
    }
}

/// Gradient descent on the signs of a running mean (Bernstein et al. 2018).
#[derive(Debug)]
struct Signs;

impl Extension for Signs {
    fn name(&self) -> &'static str {
        "signs"
    }

    fn options(&self) -> Settings {
        Settings::default()
    }
}

impl Optimizer for Signs {
    fn moments(&self) -> &'static [&'static str] {
        &["mean"]
    }

    fn step(&self, parameters: &mut Tensor, gradient: &Tensor, moments: &mut [Tensor], _: i64, rate: f64) -> Result<()> {
        let _ = moments[0].f_lerp_(gradient, 0.1)?;
        let _ = parameters.f_sub_(&moments[0].f_sign()?.f_mul_scalar(rate)?)?;
        Ok(())
    }
}

/// Our own extensions all together, configured as a section of a file would be.
fn options(epochs: usize) -> TrainOptions {
    static NETWORKS: &[&Entry<dyn Architecture>] = &[&FILTER_BANK];
    assert_eq!(extension::keys(NETWORKS).iter().map(|key| key.name).collect::<Vec<_>>(), ["train.filters"]);
    let settings: Settings = serde_yaml::from_str("{filters: 8, epochs: 3}").unwrap();
    let architecture = extension::find("train.architecture", NETWORKS, "filter_bank").unwrap().with(&settings).unwrap();
    TrainOptions {
        network: NetworkOptions::new(architecture, 1, 3),
        optimizer: Arc::new(Signs),
        loss: Arc::new(Brier),
        mixing: Arc::new(Halves),
        views: None,
        student: StudentOptions::default(),
        settings: LoopSettings {
            epochs,
            batch_size: 16,
            average_decay: Some(0.5),
            // The widths of masks keep their defaults, as in a configuration that switches masks off.
            augmentation: AugmentOptions { time_roll: false, frequency_masks: 0, time_masks: 0, ..AugmentOptions::default() },
            threads: 1,
            ..LoopSettings::default()
        },
    }
}

#[derive(Default)]
struct Recorder {
    mixing: Vec<BTreeMap<String, usize>>,
    steps: usize,
    stop_after: Option<usize>,
}

impl Hooks for Recorder {
    fn validate(&mut self, _: &Tensor) -> Result<Metrics> {
        Ok(Metrics { selection: 0.0, values: Vec::new() })
    }

    fn step(&mut self, _: &Trainer) -> Result<ControlFlow<()>> {
        self.steps += 1;
        Ok(if self.stop_after == Some(self.steps) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    }

    fn epoch(&mut self, _: &Trainer, report: &EpochReport) -> Result<ControlFlow<()>> {
        self.mixing.push(report.mixing.clone());
        Ok(ControlFlow::Continue(()))
    }
}

#[test]
fn a_head_is_learnt_on_a_network_that_stays_as_it_is() {
    let (train, test) = (waves(320), waves(61));
    let mut trainer = Trainer::new(options(20), HOST).unwrap();
    let before = trainer.network().state_dict()["head.weight"].copy();
    trainer.start_from(&trained_elsewhere(8)).unwrap();
    // Three outputs, each with eight weights and a bias.
    assert_eq!((trainer.network().parameter_count(), trainer.network().places()), (27, 0));
    let mut recorder = Recorder::default();
    assert!(trainer.run(&train, Some(&test), &mut recorder).unwrap().is_continue());
    assert_eq!(recorder.mixing[19], [("halves".to_owned(), 20)].into());
    let state = trainer.model().state_dict();
    assert_eq!(state["filters.weight"], trained_elsewhere(8)["filters.weight"]);
    assert_ne!(state["head.weight"], before);
    let rows: Vec<usize> = (0..test.len()).collect();
    let right = trainer.predict(&test, &rows).unwrap().gt(0.0).eq_tensor(&test.labels(&rows).unwrap().0.gt(0.5));
    let accuracy = right.to_kind(Kind::Double).mean(Kind::Double).double_value(&[]);
    assert!(accuracy > 0.95, "{accuracy}");
}

#[test]
fn it_continues_bit_for_bit_from_a_checkpoint() {
    let train = waves(64);
    let start = || {
        let mut trainer = Trainer::new(options(3), HOST).unwrap();
        trainer.start_from(&trained_elsewhere(8)).unwrap();
        trainer
    };
    let mut whole = start();
    let _ = whole.run(&train, None, &mut Recorder::default()).unwrap();
    let mut first = start();
    let _ = first.run(&train, None, &mut Recorder { stop_after: Some(5), ..Recorder::default() }).unwrap();
    let mut resumed = Trainer::resume(options(3), HOST, &first.save_checkpoint().unwrap()).unwrap();
    let _ = resumed.run(&train, None, &mut Recorder::default()).unwrap();
    assert_eq!(resumed.save_checkpoint().unwrap(), whole.save_checkpoint().unwrap());
}

/// Each refusal names the key, the network, and what to do.
#[test]
fn what_the_network_cannot_do_is_refused_before_the_training() {
    let random = ManifoldMixup { manifold_depth: Depth::Random, ..ManifoldMixup::default() };
    let with = |change: fn(&mut LoopSettings)| {
        let mut options = options(1);
        change(&mut options.settings);
        options
    };
    for (options, name, expected) in [
        (TrainOptions { mixing: Arc::new(random), ..options(1) }, "manifold_depth", "no places between its blocks"),
        (with(|settings| settings.augmentation.time_roll = true), "time_roll", "takes no spectrograms"),
        (with(|settings| settings.sound.gain_db = 3.0), "gain_db", "takes no spectrograms"),
        (with(|settings| settings.precision = Precision::Bfloat16), "precision", "float32 with the network"),
    ] {
        let refusal = Trainer::new(options, HOST).unwrap_err();
        assert!(matches!(&refusal, Error::Option { name: found, .. } if *found == name), "{refusal}");
        let text = refusal.to_string();
        assert!(text.contains(expected) && text.contains("filter_bank"), "{text}");
    }
}

#[test]
fn inputs_of_another_length_are_refused() {
    let trainer = Trainer::new(options(1), HOST).unwrap();
    let frozen = trainer.network().freeze(Kind::Float).unwrap();
    assert_eq!(frozen.embed(&Tensor::zeros([2, 1, SAMPLES], (Kind::Float, HOST))).unwrap().size(), [2, 8]);
    for wrong in [vec![2, 1, SAMPLES - 1], vec![2, 1, 16, 50]] {
        let refusal = frozen.embed(&Tensor::zeros(wrong, (Kind::Float, HOST))).unwrap_err();
        assert!(matches!(&refusal, Error::Shape { expected, .. } if expected == "[batch, 1, 1000]"), "{refusal}");
    }
}
