//! MobileNetV3 over spectrograms, with torchvision's parameter names, and the pooling and head of Mix2's paper.
//!
//! All parameters lie in one flat tensor, of which each is a view: the optimiser, a checkpoint or an average of weights
//! then is a few operations on one tensor. Convolutions run channels-last, the faster layout on processors.

mod frozen;
mod fused;
mod layers;
mod layout;
mod plan;

use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tch::{Device, Kind, Tensor};

pub use frozen::Frozen;
use layers::{Activation, ConvNorm, Geometry, InvertedResidual, Norm, Pass};
pub use layout::Architecture;
use plan::{Entry, Init, Plan, Slot};

use crate::error::check;
use crate::{Error, Result};

/// A file's or a network's tensors by name.
pub type StateDict = BTreeMap<String, Tensor>;

/// Standard deviation of the head's first weights, as in torchvision.
const HEAD_DEVIATION: f64 = 0.01;

/// What defines a network's shape.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct NetworkOptions {
    /// Large or Small.
    pub architecture: Architecture,
    /// Multiplier of all channel counts.
    pub width: f64,
    /// Channels of the input, 1 to 3.
    pub channels: i64,
    /// Outputs of the head.
    pub classes: i64,
}

impl NetworkOptions {
    fn validate(&self) -> Result<()> {
        check(self.width > 0.0 && self.width <= 4.0, "width", "more than 0, at most 4", self.width)?;
        check((1..=3).contains(&self.channels), "channels", "1 to 3", self.channels)?;
        check(self.classes > 0, "classes", "at least one class", self.classes)
    }
}

/// Whether batch normalisation takes the batch's statistics (and updates the running ones), or the running ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// The batch's.
    Train,
    /// The running ones.
    Eval,
}

/// The layers, without their weights: which of them come one after the other, and where in the lists their weights stand.
#[derive(Debug)]
struct Layers {
    stem: ConvNorm,
    blocks: Vec<InvertedResidual>,
    last: ConvNorm,
    head: (Slot, Slot),
}

impl Layers {
    /// From inputs laid out channels-last to embeddings `[batch, embedding]` in `kind`. `between` is given what comes out of the stem
    /// (as 0) and of each block (from 1), and gives what goes on.
    fn embed(&self, pass: &Pass<'_>, input: &Tensor, kind: Kind, between: Between<'_>) -> Result<Tensor> {
        let mut hidden = between(0, self.stem.forward(pass, input)?)?;
        for (index, block) in (1..).zip(&self.blocks) {
            hidden = between(index, block.forward(pass, &hidden)?)?;
        }
        let hidden = self.last.forward(pass, &hidden)?.f_to_kind(kind)?;
        let over_frequency = hidden.f_mean_dim([2].as_slice(), false, None)?;
        let (peak, _) = over_frequency.f_max_dim(2, false)?;
        Ok(peak.f_add(&over_frequency.f_mean_dim([2].as_slice(), false, None)?)?)
    }

    fn classify(&self, parameters: &[Tensor], embeddings: &Tensor) -> Result<Tensor> {
        let (weight, bias) = self.head;
        Ok(embeddings.f_linear(&parameters[weight.0], Some(&parameters[bias.0]))?)
    }
}

/// What happens between the blocks of a network.
pub type Between<'a> = &'a dyn Fn(usize, Tensor) -> Result<Tensor>;

/// A network and its weights.
#[derive(Debug)]
pub struct Network {
    options: NetworkOptions,
    plan: Plan,
    layers: Arc<Layers>,
    embedding: i64,
    /// The number type in which convolutions compute in training.
    compute: Kind,
    flat: Tensor,
    flat_buffers: Tensor,
    parameters: Vec<Tensor>,
    buffers: Vec<Tensor>,
    batches: Cell<i64>,
}

impl Network {
    /// A network with torchvision's initialisation, drawn from `seed`.
    ///
    /// # Errors
    /// Options out of range.
    pub fn new(options: NetworkOptions, seed: u64, kind: Kind, device: Device) -> Result<Self> {
        options.validate()?;
        let NetworkOptions { architecture, width, channels, classes } = options;
        let mut plan = Plan::default();
        let blocks = layout::blocks(architecture, width);
        let last_block = blocks.last().expect("both tables have rows");
        let embedding = layout::embedding(last_block);
        let stem = Geometry { input: channels, output: layout::stem(width), kernel: 3, stride: 2, groups: 1 };
        let stem = ConvNorm::new(&mut plan, "features.0", stem, Activation::Hardswish);
        let residuals = (1..)
            .zip(&blocks)
            .map(|(index, block)| InvertedResidual::new(&mut plan, &format!("features.{index}"), block))
            .collect();
        let last = ConvNorm::new(
            &mut plan,
            &format!("features.{}", blocks.len() + 1),
            Geometry::pointwise(last_block.output, embedding),
            Activation::Hardswish,
        );
        let head = (
            plan.parameter("head.weight".to_owned(), &[classes, embedding], Init::Normal(HEAD_DEVIATION)),
            plan.parameter("head.bias".to_owned(), &[classes], Init::Zeros),
        );
        let (flat, parameters) = allocate(&plan.parameters, seed, kind, device)?;
        let (flat_buffers, buffers) = allocate(&plan.buffers, seed, kind, device)?;
        for parameter in &parameters {
            let _ = parameter.f_set_requires_grad(true)?;
        }
        let batches = Cell::new(0);
        let layers = Arc::new(Layers { stem, blocks: residuals, last, head });
        Ok(Self { options, plan, layers, embedding, compute: kind, flat, flat_buffers, parameters, buffers, batches })
    }

