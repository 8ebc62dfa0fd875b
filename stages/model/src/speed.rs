//! How fast this machine learns and predicts, for `make bench`: the real loops on made-up windows.

use std::ops::ControlFlow;
use std::path::Path;
use std::time::Instant;

use chorus_engine::{RunTables, WorkError};
use rand::RngExt;
use serde::Serialize;
use tch::{Device, Kind, Tensor};

use crate::dataset::Dataset;
use crate::features::Windows;
use crate::inference;
use crate::loader::{Job, for_each_batch};
use crate::network::Network;
use crate::options::{LoopSettings, TrainOptions};
use crate::precision::Precision;
use crate::resident::Resident;
use crate::rng::{Purpose, permutation, stream};
use crate::trainer::{EpochReport, Hooks, Metrics, Trainer};
use crate::{Result, device};

/// AnuraSet's number of species, and the paper's windows.
pub(crate) const CLASSES: i64 = 42;
const SHAPE: [i64; 3] = [1, 128, 376];

/// Windows per second.
#[derive(Debug, Default, Serialize)]
pub struct Speed {
    /// Training with the paper's settings.
    pub training: f64,
    /// The same with bfloat16 convolutions; none where the device does not compute in bfloat16.
    pub training_bfloat16: Option<f64>,
    /// Prediction.
    pub prediction: f64,
    /// The same with bfloat16 convolutions; none where the device does not compute in bfloat16.
    pub prediction_bfloat16: Option<f64>,
    /// What the device lacks to compute in bfloat16, in words; none where it lacks nothing.
    pub lacks_bfloat16: Option<String>,
    /// Reading batches in random order from the feature table of a run, and nothing else.
    pub feed: Option<f64>,
}

/// Windows of random decibels with random labels. Some hundred are made, and then come again: a device must not wait for them.
pub(crate) struct Noise {
    rows: usize,
    /// `[window, mel, frame]`, float16.
    windows: Vec<u8>,
}

impl Noise {
    /// So many rows.
    pub fn new(rows: usize) -> Self {
        const MADE: usize = 256;
        let values = SHAPE.iter().product::<i64>() as usize;
        let windows = (0..rows.min(MADE))
            .flat_map(|row| {
                // Halves between -128 and -64 dB; their noise is of no account, only that they differ.
                (0..values).flat_map(move |i| [((i * 31 + row * 7) % 251) as u8, 0xd4 + ((i + row) % 4) as u8])
            })
            .collect();
        Self { rows, windows }
    }
}

impl Dataset for Noise {
    fn len(&self) -> usize {
        self.rows
    }

    fn inputs(&self, rows: &[usize]) -> Result<Tensor> {
        let width = 2 * SHAPE.iter().product::<i64>() as usize;
        let made = self.windows.len() / width;
        let bytes = rows.iter().map(|&row| &self.windows[row % made * width..][..width]).collect::<Vec<_>>().concat();
        crate::features::tensor(&bytes, rows.len(), [SHAPE[1], SHAPE[2]])
    }

    fn labels(&self, rows: &[usize]) -> Result<(Tensor, Tensor)> {
        let mut rng = stream(0, Purpose::Order, 0, rows[0]);
        let labels: Vec<f32> = (0..rows.len() as i64 * CLASSES).map(|_| f32::from(rng.random_bool(0.05))).collect();
        let labels = Tensor::f_from_slice(&labels)?.f_view([-1, CLASSES])?;
        let known = labels.f_ones_like()?;
        Ok((labels, known))
    }
}

/// Takes the time from the end of the first step, which also allocates.
#[derive(Default)]
struct Watch {
    first: Option<Instant>,
    last: Option<Instant>,
}

impl Hooks for Watch {
    fn validate(&mut self, _: &Tensor) -> Result<Metrics> {
        Ok(Metrics { selection: 0.0, values: Vec::new() })
    }

    fn step(&mut self, _: &Trainer) -> Result<ControlFlow<()>> {
        self.last = Some(Instant::now());
        self.first = self.first.or(self.last);
        Ok(ControlFlow::Continue(()))
    }

