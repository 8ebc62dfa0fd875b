//! A network with its weights.
//!
//! All parameters lie in one flat tensor, of which each is a view: the optimiser, a checkpoint or an average of weights
//! then is a few operations on one tensor.

use std::cell::Cell;
use std::sync::Arc;

use tch::{Device, Kind, Tensor};

use super::architecture::{HEAD, NetworkOptions};
use super::backbone::{Backbone, Between};
use super::layers::{Norm, Pass};
use super::plan::{self, Entry, Init, Plan, Slot};
use crate::onnx::{Attribute, Graph, Value};
use crate::tensors::channels_last;
use crate::weights::{self, StateDict};
use crate::{Error, Result};

/// Standard deviation of the head's first weights, as in torchvision's MobileNetV3.
const HEAD_DEVIATION: f64 = 0.01;

/// Whether batch normalisation takes the batch's statistics (and updates the running ones), or the running ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// The batch's.
    Train,
    /// The running ones.
    Eval,
}

/// What a network and its frozen copies share: the layers and where their weights stand, without the weights.
#[derive(Debug)]
pub(super) struct Core {
    pub options: NetworkOptions,
    pub backbone: Box<dyn Backbone>,
    /// Weight and bias of each layer of the head.
    head: Vec<(Slot, Slot)>,
}

impl Core {
    /// Whether this parameter belongs to the head.
    pub fn is_head(&self, slot: usize) -> bool {
        self.head.iter().any(|(weight, bias)| [*weight, *bias].contains(&Slot(slot)))
    }

    /// From normalised inputs to embeddings `[batch, embedding]` in `kind`.
    pub fn embed(&self, pass: &Pass<'_>, input: &Tensor, kind: Kind, between: Between<'_>) -> Result<Tensor> {
        let NetworkOptions { architecture, channels, .. } = &self.options;
        architecture.input().check(input, *channels)?;
        let embeddings = self.backbone.embed(pass, &channels_last(&input.f_to_kind(pass.compute)?)?, kind, between)?;
        let expected = vec![input.size()[0], architecture.embedding()];
        if embeddings.size() == expected {
            return Ok(embeddings);
        }
        Err(Error::Embedding { network: architecture.name(), expected, found: embeddings.size() })
    }

    /// From embeddings `[batch, embedding]` to logits `[batch, class]`.
    pub fn classify(&self, parameters: &[Tensor], embeddings: &Tensor) -> Result<Tensor> {
        let mut outputs = embeddings.shallow_clone();
        for (layer, (weight, bias)) in self.head.iter().enumerate() {
            if layer > 0 {
                outputs = outputs.f_relu()?;
            }
            outputs = outputs.f_linear(&parameters[weight.0], Some(&parameters[bias.0]))?;
        }
        Ok(outputs)
    }
}

impl Core {
    /// [`Core::classify`] in an ONNX graph.
    pub fn export_head(&self, parameters: &[Tensor], graph: &mut Graph, embeddings: &Value) -> Result<Value> {
        let mut outputs = embeddings.clone();
        for (layer, (weight, bias)) in self.head.iter().enumerate() {
            if layer > 0 {
                outputs = graph.add("Relu", &[&outputs], &[]);
            }
            let (weight, bias) = (graph.weights(&parameters[weight.0])?, graph.weights(&parameters[bias.0])?);
            outputs = graph.add("Gemm", &[&outputs, &weight, &bias], &[("transB", Attribute::Integer(1))]);
        }
        Ok(outputs)
    }
}

/// A network and its weights.
#[derive(Debug)]
pub struct Network {
    core: Arc<Core>,
    plan: Plan,
    /// The number type in which convolutions compute in training.
    compute: Kind,
    flat: Tensor,
    flat_buffers: Tensor,
    parameters: Vec<Tensor>,
    buffers: Vec<Tensor>,
    batches: Cell<i64>,
}

impl Network {
    /// A network with the first weights of its architecture, drawn from `seed`.
    ///
    /// # Errors
    /// Options out of range.
    pub fn new(options: NetworkOptions, seed: u64, kind: Kind, device: Device) -> Result<Self> {
        options.validate()?;
        let mut plan = Plan::default();
        let backbone = options.architecture.build(&mut plan, options.channels, device)?;
        let head = plan_head(&options, &mut plan);
        let (flat, parameters) = allocate(&plan.parameters, seed, kind, device)?;
        let (flat_buffers, buffers) = allocate(&plan.buffers, seed, kind, device)?;
        for parameter in &parameters {
            let _ = parameter.f_set_requires_grad(true)?;
        }
        let batches = Cell::new(0);
        let core = Arc::new(Core { options, backbone, head });
        Ok(Self { core, plan, compute: kind, flat, flat_buffers, parameters, buffers, batches })
    }

    /// What defines the shape.
    pub fn options(&self) -> &NetworkOptions {
        &self.core.options
    }

    pub(super) fn core(&self) -> Arc<Core> {
        Arc::clone(&self.core)
    }

    /// The weights that are learnt, by their place in the plan.
    pub(super) fn parameters(&self) -> &[Tensor] {
        &self.parameters
    }

    /// Running statistics, and weights that stay as they are.
    pub(super) fn buffers(&self) -> &[Tensor] {
        &self.buffers
    }