    /// What defines the shape.
    pub fn options(&self) -> &NetworkOptions {
        &self.options
    }

    /// Size of the embedding: 960 for Large and 576 for Small at width 1.
    pub fn embedding(&self) -> i64 {
        self.embedding
    }

    /// The number of trained values.
    pub fn parameter_count(&self) -> i64 {
        self.plan.parameter_count()
    }

    /// Where the weights are.
    pub fn device(&self) -> Device {
        self.flat.device()
    }

    /// The weights' number type.
    pub fn kind(&self) -> Kind {
        self.flat.kind()
    }

    /// All parameters in one dimension, sharing memory with the network.
    pub fn flat(&self) -> Tensor {
        self.flat.shallow_clone()
    }

    /// All running statistics in one dimension, sharing memory with the network.
    pub fn flat_buffers(&self) -> Tensor {
        self.flat_buffers.shallow_clone()
    }

    /// Lets convolutions compute in another number type in training, such as bfloat16. Weights, gradients, the statistics of batch
    /// normalisation, the embedding, the head and the loss keep the network's own.
    #[must_use]
    pub fn computing_in(mut self, kind: Kind) -> Self {
        self.compute = kind;
        self
    }

    /// How many places there are between the first convolution and the last: [`Network::forward_between`].
    pub fn places(&self) -> usize {
        self.layers.blocks.len() + 1
    }

    /// From `[batch, channel, mel, frame]` in 0..1 to embeddings `[batch, embedding]`: mean over frequency, then
    /// maximum over time plus mean over time.
    ///
    /// # Errors
    /// An input of another shape.
    pub fn forward_features(&self, input: &Tensor, mode: Mode) -> Result<Tensor> {
        self.forward_between(input, mode, &|_, hidden| Ok(hidden))
    }

    /// The same, with something done at the [`places`](Network::places) between the first convolution and the last.
    ///
    /// # Errors
    /// An input of another shape, and those of `between`.
    pub fn forward_between(&self, input: &Tensor, mode: Mode, between: Between<'_>) -> Result<Tensor> {
        check_input(input, self.options.channels)?;
        let norm = match mode {
            Mode::Train => Norm::Batch(batch_norm_momentum(self.batches.get())),
            Mode::Eval => Norm::Running,
        };
        let compute = if mode == Mode::Train { self.compute } else { self.kind() };
        let pass = Pass { parameters: &self.parameters, buffers: &self.buffers, norm, compute };
        let embeddings = self.layers.embed(&pass, &channels_last(&input.f_to_kind(compute)?)?, self.kind(), between)?;
        if mode == Mode::Train {
            self.batches.set(self.batches.get() + 1);
        }
        Ok(embeddings)
    }

    /// From embeddings `[batch, embedding]` to logits `[batch, class]`.
    ///
    /// # Errors
    /// Embeddings of another size.
    pub fn head(&self, embeddings: &Tensor) -> Result<Tensor> {
        self.layers.classify(&self.parameters, embeddings)
    }

    /// A copy of the weights as they are now, for prediction only: batch normalisation folded into the convolutions, which compute in
    /// `kind`. Embedding and head stay in the network's own number type.
    ///
    /// # Errors
    /// libtorch's only.
    pub fn freeze(&self, kind: Kind) -> Result<Frozen> {
        Frozen::new(self, kind)
    }

    /// The gradient of a scalar loss by all parameters, in [`Network::flat`]'s order.
    ///
    /// # Errors
    /// The loss doesn't depend on every parameter.
    pub fn gradient(&self, loss: &Tensor) -> Result<Tensor> {
        let gradients = Tensor::f_run_backward(&[loss], &self.parameters, false, false)?;
        let flat: Vec<Tensor> = gradients.iter().map(|g| g.f_reshape([-1])).collect::<std::result::Result<_, _>>()?;
        Ok(Tensor::f_cat(&flat, 0)?)
    }

    /// All weights and running statistics under torchvision's names (and `head.*`), sharing memory with the network.
    pub fn state_dict(&self) -> StateDict {
        let counts = self.plan.norms.iter().map(|norm| (counter(norm), Tensor::from(self.batches.get())));
        self.named().map(|(entry, tensor)| (entry.name.clone(), tensor.detach())).chain(counts).collect()
    }

    /// Takes over all tensors of a state dict with exactly this network's names.
    ///
    /// # Errors
    /// A name that is missing or unknown, or another shape.
    pub fn load_state_dict(&mut self, state: &StateDict) -> Result<()> {
        let mine = self.state_dict();
        if let Some(unknown) = state.keys().find(|name| !mine.contains_key(*name)) {
            return Err(Error::Weights { expected: "no further tensor".to_owned(), found: unknown.clone() });
        }
        self.load(state, "")
    }

