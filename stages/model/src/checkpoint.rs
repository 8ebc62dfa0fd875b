//! A training's whole state as bytes, from which it continues bit for bit on a processor, after any step.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tch::{Device, Tensor};

use crate::options::TrainOptions;
use crate::trainer::{Progress, Trainer};
use crate::weights::StateDict;
use crate::{Error, Result, weights};

const NETWORK: &str = "network.";
const AVERAGE: &str = "average.";
const OPTIMIZER: &str = "optimizer.";
const LOSSES: &str = "losses";

/// What stands in the header beside the tensors.
#[derive(Serialize, Deserialize)]
struct Header {
    options: Map<String, Value>,
    progress: Progress,
}

impl Trainer {
    /// Weights, running statistics, moments, counters, this epoch's losses and the best validation, as safetensors.
    ///
    /// # Errors
    /// libtorch's only.
    pub fn save_checkpoint(&self) -> Result<Vec<u8>> {
        let mut tensors = prefixed(NETWORK, self.network.state_dict());
        tensors.extend(prefixed(OPTIMIZER, self.optimizer.state_dict()));
        if let Some(average) = &self.average {
            tensors.extend(prefixed(AVERAGE, average.state_dict()));
        }
        if !self.losses.is_empty() {
            tensors.insert(LOSSES.to_owned(), Tensor::f_from_slice(&self.read_losses()?)?);
        }
        let header = Header { options: to_map(&self.options), progress: self.progress.clone() };
        weights::to_bytes(&tensors, Some(to_json(&header)))
    }

    /// Continues a training from [`Trainer::save_checkpoint`]'s bytes, with the same options.
    ///
    /// # Errors
    /// Damaged bytes, or other options: each of them changes what the rest of the training would do.
    pub fn resume(options: TrainOptions, device: Device, bytes: &[u8]) -> Result<Self> {
        let header = weights::note(bytes)?.and_then(|note| serde_json::from_str::<Header>(&note).ok());
        let header = header.ok_or_else(|| Error::Weights {
            expected: "a checkpoint's header".to_owned(),
            found: "weights alone, or a checkpoint of another version".to_owned(),
        })?;
        let options = options.on(device)?;
        check_equal(&to_map(&options), &header.options)?;
        let tensors = weights::from_bytes(bytes)?;
        let mut trainer = Self::new(options, device)?;
        trainer.network.load_state_dict(&unprefixed(NETWORK, &tensors))?;
        trainer.optimizer.load_state_dict(&unprefixed(OPTIMIZER, &tensors))?;
        if let Some(average) = &mut trainer.average {
            average.load_state_dict(&unprefixed(AVERAGE, &tensors))?;
        }
        trainer.progress = header.progress;
        trainer.losses = match tensors.get(LOSSES) {
            Some(losses) => losses.f_to_device(device)?.f_unbind(0)?,
            None => Vec::new(),
        };
        Ok(trainer)
    }
}

fn prefixed(prefix: &str, state: StateDict) -> StateDict {
    state.into_iter().map(|(name, tensor)| (format!("{prefix}{name}"), tensor)).collect()
}

fn unprefixed(prefix: &str, state: &StateDict) -> StateDict {
    let stripped = |(name, tensor): (&String, &Tensor)| Some((name.strip_prefix(prefix)?.to_owned(), tensor.shallow_clone()));
    state.iter().filter_map(stripped).collect()
}

fn to_json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("plain data with text keys is JSON")
}

fn to_map(options: &TrainOptions) -> Map<String, Value> {
    serde_json::from_str(&to_json(options)).expect("a struct is a JSON object")
}

fn check_equal(expected: &Map<String, Value>, found: &Map<String, Value>) -> Result<()> {
    for (key, expected) in expected {
        let found = found.get(key).unwrap_or(&Value::Null);
        if found != expected {
            let (expected, found) = (expected.to_string(), found.to_string());
            return Err(Error::Checkpoint { key: key.clone(), expected, found });
        }
    }
    Ok(())
}