    /// Length of an embedding.
    pub fn embedding(&self) -> i64 {
        self.core.options.architecture.embedding()
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

    /// How many of [`Network::flat`]'s values are not the head's; they come first.
    pub fn body_len(&self) -> i64 {
        let of_body = |(slot, entry): (usize, &Entry)| if self.core.is_head(slot) { 0 } else { entry.len() };
        self.plan.parameters.iter().enumerate().map(of_body).sum()
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

    /// How many places there are between its blocks: [`Network::forward_between`].
    pub fn places(&self) -> usize {
        self.core.options.architecture.places()
    }

    /// From normalised inputs, as the architecture describes them, to embeddings `[batch, embedding]`.
    ///
    /// # Errors
    /// An input of another shape.
    pub fn forward_features(&self, input: &Tensor, mode: Mode) -> Result<Tensor> {
        self.forward_between(input, mode, &|_, hidden| Ok(hidden))
    }

    /// The same, with something done at the [`places`](Network::places) between the blocks.
    ///
    /// # Errors
    /// An input of another shape, and those of `between`.
    pub fn forward_between(&self, input: &Tensor, mode: Mode, between: Between<'_>) -> Result<Tensor> {
        let norm = match mode {
            Mode::Train => Norm::Batch(batch_norm_momentum(self.batches.get())),
            Mode::Eval => Norm::Running,
        };
        let compute = if mode == Mode::Train { self.compute } else { self.kind() };
        let pass = Pass { parameters: &self.parameters, buffers: &self.buffers, norm, compute };
        let embeddings = self.core.embed(&pass, input, self.kind(), between)?;
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
        self.core.classify(&self.parameters, embeddings)
    }

    /// The gradient of a scalar loss by all parameters, in [`Network::flat`]'s order.
    ///
    /// # Errors
    /// The loss does not depend on every parameter.
    pub fn gradient(&self, loss: &Tensor) -> Result<Tensor> {
        let gradients = Tensor::f_run_backward(&[loss], &self.parameters, false, false)?;
        let flat: Vec<Tensor> = gradients.iter().map(|g| g.f_reshape([-1])).collect::<std::result::Result<_, _>>()?;
        Ok(Tensor::f_cat(&flat, 0)?)
    }

    /// All weights and running statistics by name (torchvision's, where it has the network, and `head.*`), sharing memory with the
    /// network.
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
        self.load(state, |_| true)
    }

    /// Takes over everything but the head, which stays as it is; whatever else the state dict holds is ignored, such as
    /// the classifier of torchvision's networks.
    ///
    /// # Errors
    /// A name that is missing, or another shape.
    pub fn load_backbone(&mut self, state: &StateDict) -> Result<()> {
        self.load(state, |name| !name.starts_with(HEAD))
    }

    /// As [`Network::load_backbone`], from a network that was trained on pictures: where its first convolution takes another number of
    /// channels, its weights are summed over them, so that a spectrogram counts as a grey picture, and shared among this network's.
    ///
    /// # Errors
    /// A name that is missing, or another shape.
    pub fn load_pretrained(&mut self, state: &StateDict) -> Result<()> {
        let Some(first) = self.core.backbone.first_convolution().map(|slot| &self.plan.parameters[slot.0].name) else {
            return self.load_backbone(state);
        };
        let mut state: StateDict = state.iter().map(|(name, tensor)| (name.clone(), tensor.shallow_clone())).collect();
        let channels = self.core.options.channels;
        if let Some(first) = state.get_mut(first).filter(|first| first.dim() == 4 && first.size()[1] != channels) {
            let sum = first.f_sum_dim_intlist([1].as_slice(), true, None)?;
            *first = sum.f_div_scalar(channels as f64)?.f_repeat([1, channels, 1, 1])?;
        }
        self.load_backbone(&state)
    }

    /// Takes over how many batches another network has seen.
    pub(crate) fn count_batches_as(&self, other: &Self) {
        self.batches.set(other.batches.get());
    }

    fn load(&mut self, state: &StateDict, takes: impl Fn(&str) -> bool) -> Result<()> {
        let mut pairs = Vec::new();
        for (entry, mine) in self.named().filter(|(entry, _)| takes(&entry.name)) {
            let theirs = weights::tensor(state, &entry.name)?;
            weights::check_shape(&entry.name, &entry.shape, theirs)?;
            pairs.push((mine.f_detach()?, theirs));
        }
        // All normalisations have seen the same batches.
        let batches = match self.plan.norms.first().map(|norm| counter(norm)) {
            Some(name) => weights::tensor(state, &name)?.f_int64_value(&[])?,
            None => 0,
        };
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

/// Lists the layers of the head, and gives weight and bias of each.
fn plan_head(options: &NetworkOptions, plan: &mut Plan) -> Vec<(Slot, Slot)> {
    let embedding = options.architecture.embedding();
    let mut layer = |prefix: &str, shape: [i64; 2], deviation: f64| {
        let weight = plan.parameter(format!("{HEAD}{prefix}weight"), &shape, Init::Normal(deviation));
        (weight, plan.parameter(format!("{HEAD}{prefix}bias"), &shape[..1], Init::Zeros))
    };
    // As He et al. (2015) for layers before a rectified linear unit.
    let spread = |inputs: i64| (2.0 / inputs as f64).sqrt();
    match options.hidden {
        None => vec![layer("", [options.classes, embedding], HEAD_DEVIATION)],
        Some(hidden) => {
            vec![layer("0.", [hidden, embedding], spread(embedding)), layer("2.", [options.classes, hidden], spread(hidden))]
        }
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
