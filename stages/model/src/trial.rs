//! What a device gives beside the processor, and how fast it is, on made-up windows with the real loops: for tests/cuda/run.sh.

use std::ops::ControlFlow;
use std::sync::Arc;

use chorus_engine::WorkError;
use serde::Serialize;
use tch::{Device, Kind, Tensor};

use crate::Result;
use crate::dataset::Dataset;
use crate::device::{self, HOST};
use crate::inference;
use crate::network::Network;
use crate::optim::sgd::Sgd;
use crate::options::{LoopSettings, TrainOptions};
use crate::precision::Precision;
use crate::speed::{CLASSES, Load, Noise, prediction, training};
use crate::trainer::{Hooks, Metrics, Trainer};

/// Logits of the device may differ by so much from those of the processor: CUDA multiplies in TF32 by default, which has ten bits of mantissa.
const LOGITS: f64 = 0.05;
/// So much may a step differ, as a share of the step's length.
const STEP: f64 = 0.05;
/// So much may a loss differ, as a share of it.
const LOSS: f64 = 0.01;
/// So much may the steps after a resume differ from those of a training that was not broken off, as a share of their length.
const RESUME: f64 = 0.1;

/// The findings.
#[derive(Debug, Serialize)]
pub struct Trial {
    /// The device.
    pub device: String,
    /// What was compared.
    pub checks: Vec<Check>,
    /// How fast it is.
    pub speeds: Vec<Measured>,
    /// What the device lacks to compute in bfloat16, in words; none where it lacks nothing.
    pub lacks_bfloat16: Option<String>,
}

/// A comparison.
#[derive(Debug, Serialize)]
pub struct Check {
    /// What was compared.
    pub what: &'static str,
    /// The difference.
    pub found: f64,
    /// The largest one that is allowed; none where nothing is promised.
    pub most: Option<f64>,
}

/// A speed.
#[derive(Debug, Serialize)]
pub struct Measured {
    /// `training` or `prediction`.
    pub what: &'static str,
    /// The number type of the convolutions.
    pub precision: &'static str,
    /// `resident`: features lie on the device. `streamed`: each batch is copied there.
    pub features: &'static str,
    /// Windows per second.
    pub windows_per_s: f64,
}

impl Trial {
    /// The comparisons whose difference is larger than allowed, or is no number.
    pub fn failures(&self) -> Vec<&Check> {
        self.checks.iter().filter(|check| !check.found.is_finite() || check.most.is_some_and(|most| check.found > most)).collect()
    }
}

/// Compares and measures. Speeds are those of batches of `batch` windows, over so many steps.
///
/// # Errors
/// libtorch's, and those of the loops.
pub fn run(device: Device, threads: usize, batch: usize, steps: usize) -> std::result::Result<Trial, WorkError> {
    device::set_threads(threads);
    let checks = checks(device, threads)?;
    let lacks_bfloat16 = device::lacks_bfloat16(device);
    let precisions =
        if lacks_bfloat16.is_none() { vec![Precision::Float32, Precision::Bfloat16] } else { vec![Precision::Float32] };
    let mut speeds = Vec::new();
    for precision in precisions {
        for resident in [true, false] {
            let load = Load { device, threads, batch, steps, resident };
            let features = if resident { "resident" } else { "streamed" };
            let measured = |what, windows_per_s| Measured { what, precision: precision.name(), features, windows_per_s };
            speeds.push(measured("training", training(load, precision)?));
            speeds.push(measured("prediction", prediction(load, precision.kind()?)?));
        }
    }
    Ok(Trial { device: device::name(device), checks, speeds, lacks_bfloat16 })
}

/// Windows of a step of the comparisons.
const ROWS: usize = 16;

fn checks(device: Device, threads: usize) -> Result<Vec<Check>> {
    // On a processor results repeat bit for bit.
    let exact = |most: Option<f64>| if device == HOST { Some(0.0) } else { most };
    let noise = Noise::new(4 * ROWS);
    let logits = |device: Device| -> Result<Tensor> {
        let network = Network::new(TrainOptions::paper(CLASSES).network, 0, Kind::Float, device)?.freeze(Kind::Float)?;
        let rows: Vec<usize> = (0..ROWS).collect();
        Ok(inference::predict_batch(&network, &noise.inputs(&rows)?)?.logits)
    };
    let apart = logits(device)?.f_sub(&logits(HOST)?)?.f_abs()?.f_max()?.f_double_value(&[])?;
    let learnt = |device: Device, steps: usize| Learnt::of(options(threads), device, &noise, steps, None);
    let (here, there) = (learnt(device, 1)?, learnt(HOST, 1)?);
    let whole = learnt(device, 4)?;
    let again = learnt(device, 4)?;
    let broken_off = learnt(device, 2)?;
    let resumed = Learnt::of(options(threads), device, &noise, 2, Some(&broken_off.checkpoint))?;
    let bfloat16 = logits_in_bfloat16(device, &noise)?;
    let check = |what, found, most| Check { what, found, most };
    Ok(vec![
        check("logits, largest difference from the processor's", apart, exact(Some(LOGITS))),
        check("a step, difference from the processor's as a share of it", here.way_from(&there)?, exact(Some(STEP))),
        check(
            "the loss of a step, difference as a share of it",
            ((here.loss - there.loss) / there.loss).abs(),
            exact(Some(LOSS)),
        ),
        check("four steps done again, difference as a share of them", again.way_from(&whole)?, exact(None)),
        check("four steps with a resume, difference as a share of them", resumed.way_from(&whole)?, exact(Some(RESUME))),
        check("logits in bfloat16, largest difference from float32", bfloat16, None),
    ])
}