    /// A GPU is still at work when a step's last order was given; an epoch ends when its losses are read.
    fn epoch(&mut self, _: &Trainer, _: &EpochReport) -> Result<ControlFlow<()>> {
        self.last = Some(Instant::now());
        Ok(ControlFlow::Continue(()))
    }
}

/// How a speed is measured.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Load {
    pub device: Device,
    pub threads: usize,
    pub batch: usize,
    /// Steps that are timed, after one that is not.
    pub steps: usize,
    /// Whether features lie on the device before they are timed.
    pub resident: bool,
}

/// Measures everything, with batches of `batch` windows; `run` is that of the feature table to read.
///
/// # Errors
/// libtorch's, and those of reading the table.
pub fn measure(
    device: Device,
    threads: usize,
    batch: usize,
    steps: usize,
    run: Option<&Path>,
) -> std::result::Result<Speed, WorkError> {
    device::set_threads(threads);
    let lacks_bfloat16 = device::lacks_bfloat16(device);
    // It would take minutes, and say nothing of what is used there.
    let has_bfloat16 = lacks_bfloat16.is_none();
    let load = Load { device, threads, batch, steps, resident: false };
    Ok(Speed {
        training: training(load, Precision::Float32)?,
        training_bfloat16: has_bfloat16.then(|| training(load, Precision::Bfloat16)).transpose()?,
        prediction: prediction(load, Kind::Float)?,
        prediction_bfloat16: has_bfloat16.then(|| prediction(load, Kind::BFloat16)).transpose()?,
        lacks_bfloat16,
        feed: run.map(|run| feed(run, batch, threads)).transpose()?,
    })
}

/// Windows per second of training with the paper's settings.
pub(crate) fn training(load: Load, precision: Precision) -> Result<f64> {
    let Load { device, threads, batch, steps, resident } = load;
    let mut options = TrainOptions::paper(CLASSES);
    options.settings = LoopSettings { batch_size: batch, epochs: 1, threads, precision, ..options.settings };
    let mut watch = Watch::default();
    let noise = Noise::new((steps + 1) * batch);
    let resident = resident.then(|| Resident::new(&noise, device)).transpose()?;
    let data = resident.as_ref().map_or(&noise as &dyn Dataset, |resident| resident);
    let mut trainer = Trainer::new(options, device)?.with_loader_threads(usize::from(resident.is_none()));
    let _ = trainer.run(data, None, &mut watch)?;
    let seconds = watch.first.zip(watch.last).map_or(f64::NAN, |(first, last)| (last - first).as_secs_f64());
    Ok((steps * batch) as f64 / seconds)
}

/// Windows per second of prediction.
pub(crate) fn prediction(load: Load, kind: Kind) -> Result<f64> {
    let Load { device, batch, steps, resident, .. } = load;
    let options = TrainOptions::paper(CLASSES).network;
    let network = Network::new(options, 0, Kind::Float, device)?.freeze(kind)?;
    let features = Noise::new(batch).inputs(&(0..batch).collect::<Vec<_>>())?;
    let features = if resident { device::send(&features, device)? } else { features };
    let mut start = Instant::now();
    for step in 0..=steps {
        // Reading the logits waits for them on any device.
        inference::predict_batch(&network, &features)?.logits.f_double_value(&[0, 0])?;
        if step == 0 {
            start = Instant::now();
        }
    }
    Ok((steps * batch) as f64 / start.elapsed().as_secs_f64())
}

fn feed(run: &Path, batch: usize, threads: usize) -> std::result::Result<f64, WorkError> {
    let mut windows = Windows::empty(1);
    for part in RunTables::open(run, |_| Vec::new())?.partitions("features")? {
        let reader = part.open()?;
        for row in 0..reader.rows() {
            windows.add(&reader, row, &[Some(0)])?;
        }
    }
    let order = permutation(&mut stream(0, Purpose::Order, 0, 0), windows.len());
    let jobs: Vec<Job<'_>> = order.chunks_exact(batch.min(order.len())).map(|rows| Job { rows, background: &[] }).collect();
    let start = Instant::now();
    let _ = for_each_batch(&windows, &jobs, threads, device::HOST, |_, _| Ok(ControlFlow::Continue(())))?;
    Ok((jobs.len() * batch.min(order.len())) as f64 / start.elapsed().as_secs_f64())
}
