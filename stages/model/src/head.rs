//! Stage `train` with `head.method: gradient`: a linear head on the embeddings of a backbone, trained step by step as a network is, with
//! the mixing, the loss and the optimiser of the section `train`. The weights are for embeddings as they are, so that `chorus` predicts
//! without libtorch.

use std::sync::Arc;

use chorus_engine::{Scan, ScanContext, UnitContext, Work, WorkError};
use chorus_head::methods::linear::Standard;
use chorus_head::{Examples, Made, Material};
use serde_yaml::Mapping;
use tch::{Device, Kind, Tensor};

use crate::augment::AugmentOptions;
use crate::dataset::Dataset;
use crate::device;
use crate::extension::{Extension, Settings};
use crate::lesson::{Learnt, Lesson, checkpoints_every, learn};
use crate::log::{figures, write_log};
use crate::network::{Architecture, Backbone, Between, CHANNELS, HEAD, Input, NetworkOptions, Normalisation, Pass, Plan};
use crate::options::TrainOptions;
use crate::precision::Precision;
use crate::settings::{Select, TrainSettings};
use crate::sound::SoundOptions;
use crate::{Result, weights};

/// The stage.
pub struct TrainHead;

impl Work for TrainHead {
    type Found = ();

    fn scan(&self, _: &ScanContext<'_>) -> std::result::Result<Scan<()>, WorkError> {
        Ok(Scan::default())
    }

    fn run(&self, cx: &UnitContext<'_>, (): &()) -> std::result::Result<(), WorkError> {
        let params = cx.settings::<TrainSettings>()?;
        let device = device::resolve(&cx.value::<String>("device")?)?;
        let material = Material::read(cx)?;
        let (classes, width) = (material.classes.len(), material.train.width);
        let standard = Standard::of(&material.train);
        let unlabelled = material.settings.unlabelled_weight;
        let train = Embeddings::new(&material.train, &standard, unlabelled);
        let validation = (!material.validation.is_empty()).then(|| Embeddings::new(&material.validation, &standard, 0.0));
        let lesson = Lesson {
            stage: "train",
            options: options(&params, classes, width)?,
            device,
            train: &train,
            validation: validation.as_ref().map(|own| own as &dyn Dataset),
            judge: &|logits| validation.as_ref().map_or_else(|| Ok(Vec::new()), |own| figures(own, classes, logits)),
            select: if validation.is_some() { params.select } else { Select::Last },
            every: checkpoints_every(&params),
            // The embeddings lie in memory: there is nothing to read ahead.
            loader_threads: 0,
            start: &|_| Ok(()),
        };
        let Learnt { history, kept, weights: bytes } = learn(cx, lesson)?;
        let head = standard.undo(&rows(&bytes, classes, width)?, &learnt(&material.train));
        let made = Made {
            options: Mapping::new(),
            epochs: history.len() as u64,
            kept_epoch: kept as u64,
            mixing: params.mixing.clone(),
            seed: params.training.seed,
            libtorch: device::describe().libtorch_version,
        };
        material.write_model(cx, &head, made)?;
        write_log(cx, &history, kept)
    }
}

/// The options of the section train, but for the network, and for what varies sound and spectrograms.
fn options(params: &TrainSettings, classes: usize, width: usize) -> Result<TrainOptions> {
    let network = NetworkOptions::new(Arc::new(OnEmbeddings { width }), CHANNELS, classes as i64);
    let mut params = params.clone();
    params.training.augmentation = AugmentOptions::NONE;
    params.training.sound = SoundOptions::default();
    params.training.precision = Precision::Float32;
    params.options_of(network)
}

/// Weights and biases `[class, value + 1]` of the network's head.
fn rows(bytes: &[u8], classes: usize, width: usize) -> Result<Vec<f64>> {
    let state = weights::from_bytes(bytes)?;
    let values = |name: &str, shape: &[i64]| -> Result<Vec<f64>> {
        let name = format!("{HEAD}{name}");
        let tensor = weights::tensor(&state, &name)?;
        weights::check_shape(&name, shape, tensor)?;
        Ok(Vec::try_from(tensor.f_to_kind(Kind::Double)?.f_contiguous()?.f_view(-1)?)?)
    };
    let weight = values("weight", &[classes as i64, width as i64])?;
    let bias = values("bias", &[classes as i64])?;
    Ok(weight.chunks_exact(width).zip(bias).flat_map(|(row, bias)| row.iter().copied().chain([bias])).collect())
}

/// Which classes have positive windows.
fn learnt(train: &Examples) -> Vec<bool> {
    train.positives().iter().map(|&n| n > 0).collect()
}

/// Standardised embeddings with labels, in memory.
struct Embeddings<'a> {
    examples: &'a Examples,
    /// `[row, value]`
    values: Vec<f32>,
    /// Weight of an unlabelled window as a negative one.
    unlabelled: f32,
}

impl<'a> Embeddings<'a> {
    fn new(examples: &'a Examples, standard: &Standard, unlabelled: f32) -> Self {
        let values = standard.apply(examples).into_iter().map(|value| value as f32).collect();
        Self { examples, values, unlabelled }
    }
}

impl Dataset for Embeddings<'_> {
    fn len(&self) -> usize {
        self.examples.len()
    }

    /// `[row, 1, value]`
    fn inputs(&self, rows: &[usize]) -> Result<Tensor> {
        let width = self.examples.width;
        let values: Vec<f32> = rows.iter().flat_map(|row| &self.values[row * width..(row + 1) * width]).copied().collect();
        Ok(Tensor::f_from_slice(&values)?.f_view([rows.len() as i64, CHANNELS, width as i64])?)
    }

    fn labels(&self, rows: &[usize]) -> Result<(Tensor, Tensor)> {
        let table = |of: &dyn Fn(&Option<bool>) -> f32| -> Result<Tensor> {
            let values: Vec<f32> = rows.iter().flat_map(|&row| self.examples.labels(row)).map(of).collect();
            Ok(Tensor::f_from_slice(&values)?.f_view([rows.len() as i64, self.examples.classes as i64])?)
        };
        let labels = table(&|label| f32::from(u8::from(*label == Some(true))))?;
        let known = table(&|label| if label.is_some() { 1.0 } else { self.unlabelled })?;
        Ok((labels, known))
    }
}

/// No network: the embeddings as they come, of so many values. The configuration does not know it, since it is chosen by `head.method`.
#[derive(Debug)]
struct OnEmbeddings {
    width: usize,
}

impl Extension for OnEmbeddings {
    fn name(&self) -> &'static str {
        "embeddings"
    }

    fn options(&self) -> Settings {
        Settings::default()
    }
}

impl Architecture for OnEmbeddings {
    fn embedding(&self) -> i64 {
        self.width as i64
    }

    fn input(&self) -> Input {
        Input::Embedding { values: self.width }
    }

    fn normalisation(&self) -> Normalisation {
        Normalisation::None
    }

    fn precisions(&self) -> &'static [Precision] {
        &[Precision::Float32]
    }

    fn build(&self, _: &mut Plan, _: i64, _: Device) -> Result<Box<dyn Backbone>> {
        Ok(Box::new(AsTheyCome))
    }
}

#[derive(Debug)]
struct AsTheyCome;

impl Backbone for AsTheyCome {
    fn embed(&self, _: &Pass<'_>, input: &Tensor, kind: Kind, _: Between<'_>) -> Result<Tensor> {
        Ok(input.f_flatten(1, -1)?.f_to_kind(kind)?)
    }
}