    /// Takes over `features.*` and leaves the head as it is; whatever else the state dict holds is ignored, such as
    /// torchvision's `classifier.*`.
    ///
    /// # Errors
    /// A name that is missing, or another shape.
    pub fn load_features(&mut self, state: &StateDict) -> Result<()> {
        self.load(state, "features.")
    }

    /// As [`Network::load_features`], from a network that was trained on pictures: where its first convolution takes another number of
    /// channels, its weights are summed over them, so that a spectrogram counts as a grey picture, and shared among this network's.
    ///
    /// # Errors
    /// A name that is missing, or another shape.
    pub fn load_pretrained(&mut self, state: &StateDict) -> Result<()> {
        const FIRST: &str = "features.0.0.weight";
        let mut state: StateDict = state.iter().map(|(name, tensor)| (name.clone(), tensor.shallow_clone())).collect();
        let channels = self.options.channels;
        if let Some(first) = state.get_mut(FIRST).filter(|first| first.dim() == 4 && first.size()[1] != channels) {
            let sum = first.f_sum_dim_intlist([1].as_slice(), true, None)?;
            *first = sum.f_div_scalar(channels as f64)?.f_repeat([1, channels, 1, 1])?;
        }
        self.load_features(&state)
    }

    /// Takes over how many batches another network has seen.
    pub(crate) fn count_batches_as(&self, other: &Self) {
        self.batches.set(other.batches.get());
    }

    fn load(&mut self, state: &StateDict, prefix: &str) -> Result<()> {
        let missing = |name: &str| Error::Weights { expected: format!("a tensor `{name}`"), found: "none".to_owned() };
        let mut pairs = Vec::new();
        for (entry, mine) in self.named().filter(|(entry, _)| entry.name.starts_with(prefix)) {
            let theirs = state.get(&entry.name).ok_or_else(|| missing(&entry.name))?;
            if theirs.size() != entry.shape {
                let expected = format!("{:?}", entry.shape);
                return Err(Error::Shape { name: entry.name.clone(), expected, found: theirs.size() });
            }
            pairs.push((mine.f_detach()?, theirs));
        }
        let batches = counter(&self.plan.norms[0]);
        let batches = state.get(&batches).ok_or_else(|| missing(&batches))?.f_int64_value(&[])?;
        for (mut mine, theirs) in pairs {
            mine.f_copy_(theirs)?;
        }
        self.batches.set(batches);
        Ok(())
    }

    fn named(&self) -> impl Iterator<Item = (&Entry, &Tensor)> {
        let parameters = self.plan.parameters.iter().zip(&self.parameters);
        parameters.chain(self.plan.buffers.iter().zip(&self.buffers))
    }
}

fn check_input(input: &Tensor, channels: i64) -> Result<()> {
    match input.size().as_slice() {
        &[batch, found, mel, frame] if batch > 0 && found == channels && mel > 0 && frame > 0 => Ok(()),
        found => Err(Error::Shape {
            name: "features".to_owned(),
            expected: format!("[batch, {channels}, mel, frame]"),
            found: found.to_vec(),
        }),
    }
}

/// The weight of the next batch in the running statistics, after `batches` of them: about the last tenth of the batches
/// counts, until that is 100 of them. A plain 0.01 would keep a short training's statistics at their first values.
pub fn batch_norm_momentum(batches: i64) -> f64 {
    const SETTLED: f64 = 0.01;
    const WARM_UP: f64 = 10.0;
    (WARM_UP / (WARM_UP + batches as f64)).max(SETTLED)
}

fn counter(norm: &str) -> String {
    format!("{norm}.num_batches_tracked")
}

/// One flat tensor with the first values, and a view into it for each entry.
fn allocate(entries: &[Entry], seed: u64, kind: Kind, device: Device) -> Result<(Tensor, Vec<Tensor>)> {
    let values = plan::first_values(entries, seed)?;
    let flat = Tensor::f_from_slice(&values)?.f_to_kind(kind)?.f_to_device(device)?;
    let mut views = Vec::with_capacity(entries.len());
    let mut start = 0;
    for entry in entries {
        views.push(flat.f_narrow(0, start, entry.len())?.f_view(entry.shape.as_slice())?.f_detach()?);
        start += entry.len();
    }
    Ok((flat, views))
}

/// The same values with the channel varying fastest in memory. tch has no argument for it, and a tensor of one channel
/// is only recognised by its strides.
pub(crate) fn channels_last(input: &Tensor) -> Result<Tensor> {
    let (batch, channels, mel, frame) = input.size4()?;
    let moved = input.f_permute([0, 2, 3, 1])?.f_contiguous()?;
    let strides = [channels * mel * frame, 1, channels * frame, channels];
    Ok(moved.f_as_strided([batch, channels, mel, frame], strides, None)?)
}

#[cfg(test)]
mod tests;