/// How far logits in bfloat16 are from those in float32 on the device.
fn logits_in_bfloat16(device: Device, noise: &Noise) -> Result<f64> {
    let network = Network::new(TrainOptions::paper(CLASSES).network, 0, Kind::Float, device)?;
    let inputs = noise.inputs(&[0, 1])?;
    let logits = |kind: Kind| -> Result<Tensor> { Ok(inference::predict_batch(&network.freeze(kind)?, &inputs)?.logits) };
    Ok(logits(Kind::BFloat16)?.f_sub(&logits(Kind::Float)?)?.f_abs()?.f_max()?.f_double_value(&[])?)
}

/// A training whose steps are as long as their gradients, so that a small difference stays small.
fn options(threads: usize) -> TrainOptions {
    let options = TrainOptions::paper(CLASSES);
    let settings = LoopSettings { batch_size: ROWS, epochs: 1, threads, ..options.settings };
    TrainOptions { optimizer: Arc::new(Sgd::default()), settings, ..options }
}

/// What some steps of a training came to.
struct Learnt {
    /// Weights before the first step and after the last, in double precision on the processor.
    before: Tensor,
    after: Tensor,
    loss: f64,
    checkpoint: Vec<u8>,
}

impl Learnt {
    fn of(options: TrainOptions, device: Device, data: &dyn Dataset, steps: usize, from: Option<&[u8]>) -> Result<Self> {
        let fresh = Trainer::new(options.clone(), device)?;
        let weights = |trainer: &Trainer| -> Result<Tensor> {
            Ok(trainer.network().flat().f_detach()?.f_to_device(HOST)?.f_to_dtype(Kind::Double, false, true)?)
        };
        let before = weights(&fresh)?;
        let mut trainer = match from {
            Some(bytes) => Trainer::resume(options, device, bytes)?,
            None => fresh,
        };
        let mut stop = Stop { left: steps, checkpoint: Vec::new(), loss: f64::NAN };
        let _ = trainer.run(data, None, &mut stop)?;
        Ok(Self { before, after: weights(&trainer)?, loss: stop.loss, checkpoint: stop.checkpoint })
    }

    /// How far the weights are from the other's, as a share of the way that the other went.
    fn way_from(&self, other: &Self) -> Result<f64> {
        let length =
            |tensor: Tensor| -> Result<f64> { Ok(tensor.f_square()?.f_sum(None::<Kind>)?.f_sqrt()?.f_double_value(&[])?) };
        Ok(length(self.after.f_sub(&other.after)?)? / length(other.after.f_sub(&other.before)?)?)
    }
}

/// Breaks a training off after so many steps, with a checkpoint.
struct Stop {
    left: usize,
    checkpoint: Vec<u8>,
    loss: f64,
}

impl Hooks for Stop {
    fn validate(&mut self, _: &Tensor) -> Result<Metrics> {
        Ok(Metrics { selection: 0.0, values: Vec::new() })
    }

    fn step(&mut self, trainer: &Trainer) -> Result<ControlFlow<()>> {
        self.left -= 1;
        if self.left > 0 {
            return Ok(ControlFlow::Continue(()));
        }
        self.loss = trainer.read_losses()?.last().copied().unwrap_or(f64::NAN);
        self.checkpoint = trainer.save_checkpoint()?;
        Ok(ControlFlow::Break(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_processor_agrees_with_itself_and_a_difference_is_a_failure() {
        let mut trial = run(HOST, 1, 2, 1).unwrap();
        assert!(trial.failures().is_empty(), "{trial:?}");
        assert!(trial.speeds.len() >= 4 && trial.speeds.iter().all(|speed| speed.windows_per_s > 0.0), "{trial:?}");
        trial.checks[0].found = 0.1;
        trial.checks[1].found = f64::NAN;
        assert_eq!(trial.failures().len(), 2);
    }
}
