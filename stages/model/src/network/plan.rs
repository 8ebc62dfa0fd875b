//! The list of a network's parameters and buffers: names, shapes, first values. Layers refer to them by place.

use crate::Result;
use crate::rng::{self, Purpose};

/// A place in the list of parameters, or in the list of buffers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slot(pub(crate) usize);

/// The first values of a weight.
#[derive(Debug, Clone, Copy)]
pub enum Init {
    /// Zeros.
    Zeros,
    /// Ones.
    Ones,
    /// Draws from the normal distribution with mean 0 and this standard deviation.
    Normal(f64),
}

impl Init {
    /// Normal with variance 2 / fan-out (He et al. 2015), the shape being `[out, in / groups, height, width]`.
    pub fn kaiming(shape: &[i64]) -> Self {
        let fan_out = shape[0] * shape[2] * shape[3];
        Self::Normal((2.0 / fan_out as f64).sqrt())
    }
}

#[derive(Debug)]
pub(crate) struct Entry {
    pub name: String,
    pub shape: Vec<i64>,
    init: Init,
}

impl Entry {
    pub fn len(&self) -> i64 {
        self.shape.iter().product()
    }
}

/// All entries, in the order in which they lie in memory.
#[derive(Debug, Default)]
pub struct Plan {
    pub(crate) parameters: Vec<Entry>,
    pub(crate) buffers: Vec<Entry>,
    /// Prefixes of the batch normalisations, each of which counts its batches in torchvision's files.
    pub(crate) norms: Vec<String>,
}

impl Plan {
    /// Lists a weight that is learnt.
    pub fn parameter(&mut self, name: String, shape: &[i64], init: Init) -> Slot {
        self.parameters.push(Entry { name, shape: shape.to_vec(), init });
        Slot(self.parameters.len() - 1)
    }

    /// Lists a statistic, or a weight that stays as it is.
    pub fn buffer(&mut self, name: String, shape: &[i64], init: Init) -> Slot {
        self.buffers.push(Entry { name, shape: shape.to_vec(), init });
        Slot(self.buffers.len() - 1)
    }

    /// Lists a batch normalisation, which counts its batches under this prefix.
    pub fn count_batches(&mut self, prefix: String) {
        self.norms.push(prefix);
    }

    /// The number of values that are learnt.
    pub fn parameter_count(&self) -> i64 {
        self.parameters.iter().map(Entry::len).sum()
    }
}

/// The first values of all entries, one after the other. Each has a stream of its own.
pub(super) fn first_values(entries: &[Entry], seed: u64) -> Result<Vec<f64>> {
    let mut values = Vec::new();
    for (index, entry) in entries.iter().enumerate() {
        let n = usize::try_from(entry.len()).expect("shapes are positive");
        match entry.init {
            Init::Zeros => values.resize(values.len() + n, 0.0),
            Init::Ones => values.resize(values.len() + n, 1.0),
            Init::Normal(deviation) => {
                let mut rng = rng::stream(seed, Purpose::Weights, 0, index);
                values.extend(rng::normal(&mut rng, deviation, n));
            }
        }
    }
    Ok(values)
}
